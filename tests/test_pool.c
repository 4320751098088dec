/* The loop (timers, later jobs, signals) and the worker pool. */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/pool.h"
#include "tests/check.h"

enum { WORKS = 3000 };

struct sum {
    struct work work;
    uint64_t from, to, result;
    struct batch *batch;
};

struct batch {
    struct loop *loop;
    unsigned open, order_bad;
    uint64_t last_ended;
    struct sum sum[WORKS];
};

static void sum_run(struct work *w)
{
    struct sum *s = (struct sum *)w;
    for (uint64_t i = s->from; i < s->to; i++)
        s->result += i;
}

static void sum_done(struct work *w)
{
    struct sum *s = (struct sum *)w;
    if (w->started == 0 || w->ended < w->started || w->worker >= 4)
        s->batch->order_bad++;
    if (--s->batch->open == 0)
        loop_stop(s->batch->loop);
}

static void many_works(void)
{
    static struct batch b;
    struct err e = { 0 };
    b.loop = loop_new(&e);
    struct pool *p = pool_new(b.loop, 4, &e);
    CHECK(p != NULL && pool_workers(p) == 4);
    for (unsigned i = 0; i < WORKS; i++) {
        b.sum[i] = (struct sum){ .work = { .run = sum_run, .done = sum_done }, .from = i,
                                 .to = 3 * i + 5, .batch = &b };
        b.open++;
        pool_submit(p, &b.sum[i].work);
    }
    CHECK_EQ(loop_run(b.loop, &e), 0);
    CHECK(b.open == 0 && b.order_bad == 0);
    for (uint64_t i = 0; i < WORKS; i++) {
        uint64_t n = 2 * i + 5;
        CHECK_EQ(b.sum[i].result, n * i + n * (n - 1) / 2);
    }
    pool_free(p);
    loop_free(b.loop);
}

/* With one worker, works begin in the order of submission. */
static unsigned began[64];
static atomic_uint began_count;

static void note_run(struct work *w)
{
    began[atomic_fetch_add(&began_count, 1)] = (unsigned)((struct sum *)w)->from;
}

static void first_in_first_out(void)
{
    static struct batch b;
    struct err e = { 0 };
    b = (struct batch){ .loop = loop_new(&e) };
    struct pool *p = pool_new(b.loop, 1, &e);
    for (unsigned i = 0; i < 64; i++) {
        b.sum[i] = (struct sum){ .work = { .run = note_run, .done = sum_done }, .from = i,
                                 .batch = &b };
        b.open++;
        pool_submit(p, &b.sum[i].work);
    }
    CHECK_EQ(loop_run(b.loop, &e), 0);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(began[i], i);
    pool_free(p);
    loop_free(b.loop);
}

struct slow {
    struct work work;
    atomic_int ran;
    int done;
};

static void slow_run(struct work *w)
{
    usleep(30000);
    atomic_store(&((struct slow *)w)->ran, 1);
}

static void slow_done(struct work *w)
{
    ((struct slow *)w)->done = 1;
}

static void cancel_and_shutdown(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct pool *p = pool_new(l, 1, &e);
    struct slow s[3];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 3; i++) {
        s[i].work = (struct work){ .run = slow_run, .done = slow_done };
        pool_submit(p, &s[i].work);
    }
    usleep(5000);
    pool_cancel(p, &s[1].work);         /* waits in the queue */
    pool_cancel(p, &s[0].work);         /* runs, most likely */
    pool_cancel(p, &s[0].work);
    usleep(10000);
    pool_free(p);                       /* s[2] runs or was dropped */
    CHECK_EQ(atomic_load(&s[1].ran), 0);
    CHECK(!s[0].done && !s[1].done && !s[2].done);
    loop_free(l);
    pool_free(NULL);
    loop_free(NULL);
}

struct turns {
    struct work work;
    struct pool *pool;
    struct loop *loop;
    unsigned left;
};

/* Long enough that who was woken meanwhile is preferred. */
static void turns_run(struct work *w)
{
    (void)w;
    uint64_t begun = loop_now();
    while (loop_now() - begun < 100000)
        continue;
}

static void turns_done(struct work *w)
{
    struct turns *t = (struct turns *)w;
    if (--t->left == 0)
        loop_stop(t->loop);
    else
        pool_submit(t->pool, w);
}

static long rests(void)
{
    struct rusage r;
    getrusage(RUSAGE_THREAD, &r);
    return r.ru_nvcsw;
}

/* Loop and worker share a processor and take turns: whoever wakes the other holds no lock that the
 * other needs at once, so the loop rests once a turn, for the worker, and not twice. */
