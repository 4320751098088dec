/*
 * masked_relu.c: z = max(0, v_t): truncation, sign and bit injection in one gate.
 *
 * v_t = C + P + 2^(64-f) T N (masked_deal.c). Its sign is the top bit of the low m bits of C and P
 * (masked_circuit.c), as the last term is 0 modulo 2^m: m <= 62 - f. The last AND opens the sign to
 * E1 and E2 under a mask k, which D and V know before anything runs; with m_b its complement,
 * b = [v_t >= 0] = m_b ^ k, and
 *
 *     y = b v_t = k v_t + (1 - 2 k) m_b v_t
 *
 *     deal     E1 <-> E2: c.  DEALT: P, k, k P, T, k T as words and wraps; tables of P; ANDs
 *     lookup   E1 <-> E2: carries of the blocks
 *     level    AND tree until two blocks are left (repeated)
 *     last     the last AND
 *     inject   E1 and E2 know m_b, C, N, and have shares of what was dealt, hence of
 *              k v_t = k C + k P + 2^(64-f) k T N and of v_t, hence of y; they exchange y_j + l_j
 *     finish   REPORT (quad)
 *     audit    claims (quad)
 *
 * Check (quad) of y: V has seen C, m_b C, m_b as words and N, m_b N as wraps, each under its w:
 *
 *     y~ = k C + (1 - 2 k) (m_b C + P m_b) + 2^(64-f) T (k N + (1 - 2 k) m_b N) + k P + q
 *
 * linear in what it has seen, so D makes q = w - (the same of the masks).
 *
 * Without truncation (f = 0, from SHARE): C = m, P = -L; V has seen C as x~ + L = m + w.
 *
 * Rounds: 4 + levels. Bytes per element over all parties for f <= 16: 16 + 28 + 16, and in bits
 * tables + 2 looks + 3 ANDs + 2; quad: 16 and 28 more, and bits tables + looks + 2 ANDs + 1.
 *
 * Exact: the result is ReLU(floor(v / 2^f) + coin); the plan proves |v_t| < 2^(m-1).
 */
#include <string.h>

#include "proto/masked_relu.h"

static struct relu relu_at(const struct gate *g, const struct step *s)
{
    struct circuit c = circuit_of(g->width, g->n, NULL);
    uint8_t cut = g->shift > 0, wraps = cut ? 2 : 0;
    uint16_t tables = (uint16_t)(c.blocks.tables + c.ands);
    uint16_t looks = (uint16_t)(c.looks + c.ands + 1);
    const struct string is[STRINGS] = {
        [DEALT] = { .words = 3, .wraps = wraps, .planes = tables },
        [HINT] = { .words = 1 + cut, .planes = looks },
        [REPORT] = { .words = 2 + cut, .wraps = wraps, .planes = tables },
        [AUDIT] = { .words = 1 + cut, .planes = looks }
    };
    struct relu r = { .l = strings_of(g, is, s), .c = c, .result = cut };
    if (s == NULL)
        return r;
    r.own = (uint64_t *)r.l.rest;
    r.c = circuit_of(g->width, g->n, r.own + g->n);
    return r;
}

static size_t relu_scratch(const struct program *p, const struct gate *g)
{
    struct relu r = relu_at(g, NULL);
    return strings_scratch(p, &r.l) + (g->n + circuit_words(g->width, g->n)) * 8;
}

/* ---- E1 and E2 ---- */

static void relu_opened(const struct step *s, const struct relu *r)
{
    uint64_t low[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        if (s->gate->shift > 0) {
            open_receive(s, &r->l, r->own, i, m, r->own + i);
            part_of_opened(s->gate, r->own + i, low, m);
        } else {
            memcpy(r->own + i, s->x[0] + i, m * sizeof *low);
        }
        planes_from_words(r->c.bits + i / 64, r->c.words, r->own + i, m, 0, r->c.width);
    }
}

/* N, from C. */
static void relu_low(const struct gate *g, const uint64_t *c, uint64_t *low, size_t n)
{
    for (size_t i = 0; i < n; i++)
        low[i] = 1 - ((c[i] + (TRUNC_OFFSET >> g->shift)) >> (63 - g->shift));
}

