/*
 * addr.h: where a node can be reached: "host:port", "1.2.3.4:port" or "[v6]:port".
 *
 * Names are looked up on a worker thread, since that may take seconds.
 */
#ifndef OB_NET_ADDR_H
#define OB_NET_ADDR_H

#include <sys/socket.h>

#include "net/pool.h"

enum {
    ADDR_HOST = 256,
    ADDR_PORT = 8,
    ADDR_TEXT = 80,
    ADDR_FOUND = 8              /* most addresses that are tried for one name */
};

struct addr {
    struct sockaddr_storage sa;
    socklen_t n;
};

struct lookup {
    struct work work;
    char host[ADDR_HOST], port[ADDR_PORT];
    void (*done)(struct lookup *l);
    struct addr found[ADDR_FOUND];
    unsigned count;             /* 0: `err` says why there are none */
    struct err err;
    int busy;
};

/* Takes "host:port" apart; an empty host or * stands for all addresses of this machine.
 * ERR_USAGE if it does not parse. */
int addr_split(const char *text, char host[static ADDR_HOST], char port[static ADDR_PORT],
               struct err *e);

/* The text of an address with its port. */
void addr_format(const struct addr *a, char out[static ADDR_TEXT]);

/* Looks l->host and l->port up and calls l->done; at once if the host is numeric. */
void lookup_start(struct lookup *l, struct pool *p);
void lookup_cancel(struct lookup *l, struct pool *p);

/* The same at once, however long it takes: for what is to be listened on. */
void lookup_now(struct lookup *l, int passive);

#endif
