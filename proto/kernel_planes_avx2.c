/*
 * kernel_planes_avx2.c: words to bit planes, 64 words at a time.
 *
 * Forth: bring byte p of 32 words side by side into one vector; vpmovmskb takes the top bit of
 * every byte, and doubling the bytes brings up the next. Back: bring the bytes of eight planes
 * that belong to the same eight words together, transpose 8 x 8 bits within 64-bit lanes, and
 * interleave the bytes. Which planes exist is public; no bit decides anything.
 */
#include <immintrin.h>
#include <string.h>

#include "net/base_mem.h"
#include "proto/kernel_impl.h"

/* Words of a plane in one cache line. Planes often lie a multiple of 4 KB apart, where they compete
 * for the same few places of the cache: they are read and written by whole lines. */
enum { LINE = 8 };

/* ---- words to planes ---- */

/* Bits lo .. lo + 31 of eight words, in order. */
static inline __m256i eight_words(const uint64_t *x, __m128i lo)
{
    __m256i a = _mm256_srl_epi64(_mm256_loadu_si256((const __m256i *)x), lo);
    __m256i b = _mm256_srl_epi64(_mm256_loadu_si256((const __m256i *)(x + 4)), lo);
    __m256i both = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a),
                                                         _mm256_castsi256_ps(b), 0x88));
    return _mm256_permute4x64_epi64(both, 0xd8);
}

/* bytes[p] = byte p of bits lo .. lo + 31 of x[0 .. 32), in order. */
static inline void bytes_of_words(__m256i bytes[4], const uint64_t *x, __m128i lo)
{
    const __m256i gather = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
                                            0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i d0 = _mm256_shuffle_epi8(eight_words(x, lo), gather);
    __m256i d1 = _mm256_shuffle_epi8(eight_words(x + 8, lo), gather);
    __m256i d2 = _mm256_shuffle_epi8(eight_words(x + 16, lo), gather);
    __m256i d3 = _mm256_shuffle_epi8(eight_words(x + 24, lo), gather);

    __m256i low01 = _mm256_unpacklo_epi32(d0, d1), high01 = _mm256_unpackhi_epi32(d0, d1);
    __m256i low23 = _mm256_unpacklo_epi32(d2, d3), high23 = _mm256_unpackhi_epi32(d2, d3);
    bytes[0] = _mm256_permutevar8x32_epi32(_mm256_unpacklo_epi64(low01, low23), order);
    bytes[1] = _mm256_permutevar8x32_epi32(_mm256_unpackhi_epi64(low01, low23), order);
    bytes[2] = _mm256_permutevar8x32_epi32(_mm256_unpacklo_epi64(high01, high23), order);
    bytes[3] = _mm256_permutevar8x32_epi32(_mm256_unpackhi_epi64(high01, high23), order);
}

/* Stores the low `count` bits of the bytes of 64 words, one word to a plane. */
static inline __attribute__((always_inline)) void bits_store(uint64_t *planes, size_t stride,
                                                             __m256i a, __m256i b, unsigned count)
{
    if (count < 8) {    /* what crosses from byte to byte stays below the bits that are taken */
        __m128i shift = _mm_cvtsi32_si128((int)(8 - count));
        a = _mm256_sll_epi16(a, shift);
        b = _mm256_sll_epi16(b, shift);
    }
#pragma GCC unroll 8
    for (unsigned j = count; j-- > 0;) {
        uint64_t low = (uint32_t)_mm256_movemask_epi8(a);
        uint64_t high = (uint32_t)_mm256_movemask_epi8(b);
        planes[j * stride] = low | high << 32;
        a = _mm256_add_epi8(a, a);
        b = _mm256_add_epi8(b, b);
    }
}

/* The planes of 64 words. */
static inline void group_planes(uint64_t *planes, size_t stride, const uint64_t *x, unsigned lo,
                                unsigned width)
{
    for (unsigned first = 0; first < width; first += 32) {
        __m128i shift = _mm_cvtsi32_si128((int)(lo + first));
        __m256i a[4], b[4];
        bytes_of_words(a, x, shift);
        bytes_of_words(b, x + 32, shift);
        for (unsigned p = 0; p < 4 && first + 8 * p < width; p++) {
            unsigned j = first + 8 * p;
            if (width - j >= 8)
                bits_store(planes + j * stride, stride, a[p], b[p], 8);
            else
                bits_store(planes + j * stride, stride, a[p], b[p], width - j);
        }
    }
}

void kernel_planes_avx2(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                        unsigned lo, unsigned width)
{
    uint64_t lines[64][LINE], last[64] = { 0 };
    size_t whole = n / 64, rest = n % 64, g = 0;
    for (; g + LINE <= whole; g += LINE) {
        for (size_t i = 0; i < LINE; i++)
            group_planes(&lines[0][i], LINE, x + 64 * (g + i), lo, width);
        for (unsigned j = 0; j < width; j++)
            memcpy(planes + j * stride + g, lines[j], sizeof lines[j]);
    }
    for (; g < whole; g++)
        group_planes(planes + g, stride, x + 64 * g, lo, width);
    if (rest > 0) {
        memcpy(last, x + 64 * whole, rest * sizeof *x);
        group_planes(planes + whole, stride, last, lo, width);
        wipe(last, sizeof last);
    }
    if (whole >= LINE)
        wipe(lines, width * sizeof lines[0]);
}
