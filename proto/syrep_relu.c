/*
 * syrep_relu.c: z = max(0, v_t): truncation, sign and choice in one gate, with statements.
 *
 *     send, deal   as in syrep_trunc.c
 *     join         E1 <-> E2: v_t into replicated form (syrep_trunc.c), and the leaves of the sign
 *                  circuit (syrep_tree.c): v_t = At + C modulo 2^m; bits f .. f + m - 1 of A have
 *                  their shares from the chain of the truncation, bits of C are E1's and E2's
 *     level        the tree of ANDs (repeated); b = [v_t >= 0] = beta ^ gamma, with
 *                  beta = b_0 ^ b_1 known to D, gamma = b_2 to E1 and E2
 *     choose       D -> E2, under F(k_1): beta and Q = beta (v_0 + v_1)
 *     inject       b v_t = gamma (v_0 + v_1 + v_2) + (1 - 2 gamma) (Q + beta v_2): E1 and E2 have
 *                  additive shares and leave them, masked, for each other
 *
 * A RELU without a shift begins at `join` with v_t = x, of which D has dealt the carries in `deal`.
 *
 * What is stated besides (dealt shares dB, dQ known to E2, drawn ones fB, fQ to E1):
 *
 *     D    -2 b_0 . b_1 = [dB - b_0] + [fB - b_1]
 *          b_0 . (1 - 2 b_1) v_1 + (1 - 2 b_0) v_0 . b_1 = [dQ - b_0 v_0] + [fQ - b_1 v_1]
 *     E1   (v_1 - 2 fQ) . gamma + fB . (1 - 2 gamma) v_2 = [F(k_1) - fQ] + [m_1 - gamma v_2]
 *     E2   gamma . (v_0 - 2 dQ) + (1 - 2 gamma) v_2 . dB = [m_2] + [F(k_0) - dQ]
 *
 * Why not B2A and MUL: 9 word terms and 48 bytes instead of 7 and 32. Why v_t is put into
 * replicated form first, and not multiplied as At + C less the wrap: the wrap, too, would have to
 * be multiplied by beta, and four more terms be proved.
 *
 * Rounds: 5 + levels. Per element over all parties, f <= 16: 90 bytes, 2 (m - 1) bits and 3 per
 * AND; word terms 6, 3, 3; bit terms of D 128, of E1 and E2 m - 1, of everybody 2 per AND.
 *
 * Security before the proofs: as in the parts; dB and dQ go under F(k_1), which E2 lacks; m_1 and
 * m_2 under F(k_1) and F(k_0), which E2 and E1 lack.
 */
#include "proto/syrep_relu.h"

#include <string.h>

#include "proto/kernel.h"

/* Without a shift the chain is all that D deals at first. */
static size_t deal_part_bytes(const struct gate *g, unsigned role)
{
    if (g->shift > 0)
        return kept_trunc_bytes(g, role);
    return role == E1 ? 0 : 8 * (g->width - 1u) * KERNEL_PLANE(g->n);
}

struct kept_relu kept_relu(const struct step *s)
{
    const struct gate *g = s->gate;
    size_t words = KERNEL_PLANE(g->n);
    struct kept_relu r;
    uint64_t *at = (uint64_t *)(s->record + deal_part_bytes(g, s->role));
    r.sum = sum_sign_at(at, g->width, words, s->role);
    r.b[0] = at + sum_sign_words(g->width, words, s->role);
    r.b[1] = r.b[0] + words;
    r.v[0] = r.b[1] + words;
    r.v[1] = r.v[0] + g->n;
    r.beta = r.v[1] + g->n;
    r.chosen = r.beta + g->n;
    r.in = s->role == E1 ? r.beta : r.chosen + g->n;
    r.trunc = kept_trunc(g, s->record);
    r.chain = r.trunc.chain;
    if (g->shift == 0)
        r.chain = (struct chain){ .x = relu_value(&r), .count = g->width - 1u,
                                  .dealt = (const uint64_t *)s->record };
    return r;
}

