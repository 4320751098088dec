/*
 * prf_aesni.c: counter blocks through AES-NI, eight in flight to cover its latency.
 */
#include <immintrin.h>
#include <string.h>

#include "proto/prf_impl.h"

/* The rounds after the first key; `count` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void blocks_finish(__m128i *s, const __m128i *keys,
                                                                unsigned count)
{
    for (unsigned r = 1; r < PRF_ROUNDS; r++)
#pragma GCC unroll 8
        for (unsigned i = 0; i < count; i++)
            s[i] = _mm_aesenc_si128(s[i], keys[r]);
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        s[i] = _mm_aesenclast_si128(s[i], keys[PRF_ROUNDS]);
}

/* Encrypts `count` counter blocks. */
static inline __attribute__((always_inline)) void blocks_encrypt(__m128i *s, const __m128i *keys,
                                                                 uint64_t domain, uint64_t block,
                                                                 unsigned count)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        s[i] = _mm_xor_si128(_mm_set_epi64x((long long)domain, (long long)(block + i)), keys[0]);
    blocks_finish(s, keys, count);
}

static inline __attribute__((always_inline)) void blocks_fill(uint8_t *out, const __m128i *keys,
                                                              uint64_t domain, uint64_t block,
                                                              unsigned count)
{
    __m128i s[8];
    blocks_encrypt(s, keys, domain, block, count);
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        _mm_storeu_si128((__m128i *)out + i, s[i]);
}

/* The first n < 16 bytes of a block, straight from the register: no copy is left to be wiped. */
static inline void part_store(uint8_t *out, __m128i block, size_t n)
{
    uint64_t word = (uint64_t)_mm_cvtsi128_si64(block);
    if (n & 8) {
        memcpy(out, &word, 8);
        word = (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(block, 8));
        out += 8;
    }
    if (n & 4) {
        uint32_t half = (uint32_t)word;
        memcpy(out, &half, 4);
        word >>= 32;
        out += 4;
    }
    for (size_t i = 0; i < (n & 3); i++)
        out[i] = (uint8_t)(word >> 8 * i);
}

static void fill(const uint8_t schedule[PRF_ROUNDS + 1][16], uint64_t domain, uint64_t block,
                 uint8_t *out, size_t n)
{
    const __m128i *keys = (const __m128i *)schedule;
    for (; n >= 128; n -= 128, out += 128, block += 8)
        blocks_fill(out, keys, domain, block, 8);
    if (n >= 64) {
        blocks_fill(out, keys, domain, block, 4);
        n -= 64, out += 64, block += 4;
    }
    for (; n >= 16; n -= 16, out += 16, block++)
        blocks_fill(out, keys, domain, block, 1);
    if (n > 0) {
        __m128i last;
        blocks_encrypt(&last, keys, domain, block, 1);
        part_store(out, last, n);
    }
}

static inline __attribute__((always_inline)) void blocks_permute(__m128i *p, const __m128i *keys,
                                                                 unsigned count)
{
    __m128i s[8];
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        s[i] = _mm_xor_si128(_mm_loadu_si128(p + i), keys[0]);
    blocks_finish(s, keys, count);
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        _mm_storeu_si128(p + i, s[i]);
}

static void permute(const uint8_t schedule[PRF_ROUNDS + 1][16], uint8_t *p, size_t n)
{
    const __m128i *keys = (const __m128i *)schedule;
    for (; n >= 128; n -= 128, p += 128)
        blocks_permute((__m128i *)p, keys, 8);
    for (; n >= 16; n -= 16, p += 16)
        blocks_permute((__m128i *)p, keys, 1);
}

const struct prf_impl prf_aesni = { .name = "aesni", .fill = fill, .permute = permute };
