/*
 * pool.h: worker threads for the arithmetic that the loop must not do itself.
 *
 * Work is begun in the order in which it was submitted, by whichever worker is idle; `done` is
 * called on the loop thread in the order in which it was finished. Workers touch nothing but the
 * work: no loop, no arena, no link.
 */
#ifndef OB_NET_POOL_H
#define OB_NET_POOL_H

#include "net/loop.h"

struct pool;

/* A pool of `workers` threads (0: one for each processor, but at most 64); NULL with *e filled. */
struct pool *pool_new(struct loop *l, unsigned workers, struct err *e);

/* Waits for the work that is running and ends the threads. Work that was not begun, or whose
 * `done` was not called yet, is dropped: its memory is the caller's again. NULL is legal. */
void pool_free(struct pool *p);

/* From the loop thread only. */
void pool_submit(struct pool *p, struct work *w);

/* Takes work back: after it, `done` will not be called and the memory is the caller's. Waits if the
 * work is running. Legal for work that was never submitted or is done. */
void pool_cancel(struct pool *p, struct work *w);

unsigned pool_workers(const struct pool *p);

#endif
