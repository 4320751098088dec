/*
 * rep4_sign.c: the carry of A + B on m - 1 bits, A known to roles 2 and 3, B to 0 and 1.
 *
 * The bits are cut into blocks of k <= 3. For a block with values a and b, K = 2^k - 1, left shares
 * the thermometer T_j = [a >= j] and right the place O_j = [b = j], j = 1 .. K. Then
 *
 *     g = [a + b > K] = sum over j = 1 .. K of T_{K+1-j} O_j            carry out
 *     p = [a + b = K] = sum over j = 0 .. K of (T_{K-j} + T_{K-j+1}) O_j     carry goes through
 *
 * over GF(2), T_0 = 1, T_{K+1} = 0, O_0 = 1 + sum O_j: products of left and right values as in
 * rep4_pair.c, so each of g and p takes four joint bits whatever its length. A binary tree of AND
 * gates (carry.h) gives the carry; the lowest node needs no p.
 *
 * Bits for a block of k: 2 K shared, 4 for g, 4 for p (none in the lowest), 12 for joining it to
 * others: 13, 11.3 and 12.5 per bit of the summands with k = 2, 3 and 4, and 18 with k = 1, where p
 * is free.
 */
#include "proto/rep4.h"

#include <string.h>

#include "proto/kernel.h"

enum { MOST = 3 };

static unsigned planes_of(const struct sign *r)     /* of the look-ups: g_0 .., then p_1 .. */
{
    return 2 * r->blocks.count - 1;
}

struct sign rep4_sign_at(const struct gate *g, int top, uint8_t *memory)
{
    struct sign r = { .blocks = blocks_of(g->width, MOST), .top = top };
    size_t words = KERNEL_PLANE(g->n);
    r.tables = (struct layout){ .words = (r.blocks.tables + (top ? 1 : 0)) * words, .bits = 1,
                                .use = USE_TABLE };
    r.tables.bytes = r.tables.words * 8;
    r.carries.words = words;
    r.carries.stride = r.blocks.count * words;
    if (memory == NULL)
        return r;
    r.sides = memory;
    r.carries.g = (uint64_t *)(memory + SIDES * r.tables.bytes);
    r.carries.p = r.carries.g + 3 * r.carries.stride;
    r.keep = (uint8_t *)(r.carries.p + 3 * r.carries.stride);
    return r;
}

size_t rep4_sign_bytes(const struct gate *g, int top)
{
    struct sign r = rep4_sign_at(g, top, NULL);
    return SIDES * r.tables.bytes + 8 * (6 * r.carries.stride + planes_of(&r) * r.carries.words);
}

/* ---- tables ---- */

/* o[j - 1] = [b = j], j = 1 .. 2^k - 1, for one word of each of k bit planes. */
static void places(uint64_t o[static 15], const uint64_t *bits, size_t stride, unsigned k)
{
    uint64_t at[16] = { ~(uint64_t)0 };
    for (unsigned b = 0; b < k; b++) {
        uint64_t top = bits[b * stride];
        unsigned half = 1u << b;
        for (unsigned j = 0; j < half; j++) {
            at[half + j] = at[j] & top;
            at[j] &= ~top;
        }
    }
    for (unsigned j = 1; j < 1u << k; j++)
        o[j - 1] = at[j];
}

void rep4_sign_tables(struct step *s, const struct sign *r, const uint64_t *bits)
{
    struct sides d = rep4_sides_at(s, &r->tables, r->sides);
    uint64_t *own = (uint64_t *)d.own;
    size_t words = r->carries.words;
    for (unsigned i = 0; i < r->blocks.count; i++) {
        unsigned k = r->blocks.bits[i], planes = (1u << k) - 1;
        for (size_t w = 0; w < words; w++) {
            uint64_t t[15] = { 0 };
            if (s->role >= 2)
                thermometer(t, bits + w, words, k);
            else
                places(t, bits + w, words, k);
            for (unsigned j = 0; j < planes; j++)
                own[j * words + w] = t[j];
        }
        own += planes * words;
        bits += k * words;
    }
    if (r->top)
        memcpy(own, bits, words * sizeof *own);
    rep4_sides_send(s, &r->tables, &d);
}

size_t rep4_sign_tables_bytes(const struct sign *r, unsigned from, unsigned to)
{
    return rep4_sides_bytes(&r->tables, from, to);
}

/* ---- look-ups ---- */

