/*
 * bench_kernel.c: how fast the kernels are, every implementation in the same run, one thread.
 * `make tests/bench_kernel` builds it; it is no test and is not run by make check.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/geometry.h"
#include "proto/kernel.h"
#include "proto/prf.h"
#include "tests/bench.h"

enum { REPEATS = 5 };

static const char *const kernels[] = { "portable", "avx2", "avx512" };
static const char *const ciphers[] = { "openssl", "aesni", "vaes" };

/* Seconds of one call: the best of a few runs of some milliseconds each. */
static double best(void (*fn)(void *arg), void *arg)
{
    size_t calls = 1;
    double least = 0;
    for (;; calls *= 2) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        for (size_t i = 0; i < calls; i++)
            fn(arg);
        least = (bench_seconds(CLOCK_MONOTONIC) - start) / (double)calls;
        if (least * (double)calls > 0.01)
            break;
    }
    for (int r = 1; r < REPEATS; r++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        for (size_t i = 0; i < calls; i++)
            fn(arg);
        double one = (bench_seconds(CLOCK_MONOTONIC) - start) / (double)calls;
        least = one < least ? one : least;
    }
    return least;
}

struct product {
    size_t m, k, n;
    uint64_t *a, *b, *c, *high, *packed;
};

static void product_run(void *arg)
{
    struct product *p = arg;
    gemm_u64(p->c, p->n, p->a, p->k, p->packed, p->m, p->k, p->n);
}

static void product_wide(void *arg)
{
    struct product *p = arg;
    gemm_u128(p->c, p->high, p->n, p->a, p->a, p->k, p->packed, p->m, p->k, p->n);
}

static void product_pack(void *arg)
{
    struct product *p = arg;
    gemm_pack(p->packed, p->b, p->n, p->k, p->n);
}

static void bench_gemm(void)
{
    static const struct product shapes[] = {
        { .m = 484, .k = 50, .n = 64 }, { .m = 324, .k = 1152, .n = 64 },
        { .m = 256, .k = 1152, .n = 64 }, { .m = 25, .k = 1152, .n = 128 },
        { .m = 9, .k = 2304, .n = 128 }, { .m = 1, .k = 256, .n = 1024 },
        { .m = 1, .k = 2048, .n = 1024 }, { .m = 7, .k = 2048, .n = 1024 },
        { .m = 1, .k = 194, .n = 2304 }, { .m = 1, .k = 2048, .n = 7 },
        { .m = 512, .k = 512, .n = 512 },
    };
    printf("product mod 2^64, GMAC/s\n%18s %9s %9s %9s %9s %12s\n", "m x k x n", kernels[0],
           kernels[1], kernels[2], "mod 2^128", "pack Gword/s");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct product p = shapes[i];
        char name[40];
        snprintf(name, sizeof name, "%zux%zux%zu", p.m, p.k, p.n);
        p.a = bench_memory(p.m * p.k * 8, 0x5b);
        p.b = bench_memory(p.k * p.n * 8, 0x5b);
        p.c = bench_memory(p.m * p.n * 8, 0x5b);
        p.high = bench_memory(p.m * p.n * 8, 0x5b);
        p.packed = bench_memory(gemm_packed_words(p.k, p.n) * 8, 0x5b);
        product_pack(&p);
        printf("%18s", name);
        for (int j = 0; j < 3; j++)
            if (kernel_force(kernels[j]) == 0)
                printf(" %9.2f", 1e-9 * (double)(p.m * p.k * p.n) / best(product_run, &p));
            else
                printf(" %9s", "-");
        kernel_force(NULL);
        printf(" %9.2f", 1e-9 * (double)(p.m * p.k * p.n) / best(product_wide, &p));
        printf(" %12.2f\n", 1e-9 * (double)(p.k * p.n) / best(product_pack, &p));
        free(p.a), free(p.b), free(p.c), free(p.high), free(p.packed);
    }
}

struct transposition {
    size_t n, stride;
    unsigned width;
    uint64_t *x, *planes;
};

