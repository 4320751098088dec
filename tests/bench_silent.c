/*
 * bench_silent.c: silent rows per second of one core, each part by itself.
 * `make tests/bench_silent` builds it; it is no test and is not run by make check.
 */
#include "tests/bench.h"
#include "tests/silent_world.h"

#include <time.h>

static struct silent_world w;

static void send(void)
{
    silent_world_send(&w, 1, 0, w.set->trees);
}

static void receive(void)
{
    silent_world_receive(&w, 1, 0, w.set->trees);
}

static void encode(void)
{
    silent_encode(w.set, 1, 0, silent_rows(w.set), w.input[0], w.rows[0]);
}

/* Million rows per second, the best of three. */
static double rate(void (*run)(void))
{
    double least = 1e9;
    for (unsigned r = 0; r < 3; r++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        run();
        double t = bench_seconds(CLOCK_MONOTONIC) - start;
        least = t < least ? t : least;
    }
    return 1e-6 * (double)silent_rows(w.set) / least;
}

int main(void)
{
    uint64_t state = 1;
    const struct silent_set *last = NULL;
    printf("%s; million rows per second\n", prf_isa());
    printf("   rows      k  trees  depth    send receive  encode  send+e  receive+e  bytes/row\n");
    for (size_t n = 1; n < (size_t)1 << 24; n *= 2) {
        const struct silent_set *s = silent_set(n);
        if (s == last)
            continue;
        last = s;
        silent_world_make(&w, s, &state);
        double a = rate(send), b = rate(receive), c = rate(encode);
        printf("%7zu %6u %6u %6u %7.1f %7.1f %7.1f %7.1f %10.1f %10.2f\n", silent_rows(s), s->k,
               s->trees, s->depth, a, b, c, 1 / (1 / a + 1 / c), 1 / (1 / b + 1 / c),
               (double)silent_message_bytes(s) / (double)silent_rows(s));
        silent_world_free(&w);
    }
    return 0;
}
