/*
 * kernel_impl.h: what one implementation of the kernels brings. Private to kernel*.c.
 *
 * All implementations share one layout of the packed right operand, so that what was packed under
 * one may be used under any other: panels of KERNEL_PANEL columns, each k rows long without gaps,
 * the last one filled up with zero columns.
 */
#ifndef OB_PROTO_KERNEL_IMPL_H
#define OB_PROTO_KERNEL_IMPL_H

#include <stddef.h>
#include <stdint.h>

enum {
    KERNEL_PANEL = 8,       /* columns of a panel */
    KERNEL_DEPTH = 256,     /* rows of a panel that stay in the first-level cache: 16 KB */
    KERNEL_ROWS = 96        /* rows of the left operand that stay in the second: 192 KB */
};

struct kernel_impl {
    const char *name;
    void (*gemm)(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *packed,
                 size_t m, size_t k, size_t n);
    void (*planes_from_words)(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                              unsigned lo, unsigned width);
    void (*rows_from_planes)(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n);
};

extern const struct kernel_impl kernel_avx2;
extern const struct kernel_impl kernel_avx512;  /* AVX-512 F and DQ; planes are those of AVX2 */

/* The plane kernels of AVX2, for the implementation above it too. */
void kernel_planes_avx2(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                        unsigned lo, unsigned width);
void kernel_rows_avx2(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n);

/* How many rows of a panel to take at a time: with few rows to multiply, each panel is best read in
 * one go from wherever it lies; the second-level cache is fast enough to read it again. */
static inline size_t kernel_depth(size_t m)
{
    return m <= 2 * KERNEL_PANEL ? 8 * KERNEL_DEPTH : KERNEL_DEPTH;
}

static inline size_t kernel_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
