#include "proto/compose.h"

#include "proto/protocol.h"

static uint32_t length(const struct program *p, uint32_t v)
{
    return program_check(p, NULL) == 0 && v < p->nvalue ? p->value[v].n : 0;
}

/* ---- maxima ---- */

/*
 * One level of a tree of maxima over `taps` vectors of n elements, one after another in x: vector
 * k < h = taps / 2 becomes max(x_k, x_{h+k}) = x_{h+k} + relu(x_k - x_{h+k}); a last odd one stays.
 */
static uint32_t max_level(struct program *p, uint32_t x, uint32_t n, uint32_t taps, unsigned width)
{
    uint32_t h = taps / 2 * n, all = taps * n, rest = all - h;
    struct map *minus = map_new(p, h, all, 2 * (size_t)h);
    for (uint32_t i = 0; i < h; i++) {
        map_term(minus, i, i, 1);
        map_term(minus, i, h + i, -1);
    }
    uint32_t d = gate_relu(p, gate_affine(p, x, NO_VALUE, minus), 0, width);
    struct map *plus = map_new(p, rest, h + all, (size_t)h + rest);
    for (uint32_t i = 0; i < rest; i++) {
        if (i < h)
            map_term(plus, i, i, 1);
        map_term(plus, i, h + h + i, 1);
    }
    return gate_affine(p, d, x, plus);
}

static uint32_t max_tree(struct program *p, uint32_t x, uint32_t n, uint32_t taps, unsigned width)
{
    for (; taps > 1 && program_check(p, NULL) == 0; taps -= taps / 2)
        x = max_level(p, x, n, taps, width);
    return x;
}

uint32_t compose_max(struct program *p, uint32_t x, uint32_t y, unsigned width)
{
    uint32_t n = length(p, x);
    struct map *both = map_new(p, 2 * n, 2 * n, 2 * (size_t)n);
    for (uint32_t i = 0; i < 2 * n; i++)
        map_term(both, i, i, 1);
    return max_tree(p, gate_affine(p, x, y, both), n, 2, width);
}

/* The input element at tap (i, j) of a window, moved inside where the window hangs over. */
static uint32_t tap(const struct geometry *g, uint32_t out, uint32_t i, uint32_t j)
{
    uint32_t ch = out % g->c, ox = out / g->c % g->ow, oy = out / g->c / g->ow;
    int64_t y = (int64_t)oy * g->sh + i - g->top, x = (int64_t)ox * g->sw + j - g->left;
    y = y < 0 ? 0 : y >= g->h ? g->h - 1 : y;
    x = x < 0 ? 0 : x >= g->w ? g->w - 1 : x;
    return ((uint32_t)y * g->w + (uint32_t)x) * g->c + ch;
}

/* Is this a window over an image of n elements, with taps that a map can count? */
static int pool_fits(const struct geometry *g, uint32_t n)
{
    const uint32_t side[] = { g->kh, g->kw, g->oh, g->ow, g->c };
    uint64_t taps = 1;
    for (int i = 0; i < 5; i++) {
        taps *= side[i];
        if (taps == 0 || taps >= UINT32_MAX)
            return 0;
    }
    return g->oc == g->c && g->sh > 0 && g->sw > 0 && n > 0 &&
           (uint64_t)g->h * g->w <= UINT32_MAX && geometry_in(g) == n;
}

uint32_t compose_maxpool(struct program *p, const struct geometry *g, uint32_t x, unsigned width)
{
    if (!pool_fits(g, length(p, x)))
        return gate_affine(p, x, NO_VALUE, NULL);   /* fails the program */
    uint32_t n = (uint32_t)geometry_out(g), taps = g->kh * g->kw;
    struct map *windows = map_new(p, taps * n, length(p, x), (size_t)taps * n);
    for (uint32_t t = 0; t < taps; t++)
        for (uint32_t o = 0; o < n; o++)
            map_term(windows, t * n + o, tap(g, o, t / g->kw, t % g->kw), 1);
    return max_tree(p, gate_affine(p, x, NO_VALUE, windows), n, taps, width);
}

/* ---- argmax ---- */

/* The place of pair (i, j), i < j, among all pairs of n. */
static uint32_t pair(uint32_t n, uint32_t i, uint32_t j)
{
    return i * n - i * (i + 1) / 2 + j - i - 1;
}

/* s_ij = [x_i < x_j] for all i < j. */
static uint32_t all_pairs(struct program *p, uint32_t x, uint32_t n, unsigned width)
{
    struct map *m = map_new(p, n * (n - 1) / 2, n, n * (n - 1));
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++) {
            map_term(m, pair(n, i, j), i, 1);
            map_term(m, pair(n, i, j), j, -1);
        }
    return gate_sign(p, gate_affine(p, x, NO_VALUE, m), width);
}

