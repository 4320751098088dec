/* bench.h: what benchmark programs share: a clock, and memory. */
#ifndef OB_TESTS_BENCH_H
#define OB_TESTS_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* CLOCK_MONOTONIC, or CLOCK_THREAD_CPUTIME_ID. */
static inline double bench_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* n bytes on a cache line, all `fill`; or the program ends. */
static inline void *bench_memory(size_t n, int fill)
{
    void *p = aligned_alloc(64, (n + 63) / 64 * 64);
    if (p == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    memset(p, fill, n);
    return p;
}

#endif
