#include "proto/fold.h"

#include <string.h>

unsigned fold_variables(size_t n)
{
    unsigned v = 0;
    while ((size_t)1 << v < n)
        v++;
    return v;
}

/* What v exceeds a multiple of FOLD_TAKE by, but FOLD_TAKE where it is one. */
static unsigned excess(unsigned v)
{
    return v == 0 ? 0 : (v - 1) % FOLD_TAKE + 1;
}

static unsigned first_take(unsigned v)
{
    return v > FOLD_TAKE && excess(v) > FOLD_FIRST ? FOLD_FIRST : excess(v);
}

unsigned fold_take(unsigned v, unsigned i)
{
    for (unsigned level = 0; v > 0; level++) {
        unsigned k = level == 0 ? first_take(v) : excess(v);
        if (level == i)
            return k;
        v -= k;
    }
    return 0;
}

unsigned fold_levels(unsigned v)
{
    unsigned levels = 0;
    while (fold_take(v, levels) > 0)
        levels++;
    return levels;
}

unsigned fold_points_of(unsigned k)
{
    return points_of(k);
}

/* Elements of a block; zeros up to the end of the last one. */
static size_t vector_pad(struct fold *f, unsigned k)
{
    size_t m = (f->n + (1u << k) - 1) >> k, more = (m << k) - f->n;
    if (f->u != NULL)
        memset(f->u + f->n, 0, more * sizeof *f->u);
    if (f->w != NULL)
        memset(f->w + f->n, 0, more * sizeof *f->w);
    return m;
}

void fold_points(struct fold *f, uint64_t *h, unsigned k)
{
    size_t m = vector_pad(f, k);
    if (field_is_binary(&f->field))
        gf64_points(h, f->u, f->w, m, k);
    else
        fp61_points(&f->field.prime, h, f->u, f->w, m, k);
}

static void vector_bind(const struct field *f, uint64_t *u, size_t m, unsigned k,
                        const uint64_t *eq)
{
    if (u == NULL)
        return;
    if (field_is_binary(f))
        gf64_bind(u, m, k, eq);
    else
        fp61_bind(&f->prime, u, m, k, eq);
}

void fold_bind(struct fold *f, const uint64_t *r, unsigned k)
{
    uint64_t eq[1 << FOLD_TAKE];
    size_t m = vector_pad(f, k);
    fold_eq(&f->field, eq, r, k);
    vector_bind(&f->field, f->u, m, k, eq);
    vector_bind(&f->field, f->w, m, k, eq);
    f->n = m;
}

void fold_eq(const struct field *f, uint64_t *eq, const uint64_t *r, unsigned k)
{
    eq[0] = field_one(f);
    for (unsigned j = 0; j < k; j++)
        for (unsigned b = 0; b < 1u << j; b++) {
            uint64_t set = field_mul(f, eq[b], r[j]);
            eq[(1u << j) + b] = set;
            eq[b] = field_sub(f, eq[b], set);
        }
}

/* The number of the point that corner b is: its binary digits as ternary ones. */
static unsigned corner_point(unsigned b)
{
    unsigned p = 0;
    for (unsigned j = 0; b >> j != 0; j++)
        p += (b >> j & 1) * points_of(j);
    return p;
}

/* h0 = claim - sum over the corners b > 0 of D_b H(b). */
static uint64_t first_corner(const struct fold *f, const uint64_t *h, const uint64_t *weight,
                             unsigned k)
{
    uint64_t rest = f->claim;
    for (unsigned b = 1; b < 1u << k; b++) {
        uint64_t value = h[corner_point(b)];
        if (weight != NULL)
            value = field_mul(&f->field, value, weight[b]);
        rest = field_sub(&f->field, rest, value);
    }
    return rest;
}

/* One variable after the other: a + b X + c X^2 from a, a + b + c and c, at r:
 * h0 + r (h1 - h0 + (r - 1) c). */
void fold_claim(struct fold *f, uint64_t *h, const uint64_t *weight, const uint64_t *r, unsigned k)
{
    const struct field *K = &f->field;
    h[0] = first_corner(f, h, weight, k);
    while (k-- > 0) {
        uint64_t less = field_sub(K, r[k], field_one(K));
        for (unsigned p = 0; p < points_of(k); p++) {
            uint64_t h0 = h[p], h1 = h[points_of(k) + p], c = h[2 * points_of(k) + p];
            uint64_t slope = field_add(K, field_sub(K, h1, h0), field_mul(K, less, c));
            h[p] = field_add(K, h0, field_mul(K, r[k], slope));
        }
    }
    f->claim = h[0];
}
