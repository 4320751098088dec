/*
 * test_ntt.c: the transform against products done at school, its operations against 128-bit
 * integers, and every implementation that this processor has against the others, double by double.
 * `test_ntt SEED` repeats a run.
 */
#include "proto/ntt.h"

#include <math.h>

#include "tests/check.h"

enum { MOST = 1 << NTT_LOG_MAX, OPERANDS = 4 };

static uint64_t seed;
static _Alignas(64) double table[2 * MOST], x[MOST], y[MOST], z[MOST], other[MOST];
static uint64_t word[MOST];

static const char *const isas[] = { "avx2", "portable" };

/* Primes that are 1 modulo 2^15, of every size that is allowed. */
static const uint64_t primes[] = { 65537, 1099510054913, 4398046150657, 4398044938241,
                                   140737488125953 };
enum { PRIMES = sizeof primes / sizeof primes[0] };

/* ---- the judge: integers ---- */

static uint64_t residue(double a, uint64_t p)
{
    int64_t r = (int64_t)a % (int64_t)p;
    return r < 0 ? (uint64_t)r + p : (uint64_t)r;
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t p)
{
    return (uint64_t)((unsigned __int128)a * b % p);
}

/* Coefficient i of x y modulo X^n + 1. */
static uint64_t school(const double *a, const double *b, size_t n, size_t i, uint64_t p)
{
    uint64_t sum = 0;
    for (size_t j = 0; j < n; j++) {
        uint64_t product = times(residue(a[j], p), residue(b[(i - j) & (n - 1)], p), p);
        sum = (sum + (j <= i ? product : p - product)) % p;
    }
    return sum;
}

/* Operands: random, the largest, the smallest, and the largest with both signs. */
static void fill(double *a, size_t n, uint64_t p, int pattern, uint64_t *state)
{
    double most = (double)(2 * p - 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t r = check_random(state);
        a[i] = pattern == 0 ? (double)(r % (4 * p - 1)) - most : pattern == 1 ? most
               : pattern == 2 ? -most : r & 1 ? most : -most;
    }
}

static struct ntt ntt_ready(uint64_t p, unsigned log_n)
{
    ntt_tables(table, p, log_n);
    return ntt_of(p, log_n, table);
}

/* ---- cases ---- */

static int product_differs(const struct ntt *t, uint64_t p, int pa, int pb, uint64_t *state)
{
    size_t n = (size_t)1 << t->log_n;
    double first[4];
    int bad = 0;
    fill(x, n, p, pa, state);
    fill(y, n, p, pb, state);
    for (size_t i = 0; i < 4; i++)
        first[i] = (double)school(x, y, n, i * (n / 4 + 1) % n, p);
    ntt_forward(t, x);
    ntt_forward(t, y);
    memset(z, 0, n * sizeof *z);
    ntt_multiply_add(t, z, x, y, n);
    for (size_t i = 0; i < n; i++)
        bad |= fabs(x[i]) > 0.51 * (double)p || fabs(z[i]) > 0.6 * (double)p;
    ntt_backward(t, z);
    for (size_t i = 0; i < 4; i++)
        bad |= (double)residue(z[i * (n / 4 + 1) % n], p) != first[i];
    return bad;
}

static void products(void)
{
    uint64_t state = seed;
    for (size_t i = 0; i < PRIMES; i++)
        for (unsigned log_n = NTT_LOG_MIN; log_n <= NTT_LOG_MAX; log_n++) {
            struct ntt t = ntt_ready(primes[i], log_n);
            for (int a = 0; a < OPERANDS; a++)
                CHECK(!product_differs(&t, primes[i], a, a == 0 ? 0 : 3 - a % 3, &state));
        }
}

/* All coefficients of a product, at a size where that is quick. */
static void whole_product(void)
{
    uint64_t state = seed + 1, p = primes[2], expected[256];
    struct ntt t = ntt_ready(p, 8);
    fill(x, 256, p, 0, &state);
    fill(y, 256, p, 0, &state);
    for (size_t i = 0; i < 256; i++)
        expected[i] = school(x, y, 256, i, p);
    ntt_forward(&t, x);
    ntt_forward(&t, y);
    memset(z, 0, sizeof z);
    ntt_multiply_add(&t, z, x, y, 256);
    ntt_backward(&t, z);
    for (size_t i = 0; i < 256; i++)
        CHECK_EQ(residue(z[i], p), expected[i]);
    z[5] += 1;                                  /* control: one unit would be seen */
    CHECK(residue(z[5], p) != expected[5]);
}

