/*
 * kernel.c: the choice of the implementation, the packing common to all, and the portable twins.
 *
 * The choice is made at the first use and kept in one atomic pointer to a constant table: two
 * threads that come first together choose the same.
 */
#include "config.h"

#include "proto/kernel.h"

#include <stdatomic.h>
#include <string.h>

#include "net/base_mem.h"
#include "proto/kernel_impl.h"

/* ---- matrix product ---- */

size_t gemm_packed_words(size_t k, size_t n)
{
    return k * ((n + KERNEL_PANEL - 1) / KERNEL_PANEL * KERNEL_PANEL);
}

void gemm_pack(uint64_t *packed, const uint64_t *b, size_t ldb, size_t k, size_t n)
{
    for (size_t j = 0; j < n; j += KERNEL_PANEL) {
        size_t columns = kernel_min(KERNEL_PANEL, n - j);
        if (columns == KERNEL_PANEL) {
            for (size_t t = 0; t < k; t++, packed += KERNEL_PANEL)
                memcpy(packed, b + t * ldb + j, KERNEL_PANEL * sizeof *packed);
            continue;
        }
        for (size_t t = 0; t < k; t++, packed += KERNEL_PANEL)
            for (size_t i = 0; i < KERNEL_PANEL; i++)
                packed[i] = i < columns ? b[t * ldb + j + i] : 0;
    }
}

/* One row of a times one panel. */
static void row_panel(uint64_t *c, const uint64_t *a, const uint64_t *b, size_t k, size_t columns)
{
    uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (size_t t = 0; t < k; t++, b += KERNEL_PANEL) {
        s0 += a[t] * b[0];
        s1 += a[t] * b[1];
        s2 += a[t] * b[2];
        s3 += a[t] * b[3];
        s4 += a[t] * b[4];
        s5 += a[t] * b[5];
        s6 += a[t] * b[6];
        s7 += a[t] * b[7];
    }
    const uint64_t s[KERNEL_PANEL] = { s0, s1, s2, s3, s4, s5, s6, s7 };
    for (size_t j = 0; j < columns; j++)
        c[j] += s[j];
}

static void portable_gemm(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda,
                          const uint64_t *packed, size_t m, size_t k, size_t n)
{
    for (size_t t = 0; t < k; t += KERNEL_DEPTH) {
        size_t depth = kernel_min(KERNEL_DEPTH, k - t);
        for (size_t j = 0; j < n; j += KERNEL_PANEL)
            for (size_t i = 0; i < m; i++)
                row_panel(c + i * ldc + j, a + i * lda + t, packed + j * k + t * KERNEL_PANEL,
                          depth, kernel_min(KERNEL_PANEL, n - j));
    }
}

/* ---- words and bit planes ---- */

/* Swaps the s x s blocks off the diagonal of both 32 x 32 halves; `low` marks the low s bits of
 * every 2 s. Inlined, so that s is a constant where it matters. */
static inline __attribute__((always_inline)) void swap_blocks(uint64_t *a, unsigned s,
                                                              uint64_t low)
{
    for (unsigned block = 0; block < 32; block += 2 * s)
        for (unsigned i = 0; i < s; i++) {
            uint64_t *p = a + block + i, differ = ((p[0] >> s) ^ p[s]) & low;
            p[0] ^= differ << s;
            p[s] ^= differ;
        }
}

/* Transposes the two 32 x 32 bit matrices that lie side by side in 32 words: bit j of row i
 * becomes bit i of row j, in the low halves and in the high halves. */
static void transpose_pair(uint64_t a[static 32])
{
    swap_blocks(a, 16, 0x0000ffff0000ffff);
    swap_blocks(a, 8, 0x00ff00ff00ff00ff);
    swap_blocks(a, 4, 0x0f0f0f0f0f0f0f0f);
    swap_blocks(a, 2, 0x3333333333333333);
    swap_blocks(a, 1, 0x5555555555555555);
}

