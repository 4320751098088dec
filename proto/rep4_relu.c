/*
 * rep4_relu.c: z = max(0, v_t): truncation, sign and bit injection in one gate.
 *
 *     summands   A known to roles 2 and 3, B to 0 and 1 (rep4_trunc.c)
 *     tables     of the low m - 1 bits of both parts of v_t (rep4_sign.c)
 *     lookup     carries of the blocks
 *     level      AND tree (repeated)
 *     items      the bit b = [v_t >= 0] = l ^ r: l = (shares 0 and 1 of the carry) ^ A[m-1] ^ 1 is
 *                known to roles 2 and 3, r = (shares 2 and 3) ^ B[m-1] to 0 and 1. With
 *                v_t = A + B + W p q (A, B truncated here, p, q the top bits from before):
 *
 *                    b v_t = l A + r B + l ((1 - 2 r) B) + ((1 - 2 l) A) r
 *                          + W ((l p) ((1 - 2 r) q) + p (r q))
 *
 *                so each pair shares three ring elements and two small ones (rep4_pair.c)
 *     multiply   the four joint messages of the products
 *     finish
 *
 * Rounds: 5 + levels of the tree. Bytes per element over all parties for f <= 16: 32 + 48 + 8 + 32,
 * and in bits 14 a block, 8 blocks - 4, 6 an AND. Without a shift (from SHARE) nothing is sent
 * for the summands and no small elements.
 *
 * Exact: the sign is that of v_t, so the result is ReLU(floor(v / 2^f) + coin); the circuit sees
 * the low m bits of v_t, and the plan proves |v_t| < 2^(m-1) for every input.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/rep4.h"

static const struct items relu_items = { .ring = 3, .mult = 2, .wraps = 2, .free = 2,
                                         .factor = 1 };

/* Scratch: this role's summand, its bits, l or r; and what the steps use one after another: the
 * summands' messages to keep, the sign circuit, the items. */
struct relu {
    struct sign sign;
    struct layout layout;
    uint64_t *part, *choice, *bits;
    uint8_t *phase, *keep;
};

static struct relu relu_at(const struct gate *g, uint8_t *scratch)
{
    struct relu r = { .layout = rep4_items_layout(g, &relu_items) };
    if (scratch == NULL) {
        r.sign = rep4_sign_at(g, 0, NULL);
        return r;
    }
    size_t words = KERNEL_PLANE(g->n);
    r.part = (uint64_t *)scratch;
    r.choice = r.part + g->n;
    r.bits = r.choice + words;
    r.phase = (uint8_t *)(r.bits + g->width * words);
    r.sign = rep4_sign_at(g, 0, r.phase);
    r.keep = r.phase + SIDES * r.layout.bytes;
    return r;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t relu_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    struct relu r = relu_at(g, NULL);
    size_t n = (size_t)g->n * 8;
    return n + 8 * (g->width + 1) * KERNEL_PLANE(g->n) +
           larger(larger(KEEP_SUMMAND * n, rep4_sign_bytes(g, 0)),
                  SIDES * r.layout.bytes + KEEP_CROSS * n);
}

static size_t relu_part_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return rep4_summand_bytes(g, from, to);
}

static void relu_part(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    rep4_summand_send(s, r.part, r.phase);
}

static size_t relu_tables_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return rep4_sign_tables_bytes(&r.sign, from, to);
}

static void relu_tables(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    uint64_t v[CHUNK], top[CHUNK];
    rep4_summand_receive(s, r.part, r.phase);
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        rep4_summand_shift(s, r.part + i, m, v, top);
        planes_from_words(r.bits + i / 64, KERNEL_PLANE(s->gate->n), v, m, 0, s->gate->width);
    }
    rep4_sign_tables(s, &r.sign, r.bits);
}

static size_t relu_lookup_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return rep4_sign_lookup_bytes(&r.sign, from, to);
}

