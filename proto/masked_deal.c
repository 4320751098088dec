/*
 * masked_deal.c: what D and V know of a value and what E1 and E2 know of it, and how each kind of
 * item goes into the strings.
 *
 * v' = v + 2^62 in [0, 2^63), opened as c' = v' + R mod 2^64 (masked_open.c):
 *
 *     v_t = C + P + 2^(64-f) T N  =  floor(v / 2^f) + coin
 *     C = (c' >> f) - 2^(62-f),  N = 1 - msb(c')          known to E1 and E2
 *     P = -(R >> f),             T = msb(R)               known to D and V
 *     coin = 1 iff (v mod 2^f) + (R mod 2^f) >= 2^f
 *
 * (logical shifts; `Secure evaluation of quantized neural networks', Dalskov, Escudero, Keller,
 * PoPETs 2020, for the family; tests/test_masked.c has the corner cases). The wrap is right: c' >=
 * R if there is none, c' < v' < 2^63 if there is one, and msb(R) = 0 excludes it. Its factor is a
 * multiple of 2^(64-f), so T and N are shared and seen modulo 2^f only.
 */
#include <string.h>

#include "proto/masked.h"

void part_of_mask(const struct gate *g, uint64_t *r, uint64_t *top, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        top[i] = r[i] >> 63;
        r[i] = 0 - (r[i] >> g->shift);
    }
}

void part_of_opened(const struct gate *g, uint64_t *c, uint64_t *low, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t b = c[i] + TRUNC_OFFSET;
        low[i] = 1 - (b >> 63);
        c[i] = (b >> g->shift) - (TRUNC_OFFSET >> g->shift);
    }
}

void deal_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, const uint64_t *value, size_t n)
{
    uint64_t *out = string_words(l, DEALT, k) + first;
    mask_words(s, L1, use, first, out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = value[i] - out[i];
}

void deal_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, const uint64_t *value, size_t n)
{
    uint64_t mask[CHUNK];
    mask_wraps(s, L1, use, l->wrap, first, mask, n);
    for (size_t i = 0; i < n; i++)
        mask[i] = value[i] - mask[i];
    wraps_put(l, DEALT, k, first, mask, n);
}

void dealt_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                 size_t first, uint64_t *out, size_t n)
{
    if (s->role == E1)
        mask_words(s, L1, use, first, out, n);
    else
        memcpy(out, string_words(l, DEALT, k) + first, n * sizeof *out);
}

void dealt_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                 size_t first, uint64_t *out, size_t n)
{
    if (s->role == E1)
        mask_wraps(s, L1, use, l->wrap, first, out, n);
    else
        wraps_get(l, DEALT, k, first, out, n);
}

void seen_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, uint64_t *out, size_t n)
{
    if (s->role == D)
        mask_words(s, W, use, first, out, n);
    else
        memcpy(out, string_words(l, REPORT, k) + first, n * sizeof *out);
}

void seen_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, uint64_t *out, size_t n)
{
    if (s->role == D)
        mask_wraps(s, W, use, l->wrap, first, out, n);
    else
        wraps_get(l, REPORT, k, first, out, n);
}

void report_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                  size_t first, const uint64_t *value, size_t n)
{
    uint64_t *out = string_words(l, REPORT, k) + first;
    mask_words(s, W, use, first, out, n);
    for (size_t i = 0; i < n; i++)
        out[i] += value[i];
}

void report_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                  size_t first, const uint64_t *value, size_t n)
{
    uint64_t mask[CHUNK];
    mask_wraps(s, W, use, l->wrap, first, mask, n);
    for (size_t i = 0; i < n; i++)
        mask[i] += value[i];
    wraps_put(l, REPORT, k, first, mask, n);
}
