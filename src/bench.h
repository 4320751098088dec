/*
 * bench.h: repeated private classifications over emulated networks, and what came of them.
 *
 * A case is a protocol on a network with so many selected frames and workers. Its parties start
 * once, as in `obscura demo`; after warm-up runs that are not counted, every run is one
 * classification. Each case stands beside the bounds that no schedule can beat:
 *
 *     T >= max( compute / cores,  bytes / bandwidth,  rounds x one-way delay )
 *
 * with the CPU time of all parties over the cores of this machine, the most that a party sends or
 * receives, and the longest chain of messages.
 */
#ifndef OB_SRC_BENCH_H
#define OB_SRC_BENCH_H

#include "src/demo.h"
#include "src/progress.h"

enum { BENCH_LIST = 16, BENCH_RUNS = 1000, BENCH_CASES = 512, BENCH_LAYERS = 80 };

struct bench_network {
    char name[32];
    double rtt_ms, mbit;        /* mbit 0: unlimited; both 0: loopback */
    int shape;                  /* enum bench_shape */
};

enum bench_shape { BENCH_EVEN, BENCH_ASYMMETRIC, BENCH_SLOW_PARTY, BENCH_PLAIN };

struct bench_wish {
    const struct protocol *protocol[BENCH_LIST];
    struct bench_network network[BENCH_LIST];
    uint32_t selected[BENCH_LIST];
    unsigned workers[BENCH_LIST];           /* 0: what suits the machine */
    unsigned nprotocol, nnetwork, nselected, nworkers;
    unsigned runs, warmup, lanes;
    int forecast;               /* the simulator's time, too */
    const char *clip, *model, *dir;
    double timeout;
    int quiet;
};

struct bench_case {
    const struct protocol *proto;
    const struct bench_network *network;
    uint32_t selected;
    unsigned workers, n;        /* runs that counted */
    double total[BENCH_RUNS], input[BENCH_RUNS], cpu[BENCH_RUNS];   /* seconds; cpu: all parties */
    uint64_t bytes, most;       /* sent by all; sent or received by one party at most */
    uint64_t peak;              /* resident bytes of the largest party */
    uint32_t rounds;
    unsigned label;
    double forecast;            /* seconds; 0: none */
};

/* The three bounds of a case, in seconds, and the largest. */
struct bench_bounds {
    double compute, bytes, rounds, all;
};

struct bench {
    const struct bench_wish *w;
    uint32_t frames;            /* of the clip */
    struct bench_case *one;
    unsigned n;
    unsigned cores;
    struct progress progress;
};

/* "loopback", "lan", "10ms", "40ms", "100ms", "40ms-100mbit", "asymmetric", "slow-party",
 * "100ms-plain", or RTT:MBIT. ERR_USAGE. */
int bench_network_parse(struct bench_network *n, const char *text, struct err *e);

/* All cases, then the files in w->dir. */
int bench_run(const struct bench_wish *w, struct err *e);

/* The value below which a share of the n values lies: 0.5 is the median. */
double bench_quantile(const double *v, unsigned n, double share);
struct bench_bounds bench_bounds(const struct bench *b, const struct bench_case *c);

/* bench_report.c: bench.json, bench.csv, charts and report.html. */
int bench_write(const struct bench *b, struct err *e);

#endif