/* Rows i of the pair: bits lo .. lo + 31 of x[i] and of x[i + 32]; n < 64 words are filled up. */
static void pair_load(uint64_t a[static 32], const uint64_t *x, size_t n, unsigned lo)
{
    for (size_t i = 0; i < 32; i++) {
        uint64_t first = i < n ? x[i] >> lo : 0;
        uint64_t second = i + 32 < n ? x[i + 32] >> lo : 0;
        a[i] = (uint32_t)first | second << 32;
    }
}

static void portable_planes(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                            unsigned lo, unsigned width)
{
    uint64_t a[32];
    for (size_t i = 0; i < n; i += 64)
        for (unsigned first = 0; first < width; first += 32) {
            size_t words = kernel_min(64, n - i);
            if (words == 64)
                pair_load(a, x + i, 64, lo + first);
            else
                pair_load(a, x + i, words, lo + first);
            transpose_pair(a);
            for (unsigned j = first; j < width && j < first + 32; j++)
                planes[j * stride + i / 64] = a[j - first];
        }
    wipe(a, sizeof a);
}

/* The two 32 x 32 squares of rows [i, i + 32) and [i + 32, i + 64) that planes [j, j + 32) hold. */
static void portable_rows(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n)
{
    uint64_t a[32];
    for (size_t i = 0; i < n; i += 64)
        for (unsigned j = 0; j < 128; j += 32) {
            for (unsigned p = 0; p < 32; p++)
                a[p] = planes[(j + p) * stride + i / 64];
            transpose_pair(a);
            for (unsigned r = 0; r < 64; r++) {
                uint64_t *row = rows + 2 * (i + r) + j / 64;
                uint64_t bits = (uint32_t)(a[r % 32] >> r / 32 * 32);
                *row = j % 64 == 0 ? bits : *row | bits << 32;
            }
        }
    wipe(a, sizeof a);
}

/* ---- the choice ---- */

static const struct kernel_impl kernel_portable = {
    .name = "portable",
    .gemm = portable_gemm,
    .planes_from_words = portable_planes,
    .rows_from_planes = portable_rows,
};

#ifdef HAVE_X86_KERNELS
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}
#endif

static int has_c(void)
{
    return 1;
}

/* Best first. */
static const struct {
    const struct kernel_impl *impl;
    int (*usable)(void);
} choices[] = {
#ifdef HAVE_X86_KERNELS
    { &kernel_avx512, has_avx512 },
    { &kernel_avx2, has_avx2 },
#endif
    { &kernel_portable, has_c },
};

/* The one mutable global: a pointer to a constant table, the same whoever sets it. */
static _Atomic(const struct kernel_impl *) chosen;

/* The first usable implementation of that name (NULL: of any), or NULL. */
static const struct kernel_impl *choice_find(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if ((name == NULL || strcmp(name, choices[i].impl->name) == 0) && choices[i].usable())
            return choices[i].impl;
    return NULL;
}

static const struct kernel_impl *kernel(void)
{
    const struct kernel_impl *impl = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (impl == NULL) {
        impl = choice_find(NULL);
        atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    }
    return impl;
}

const char *kernel_isa(void)
{
    return kernel()->name;
}

int kernel_force(const char *isa)
{
    const struct kernel_impl *impl = choice_find(isa);
    if (impl == NULL)
        return -1;
    atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    return 0;
}

void gemm_u64(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *packed,
              size_t m, size_t k, size_t n)
{
    kernel()->gemm(c, ldc, a, lda, packed, m, k, n);
}

void planes_from_words(uint64_t *planes, size_t stride, const uint64_t *x, size_t n,
                       unsigned lo, unsigned width)
{
    kernel()->planes_from_words(planes, stride, x, n, lo, width);
}

void rows_from_planes(uint64_t *rows, const uint64_t *planes, size_t stride, size_t n)
{
    kernel()->rows_from_planes(rows, planes, stride, n);
}
