/*
 * replicated_deal.c: a value as two summands, and its exact truncation.
 *
 * v' = v + 2^62 = A + B mod 2^64, A known to D and uniform, B known to E1 and E2, v' in [0, 2^63):
 *
 *     wrap = msb(A) or msb(B)
 *     v_t  = (A >> f) + C - 2^(64-f) wrap,   C = (B >> f) - 2^(62-f) + 1
 *          = floor(v / 2^f) + coin,          coin = 0 iff (A mod 2^f) + (B mod 2^f) >= 2^f
 *
 * (`Secure evaluation of quantized neural networks', Dalskov, Escudero, Keller, PoPETs 2020, for
 * the family; the two-summand identity is checked for all corner cases in tests/test_identities.)
 * coin = 1 with probability 1 - Pr[A mod 2^f > v mod 2^f] = (v mod 2^f + 1) / 2^f: the rounding is
 * stochastic and unbiased to 2^-f, never wrong by more.
 *
 * With a = msb(A), c = msb(B): wrap = c + (1 - c) a. E1 and E2 know c, so additive shares of a
 * modulo 2^f, dealt by D, are all that the correction needs: it is a multiple of 2^(64-f).
 *
 * Without truncation (f = 0, from SHARE): A = x_0 + x_1, B = x_2, nothing is exchanged.
 *
 * D's message to E2: A >> f, and, for a gate that hides a sign under D's bit l: l, l (A >> f);
 * a, l a in 16 or 32 bits each; tables of the sign circuit. All under F(k_1), which E2 lacks; E1's
 * share is the mask itself.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/replicated.h"

struct deal_layout deal_layout(const struct gate *g, int coins, unsigned tables)
{
    size_t n = g->n, words = 8 * n, wraps = wrap_bytes(g->shift) * n;
    struct deal_layout l = { .part = 0 };
    l.coin = l.part + words;
    l.coin_part = l.coin + (coins ? words : 0);
    l.wrap = l.coin_part + (coins ? words : 0);
    l.coin_wrap = l.wrap + wraps;
    l.tables = (l.coin_wrap + (coins ? wraps : 0) + 7) / 8 * 8;
    l.bytes = l.tables + tables * KERNEL_PLANE(n) * 8;
    return l;
}

size_t deal_bytes(const struct gate *g, const struct deal_layout *l, unsigned from, unsigned to)
{
    if (from == D)
        return to == E2 ? l->bytes : 0;
    return to != D && g->shift > 0 ? (size_t)g->n * 8 : 0;
}

/* ---- D ---- */

/* out[first ..] = value - F(k_1, use), as words. */
static void deal_words(const struct step *s, uint32_t use, const uint64_t *value, size_t first,
                       size_t n, uint8_t *out)
{
    uint64_t mask[CHUNK];
    draw_words(s, 1, use, first, mask, n);
    for (size_t i = 0; i < n; i++)
        mask[i] = value[i] - mask[i];
    memcpy(out + first * 8, mask, n * 8);
}

static void deal_wraps(const struct step *s, uint32_t use, const uint64_t *bit, size_t first,
                       size_t n, uint8_t *out)
{
    size_t size = wrap_bytes(s->gate->shift);
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } mask;
    prf_fill(share_key(s, 1), s->id, use, first * size / 16, &mask, n * size);
    for (size_t i = 0; i < n && size == 2; i++)
        mask.h[i] = (uint16_t)(bit[i] - mask.h[i]);
    for (size_t i = 0; i < n && size == 4; i++)
        mask.w[i] = (uint32_t)bit[i] - mask.w[i];
    memcpy(out + first * size, &mask, n * size);
}

