/*
 * kernel_rows_avx2.c: 128 bit planes to rows of 128 bits, 128 rows at a time.
 *
 * Sixteen bytes of 32 planes are transposed as bytes, so that one vector holds the same eight rows
 * of 32 planes; vpmovmskb takes the top bit of every byte, which is the last of these rows, and
 * doubling the bytes brings up the one before.
 */
#include <immintrin.h>
#include <string.h>

#include "proto/kernel_impl.h"

/* Byte b of vector r goes to byte r of vector b, in each half: with the numbers of vector and byte
 * written as eight bits, one pass rotates them by one bit. */
static inline void bytes_transpose(__m256i a[16])
{
    __m256i b[16];
    for (unsigned pass = 0; pass < 4; pass++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            b[2 * i] = _mm256_unpacklo_epi8(a[i], a[i + 8]);
            b[2 * i + 1] = _mm256_unpackhi_epi8(a[i], a[i + 8]);
        }
        memcpy(a, b, sizeof b);
    }
}

/* 32 bits of 128 rows. */
static inline void quarter(uint8_t *rows, const uint64_t *planes, size_t stride)
{
    __m256i a[16];
    for (unsigned p = 0; p < 16; p++)
        a[p] = _mm256_loadu2_m128i((const __m128i *)(planes + (p + 16) * stride),
                                   (const __m128i *)(planes + p * stride));
    bytes_transpose(a);
    for (unsigned b = 0; b < 16; b++)
        for (unsigned r = 8; r-- > 0; a[b] = _mm256_add_epi8(a[b], a[b])) {
            int bits = _mm256_movemask_epi8(a[b]);
            memcpy(rows + (8 * b + r) * 16, &bits, sizeof bits);
        }
}

void kernel_rows_avx2(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n)
{
    for (size_t i = 0; i < n; i += 128)
        for (unsigned j = 0; j < 4; j++)
            quarter((uint8_t *)(rows + 2 * i) + 4 * j, planes + 32 * j * stride + i / 64, stride);
}
