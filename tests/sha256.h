/*
 * sha256.h: SHA-256 (FIPS 180-4) written for tests: a judge that shares nothing with the library
 * which the program uses. Slow and short. Its own known answers are in test_claim.c.
 */
#ifndef OB_TESTS_SHA256_H
#define OB_TESTS_SHA256_H

#include <math.h>
#include <stdint.h>
#include <string.h>

struct sha256 {
    uint32_t h[8], k[64];
    uint8_t block[64];
    uint64_t n;         /* bytes so far */
};

/* The first 32 bits of the fraction of a root of a prime; exact in 64-bit mantissas. */
static inline uint32_t sha256_fraction(long double root)
{
    return (uint32_t)((root - floorl(root)) * 4294967296.0L);
}

static inline void sha256_start(struct sha256 *s)
{
    memset(s, 0, sizeof *s);
    for (unsigned i = 0, p = 2; i < 64; p++) {
        unsigned d = 2;
        while (p % d != 0)
            d++;
        if (d < p)
            continue;
        if (i < 8)
            s->h[i] = sha256_fraction(sqrtl(p));
        s->k[i++] = sha256_fraction(cbrtl(p));
    }
}

static inline uint32_t sha256_turn(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static inline void sha256_block(struct sha256 *s)
{
    uint32_t w[64], v[8];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
               (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
    for (unsigned i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (sha256_turn(w[i - 15], 7) ^ sha256_turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (sha256_turn(w[i - 2], 17) ^ sha256_turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->h, sizeof v);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t e = v[4], a = v[0];
        uint32_t t1 = v[7] + (sha256_turn(e, 6) ^ sha256_turn(e, 11) ^ sha256_turn(e, 25)) +
                      ((e & v[5]) ^ (~e & v[6])) + s->k[i] + w[i];
        uint32_t t2 = (sha256_turn(a, 2) ^ sha256_turn(a, 13) ^ sha256_turn(a, 22)) +
                      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        s->h[i] += v[i];
}

static inline void sha256_add(struct sha256 *s, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        s->block[s->n++ % 64] = b[i];
        if (s->n % 64 == 0)
            sha256_block(s);
    }
}

static inline void sha256_end(struct sha256 *s, uint8_t out[static 32])
{
    uint64_t bits = s->n * 8;
    uint8_t tail[72] = { 0x80 };
    size_t pad = 64 - (s->n + 8) % 64;
    for (int i = 0; i < 8; i++)
        tail[pad + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(s, tail, pad + 8);
    for (unsigned i = 0; i < 32; i++)
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

#endif
