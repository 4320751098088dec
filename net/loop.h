/*
 * loop.h: the event loop of a process, a thin layer over libevent.
 *
 * File descriptors are watched, timers armed, signals caught, and small jobs put off to the end of
 * the turn. All of it belongs to one thread, the one that calls loop_run; a worker thread never
 * touches a loop. Debug builds log (info) every callback that keeps the loop longer than 50 ms.
 *
 * Not here: sockets (tls.h, peer.h) and work for other threads (pool.h).
 */
#ifndef OB_NET_LOOP_H
#define OB_NET_LOOP_H

#include "net/link.h"

struct loop;
struct watch;

/* A new loop, or NULL with *e filled. */
struct loop *loop_new(struct err *e);

/* Frees the loop with its timers. Watches must have been freed before. NULL is legal. */
void loop_free(struct loop *l);

/* Runs until loop_stop; 0, or ERR_FAILED when the loop itself cannot go on. */
int loop_run(struct loop *l, struct err *e);

/* Ends loop_run after the present callback; called before loop_run it makes that return at once. */
void loop_stop(struct loop *l);

/* Nanoseconds of the monotonic clock. */
uint64_t loop_now(void);

/* Timers: link.h's arm and disarm. A timer that cannot be armed for want of memory ends the loop
 * with an error, since nothing that relies on time is safe any more. */
void loop_arm(struct loop *l, struct timer *t, uint64_t after_ns);
void loop_disarm(struct loop *l, struct timer *t);

/* Calls `caught` on the loop thread whenever the signal comes; until the loop is freed. */
int loop_signal(struct loop *l, int number, void (*caught)(void *ctx), void *ctx, struct err *e);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

/* Watches a descriptor that stays the caller's: `ready` is told what it is ready for. Nothing is
 * watched before watch_set. NULL without memory. A watch may be freed inside its own callback. */
struct watch *watch_new(struct loop *l, int fd, void (*ready)(void *ctx, unsigned what), void *ctx);
int watch_set(struct watch *w, unsigned what);

/* From now on `ready` is told once for each time that something comes, not for as long as it lies
 * there: what is watched need not be read. Before watch_set; -1 where the system cannot. */
int watch_edges(struct watch *w);
void watch_free(struct watch *w);

/* A job to be run once, soon, outside the present callback. */
struct later {
    void (*run)(struct later *job);
    struct later *next, *prev;      /* the loop's; both NULL when not queued */
};

void loop_later(struct loop *l, struct later *job);     /* legal when queued already */
void loop_last(struct loop *l, struct later *job);      /* ... and behind the jobs of loop_later */
void loop_never(struct later *job);                     /* legal when not queued */

#endif
