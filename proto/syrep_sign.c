/*
 * syrep_sign.c: s = [x < 0] for |x| < 2^(m-1), SHARE to BITS, with statements.
 *
 * A = x_0 + x_1 is known to D, B = x_2 to E1 and E2. D deals the carries c_1 .. c_{m-1} of A
 * (syrep_chain.c), which gives its bits in replicated form; the carry of A + B on m - 1 bits comes
 * from a tree of ANDs with single bits as leaves (syrep_tree.c); s = A_{m-1} ^ B_{m-1} ^ carry.
 *
 * Why not the look-up of replicated_sign.c: it saves two rounds and a third of the bits sent, but a
 * block of four bits has 11 products in its thermometer and 15 + 15 in its two look-ups that would
 * have to be proved, where leaves and their tree have 4 + 8.
 *
 * Rounds: 2 + levels. Bits per element over all parties: 3 (m - 1) for carries and leaves, 3 per
 * AND of the tree. Bit terms: D 2 (m - 1), E1 and E2 m - 1, everybody 2 per AND.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep_tree.h"

/* What a party keeps: the tree, its shares of the top bit of A ^ B, and D and E2 the carries. */
struct sign {
    unsigned low;               /* bits below the sign */
    size_t words;
    struct carry_tree tree;
    uint64_t *top, *dealt;
};

static size_t tree_part(const struct gate *g, unsigned role)
{
    return carry_tree_words(g->width - 1u, KERNEL_PLANE(g->n), role);
}

static struct sign sign_at(const struct step *s)
{
    const struct gate *g = s->gate;
    struct sign r = { .low = g->width - 1u, .words = KERNEL_PLANE(g->n) };
    r.tree = carry_tree_at((uint64_t *)s->record, r.low, r.words);
    r.top = (uint64_t *)s->record + tree_part(g, s->role);
    r.dealt = r.top + 2 * r.words;
    return r;
}

static size_t sign_record(const struct program *p, const struct gate *g, unsigned self)
{
    unsigned role = gate_role(p->proto, g, self);
    size_t words = KERNEL_PLANE(g->n);
    return 8 * (tree_part(g, role) + (2 + (role == E1 ? 0 : g->width - 1u)) * words);
}

static struct chain sign_chain(const struct sign *r, struct pair x)
{
    return (struct chain){ .x = x, .count = r->low, .dealt = r->dealt };
}

/* Where the bits of a share of this role go: leaf by leaf, and the top one. */
static uint64_t *part_plane(const struct sign *r, unsigned j, unsigned share)
{
    return j < r->low ? carry_node(&r->tree, 0, j, 1, share) : r->top + share * r->words;
}

/* The bits of this party's two shares of x as they are. */
static void sign_bits(const struct step *s, struct sign *r)
{
    uint64_t planes[64][CHUNK / 64];
    for (unsigned share = 0; share < 2; share++)
        for (size_t i = 0; i < s->gate->n; i += CHUNK) {
            size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
            planes_from_words(&planes[0][0], CHUNK / 64, s->x[0] + share * s->stride[0] + i, m, 0,
                              s->gate->width);
            for (unsigned j = 0; j <= r->low; j++)
                memcpy(part_plane(r, j, share) + i / 64, planes[j], KERNEL_PLANE(m) * 8);
        }
}

/* Shares 0 and 1 of bit j take their share of the carry into it: dealt, and drawn. */
static void sign_carries(const struct step *s, struct sign *r)
{
    uint64_t mask[CHUNK];
    for (unsigned j = 1; j <= r->low; j++)
        for (size_t w = 0; w < r->words; w += CHUNK) {
            size_t m = r->words - w < CHUNK ? r->words - w : CHUNK;
            uint64_t *zero = part_plane(r, j, s->role == D ? 0 : 1) + w;
            uint64_t *one = part_plane(r, j, s->role == D ? 1 : 0) + w;
            const uint64_t *dealt = r->dealt + (j - 1) * r->words + w;
            for (size_t k = 0; k < m && s->role != E1; k++)
                zero[k] ^= dealt[k];
            if (s->role == E2)
                continue;
            if (s->role == D)
                redraw_part(s, 1, USE_CHAIN, j - 1, w, mask, m);
            else
                draw_part(s, 1, USE_CHAIN, j - 1, w, mask, m);
            for (size_t k = 0; k < m; k++)
                one[k] ^= mask[k];
        }
}

