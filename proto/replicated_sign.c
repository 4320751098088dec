/*
 * replicated_sign.c: the carry of A + B on m - 1 bits, A known to D, B to E1 and E2.
 *
 * The bits are cut into blocks of k <= 4. For a block with values a and b, D shares the
 * thermometer T_j = [a >= j], j = 1 .. 2^k - 1, between E1 (by PRF) and E2 (one message). Then
 *
 *     g = [a + b >= 2^k]     = T_{2^k - b}        carry out without a carry in
 *     h = [a + b + 1 >= 2^k] = T_{2^k - 1 - b}    carry out with a carry in
 *
 * (T_0 = 1, T_{2^k} = 0) are look-ups at a place that E1 and E2 both know, hence linear: each does
 * them on its own share, bit-sliced over the elements as a tree of multiplexers. p = g ^ h. They
 * are put into replicated form under fresh masks, and a binary tree of AND gates
 *
 *     (g, p) o (g', p') = (g ^ p g', p p')
 *
 * gives the carry; the lowest node needs no p. Per element: sum over blocks of 2^k - 1 bits dealt,
 * 2 bits for each g and p, 3 bits for each AND. Compared with a tree from single bits this saves
 * two rounds and a third of the bits.
 *
 * Security: the thermometer reaches E2 under F(k_1), which E2 lacks, and E1 not at all; g and p go
 * between E1 and E2 under F(k_1) and F(k_0), each unknown to its receiver; AND gates are those of
 * Araki et al. with fresh zero sharings.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/replicated.h"

enum { SPAN = 8 };      /* words of a plane that are worked on at a time */

/* ---- D ---- */

void sign_deal(const struct step *s, const struct blocks *b, const uint64_t *bits, size_t words,
               uint64_t *out)
{
    unsigned table = 0, bit = 0;
    for (unsigned i = 0; i < b->count; i++) {
        unsigned planes = (1u << b->bits[i]) - 1;
        for (unsigned j = 0; j < planes; j++)
            draw_plane(s, 1, USE_TABLE, table + j, out + (table + j) * words, words);
        for (size_t w = 0; w < words; w++) {
            uint64_t t[15] = { 0 };
            thermometer(t, bits + bit * words + w, words, b->bits[i]);
            for (unsigned j = 0; j < planes; j++)
                out[(table + j) * words + w] ^= t[j];
        }
        table += planes;
        bit += b->bits[i];
    }
}

/* ---- E1, E2 ---- */

typedef uint64_t span_row[SPAN];

/* Multiplexes entry[0 .. 2^k) down to entry[0] by k bits, lowest first. */
static void choose(span_row *entry, const span_row *bit, unsigned k)
{
    for (unsigned b = 0; b < k; b++)
        for (unsigned v = 0; v < (1u << (k - b - 1)); v++)
            for (unsigned w = 0; w < SPAN; w++)
                entry[v][w] = entry[2 * v][w] ^
                              (bit[b][w] & (entry[2 * v][w] ^ entry[2 * v + 1][w]));
}

/* Loads m words of a plane, zero beyond. */
static void load(uint64_t *to, const uint64_t *from, size_t m)
{
    memset(to, 0, sizeof(span_row));
    memcpy(to, from, m * sizeof *to);
}

/* g and h of one block for m <= SPAN words: table planes t and bit planes b, `words` apart. */
static void lookup_span(uint64_t *g, uint64_t *h, const uint64_t *t, const uint64_t *b,
                        size_t words, unsigned k, size_t m, uint64_t one)
{
    unsigned size = 1u << k;
    span_row low[16], high[16], bit[4];
    for (unsigned i = 0; i < k; i++)
        load(bit[i], b + i * words, m);
    memset(low[0], 0, sizeof low[0]);
    for (unsigned j = 1; j < size; j++) {
        load(low[size - j], t + (j - 1) * words, m);
        memcpy(high[size - 1 - j], low[size - j], sizeof low[0]);
    }
    for (unsigned w = 0; w < SPAN; w++)
        high[size - 1][w] = one;
    choose(low, (const span_row *)bit, k);
    choose(high, (const span_row *)bit, k);
    memcpy(g, low[0], m * sizeof *g);
    memcpy(h, high[0], m * sizeof *h);
}

