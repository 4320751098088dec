#include "net/loop.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_log.h"

enum { SIGNALS = 8 };

struct clockwork {              /* what is behind a timer */
    struct event event;
    struct loop *loop;
    struct timer *timer;        /* NULL: free, and in the list of free ones */
    struct clockwork *next;     /* of all */
    struct clockwork *next_free;
};

struct catcher {
    struct event *event;
    void (*caught)(void *ctx);
    void *ctx;
};

struct loop {
    struct event_base *base;
    struct clockwork *clocks, *free_clocks;
    struct catcher catchers[SIGNALS];
    unsigned signals;
    struct event *turn;         /* made active when a job waits in `later` */
    struct later later;         /* head of a ring */
    struct later mark;          /* in the ring while jobs run: what is behind it comes later */
    struct later last;          /* head of a ring of its own */
    int stopping;
    int broken;
};

struct watch {
    struct event read, write;
    unsigned what;
    void (*ready)(void *ctx, unsigned what);
    void *ctx;
};

uint64_t loop_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#ifdef OB_DEBUG
static uint64_t turn_begin(void)
{
    return loop_now();
}

static void turn_end(uint64_t begun, const char *what)
{
    uint64_t ms = (loop_now() - begun) / 1000000u;
    if (ms > 50)
        log_line(LOG_INFO, LOG_NET, "a turn of the loop took %llu ms in a %s",
                 (unsigned long long)ms, what);
}
#else
static uint64_t turn_begin(void)
{
    return 0;
}

static void turn_end(uint64_t begun, const char *what)
{
    (void)begun, (void)what;
}
#endif

static void ring_add(struct later *head, struct later *job)
{
    job->prev = head->prev;
    job->next = head;
    job->prev->next = job->next->prev = job;
}

/* Runs what was queued up to now. */
static void run_ring(struct loop *l, struct later *head)
{
    ring_add(head, &l->mark);
    while (head->next != &l->mark) {
        struct later *job = head->next;
        loop_never(job);
        uint64_t begun = turn_begin();
        job->run(job);
        turn_end(begun, "deferred job");
    }
    loop_never(&l->mark);
}

static int are_waiting(const struct loop *l)
{
    return l->later.next != &l->later || l->last.next != &l->last;
}

/* What these jobs queue themselves waits until the sockets have had their turn, or a sender whose
 * queue never stays empty would keep the loop for itself. */
static void run_later(evutil_socket_t fd, short what, void *ctx)
{
    struct loop *l = ctx;
    const struct timeval at_once = { 0 };
    (void)fd, (void)what;
    run_ring(l, &l->later);
    run_ring(l, &l->last);
    if (are_waiting(l) && event_add(l->turn, &at_once) != 0)
        event_active(l->turn, EV_TIMEOUT, 1);
}

struct loop *loop_new(struct err *e)
{
    struct loop *l = mem_new(1, sizeof *l);
    if (l == NULL)
        goto fail;
    l->later.next = l->later.prev = &l->later;
    l->last.next = l->last.prev = &l->last;
    struct event_config *config = event_config_new();
    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        l->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (l->base == NULL || (l->turn = event_new(l->base, -1, 0, run_later, l)) == NULL)
        goto fail;
    return l;
fail:
    err_set(e, ERR_FAILED, "cannot make an event loop: no memory or no file descriptors left");
    loop_free(l);
    return NULL;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    while (l->later.next != NULL && l->later.next != &l->later)
        loop_never(l->later.next);
    while (l->last.next != NULL && l->last.next != &l->last)
        loop_never(l->last.next);
    for (struct clockwork *c = l->clocks, *next; c != NULL; c = next) {
        next = c->next;
        event_del(&c->event);
        if (c->timer != NULL)
            c->timer->impl = NULL;
        mem_free(c);
    }
    for (unsigned i = 0; i < l->signals; i++)
        event_free(l->catchers[i].event);
    if (l->turn != NULL)
        event_free(l->turn);
    if (l->base != NULL)
        event_base_free(l->base);
    mem_free(l);
}

int loop_run(struct loop *l, struct err *e)
{
    int failed = 0;
    if (are_waiting(l))
        event_active(l->turn, EV_TIMEOUT, 1);
    if (!l->stopping)
        failed = event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0;
    l->stopping = 0;
    if (l->broken || failed)
        return err_set(e, ERR_FAILED, "the event loop broke down: %s",
                       l->broken ? "no memory left for a timer" : strerror(errno));
    return 0;
}

void loop_stop(struct loop *l)
{
    l->stopping = 1;
    event_base_loopbreak(l->base);
}

static void put_off(struct loop *l, struct later *head, struct later *job)
{
    if (job->next != NULL)
        return;
    if (!are_waiting(l))
        event_active(l->turn, EV_TIMEOUT, 1);       /* still in this turn */
    ring_add(head, job);
}

