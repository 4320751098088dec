/*
 * peer_st.h: the layout of a peer, and what peer.c (states and sockets) and peer_talk.c (hello,
 * good-bye and messages) need of each other. For nobody else.
 */
#ifndef OB_NET_PEER_ST_H
#define OB_NET_PEER_ST_H

#include "net/intake.h"
#include "net/peer.h"
#include "net/sendq.h"

struct peer {
    const struct peer_conf *conf;
    void *owner;
    char where[80];
    char name[160];
    int fd;
    int dialled;
    enum peer_state state;
    struct watch *watch;        /* while connecting */
    struct carrier *carrier;    /* from then on; its is the descriptor */
    struct tls *tls;
    struct sendq out;
    struct intake in;
    struct timer deadline;      /* to be ready, or to be closed */
    struct timer tick;          /* heartbeat */
    struct later flush;
    struct later report;
    uint64_t heard, said;       /* when something last came, and went */
    uint64_t beat_due;          /* when the next heartbeat is to be */
    uint64_t excused;           /* time since `heard` in which our own loop stood still */
    uint64_t probes, answers;   /* pings sent, pongs received */
    uint64_t lingered;          /* bytes sent when the deadline of closing was last set */
    struct link_stats stats;    /* application bytes only */
    struct err why;
    unsigned full : 1;          /* the queue was above the high mark */
    unsigned deaf : 1;          /* the socket takes no more: only reading is left */
    unsigned greeted : 1;       /* their hello has come */
    unsigned accepted : 1;      /* ... and we agreed to it */
    unsigned welcome : 1;       /* they agreed to ours */
    unsigned left : 1;          /* their good-bye has come */
    unsigned shut : 1;          /* nothing more will be sent */
    unsigned hopeless : 1;      /* the two will not agree however often they try */
    unsigned reported : 1;
};

/* The only writer of the state: sets the deadline and the heartbeat that belong to it. */
void peer_change_state(struct peer *p, enum peer_state to);
const char *peer_state_name(enum peer_state s);

/* Something went wrong that the peer is to be told, after the message that is half sent. */
void peer_fail(struct peer *p, const struct err *why);

/* The handshake or a record is bad: an alert goes out, no more. */
void peer_fail_tls(struct peer *p, const struct err *why);

/* Nothing can be sent or received any more. */
void peer_break(struct peer *p, const struct err *why);

/* Queues one of the transport's own messages; -1 without memory. */
int peer_control(struct peer *p, uint8_t type, const void *data, size_t n);

/* Decrypts and delivers what has come. */
void peer_take_in(struct peer *p);

#endif