void deal_part(const struct step *s, size_t first, size_t n, uint64_t *a)
{
    const uint64_t *x = s->x[0] + first;
    if (s->gate->shift == 0) {
        for (size_t i = 0; i < n; i++)
            a[i] = x[i] + x[s->stride[0] + i];
        return;
    }
    uint64_t m0[CHUNK], m1[CHUNK];
    draw_words(s, 0, USE_ZERO, first, m0, n);
    draw_words(s, 1, USE_ZERO, first, m1, n);
    for (size_t i = 0; i < n; i++)
        a[i] = x[i] + m0[i] - m1[i] + TRUNC_OFFSET;
}

/* The items of one chunk that hang on D's mask bit l (as words 0 or 1). */
static void deal_coins(const struct step *s, const struct deal_layout *l, const uint64_t *plane,
                       const uint64_t *part, const uint64_t *top, size_t first, size_t n,
                       uint8_t *out)
{
    uint64_t coin[CHUNK], product[CHUNK];
    for (size_t i = 0; i < n; i++)
        coin[i] = (plane[(first + i) / 64] >> (i % 64)) & 1;
    deal_words(s, USE_COIN, coin, first, n, out + l->coin);
    for (size_t i = 0; i < n; i++)
        product[i] = part[i] & -coin[i];
    deal_words(s, USE_COIN_PART, product, first, n, out + l->coin_part);
    for (size_t i = 0; i < n; i++)
        product[i] = top[i] & coin[i];
    if (s->gate->shift > 0)
        deal_wraps(s, USE_COIN_WRAP, product, first, n, out + l->coin_wrap);
}

void deal_bits(const struct step *s, uint64_t *bits, unsigned width, uint64_t *part)
{
    size_t n = s->gate->n;
    uint64_t t[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        deal_part(s, i, m, part + i);
        for (size_t k = 0; k < m; k++)
            t[k] = part[i + k] >> s->gate->shift;
        planes_from_words(bits + i / 64, KERNEL_PLANE(n), t, m, 0, width);
    }
}

void deal_send(const struct step *s, const struct deal_layout *l, const uint64_t *a,
               const uint64_t *coin, uint8_t *out)
{
    size_t n = s->gate->n;
    unsigned shift = s->gate->shift;
    uint64_t part[CHUNK], top[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        for (size_t k = 0; k < m; k++) {
            top[k] = a[i + k] >> 63;
            part[k] = a[i + k] >> shift;
        }
        deal_words(s, USE_PART, part, i, m, out + l->part);
        if (shift > 0)
            deal_wraps(s, USE_WRAP, top, i, m, out + l->wrap);
        if (coin != NULL)
            deal_coins(s, l, coin, part, top, i, m, out);
    }
    size_t end = l->coin_wrap + (coin != NULL ? n * wrap_bytes(shift) : 0);
    memset(out + end, 0, l->tables - end);  /* padding: what stood there is nobody's business */
}

/* ---- E1, E2 ---- */

void deal_exchange(const struct step *s, uint64_t *own)
{
    if (s->gate->shift == 0)
        return;
    mask_sum(s, own, s->x[0], s->gate->n);
    memcpy(s->out[s->role == E1 ? E2 : E1], own, s->gate->n * sizeof *own);
}

/* This evaluator's additive share of a dealt item: E2 has it from D, E1 draws it. */
static void dealt_words(const struct step *s, uint32_t use, size_t offset, size_t first, size_t n,
                        uint64_t *out)
{
    if (s->role == E1)
        draw_words(s, 1, use, first, out, n);
    else
        memcpy(out, s->in[D] + offset + first * 8, n * 8);
}

static void dealt_wraps(const struct step *s, uint32_t use, size_t offset, size_t first, size_t n,
                        uint64_t *out)
{
    size_t size = wrap_bytes(s->gate->shift);
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } item;
    if (s->role == E1)
        prf_fill(share_key(s, 1), s->id, use, first * size / 16, &item, n * size);
    else
        memcpy(&item, s->in[D] + offset + first * size, n * size);
    for (size_t i = 0; i < n; i++)
        out[i] = size == 2 ? item.h[i] : item.w[i];
}