void loop_later(struct loop *l, struct later *job)
{
    put_off(l, &l->later, job);
}

void loop_last(struct loop *l, struct later *job)
{
    put_off(l, &l->last, job);
}

void loop_never(struct later *job)
{
    if (job->next == NULL)
        return;
    job->prev->next = job->next;
    job->next->prev = job->prev;
    job->next = job->prev = NULL;
}

static void clock_release(struct clockwork *c)
{
    c->timer->impl = NULL;
    c->timer = NULL;
    c->next_free = c->loop->free_clocks;
    c->loop->free_clocks = c;
}

static void clock_fire(evutil_socket_t fd, short what, void *ctx)
{
    struct clockwork *c = ctx;
    struct timer *t = c->timer;
    (void)fd, (void)what;
    clock_release(c);
    uint64_t begun = turn_begin();
    t->fire(t);
    turn_end(begun, "timer");
}

static struct clockwork *clock_new(struct loop *l)
{
    struct clockwork *c = l->free_clocks;
    if (c != NULL) {
        l->free_clocks = c->next_free;
        return c;
    }
    c = mem_new(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->loop = l;
    c->next = l->clocks;
    l->clocks = c;
    event_assign(&c->event, l->base, -1, 0, clock_fire, c);
    return c;
}

void loop_arm(struct loop *l, struct timer *t, uint64_t after_ns)
{
    struct clockwork *c = t->impl != NULL ? t->impl : clock_new(l);
    struct timeval after = { .tv_sec = (time_t)(after_ns / 1000000000u),
                             .tv_usec = (suseconds_t)(after_ns % 1000000000u / 1000u) };
    if (c != NULL) {
        c->timer = t;
        t->impl = c;
        if (event_add(&c->event, &after) == 0)
            return;
        clock_release(c);
    }
    log_line(LOG_ERR, LOG_NET, "no memory left for a timer; the event loop ends");
    l->broken = 1;
    loop_stop(l);
}

void loop_disarm(struct loop *l, struct timer *t)
{
    struct clockwork *c = t->impl;
    (void)l;
    if (c == NULL)
        return;
    event_del(&c->event);
    clock_release(c);
}

static void signal_came(evutil_socket_t fd, short what, void *ctx)
{
    struct catcher *c = ctx;
    (void)fd, (void)what;
    c->caught(c->ctx);
}

int loop_signal(struct loop *l, int number, void (*caught)(void *ctx), void *ctx, struct err *e)
{
    if (l->signals == SIGNALS)
        return err_set(e, ERR_FAILED, "too many signals are caught");
    struct catcher *c = &l->catchers[l->signals];
    *c = (struct catcher){ .caught = caught, .ctx = ctx };
    c->event = evsignal_new(l->base, number, signal_came, c);
    if (c->event == NULL || event_add(c->event, NULL) != 0) {
        if (c->event != NULL)
            event_free(c->event);
        return err_set(e, ERR_FAILED, "cannot catch signal %d: no memory", number);
    }
    l->signals++;
    return 0;
}

static void watch_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct watch *w = ctx;
    (void)fd;
    uint64_t begun = turn_begin();
    w->ready(w->ctx, what & EV_READ ? WATCH_READ : WATCH_WRITE);
    turn_end(begun, what & EV_READ ? "reader" : "writer");
}

struct watch *watch_new(struct loop *l, int fd, void (*ready)(void *ctx, unsigned what), void *ctx)
{
    struct watch *w = mem_new(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->ready = ready;
    w->ctx = ctx;
    event_assign(&w->read, l->base, fd, EV_READ | EV_PERSIST, watch_ready, w);
    event_assign(&w->write, l->base, fd, EV_WRITE | EV_PERSIST, watch_ready, w);
    return w;
}

int watch_edges(struct watch *w)
{
    struct event_base *base = event_get_base(&w->read);
    if ((event_base_get_features(base) & EV_FEATURE_ET) == 0)
        return -1;
    return event_assign(&w->read, base, event_get_fd(&w->read), EV_READ | EV_PERSIST | EV_ET,
                        watch_ready, w);
}

static int watch_one(struct event *ev, int on)
{
    return on ? event_add(ev, NULL) : event_del(ev);
}

int watch_set(struct watch *w, unsigned what)
{
    unsigned change = what ^ w->what;
    int bad = 0;
    if (change & WATCH_READ)
        bad |= watch_one(&w->read, what & WATCH_READ);
    if (change & WATCH_WRITE)
        bad |= watch_one(&w->write, what & WATCH_WRITE);
    w->what = what;
    return bad == 0 ? 0 : -1;
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    event_del(&w->read);
    event_del(&w->write);
    mem_free(w);
}
