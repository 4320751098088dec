#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/base_log.h"

enum { WORKERS_MAX = 64 };

/* A list in the order of arrival; `last` points to the link that the next one is hung on. */
struct queue {
    struct work *first;
    struct work **last;
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    unsigned index;
    struct work *running;
};

struct pool {
    struct loop *loop;
    struct watch *watch;
    int fd;                     /* eventfd: something was finished */
    unsigned count;             /* of threads that exist */
    unsigned idle;
    int stopping;
    pthread_mutex_t lock;       /* over all below, and over idle, stopping and running */
    pthread_cond_t wanted;      /* work was submitted, or the pool stops */
    pthread_cond_t finished;    /* a worker has finished: for pool_cancel */
    struct queue todo, done;
    struct queue taken;         /* from `done`, by the loop, for which alone it is */
    struct worker worker[WORKERS_MAX];
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_add(struct queue *q, struct work *w)
{
    w->next = NULL;
    *q->last = w;
    q->last = &w->next;
}

static struct work *queue_take(struct queue *q)
{
    struct work *w = q->first;
    if (w != NULL && (q->first = w->next) == NULL)
        q->last = &q->first;
    return w;
}

static void queue_remove(struct queue *q, const struct work *w)
{
    for (struct work **at = &q->first; *at != NULL; at = &(*at)->next) {
        if (*at != w)
            continue;
        if ((*at = w->next) == NULL)
            q->last = at;
        return;
    }
}

static void notify(struct pool *p)
{
    const uint64_t one = 1;
    while (write(p->fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;       /* EAGAIN means that the counter is full, which wakes the loop too */
}

/* The loop is woken without the lock: where there are more threads than cores, it often takes the
 * worker's core at once, and would then wait for a lock whose owner waits for a core. */
static void worker_run(struct worker *self, struct work *w)
{
    struct pool *p = self->pool;
    self->running = w;
    pthread_mutex_unlock(&p->lock);
    w->worker = self->index;
    w->started = loop_now();
    w->run(w);
    w->ended = loop_now();
    pthread_mutex_lock(&p->lock);
    self->running = NULL;
    int first = p->done.first == NULL;
    queue_add(&p->done, w);
    pthread_cond_broadcast(&p->finished);
    pthread_mutex_unlock(&p->lock);
    if (first)
        notify(p);
    pthread_mutex_lock(&p->lock);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct pool *p = self->pool;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct work *w = queue_take(&p->todo);
        if (w != NULL) {
            worker_run(self, w);
            continue;
        }
        p->idle++;
        pthread_cond_wait(&p->wanted, &p->lock);
        p->idle--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* All that is finished is taken at once: the fewer locks, the fewer waits for them. */
static struct work *take_done(struct pool *p)
{
    if (p->taken.first == NULL) {
        pthread_mutex_lock(&p->lock);
        if (p->done.first != NULL) {
            p->taken = p->done;
            queue_init(&p->done);
        }
        pthread_mutex_unlock(&p->lock);
    }
    return queue_take(&p->taken);
}

/* Calls `done` for what is finished, for a millisecond or so; the rest in the next turn. */
static void pool_ready(void *ctx, unsigned what)
{
    struct pool *p = ctx;
    uint64_t count, begun = loop_now();
    (void)what;
    if (read(p->fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
        log_line(LOG_ERR, LOG_NET, "reading an eventfd: %s", strerror(errno));
    struct work *w;
    while ((w = take_done(p)) != NULL) {
        w->done(w);
        if (loop_now() - begun > 1000000u) {
            notify(p);
            return;
        }
    }
}

/* Threads take no signals: those are for the loop. */
static int start_threads(struct pool *p, unsigned workers)
{
    sigset_t all, old;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (p->count < workers && !failed) {
        struct worker *w = &p->worker[p->count];
        *w = (struct worker){ .pool = p, .index = p->count };
        failed = pthread_create(&w->thread, NULL, worker_main, w);
        p->count += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

struct pool *pool_new(struct loop *l, unsigned workers, struct err *e)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers == 0)
        workers = online > 0 ? (unsigned)online : 1;
    if (workers > WORKERS_MAX)
        workers = WORKERS_MAX;
    struct pool *p = mem_new(1, sizeof *p);
    if (p == NULL) {
        err_set(e, ERR_FAILED, "no memory for the worker pool");
        return NULL;
    }
    p->loop = l;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wanted, NULL);
    pthread_cond_init(&p->finished, NULL);
    queue_init(&p->todo);
    queue_init(&p->done);
    queue_init(&p->taken);
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = p->fd < 0 ? errno : 0;
    if (!failed && (p->watch = watch_new(l, p->fd, pool_ready, p)) == NULL)
        failed = ENOMEM;
    if (!failed && watch_set(p->watch, WATCH_READ) != 0)
        failed = ENOMEM;
    if (!failed)
        failed = start_threads(p, workers);
    if (!failed)
        return p;
    err_set(e, ERR_FAILED, "cannot start %u worker threads: %s", workers, strerror(failed));
    pool_free(p);
    return NULL;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = 1;
    pthread_cond_broadcast(&p->wanted);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        pthread_join(p->worker[i].thread, NULL);
    watch_free(p->watch);
    if (p->fd >= 0)
        close(p->fd);
    pthread_cond_destroy(&p->finished);
    pthread_cond_destroy(&p->wanted);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

void pool_submit(struct pool *p, struct work *w)
{
    w->started = w->ended = 0;
    pthread_mutex_lock(&p->lock);
    queue_add(&p->todo, w);
    int wake = p->idle > 0;
    pthread_mutex_unlock(&p->lock);
    if (wake)
        pthread_cond_signal(&p->wanted);
}

static int is_running(const struct pool *p, const struct work *w)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->worker[i].running == w)
            return 1;
    return 0;
}

void pool_cancel(struct pool *p, struct work *w)
{
    pthread_mutex_lock(&p->lock);
    while (is_running(p, w))
        pthread_cond_wait(&p->finished, &p->lock);
    queue_remove(&p->todo, w);
    queue_remove(&p->done, w);
    pthread_mutex_unlock(&p->lock);
    queue_remove(&p->taken, w);
}

unsigned pool_workers(const struct pool *p)
{
    return p->count;
}