static void relu_report(const struct step *s, const struct relu *r, size_t first, size_t n,
                        const uint64_t *bit, const uint64_t *low)
{
    const uint64_t *c = r->own + first;
    uint64_t product[CHUNK];
    report_words(s, &r->l, SEEN_BIT, USE_SEEN_BIT, first, bit, n);
    for (size_t i = 0; i < n; i++)
        product[i] = c[i] & -bit[i];
    report_words(s, &r->l, SEEN_PRODUCT, USE_SEEN_PART, first, product, n);
    if (s->gate->shift == 0)
        return;
    report_words(s, &r->l, SEEN, USE_SEEN, first, c, n);
    report_wraps(s, &r->l, LOW, USE_SEEN_WRAP, first, low, n);
    for (size_t i = 0; i < n; i++)
        product[i] = low[i] & bit[i];
    report_wraps(s, &r->l, BIT_LOW, USE_SEEN_BIT_WRAP, first, product, n);
}

/* part += 2^(64-f) N (share of T). */
static void relu_wrap(const struct step *s, const struct relu *r, unsigned item, uint32_t use,
                      size_t first, size_t n, const uint64_t *low, uint64_t *part)
{
    uint64_t wrap[CHUNK];
    dealt_wraps(s, &r->l, item, use, first, wrap, n);
    for (size_t i = 0; i < n; i++)
        part[i] += (wrap[i] & -low[i]) << (64 - s->gate->shift);
}

/* C of a chunk becomes the share of y: with kv and v as shares, m_b v + (1 - 2 m_b) kv. */
static void relu_choose(const struct step *s, const struct relu *r, size_t first, size_t n,
                        const uint64_t *bit, const uint64_t *low)
{
    uint64_t part[CHUNK], coin[CHUNK], coin_part[CHUNK], *c = r->own + first;
    dealt_words(s, &r->l, PART, USE_PART, first, part, n);
    dealt_words(s, &r->l, COIN, USE_COIN, first, coin, n);
    dealt_words(s, &r->l, COIN_PART, USE_COIN_PART, first, coin_part, n);
    if (s->gate->shift > 0) {
        relu_wrap(s, r, TOP, USE_WRAP, first, n, low, part);
        relu_wrap(s, r, COIN_TOP, USE_COIN_WRAP, first, n, low, coin_part);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t kv = coin[i] * c[i] + coin_part[i];
        uint64_t v = part[i] + (s->role == E1 ? c[i] : 0);
        c[i] = kv + ((v - 2 * kv) & -bit[i]);
    }
}

/* ---- rounds ---- */

static size_t relu_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return strings_deal(&r.l, g->shift > 0 ? (size_t)g->n * 8 : 0, from, to);
}

static size_t relu_report_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct relu r = relu_at(g, NULL);
    return strings_reported(&r.l, from, to);
}

static void relu_deal(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    if (s->role == D)
        relu_mask(s, &r);
    else if (is_evaluator(s) && s->gate->shift > 0)
        open_send(s, r.own);
}

static void relu_lookup(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    strings_keep(s, &r.l);
    if (!is_evaluator(s))
        return;
    relu_opened(s, &r);
    circuit_look(s, &r.l, &r.c);
}

static void relu_level(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    if (is_evaluator(s))
        circuit_level(s, &r.l, &r.c);
}

static void relu_last(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    if (is_evaluator(s))
        circuit_last(s, &r.l, &r.c);
}

static void relu_inject(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    uint64_t bit[CHUNK], low[CHUNK];
    if (!is_evaluator(s))
        return;
    circuit_end(s, &r.l, &r.c);
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        for (size_t k = 0; k < m; k++)
            bit[k] = 1 - plane_bit(r.c.top, i + k);     /* m_b: the sign's, turned */
        if (s->gate->shift > 0)
            relu_low(s->gate, r.own + i, low, m);
        if (is_quad(s))
            relu_report(s, &r, i, m, bit, low);
        relu_choose(s, &r, i, m, bit, low);
    }
    opened_send(s, r.own);
}

static void relu_finish(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    if (is_evaluator(s))
        opened_receive(s, &r.l, r.result);
    strings_report(s, &r.l);
}

static void relu_audit(struct step *s)
{
    struct relu r = relu_at(s->gate, s);
    if (s->role == V)
        relu_mask(s, &r);
    strings_claim(s, &r.l);
}

static const struct round relu_rounds[] = {
    { .name = "deal", .run = relu_deal, .bytes = relu_deal_bytes },
    { .name = "lookup", .run = relu_lookup, .bytes = circuit_look_bytes },
    { .name = "level", .run = relu_level, .bytes = circuit_level_bytes, .times = circuit_levels },
    { .name = "last", .run = relu_last, .bytes = circuit_last_bytes },
    { .name = "inject", .run = relu_inject, .bytes = opened_bytes },
    { .name = "finish", .run = relu_finish, .bytes = relu_report_bytes },
    { .name = "audit", .run = relu_audit },
};

const struct gate_ops masked_relu = {
    .name = "relu", .rounds = relu_rounds, .nround = 7, .scratch = relu_scratch
};
