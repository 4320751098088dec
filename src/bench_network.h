/*
 * bench_network.h: the networks of a benchmark, by name or as numbers.
 */
#ifndef OB_SRC_BENCH_NETWORK_H
#define OB_SRC_BENCH_NETWORK_H

#include "src/wan.h"

struct bench_network {
    char name[32];
    double rtt_ms;
    double up, down;            /* Mbit/s of every node; 0: unlimited; all three 0: loopback */
    double loss, reorder;       /* shares of packets */
    double stall_ms;            /* the last party's link stands still so long in every second */
    int plain;                  /* TCP is as Linux has it if nobody sets it up */
    int slow_link;              /* the last party has a tenth of the rate, */
    int slow_processor;         /* or of its processor */
};

/* All names, for messages and help. */
#define BENCH_NETWORKS \
    "loopback, lan, 10gbit, 10ms, 40ms, 100ms, 40ms-100mbit, intercontinental, 5g, asymmetric, " \
    "100ms-plain, slow-party, slow-processor, loss, reorder, stall"

/* One of these, RTT:MBIT or RTT:UP:DOWN. ERR_USAGE. */
int bench_network_parse(struct bench_network *n, const char *text, struct err *e);

/* Is it a network at all, or loopback? */
int bench_network_is(const struct bench_network *n);

/* The parties, then Bob and Alice. */
void bench_network_wan(struct wan_conf *w, const struct bench_network *n, unsigned parties,
                       uint64_t seed);

/* The same for all, and nothing but delay and rates: such networks make the lines of charts. */
int bench_network_even(const struct bench_network *n);

/* Can the simulator say what happens there? */
int bench_network_forecast(const struct bench_network *n);

/* Seconds that a party's link needs for so many bytes. */
double bench_network_seconds(const struct bench_network *n, int last, uint64_t sent,
                             uint64_t received);

#endif
