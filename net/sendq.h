/*
 * sendq.h: the messages that wait to go out on one link, and how they become TLS records.
 *
 * Headers and small payloads are put together so that records are full whenever there is enough to
 * send; the full records of a large payload are encrypted from where it lies.
 */
#ifndef OB_NET_SENDQ_H
#define OB_NET_SENDQ_H

#include "net/tls.h"

struct outgoing;

struct sendq {
    struct outgoing *first;
    struct outgoing **last;
    struct outgoing *spare;     /* to be used again */
    uint8_t *stage;             /* one record, of the link's arena */
    size_t bytes;               /* in the queue, with headers, and not yet encrypted */
};

/* -1 without memory; fini is legal in every case. */
int sendq_init(struct sendq *q, struct arena *a);
void sendq_fini(struct sendq *q);

/* Queues it behind what does not let it pass (message_lets_pass). Takes the payload, also when it
 * fails for want of memory (-1). */
int sendq_push(struct sendq *q, const struct message *m);

/* Encrypts and sends until all has gone (TLS_DONE), or the socket takes no more for now or `budget`
 * bytes were encrypted (TLS_AGAIN), or the link is broken (TLS_FAILED). */
enum tls_result sendq_pump(struct sendq *q, struct tls *t, size_t budget, struct err *e);

/* Drops the messages of which nothing has been sent yet. */
void sendq_clear(struct sendq *q);

#endif
