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

/* What a party keeps: the bits and their tree; D and E2 the carries. */
struct kept_sign {
    struct sum_sign sum;
    uint64_t *dealt;
};

static struct kept_sign kept_sign(const struct step *s)
{
    const struct gate *g = s->gate;
    size_t words = KERNEL_PLANE(g->n);
    return (struct kept_sign){
        .sum = sum_sign_at((uint64_t *)s->record, g->width, words, s->role),
        .dealt = (uint64_t *)s->record + sum_sign_words(g->width, words, s->role)
    };
}

static size_t sign_record(const struct program *p, const struct gate *g, unsigned self)
{
    unsigned role = gate_role(p->proto, g, self);
    size_t words = KERNEL_PLANE(g->n);
    return 8 * (sum_sign_words(g->width, words, role) + (role == E1 ? 0 : g->width - 1u) * words);
}

static struct chain sign_chain(const struct kept_sign *r, struct pair x)
{
    return (struct chain){ .x = x, .count = r->sum.low, .dealt = r->dealt };
}

static size_t sign_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? (g->width - 1u) * KERNEL_PLANE(g->n) * 8 : 0;
}

static void sign_start(struct step *s)
{
    struct kept_sign r = kept_sign(s);
    for (unsigned share = 0; share < 2; share++)
        for (size_t i = 0; i < s->gate->n; i += CHUNK)
            sum_sign_bits(&r.sum, share, i, s->x[0] + share * s->stride[0] + i,
                          s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK);
    if (s->role != D)
        return;
    struct chain c = sign_chain(&r, (struct pair){ { s->x[0], s->x[0] + s->stride[0] } });
    chain_deal(s, &c, r.dealt);
    memcpy(s->out[E2], r.dealt, r.sum.low * r.sum.words * sizeof *r.dealt);
}

static size_t sign_leaf_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return leaf_bytes(g->width - 1u, KERNEL_PLANE(g->n), from, to);
}

static void sign_leaves(struct step *s)
{
    struct kept_sign r = kept_sign(s);
    if (s->role == E2)
        memcpy(r.dealt, s->in[D], r.sum.low * r.sum.words * sizeof *r.dealt);
    sum_sign_carries(s, &r.sum, r.dealt, 0);
    leaf_send(s, &r.sum.tree, s->out[s->role == E1 ? E2 : E1]);
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
    struct kept_sign r = kept_sign(s);
    if (s->level == 0)
        leaf_receive(s, &r.sum.tree, s->in[s->role == E1 ? E2 : E1]);
    else
        level_receive(s, &r.sum.tree, s->level - 1);
    level_send(s, &r.sum.tree, s->level);
}

static void sign_finish(struct step *s)
{
    struct kept_sign r = kept_sign(s);
    level_receive(s, &r.sum.tree, sign_levels(s->gate) - 1);
    for (unsigned k = 0; k < 2; k++)
        sum_sign_share(&r.sum, k, s->z + k * s->z_stride);
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
    struct kept_sign r = kept_sign(&v->at);
    struct chain c = sign_chain(&r, kept(&v->at, v->at.gate->in[0], 0));
    if (i == 0)
        level_fill(v, &r.sum.tree);
    else if (v->prover == D)
        chain_fill(v, &c);
    else
        leaf_fill(v, &r.sum.tree);
}

const struct statements syrep_sign_statements = {
    .runs = sign_runs, .run = sign_run, .fill = sign_fill
};
