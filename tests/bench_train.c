/*
 * How fast the default network trains and evaluates: pictures a second and processor time for each,
 * training at several batch sizes, augmentation and optimiser included. tests/bench_train.py says
 * the same of PyTorch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "net/base_mem.h"
#include "nn/initialise.h"
#include "nn/judge.h"
#include "nn/trainer.h"
#include "tests/bench.h"

enum { EPOCH = 28709 };         /* training pictures of FER-2013 */

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
        double w = bench_seconds(CLOCK_MONOTONIC), c = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
        trainer_epoch(t, (struct trainer_notice){ 0 }, &e);
        w = bench_seconds(CLOCK_MONOTONIC) - w;
        c = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - c;
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

static void pattern(void *ctx, size_t k, double *pixels)
{
    (void)ctx;
    for (size_t i = 0; i < 48 * 48; i++)
        pixels[i] = (double)(uint8_t)chance_mix(k * 48 * 48 + i) / 255;
}

/* Evaluation in floats, best of some runs; processor time as the judge counts it, without the
 * making of pictures. */
static int evaluate(const struct network *net, unsigned threads)
{
    enum { FRAMES = 1024 };
    static double logits[FRAMES * 7];
    struct err e = { 0 };
    struct model m;
    double wall = 1e9, cpu = 1e9, before = 0;
    if (model_init(&m, net, &e) != 0)
        return e.code;
    model_initialise(&m, 1);
    struct judge *j = judge_new(&m, NULL, threads, &e);
    for (int run = 0; run < 4 && e.code == 0; run++) {
        struct judge_account a;
        double w = bench_seconds(CLOCK_MONOTONIC);
        judge_run(j, FRAMES, pattern, NULL, logits, NULL, &e);
        w = bench_seconds(CLOCK_MONOTONIC) - w;
        judge_account(j, &a);
        wall = w < wall ? w : wall;
        cpu = a.float_seconds - before < cpu ? a.float_seconds - before : cpu;
        before = a.float_seconds;
    }
    if (e.code == 0)
        printf("evaluation, %u threads: %5.0f frames/s, %.3f ms of processor time each\n", threads,
               FRAMES / wall, cpu / FRAMES * 1e3);
    else
        fprintf(stderr, "bench_train: %s\n", e.text);
    judge_free(j);
    model_fini(&m);
    return e.code;
}

int main(void)
{
    static struct network net;
    network_default(&net);
    for (unsigned threads = 1; threads <= 2; threads++)
        if (evaluate(&net, threads) != 0)
            return 1;
    for (unsigned threads = 1; threads <= 2; threads++)
        for (unsigned batch = 64; batch <= 256; batch *= 2)
            if (measure(&net, batch, threads) != 0)
                return 1;
    return 0;
}