static struct talk lookup_talk(const struct sign *r)
{
    return (struct talk){ .joint = rep4_cross, .count = 4,
                          .bytes = planes_of(r) * r->carries.words * 8, .keep = r->keep };
}

size_t rep4_sign_lookup_bytes(const struct sign *r, unsigned from, unsigned to)
{
    struct talk t = lookup_talk(r);
    return rep4_talk_bytes(&t, from, to);
}

/* The term of one share of the thermometer and one of the place, n <= CHUNK words, planes `stride`
 * apart. one_t, one_o: this share's part of the constants T_0 and O_0. */
static void lookup_term(uint64_t *g, uint64_t *p, const uint64_t *t, const uint64_t *o,
                        size_t stride, unsigned k, uint64_t one_t, uint64_t one_o, size_t n)
{
    unsigned last = (1u << k) - 1;
    uint64_t none[CHUNK];
    for (size_t w = 0; w < n; w++) {
        g[w] = p[w] = 0;
        none[w] = one_o;
    }
    for (unsigned j = 1; j <= last; j++) {
        const uint64_t *tj = t + (last - j) * stride, *oj = o + (j - 1) * stride;
        const uint64_t *below = j < last ? tj - stride : NULL;
        for (size_t w = 0; w < n; w++) {
            g[w] ^= tj[w] & oj[w];
            p[w] ^= ((below == NULL ? one_t : below[w]) ^ tj[w]) & oj[w];
            none[w] ^= oj[w];
        }
    }
    for (size_t w = 0; w < n; w++)
        p[w] ^= t[(last - 1) * stride + w] & none[w];
}

/* Both terms that this role knows of block i, as joint messages; words [w, w + n). table: the
 * block's first plane. */
static void lookup_block(const struct step *s, const struct sign *r, const struct sides *d,
                         unsigned i, size_t table, size_t w, size_t n)
{
    const struct carries *c = &r->carries;
    const struct talk talk = lookup_talk(r);
    uint64_t g[2][CHUNK], p[2][CHUNK];
    const uint64_t *g_term[3] = { NULL }, *p_term[3] = { NULL };
    for (unsigned q = s->role < 2 ? 2 : 0, k = 0; k < 2; q++, k++) {
        unsigned left = s->role == 0 || q == 0 ? 1 : 0, right = s->role == 3 || q == 3 ? 2 : 3;
        size_t at = table * c->words + w;
        lookup_term(g[k], p[k], (const uint64_t *)d->share[left] + at,
                    (const uint64_t *)d->share[right] + at, c->words, r->blocks.bits[i],
                    left == 0 ? ~(uint64_t)0 : 0, right == 3 ? ~(uint64_t)0 : 0, n);
        g_term[rep4_plane(s->role, q)] = g[k];
        p_term[rep4_plane(s->role, q)] = p[k];
    }
    struct span at = { .words = c->words, .first = w, .n = n, .item = i, .bits = 1 };
    size_t place = i * c->words + w;
    rep4_joint_share_all(s, &talk, USE_LOOKUP, &at, g_term, c->g + place, c->stride);
    at.item = r->blocks.count + i - 1;
    if (i > 0)
        rep4_joint_share_all(s, &talk, USE_LOOKUP, &at, p_term, c->p + place, c->stride);
}

/* This role's shares of the top bits are the last plane of the tables. */
static void lookup_top(const struct step *s, const struct sign *r, const struct sides *d,
                       uint64_t *top, size_t stride)
{
    for (unsigned j = 0; j < ROLES; j++)
        if (d->share[j] != NULL)
            memcpy(top + rep4_plane(s->role, j) * stride,
                   (const uint64_t *)d->share[j] + r->blocks.tables * r->carries.words,
                   r->carries.words * 8);
}

void rep4_sign_lookup(struct step *s, const struct sign *r, uint64_t *top, size_t stride)
{
    struct sides d = rep4_sides_at(s, &r->tables, r->sides);
    const struct carries *c = &r->carries;
    size_t table = 0;
    rep4_sides_receive(s, &r->tables, &d);
    if (r->top)
        lookup_top(s, r, &d, top, stride);
    memset(c->g, 0, 6 * c->stride * sizeof *c->g);
    for (unsigned i = 0; i < r->blocks.count; i++) {
        for (size_t w = 0; w < c->words; w += CHUNK)
            lookup_block(s, r, &d, i, table, w, c->words - w < CHUNK ? c->words - w : CHUNK);
        table += (1u << r->blocks.bits[i]) - 1;
    }
}

/* ---- the tree ---- */

