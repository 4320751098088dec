/*
 * link.h: what a role (party, Alice, Bob) sees of the machine and the network it runs on.
 *
 * A host carries messages between nodes, keeps time, and runs arithmetic on worker threads. There
 * are two kinds: the real one (mesh.h: TLS links driven by libevent, and a worker pool) and the
 * simulated one (sim.h: all nodes in one process on a virtual clock). Everything above this header
 * is written once for both, and this is the only header of the runtime that proto/ may include
 * beside the base ones.
 *
 * All calls and all upcalls happen on the loop thread; only work.run runs elsewhere.
 */
#ifndef OB_NET_LINK_H
#define OB_NET_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "net/base_mem.h"

enum {
    LINK_PARTIES = 4,           /* nodes 0 .. LINK_PARTIES - 1 are the computing parties */
    LINK_CLIENT = 16,           /* nodes from here on are clients, numbered by the host */
    LINK_SECRET = 32,           /* bytes of a link's shared secret */
    LINK_MESSAGE_MAX = 1 << 30  /* no message is longer */
};

/* One message. Payloads are blocks of an arena (or NULL when n is 0); who holds the message owns
 * the payload and gives it back with arena_give. */
struct message {
    uint8_t type;       /* the roles' own; 0 .. 239 (the transport keeps the rest for itself) */
    uint16_t depth;     /* sequential rounds behind this message, counted from the inputs */
    uint64_t job;
    uint32_t stream;    /* the gate */
    uint32_t seq;       /* the step of the gate */
    uint32_t tail;      /* what is to come with it, for the sender's queue: does not travel */
    size_t n;
    uint8_t *data;
};

/* Who is at the other end of a link, as authenticated. */
struct node_info {
    char name[64];                  /* the configured name: "party 1", "alice" */
    uint8_t secret[LINK_SECRET];    /* known to the two ends of this link only, fresh for each link */
};

/* Arithmetic for the worker pool: `run` on some worker thread, then `done` on the loop thread.
 * The memory is the caller's until `done`. */
struct work {
    void (*run)(struct work *w);
    void (*done)(struct work *w);
    struct work *next;              /* the pool's */
    uint64_t started, ended;        /* ns, set by the pool: for traces */
    unsigned worker;                /* which worker ran it: for traces */
};

struct timer {
    void (*fire)(struct timer *t);
    void *impl;                     /* the host's; NULL when not armed */
};

/* An asynchronous read of a whole file (io_uring where the kernel allows it). */
struct file_read {
    const char *path;
    size_t limit;                   /* longer files are refused */
    void (*done)(struct file_read *f);
    uint8_t *data;                  /* out: malloc'd, the caller's, followed by one zero byte */
    size_t n;
    struct err err;                 /* out: err.code is 0 when all went well */
    void *impl;
};

struct host;

/* Does a message that waits let `m` pass? Of a job, what has more to come goes first; of as
 * much, what belongs to an older gate, so that old frames are not held up by the bytes of new ones.
 * A stream keeps its order. */
static inline int message_lets_pass(const struct message *waits, const struct message *m)
{
    if (waits->job != m->job || waits->type != m->type || waits->stream == m->stream)
        return 0;
    return waits->tail < m->tail || (waits->tail == m->tail && waits->stream > m->stream);
}

struct host_ops {
    /* Queues m for the node, behind what does not let it pass; takes the payload in every case. 0,
     * or ERR_PEER if there is no link. Messages of one job and stream arrive in the order in which
     * they were sent, and so do all those of stream 0 with each other; else they may overtake. */
    int (*send)(struct host *h, unsigned node, struct message m);
    /* Bytes queued for the node and not yet handed to the network. */
    size_t (*queued)(struct host *h, unsigned node);
    /* Ends the link with a reason, which the peer is told; `down` is called later. */
    void (*drop)(struct host *h, unsigned node, const char *why);
    uint64_t (*now)(struct host *h);                                    /* ns, monotonic */
    void (*arm)(struct host *h, struct timer *t, uint64_t after_ns);    /* re-arming is legal */
    void (*disarm)(struct host *h, struct timer *t);                    /* legal when not armed */
    void (*work)(struct host *h, struct work *w);
    void (*read)(struct host *h, struct file_read *f);
    /* Bytes on the wire (with TLS and headers), both ways, for statistics. */
    uint64_t (*wire)(struct host *h, unsigned node);
    /* Payload bytes that have come or gone so far, of messages under way too: what tells a slow
     * node from one that only lives (links say so by themselves, which does not count). */
    uint64_t (*moved)(struct host *h, unsigned node);
};

struct host_events {
    /* A link is up: authenticated, hello agreed. `info` lives until `down`. */
    void (*up)(void *ctx, unsigned node, const struct node_info *info);
    /* A link is gone, or could not be made in time. */
    void (*down)(void *ctx, unsigned node, const struct err *why);
    /* A message of head->n > 0 bytes has been announced: says where its payload goes (a block of
     * an arena) or NULL, with *why filled, to have the link ended. Called before a byte is kept,
     * so nothing is allocated on a peer's word. */
    uint8_t *(*room)(void *ctx, unsigned node, const struct message *head, struct err *why);
    /* A message has come; its payload is now the callee's. */
    void (*message)(void *ctx, unsigned node, struct message m);
    /* A queue that was above the mark of back-pressure is below it again. */
    void (*drained)(void *ctx, unsigned node);
};

struct host {
    const struct host_ops *ops;
    const struct host_events *events;   /* set by the role before the host starts */
    void *ctx;                          /* handed to the events */
    unsigned workers;                   /* worker threads; at least 1 */
};

#endif
