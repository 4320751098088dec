/*
 * rlwe_draw.c: uniform, ternary, binomial and drowning numbers, in constant time.
 */
#include <string.h>

#include "net/base_mem.h"
#include "proto/rlwe_impl.h"

enum { PIECE = 1024 };      /* words of a on the stack at a time */

/* Low words, then high ones: low + 2^64 high, both signed, modulo p. */
void rlwe_expand(double *a, const struct ntt *t, unsigned k, const uint8_t seed[static RLWE_SEED])
{
    uint64_t words[2 * PIECE], wide = rlwe_wide(rlwe_prime[k].p);
    memset(a, 0, N * sizeof *a);
    for (size_t i = 0; i < N; i += PIECE) {
        prf_expand(seed, 2 * (k * (size_t)N + i), words, 2 * PIECE);
        ntt_add_words(t, a + i, words, 1, PIECE);
        ntt_add_words(t, a + i, words + PIECE, wide, PIECE);
    }
}

static void draw(uint64_t *words, size_t n, const struct rlwe_source *s, uint64_t block)
{
    prf_fill(s->own, s->gate, s->use, s->block + block, words, n * sizeof *words);
}

void rlwe_ternary(double *x, const struct rlwe_source *s, uint64_t block, uint64_t *words)
{
    draw(words, N, s, block);
    for (size_t i = 0; i < N; i++)
        x[i] = (double)((int64_t)((unsigned __int128)words[i] * 3 >> 64) - 1);
}

/* The ones among 21 bits less those among 21 others: as many as the ones among 42, less 21. */
void rlwe_binomial(double *x, const struct rlwe_source *s, uint64_t block, uint64_t *words)
{
    draw(words, N, s, block);
    for (size_t i = 0; i < N; i++) {
        uint64_t w = words[i] & (((uint64_t)1 << 42) - 1);
        w -= w >> 1 & 0x5555555555555555;
        w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
        w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
        w += w >> 32;
        w += w >> 16;
        w += w >> 8;
        x[i] = (double)((int64_t)(w & 0xff) - 21);
    }
}

void rlwe_flood(uint64_t *words, size_t n, const struct rlwe_source *s, uint64_t block)
{
    draw(words, 3 * n, s, block);
    for (size_t i = 2 * n; i < 3 * n; i++)
        words[i] = (uint64_t)((int64_t)words[i] >> (64 - (RLWE_FLOOD + 1 - 128)));
}
