/*
 * rlwe_answer.c: what becomes of a sum of products: masked, drowned, switched to q', and opened.
 */
#include <string.h>

#include "proto/rlwe_impl.h"

/* n, as the transforms want it: the last few lanes hold zeros. */
static size_t padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

void rlwe_add_zero(double *sum, const double *public, const void *tables,
                   const struct rlwe_source *s, double *work)
{
    double *small = work, *u = work + N;
    uint64_t *words = (uint64_t *)(work + 2 * N);
    rlwe_ternary(small, s, 0, words);
    for (unsigned k = 0; k < K; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        memcpy(u, small, N * sizeof *u);
        ntt_forward(&t, u);
        for (unsigned part = 0; part < 2; part++) {
            size_t at = (part * (size_t)K + k) * N;
            ntt_multiply_add(&t, sum + at, public + at, u, N);
            ntt_backward(&t, sum + at);
        }
    }
    rlwe_binomial(small, s, N / 2, words);
    for (unsigned k = 0; k < K; k++)
        for (size_t i = 0; i < N; i++)
            sum[RLWE_POLY + k * (size_t)N + i] += small[i];
}

void rlwe_add_flood(double *z, const double *b, const uint32_t *at, const uint64_t *r, size_t n,
                    const void *tables, uint64_t *words)
{
    size_t m = padded(n);
    uint64_t *masks = words + 3 * m;
    memset(masks, 0, m * sizeof *masks);
    rlwe_scale(masks, r, n);
    memset(z, 0, RLWE_POLY * sizeof *z);
    for (unsigned k = 0; k < K; k++, b += N, z += N) {
        struct ntt t = rlwe_ntt(tables, k);
        uint64_t p = rlwe_prime[k].p, wide = rlwe_wide(p);
        for (size_t i = 0; i < n; i++)
            z[i] = b[at[i]];
        ntt_add_words(&t, z, words, 1, m);
        ntt_add_words(&t, z, words + m, wide, m);
        ntt_add_words(&t, z, words + 2 * m, ntt_power(wide, 2, p), m);
        ntt_add_words(&t, z, masks, ntt_invert(wide, p), m);
    }
}

/* round(x / (p_2 p_3 p_4)) for n coefficients modulo all primes, prime by prime from the last: x
 * less its centred residue is a multiple of it. Each step is wrong by 1/2 at most, which the next
 * one divides. */
static void switch_down(double *x, size_t n, const void *tables)
{
    for (unsigned k = 0; k < K; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        ntt_centre(&t, x + k * (size_t)N, padded(n));
    }
    for (unsigned last = K - 1; last >= RLWE_KEPT; last--)
        for (unsigned k = 0; k < last; k++) {
            struct ntt t = rlwe_ntt(tables, k);
            uint64_t p = rlwe_prime[k].p;
            ntt_drop(&t, x + k * (size_t)N, x + last * (size_t)N,
                     ntt_invert(rlwe_prime[last].p % p, p), padded(n));
        }
}

/* n residues modulo each prime of q'. */
static uint8_t *kept_put(uint8_t *out, const double *x, size_t n, const void *tables,
                         uint64_t *words)
{
    for (unsigned k = 0; k < RLWE_KEPT; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        ntt_words(&t, words, x + k * (size_t)N, padded(n));
        bits_put(out, words, n, rlwe_prime[k].bits);
        out += bits_bytes(n, rlwe_prime[k].bits);
    }
    return out;
}

void rlwe_switch(uint8_t *message, double *a, double *z, size_t n, const void *tables,
                 uint64_t *words)
{
    switch_down(a, N, tables);
    switch_down(z, n, tables);
    message = kept_put(message, a, N, tables, words);
    kept_put(message, z, n, tables, words);
}

size_t rlwe_answer_bytes(size_t n)
{
    size_t bytes = 0;
    for (unsigned k = 0; k < RLWE_KEPT; k++)
        bytes += bits_bytes(N, rlwe_prime[k].bits) + bits_bytes(n, rlwe_prime[k].bits);
    return bytes;
}

void rlwe_answer(uint8_t *message, void *sum, const void *public, const uint32_t *at,
                 const uint64_t *r, size_t n, const void *tables,
                 const struct rlwe_source *source, void *scratch)
{
    double *b = sum, *a = b + RLWE_POLY, *z = scratch, *work = z + RLWE_POLY;
    uint64_t *words = (uint64_t *)work;
    rlwe_add_zero(sum, public, tables, source, work);
    rlwe_flood(words, padded(n), source, N);
    rlwe_add_flood(z, b, at, r, n, tables, words);
    rlwe_switch(message, a, z, n, tables, words);
}

/* ---- results ---- */

/* The nearest integers to t x / q' modulo t, and the least margin, for n values x given by
 * y_k = x (q' / p_k)^-1 modulo p_k: x / q' is the sum of the y_k / p_k, but for an integer; here in
 * units of 2^-128, wrong by 2^43 at most. */
static uint64_t round_all(uint64_t *m, const uint64_t *y, size_t n)
{
    unsigned __int128 inverse[RLWE_KEPT];
    int64_t least = INT64_MAX;
    for (unsigned k = 0; k < RLWE_KEPT; k++)
        inverse[k] = ~(unsigned __int128)0 / rlwe_prime[k].p;
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 f = 0;
        for (unsigned k = 0; k < RLWE_KEPT; k++)
            f += inverse[k] * y[k * (size_t)N + i];
        m[i] = (uint64_t)((f + ((unsigned __int128)1 << 63)) >> 64);
        int64_t off = (int64_t)f, sign = off >> 63;
        int64_t margin = INT64_MAX - (off ^ sign), less = (margin - least) >> 63;
        least += (margin - least) & less;
    }
    return (uint64_t)(least >> 43);
}

uint64_t rlwe_decrypt(uint64_t *m, const uint8_t *message, const uint32_t *at, size_t n,
                      const void *secret, const void *tables, void *scratch)
{
    double *a = scratch, *z = a + N, *x = z + N, *y = x + N;
    uint64_t *words = (uint64_t *)(y + N);
    const uint8_t *results = message + rlwe_answer_bytes(0);
    for (unsigned k = 0; k < RLWE_KEPT; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        uint64_t p = rlwe_prime[k].p, other = rlwe_prime[RLWE_KEPT - 1 - k].p;
        bits_get(a, message, N, rlwe_prime[k].bits);
        bits_get(x, results, n, rlwe_prime[k].bits);
        message += bits_bytes(N, rlwe_prime[k].bits);
        results += bits_bytes(n, rlwe_prime[k].bits);
        ntt_forward(&t, a);
        memset(z, 0, N * sizeof *z);
        ntt_multiply_add(&t, z, a, (const double *)secret + k * (size_t)N, N);
        ntt_backward(&t, z);
        for (size_t i = 0; i < n; i++)
            y[i] = z[at[i]];
        for (size_t i = n; i < padded(n); i++)
            x[i] = y[i] = 0;
        ntt_drop(&t, x, y, ntt_invert(other % p, p), padded(n));
        ntt_words(&t, words + k * (size_t)N, x, padded(n));
    }
    return round_all(m, words, n);
}
