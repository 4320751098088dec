/*
 * kernel.h: the arithmetic that takes the time, chosen for the processor at run time.
 *
 * Pure functions over memory that the caller owns; no allocation, no secret-dependent branch or
 * index. Each has a portable twin, and the tests hold both against plain loops. Ring elements are
 * uint64_t: wrap-around is the mathematics.
 *
 * Bit planes: n bits of one significance, bit i in word i / 64 at position i % 64, padded with
 * zeros to KERNEL_PLANE(n) words.
 */
#ifndef OB_PROTO_KERNEL_H
#define OB_PROTO_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_PLANE(n) (((size_t)(n) + 63) / 64)

static inline uint64_t plane_bit(const uint64_t *plane, size_t i)
{
    return (plane[i / 64] >> (i % 64)) & 1;
}

static inline void xor_words(uint64_t *z, const uint64_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] ^= x[i];
}

/* Which implementation is in use ("avx512", "avx2", "portable"); tests can force one by name (-1:
 * not on this machine). What was packed under one may be multiplied under another. */
const char *kernel_isa(void);
int kernel_force(const char *isa);

/* ---- matrix product mod 2^64 ---- */

/* Words that gemm_pack needs for a k x n right operand. */
size_t gemm_packed_words(size_t k, size_t n);

/* Packs row-major b (k x n, row stride ldb) once for many products. */
void gemm_pack(uint64_t *packed, const uint64_t *b, size_t ldb, size_t k, size_t n);

/* c += a b: c is m x n (row stride ldc), a is m x k row-major (row stride lda), b packed. */
void gemm_u64(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *packed,
              size_t m, size_t k, size_t n);

/* The same modulo 2^128 for left operands and sums of two words, low and high ones in matrices of
 * their own: kernel_wide.c. */
void gemm_u128(uint64_t *c_low, uint64_t *c_high, size_t ldc, const uint64_t *a_low,
               const uint64_t *a_high, size_t lda, const uint64_t *packed, size_t m, size_t k,
               size_t n);

/* ---- words to bit planes ---- */

/* planes[j * stride + i / 64] bit i % 64 = bit (lo + j) of x[i], for j < width, i < n; the
 * padding of the last word is zero. lo + width <= 64, stride >= KERNEL_PLANE(n). */
void planes_from_words(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                       unsigned lo, unsigned width);

/* ---- 128 bit planes to rows ---- */

/* Bit j % 64 of rows[2 i + j / 64] = bit i of plane j, for j < 128, i < n, a multiple of 128. */
void rows_from_planes(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n);

#endif