static size_t sign_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? (g->width - 1u) * KERNEL_PLANE(g->n) * 8 : 0;
}

static void sign_start(struct step *s)
{
    struct sign r = sign_at(s);
    sign_bits(s, &r);
    if (s->role != D)
        return;
    struct chain c = sign_chain(&r, (struct pair){ { s->x[0], s->x[0] + s->stride[0] } });
    chain_deal(s, &c, r.dealt);
    memcpy(s->out[E2], r.dealt, r.low * r.words * sizeof *r.dealt);
}

static size_t sign_leaf_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return leaf_bytes(g->width - 1u, KERNEL_PLANE(g->n), from, to);
}

static void sign_leaves(struct step *s)
{
    struct sign r = sign_at(s);
    if (s->role == E2)
        memcpy(r.dealt, s->in[D], r.low * r.words * sizeof *r.dealt);
    sign_carries(s, &r);
    leaf_send(s, &r.tree);
}

static unsigned sign_levels(const struct gate *g)
{
    return carry_levels(g->width - 1u);
}

static size_t sign_tree_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return level_bytes(g->width - 1u, level, KERNEL_PLANE(g->n), from, to);
}

static void sign_tree(struct step *s)
{
    struct sign r = sign_at(s);
    if (s->level == 0)
        leaf_receive(s, &r.tree);
    else
        level_receive(s, &r.tree, s->level - 1);
    level_send(s, &r.tree, s->level);
}

static void sign_finish(struct step *s)
{
    struct sign r = sign_at(s);
    unsigned levels = sign_levels(s->gate);
    level_receive(s, &r.tree, levels - 1);
    for (unsigned k = 0; k < 2; k++) {
        const uint64_t *carry = carry_node(&r.tree, levels, 0, 0, k);
        for (size_t w = 0; w < r.words; w++)
            s->z[k * s->z_stride + w] = carry[w] ^ r.top[k * r.words + w];
    }
}

static const struct round sign_rounds[] = {
    { .name = "deal", .run = sign_start, .bytes = sign_deal_bytes },
    { .name = "leaves", .run = sign_leaves, .bytes = sign_leaf_bytes },
    { .name = "level", .run = sign_tree, .bytes = sign_tree_bytes, .times = sign_levels },
    { .name = "finish", .run = sign_finish },
};

const struct gate_ops syrep_sign = {
    .name = "sign", .rounds = sign_rounds, .nround = 4, .record = sign_record
};

/* ---- statements: the tree of everybody; D's chain, or the leaves of E1 and E2 ---- */

static unsigned sign_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    (void)p;
    (void)g;
    (void)prover;
    return 2;
}

static struct prove_run sign_run(const struct program *p, const struct gate *g, unsigned prover,
                                 unsigned i)
{
    unsigned low = g->width - 1u;
    (void)p;
    if (i == 0)
        return level_run(low, KERNEL_PLANE(g->n));
    return prover == D ? chain_run(g, low) : leaf_run(low, KERNEL_PLANE(g->n));
}

static void sign_fill(struct view *v, unsigned i)
{
    struct sign r = sign_at(&v->at);
    struct chain c = sign_chain(&r, kept(&v->at, v->at.gate->in[0], 0));
    if (i == 0)
        level_fill(v, &r.tree);
    else if (v->prover == D)
        chain_fill(v, &c);
    else
        leaf_fill(v, &r.tree);
}

const struct statements syrep_sign_statements = {
    .runs = sign_runs, .run = sign_run, .fill = sign_fill
};