/* One block at an evaluator: g and p = g ^ h of its share into planes. */
static void lookup_block(const struct step *s, uint64_t *g, uint64_t *p, const uint64_t *t,
                         const uint64_t *b, size_t words, unsigned k)
{
    uint64_t one = s->role == E1 ? ~(uint64_t)0 : 0;
    for (size_t w = 0; w < words; w += SPAN) {
        size_t m = words - w < SPAN ? words - w : SPAN;
        uint64_t h[SPAN];
        lookup_span(g + w, h, t + w, b + w, words, k, m, one);
        if (p == NULL)
            continue;
        for (size_t i = 0; i < m; i++)
            p[w + i] = g[w + i] ^ h[i];
    }
}

/* The planes of g and p in the order in which they travel: g_0 .. g_{c-1}, p_1 .. p_{c-1}. */
static uint64_t *carry_plane(const struct tree *t, unsigned share, unsigned count, unsigned k)
{
    return k < count ? t->g[share] + k * t->words : t->p[share] + (k - count + 1) * t->words;
}

/* The shares that follow from the keys: D draws both, E1 its z_1 (plane 0), E2 its z_0 (plane 1);
 * and the evaluators leave (own look-up) ^ (drawn share), which also goes into the plane of z_2. */
static void lookup_mask(const struct step *s, unsigned count, struct tree *t, uint64_t *out)
{
    size_t words = t->words;
    for (unsigned k = 0; k < 2 * count - 1; k++) {
        uint64_t *plane[2] = { carry_plane(t, 0, count, k), carry_plane(t, 1, count, k) };
        if (s->role == D) {
            draw_plane(s, 0, USE_CARRY, k, plane[0], words);
            draw_plane(s, 1, USE_CARRY, k, plane[1], words);
            continue;
        }
        uint64_t *mask = plane[s->role == E1 ? 0 : 1], *own = plane[s->role == E1 ? 1 : 0];
        draw_plane(s, s->role == E1 ? 1 : 0, USE_CARRY, k, mask, words);
        for (size_t w = 0; w < words; w++)
            own[w] ^= mask[w];
        memcpy(out + k * words, own, words * sizeof *out);
    }
}

/* This evaluator's share of the tables: E2's came from D, E1 draws its own into `drawn`. */
static const uint64_t *evaluator_tables(const struct step *s, const struct blocks *b,
                                        const uint64_t *dealt, uint64_t *drawn, size_t words)
{
    if (s->role == E2)
        return dealt;
    for (unsigned t = 0; s->role == E1 && t < b->tables; t++)
        draw_plane(s, 1, USE_TABLE, t, drawn + t * words, words);
    return drawn;
}

void sign_lookup(const struct step *s, const struct blocks *b, const uint64_t *bits,
                 const uint64_t *dealt, uint64_t *drawn, struct tree *t)
{
    size_t words = t->words;
    const uint64_t *tables = evaluator_tables(s, b, dealt, drawn, words);
    unsigned own = s->role == E1 ? 1 : 0;
    unsigned table = 0, bit = 0;
    for (unsigned i = 0; s->role != D && i < b->count; i++) {
        lookup_block(s, t->g[own] + i * words, i == 0 ? NULL : t->p[own] + i * words,
                     tables + table * words, bits + bit * words, words, b->bits[i]);
        table += (1u << b->bits[i]) - 1;
        bit += b->bits[i];
    }
    lookup_mask(s, b->count, t, s->role == D ? NULL : (uint64_t *)s->out[s->role == E1 ? E2 : E1]);
}

size_t sign_lookup_bytes(const struct blocks *b, size_t words, unsigned from, unsigned to)
{
    return from != D && to != D ? (2 * b->count - 1) * words * 8 : 0;
}