static void one_processor(void)
{
    enum { TURNS = 1000 };
    struct err e = { 0 };
    cpu_set_t all, one;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    struct loop *l = loop_new(&e);
    struct pool *p = pool_new(l, 1, &e);
    struct turns t = { .work = { .run = turns_run, .done = turns_done }, .pool = p, .loop = l,
                       .left = TURNS };
    long before = rests();
    pool_submit(p, &t.work);
    CHECK_EQ(loop_run(l, &e), 0);
    long rested = rests() - before;
    printf("# %ld rests of the loop in %d turns\n", rested, TURNS);
    CHECK(rested < TURNS * 3 / 2);
    pool_free(p);
    loop_free(l);
    CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

struct clock {
    struct timer timer;
    struct loop *loop;
    struct later later;
    uint64_t due, fired;
    int count, laters;
};

static void clock_fire(struct timer *t)
{
    struct clock *c = (struct clock *)t;
    c->fired = loop_now();
    c->count++;
    if (c->count < 3)
        loop_arm(c->loop, t, 2000000);
}

static void clock_stop(struct timer *t)
{
    loop_stop(((struct clock *)t)->loop);
}

static void timers(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct clock a = { .timer.fire = clock_fire, .loop = l };
    struct clock b = { .timer.fire = clock_fire, .loop = l };
    struct clock end = { .timer.fire = clock_stop, .loop = l };
    uint64_t begun = loop_now();
    loop_arm(l, &a.timer, 5000000);
    loop_arm(l, &a.timer, 10000000);    /* re-arming puts it off */
    loop_arm(l, &b.timer, 1000000);
    loop_disarm(l, &b.timer);
    loop_disarm(l, &b.timer);
    loop_arm(l, &end.timer, 80000000);
    CHECK_EQ(loop_run(l, &e), 0);
    CHECK_EQ(a.count, 3);
    CHECK(a.fired - begun >= 13000000);
    CHECK_EQ(b.count, 0);
    CHECK(a.timer.impl == NULL && end.timer.impl == NULL);
    loop_stop(l);                       /* before it runs */
    CHECK_EQ(loop_run(l, &e), 0);
    loop_free(l);
}

struct long_done {
    struct work work;
    struct pool *pool;
    struct loop *loop;
    struct long_done *cancels;
    int told, last;
};

static void long_run(struct work *w)
{
    (void)w;
}

static void long_done(struct work *w)
{
    struct long_done *d = (struct long_done *)w;
    uint64_t begun = loop_now();
    while (loop_now() - begun < 2000000)
        continue;
    d->told = 1;
    if (d->cancels != NULL)
        pool_cancel(d->pool, &d->cancels->work);
    if (d->last)
        loop_stop(d->loop);
}

/* What is finished is told a little at a time, and may be taken back until it is told. */
static void told_in_turns(void)
{
    enum { N = 5 };
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct pool *p = pool_new(l, 1, &e);
    struct clock end = { .timer.fire = clock_stop, .loop = l };
    struct long_done d[N];
    int told = 0;
    for (int i = 0; i < N; i++) {
        d[i] = (struct long_done){ .work = { .run = long_run, .done = long_done }, .pool = p,
                                   .loop = l, .cancels = i == 0 ? &d[1] : NULL,
                                   .last = i == N - 1 };
        pool_submit(p, &d[i].work);
    }
    usleep(50000);                      /* all are finished by then, most likely */
    loop_arm(l, &end.timer, 0);
    CHECK_EQ(loop_run(l, &e), 0);
    for (int i = 0; i < N; i++)
        told += d[i].told;
    CHECK(told <= 1);
    CHECK_EQ(loop_run(l, &e), 0);
    CHECK(d[0].told && !d[1].told && d[2].told && d[N - 2].told && d[N - 1].told);
    pool_free(p);
    loop_free(l);
}

static void later_run(struct later *job)
{
    struct clock *c = (struct clock *)((char *)job - offsetof(struct clock, later));
    if (++c->laters < 5)
        loop_later(c->loop, job);
    else
        loop_stop(c->loop);
}

static void later_never(struct later *job)
{
    (void)job;
    CHECK(!"a job that was taken back");
}

static void laters(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct clock c = { .loop = l, .later.run = later_run };
    struct later never = { .run = later_never };
    loop_later(l, &c.later);
    loop_later(l, &c.later);
    loop_later(l, &never);
    loop_never(&never);
    loop_never(&never);
    CHECK_EQ(loop_run(l, &e), 0);
    CHECK_EQ(c.laters, 5);
    loop_free(l);
}

static void greedy_run(struct later *job)
{
    struct clock *c = (struct clock *)((char *)job - offsetof(struct clock, later));
    c->laters++;
    loop_later(c->loop, job);
}

/* A job that always wants to run again does not keep timers and sockets from their turn. */
static void greedy_later(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct clock c = { .loop = l, .later.run = greedy_run, .timer.fire = clock_stop };
    loop_later(l, &c.later);
    loop_arm(l, &c.timer, 5000000);
    CHECK_EQ(loop_run(l, &e), 0);
    CHECK(c.laters > 1);
    loop_never(&c.later);
    loop_free(l);
}

static void caught(void *ctx)
{
    loop_stop(ctx);
}

static void signals(void)
{
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    CHECK_EQ(loop_signal(l, SIGUSR1, caught, l, &e), 0);
    raise(SIGUSR1);
    CHECK_EQ(loop_run(l, &e), 0);
    loop_free(l);
}

static void allocation_failures(void)
{
    for (long k = 1; k < 8; k++) {
        struct err e = { 0 };
        mem_fail_at(k);
        struct loop *l = loop_new(&e);
        struct pool *p = l == NULL ? NULL : pool_new(l, 2, &e);
        mem_fail_at(0);
        CHECK((p == NULL) == (e.code == ERR_FAILED));
        CHECK(p != NULL || e.text[0] != '\0');
        CHECK(k > 3 || p == NULL);
        pool_free(p);
        loop_free(l);
    }
    struct err e = { 0 };
    struct loop *l = loop_new(&e);
    struct clock c = { .timer.fire = clock_fire, .loop = l };
    mem_fail_at(1);
    loop_arm(l, &c.timer, 1000);
    mem_fail_at(0);
    CHECK_EQ(loop_run(l, &e), ERR_FAILED);
    CHECK_EQ(c.count, 0);
    loop_free(l);
}

int main(void)
{
    CASE(many_works);
    CASE(first_in_first_out);
    CASE(cancel_and_shutdown);
    CASE(one_processor);
    CASE(told_in_turns);
    CASE(timers);
    CASE(laters);
    CASE(greedy_later);
    CASE(signals);
    CASE(allocation_failures);
    return check_done();
}