/* Literal k of element i, at k n + i: i is not beaten by its k-th rival. A later rival must not be
 * larger, an earlier one must be smaller: so the lowest index wins a tie. */
static uint32_t literals(struct program *p, uint32_t s, uint32_t n)
{
    struct map *m = map_new(p, n * (n - 1), n * (n - 1) / 2, n * (n - 1));
    for (uint32_t k = 0; k + 1 < n; k++)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t j = k < i ? k : k + 1;
            map_term(m, k * n + i, j < i ? pair(n, j, i) : pair(n, i, j), 1);
            map_constant(m, k * n + i, j > i);
        }
    return gate_bitmap(p, s, NO_VALUE, m);
}

/* Bits [from, from + count) of x; behind them, bits [more, more + extra) of y if there is one. */
static uint32_t bits_of(struct program *p, uint32_t x, uint32_t from, uint32_t count, uint32_t y,
                        uint32_t more, uint32_t extra)
{
    uint32_t nx = length(p, x), ny = y == NO_VALUE ? 0 : length(p, y);
    struct map *m = map_new(p, count + extra, nx + ny, count + extra);
    for (uint32_t i = 0; i < count; i++)
        map_term(m, i, from + i, 1);
    for (uint32_t i = 0; i < extra; i++)
        map_term(m, count + i, nx + more + i, 1);
    return gate_bitmap(p, x, y, m);
}

uint32_t compose_argmax(struct program *p, uint32_t x, unsigned width)
{
    uint32_t n = length(p, x), bits = 1;
    if (n < 2 || n > 64)
        return gate_affine(p, x, NO_VALUE, NULL);   /* fails the program */
    uint32_t e = literals(p, all_pairs(p, x, n, width), n);
    for (uint32_t count = n - 1; count > 1 && program_check(p, NULL) == 0; count -= count / 2) {
        uint32_t half = count / 2 * n, odd = count % 2 * n;
        uint32_t both = gate_and(p, bits_of(p, e, 0, half, NO_VALUE, 0, 0),
                                 bits_of(p, e, half, half, NO_VALUE, 0, 0));
        e = odd == 0 ? both : bits_of(p, both, 0, half, e, 2 * half, odd);
    }
    while (((n - 1) >> bits) != 0)
        bits++;
    struct map *m = map_new(p, bits, n, (size_t)bits * n);
    for (uint32_t b = 0; b < bits; b++)
        for (uint32_t i = 0; i < n; i++)
            if ((i >> b) & 1)
                map_term(m, b, i, 1);
    return gate_bitmap(p, e, NO_VALUE, m);
}

/* ---- division ---- */

/*
 * Goldschmidt's division after an exact normalisation, everything in vectors of all rows at once.
 *
 *   below_j = [S < 2^j], j = 0 .. L-1, L = width - 1      one SIGN of rows * L elements, then B2A
 *   t_j     = 1 - below_j                                 a thermometer of the size of S
 *   norm    = t_0 2^(T-1) + sum_{j>0} t_j (2^(T-1-j) - 2^(T-j)) = 2^(T-1-k) for 2^k <= S < 2^(k+1)
 *   (N, D)  = norm (r, S) / 2^(T-Q)                       D in [1/2, 1), N <= D, Q fraction bits
 *   F_0     = 2.9142 - 2 D;  F_{i+1} = 2 - D_i;  (N, D)_{i+1} = F (N, D)_i
 *
 * |1 - D F_0| <= 0.0858, squared each time: 2^-3.5, 2^-7, 2^-14.1, 2^-28 with F_0 .. F_3. Each
 * truncation adds at most 2^-Q to N or D, so score = N_3 F_3 is r / S to within about
 * 2^-28 + 10 2^-26 and one unit of the result. S = 0: norm = 0, N = 0, and below_0 / m is added.
 */
enum { Q = 26 };

struct rows {
    uint32_t rows, m, n;    /* n = rows m */
    unsigned size;          /* L */
};

/* below: S_row - 2^j for all rows and j, as signs, as ring elements. */
static uint32_t shares_below(struct program *p, uint32_t r, const struct rows *d, unsigned width)
{
    uint32_t all = d->rows * d->size;
    struct map *m = map_new(p, all, d->n, (size_t)all * d->m);
    for (uint32_t i = 0; i < all; i++) {
        for (uint32_t k = 0; k < d->m; k++)
            map_term(m, i, i / d->size * d->m + k, 1);
        map_constant(m, i, -((int64_t)1 << i % d->size));
    }
    return gate_b2a(p, gate_sign(p, gate_affine(p, r, NO_VALUE, m), width));
}

