/*
 * replicated_relu.c: z = max(0, v_t): truncation, sign and bit injection in one gate.
 *
 *     deal     E1 <-> E2: z_1, z_2, so B is common.  D -> E2: shares of its part At = A >> f,
 *              of l, of l At, of a and l a, tables of the low bits of At (replicated_deal.c,
 *              _sign.c)
 *     lookup   E1 <-> E2: carries of the blocks
 *     level    AND tree until two blocks are left (repeated)
 *     choose   the last AND opens m_b to E1 and E2 alone: z_0, z_1 of its result are drawn by D
 *              with each of them, so D knows l = z_0 ^ z_1 ^ At[m-1] before anything runs, and
 *              b = [v_t >= 0] = l ^ m_b with m_b = z_2 ^ C[m-1] ^ 1
 *     inject   b v_t = m_b (C + At) + (1 - 2 m_b) (l C + l At): E1 and E2 have additive shares of
 *              every term, since m_b and C are known to both
 *     finish   their exchange gives the replicated form
 *
 * Rounds: 4 + levels of the tree. Bytes per element over all parties, for f <= 16 and width m:
 * 16 + 24 + 4 + 16, and in bits: tables + 2 (2 blocks - 1) + 3 per AND + 4.
 *
 * Exact: the sign is that of v_t, so the result is ReLU(floor(v / 2^f) + coin); the circuit sees
 * the low m bits of v_t, and the plan proves |v_t| < 2^(m-1) for every input.
 *
 * Security: as in the parts; m_b is uniform to E1 and E2 since z_0 is unknown to E1, z_1 to E2.
 * In `choose` D's message to both is masked by its zero sharing, of which each lacks one key.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/replicated.h"

/* Scratch of one gate. own is the evaluator's z, later its share p of the result for m_b = 0; d is
 * what m_b = 1 adds to it. */
struct relu {
    struct blocks blocks;
    unsigned levels;
    size_t words;
    struct deal_layout layout;
    uint64_t *own, *d, *bits, *tables, *choice;
    struct tree tree;
};

static struct relu relu_at(const struct gate *g, uint8_t *scratch)
{
    struct relu r = { .blocks = blocks_of(g->width, BLOCK), .words = KERNEL_PLANE(g->n) };
    r.levels = tree_levels(r.blocks.count, 2);
    r.layout = deal_layout(g, 1, r.blocks.tables);
    if (scratch == NULL)
        return r;
    r.own = (uint64_t *)scratch;
    r.d = r.own + g->n;
    r.bits = r.d + g->n;
    r.choice = r.bits + g->width * r.words;
    r.tables = r.choice + r.words;
    r.tree = tree_at(r.tables + r.blocks.tables * r.words, r.blocks.count, r.words);
    return r;
}

static size_t relu_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    struct relu r = relu_at(g, NULL);
    return 8 * (2 * (size_t)g->n + (g->width + 1 + r.blocks.tables) * r.words +
                tree_words(r.blocks.count, r.words));
}

static size_t relu_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return deal_bytes(g, &r.layout, from, to);
}

/* D's mask bit of the sign: z_0 ^ z_1 ^ (top bit of its part), whose bits are made already. */
static void relu_coin(const struct step *s, struct relu *r)
{
    uint64_t *z1 = r->tables;       /* D draws no tables: the place is free */
    draw_plane(s, 0, USE_CHOICE, 0, r->choice, r->words);
    draw_plane(s, 1, USE_CHOICE, 0, z1, r->words);
    const uint64_t *top = r->bits + (s->gate->width - 1) * r->words;
    for (size_t w = 0; w < r->words; w++)
        r->choice[w] ^= z1[w] ^ top[w];
}

static void relu_deal(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    if (s->role != D) {
        deal_exchange(s, r.own);
        return;
    }
    deal_bits(s, r.bits, s->gate->width, r.own);
    relu_coin(s, &r);
    deal_send(s, &r.layout, r.own, r.choice, s->out[E2]);
    sign_deal(s, &r.blocks, r.bits, r.words, (uint64_t *)(s->out[E2] + r.layout.tables));
}

