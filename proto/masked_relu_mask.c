/*
 * masked_relu_mask.c: RELU at D, which deals, and at V, which checks: they know R, hence P, T and
 * k, and do the same. D has of what is seen the masks, V the sums (masked_relu.c has the
 * equations).
 */
#include <string.h>

#include "proto/masked_relu.h"

/* R of a chunk becomes P; T. */
static void relu_part(const struct step *s, const struct relu *r, size_t first, size_t n,
                      uint64_t *top)
{
    const uint64_t *x0 = s->x[0] + first, *x1 = x0 + s->stride[0];
    uint64_t *part = r->own + first;
    if (s->gate->shift > 0) {
        open_mask(s, &r->l, first, n, part);
        part_of_mask(s->gate, part, top + first, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        part[i] = 0 - x0[i] - x1[i];
}

/* The items of a chunk. */
static void relu_deal_items(const struct step *s, const struct relu *r, size_t first, size_t n,
                            const uint64_t *coin, const uint64_t *top)
{
    const uint64_t *part = r->own + first;
    uint64_t product[CHUNK];
    deal_words(s, &r->l, PART, USE_PART, first, part, n);
    deal_words(s, &r->l, COIN, USE_COIN, first, coin, n);
    for (size_t i = 0; i < n; i++)
        product[i] = part[i] & -coin[i];
    deal_words(s, &r->l, COIN_PART, USE_COIN_PART, first, product, n);
    if (s->gate->shift == 0)
        return;
    deal_wraps(s, &r->l, TOP, USE_WRAP, first, top, n);
    for (size_t i = 0; i < n; i++)
        product[i] = top[i] & coin[i];
    deal_wraps(s, &r->l, COIN_TOP, USE_COIN_WRAP, first, product, n);
}

/* What is seen of C: the mask at D, the sum at V. */
static void relu_seen_part(const struct step *s, const struct relu *r, size_t first, size_t n,
                           uint64_t *out)
{
    const uint64_t *last = s->x[0] + 2 * s->stride[0] + first, *part = r->own + first;
    if (s->gate->shift > 0) {
        seen_words(s, &r->l, SEEN, USE_SEEN, first, out, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = last[i] - (s->role == V ? part[i] : 0);
}

/* y of what is seen (with k P at V, where y is wanted and not its mask). */
static void relu_seen(const struct step *s, const struct relu *r, size_t first, size_t n,
                      const uint64_t *coin, const uint64_t *top, uint64_t *y)
{
    const uint64_t *part = r->own + first;
    uint64_t bit[CHUNK], product[CHUNK];
    relu_seen_part(s, r, first, n, y);
    seen_words(s, &r->l, SEEN_BIT, USE_SEEN_BIT, first, bit, n);
    seen_words(s, &r->l, SEEN_PRODUCT, USE_SEEN_PART, first, product, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t k = coin[i], chosen = product[i] + part[i] * bit[i];
        y[i] = ((y[i] + (s->role == V ? part[i] : 0)) & -k) + chosen - 2 * (chosen & -k);
    }
    if (s->gate->shift == 0)
        return;
    unsigned up = 64u - s->gate->shift;
    seen_wraps(s, &r->l, LOW, USE_SEEN_WRAP, first, bit, n);
    seen_wraps(s, &r->l, BIT_LOW, USE_SEEN_BIT_WRAP, first, product, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t k = coin[i], sum = (bit[i] & -k) + product[i] - 2 * (product[i] & -k);
        y[i] += (sum & -top[i]) << up;
    }
}

void relu_mask(const struct step *s, const struct relu *r)
{
    size_t n = s->gate->n;
    uint64_t coin[CHUNK], y[CHUNK], *top = plane_of(s, 0);     /* T waits where l_1 will be */
    for (size_t i = 0; i < n; i += CHUNK) {
        relu_part(s, r, i, chunk_at(s, i), top);
        planes_from_words(r->c.bits + i / 64, r->c.words, r->own + i, chunk_at(s, i), 0,
                          r->c.width);
    }
    circuit_deal(s, &r->l, &r->c);
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        for (size_t k = 0; k < m; k++)
            coin[k] = plane_bit(r->c.top, i + k);
        relu_deal_items(s, r, i, m, coin, top + i);
        if (is_quad(s))
            relu_seen(s, r, i, m, coin, top + i, y);
        share_mask(s, &r->l, r->result, i, m, y);
    }
}