static void transposition_run(void *arg)
{
    struct transposition *t = arg;
    planes_from_words(t->planes, t->stride, t->x, t->n, 13, t->width);
}

static void bench_planes(void)
{
    printf("\nbit planes, Gword/s\n%18s", "words, width");
    for (int j = 0; j < 2; j++)
        printf("   %15s", kernels[j]);
    printf("\n");
    for (size_t n = 1000; n <= 64000; n *= 8)
        for (unsigned width = 16; width <= 24; width += 4)
            for (size_t extra = 0; extra <= 24; extra += 24) {
                size_t words = n + extra * (n == 64000 ? 64 : 1);   /* a stride of 1024 words */
                struct transposition t = { .n = words, .stride = KERNEL_PLANE(words),
                                           .width = width };
                t.x = bench_memory(words * 8, 0x5b);
                t.planes = bench_memory(width * t.stride * 8, 0x5b);
                printf("%14zu, %2u", words, width);
                for (int j = 0; j < 2; j++) {
                    if (kernel_force(kernels[j]) != 0)
                        continue;
                    printf("   %15.2f", 1e-9 * (double)words / best(transposition_run, &t));
                }
                printf("\n");
                free(t.x), free(t.planes);
            }
}

struct filling {
    struct prf key;
    uint64_t block;
    size_t n;
    uint8_t *out;
};

static void filling_run(void *arg)
{
    struct filling *f = arg;
    prf_fill(&f->key, 1, 2, f->block, f->out, f->n);
    f->block += f->n / 16 + 1;      /* no word twice, for debug builds */
}

static void bench_prf(void)
{
    static const size_t sizes[] = { 8, 64, 256, 4096, 65536 };
    static const uint8_t key[PRF_KEY] = { 1 };
    printf("\ngenerator, GB/s (ns for a call)\n%10s", "bytes");
    for (int j = 0; j < 3; j++)
        printf(" %18s", ciphers[j]);
    printf("\n");
    struct filling f = { .out = bench_memory(65536, 0x5b) };
    prf_init(&f.key, key);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        f.n = sizes[i];
        printf("%10zu", f.n);
        for (int j = 0; j < 3; j++) {
            if (prf_force(ciphers[j]) != 0)
                continue;
            double t = best(filling_run, &f);
            printf(" %8.2f (%7.0f)", 1e-9 * (double)f.n / t, 1e9 * t);
        }
        printf("\n");
    }
    prf_fini(&f.key);
    free(f.out);
}

struct patching {
    struct geometry g;
    uint64_t *x, *rows;
};

static void patching_run(void *arg)
{
    struct patching *p = arg;
    geometry_patches(p->rows, geometry_depth(&p->g), &p->g, p->x, 0, geometry_positions(&p->g));
}

static void bench_patches(void)
{
    static const struct geometry layers[] = {
        { .h = 48, .w = 48, .c = 2, .kh = 5, .kw = 5, .sh = 2, .sw = 2, .oh = 22, .ow = 22 },
        { .h = 48, .w = 48, .c = 1, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .oh = 46, .ow = 46 },
        { .h = 18, .w = 18, .c = 128, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .top = 1, .left = 1,
          .oh = 18, .ow = 18 },
    };
    printf("\npatches, Gword/s\n");
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct patching p = { .g = layers[i] };
        size_t n = geometry_positions(&p.g) * geometry_depth(&p.g);
        p.x = bench_memory(geometry_in(&p.g) * 8, 0x5b);
        p.rows = bench_memory(n * 8, 0x5b);
        printf("%8ux%ux%u by %ux%u %9.2f\n", p.g.h, p.g.w, p.g.c, p.g.kh, p.g.kw,
               1e-9 * (double)n / best(patching_run, &p));
        free(p.x), free(p.rows);
    }
}

int main(void)
{
    bench_gemm();
    bench_planes();
    bench_prf();
    bench_patches();
    return 0;
}
