/*
 * mesh_st.h: the layout of a mesh, shared by mesh.c (the host, configuration), mesh_link.c (which
 * peer serves which node), mesh_lane.c (several connections as one link) and mesh_dial.c (making
 * connections). For nobody else.
 */
#ifndef OB_NET_MESH_ST_H
#define OB_NET_MESH_ST_H

#include "net/congestion.h"
#include "net/addr.h"
#include "net/file.h"
#include "net/listen.h"
#include "net/mesh.h"

/* The owner of a peer, for as long as the peer lives. */
struct contact {
    struct mesh *mesh;
    struct peer *peer;
    struct node *node;          /* NULL: not agreed yet */
    struct node *caller;        /* accepted connections: whose certificate it showed */
    struct contact *next, *prev;
    struct peer_conf conf;
    struct hello hello;         /* ours, as it is said here */
    unsigned number;            /* of the lane */
    struct contact *first;      /* lane 0's of the same link; NULL: that is gone */
    /* Of lane 0 only: */
    struct peer *lane[HELLO_LANES];     /* NULL: not there (yet, or any more) */
    uint8_t run[HELLO_RUN];     /* theirs */
    struct err lost;            /* why the link was lost, if not for lane 0 itself */
    unsigned ending : 1;        /* the other end is saying good-bye */
    unsigned over : 1;          /* ... and has done so here, but not on all lanes */
};

/* Which lane the streams with the same hash take. */
struct lane_slot {
    uint64_t mark;              /* questions asked there before their last message was sent */
    unsigned lane;
};

/* Somebody whom we may have a link to. */
struct node {
    struct mesh *mesh;
    unsigned index;
    unsigned known : 1;         /* in the configuration, and not ourselves */
    unsigned dials : 1;         /* we dial it */
    unsigned up : 1;            /* `up` was called, `down` not yet */
    unsigned reported : 1;      /* `down` was called since the last `up` */
    unsigned given_up : 1;      /* a client dials no more */
    char name[64];
    uint8_t digest[CERT_DIGEST];
    unsigned lanes;
    struct lane_slot *slot;     /* NULL with one lane */
    struct peer *link;          /* the one that serves it, or is about to: lane 0 */
    struct peer *rival;         /* one that came while there was a link */
    struct timer verdict;       /* over the rival */
    uint64_t probed, judged;    /* when the link was asked for a sign of life; and until when */
    struct node_info info;
    struct link_stats past;     /* of connections that are gone */

    char address[ADDR_HOST + ADDR_PORT + 2];
    struct lookup lookup;
    unsigned next_addr;         /* the next of what was found */
    uint64_t backoff;
    struct timer redial;
    struct timer patience;      /* `down` if it is not up by then */
    struct err last;            /* why the last try failed */
};

struct mesh {
    struct host host;           /* first */
    struct loop *loop;
    struct pool *pool;
    struct ring *ring;          /* NULL: the kernel forbids io_uring */
    struct files *files;
    struct arena *arena;
    struct tls_ctx *tls;
    struct listener *listener;
    struct hello hello;
    struct peer_conf peer;
    struct contact *contacts;
    int self;
    unsigned parties, lanes;
    unsigned half_open, half_open_max;
    unsigned clients_max;
    char congestion[CONGESTION_NAME];   /* of TCP; empty: the kernel's own */
    uint64_t connect_ns;
    uint64_t lines_since;       /* refusals of strangers are logged at a bounded rate */
    unsigned lines;
    int stopping;
    int listen_taken;           /* the listening socket that we were given is the listener's */
    struct later stopped;
    void (*stop_done)(void *ctx);
    void *stop_ctx;
    unsigned count;             /* of nodes */
    struct node node[];
};

/* mesh_link.c */
extern const struct peer_events mesh_peer_events;

/* Makes a peer of a descriptor (its own in every case); node NULL: we shall see who it is. first:
 * of the link that it is another lane of, or NULL. */
int mesh_contact(struct mesh *m, int fd, const char *where, struct node *node,
                 struct contact *first, unsigned number);
void mesh_accepted(void *ctx, int fd, const char *from);
void mesh_verdict(struct timer *t);
/* `down`, once until the next `up`. */
void node_report_down(struct node *n, const struct err *why);

/* mesh_lane.c */
/* Room for what the lanes of a node's links need; -1 without memory. */
int lanes_init(struct node *n);
/* The hello of a new contact of ours. -1: no randomness. */
int lanes_hello(struct contact *c);
/* Hellos were exchanged on a lane that we dialled, or on one that came. */
enum peer_verdict lanes_dialled(struct contact *c, const struct hello *theirs, struct err *why);
enum peer_verdict lanes_join(struct contact *c, const struct hello *theirs, struct err *why);
/* Lane 0 is agreed to when the others stand. */
void lanes_try(struct contact *first);
void lanes_up(struct node *n);
/* Ends a link for a reason, after all that waits on every lane. */
void lanes_end(struct contact *first, const char *why);
/* A lane other than 0 has closed, and with it the link unless the other end is leaving in order. 1:
 * this was the last one, and lane 0 had closed before. */
int lanes_broken(struct contact *c, const struct err *why);
/* Lane 0 has closed. 1: others still bring what was sent before that. */
int lanes_linger(struct contact *first, const struct err *why);
/* Lane 0 is being freed. */
void lanes_drop(struct contact *first);
/* Whether messages may come on it. */
int lanes_live(const struct contact *c);
int lanes_send(struct node *n, struct message m);
size_t lanes_queued(const struct node *n);

/* mesh_dial.c */
void node_dial(struct node *n);
/* The other lanes of a link whose lane 0 is agreed to, to the same address. */
int node_dial_lanes(struct contact *first, struct err *e);
/* A try has failed: goes on with the next address, or after a pause. */
void node_retry(struct node *n, const struct err *why);
void node_redial(struct timer *t);
void node_impatient(struct timer *t);
void node_lookup_done(struct lookup *l);

static inline void *mesh_member(void *member, size_t offset)
{
    return (char *)member - offset;
}

#endif