static void absorb_lookup(const struct step *s, const struct blocks *b, struct tree *t)
{
    if (s->role == D)
        return;
    const uint64_t *in = (const uint64_t *)s->in[s->role == E1 ? E2 : E1];
    for (unsigned k = 0; k < 2 * b->count - 1; k++) {
        uint64_t *own = carry_plane(t, s->role == E1 ? 1 : 0, b->count, k);
        for (size_t w = 0; w < t->words; w++)
            own[w] ^= in[k * t->words + w];
    }
}

/* ---- the tree ---- */

void and_add(uint64_t *out, const uint64_t *x0, const uint64_t *x1, const uint64_t *y0,
             const uint64_t *y1, size_t words)
{
    for (size_t w = 0; w < words; w++)
        out[w] ^= (x0[w] & (y0[w] ^ y1[w])) ^ (x1[w] & y0[w]);
}

void zero_plane(const struct step *s, unsigned level, unsigned plane, uint64_t *out,
                size_t words)
{
    uint64_t other[CHUNK];
    unsigned next = (s->role + 1) % 3;
    size_t blocks = (words + 1) / 2;
    draw_plane(s, s->role, USE_BIT_ZERO + level, plane, out, words);
    for (size_t w = 0; w < words; w += CHUNK) {
        size_t m = words - w < CHUNK ? words - w : CHUNK;
        prf_fill(share_key(s, next), s->id, USE_BIT_ZERO + level, plane * blocks + w / 2, other,
                 m * sizeof *other);
        for (size_t i = 0; i < m; i++)
            out[w + i] ^= other[i];
    }
}

/* The pair (2 j + 1, 2 j) becomes node j, in place: j never overtakes what is still to be read. */
static void tree_pair(const struct step *s, unsigned level, struct tree *t, unsigned j,
                      unsigned pairs, uint64_t *out)
{
    size_t words = t->words, hi = (2 * j + 1) * words, lo = 2 * j * words;
    uint64_t *g = out + j * words, *p = out + (pairs + j - 1) * words;
    zero_plane(s, level, j, g, words);
    and_add(g, t->p[0] + hi, t->p[1] + hi, t->g[0] + lo, t->g[1] + lo, words);
    for (size_t w = 0; w < words; w++)
        g[w] ^= t->g[0][hi + w];
    if (j > 0) {
        zero_plane(s, level, pairs + j, p, words);
        and_add(p, t->p[0] + hi, t->p[1] + hi, t->p[0] + lo, t->p[1] + lo, words);
        memcpy(t->p[0] + j * words, p, words * sizeof *p);
    }
    memcpy(t->g[0] + j * words, g, words * sizeof *g);
}

static void tree_level(const struct step *s, unsigned blocks, unsigned level, struct tree *t,
                       uint64_t *out)
{
    for (unsigned j = 0; j < blocks / 2; j++)
        tree_pair(s, level, t, j, blocks / 2, out);
    tree_odd(t, blocks);
}

static void absorb_level(const struct step *s, unsigned blocks, struct tree *t)
{
    const uint64_t *in = (const uint64_t *)s->in[(s->role + 1) % 3];
    size_t words = t->words, bytes = words * sizeof(uint64_t);
    unsigned pairs = blocks / 2;
    memcpy(t->g[1], in, pairs * bytes);
    if (pairs > 1)
        memcpy(t->p[1] + words, in + pairs * words, (pairs - 1) * bytes);
}

void sign_absorb(const struct step *s, const struct blocks *b, unsigned level, struct tree *t)
{
    if (level == 0)
        absorb_lookup(s, b, t);
    else
        absorb_level(s, tree_size(b->count, level - 1), t);
}

void sign_level(const struct step *s, const struct blocks *b, unsigned level, struct tree *t)
{
    sign_absorb(s, b, level, t);
    tree_level(s, tree_size(b->count, level), level, t, (uint64_t *)s->out[(s->role + 2) % 3]);
}

size_t sign_level_bytes(const struct blocks *b, unsigned level, size_t words, unsigned from,
                        unsigned to)
{
    return to == (from + 2) % 3 ? tree_ands(tree_size(b->count, level)) * words * 8 : 0;
}
