/*
 * carrier_st.h: what the two kinds of carriers have in common: carrier.c (and the socket's) and
 * carrier_ring.c. For nobody else.
 */
#ifndef OB_NET_CARRIER_ST_H
#define OB_NET_CARRIER_ST_H

#include "net/carrier.h"

/* Bytes at + begin .. at + end wait. */
struct carrier_bytes {
    uint8_t *at;
    size_t begin, end;
};

struct carrier_ops {
    void (*close)(struct carrier *c);       /* legal when closed already */
    void (*free)(struct carrier *c);        /* after close */
    int (*watch)(struct carrier *c, unsigned what);
    enum tls_result (*fill)(struct carrier *c, struct err *e);
    size_t (*take)(struct carrier *c, uint8_t *p, size_t n);
    enum tls_result (*flush)(struct carrier *c, struct err *e);
};

struct carrier {
    const struct carrier_ops *ops;
    int fd;                                 /* -1: closed */
    struct carrier_bytes out;
    uint64_t sent, received;
};

/* The end of a connection for a system error. */
enum tls_result carrier_broke(int number, struct err *e);

/* Takes from b as carrier_take does. */
size_t carrier_bytes_take(struct carrier_bytes *b, uint8_t *p, size_t n);

#endif
