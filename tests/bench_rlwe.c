/*
 * bench_rlwe.c: microseconds of the transform and of each function of the scheme, one thread, every
 * implementation in the same run. `make tests/bench_rlwe` builds it; it is no test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/rlwe_impl.h"
#include "tests/bench.h"

enum { REPEATS = 5 };

static const char *const isas[] = { "avx2", "portable" };

static struct {
    double *tables, *secret, *public, *cipher, *weight, *sum, *scratch, *x, *y;
    uint64_t *m;
    uint32_t *at;
    uint8_t *message, *answer;
    struct prf own;
    uint64_t block;
} b;

static struct rlwe_source source(void)
{
    b.block += RLWE_DRAW;
    return (struct rlwe_source){ &b.own, 1, 1, b.block };
}

static void forward(void)
{
    struct ntt t = rlwe_ntt(b.tables, 0);
    ntt_forward(&t, b.x);
}

static void backward(void)
{
    struct ntt t = rlwe_ntt(b.tables, 0);
    ntt_backward(&t, b.x);
}

static void multiply_add(void)
{
    struct ntt t = rlwe_ntt(b.tables, 0);
    memset(b.y, 0, N * sizeof *b.y);
    ntt_multiply_add(&t, b.y, b.x, b.weight, N);
}

static void encrypt(void)
{
    struct rlwe_source s = source();
    rlwe_encrypt(b.message, b.m, b.secret, b.tables, &s, b.scratch);
}

static void load(void)
{
    rlwe_load(b.cipher, b.message, NULL, b.tables);
}

static void plain(void)
{
    rlwe_plain(b.weight, b.m, b.tables);
}

static void multiply(void)
{
    rlwe_multiply(b.sum, b.cipher, b.weight);
}

static void answer(void)
{
    struct rlwe_source s = source();
    memset(b.sum, 0, RLWE_SUM * sizeof *b.sum);
    rlwe_answer(b.answer, b.sum, b.public, b.at, b.m, N, b.tables, &s, b.scratch);
}

static void decrypt(void)
{
    rlwe_decrypt(b.m, b.answer, b.at, N, b.secret, b.tables, b.scratch);
}

static void tables(void)
{
    rlwe_tables(b.tables);
}

/* Microseconds of one call: the best of a few runs of some milliseconds each. Sums stay small,
 * because a run of products begins with zeros. */
static double best(void (*fn)(void))
{
    double least = 1;
    for (int r = 0; r < REPEATS; r++) {
        memset(b.sum, 0, RLWE_SUM * sizeof *b.sum);
        double start = bench_seconds(CLOCK_MONOTONIC);
        for (int i = 0; i < 20; i++)
            fn();
        double one = (bench_seconds(CLOCK_MONOTONIC) - start) / 20;
        least = one < least ? one : least;
    }
    return 1e6 * least;
}

static void make(void)
{
    static const uint8_t key[PRF_KEY] = { 5 }, seed[RLWE_SEED] = { 6 };
    prf_init(&b.own, key);
    b.tables = bench_memory(RLWE_TABLES * 8, 0), b.secret = bench_memory(RLWE_POLY * 8, 0);
    b.public = bench_memory(RLWE_CIPHER * 8, 0), b.cipher = bench_memory(RLWE_CIPHER * 8, 0);
    b.weight = bench_memory(RLWE_POLY * 8, 0), b.sum = bench_memory(RLWE_SUM * 8, 0);
    b.scratch = bench_memory(RLWE_SCRATCH * 8, 0);
    b.x = bench_memory(N * 8, 0), b.y = bench_memory(N * 8, 0);
    b.m = bench_memory(N * 8, 0), b.at = bench_memory(N * sizeof *b.at, 0);
    b.message = bench_memory(RLWE_CIPHER_BYTES, 0);
    b.answer = bench_memory(rlwe_answer_bytes(N), 0);
    prf_fill(&b.own, 0, 0, 0, b.m, N * 8);
    for (uint32_t i = 0; i < N; i++)
        b.at[i] = i;
    rlwe_tables(b.tables);
    struct rlwe_source s = source();
    rlwe_keygen(b.secret, b.message, b.tables, seed, &s, b.scratch);
    rlwe_load(b.public, b.message, seed, b.tables);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } parts[] = {
        { "transform", forward }, { "and back", backward }, { "values multiplied", multiply_add },
        { "encrypt", encrypt }, { "load", load }, { "weight", plain }, { "multiply", multiply },
        { "answer, 8192 results", answer }, { "decrypt, 8192 results", decrypt },
        { "tables", tables },
    };
    make();
    printf("N = %d, log2 q = 204; microseconds\n%24s", N, "");
    for (int k = 0; k < 2; k++)
        printf(" %10s", isas[k]);
    printf("\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        printf("%24s", parts[i].name);
        for (int k = 0; k < 2; k++)
            if (ntt_force(isas[k]) == 0)
                printf(" %10.1f", best(parts[i].fn));
            else
                printf(" %10s", "-");
        printf("\n");
    }
    return 0;
}
