/*
 * rep4_pair.c: sums of products of values known to the pair {2, 3} and values known to {0, 1}.
 *
 * For l known to roles 2 and 3 (left), r to 0 and 1 (right), of any length:
 *
 *     l = l_0 + l_1, r = r_3 + r_2       each element one joint message, towards 0 and towards 3
 *     l . r = l_0 . r_2 + l_0 . r_3 + l_1 . r_2 + l_1 . r_3
 *
 * and each of the four terms is known to the two roles that miss neither share: four more joint
 * messages. (A product of two full sharings takes six.) Small elements are bits whose product is
 * wanted as a multiple of 2^(64-f): they are shared modulo 2^16 for f <= 16, else modulo 2^32.
 */
#include <string.h>

#include "proto/rep4.h"

/* ---- sides ---- */

struct sides rep4_sides_at(const struct step *s, const struct layout *l, uint8_t *memory)
{
    struct sides d = { .mask = memory, .own = memory + l->bytes };
    const uint8_t *other = memory + 2 * l->bytes;
    unsigned left = s->role >= 2;
    d.share[left ? 0 : 3] = d.mask;
    d.share[left ? 1 : 2] = d.own;
    if (s->role == 1)
        d.share[0] = other;
    if (s->role == 2)
        d.share[3] = other;
    return d;
}

static struct talk sides_talk(const struct layout *l, const struct sides *d)
{
    return (struct talk){ .joint = rep4_side, .count = 2, .bytes = l->bytes,
                          .keep = d == NULL ? NULL : d->own };
}

size_t rep4_sides_bytes(const struct layout *l, unsigned from, unsigned to)
{
    struct talk t = sides_talk(l, NULL);
    return rep4_talk_bytes(&t, from, to);
}

/* The mask of side k: the words, and behind them the small elements. */
static void sides_mask(const struct step *s, const struct layout *l, unsigned k, uint8_t *mask)
{
    size_t words = l->words * 8, small = l->small * l->size;
    rep4_mask(s, rep4_side[k].to, l->use + k, 0, mask, words);
    if (small > 0)
        rep4_mask(s, rep4_side[k].to, l->use_small + k, 0, mask + words, small);
    memset(mask + words + small, 0, l->bytes - words - small);
}

static void sides_subtract(const struct layout *l, uint8_t *own, const uint8_t *mask)
{
    uint64_t *w = (uint64_t *)own;
    const uint64_t *m = (const uint64_t *)mask;
    for (size_t i = 0; i < l->words; i++)
        w[i] = l->bits ? w[i] ^ m[i] : w[i] - m[i];
    own += l->words * 8;
    mask += l->words * 8;
    if (l->size == 2)
        for (size_t i = 0; i < l->small; i++)
            ((uint16_t *)own)[i] = (uint16_t)(((uint16_t *)own)[i] - ((const uint16_t *)mask)[i]);
    else
        for (size_t i = 0; i < l->small; i++)
            ((uint32_t *)own)[i] -= ((const uint32_t *)mask)[i];
}

void rep4_sides_send(struct step *s, const struct layout *l, const struct sides *d)
{
    unsigned own = s->role >= 2 ? 0 : 1;
    size_t filled = l->words * 8 + l->small * l->size;
    memset(d->own + filled, 0, l->bytes - filled);
    sides_mask(s, l, own, d->mask);
    sides_subtract(l, d->own, d->mask);
    if (rep4_side[own].from == s->role)
        memcpy(s->out[rep4_side[own].to], d->own, l->bytes);
    if (rep4_side[1 - own].other == s->role)
        sides_mask(s, l, 1 - own, d->own + l->bytes);
}

void rep4_sides_receive(struct step *s, const struct layout *l, struct sides *d)
{
    struct talk t = sides_talk(l, d);
    rep4_talk_claim(s, &t);
    for (unsigned k = 0; k < 2; k++)
        if (rep4_side[k].to == s->role)
            d->share[rep4_side[k].other] = s->in[rep4_side[k].from];
}

/* ---- items and their products ---- */

struct layout rep4_items_layout(const struct gate *g, const struct items *i)
{
    struct layout l = { .words = (size_t)i->ring * g->n, .use = USE_ITEM, .use_small = USE_WRAP };
    l.size = (unsigned)wrap_bytes(g->shift);
    l.small = l.size == 0 ? 0 : (size_t)i->wraps * g->n;
    l.bytes = l.words * 8 + (l.small * l.size + 7) / 8 * 8;
    return l;
}