/* A round trip of sums as large as they may become. */
static void round_trip(void)
{
    uint64_t state = seed + 2;
    for (size_t i = 0; i < PRIMES; i++) {
        uint64_t p = primes[i];
        struct ntt t = ntt_ready(p, 13);
        fill(x, 8192, p, 3, &state);
        memcpy(y, x, 8192 * sizeof *x);
        ntt_forward(&t, x);
        for (size_t j = 0; j < 8192; j++)       /* the same residues, far out */
            x[j] += (j & 1 ? -1.0 : 1.0) * (double)p * floor(0x1p49 / (double)p);
        ntt_backward(&t, x);
        unsigned bad = 0;
        for (size_t j = 0; j < 8192; j++)
            bad += residue(x[j], p) != residue(y[j], p) || fabs(x[j]) > 0.6 * (double)p;
        CHECK_EQ(bad, 0);
    }
}

static const uint64_t edges[] = { 0, 1, ~(uint64_t)0, (uint64_t)1 << 63, ((uint64_t)1 << 63) - 1,
                                  0xffffffff, 0x100000000, 0x7fffffff80000000 };

static uint64_t signed_residue(uint64_t w, uint64_t p)
{
    uint64_t r = w % p;
    return w >> 63 ? (r + p - (uint64_t)(((unsigned __int128)1 << 64) % p)) % p : r;
}

static void words_and_steps(void)
{
    uint64_t state = seed + 3;
    for (size_t i = 0; i < PRIMES; i++) {
        uint64_t p = primes[i], c = check_random(&state) % p, canonical[64];
        struct ntt t = ntt_ready(p, NTT_LOG_MIN);
        for (size_t j = 0; j < 64; j++) {
            word[j] = j < 8 ? edges[j] : check_random(&state);
            x[j] = j < 32 ? 0 : (double)(check_random(&state) % p);
            y[j] = x[j];
        }
        ntt_add_words(&t, x, word, c, 64);
        for (size_t j = 0; j < 64; j++)
            CHECK_EQ(residue(x[j], p), (times(signed_residue(word[j], p), c, p) +
                                        residue(y[j], p)) % p);
        memcpy(z, x, sizeof canonical);
        ntt_centre(&t, z, 64);
        ntt_words(&t, canonical, x, 64);
        for (size_t j = 0; j < 64; j++) {
            CHECK_EQ(canonical[j], residue(x[j], p));
            CHECK(2 * fabs(z[j]) < (double)p && residue(z[j], p) == canonical[j]);
        }
        ntt_drop(&t, x, y, c, 64);
        for (size_t j = 0; j < 64; j++)
            CHECK_EQ(residue(x[j], p), times((canonical[j] + p - residue(y[j], p)) % p, c, p));
    }
}

/* The one form at its limits: both sides of p/2, multiples of p, and all that is allowed. */
static void one_form(void)
{
    for (size_t i = 0; i < PRIMES; i++) {
        uint64_t p = primes[i], w[128];
        struct ntt t = ntt_ready(p, NTT_LOG_MIN);
        for (size_t j = 0; j < 128; j++)
            x[j] = ((double)(j / 4) - 15.5) * (double)p + (double)(j % 4) - 1.5;
        ntt_words(&t, w, x, 128);
        ntt_centre(&t, x, 128);
        for (size_t j = 0; j < 128; j++) {
            CHECK(w[j] < p && 2 * fabs(x[j]) < (double)p);
            CHECK_EQ(w[j], (p - 3) / 2 + j % 4);
            CHECK_EQ(residue(x[j], p), w[j]);
        }
    }
}

static void same_doubles(void)
{
    for (size_t i = 0; i < PRIMES; i++)
        for (unsigned log_n = NTT_LOG_MIN; log_n <= NTT_LOG_MAX; log_n += 3) {
            size_t n = (size_t)1 << log_n;
            for (int k = 0; k < 2; k++) {
                uint64_t state = seed + 4;
                ntt_force(isas[k]);
                struct ntt t = ntt_ready(primes[i], log_n);
                fill(x, n, primes[i], 0, &state);
                fill(y, n, primes[i], 3, &state);
                for (size_t j = 0; j < n; j++)
                    word[j] = check_random(&state);
                ntt_add_words(&t, y, word, 12345, n);
                ntt_centre(&t, y, n);
                ntt_forward(&t, x);
                ntt_multiply_add(&t, x, x, y, n);
                ntt_drop(&t, x, y, 54321, n);
                ntt_backward(&t, x);
                CHECK(k == 0 || memcmp(x, other, n * sizeof *x) == 0);
                memcpy(other, x, n * sizeof *x);
            }
            CHECK(other[0] != other[1]);
        }
    ntt_force(NULL);
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261126;
    printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 2; i++) {
        if (ntt_force(isas[i]) != 0) {
            check_skip(isas[i], "not on this processor");
            continue;
        }
        printf("implementation %s\n", ntt_isa());
        CASE(products);
        CASE(whole_product);
        CASE(round_trip);
        CASE(words_and_steps);
        CASE(one_form);
    }
    ntt_force(NULL);
    if (strcmp(ntt_isa(), "avx2") == 0)
        CASE(same_doubles);
    else
        check_skip("same_doubles", "one implementation");
    CHECK_EQ(ntt_force("none"), -1);
    return check_done();
}
