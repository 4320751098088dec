/*
 * bench_prove.c: what proofs cost at each seat, one thread: ns for each term (bits: for each of the
 * 64 positions of a term word). The source here only copies, so its own work is not counted.
 * `make tests/bench_prove && tests/bench_prove`; it is no test.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tests/bench.h"
#include "tests/prove_world.h"

static double took[3], last;

static void stepped(struct lockstep *l, unsigned party, unsigned step)
{
    double t = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (step > 0)       /* the first only shows coins */
        took[gate_role(l->program->proto, &l->program->gate[l->id], party)] += t - last;
    last = t;
}

static void bench(const char *what, struct prove_run run, double per)
{
    struct prove_world w;
    world_make(&w, &run, 1, 7);
    struct lockstep *l = &w.step;
    l->stepped = stepped;
    memset(took, 0, sizeof took);
    last = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    world_run(&w);
    size_t bytes = 0;
    for (unsigned s = 0; s < l->steps; s++)
        for (unsigned a = 0; a < 3; a++)
            for (unsigned b = 0; b < 3; b++)
                bytes += l->bytes[s][a][b];
    printf("%-8s %8s %5u terms %8u words  P %7.3f  RIGHT %7.3f  LEFT %7.3f ns  %u steps %zu bytes "
           "%s\n", what, gf64_isa(), run.terms, run.words, 1e9 * took[0] / per, 1e9 * took[1] / per,
           1e9 * took[2] / per, l->steps, bytes, l->err.code != 0 ? "FAILED" : "");
    world_free(&w);
}

int main(void)
{
    static const char *const isas[] = { "clmul", "portable" };
    static const uint32_t terms[] = { 1, 2, 4, 16 };
    for (int v = 0; v < 2; v++) {
        if (gf64_force(isas[v]) != 0)
            continue;
        for (int i = 0; i < 4; i++) {
            struct prove_run run = { PROVE_BITS, terms[i], (1u << 18) / terms[i] - 100 };
            bench("bits", run, 64.0 * run.terms * run.words);
        }
    }
    gf64_force(NULL);
    for (int i = 0; i < 4; i++) {
        struct prove_run run = { PROVE_WORDS, terms[i], (1u << 20) / terms[i] - 3 };
        bench("words", run, (double)run.terms * run.words);
    }
    return 0;
}
