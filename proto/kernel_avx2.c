/*
 * kernel_avx2.c: the matrix product for x86-64-v3. The bit planes are in kernel_planes_avx2.c.
 *
 * With a = a1 2^32 + a0 and b = b1 2^32 + b0,
 *
 *     a b = a0 b0 + 2^32 (a0 b1 + a1 b0)   mod 2^64.
 *
 * AVX2 has no 64-bit multiplication. a0 b0 is one vpmuludq; both cross terms, of which only the
 * low 32 bits count, are one vpmulld of a against b with its halves swapped. They are summed in
 * registers of their own, and meet after the last k: two multiplications for four products.
 */
#include <immintrin.h>
#include <string.h>

#include "proto/kernel_impl.h"

enum { TILE_ROWS = 3 };     /* 3 x 2 vectors x 2 sums: 12 of the 16 registers */

struct sum {
    __m256i low, cross;
};

/* One row of a times one row of the panel: s += x (b0, b1). */
static inline __attribute__((always_inline)) void row_step(struct sum s[2], uint64_t x,
                                                           __m256i b0, __m256i b1,
                                                           __m256i swapped0, __m256i swapped1)
{
    __m256i a = _mm256_set1_epi64x((long long)x);
    s[0].low = _mm256_add_epi64(s[0].low, _mm256_mul_epu32(a, b0));
    s[1].low = _mm256_add_epi64(s[1].low, _mm256_mul_epu32(a, b1));
    s[0].cross = _mm256_add_epi32(s[0].cross, _mm256_mullo_epi32(a, swapped0));
    s[1].cross = _mm256_add_epi32(s[1].cross, _mm256_mullo_epi32(a, swapped1));
}

/* Three rows (a, a + lda, a + 2 lda) times a panel of k > 0 rows, written out: twelve sums leave
 * four registers, which suffice if b is taken from memory anew for each product. gcc 12 would
 * rather keep b, and spill sums or copy them about. */
#define ROW_STEP(address, low0, cross0, low1, cross1)                               \
    "vpbroadcastq " address ", %%ymm12\n\t"                                         \
    "vpmuludq (%[b]), %%ymm12, %%ymm13\n\t"                                         \
    "vpaddq %%ymm13, %[" low0 "], %[" low0 "]\n\t"                                  \
    "vpmulld %%ymm14, %%ymm12, %%ymm13\n\t"                                         \
    "vpaddd %%ymm13, %[" cross0 "], %[" cross0 "]\n\t"                              \
    "vpmuludq 32(%[b]), %%ymm12, %%ymm13\n\t"                                       \
    "vpaddq %%ymm13, %[" low1 "], %[" low1 "]\n\t"                                  \
    "vpmulld %%ymm15, %%ymm12, %%ymm13\n\t"                                         \
    "vpaddd %%ymm13, %[" cross1 "], %[" cross1 "]\n\t"

static inline __attribute__((always_inline)) void three_rows(struct sum s[3][2],
                                                             const uint64_t *a, size_t lda,
                                                             const uint64_t *b, size_t k)
{
    const uint64_t *end = b + k * KERNEL_PANEL;
    __asm__("1:\n\t"
            "vpshufd $0xb1, (%[b]), %%ymm14\n\t"
            "vpshufd $0xb1, 32(%[b]), %%ymm15\n\t"
            ROW_STEP("(%[a])", "l00", "c00", "l01", "c01")
            ROW_STEP("(%[a],%[lda])", "l10", "c10", "l11", "c11")
            ROW_STEP("(%[a],%[lda],2)", "l20", "c20", "l21", "c21")
            "add $8, %[a]\n\t"
            "add $64, %[b]\n\t"
            "cmp %[end], %[b]\n\t"
            "jne 1b"
            : [l00] "+x"(s[0][0].low), [c00] "+x"(s[0][0].cross),
              [l01] "+x"(s[0][1].low), [c01] "+x"(s[0][1].cross),
              [l10] "+x"(s[1][0].low), [c10] "+x"(s[1][0].cross),
              [l11] "+x"(s[1][1].low), [c11] "+x"(s[1][1].cross),
              [l20] "+x"(s[2][0].low), [c20] "+x"(s[2][0].cross),
              [l21] "+x"(s[2][1].low), [c21] "+x"(s[2][1].cross),
              [a] "+r"(a), [b] "+r"(b)
            : [lda] "r"(lda * sizeof *a), [end] "r"(end)
            : "cc", "xmm12", "xmm13", "xmm14", "xmm15", "memory");
}

