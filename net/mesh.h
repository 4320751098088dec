/*
 * mesh.h: the real host (link.h): TLS links between the parties, and from each client to each
 * party, with timers, workers and files.
 *
 * A link between parties may have several connections (lanes), for networks where one carries less
 * than the line (mesh_lane.c). It is up when all are, and lost with any of them.
 *
 * Parties start in any order: the one with the higher index dials the one with the lower, again and
 * again, also after a link was lost. Clients dial all parties and accept nobody; a link that they
 * lose stays lost. Everybody is known by the fingerprint of the certificate.
 *
 * Not here: what the messages mean. A mesh must not be freed from inside one of its events.
 */
#ifndef OB_NET_MESH_H
#define OB_NET_MESH_H

#include "net/cert.h"
#include "net/hello.h"
#include "net/peer.h"
#include "net/pool.h"

enum { MESH_CLIENT = -1 };

struct mesh;

struct mesh_party {
    const char *address;            /* host:port */
    const char *fingerprint;
};

struct mesh_client {
    const char *name;
    const char *fingerprint;
};

/* Everything is copied but the certificate. Where 0 stands for a default, it says so. */
struct mesh_conf {
    int self;                       /* the party's index, or MESH_CLIENT */
    const struct cert *cert;        /* borrowed for the life of the mesh */
    const char *protocol;
    unsigned parties;               /* 2 .. LINK_PARTIES */
    struct mesh_party party[LINK_PARTIES];  /* addresses: of those that are dialled */
    const struct mesh_client *clients;      /* who may come; node LINK_CLIENT + index */
    unsigned client_count;
    unsigned clients_max;           /* at a time; 0: all */
    const char *listen;             /* host:port; port 0 takes any; NULL: party[self].address */
    int listen_fd;                  /* > 0: a socket that listens already, taken over */
    unsigned heartbeat_ms;          /* 0: 5 s */
    unsigned idle_ms;               /* a link so long silent is dead; 0: 30 s */
    unsigned connect_ms;            /* `down` if a link is not up by then; 0: 60 s */
    unsigned setup_ms;              /* from connection to agreed hello; 0: 10 s */
    unsigned lanes;                 /* connections of a link between parties; 0: 1 */
    unsigned half_open_max;         /* accepted connections not agreed yet; 0: 64 */
    const char *congestion;         /* control of TCP, by the kernel's name; NULL or "": its own */
    int uring;                      /* links over io_uring, where the kernel lets us */
    size_t high, low;               /* marks of back-pressure; 0: 64 MB and 16 MB */
    uint8_t digest[HELLO_DIGEST];   /* of the public configuration; must be the same on all nodes */
};

/* Checks the configuration and listens, but accepts and dials nothing yet. Takes the listening
 * socket in every case. NULL with *e filled. */
struct mesh *mesh_new(const struct mesh_conf *c, struct loop *l, struct pool *p, struct err *e);

/* The host; its events and ctx are set before mesh_start. */
struct host *mesh_host(struct mesh *m);

int mesh_start(struct mesh *m, struct err *e);

/* Ends all links with a reason; `done` (may be NULL) is called from the loop when the last byte is
 * sent or given up. `down` is called for links that were up. */
void mesh_stop(struct mesh *m, const char *why, void (*done)(void *ctx), void *ctx);

/* Ends everything at once, after one try to tell the peers; no event is called. NULL is legal. */
void mesh_free(struct mesh *m);

/* The port that a party listens on. */
unsigned mesh_port(const struct mesh *m);

/* "party 1", or a client's name; NULL for a number that no node has. */
const char *mesh_node_name(const struct mesh *m, unsigned node);

/* What went over the links to this node since the mesh was made; over all of them, if there were
 * several. */
void mesh_stats(const struct mesh *m, unsigned node, struct link_stats *s);

#endif
