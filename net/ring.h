/*
 * ring.h: the io_uring of a loop, shared by all that ask the kernel through it.
 *
 * Whoever wants something fills in an entry (ring_ask). All entries of a turn of the loop are
 * submitted by one system call at its end; an eventfd in the loop says that answers are there, and
 * each is handed to its operation. Receives may share a stock of buffers that the kernel picks from
 * (ring_stock), so that a connection that is silent holds none.
 *
 * An operation and the memory it names belong to the kernel from ring_ask until the answer without
 * IORING_CQE_F_MORE: who wants to be rid of them before cancels, and waits for that answer.
 *
 * Not here: what is asked (file.h, carrier.h).
 */
#ifndef OB_NET_RING_H
#define OB_NET_RING_H

#include <liburing.h>

#include "net/loop.h"

enum {
    RING_BUFFERS = 16,          /* of the stock */
    RING_BUFFER = 64 * 1024
};

struct ring;

/* One thing asked for. `done` may ask again. */
struct ring_op {
    void (*done)(struct ring_op *op, int result, unsigned flags);
};

/* NULL with *e filled where the kernel has no io_uring for us, or one without what is needed here.
 * Only the calling thread may use it. */
struct ring *ring_new(struct loop *l, struct err *e);

/* Waits for every answer that is still owed (`done` is called). NULL is legal. */
void ring_free(struct ring *r);

/* An entry to be prepared, which goes to the kernel at the end of the turn; op NULL: its answer is
 * of no interest. NULL if the kernel takes no more for now. */
struct io_uring_sqe *ring_ask(struct ring *r, struct ring_op *op);

/* Waits for an answer, and hands out all that are there, also those of others. */
void ring_wait(struct ring *r);

/* Makes the stock of buffers, group 0, for receives with IOSQE_BUFFER_SELECT. -1 if this kernel
 * lacks it (or receives that go on and on), or without memory. */
int ring_stock(struct ring *r);
int ring_has_stock(const struct ring *r);

/* The buffer that an answer's flags name, and giving it back. */
unsigned ring_buffer_id(unsigned flags);
uint8_t *ring_buffer(struct ring *r, unsigned id);
void ring_give(struct ring *r, unsigned id);

#endif