/* Small element `at` + k = x[k]. */
void rep4_small_put(const struct layout *l, uint8_t *own, size_t at, const uint64_t *x, size_t n)
{
    uint8_t *small = own + l->words * 8;
    if (l->size == 2)
        for (size_t k = 0; k < n; k++)
            ((uint16_t *)small)[at + k] = (uint16_t)x[k];
    else if (l->size == 4)
        for (size_t k = 0; k < n; k++)
            ((uint32_t *)small)[at + k] = (uint32_t)x[k];
}

static struct talk items_talk(const struct gate *g, uint8_t *keep)
{
    return (struct talk){ .joint = rep4_cross, .count = 4, .bytes = (size_t)g->n * 8,
                          .keep = keep };
}

size_t rep4_items_bytes(const struct gate *g, unsigned from, unsigned to)
{
    struct talk t = items_talk(g, NULL);
    return rep4_talk_bytes(&t, from, to);
}

/* out += 2^(64 - f) times the products of small elements [at, at + n). */
static void wraps_add(uint64_t *out, const uint8_t *left, const uint8_t *right, size_t at, size_t n,
                      unsigned shift)
{
    if (wrap_bytes(shift) == 2) {
        const uint16_t *l = (const uint16_t *)left + at, *r = (const uint16_t *)right + at;
        for (size_t k = 0; k < n; k++)
            out[k] += (uint64_t)((uint32_t)l[k] * r[k]) << (64 - shift);
    } else {
        const uint32_t *l = (const uint32_t *)left + at, *r = (const uint32_t *)right + at;
        for (size_t k = 0; k < n; k++)
            out[k] += (uint64_t)l[k] * r[k] << (64 - shift);
    }
}

/* The term of one share of each side, of elements [first, first + n). */
static void items_term(const struct step *s, const struct items *i, const uint8_t *left,
                       const uint8_t *right, size_t first, size_t n, uint64_t *out)
{
    size_t all = s->gate->n;
    memset(out, 0, n * sizeof *out);
    for (unsigned m = 0; m < i->mult; m++) {
        const uint64_t *l = (const uint64_t *)left + m * all + first;
        const uint64_t *r = (const uint64_t *)right + m * all + first;
        for (size_t k = 0; k < n; k++)
            out[k] += l[k] * r[k] * i->factor;
    }
    for (unsigned w = 0; s->gate->shift > 0 && w < i->wraps; w++)
        wraps_add(out, left + i->ring * all * 8, right + i->ring * all * 8, w * all + first, n,
                  s->gate->shift);
}

/* The two terms that this role knows: with role q of the other pair, it knows the shares that
 * neither misses. */
static void items_terms(const struct step *s, const struct items *i, const struct sides *d,
                        size_t first, size_t n, uint64_t term[3][CHUNK])
{
    for (unsigned q = s->role < 2 ? 2 : 0, last = q + 2; q < last; q++) {
        unsigned left = s->role == 0 || q == 0 ? 1 : 0, right = s->role == 3 || q == 3 ? 2 : 3;
        items_term(s, i, d->share[left], d->share[right], first, n,
                   term[rep4_plane(s->role, q)]);
    }
}

void rep4_items_multiply(struct step *s, const struct items *i, const struct sides *d,
                         uint8_t *keep)
{
    struct talk t = items_talk(s->gate, keep);
    size_t all = s->gate->n;
    for (unsigned j = 0; j < ROLES; j++)
        if (d->share[j] != NULL)
            memcpy(s->z + rep4_plane(s->role, j) * s->z_stride,
                   d->share[j] + i->free * all * 8, all * 8);
    for (size_t at = 0; at < all; at += CHUNK) {
        uint64_t term[3][CHUNK];
        const uint64_t *const piece[3] = { term[0], term[1], term[2] };
        struct span span = { .words = all, .first = at, .n = all - at < CHUNK ? all - at : CHUNK };
        items_terms(s, i, d, at, span.n, term);
        rep4_joint_share_all(s, &t, USE_PIECE, &span, piece, s->z + at, s->z_stride);
    }
}

void rep4_items_finish(struct step *s, uint8_t *keep)
{
    struct talk t = items_talk(s->gate, keep);
    struct span all = { .words = s->gate->n, .n = s->gate->n };
    rep4_talk_claim(s, &t);
    rep4_joint_receive(s, &t, &all, s->z, s->z_stride);
}
