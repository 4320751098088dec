/*
 * demo.h: a whole private classification on one machine.
 *
 * Two ways: demo_real starts every party, Alice and Bob as processes of their own, over TLS on
 * loopback or an emulated network (wan.h); demo_sim runs all roles in this process on a virtual
 * clock (net/sim.h).
 */
#ifndef OB_SRC_DEMO_H
#define OB_SRC_DEMO_H

#include "src/outcome.h"
#include "src/wan.h"

struct demo_conf {
    const struct protocol *proto;
    const char *clip, *model;
    const char *select;             /* "every:K" or a file */
    uint32_t frames;                /* of the clip */
    uint32_t chunk;                 /* frames of it that come at once; 0: all */
    double pace;                    /* frames of it that there are a second; 0: all at once */
    unsigned workers;
    unsigned lanes;                 /* connections of a link between parties; demo_real only */
    const char *congestion;         /* control of TCP; NULL: the kernel's own; demo_real only */
    int reveal_scores;
    int uring;                      /* links over io_uring; demo_real only */
    int prepare;                    /* randomness for every run is made first; demo_real only */
    int model_first;                /* Alice comes when all parties hold the model, as she does with
                                     * `prepare`; else when they have agreed to take it */
    const struct wan_conf *network; /* the parties, then Bob and Alice; NULL: loopback. The
                                     * simulator takes the first way's delay for all, no loss and
                                     * no stalls */
    unsigned slowed;                /* 1 + the party that gets the processor a tenth of the time */
    const char *trace;              /* NULL: none */
    const char *log;                /* NULL: the parties' log lines are not shown */
    int quiet;                      /* no progress line */
    double timeout;                 /* seconds without an end */
    /* demo_real only */
    unsigned runs;                  /* classifications in a row with the same parties; 0: one */
    void (*ran)(void *ctx, const struct outcome *o);    /* after each; may be NULL */
    void *ctx;
    /* demo_sim only */
    uint64_t seed;
    int seeded;                     /* the same seed gives the same run: work takes no time */
    double work;                    /* time of work, as multiple of the measured; 0: once */
    unsigned cores;                 /* that all parties share; 0: each has its own */
    void (*span)(void *ctx, const struct engine_span *s);   /* of any party; may be NULL */
};

enum { DEMO_SLOWED = 10 };          /* a slowed party is so many times slower */

/* Worker threads of each party, where all share this machine: more threads than cores only get into
 * each other's way. */
unsigned demo_workers(unsigned parties);

/* "epoll" or "uring" (demo_real), or "sim" (demo_sim). ERR_USAGE. */
int demo_transport(int *sim, int *uring, const char *text, struct err *e);

int demo_real(const struct demo_conf *conf, struct outcome *o, struct err *e);
int demo_sim(const struct demo_conf *conf, struct outcome *o, struct err *e);

#endif
