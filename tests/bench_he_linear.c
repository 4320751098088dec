/*
 * bench_he_linear.c: seconds of one core and bytes of the published network's linear deals: one
 * party's, of seven frames; and of layers that papers measure. `make tests/bench_he_linear` builds
 * it; it is no test.
 */
#include "tests/bench.h"
#include "tests/emotion_maps.h"
#include "tests/he_world.h"

#include <time.h>

/* Seconds of role 0's rounds. */
static void deal_time(struct he_world *w, double *second)
{
    for (unsigned round = 0; round < 3; round++) {
        if (round < 2)
            he_round(w, 1, round);
        double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        he_round(w, 0, round);
        second[round] = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    }
}

/* A line of the deal of a map: its plan, MB by one party, seconds of one core. */
static void line(const char *name, const struct geometry *g, uint32_t frames, double *mb,
                 double *seconds_all)
{
    struct he_world w;
    struct pack p;
    uint64_t random = 1;
    double second[3], start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (pack_plan(&p, g, frames, RLWE_N) != 0)
        exit(1);
    double made = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    if (he_make(&w, &protocol_semi2k, g, frames, &random) != 0)
        exit(1);
    deal_time(&w, second);
    *mb = 1e-6 * ((double)w.gate->message[0] + w.gate->message[1]);
    *seconds_all = second[0] + second[1] + second[2];
    printf("%-20s %4zu  %4zu     %5zu    %6.2f     %6.3f  %6.2f    %6.2f    %6.2f\n", name,
           pack_inputs(&p), pack_answers(&p), pack_products(&p), *mb, 1e3 * made, second[0],
           second[1], second[2]);
    he_free(&w);
}

/* Layers that papers on two parties measure, one picture. */
static void papers(void)
{
    static const struct {
        const char *name;
        struct geometry g;
    } layer[] = {
        { "224, 3 to 64, 7x7/2", { 224, 224, 3, 7, 7, 2, 2, 3, 3, 112, 112, 64 } },
        { "56, 64 to 256, 1x1", { 56, 56, 64, 1, 1, 1, 1, 0, 0, 56, 56, 256 } },
        { "56, 256 to 64, 1x1", { 56, 56, 256, 1, 1, 1, 1, 0, 0, 56, 56, 64 } }
    };
    double mb, second;
    for (unsigned i = 0; i < sizeof layer / sizeof layer[0]; i++)
        line(layer[i].name, &layer[i].g, 1, &mb, &second);
}

int main(void)
{
    double total = 0, bytes = 0;
    printf("                       in   out  products   MB sent    plan ms  mask s  answer s  finish s"
           "\n");
    for (unsigned i = 0; i < EMOTION_MAPS; i++) {
        struct geometry g;
        uint32_t frames;
        double mb, second;
        const char *name = emotion_map(i, &g, &frames);
        line(name, &g, frames, &mb, &second);
        total += second;
        bytes += mb;
    }
    printf("all: %.2f s, %.1f MB by each party\n", total, bytes);
    papers();
    return 0;
}
