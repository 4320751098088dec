/*
 * bench_he_linear.c: seconds of one core and bytes of the published network's linear deals: one
 * party's, of seven frames. `make tests/bench_he_linear` builds it; it is no test.
 */
#include "tests/emotion_maps.h"
#include "tests/he_world.h"

#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of role 0's rounds. */
static void deal_time(struct he_world *w, double *second)
{
    for (unsigned round = 0; round < 3; round++) {
        if (round < 2)
            he_round(w, 1, round);
        double start = seconds();
        he_round(w, 0, round);
        second[round] = seconds() - start;
    }
}

int main(void)
{
    double total = 0, bytes = 0;
    uint64_t random = 1;
    printf("             in   out  products   MB sent    plan ms  mask s  answer s  finish s\n");
    for (unsigned i = 0; i < EMOTION_MAPS; i++) {
        struct geometry g;
        struct he_world w;
        struct pack p;
        uint32_t frames;
        double second[3];
        const char *name = emotion_map(i, &g, &frames);
        double start = seconds();
        if (pack_plan(&p, &g, frames, RLWE_N) != 0)
            return 1;
        double made = seconds() - start;
        if (he_make(&w, &g, frames, &random) != 0)
            return 1;
        deal_time(&w, second);
        double mb = 1e-6 * ((double)w.gate->message[0] + w.gate->message[1]);
        printf("%-10s %4zu  %4zu     %5zu    %6.2f     %6.3f  %6.2f    %6.2f    %6.2f\n", name,
               pack_inputs(&p), pack_answers(&p), pack_products(&p), mb, 1e3 * made, second[0],
               second[1], second[2]);
        total += second[0] + second[1] + second[2];
        bytes += mb;
        he_free(&w);
    }
    printf("all: %.2f s, %.1f MB by each party\n", total, bytes);
    return 0;
}
