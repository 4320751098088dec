/*
 * How fast the default network trains: pictures a second and processor time for each, at several
 * batch sizes, augmentation and optimiser included. tests/bench_train.py says the same of PyTorch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "net/base_mem.h"
#include "nn/initialise.h"
#include "nn/trainer.h"

enum { EPOCH = 28709 };         /* training pictures of FER-2013 */

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void noise(struct dataset *d, size_t n)
{
    uint8_t grey[48 * 48];
    for (size_t s = 0; s < n; s++) {
        for (size_t k = 0; k < sizeof grey; k++)
            grey[k] = (uint8_t)chance_mix(s * sizeof grey + k);
        dataset_add(d, grey, (struct dataset_item){ .label = (uint8_t)(s % 7) }, NULL);
    }
}

/* Best of some epochs. */
static int measure(const struct network *net, unsigned batch, unsigned threads)
{
    struct err e = { 0 };
    struct model m;
    struct dataset d;
    size_t n = batch * (1024 / batch);
    double wall = 1e9, cpu = 1e9;
    struct trainer_conf conf = {
        .optimise = { .rate = 0.01, .momentum = 0.9, .decay = 1e-4 }, .epochs = 3, .batch = batch,
        .augment = { 1, 4, 10, 0.1, 0.1 }, .threads = threads, .seed = 1,
    };
    if (model_init(&m, net, &e) != 0 || dataset_init(&d, net, &e) != 0)
        return e.code;
    model_initialise(&m, 1);
    noise(&d, n);
    struct trainer *t = trainer_new(&conf, &m, &d, (struct trainer_notice){ 0 }, &e);
    while (t != NULL && !trainer_done(t)) {
        double w = seconds(CLOCK_MONOTONIC), c = seconds(CLOCK_PROCESS_CPUTIME_ID);
        trainer_epoch(t, (struct trainer_notice){ 0 }, &e);
        w = seconds(CLOCK_MONOTONIC) - w;
        c = seconds(CLOCK_PROCESS_CPUTIME_ID) - c;
        wall = w < wall ? w : wall;
        cpu = c < cpu ? c : cpu;
    }
    if (e.code == 0)
        printf("batch %3u, %u threads: %5.0f pictures/s, %.2f ms of processor time each, FER-2013 "
               "in %.0f s\n", batch, threads, (double)n / wall, cpu / (double)n * 1e3,
               EPOCH * wall / (double)n);
    else
        fprintf(stderr, "bench_train: %s\n", e.text);
    trainer_free(t);
    dataset_fini(&d);
    model_fini(&m);
    return e.code;
}

int main(void)
{
    static struct network net;
    network_default(&net);
    for (unsigned threads = 1; threads <= 2; threads++)
        for (unsigned batch = 64; batch <= 256; batch *= 2)
            if (measure(&net, batch, threads) != 0)
                return 1;
    return 0;
}