static inline __attribute__((always_inline)) __m256i sum_result(struct sum s)
{
    __m256i cross = _mm256_add_epi32(s.cross, _mm256_shuffle_epi32(s.cross, 0xb1));
    return _mm256_add_epi64(s.low, _mm256_slli_epi64(cross, 32));
}

/* c[0 .. 4) += v, of which only the first `columns` exist. */
static inline void row_add(uint64_t *c, __m256i v, size_t columns)
{
    if (columns >= 4) {
        __m256i *p = (__m256i *)c;
        _mm256_storeu_si256(p, _mm256_add_epi64(_mm256_loadu_si256(p), v));
        return;
    }
    __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)columns),
                                      _mm256_setr_epi64x(0, 1, 2, 3));
    __m256i old = _mm256_maskload_epi64((const long long *)c, mask);
    _mm256_maskstore_epi64((long long *)c, mask, _mm256_add_epi64(old, v));
}

/* Adds the sums of `rows` rows, a constant where this is inlined, to c. */
static inline __attribute__((always_inline)) void sums_add(uint64_t *c, size_t ldc,
                                                           struct sum (*s)[2], int rows,
                                                           size_t columns)
{
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++, c += ldc) {
        row_add(c, sum_result(s[r][0]), columns);
        if (columns > 4)
            row_add(c + 4, sum_result(s[r][1]), columns - 4);
    }
}

/* c += a b for one row or two of a and one panel; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void tile(uint64_t *c, size_t ldc, const uint64_t *a,
                                                       size_t lda, const uint64_t *b, size_t k,
                                                       size_t columns, int rows)
{
    struct sum s[2][2];
    memset(s, 0, sizeof s);
#pragma GCC unroll 4
    for (size_t t = 0; t < k; t++, b += KERNEL_PANEL) {
        __m256i b0 = _mm256_loadu_si256((const __m256i *)b);
        __m256i b1 = _mm256_loadu_si256((const __m256i *)(b + 4));
        __m256i swapped0 = _mm256_shuffle_epi32(b0, 0xb1);
        __m256i swapped1 = _mm256_shuffle_epi32(b1, 0xb1);
#pragma GCC unroll 2
        for (int r = 0; r < rows; r++)
            row_step(s[r], a[(size_t)r * lda + t], b0, b1, swapped0, swapped1);
    }
    sums_add(c, ldc, s, rows, columns);
}

static void tile_three(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *b,
                       size_t k, size_t columns)
{
    struct sum s[TILE_ROWS][2];
    memset(s, 0, sizeof s);
    three_rows(s, a, lda, b, k);
    sums_add(c, ldc, s, TILE_ROWS, columns);
}

/* All rows of a block of a against one panel. Four rows left are two and two, not three and one. */
static void block_panel(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *b,
                        size_t m, size_t k, size_t columns)
{
    while (m > 0) {
        size_t rows = m == 4 ? 2 : kernel_min(m, TILE_ROWS);
        if (rows == 3)
            tile_three(c, ldc, a, lda, b, k, columns);
        else if (rows == 2)
            tile(c, ldc, a, lda, b, k, columns, 2);
        else
            tile(c, ldc, a, lda, b, k, columns, 1);
        c += rows * ldc;
        a += rows * lda;
        m -= rows;
    }
}

/* One row: b is read once, from memory, in the order in which it lies there. */
static void vector_gemm(uint64_t *c, const uint64_t *a, const uint64_t *packed, size_t k, size_t n)
{
    for (size_t j = 0; j < n; j += KERNEL_PANEL)
        tile(c + j, 0, a, 0, packed + j * k, k, n - j, 1);
}

static void gemm(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *packed,
                 size_t m, size_t k, size_t n)
{
    if (m == 1) {
        vector_gemm(c, a, packed, k, n);
        return;
    }
    size_t most = kernel_depth(m);
    for (size_t t = 0; t < k; t += most) {
        size_t depth = kernel_min(most, k - t);
        for (size_t i = 0; i < m; i += KERNEL_ROWS) {
            size_t rows = kernel_min(KERNEL_ROWS, m - i);
            for (size_t j = 0; j < n; j += KERNEL_PANEL)
                block_panel(c + i * ldc + j, ldc, a + i * lda + t, lda,
                            packed + j * k + t * KERNEL_PANEL, rows, depth, n - j);
        }
    }
}

const struct kernel_impl kernel_avx2 = {
    .name = "avx2",
    .gemm = gemm,
    .planes_from_words = kernel_planes_avx2,
    .rows_from_planes = kernel_rows_avx2,
};
