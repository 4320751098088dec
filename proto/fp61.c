#include "proto/fp61.h"

#include <string.h>

#include "proto/gf64.h"         /* points_of */

enum { VARIABLES = 4, POINTS = 81 };

void fp61_init(struct fp61 *f, uint64_t p)
{
    uint64_t inverse = 1;       /* Newton: each step doubles the bits that are right */
    for (unsigned i = 0; i < 6; i++)
        inverse *= 2 - p * inverse;
    f->p = p;
    f->inverse = 0 - inverse;
    f->power[0] = 1;
    for (unsigned i = 1; i < 5; i++) {
        f->power[i] = f->power[i - 1];
        for (unsigned b = 0; b < 64; b++)
            f->power[i] = fp61_add(f, f->power[i], f->power[i]);
    }
}

/* ---- primes (public) ---- */

static uint64_t power_of(const struct fp61 *f, uint64_t a, uint64_t exponent)
{
    uint64_t result = f->power[1];
    for (; exponent > 0; exponent >>= 1, a = fp61_mul(f, a, a))
        if (exponent & 1)
            result = fp61_mul(f, result, a);
    return result;
}

/* Miller and Rabin: is p a strong probable prime to this base? */
static int is_strong(const struct fp61 *f, uint64_t base)
{
    unsigned twos = (unsigned)__builtin_ctzll(f->p - 1);
    uint64_t one = f->power[1], a = power_of(f, fp61_from_word(f, base), (f->p - 1) >> twos);
    if (a == one)
        return 1;
    for (unsigned i = 0; i < twos; i++, a = fp61_mul(f, a, a))
        if (a == f->p - one)
            return 1;
    return 0;
}

int fp61_is_prime(uint64_t p)
{
    static const unsigned char bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37 };
    struct fp61 f;
    for (unsigned i = 1; i < sizeof bases; i++)
        if (p % bases[i] == 0)
            return 0;
    fp61_init(&f, p);
    for (unsigned i = 0; i < sizeof bases; i++)
        if (!is_strong(&f, bases[i]))
            return 0;
    return 1;
}

/* ---- points and bind ---- */

static inline __attribute__((always_inline)) void
points_one(const struct fp61 *f, unsigned __int128 *h, const uint64_t *u, const uint64_t *w)
{
    uint64_t du = fp61_sub(f, u[1], u[0]), dw = fp61_sub(f, w[1], w[0]);
    h[0] += (unsigned __int128)u[0] * w[0];
    h[1] += (unsigned __int128)u[1] * w[1];
    h[2] += (unsigned __int128)du * dw;
}

static void points_add(const struct fp61 *f, unsigned __int128 *h, const uint64_t *u,
                       const uint64_t *w, unsigned k)
{
    if (k == 1) {
        points_one(f, h, u, w);
        return;
    }
    unsigned half = 1u << (k - 1), third = points_of(k - 1);
    uint64_t du[1 << (VARIABLES - 1)], dw[1 << (VARIABLES - 1)];
    for (unsigned i = 0; i < half; i++) {
        du[i] = fp61_sub(f, u[half + i], u[i]);
        dw[i] = fp61_sub(f, w[half + i], w[i]);
    }
    points_add(f, h, u, w, k - 1);
    points_add(f, h + third, u + half, w + half, k - 1);
    points_add(f, h + 2 * third, du, dw, k - 1);
}

void fp61_points(const struct fp61 *f, uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m,
                 unsigned k)
{
    unsigned __int128 sum[POINTS];
    uint64_t a[1 << VARIABLES], b[1 << VARIABLES];
    memset(h, 0, points_of(k) * sizeof *h);
    for (size_t first = 0; first < m; first += FP61_SUM) {
        memset(sum, 0, sizeof sum);
        for (size_t i = first; i < m && i < first + FP61_SUM; i++) {
            for (unsigned block = 0; block < 1u << k; block++) {
                a[block] = u[block * m + i];
                b[block] = w[block * m + i];
            }
            points_add(f, sum, a, b, k);
        }
        for (unsigned p = 0; p < points_of(k); p++)
            h[p] = fp61_add(f, h[p], fp61_reduce(f, sum[p]));
    }
}

void fp61_bind(const struct fp61 *f, uint64_t *u, size_t m, unsigned k, const uint64_t *eq)
{
    for (size_t i = 0; i < m; i++) {
        unsigned __int128 sum = 0;
        for (unsigned block = 0; block < 1u << k; block++)
            sum += (unsigned __int128)u[block * m + i] * eq[block];
        u[i] = fp61_reduce(f, sum);
    }
}
