/*
 * ntt.h: products of polynomials modulo X^n + 1 and a prime, by the number theoretic transform.
 *
 * The primes have p = 1 mod 2n and p < 2^47. With psi a 2n-th root of unity, X^n + 1 splits into
 * X^(n/2) - i and X^(n/2) + i, and so on down to linear factors: node k of that tree (its root is
 * 1, its children 2k and 2k + 1) goes with root[k] = psi^bitrev(k), and a level of the transform
 * is one butterfly (x + root y, x - root y) for each pair: Cooley and Tukey's going down, Gentleman
 * and Sande's going up. (Seiler, "Faster AVX2 optimized NTT multiplication", shows the merged psi.)
 *
 * Residues are doubles that hold integers, in no unique form: what leaves a function here is below
 * p in absolute value, mostly below p/2, unless it says otherwise. A product ab is exact as the sum
 * of two doubles, and a multiple of p near it is taken off:
 *
 *     h = fl(ab),  l = fma(a, b, -h),  q = round(h / p),  r = fma(-q, p, h) + l
 *
 * h / p is h times the reciprocal, so q is wrong by at most 1/2 + |ab/p| 2^-52 and
 * |r| <= p (1/2 + |ab/p| 2^-52); r is exact because h - qp is an integer below 2^53. Roots
 * are at most p/2, so 14 levels without a reduction between them add at most 11 p to what came in,
 * which stays in the 2^51 that rounding by a large constant allows: no comparisons, no carries, and
 * eight operations of the floating-point units for a butterfly. The result does not depend on how
 * many lanes there are: all implementations give the same doubles.
 *
 * Everything is in constant time: additions, products and fused ones of normal numbers and zeros.
 * A processor without a fused multiply-add computes it in software, slowly.
 *
 * Cost: n/2 log2(n) butterflies; n = 8192 takes 16 us with AVX2 and FMA.
 */
#ifndef OB_PROTO_NTT_H
#define OB_PROTO_NTT_H

#include <stddef.h>
#include <stdint.h>

enum { NTT_LOG_MIN = 4, NTT_LOG_MAX = 14, NTT_PRIME_BITS = 47 };

struct ntt {
    double p, inverse;          /* the prime, and 1 / p rounded */
    double scale;               /* 1 / n modulo p: n (p - 1) / n is -1 */
    unsigned log_n;
    const double *root;         /* n centred residues, by node */
    const double *back;         /* their inverses */
};

/* Doubles in the tables of one prime. */
static inline size_t ntt_table(unsigned log_n)
{
    return (size_t)2 << log_n;
}

/* Fills the tables. The caller answers for p being a prime of the form above. */
void ntt_tables(double *table, uint64_t p, unsigned log_n);

/* What goes with tables that were filled for p and n. */
static inline struct ntt ntt_of(uint64_t p, unsigned log_n, const double *table)
{
    return (struct ntt){ .p = (double)p, .inverse = 1 / (double)p,
                         .scale = -(double)(p >> log_n), .log_n = log_n,
                         .root = table, .back = table + ((size_t)1 << log_n) };
}

/* a^e and a^-1 modulo p, for public numbers. */
uint64_t ntt_power(uint64_t a, uint64_t e, uint64_t p);
uint64_t ntt_invert(uint64_t a, uint64_t p);

/* In place, x[n]: coefficients (below 2p) to values and back (from values below 2^50). Values stand
 * in the order of the leaves. Here and below n is a multiple of 4, and 32-byte aligned memory is
 * the fastest. */
void ntt_forward(const struct ntt *t, double *x);
void ntt_backward(const struct ntt *t, double *x);

/* z += x y, value by value for x, y below 4 p. z grows by at most 0.6 p. */
void ntt_multiply_add(const struct ntt *t, double *z, const double *x, const double *y, size_t n);

/* z += c x for signed words x in [-2^63, 2^63) and a constant 0 <= c < p. z grows by at most
 * 1.2 p. */
void ntt_add_words(const struct ntt *t, double *z, const uint64_t *x, uint64_t c, size_t n);

/* z = (z - y) c, for |z - y| < 2^50 and 0 <= c < p: a function of the integer z - y. */
void ntt_drop(const struct ntt *t, double *z, const double *y, uint64_t c, size_t n);

/* The one form: z to the residue in (-p/2, p/2), and to words in [0, p); |x| < 16 p. */
void ntt_centre(const struct ntt *t, double *z, size_t n);
void ntt_words(const struct ntt *t, uint64_t *z, const double *x, size_t n);

/* Which implementation is in use ("avx2", "portable"); tests can force one by name (-1: not on
 * this machine). */
const char *ntt_isa(void);
int ntt_force(const char *isa);

#endif
