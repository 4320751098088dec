/*
 * carrier.h: what carries the encrypted bytes of one connection: the calls on its socket, or the
 * loop's io_uring. TLS puts bytes in and takes them out; what moves them is the carrier's business.
 *
 * What is to be sent waits in a buffer of CARRIER_BUFFER bytes, so that one system call moves many
 * records, and no more than that can lie before newer bytes that are more urgent. The kernel holds
 * little that is unsent either way: TCP_NOTSENT_LOWAT (CARRIER_UNSENT) rules both; enough for the
 * loop to come back in time.
 *
 * Not here: encryption (tls.h), and what a broken connection means (peer.h).
 */
#ifndef OB_NET_CARRIER_H
#define OB_NET_CARRIER_H

#include "net/ring.h"

enum { CARRIER_BUFFER = 256 * 1024, CARRIER_UNSENT = 256 * 1024 };

enum tls_result {
    TLS_DONE,       /* what was asked for was done */
    TLS_AGAIN,      /* more bytes must come, or go, first */
    TLS_CLOSED,     /* the peer has closed in order (tls_read); the stream has ended (fill) */
    TLS_FAILED      /* *e says why */
};

struct carrier;

/* Over a connected non-blocking socket. It and its watch (which may be NULL) become the carrier's,
 * unless there is no memory: NULL. */
struct carrier *carrier_socket(struct arena *a, int fd, struct watch *w);

/* The same over io_uring. `ready` is told what carrier_watch asked for, from a turn of the loop;
 * the carrier may be closed there, but not freed. The ring, and the arena, must outlive it. */
struct carrier *carrier_ring(struct arena *a, struct ring *r, int fd,
                             void (*ready)(void *ctx, unsigned what), void *ctx);

/* Ends the connection; nothing more comes of it, and its descriptor is closed as soon as the kernel
 * has let go of it. */
void carrier_close(struct carrier *c);

/* Closes and frees; memory that the kernel still uses follows later. NULL is legal. */
void carrier_free(struct carrier *c);

/* WATCH_READ: bytes have come, or the end; WATCH_WRITE: what waits can go on. */
int carrier_watch(struct carrier *c, unsigned what);

/* Gets what has come, if there is anything; then bytes can be taken: at most n of them are copied
 * to p (NULL: thrown away), and their number returned. */
enum tls_result carrier_fill(struct carrier *c, struct err *e);
size_t carrier_take(struct carrier *c, uint8_t *p, size_t n);

/* Bytes that can be put now; puts n, at most so many; sends on. TLS_DONE: all has gone to the
 * kernel. */
size_t carrier_room(const struct carrier *c);
void carrier_put(struct carrier *c, const uint8_t *p, size_t n);
enum tls_result carrier_flush(struct carrier *c, struct err *e);

/* After the last byte that was flushed the peer sees the end. */
void carrier_shut(struct carrier *c);

/* Bytes that wait to go; bytes that went and came. */
size_t carrier_unsent(const struct carrier *c);
uint64_t carrier_sent(const struct carrier *c);
uint64_t carrier_received(const struct carrier *c);

#endif
