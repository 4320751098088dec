/*
 * test_kernel.c: the kernels against plain loops, under every implementation that this processor
 * has. `test_kernel SEED` repeats a run.
 */
#include "proto/kernel.h"

#include "tests/check.h"

static uint64_t seed;

enum { GUARD = 3 };     /* words behind each result that nobody may touch */
static const uint64_t canary = 0x5ca1ab1e0ddba11;

/* ---- inputs ---- */

enum pattern { RANDOM, ONES, TOP, SPARSE, PATTERNS };

static uint64_t word(enum pattern pattern, uint64_t *state)
{
    uint64_t r = check_random(state);
    switch (pattern) {
    case ONES: return ~(uint64_t)0;
    case TOP: return (uint64_t)1 << 63 | (r & 1);
    case SPARSE: return r >> (r % 64) << (r / 64 % 64);
    default: return r;
    }
}

/* n words and the guard; exits without memory, which no test is about. */
static uint64_t *words(size_t n, enum pattern pattern, uint64_t *state)
{
    uint64_t *x = malloc((n + GUARD) * sizeof *x);
    if (x == NULL) {
        fprintf(stderr, "test_kernel: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < n; i++)
        x[i] = word(pattern, state);
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = canary;
    return x;
}

static int guarded(const uint64_t *x, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        if (x[i] != canary)
            return 0;
    return 1;
}

/* ---- matrix product ---- */

struct shape {
    size_t m, k, n;
};

/* c += a b, by the definition, with 32-bit halves in the manner of school. */
static void school_gemm(uint64_t *c, size_t ldc, const uint64_t *a, size_t lda, const uint64_t *b,
                        size_t ldb, struct shape s)
{
    for (size_t i = 0; i < s.m; i++)
        for (size_t t = 0; t < s.k; t++)
            for (size_t j = 0; j < s.n; j++)
                c[i * ldc + j] += (uint64_t)((unsigned __int128)a[i * lda + t] * b[t * ldb + j]);
}

/* One product with the given gaps behind the rows, against the school; 0 when all is well. */
static int gemm_differs(struct shape s, size_t gap, enum pattern pa, enum pattern pb,
                        uint64_t *state)
{
    size_t lda = s.k + gap, ldb = s.n + gap, ldc = s.n + gap;
    size_t packed_n = gemm_packed_words(s.k, s.n);
    uint64_t *a = words(s.m * lda, pa, state), *b = words(s.k * ldb, pb, state);
    uint64_t *c = words(s.m * ldc, RANDOM, state), *packed = words(packed_n, RANDOM, state);
    uint64_t *expected = words(s.m * ldc, RANDOM, state);
    memcpy(expected, c, s.m * ldc * sizeof *c);

    gemm_pack(packed, b, ldb, s.k, s.n);
    gemm_u64(c, ldc, a, lda, packed, s.m, s.k, s.n);
    school_gemm(expected, ldc, a, lda, b, ldb, s);
    int differs = memcmp(c, expected, s.m * ldc * sizeof *c) != 0 || !guarded(c, s.m * ldc) ||
                  !guarded(packed, packed_n);
    if (differs)
        fprintf(stderr, "%s: %zu x %zu x %zu, gap %zu, patterns %d %d: wrong product\n",
                kernel_isa(), s.m, s.k, s.n, gap, pa, pb);
    free(a), free(b), free(c), free(packed), free(expected);
    return differs;
}

/* Low words are as modulo 2^64; high ones add the upper halves and the carries. */
static void school_wide(uint64_t *low, uint64_t *high, const uint64_t *a, const uint64_t *a_high,
                        const uint64_t *b, struct shape s)
{
    for (size_t i = 0; i < s.m; i++)
        for (size_t t = 0; t < s.k; t++)
            for (size_t j = 0; j < s.n; j++) {
                unsigned __int128 x = (unsigned __int128)a[i * s.k + t] * b[t * s.n + j];
                uint64_t old = low[i * s.n + j];
                low[i * s.n + j] += (uint64_t)x;
                high[i * s.n + j] += (uint64_t)(x >> 64) + (low[i * s.n + j] < old) +
                                     a_high[i * s.k + t] * b[t * s.n + j];
            }
}

static int wide_differs(struct shape s, enum pattern pa, enum pattern pb, uint64_t *state)
{
    size_t left = s.m * s.k, all = s.m * s.n, packed_n = gemm_packed_words(s.k, s.n);
    uint64_t *a = words(left, pa, state), *a_high = words(left, RANDOM, state);
    uint64_t *b = words(s.k * s.n, pb, state), *packed = words(packed_n, RANDOM, state);
    uint64_t *c = words(2 * all, RANDOM, state), *expected = words(2 * all, RANDOM, state);
    memcpy(expected, c, 2 * all * sizeof *c);
    gemm_pack(packed, b, s.n, s.k, s.n);
    gemm_u128(c, c + all, s.n, a, a_high, s.k, packed, s.m, s.k, s.n);
    school_wide(expected, expected + all, a, a_high, b, s);
    int differs = memcmp(c, expected, 2 * all * sizeof *c) != 0 || !guarded(c, 2 * all);
    free(a), free(a_high), free(b), free(packed), free(c), free(expected);
    return differs;
}

static void gemm_wide(void)
{
    uint64_t state = 128;
    for (size_t n = 1; n <= 17; n += n < 9 ? 1 : 4)
        for (size_t m = 1; m <= 5; m++)
            CHECK(!wide_differs((struct shape){ m, 3 * n, n }, ONES, ONES, &state));
    static const struct shape shapes[] = { { 1, 2100, 24 }, { 7, 300, 70 }, { 97, 513, 12 },
                                           { 20, 256, 8 } };
    for (size_t i = 0; i < 4; i++)
        for (int p = 0; p < 4; p++)
            CHECK(!wide_differs(shapes[i], (enum pattern)p, (enum pattern)(3 - p), &state));
}

static void gemm_small_shapes(void)
{
    uint64_t state = seed;
    for (size_t m = 1; m <= 14; m++)
        for (size_t n = 1; n <= 18; n++)
            for (size_t k = 0; k <= 9; k++) {
                enum pattern p = (enum pattern)(m + n + k) % PATTERNS;
                CHECK(!gemm_differs((struct shape){ m, k, n }, k % 3, p, RANDOM, &state));
            }
}

/* Around the limits of the blocks over k and over m. */
static void gemm_block_limits(void)
{
    static const struct shape shapes[] = {
        { 1, 255, 7 }, { 1, 256, 9 }, { 1, 257, 16 }, { 2, 513, 7 }, { 95, 257, 8 }, { 96, 3, 17 },
        { 97, 256, 5 }, { 98, 258, 24 }, { 193, 11, 1 }, { 5, 600, 33 }, { 100, 300, 15 },
    };
    uint64_t state = seed + 1;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t gap = 0; gap < 4; gap += 3)
            CHECK(!gemm_differs(shapes[i], gap, RANDOM, RANDOM, &state));
}

static void gemm_shapes_of_networks(void)
{
    static const struct shape shapes[] = {
        { 484, 50, 64 }, { 25, 1152, 128 }, { 9, 2304, 128 }, { 1, 256, 1024 }, { 7, 2048, 128 },
        { 1, 194, 2304 }, { 1, 2048, 7 },
    };
    uint64_t state = seed + 2;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        CHECK(!gemm_differs(shapes[i], 0, RANDOM, RANDOM, &state));
}

/* Sums whose partial results wrap as often as can be. */
static void gemm_extreme_values(void)
{
    uint64_t state = seed + 3;
    for (int pa = 0; pa < PATTERNS; pa++)
        for (int pb = 0; pb < PATTERNS; pb++)
            for (size_t m = 1; m <= 7; m += 3)
                CHECK(!gemm_differs((struct shape){ m, 700, 19 }, 0, (enum pattern)pa,
                                    (enum pattern)pb, &state));

    uint64_t a = ~(uint64_t)0, b = (uint64_t)1 << 63, c = 0, packed[8];
    CHECK_EQ(gemm_packed_words(1, 1), 8);
    gemm_pack(packed, &a, 1, 1, 1);
    gemm_u64(&c, 1, &a, 1, packed, 1, 1, 1);
    CHECK_EQ(c, 1);                     /* (-1)(-1) */
    gemm_u64(&c, 1, &b, 1, packed, 1, 1, 1);
    CHECK(c == b + 1);                  /* -2^63 = 2^63 */
}

/* ---- planes ---- */

static int planes_differ(size_t n, size_t gap, unsigned lo, unsigned width, enum pattern pattern,
                         uint64_t *state)
{
    size_t stride = KERNEL_PLANE(n) + gap;
    uint64_t *x = words(n, pattern, state), *planes = words(width * stride, RANDOM, state);
    uint64_t *expected = words(width * stride, RANDOM, state);
    memcpy(expected, planes, width * stride * sizeof *planes);
    for (unsigned j = 0; j < width; j++)
        for (size_t i = 0; i < 64 * KERNEL_PLANE(n); i++) {
            uint64_t bit = i < n ? x[i] >> (lo + j) & 1 : 0;
            uint64_t *p = &expected[j * stride + i / 64];
            *p = (*p & ~((uint64_t)1 << i % 64)) | bit << i % 64;
        }

    planes_from_words(planes, stride, x, n, lo, width);
    int differ = memcmp(planes, expected, width * stride * sizeof *planes) != 0 ||
                 !guarded(planes, width * stride);
    if (differ)
        fprintf(stderr, "%s: %zu words, gap %zu, bits %u + %u, pattern %d: wrong planes\n",
                kernel_isa(), n, gap, lo, width, pattern);
    free(x), free(planes), free(expected);
    return differ;
}

static void planes_every_range_of_bits(void)
{
    uint64_t state = seed + 4;
    for (unsigned width = 0; width <= 64; width++)
        for (unsigned lo = 0; lo + width <= 64; lo += 1 + lo / 3)
            CHECK(!planes_differ(65 + check_random(&state) % 64, 0, lo, width, RANDOM, &state));
}

static void planes_every_length(void)
{
    static const unsigned widths[] = { 1, 7, 8, 16, 20, 21, 24, 33, 64 };
    uint64_t state = seed + 5;
    for (size_t n = 0; n <= 200; n++) {
        unsigned width = widths[n % 9], lo = (unsigned)(check_random(&state) % (65 - width));
        enum pattern pattern = (enum pattern)(n % PATTERNS);
        CHECK(!planes_differ(n, n % 4, lo, width, pattern, &state));
    }
    CHECK(!planes_differ(32768, 0, 13, 20, RANDOM, &state));
    CHECK(!planes_differ(30001, 1, 40, 24, SPARSE, &state));
}

/* ---- planes to rows ---- */

static void rows_bit_by_bit(void)
{
    uint64_t state = seed + 7;
    for (size_t n = 128; n <= 1024; n += 128) {
        size_t stride = n / 64 + n / 128 % 3;
        uint64_t *planes = words(128 * stride, RANDOM, &state);
        uint64_t *rows = words(2 * n, RANDOM, &state);
        rows_from_planes(rows, planes, stride, n);
        unsigned wrong = 0;
        for (size_t i = 0; i < n; i++)
            for (unsigned j = 0; j < 128; j++)
                wrong += (rows[2 * i + j / 64] >> j % 64 & 1) != plane_bit(planes + j * stride, i);
        CHECK_EQ(wrong, 0);
        CHECK(guarded(rows, 2 * n));
        free(planes), free(rows);
    }
}

/* ---- the choice ---- */

static void choice_by_name(void)
{
    CHECK_EQ(kernel_force("no such kernel"), -1);
    CHECK_EQ(kernel_force("portable"), 0);
    CHECK(strcmp(kernel_isa(), "portable") == 0);
}

/* What was packed under one implementation serves all others. */
static void choice_may_change_between_pack_and_product(void)
{
    static const char *const names[] = { "portable", "avx2", "avx512" };
    enum { M = 5, K = 300, N = 27 };
    uint64_t state = seed + 6;
    uint64_t *a = words(M * K, RANDOM, &state), *b = words(K * N, RANDOM, &state);
    uint64_t *packed = words(gemm_packed_words(K, N), RANDOM, &state);
    uint64_t *expected = words(M * N, RANDOM, &state), *c = words(M * N, RANDOM, &state);
    memset(expected, 0, M * N * sizeof *expected);
    school_gemm(expected, N, a, K, b, N, (struct shape){ M, K, N });
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            if (kernel_force(names[i]) != 0)
                continue;
            gemm_pack(packed, b, N, K, N);
            if (kernel_force(names[j]) != 0)
                continue;
            memset(c, 0, M * N * sizeof *c);
            gemm_u64(c, N, a, K, packed, M, K, N);
            CHECK(memcmp(c, expected, M * N * sizeof *c) == 0);
        }
    free(a), free(b), free(packed), free(expected), free(c);
}

static void all_under(const char *isa)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        { "gemm: small shapes", gemm_small_shapes },
        { "gemm: limits of blocks", gemm_block_limits },
        { "gemm: shapes of networks", gemm_shapes_of_networks },
        { "gemm: extreme values", gemm_extreme_values },
        { "gemm: modulo 2^128", gemm_wide },
        { "planes: every range of bits", planes_every_range_of_bits },
        { "planes: every length", planes_every_length },
        { "rows: bit by bit", rows_bit_by_bit },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s: %s", isa, cases[i].name);
        if (kernel_force(isa) == 0)
            check_case(name, cases[i].fn);
        else
            check_skip(name, "this processor has not got it");
    }
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240611;
    printf("# seed %llu, this machine chooses %s\n", (unsigned long long)seed, kernel_isa());
    all_under("portable");
    all_under("avx2");
    all_under("avx512");
    CASE(choice_by_name);
    CASE(choice_may_change_between_pack_and_product);
    return check_done();
}
