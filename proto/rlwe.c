/*
 * rlwe.c: keys, encryption, and products; rlwe_answer.c has the rest.
 *
 * A message holds a seed and the transform of the b part, so that neither end transforms it twice.
 * The secret key is kept as the transform of -s.
 */
#include "proto/rlwe.h"

#include <string.h>

#include "proto/rlwe_impl.h"

const struct rlwe_prime rlwe_prime[K] = {
    { 4398046150657, 42 }, { 4398044938241, 42 },
    { 1099510054913, 40 }, { 1099508121601, 40 }, { 1099507695617, 40 },
};

void rlwe_tables(void *tables)
{
    for (unsigned k = 0; k < K; k++)
        ntt_tables((double *)tables + 2 * k * (size_t)N, rlwe_prime[k].p, LOG_N);
}

void rlwe_scale(uint64_t *z, const uint64_t *m, size_t n)
{
    uint64_t q = 1;
    for (unsigned k = 0; k < K; k++)
        q *= rlwe_prime[k].p;
    for (size_t i = 0; i < n; i++)
        z[i] = q * m[i];
}

/* The b part for the errors e and q times the plaintext (NULL: 0), prime by prime. work: 3 N. */
static void seal(uint8_t *out, const uint8_t *seed, const double *e, const uint64_t *qm,
                 const double *secret, const void *tables, double *work)
{
    double *b = work, *a = work + N;
    uint64_t *words = (uint64_t *)(work + 2 * N);
    for (unsigned k = 0; k < K; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        uint64_t p = rlwe_prime[k].p;
        memcpy(b, e, N * sizeof *b);
        if (qm != NULL)
            ntt_add_words(&t, b, qm, p - ntt_invert(rlwe_wide(p), p), N);
        ntt_forward(&t, b);
        rlwe_expand(a, &t, k, seed);
        ntt_multiply_add(&t, b, a, secret + k * (size_t)N, N);
        ntt_words(&t, words, b, N);
        bits_put(out, words, N, rlwe_prime[k].bits);
        out += bits_bytes(N, rlwe_prime[k].bits);
    }
}

void rlwe_keygen(void *secret, uint8_t *public, const void *tables,
                 const uint8_t seed[static RLWE_SEED], const struct rlwe_source *source,
                 void *scratch)
{
    double *s = secret, *small = scratch, *work = small + N;
    rlwe_ternary(small, source, 0, (uint64_t *)work);
    for (unsigned k = 0; k < K; k++) {
        struct ntt t = rlwe_ntt(tables, k);
        for (size_t i = 0; i < N; i++)
            s[k * (size_t)N + i] = -small[i];
        ntt_forward(&t, s + k * (size_t)N);
    }
    rlwe_binomial(small, source, N, (uint64_t *)work);
    memcpy(public, seed, RLWE_SEED);
    seal(public + RLWE_SEED, seed, small, NULL, s, tables, work);
}

void rlwe_encrypt(uint8_t *message, const uint64_t *m, const void *secret, const void *tables,
                  const struct rlwe_source *source, void *scratch)
{
    double *e = scratch, *work = e + N;
    uint64_t *qm = (uint64_t *)(work + 3 * N);
    prf_fill(source->own, source->gate, source->use, source->block, message, RLWE_SEED);
    rlwe_binomial(e, source, N, (uint64_t *)work);
    rlwe_scale(qm, m, N);
    seal(message + RLWE_SEED, message, e, qm, secret, tables, work);
}

/* A dishonest sender's residues may be p or more, but they are below 2 p, and that is enough. */
void rlwe_load(void *cipher, const uint8_t *message, const uint8_t *seed, const void *tables)
{
    double *b = cipher, *a = b + RLWE_POLY;
    const uint8_t *in = message + RLWE_SEED;
    for (unsigned k = 0; k < K; k++, a += N, b += N) {
        struct ntt t = rlwe_ntt(tables, k);
        bits_get(b, in, N, rlwe_prime[k].bits);
        in += bits_bytes(N, rlwe_prime[k].bits);
        rlwe_expand(a, &t, k, seed != NULL ? seed : message);
    }
}

void rlwe_plain(void *weight, const uint64_t *w, const void *tables)
{
    double *x = weight;
    memset(x, 0, RLWE_POLY * sizeof *x);
    for (unsigned k = 0; k < K; k++, x += N) {
        struct ntt t = rlwe_ntt(tables, k);
        ntt_add_words(&t, x, w, 1, N);
        ntt_forward(&t, x);
    }
}

void rlwe_multiply(void *sum, const void *cipher, const void *weight)
{
    for (unsigned k = 0; k < 2 * K; k++) {
        struct ntt t = ntt_of(rlwe_prime[k % K].p, LOG_N, NULL);
        ntt_multiply_add(&t, (double *)sum + k * (size_t)N, (const double *)cipher + k * (size_t)N,
                         (const double *)weight + k % K * (size_t)N, N);
    }
}