/* Which row element i of (N; D) belongs to. */
static uint32_t row_of(const struct rows *d, uint32_t i)
{
    return i < d->n ? i / d->m : i - d->n;
}

/* (r; S), S = sum r. */
static uint32_t shares_operands(struct program *p, uint32_t r, const struct rows *d)
{
    struct map *m = map_new(p, d->n + d->rows, d->n, 2 * (size_t)d->n);
    for (uint32_t i = 0; i < d->n; i++)
        map_term(m, i, i, 1);
    for (uint32_t i = 0; i < d->n; i++)
        map_term(m, d->n + i / d->m, i, 1);
    return gate_affine(p, r, NO_VALUE, m);
}

/* norm of the row of each element of (r; S). */
static uint32_t shares_norm(struct program *p, uint32_t below, const struct rows *d, unsigned top)
{
    struct map *m = map_new(p, d->n + d->rows, d->rows * d->size,
                            (size_t)(d->n + d->rows) * d->size);
    for (uint32_t i = 0; i < d->n + d->rows; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < d->size; j++) {
            int64_t t = j == 0 ? (int64_t)1 << (top - 1)
                               : -((int64_t)1 << (top - 1 - j));
            map_term(m, i, row_of(d, i) * d->size + j, -t);
            sum += t;
        }
        map_constant(m, i, sum);
    }
    return gate_affine(p, below, NO_VALUE, m);
}

/* constant - factor D of the row, for each element of (N; D). */
static uint32_t shares_factor(struct program *p, uint32_t nd, const struct rows *d,
                              int64_t constant, int64_t factor)
{
    struct map *m = map_new(p, d->n + d->rows, d->n + d->rows, d->n + d->rows);
    for (uint32_t i = 0; i < d->n + d->rows; i++) {
        map_term(m, i, d->n + row_of(d, i), -factor);
        map_constant(m, i, constant);
    }
    return gate_affine(p, nd, NO_VALUE, m);
}

/* N of (N; D), plus below_0 / m. */
static uint32_t shares_result(struct program *p, uint32_t nd, uint32_t below,
                              const struct rows *d, unsigned frac)
{
    struct map *m = map_new(p, d->n, d->n + d->rows + d->rows * d->size, 2 * (size_t)d->n);
    int64_t equal = (((int64_t)1 << frac) + d->m / 2) / d->m;
    for (uint32_t i = 0; i < d->n; i++) {
        map_term(m, i, i, 1);
        map_term(m, i, d->n + d->rows + i / d->m * d->size, equal);
    }
    return gate_affine(p, nd, below, m);
}

uint32_t compose_shares(struct program *p, uint32_t r, uint32_t rows, uint32_t m, unsigned width,
                        unsigned frac)
{
    const struct rows d = { .rows = rows, .m = m, .n = rows * m, .size = width - 1 };
    unsigned top = d.size > Q ? d.size : Q;
    if (width < 3 || top > Q + 32 || frac > 24 || 2 * Q - frac > 32 || m == 0 ||
        (uint64_t)rows * m != length(p, r) || rows * ((uint64_t)m + d.size) >= UINT32_MAX)
        return gate_affine(p, r, NO_VALUE, NULL);   /* fails the program */
    uint32_t below = shares_below(p, r, &d, width);
    uint32_t nd = gate_mul(p, shares_operands(p, r, &d), shares_norm(p, below, &d, top));
    nd = top > Q ? gate_trunc(p, nd, top - Q) : gate_reshare(p, nd);
    for (int i = 0; i < 4; i++) {
        uint32_t f = i == 0 ? shares_factor(p, nd, &d, (int64_t)(2.9142 * (1 << Q)), 2)
                            : shares_factor(p, nd, &d, (int64_t)2 << Q, 1);
        nd = gate_trunc(p, gate_mul(p, nd, f), i == 3 ? 2 * Q - frac : Q);
    }
    return shares_result(p, nd, below, &d, frac);
}

/* ---- ReLU of parts ---- */

void compose_relu_into(struct program *p, uint32_t x, unsigned shift, unsigned width, uint32_t out,
                       uint32_t first)
{
    uint32_t v = shift == 0 ? x : gate_trunc(p, x, shift), n = length(p, v);
    uint32_t negative = gate_sign(p, v, width);
    struct map *not = map_new(p, n, n, n);
    for (uint32_t i = 0; i < n; i++) {
        map_term(not, i, i, 1);
        map_constant(not, i, 1);
    }
    uint32_t positive = gate_bitmap(p, negative, NO_VALUE, not);
    if (p->proto->gate[GATE_INJECT] != NULL)
        gate_inject_into(p, v, positive, out, first);
    else
        gate_reshare_into(p, gate_mul(p, gate_b2a(p, positive), v), out, first);
}