unsigned rep4_sign_levels(const struct sign *r)
{
    return tree_levels(r->blocks.count, 1);
}

/* A level makes g of every pair, p of every pair but the lowest. */
static struct talk level_talk(const struct sign *r, unsigned level)
{
    unsigned planes = 2 * (tree_size(r->blocks.count, level) / 2) - 1;
    return (struct talk){ .joint = rep4_six, .count = 6, .bytes = planes * r->carries.words * 8,
                          .keep = r->keep };
}

size_t rep4_sign_level_bytes(const struct sign *r, unsigned level, unsigned from, unsigned to)
{
    struct talk t = level_talk(r, level);
    return rep4_talk_bytes(&t, from, to);
}

void rep4_and_piece(uint64_t *out, unsigned q, const uint64_t *x, size_t x_stride,
                    const uint64_t *y, size_t y_stride, size_t words)
{
    unsigned a = q == 0 ? 1 : 0, b = q == 2 ? 1 : 2;
    const uint64_t *xa = x + a * x_stride, *xb = x + b * x_stride;
    const uint64_t *ya = y + a * y_stride, *yb = y + b * y_stride;
    for (size_t w = 0; w < words; w++)
        out[w] = (xa[w] ^ xb[w]) & (ya[w] ^ yb[w]);
}

/* z = base ^ x y for a plane of shares, item `item` of the level; base NULL: 0. z may be y. */
static void tree_and(const struct step *s, const struct sign *r, unsigned level, unsigned item,
                     uint64_t *z, const uint64_t *base, const uint64_t *x, const uint64_t *y)
{
    const struct carries *c = &r->carries;
    const struct talk talk = level_talk(r, level);
    for (size_t w = 0; w < c->words; w += CHUNK) {
        uint64_t product[3][CHUNK];
        const uint64_t *const piece[3] = { product[0], product[1], product[2] };
        struct span at = { .words = c->words, .first = w, .item = item, .bits = 1,
                           .n = c->words - w < CHUNK ? c->words - w : CHUNK };
        for (unsigned q = 0; q < 3; q++)
            rep4_and_piece(product[q], q, x + w, c->stride, y + w, c->stride, at.n);
        for (unsigned q = 0; q < 3; q++)
            if (base != NULL)
                memcpy(z + q * c->stride + w, base + q * c->stride + w, at.n * 8);
            else
                memset(z + q * c->stride + w, 0, at.n * 8);
        rep4_joint_share_all(s, &talk, USE_LEVEL + 8 * level, &at, piece, z + w, c->stride);
    }
}

/* What the round before level `level` has brought. */
static void tree_absorb(struct step *s, const struct sign *r, unsigned level)
{
    const struct carries *c = &r->carries;
    struct talk talk = level == 0 ? lookup_talk(r) : level_talk(r, level - 1);
    unsigned gs = level == 0 ? r->blocks.count : tree_size(r->blocks.count, level - 1) / 2;
    rep4_talk_claim(s, &talk);
    for (unsigned k = 0; k < 2 * gs - 1; k++) {
        struct span at = { .words = c->words, .n = c->words, .item = k, .bits = 1 };
        uint64_t *z = k < gs ? c->g + k * c->words : c->p + (k - gs + 1) * c->words;
        rep4_joint_receive(s, &talk, &at, z, c->stride);
    }
}

void rep4_sign_level(struct step *s, const struct sign *r, unsigned level)
{
    const struct carries *c = &r->carries;
    unsigned blocks = tree_size(r->blocks.count, level), pairs = blocks / 2;
    tree_absorb(s, r, level);
    for (unsigned j = 0; j < pairs; j++) {
        size_t hi = (2 * j + 1) * c->words, lo = 2 * j * c->words, to = j * c->words;
        tree_and(s, r, level, j, c->g + to, c->g + hi, c->p + hi, c->g + lo);
        if (j > 0)
            tree_and(s, r, level, pairs + j - 1, c->p + to, NULL, c->p + hi, c->p + lo);
    }
    size_t from = (blocks - 1) * c->words, to = pairs * c->words;
    for (unsigned q = 0; blocks % 2 == 1 && q < 3; q++) {
        memcpy(c->g + q * c->stride + to, c->g + q * c->stride + from, c->words * 8);
        memcpy(c->p + q * c->stride + to, c->p + q * c->stride + from, c->words * 8);
    }
}

void rep4_sign_end(struct step *s, const struct sign *r)
{
    tree_absorb(s, r, rep4_sign_levels(r));
}
