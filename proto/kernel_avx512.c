/*
 * kernel_avx512.c: the matrix product where the processor multiplies 64-bit words itself (vpmullq,
 * AVX-512 DQ). One multiplication for eight products; everything else as in kernel_avx2.c.
 */
#include <immintrin.h>

#include "proto/kernel_impl.h"

enum { TILE_ROWS = 6 };     /* 6 rows x 2 panels: 12 sums, of latency that the adder hides */

static inline __attribute__((always_inline)) void row_add(uint64_t *c, __m512i v, size_t columns)
{
    __mmask8 mask = columns >= 8 ? 0xff : (__mmask8)((1u << columns) - 1);
    _mm512_mask_storeu_epi64(c, mask, _mm512_add_epi64(_mm512_maskz_loadu_epi64(mask, c), v));
}

/* c += a b for `rows` rows and `panels` panels (at a distance of `apart` words); both constants. */
static inline __attribute__((always_inline)) void tile(uint64_t *c, size_t ldc, const uint64_t *a,
                                                       size_t lda, const uint64_t *b, size_t apart,
                                                       size_t k, size_t columns, int rows,
                                                       int panels)
{
    __m512i s[TILE_ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int p = 0; p < panels; p++)
            s[r][p] = _mm512_setzero_si512();

#pragma GCC unroll 4
    for (size_t t = 0; t < k; t++) {
        __m512i y[2];
#pragma GCC unroll 2
        for (int p = 0; p < panels; p++)
            y[p] = _mm512_loadu_si512(b + (size_t)p * apart + t * KERNEL_PANEL);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            __m512i x = _mm512_set1_epi64((long long)a[(size_t)r * lda + t]);
#pragma GCC unroll 2
            for (int p = 0; p < panels; p++)
                s[r][p] = _mm512_add_epi64(s[r][p], _mm512_mullo_epi64(x, y[p]));
        }
    }

#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int p = 0; p < panels; p++)
            row_add(c + (size_t)r * ldc + 8 * p, s[r][p], columns - 8 * (size_t)p);
}

/* All rows of a block against one panel or two. */
static inline __attribute__((always_inline)) void block(uint64_t *c, size_t ldc, const uint64_t *a,
                                                        size_t lda, const uint64_t *b,
                                                        size_t apart, size_t m, size_t k,
                                                        size_t columns, int panels)
{
    while (m > 0) {
        size_t rows = m == 7 || m == 8 ? 4 : kernel_min(m, TILE_ROWS);
        switch (rows) {
        case 6: tile(c, ldc, a, lda, b, apart, k, columns, 6, panels); break;
        case 5: tile(c, ldc, a, lda, b, apart, k, columns, 5, panels); break;
        case 4: tile(c, ldc, a, lda, b, apart, k, columns, 4, panels); break;
        case 3: tile(c, ldc, a, lda, b, apart, k, columns, 3, panels); break;
        case 2: tile(c, ldc, a, lda, b, apart, k, columns, 2, panels); break;
        default: tile(c, ldc, a, lda, b, apart, k, columns, 1, panels); break;
        }
        c += rows * ldc;
        a += rows * lda;
        m -= rows;
    }
}

static void gemm(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *packed,
                 size_t m, size_t k, size_t n)
{
    size_t most = kernel_depth(m), apart = k * KERNEL_PANEL;
    for (size_t t = 0; t < k; t += most) {
        size_t depth = kernel_min(most, k - t);
        for (size_t i = 0; i < m; i += KERNEL_ROWS) {
            size_t rows = kernel_min(KERNEL_ROWS, m - i), j = 0;
            for (; j + KERNEL_PANEL < n; j += 2 * KERNEL_PANEL)
                block(c + i * ldc + j, ldc, a + i * lda + t, lda,
                      packed + j * k + t * KERNEL_PANEL, apart, rows, depth, n - j, 2);
            if (j < n)
                block(c + i * ldc + j, ldc, a + i * lda + t, lda,
                      packed + j * k + t * KERNEL_PANEL, apart, rows, depth, n - j, 1);
        }
    }
}

const struct kernel_impl kernel_avx512 = {
    .name = "avx512",
    .gemm = gemm,
    .planes_from_words = kernel_planes_avx2,
    .rows_from_planes = kernel_rows_avx2,
};
