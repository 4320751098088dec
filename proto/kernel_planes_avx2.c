/*
 * kernel_planes_avx2.c: words to bit planes and back, 64 words at a time.
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

/* ---- planes to words ---- */

static inline __m128i plane_load(const uint64_t *planes, size_t stride, unsigned j, unsigned count)
{
    return j < count ? _mm_loadl_epi64((const __m128i *)(planes + j * stride))
                     : _mm_setzero_si128();
}

/* Swaps the bits at distance s that `mask` (the lower of each two) marks. */
static inline __m256i swap_bits(__m256i x, int s, long long mask)
{
    __m256i differ = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(x, s), x),
                                      _mm256_set1_epi64x(mask));
    return _mm256_xor_si256(x, _mm256_xor_si256(differ, _mm256_slli_epi64(differ, s)));
}

/* Transposes the 8 x 8 bits of each 64-bit lane. */
static inline __m256i transpose_lanes(__m256i x)
{
    x = swap_bits(x, 7, 0x00aa00aa00aa00aa);
    x = swap_bits(x, 14, 0x0000cccc0000cccc);
    return swap_bits(x, 28, 0x00000000f0f0f0f0);
}

/* a: a byte for each of words 0 .. 31, of bits from `count` planes (at most 8); b: of 32 .. 63. */
static inline __attribute__((always_inline)) void bytes_of_planes(__m256i *a, __m256i *b,
                                                                  const uint64_t *planes,
                                                                  size_t stride, unsigned count)
{
    __m128i p[8];
#pragma GCC unroll 8
    for (unsigned j = 0; j < 8; j++)
        p[j] = plane_load(planes, stride, j, count);
    __m128i p01 = _mm_unpacklo_epi8(p[0], p[1]), p23 = _mm_unpacklo_epi8(p[2], p[3]);
    __m128i p45 = _mm_unpacklo_epi8(p[4], p[5]), p67 = _mm_unpacklo_epi8(p[6], p[7]);
    __m128i low03 = _mm_unpacklo_epi16(p01, p23), high03 = _mm_unpackhi_epi16(p01, p23);
    __m128i low47 = _mm_unpacklo_epi16(p45, p67), high47 = _mm_unpackhi_epi16(p45, p67);
    *a = transpose_lanes(_mm256_set_m128i(_mm_unpackhi_epi32(low03, low47),
                                          _mm_unpacklo_epi32(low03, low47)));
    *b = transpose_lanes(_mm256_set_m128i(_mm_unpackhi_epi32(high03, high47),
                                          _mm_unpacklo_epi32(high03, high47)));
}

/* Four vectors of bytes to four of 32-bit halves: halves[i] holds words 4 i .. and 16 + 4 i ... */
static inline void halves_of_bytes(__m256i halves[4], const __m256i bytes[4])
{
    __m256i low01 = _mm256_unpacklo_epi8(bytes[0], bytes[1]);
    __m256i high01 = _mm256_unpackhi_epi8(bytes[0], bytes[1]);
    __m256i low23 = _mm256_unpacklo_epi8(bytes[2], bytes[3]);
    __m256i high23 = _mm256_unpackhi_epi8(bytes[2], bytes[3]);
    halves[0] = _mm256_unpacklo_epi16(low01, low23);
    halves[1] = _mm256_unpackhi_epi16(low01, low23);
    halves[2] = _mm256_unpacklo_epi16(high01, high23);
    halves[3] = _mm256_unpackhi_epi16(high01, high23);
}

/* Joins the low and the high halves of eight words: x[0 .. 4) and x[16 .. 20). */
static inline void words_store(uint64_t *x, __m256i low, __m256i high)
{
    __m256i even = _mm256_unpacklo_epi32(low, high), odd = _mm256_unpackhi_epi32(low, high);
    _mm256_storeu_si256((__m256i *)x, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((__m256i *)(x + 16), _mm256_permute2x128_si256(even, odd, 0x31));
}

/* The halves (of 64 words) that at most 32 planes make. */
static inline __attribute__((always_inline)) void group_halves(__m256i a[4], __m256i b[4],
                                                               const uint64_t *planes,
                                                               size_t stride, unsigned width)
{
    __m256i bytes_a[4], bytes_b[4];
#pragma GCC unroll 4
    for (unsigned p = 0; p < 4; p++) {
        const uint64_t *first = planes + 8 * p * stride;
        __m256i byte_a = _mm256_setzero_si256(), byte_b = byte_a;
        if (width >= 8 * p + 8)
            bytes_of_planes(&byte_a, &byte_b, first, stride, 8);
        else if (width > 8 * p)
            bytes_of_planes(&byte_a, &byte_b, first, stride, width - 8 * p);
        bytes_a[p] = byte_a;
        bytes_b[p] = byte_b;
    }
    halves_of_bytes(a, bytes_a);
    halves_of_bytes(b, bytes_b);
}

static inline void group_words(uint64_t *x, const uint64_t *planes, size_t stride, unsigned width)
{
    __m256i low[2][4], high[2][4], none = _mm256_setzero_si256();
    group_halves(low[0], low[1], planes, stride, width < 32 ? width : 32);
    if (width <= 32) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            words_store(x + i / 4 * 32 + i % 4 * 4, low[i / 4][i % 4], none);
        return;
    }
    group_halves(high[0], high[1], planes + 32 * stride, stride, width - 32);
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++)
        words_store(x + i / 4 * 32 + i % 4 * 4, low[i / 4][i % 4], high[i / 4][i % 4]);
}

void kernel_words_avx2(uint64_t *x, const uint64_t *planes, size_t stride, size_t n,
                       unsigned width)
{
    uint64_t lines[64][LINE], last[64];
    size_t whole = n / 64, rest = n % 64, g = 0;
    for (; g + LINE <= whole; g += LINE) {
        for (unsigned j = 0; j < width; j++)
            memcpy(lines[j], planes + j * stride + g, sizeof lines[j]);
        for (size_t i = 0; i < LINE; i++)
            group_words(x + 64 * (g + i), &lines[0][i], LINE, width);
    }
    for (; g < whole; g++)
        group_words(x + 64 * g, planes + g, stride, width);
    if (rest > 0) {
        group_words(last, planes + whole, stride, width);
        memcpy(x + 64 * whole, last, rest * sizeof *x);
        wipe(last, sizeof last);
    }
    if (whole >= LINE)
        wipe(lines, width * sizeof lines[0]);
}
