/*
 * bench.h: repeated private classifications over emulated networks, and what came of them.
 *
 * A case is a protocol on a network with so many selected frames and workers. Its parties start
 * once, as in `obscura demo`; after warm-up runs that are not counted, every run is one
 * classification. Or, with the transport `sim`, it runs in the simulator, where every party has a
 * machine of its own and any network can be had. Each case stands beside the bounds that no
 * schedule can beat:
 *
 *     T >= max( compute / cores,  bytes / bandwidth,  rounds x one-way delay )
 *
 * with the CPU time of all parties over the cores of this machine, the time that one party's link
 * needs at least, and the longest chain of messages. Beside these stands a sharper bound of the
 * network alone, the chain: bytes have to go before the rounds that come after them can pass
 * (cost_chain, proto/cost.h), for every party and every number r of rounds that are still to come:
 *
 *     T >= (bytes before the last r rounds) / bandwidth  +  r x one-way delay
 *
 * The simulator times arithmetic only. What a party's process needs beside it (messages, TLS, fresh
 * pages, caches that others use) is measured once on loopback: the ratio of the two CPU times is
 * the factor with which the simulator then counts.
 */
#ifndef OB_SRC_BENCH_H
#define OB_SRC_BENCH_H

#include "proto/cost.h"
#include "src/bench_network.h"
#include "src/demo.h"
#include "src/progress.h"

enum { BENCH_LIST = 16, BENCH_RUNS = 1000, BENCH_CASES = 512, BENCH_LAYERS = 64 };

struct bench_wish {
    const struct protocol *protocol[BENCH_LIST];
    struct bench_network network[BENCH_LIST];
    uint32_t selected[BENCH_LIST];
    unsigned workers[BENCH_LIST];           /* 0: what suits the machine */
    const char *transport[BENCH_LIST];      /* of demo_transport */
    unsigned nprotocol, nnetwork, nselected, nworkers, ntransport;
    unsigned runs, warmup, lanes;
    uint64_t seed;              /* of loss, order and the simulator */
    int forecast;               /* the simulator's time, too */
    int prepare;                /* what can be made beforehand is, and timed apart */
    const char *congestion;     /* control of TCP; NULL: the kernel's own */
    const char *clip, *model, *dir;
    double timeout;
    int quiet;
};

struct bench_case {
    const struct protocol *proto;
    const struct bench_network *network;
    const char *transport;
    int sim, uring;
    uint32_t selected;
    unsigned workers, n;        /* runs that counted */
    double total[BENCH_RUNS], input[BENCH_RUNS], cpu[BENCH_RUNS];   /* seconds; cpu: all parties */
    struct account party[LINK_PARTIES];     /* of the last run */
    struct prepared prepared;   /* for all runs */
    unsigned label;
    double chain;               /* seconds: the bound of bytes and the rounds after them */
    double forecast;            /* seconds; 0: none */
};

/* The three bounds of a case, in seconds, and the largest. */
struct bench_bounds {
    double compute, bytes, rounds, all;
};

/* Who holds the others up, if somebody stands out: by arithmetic, for which the others wait, or by
 * a link on which more queues than on the others'. */
struct bench_slow {
    int party;                  /* -1: nobody */
    int processor;              /* 0: its link */
    double share;               /* of the run's time: they wait for it, or bytes queue there */
};

struct bench_layer {
    const struct protocol *proto;
    char name[64];
    uint64_t bytes;
    uint32_t rounds;
    double seconds;             /* of arithmetic, over all parties */
};

/* How much longer processes compute than the simulator says. */
struct bench_factor {
    const struct protocol *proto;
    uint32_t selected;
    unsigned workers;
    double cpu;
};

struct bench {
    const struct bench_wish *w;
    uint32_t frames;            /* of the clip */
    struct bench_case *one;
    unsigned n;
    struct bench_layer layer[BENCH_LIST * BENCH_LAYERS];
    unsigned nlayer;
    struct bench_factor factor[BENCH_CASES];
    unsigned nfactor;
    unsigned cores;
    struct progress progress;
};

/* All cases, then the files in w->dir. */
int bench_run(const struct bench_wish *w, struct err *e);

/* ---- bench_figures.c ---- */

/* The value below which a share of the n values lies: 0.5 is the median. */
double bench_quantile(const double *v, unsigned n, double share);
struct bench_bounds bench_bounds(const struct bench *b, const struct bench_case *c);
struct bench_slow bench_slow(const struct bench_case *c);

/* Seconds that bytes and the rounds after them need at least on a network. */
double bench_chain_seconds(const struct bench_network *n, unsigned parties,
                           const struct cost_chain *c);
uint64_t bench_sent(const struct bench_case *c);            /* bytes, by all parties, */
uint64_t bench_offline(const struct bench_case *c);         /* of them by deals */
uint32_t bench_rounds(const struct bench_case *c);

/* ---- bench_layers.c ---- */

/* What every layer costs: bytes and rounds from the plan, time from a run in the simulator. */
int bench_layers(struct bench *b, struct err *e);

/* The bound of bytes and the rounds after them, of what a case has run: c->chain. */
int bench_chain(const struct bench *b, struct bench_case *c, struct err *e);

/* ---- bench_json.c ---- */

/* bench.json and bench.csv in the folder of the wish. */
int bench_write(const struct bench *b, struct err *e);

#endif
