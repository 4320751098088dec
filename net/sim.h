/*
 * sim.h: every node in one process, on a virtual clock.
 *
 * The simulator gives each node a `struct host` (link.h) and carries messages between them with
 * latency, bandwidth, jitter, reordering between streams (never within one), the crash of a node,
 * and tampering, all drawn from a seed: the same seed gives the same bytes in the same order.
 * Arithmetic (struct work) runs on the caller's thread, in an event, and takes a virtual time that
 * the options choose (0 by default), on as many virtual workers as the options say.
 */
#ifndef OB_NET_SIM_H
#define OB_NET_SIM_H

#include <stdint.h>

#include "net/link.h"

enum { SIM_NODES = 24 };

struct sim;

struct sim_options {
    uint64_t seed;
    uint64_t latency_ns;        /* one way */
    uint64_t jitter_ns;         /* uniform in [0, jitter], per message; streams may overtake */
    uint64_t bits_per_second;   /* out of each node and into each node; 0: unlimited */
    uint64_t bits_out[SIM_NODES], bits_in[SIM_NODES];   /* of one node instead; 0: as above */
    unsigned workers;           /* virtual workers per node; 0: 1 */
    unsigned cores;             /* that the workers of all nodes share; 0: each has its own */
    double slower[SIM_NODES];   /* work of a node takes so many times as long; 0: once */
    double work_factor;         /* virtual ns of work = factor x measured ns; 0: work is free, so
                                 * that a run is deterministic to the byte */
    int reorder;                /* messages of different streams swap at random even without jitter:
                                 * each is late by up to one latency and a microsecond */
    void *ctx;
    /* Sees every message before it leaves; may change it (payload included, not n unless it
     * replaces data with a new block), return 0 to send, 1 to swallow it, 2 to send it twice. */
    int (*tamper)(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now);
    /* Sees every message as it arrives: transcripts. */
    void (*see)(void *ctx, unsigned from, unsigned to, const struct message *m, uint64_t now);
};

struct sim *sim_new(const struct sim_options *o, struct err *e);

/* Gives back the payloads that are still queued or under way, so the arenas that they were taken
 * from must still be there; calls nobody. NULL is legal. */
void sim_free(struct sim *s);

/* Adds a node (parties: 0 .. LINK_PARTIES - 1; clients: LINK_CLIENT and up) before sim_run. Links
 * exist between all parties and between every client and every party; `up` comes on both ends
 * one latency after the first sim_run (or after the node was added, if later). A node that has
 * crashed may be added again: it gets a new host and new links, with new secrets. */
struct host *sim_node(struct sim *s, unsigned node, const char *name, struct err *e);

/* The node stops at virtual time `at` (now, if past): it is called no more, its peers get `down`
 * one latency later ("lost"). */
void sim_crash(struct sim *s, unsigned node, uint64_t at);

/* The link goes silent in both directions from `at` on, without `down` (a stalled network). */
void sim_stall(struct sim *s, unsigned a, unsigned b, uint64_t at);

/* Runs until nothing is left to happen but timers further away than `idle_ns`, until sim_stop, or
 * until virtual time `until` (0: no end). Returns the number of events. */
uint64_t sim_run(struct sim *s, uint64_t until, uint64_t idle_ns);
void sim_stop(struct sim *s);
uint64_t sim_now(const struct sim *s);

#endif