/* part -= 2^(64-f) (1 - c) wrap, for c = msb(B). */
static void unwrap(uint64_t *part, const uint64_t *wrap, const uint64_t *c, unsigned shift,
                   size_t n)
{
    for (size_t i = 0; i < n; i++)
        part[i] -= (wrap[i] & (c[i] - 1)) << (64 - shift);
}

/* B of a chunk. */
static void receive_part(const struct step *s, const uint64_t *own, size_t first, size_t n,
                         uint64_t *b)
{
    if (s->gate->shift == 0) {
        memcpy(b, s->x[0] + (s->role == E1 ? s->stride[0] : 0) + first, n * 8);
        return;
    }
    memcpy(b, s->in[s->role == E1 ? E2 : E1] + first * 8, n * 8);
    for (size_t i = 0; i < n; i++)
        b[i] += own[first + i];
}

void deal_receive(const struct step *s, const struct deal_layout *l, const uint64_t *own,
                  size_t first, size_t n, struct dealt *d)
{
    receive_part(s, own, first, n, d->c);
    deal_open(s, l, first, n, d);
}

void deal_open(const struct step *s, const struct deal_layout *l, size_t first, size_t n,
               struct dealt *d)
{
    unsigned shift = s->gate->shift;
    int coins = l->coin_part > l->coin;
    dealt_words(s, USE_PART, l->part, first, n, d->part);
    if (coins) {
        dealt_words(s, USE_COIN, l->coin, first, n, d->coin);
        dealt_words(s, USE_COIN_PART, l->coin_part, first, n, d->coin_part);
    }
    if (shift == 0)
        return;
    uint64_t c[CHUNK], wrap[CHUNK];
    for (size_t i = 0; i < n; i++) {
        c[i] = d->c[i] >> 63;
        d->c[i] = (d->c[i] >> shift) - (TRUNC_OFFSET >> shift) + 1 - (c[i] << (64 - shift));
    }
    dealt_wraps(s, USE_WRAP, l->wrap, first, n, wrap);
    unwrap(d->part, wrap, c, shift, n);
    if (coins) {
        dealt_wraps(s, USE_COIN_WRAP, l->coin_wrap, first, n, wrap);
        unwrap(d->coin_part, wrap, c, shift, n);
    }
}

/* ---- the result ---- */

size_t result_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != D && to != D ? (size_t)g->n * 8 : 0;
}

void share_send(const struct step *s, uint32_t use, const uint64_t *y, uint64_t *const plane[2],
                uint8_t *out)
{
    size_t n = s->gate->n;
    if (s->role == D) {
        draw_words(s, 0, use, 0, plane[0], n);
        draw_words(s, 1, use, 0, plane[1], n);
        return;
    }
    uint64_t *drawn = plane[s->role == E1 ? 0 : 1], *common = plane[s->role == E1 ? 1 : 0];
    draw_words(s, s->role == E1 ? 1 : 0, use, 0, drawn, n);
    for (size_t i = 0; i < n; i++)
        common[i] = y[i] - drawn[i];
    memcpy(out, common, n * sizeof *common);
}

void share_receive(const struct step *s, const uint8_t *in, uint64_t *const plane[2])
{
    const uint64_t *words = (const uint64_t *)in;
    uint64_t *common = plane[s->role == E1 ? 1 : 0];
    for (size_t i = 0; s->role != D && i < s->gate->n; i++)
        common[i] += words[i];
}

void result_send(const struct step *s, const uint64_t *y)
{
    uint64_t *const plane[2] = { s->z, s->z + s->z_stride };
    share_send(s, USE_RESULT, y, plane, s->out[s->role == E1 ? E2 : E1]);
}

void result_finish(struct step *s)
{
    uint64_t *const plane[2] = { s->z, s->z + s->z_stride };
    share_receive(s, s->in[s->role == E1 ? E2 : E1], plane);
}
