/*
 * ntt.h: arithmetic modulo the primes of ring-LWE, and the negacyclic number theoretic transform.
 *
 * Products by a known factor use its quotient (V. Shoup): with w' = floor(w 2^64 / p), x w - p
 * floor(x w' / 2^64) is in [0, 2 p) for every 64-bit x. The transforms are those of Cooley and
 * Tukey and of Gentleman and Sande over powers of a root psi with psi^N = -1 in bit-reversed order,
 * so that products of transforms are products modulo X^N + 1 (P. Longa, M. Naehrig, CANS 2016). No
 * branch and no index depends on what is transformed.
 */
#ifndef OB_PROTO_NTT_H
#define OB_PROTO_NTT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/rlwe.h"

extern const uint64_t ntt_prime[RLWE_PRIMES];

static inline uint64_t high_word(uint64_t x, uint64_t y)
{
    return (uint64_t)((unsigned __int128)x * y >> 64);
}

/* x if x < p, x - p if it is in [p, 2 p). */
static inline uint64_t below(uint64_t x, uint64_t p)
{
    uint64_t less = x - p;
    return less + (p & -(less >> 63));
}

/* floor(w 2^64 / p); public w < p. */
static inline uint64_t factor_quotient(uint64_t w, uint64_t p)
{
    return (uint64_t)(((unsigned __int128)w << 64) / p);
}

/* x w modulo p. */
static inline uint64_t times(uint64_t x, uint64_t w, uint64_t quotient, uint64_t p)
{
    return below(x * w - high_word(x, quotient) * p, p);
}

static inline uint64_t plus(uint64_t x, uint64_t y, uint64_t p)
{
    return below(x + y, p);
}

static inline uint64_t minus(uint64_t x, uint64_t y, uint64_t p)
{
    return below(x + p - y, p);
}

/* base^n modulo p; public. */
uint64_t power(uint64_t base, uint64_t n, uint64_t p);

/* The tables of prime number k: roots, their quotients, inverse roots, theirs. */
void ntt_tables(uint64_t tables[static RLWE_TABLES]);
void ntt_forward(uint64_t x[static RLWE_N], unsigned k, const uint64_t *tables);
void ntt_inverse(uint64_t x[static RLWE_N], unsigned k, const uint64_t *tables);

#endif