static void relu_lookup(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    rep4_sign_lookup(s, &r.sign, NULL, 0);
}

static unsigned relu_levels(const struct gate *g)
{
    struct relu r = relu_at(g, NULL);
    return rep4_sign_levels(&r.sign);
}

static size_t relu_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct relu r = relu_at(g, NULL);
    return rep4_sign_level_bytes(&r.sign, level, from, to);
}

static void relu_level(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    rep4_sign_level(s, &r.sign, s->level);
}

static size_t relu_items_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return rep4_sides_bytes(&r.layout, from, to);
}

/* l at roles 2 and 3, r at 0 and 1. */
static void relu_choice(const struct step *s, struct relu *r)
{
    const struct carries *c = &r->sign.carries;
    struct own carry = rep4_own(s->role, c->g, c->stride);
    const uint64_t *top = r->bits + (s->gate->width - 1) * c->words;
    uint64_t one = s->role < 2 ? 0 : ~(uint64_t)0;
    for (size_t w = 0; w < c->words; w++)
        r->choice[w] = carry.a[w] ^ carry.b[w] ^ top[w] ^ one;
}

/* The items of one chunk; each product's factors are in the same place on both sides. */
static void relu_chunk(const struct step *s, const struct relu *r, uint8_t *own, size_t first,
                       size_t n)
{
    size_t all = s->gate->n;
    unsigned left = s->role >= 2;
    uint64_t *item = (uint64_t *)own + first, *bit = item + (left ? 0 : all);
    uint64_t *turned = item + (left ? all : 0), *chosen = item + 2 * all;
    uint64_t v[CHUNK], top[CHUNK], x[CHUNK], y[CHUNK];
    rep4_summand_shift(s, r->part + first, n, v, top);
    for (size_t k = 0; k < n; k++) {
        uint64_t c = plane_bit(r->choice, first + k);
        bit[k] = c;
        chosen[k] = v[k] & -c;
        turned[k] = v[k] - 2 * chosen[k];
        x[k] = left ? top[k] & c : top[k] - 2 * (top[k] & c);
        y[k] = left ? top[k] : top[k] & c;
    }
    rep4_small_put(&r->layout, own, first, x, n);
    rep4_small_put(&r->layout, own, all + first, y, n);
}

static void relu_share(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    rep4_sign_end(s, &r.sign);
    relu_choice(s, &r);
    struct sides d = rep4_sides_at(s, &r.layout, r.phase);
    for (size_t i = 0; i < s->gate->n; i += CHUNK)
        relu_chunk(s, &r, d.own, i, s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK);
    rep4_sides_send(s, &r.layout, &d);
}

static size_t relu_multiply_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return rep4_items_bytes(g, from, to);
}

static void relu_multiply(struct step *s)
{
    struct relu r = relu_at(s->gate, s->scratch);
    struct sides d = rep4_sides_at(s, &r.layout, r.phase);
    rep4_sides_receive(s, &r.layout, &d);
    rep4_items_multiply(s, &relu_items, &d, r.keep);
}

static void relu_finish(struct step *s)
{
    rep4_items_finish(s, relu_at(s->gate, s->scratch).keep);
}

static const struct round relu_rounds[] = {
    { .name = "summands", .run = relu_part, .bytes = relu_part_bytes },
    { .name = "tables", .run = relu_tables, .bytes = relu_tables_bytes },
    { .name = "lookup", .run = relu_lookup, .bytes = relu_lookup_bytes },
    { .name = "level", .run = relu_level, .bytes = relu_level_bytes, .times = relu_levels },
    { .name = "items", .run = relu_share, .bytes = relu_items_bytes },
    { .name = "multiply", .run = relu_multiply, .bytes = relu_multiply_bytes },
    { .name = "finish", .run = relu_finish },
};

const struct gate_ops rep4_relu = {
    .name = "relu", .rounds = relu_rounds, .nround = 7, .scratch = relu_scratch
};
