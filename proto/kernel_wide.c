/*
 * kernel_wide.c: the matrix product modulo 2^128 of two-word elements by one-word ones:
 *
 *     a b = a_low b + 2^64 a_high b,   a_low b in full, a_high b modulo 2^64.
 *
 * Full products have no vector instruction; one multiplication, one addition with carry each, four
 * sums at a time, is what a core does in two cycles, and no slower in C than with mulx.
 */
#include "proto/kernel.h"
#include "proto/kernel_impl.h"

__extension__ typedef unsigned __int128 wide;

/* One row of a times four columns of a panel. */
static void row_four(uint64_t *low, uint64_t *high, const uint64_t *a, const uint64_t *b, size_t k,
                     size_t columns)
{
    wide s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t t = 0; t < k; t++, b += KERNEL_PANEL) {
        s0 += (wide)a[t] * b[0];
        s1 += (wide)a[t] * b[1];
        s2 += (wide)a[t] * b[2];
        s3 += (wide)a[t] * b[3];
    }
    const wide s[4] = { s0, s1, s2, s3 };
    for (size_t j = 0; j < columns; j++) {
        wide sum = s[j] + ((wide)high[j] << 64 | low[j]);
        low[j] = (uint64_t)sum;
        high[j] = (uint64_t)(sum >> 64);
    }
}

static void row_panel(uint64_t *low, uint64_t *high, const uint64_t *a, const uint64_t *b, size_t k,
                      size_t columns)
{
    row_four(low, high, a, b, k, kernel_min(4, columns));
    if (columns > 4)
        row_four(low + 4, high + 4, a, b + 4, k, kernel_min(4, columns - 4));
}

void gemm_u128(uint64_t *c_low, uint64_t *c_high, size_t ldc, const uint64_t *a_low,
               const uint64_t *a_high, size_t lda, const uint64_t *packed, size_t m, size_t k,
               size_t n)
{
    size_t most = kernel_depth(m);
    gemm_u64(c_high, ldc, a_high, lda, packed, m, k, n);
    for (size_t t = 0; t < k; t += most) {
        size_t depth = kernel_min(most, k - t);
        for (size_t j = 0; j < n; j += KERNEL_PANEL)
            for (size_t i = 0; i < m; i++)
                row_panel(c_low + i * ldc + j, c_high + i * ldc + j, a_low + i * lda + t,
                          packed + j * k + t * KERNEL_PANEL, depth, n - j);
    }
}
