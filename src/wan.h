/*
 * wan.h: a wide-area network in a box, for measurements and tests.
 *
 * Every node is a network namespace with one interface (TUN); a process of our own, the line,
 * carries packets between them, each after the delay of its way and no faster than the sender's
 * link allows. A namespace has no name and no file: it ends with the last process and descriptor
 * in it, and the line ends with its parent, so nothing is left behind, also after a crash.
 *
 * Rates are kept by the line and not by `tc`, so that the same network comes out on every kernel,
 * with or without netem: a packet of n bytes occupies its sender's link for 8 n / rate, the next
 * one is read from the interface when that time is nearly over, and the sender's kernel queues
 * meanwhile, as it does before a real card. TCP sees neither drops nor bursts but those asked for,
 * and a connection has no more under way than four times what fills its link (but with `plain`).
 * One core carries some 4 Gbit/s in all; `late` tells how punctual it was.
 *
 * Needs root (or CAP_NET_ADMIN and CAP_SYS_ADMIN) and /dev/net/tun.
 */
#ifndef OB_SRC_WAN_H
#define OB_SRC_WAN_H

#include <stdint.h>

#include "net/base_err.h"

enum { WAN_NODES = 8, WAN_LATE = 16 };

struct wan_conf {
    unsigned nodes;
    double delay_ms[WAN_NODES][WAN_NODES];  /* one way, from and to */
    double mbit[WAN_NODES];                 /* of a node's link; 0: unlimited */
    double mbit_in[WAN_NODES];              /* of what it receives; 0: as much */
    double jitter_ms;                       /* added to a delay: uniform in [0, jitter] */
    double loss;                            /* share of packets that are lost */
    double reorder;                         /* share that is held back for another delay */
    int plain;                              /* TCP is as Linux has it if nobody sets it up */
    double stall_ms, stall_every_ms;        /* a link stands still so long, so often; 0: never */
    unsigned stall_node;                    /* whose */
    uint64_t seed;                          /* of jitter, loss and order */
};

struct wan_stats {
    uint64_t packets, bytes, lost;
    uint64_t late[WAN_LATE];    /* packets that were less than 2^i us late (the last: all others) */
};

struct wan;

/* The same round trip between any two nodes, and the same rate (0: unlimited) for each. */
void wan_uniform(struct wan_conf *conf, unsigned nodes, double rtt_ms, double mbit);

/* Makes the namespaces and starts the line. NULL: ERR_FAILED says what is missing. */
struct wan *wan_open(const struct wan_conf *conf, struct err *e);
void wan_close(struct wan *w);          /* ends the line; NULL is legal */

/* "10.77.0.N" of a node; borrowed. */
const char *wan_address(const struct wan *w, unsigned node);

/* The namespace of a node, for setns(2); open until wan_close. wan_enter puts the calling thread
 * there, wan_leave back where it came from. 0, or -1 with errno. */
int wan_namespace(const struct wan *w, unsigned node);
int wan_enter(const struct wan *w, unsigned node);
int wan_leave(const struct wan *w);

/* While it is set, nothing travels from one node to another: what comes is kept, in order. */
void wan_stall(struct wan *w, unsigned from, unsigned to, int on);

void wan_stats(const struct wan *w, struct wan_stats *s);

#endif
