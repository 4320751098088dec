/*
 * rlwe_impl.h: what the parts of the scheme share. Private to rlwe*.c and their tests.
 */
#ifndef OB_PROTO_RLWE_IMPL_H
#define OB_PROTO_RLWE_IMPL_H

#include "proto/ntt.h"
#include "proto/rlwe.h"

enum { N = RLWE_N, LOG_N = 13, K = RLWE_PRIMES };

_Static_assert(N == 1 << LOG_N, "N is a power of two");

struct rlwe_prime {
    uint64_t p;
    unsigned bits;
};

extern const struct rlwe_prime rlwe_prime[K];

/* Number k of the primes, with its part of the tables. */
static inline struct ntt rlwe_ntt(const void *tables, unsigned k)
{
    return ntt_of(rlwe_prime[k].p, LOG_N, (const double *)tables + 2 * k * (size_t)N);
}

/* 2^64 modulo p. */
static inline uint64_t rlwe_wide(uint64_t p)
{
    return (uint64_t)(((unsigned __int128)1 << 64) % p);
}

/* q m modulo 2^64 for n words: round(q m / 2^64) is -1 / 2^64 times its centred value, modulo each
 * prime. */
void rlwe_scale(uint64_t *z, const uint64_t *m, size_t n);

/* ---- rlwe_draw.c ---- */

/* The a part modulo number k of the primes, as a transform below 4 p. */
void rlwe_expand(double *a, const struct ntt *t, unsigned k, const uint8_t seed[static RLWE_SEED]);

/* N small numbers, from block `block` of the source on: N / 2 blocks. words: N. */
void rlwe_ternary(double *x, const struct rlwe_source *s, uint64_t block, uint64_t *words);
void rlwe_binomial(double *x, const struct rlwe_source *s, uint64_t block, uint64_t *words);

/* n integers uniform in [-2^F, 2^F) - 2^127 - 2^63, as three signed words each, the lowest first:
 * words[i], words[n + i], words[2 n + i]. n is even; 3 n / 2 blocks. */
void rlwe_flood(uint64_t *words, size_t n, const struct rlwe_source *s, uint64_t block);

/* ---- rlwe_answer.c: the steps of rlwe_answer, so that a test can leave one out ---- */

/* Adds (pk_b u, pk_a u + e_1); the parts become coefficients. work: 3 N. */
void rlwe_add_zero(double *sum, const double *public, const void *tables,
                   const struct rlwe_source *s, double *work);

/* The results out of the b part, less the encoded masks, under the flood that rlwe_flood left in
 * words (room for 4 N): z[k][n]. */
void rlwe_add_flood(double *z, const double *b, const uint32_t *at, const uint64_t *r, size_t n,
                    const void *tables, uint64_t *words);

/* Both parts modulo q', as a message. words: N. */
void rlwe_switch(uint8_t *message, double *a, double *z, size_t n, const void *tables,
                 uint64_t *words);

/* ---- rlwe_bits.c ---- */

/* n values of so many bits (56 at most), without gaps; zeros fill the last byte. */
size_t bits_bytes(size_t n, unsigned bits);
void bits_put(uint8_t *out, const uint64_t *x, size_t n, unsigned bits);
void bits_get(double *x, const uint8_t *in, size_t n, unsigned bits);

#endif
