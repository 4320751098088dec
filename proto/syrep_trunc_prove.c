/*
 * syrep_trunc_prove.c: what is stated of a truncation. The equations are in syrep_trunc.c.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep_trunc.h"

/* ---- dealt items, as they are stated ---- */

static const uint64_t *dealt_part(const struct kept_trunc *r)
{
    return (const uint64_t *)(r->dealt + r->layout.part);
}

static void wrap_words(const struct view *v, const struct kept_trunc *r, size_t first, size_t n,
                       uint64_t *out)
{
    size_t size = v->at.gate->shift <= 16 ? 2 : 4;
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } item;
    if (states_dealt(v))
        memcpy(&item, r->dealt + r->layout.wrap + first * size, n * size);
    else
        prf_again(share_key(&v->at, 1), v->at.id, USE_WRAP, first * size / 16, &item, n * size);
    for (size_t i = 0; i < n; i++)
        out[i] = size == 2 ? item.h[i] : item.w[i];
}

/* ---- what D states ---- */

/* The summand of one side. */
static const uint64_t *summand(const struct view *v, const struct chain *c, int left)
{
    return left ? left_of(v, c->x) : right_of(v, c->x);
}

/* Factors of `part` of one side: the carries into bit f and out of bit 63. */
static void part_factors(const struct view *v, const struct chain *c, int left, size_t first,
                         size_t n, uint64_t *low, uint64_t *high)
{
    carry_words(v, c, left, v->at.gate->shift - 1u, first, n, low);
    carry_words(v, c, left, TRUNC_CARRIES - 1, first, n, high);
}

/* claim = item - (x >> f) - c_f + 2^(64-f) c_64 of this side, whose factors are these. */
static void part_claim(struct view *v, const struct kept_trunc *r, const struct chain *c,
                       size_t first, size_t n, const uint64_t *low, const uint64_t *high)
{
    int left = claims_left(v);
    unsigned shift = v->at.gate->shift;
    const uint64_t *x = summand(v, c, left) + first;
    uint64_t *claim = v->claim + first;
    item_words(v, dealt_part(r), USE_PART, first, n, claim);
    for (size_t k = 0; k < n; k++)
        claim[k] += (high[k] << (64 - shift)) - low[k] -
                    ((x[k] + (left ? c->offset : 0)) >> shift);
}

/* -2 d_f . f_f + 2^(65-f) d_64 . f_64 = claims */
static void part_fill(struct view *v, const struct kept_trunc *r, const struct chain *c)
{
    unsigned shift = v->at.gate->shift;
    uint64_t low[CHUNK], high[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (v->right != NULL) {
            part_factors(v, c, 0, i, m, low, high);
            memcpy(view_right(v, 0) + i, low, m * sizeof *low);
            memcpy(view_right(v, 1) + i, high, m * sizeof *high);
        }
        if (v->left != NULL) {
            part_factors(v, c, 1, i, m, low, high);
            for (size_t k = 0; k < m; k++) {
                view_left(v, 0)[i + k] = -2 * low[k];
                view_left(v, 1)[i + k] = high[k] << (64 - shift) << 1;
            }
        }
        if (v->claim != NULL)
            part_claim(v, r, c, i, m, low, high);
    }
}

/* This side's share of the top bit of the sum: x_63 ^ (its share of the carry into bit 63). */
static void top_words(const struct view *v, const struct chain *c, int left, size_t first,
                      size_t n, uint64_t *out)
{
    const uint64_t *x = summand(v, c, left) + first;
    carry_words(v, c, left, TRUNC_CARRIES - 2, first, n, out);
    for (size_t k = 0; k < n; k++)
        out[k] ^= (x[k] + (left ? c->offset : 0)) >> 63;
}

/* -2 u . w = claims [da - u] + [fa - w], times 2^(64 - bits of an item) */
static void top_fill(struct view *v, const struct kept_trunc *r, const struct chain *c)
{
    unsigned scale = v->at.gate->shift <= 16 ? 48 : 32;
    uint64_t item[CHUNK], top[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (v->right != NULL) {
            top_words(v, c, 0, i, m, top);
            memcpy(v->right + i, top, m * sizeof *top);
        }
        if (v->left != NULL) {
            top_words(v, c, 1, i, m, top);
            for (size_t k = 0; k < m; k++)
                v->left[i + k] = -(top[k] << scale << 1);
        }
        if (v->claim == NULL)
            continue;
        wrap_words(v, r, i, m, item);
        for (size_t k = 0; k < m; k++)
            v->claim[i + k] = (item[k] - top[k]) << scale;
    }
}

/* ---- what E1 and E2 state ---- */

/* e = -2^(64-f) (1 - msb(B)) of a chunk, at an evaluator. */
static void common_words(const struct view *v, const struct kept_trunc *r, size_t first, size_t n,
                         uint64_t *e)
{
    const uint64_t *b = r->x[v->at.role == E1 ? 1 : 0] + first;
    for (size_t k = 0; k < n; k++)
        e[k] = -((1 - (b[k] >> 63)) << (64 - v->at.gate->shift));
}

/* At an evaluator that does not prove: what the other sent, less C where that was E1. */
static void join_claim(struct view *v, const struct kept_trunc *r)
{
    if (claims_mask(v)) {
        mask_claim(v, 1, dealt_part(r), USE_PART, USE_RESULT);
        return;
    }
    trunc_common(v->at.gate, r->x[v->at.role == E1 ? 1 : 0], v->words, v->claim);
    for (size_t i = 0; i < v->words; i++)
        v->claim[i] = r->in[i] - (v->prover == E1 ? v->claim[i] : 0);
}

static void join_fill(struct view *v, const struct kept_trunc *r)
{
    uint64_t *item = v->prover == E1 ? v->left : v->right;      /* with D */
    uint64_t *common = v->prover == E1 ? v->right : v->left;    /* with the other evaluator */
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (item != NULL)
            wrap_words(v, r, i, m, item + i);
        if (common != NULL)
            common_words(v, r, i, m, common + i);
    }
    if (v->claim != NULL)
        join_claim(v, r);
}

/* ---- D: chain, part, top; E1 and E2: join ---- */

unsigned trunc_runs(unsigned prover)
{
    return prover == D ? 3 : 1;
}

struct prove_run trunc_run(const struct gate *g, unsigned prover, unsigned i)
{
    if (prover == D && i == 0)
        return chain_run(g, TRUNC_CARRIES);
    return (struct prove_run){ PROVE_WORDS, prover == D && i == 1 ? 2 : 1, g->n };
}

void trunc_fill(struct view *v, unsigned i)
{
    struct kept_trunc r = kept_trunc(v->at.gate, v->at.record);
    if (v->prover != D)
        join_fill(v, &r);
    else if (i == 0)
        chain_fill(v, &r.chain);
    else if (i == 1)
        part_fill(v, &r, &r.chain);
    else
        top_fill(v, &r, &r.chain);
}