static size_t relu_record(const struct program *p, const struct gate *g, unsigned self)
{
    unsigned role = gate_role(p->proto, g, self);
    size_t words = KERNEL_PLANE(g->n), n = g->n;
    size_t dealt = role == E1 ? 0 : 2 * n, in = role == D ? 0 : n;
    return deal_part_bytes(g, role) +
           8 * (sum_sign_words(g->width, words, role) + 2 * words + 2 * n + dealt + in);
}

static size_t relu_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * sizeof(uint64_t);
}

static uint8_t *to_other(const struct step *s)
{
    return s->out[s->role == E1 ? E2 : E1];
}

static const uint8_t *from_other(const struct step *s)
{
    return s->in[s->role == E1 ? E2 : E1];
}

/* ---- send, deal ---- */

static unsigned relu_truncates(const struct gate *g)
{
    return g->shift > 0;
}

static void relu_send(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    trunc_send(s, &r.trunc);
}

static size_t relu_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    if (g->shift > 0)
        return trunc_deal_bytes(g, level, from, to);
    return from == D && to == E2 ? deal_part_bytes(g, D) : 0;
}

static void relu_deal(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    if (s->gate->shift > 0) {
        trunc_deal(s, &r.trunc, (uint64_t *)s->scratch);
        return;
    }
    for (unsigned k = 0; k < 2; k++)
        memcpy(r.v[k], s->x[0] + k * s->stride[0], s->gate->n * sizeof *r.v[k]);
    if (s->role != D)
        return;
    chain_deal(s, &r.chain, (uint64_t *)s->record);
    memcpy(s->out[E2], s->record, deal_part_bytes(s->gate, D));
}

/* ---- join: v_t, and the leaves ---- */

static size_t relu_join_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return (g->shift > 0 ? result_bytes(g, level, from, to) : 0) +
           leaf_bytes(g->width - 1u, KERNEL_PLANE(g->n), from, to);
}

/* Words of what this role's share adds to v_t modulo 2^m: A's bits from f on, or C. */
static void summand(const struct step *s, const struct kept_relu *r, unsigned k, size_t first,
                    size_t n, uint64_t *out)
{
    unsigned share = (s->role + k) % 3, shift = s->gate->shift;
    const uint64_t *x = (shift > 0 ? r->trunc.x[k] : r->v[k]) + first;
    if (share == 2 && shift > 0) {
        trunc_common(s->gate, x, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (x[i] + (share == 0 ? r->chain.offset : 0)) >> shift;
}

static void relu_bits(const struct step *s, struct kept_relu *r)
{
    size_t n = s->gate->n;
    uint64_t words[CHUNK];
    for (unsigned k = 0; k < 2; k++)
        for (size_t i = 0; i < n; i += CHUNK) {
            size_t m = n - i < CHUNK ? n - i : CHUNK;
            summand(s, r, k, i, m, words);
            sum_sign_bits(&r->sum, k, i, words, m);
        }
    sum_sign_carries(s, &r->sum, r->chain.dealt, s->gate->shift);
}

static void relu_join(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    uint64_t *y = (uint64_t *)s->scratch;
    size_t before = 0;
    if (s->gate->shift > 0) {
        before = 8 * (size_t)s->gate->n;
        trunc_join(s, &r.trunc, y);
        share_send(s, USE_RESULT, y, r.v, to_other(s));
    } else if (s->role == E2)
        memcpy(s->record, s->in[D], deal_part_bytes(s->gate, E2));
    relu_bits(s, &r);
    leaf_send(s, &r.sum.tree, s->role == D ? NULL : to_other(s) + before);
}

static void relu_joined(const struct step *s, struct kept_relu *r)
{
    size_t before = s->gate->shift > 0 ? 8 * (size_t)s->gate->n : 0;
    if (s->role == D)
        return;
    memcpy(r->trunc.in, from_other(s), before);
    if (before > 0)
        share_receive(s, from_other(s), r->v);
    leaf_receive(s, &r->sum.tree, from_other(s) + before);
}

/* ---- levels ---- */

static unsigned relu_levels(const struct gate *g)
{
    return carry_levels(g->width - 1u);
}

static size_t relu_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return level_bytes(g->width - 1u, level, KERNEL_PLANE(g->n), from, to);
}

static void relu_level(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    if (s->level == 0)
        relu_joined(s, &r);
    else
        level_receive(s, &r.sum.tree, s->level - 1);
    level_send(s, &r.sum.tree, s->level);
}

/* ---- choose, inject ---- */

static size_t relu_choose_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? 16 * (size_t)g->n : 0;
}

