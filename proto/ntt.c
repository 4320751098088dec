#include "proto/ntt.h"

enum { N = RLWE_N, LOG_N = 13 };

const uint64_t ntt_prime[RLWE_PRIMES] = {
    0x3fffffa8001, 0x3fffff3c001, 0xfffffdc001, 0xfffff4c001, 0xfffff3c001
};

uint64_t power(uint64_t base, uint64_t n, uint64_t p)
{
    uint64_t y = 1;
    for (; n > 0; n >>= 1) {
        if (n & 1)
            y = (uint64_t)((unsigned __int128)y * base % p);
        base = (uint64_t)((unsigned __int128)base * base % p);
    }
    return y;
}

/* A root of X^N + 1. */
static uint64_t root_of(uint64_t p)
{
    for (uint64_t g = 2;; g++) {
        uint64_t psi = power(g, (p - 1) / (2 * N), p);
        if (power(psi, N, p) == p - 1)
            return psi;
    }
}

static unsigned reversed(unsigned i)
{
    unsigned r = 0;
    for (unsigned b = 0; b < LOG_N; b++)
        r |= (i >> b & 1) << (LOG_N - 1 - b);
    return r;
}

static void fill(uint64_t *root, uint64_t *quotient, uint64_t psi, uint64_t p)
{
    uint64_t w = 1, by = factor_quotient(psi, p);
    for (unsigned i = 0; i < N; i++) {
        root[reversed(i)] = w;
        quotient[reversed(i)] = factor_quotient(w, p);
        w = times(w, psi, by, p);
    }
}

void ntt_tables(uint64_t tables[static RLWE_TABLES])
{
    for (unsigned k = 0; k < RLWE_PRIMES; k++) {
        uint64_t p = ntt_prime[k], psi = root_of(p), *t = tables + (size_t)k * 4 * N;
        fill(t, t + N, psi, p);
        fill(t + 2 * N, t + 3 * N, power(psi, p - 2, p), p);
    }
}

void ntt_forward(uint64_t x[static RLWE_N], unsigned k, const uint64_t *tables)
{
    const uint64_t p = ntt_prime[k], *root = tables + (size_t)k * 4 * N, *quotient = root + N;
    for (unsigned m = 1, t = N / 2; m < N; m *= 2, t /= 2)
        for (unsigned i = 0; i < m; i++) {
            uint64_t w = root[m + i], wq = quotient[m + i], *lo = x + (size_t)2 * i * t,
                     *hi = lo + t;
            for (unsigned j = 0; j < t; j++) {
                uint64_t u = lo[j], v = times(hi[j], w, wq, p);
                lo[j] = plus(u, v, p);
                hi[j] = minus(u, v, p);
            }
        }
}

void ntt_inverse(uint64_t x[static RLWE_N], unsigned k, const uint64_t *tables)
{
    const uint64_t p = ntt_prime[k], *root = tables + ((size_t)k * 4 + 2) * N,
                   *quotient = root + N;
    for (unsigned m = N / 2, t = 1; m > 0; m /= 2, t *= 2)
        for (unsigned i = 0; i < m; i++) {
            uint64_t w = root[m + i], wq = quotient[m + i], *lo = x + (size_t)2 * i * t,
                     *hi = lo + t;
            for (unsigned j = 0; j < t; j++) {
                uint64_t u = lo[j], v = hi[j];
                lo[j] = plus(u, v, p);
                hi[j] = times(minus(u, v, p), w, wq, p);
            }
        }
    uint64_t n = power(N, p - 2, p), nq = factor_quotient(n, p);
    for (unsigned i = 0; i < N; i++)
        x[i] = times(x[i], n, nq, p);
}