static size_t relu_lookup_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct blocks b = blocks_of(g->width, BLOCK);
    return sign_lookup_bytes(&b, KERNEL_PLANE(g->n), from, to);
}

/* The two candidates of the result, as additive shares: for m_b = 0 l v, for m_b = 1 v - l v. */
static void relu_candidates(const struct step *s, struct relu *r)
{
    struct dealt d;
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        deal_receive(s, &r->layout, r->own, i, m, &d);
        planes_from_words(r->bits + i / 64, r->words, d.c, m, 0, s->gate->width);
        for (size_t k = 0; k < m; k++) {
            uint64_t p = d.coin[k] * d.c[k] + d.coin_part[k];
            uint64_t v = d.part[k] + (s->role == E1 ? d.c[k] : 0);
            r->own[i + k] = p;
            r->d[i + k] = v - 2 * p;
        }
    }
}

static void relu_lookup(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    const uint64_t *dealt = s->role != E2 ? NULL
                          : (const uint64_t *)(s->in[D] + r.layout.tables);
    if (s->role != D)
        relu_candidates(s, &r);
    sign_lookup(s, &r.blocks, r.bits, dealt, r.tables, &r.tree);
}

static unsigned relu_levels(const struct gate *g)
{
    return tree_levels(blocks_of(g->width, BLOCK).count, 2);
}

static size_t relu_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct blocks b = blocks_of(g->width, BLOCK);
    return sign_level_bytes(&b, level, KERNEL_PLANE(g->n), from, to);
}

static void relu_level(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    sign_level(s, &r.blocks, s->level, &r.tree);
}

static size_t relu_choose_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to && to != D ? KERNEL_PLANE(g->n) * 8 : 0;
}

static void relu_choose(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    size_t words = r.words, bytes = words * sizeof(uint64_t);
    const struct tree *t = &r.tree;
    uint64_t *u = s->role == D ? r.own : r.choice, *mask = r.tables;
    sign_absorb(s, &r.blocks, r.levels, &r.tree);
    zero_plane(s, r.levels, 0, u, words);
    and_add(u, t->p[0] + words, t->p[1] + words, t->g[0], t->g[1], words);
    for (size_t w = 0; w < words; w++)
        u[w] ^= t->g[0][words + w];
    if (s->role == D) {
        memcpy(s->out[E1], u, bytes);
        memcpy(s->out[E2], u, bytes);
        return;
    }
    draw_plane(s, s->role == E1 ? 1 : 0, USE_CHOICE, 0, mask, words);
    for (size_t w = 0; w < words; w++)
        u[w] ^= mask[w];
    memcpy(s->out[s->role == E1 ? E2 : E1], u, bytes);
}

static void relu_inject(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    if (s->role != D) {
        const uint64_t *u0 = (const uint64_t *)s->in[D];
        const uint64_t *u = (const uint64_t *)s->in[s->role == E1 ? E2 : E1];
        const uint64_t *top = r.bits + (s->gate->width - 1) * r.words;
        for (size_t w = 0; w < r.words; w++)
            r.choice[w] = ~(r.choice[w] ^ u0[w] ^ u[w] ^ top[w]);
        for (size_t i = 0; i < s->gate->n; i++)
            r.own[i] += r.d[i] & -((r.choice[i / 64] >> (i % 64)) & 1);
    }
    result_send(s, r.own);
}

static const struct round relu_rounds[] = {
    { .name = "deal", .run = relu_deal, .bytes = relu_deal_bytes },
    { .name = "lookup", .run = relu_lookup, .bytes = relu_lookup_bytes },
    { .name = "level", .run = relu_level, .bytes = relu_level_bytes, .times = relu_levels },
    { .name = "choose", .run = relu_choose, .bytes = relu_choose_bytes },
    { .name = "inject", .run = relu_inject, .bytes = result_bytes },
    { .name = "finish", .run = result_finish },
};

const struct gate_ops replicated_relu = {
    .name = "relu", .rounds = relu_rounds, .nround = 6, .scratch = relu_scratch
};