/* b is the complement of the sign: share 0 takes the one. */
static void relu_choose(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    size_t n = s->gate->n;
    level_receive(s, &r.sum.tree, relu_levels(s->gate) - 1);
    for (unsigned k = 0; k < 2; k++) {
        sum_sign_share(&r.sum, k, r.b[k]);
        for (size_t w = 0; w < r.sum.words && replicated_takes_constant(s->role, k); w++)
            r.b[k][w] = ~r.b[k][w];
    }
    if (s->role != D)
        return;
    bit_deal(s, r.b[0], r.b[1], r.beta);
    draw_words(s, 1, USE_CHOSEN, 0, r.chosen, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t beta = plane_bit(r.b[0], i) ^ plane_bit(r.b[1], i);
        r.chosen[i] = ((r.v[0][i] + r.v[1][i]) & -beta) - r.chosen[i];
    }
    memcpy(s->out[E2], r.beta, 16 * n);
}

/* An evaluator's share of b v_t for m elements: v is its own of v_0 + v_1. */
static void relu_share(const struct step *s, const struct kept_relu *r, size_t first, size_t m,
                       uint64_t *y)
{
    unsigned common = s->role == E1;
    const uint64_t *v = r->v[!common] + first, *v2 = r->v[common] + first;
    uint64_t beta[CHUNK], chosen[CHUNK];
    if (s->role == E1) {
        draw_words(s, 1, USE_COIN, first, beta, m);
        draw_words(s, 1, USE_CHOSEN, first, chosen, m);
    } else {
        memcpy(beta, r->beta + first, m * sizeof *beta);
        memcpy(chosen, r->chosen + first, m * sizeof *chosen);
    }
    for (size_t i = 0; i < m; i++) {
        uint64_t all = -plane_bit(r->b[common], first + i);     /* -gamma */
        uint64_t q = chosen[i] + beta[i] * v2[i];
        y[i] = q + ((v[i] + (s->role == E1 ? v2[i] : 0) - 2 * q) & all);
    }
}

static void relu_inject(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    uint64_t *y = (uint64_t *)s->scratch, *const plane[2] = { s->z, s->z + s->z_stride };
    size_t n = s->gate->n;
    if (s->role == E2)
        memcpy(r.beta, s->in[D], 16 * n);
    for (size_t i = 0; s->role != D && i < n; i += CHUNK)
        relu_share(s, &r, i, n - i < CHUNK ? n - i : CHUNK, y + i);
    share_send(s, USE_OUTPUT, y, plane, s->role == D ? NULL : to_other(s));
}

static void relu_finish(struct step *s)
{
    struct kept_relu r = kept_relu(s);
    uint64_t *const plane[2] = { s->z, s->z + s->z_stride };
    if (s->role == D)
        return;
    memcpy(r.in, from_other(s), s->gate->n * sizeof *r.in);
    share_receive(s, from_other(s), plane);
}

static const struct round relu_rounds[] = {
    { .name = "send", .run = relu_send, .bytes = trunc_send_bytes, .times = relu_truncates },
    { .name = "deal", .run = relu_deal, .bytes = relu_deal_bytes },
    { .name = "join", .run = relu_join, .bytes = relu_join_bytes },
    { .name = "level", .run = relu_level, .bytes = relu_level_bytes, .times = relu_levels },
    { .name = "choose", .run = relu_choose, .bytes = relu_choose_bytes },
    { .name = "inject", .run = relu_inject, .bytes = result_bytes },
    { .name = "finish", .run = relu_finish },
};

const struct gate_ops syrep_relu = {
    .name = "relu", .rounds = relu_rounds, .nround = 7, .scratch = relu_scratch,
    .record = relu_record
};
