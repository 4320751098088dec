/*
 * ntt.c: tables of roots, the choice of the implementation, and the portable one.
 */
#include "config.h"

#include "proto/ntt.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/ntt_impl.h"

_Static_assert(FLT_EVAL_METHOD == 0, "doubles are rounded to 53 bits, every time");

/* ---- one lane ---- */

typedef double lanes;
typedef uint64_t lane_words;
#define LANES 1

static inline lanes lanes_all(double a)
{
    return a;
}

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return fma(a, b, c);
}

static inline lane_words lanes_bits(lanes a)
{
    lane_words w;
    memcpy(&w, &a, sizeof w);
    return w;
}

static inline lanes lanes_double(lane_words w)
{
    lanes a;
    memcpy(&a, &w, sizeof a);
    return a;
}

struct modulus;
static inline void sixteen_forward(struct modulus m, const struct ntt *t, double *x, size_t k);
static inline void sixteen_backward(struct modulus m, const struct ntt *t, double *x, size_t k);

#include "proto/ntt_loops.h"

/* The quarters of node k, whose coefficients lie s apart. */
static void quarter_forward(struct modulus m, const struct ntt *t, double *x, size_t s, size_t k)
{
    double v[4] = { x[0], x[s], x[2 * s], x[3 * s] };
    quarters_forward(m, v, t->root[k], t->root[2 * k], t->root[2 * k + 1]);
    for (size_t j = 0; j < 4; j++)
        x[j * s] = v[j];
}

static void quarter_backward(struct modulus m, const struct ntt *t, double *x, size_t s, size_t k)
{
    double v[4] = { x[0], x[s], x[2 * s], x[3 * s] };
    quarters_backward(m, v, t->back[k], t->back[2 * k], t->back[2 * k + 1]);
    for (size_t j = 0; j < 4; j++)
        x[j * s] = v[j];
}

static inline void sixteen_forward(struct modulus m, const struct ntt *t, double *x, size_t k)
{
    for (size_t i = 0; i < 4; i++)
        quarter_forward(m, t, x + i, 4, k);
    for (size_t i = 0; i < 4; i++)
        quarter_forward(m, t, x + 4 * i, 1, 4 * k + i);
    for (size_t i = 0; i < 16; i++)
        x[i] = reduce(m, x[i]);
}

static inline void sixteen_backward(struct modulus m, const struct ntt *t, double *x, size_t k)
{
    for (size_t i = 0; i < 4; i++)
        quarter_backward(m, t, x + 4 * i, 1, 4 * k + i);
    for (size_t i = 0; i < 4; i++)
        quarter_backward(m, t, x + i, 4, k);
}

static const struct ntt_impl ntt_portable = {
    .name = "portable", .forward = forward, .backward = backward, .multiply_add = multiply_add,
    .add_words = add_words, .drop = drop, .centre = centre, .words = words,
};

/* ---- tables ---- */

static uint64_t times(uint64_t a, uint64_t b, uint64_t p)
{
    return (uint64_t)((unsigned __int128)a * b % p);
}

uint64_t ntt_power(uint64_t a, uint64_t e, uint64_t p)
{
    uint64_t r = 1;
    for (; e > 0; e >>= 1, a = times(a, a, p))
        if (e & 1)
            r = times(r, a, p);
    return r;
}

uint64_t ntt_invert(uint64_t a, uint64_t p)
{
    return ntt_power(a, p - 2, p);
}

/* An element of order 2n: the first (p-1)/2n-th power whose n-th power is -1. */
static uint64_t root_find(uint64_t p, unsigned log_n)
{
    for (uint64_t g = 2;; g++) {
        uint64_t psi = ntt_power(g, (p - 1) >> (log_n + 1), p);
        if (ntt_power(psi, (uint64_t)1 << log_n, p) == p - 1)
            return psi;
    }
}

static double centred(uint64_t a, uint64_t p)
{
    return a > p / 2 ? -(double)(p - a) : (double)a;
}

/* table[bitrev(i)] = psi^i. */
static void powers(double *table, uint64_t psi, uint64_t p, unsigned log_n)
{
    uint64_t w = 1;
    for (size_t i = 0; i >> log_n == 0; i++, w = times(w, psi, p)) {
        size_t k = 0;
        for (unsigned b = 0; b < log_n; b++)
            k |= (i >> b & 1) << (log_n - 1 - b);
        table[k] = centred(w, p);
    }
}

void ntt_tables(double *table, uint64_t p, unsigned log_n)
{
    uint64_t psi = root_find(p, log_n);
    powers(table, psi, p, log_n);
    powers(table + ((size_t)1 << log_n), ntt_invert(psi, p), p, log_n);
}

/* ---- the choice ---- */

#ifdef HAVE_X86_KERNELS
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static int has_c(void)
{
    return 1;
}

/* Best first. */
static const struct {
    const struct ntt_impl *impl;
    int (*usable)(void);
} choices[] = {
#ifdef HAVE_X86_KERNELS
    { &ntt_avx2, has_avx2 },
#endif
    { &ntt_portable, has_c },
};

/* A pointer to a constant table, the same whoever sets it. */
static _Atomic(const struct ntt_impl *) chosen;

/* The first usable implementation of that name (NULL: of any), or NULL. */
static const struct ntt_impl *choice_find(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if ((name == NULL || strcmp(name, choices[i].impl->name) == 0) && choices[i].usable())
            return choices[i].impl;
    return NULL;
}

static const struct ntt_impl *ntt(void)
{
    const struct ntt_impl *impl = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (impl == NULL) {
        impl = choice_find(NULL);
        atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    }
    return impl;
}

const char *ntt_isa(void)
{
    return ntt()->name;
}

int ntt_force(const char *isa)
{
    const struct ntt_impl *impl = choice_find(isa);
    if (impl == NULL)
        return -1;
    atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    return 0;
}

/* ---- the operations ---- */

void ntt_forward(const struct ntt *t, double *x)
{
    ntt()->forward(t, x);
}

void ntt_backward(const struct ntt *t, double *x)
{
    ntt()->backward(t, x);
}

void ntt_multiply_add(const struct ntt *t, double *z, const double *x, const double *y, size_t n)
{
    ntt()->multiply_add(t, z, x, y, n);
}

void ntt_add_words(const struct ntt *t, double *z, const uint64_t *x, uint64_t c, size_t n)
{
    uint64_t p = (uint64_t)t->p;
    ntt()->add_words(t, z, x, centred(c, p), centred(times(c, (uint64_t)1 << 32, p), p), n);
}

void ntt_drop(const struct ntt *t, double *z, const double *y, uint64_t c, size_t n)
{
    ntt()->drop(t, z, y, centred(c, (uint64_t)t->p), n);
}

void ntt_centre(const struct ntt *t, double *z, size_t n)
{
    ntt()->centre(t, z, n);
}

void ntt_words(const struct ntt *t, uint64_t *z, const double *x, size_t n)
{
    ntt()->words(t, z, x, n);
}
