/*
 * prf_vaes.c: counter blocks through VAES, two to a vector and eight vectors in flight.
 */
#include <immintrin.h>

#include "proto/prf_impl.h"

static inline __m256i key_load(const __m128i *keys, unsigned r)
{
    return _mm256_broadcastsi128_si256(_mm_load_si128(keys + r));
}

/* The rounds after the first key of 2 `count` blocks; `count` is a constant where this is
 * inlined. */
static inline __attribute__((always_inline)) void rounds_store(__m256i *s, const __m128i *keys,
                                                               uint8_t *out, unsigned count)
{
    __m256i key;
    for (unsigned r = 1; r < PRF_ROUNDS; r++) {
        key = key_load(keys, r);
#pragma GCC unroll 8
        for (unsigned i = 0; i < count; i++)
            s[i] = _mm256_aesenc_epi128(s[i], key);
    }
    key = key_load(keys, PRF_ROUNDS);
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        _mm256_storeu_si256((__m256i *)out + i, _mm256_aesenclast_epi128(s[i], key));
}

/* Writes 2 `count` blocks from number `block` on. */
static inline __attribute__((always_inline)) void vectors(const __m128i *keys, uint64_t domain,
                                                          uint64_t block, uint8_t *out,
                                                          unsigned count)
{
    __m256i s[8], key = key_load(keys, 0);
    __m256i counter = _mm256_setr_epi64x((long long)block, (long long)domain,
                                         (long long)(block + 1), (long long)domain);
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; i++)
        s[i] = _mm256_xor_si256(_mm256_add_epi64(counter, _mm256_setr_epi64x(2 * i, 0, 2 * i, 0)),
                                key);
    rounds_store(s, keys, out, count);
}

static void fill(const uint8_t schedule[PRF_ROUNDS + 1][16], uint64_t domain, uint64_t block,
                 uint8_t *out, size_t n)
{
    const __m128i *keys = (const __m128i *)schedule;
    for (; n >= 256; n -= 256, out += 256, block += 16)
        vectors(keys, domain, block, out, 8);
    if (n >= 128) {
        vectors(keys, domain, block, out, 4);
        n -= 128, out += 128, block += 8;
    }
    if (n >= 64) {
        vectors(keys, domain, block, out, 2);
        n -= 64, out += 64, block += 4;
    }
    if (n >= 32) {
        vectors(keys, domain, block, out, 1);
        n -= 32, out += 32, block += 2;
    }
    if (n > 0)
        prf_aesni.fill(schedule, domain, block, out, n);
}

static void permute(const uint8_t schedule[PRF_ROUNDS + 1][16], uint8_t *p, size_t n)
{
    const __m128i *keys = (const __m128i *)schedule;
    __m256i s[8], key = key_load(keys, 0);
    for (; n >= 256; n -= 256, p += 256) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            s[i] = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)p + i), key);
        rounds_store(s, keys, p, 8);
    }
    prf_aesni.permute(schedule, p, n);
}

const struct prf_impl prf_vaes = { .name = "vaes", .fill = fill, .permute = permute };
