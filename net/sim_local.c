/*
 * sim_local.c: what a simulated node does by itself: timers, arithmetic, files. See sim_st.h.
 */
#include "net/sim_st.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct task *task_new(struct node *n, void (*fire)(struct event *e))
{
    struct task *k = mem_new(1, sizeof *k);
    if (k == NULL || agenda_reserve(&n->sim->agenda, 1) != 0) {
        mem_free(k);
        return NULL;
    }
    k->node = n;
    k->ev.fire = fire;
    LIST_INSERT_HEAD(&n->tasks, k, all);
    return k;
}

static void task_free(struct task *k)
{
    agenda_strike(&k->node->sim->agenda, &k->ev);
    agenda_unreserve(&k->node->sim->agenda, 1);
    LIST_REMOVE(k, all);
    mem_free(k);
}

static void timer_fires(struct event *e)
{
    struct task *k = SIM_OWNER(e, struct task, ev);
    struct timer *t = k->timer;
    task_free(k);
    t->impl = NULL;
    t->fire(t);
}

void sim_node_arm(struct host *h, struct timer *t, uint64_t after_ns)
{
    struct node *n = (struct node *)h;
    if (!n->alive) {
        t->impl = NULL;
        return;
    }
    struct task *k = t->impl;
    if (k == NULL) {
        k = task_new(n, timer_fires);
        if (k == NULL) {
            sim_break(n->sim, "a timer");
            return;
        }
        k->timer = t;
        k->ev.waits = 1;
        t->impl = k;
    }
    agenda_put(&n->sim->agenda, &k->ev, sim_later(n->sim->now, after_ns));
}

void sim_node_disarm(struct host *h, struct timer *t)
{
    struct node *n = (struct node *)h;
    if (n->alive && t->impl != NULL)
        task_free(t->impl);
    t->impl = NULL;
}

static uint64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void bench_begins(struct event *e);
static void bench_ends(struct event *e);

/* Gives waiting work to idle workers, the lowest first, while there are cores for them. */
static void work_begin(struct node *n)
{
    struct sim *s = n->sim;
    for (unsigned i = 0; i < n->host.workers && n->work != NULL; i++) {
        struct bench *b = &n->benches[i];
        if (b->work != NULL)
            continue;
        if (s->o.cores > 0 && s->busy >= s->o.cores)
            return;
        n->busy++;
        s->busy++;
        b->work = n->work;
        n->work = b->work->next;
        if (n->work == NULL)
            n->work_end = &n->work;
        b->work->next = NULL;
        b->work->worker = i;
        b->ev.fire = bench_begins;
        agenda_put(&s->agenda, &b->ev, s->now);
    }
}

/* A core is free: a node that shares it goes first, then the one that had it. */
static void core_pass(struct node *n)
{
    struct sim *s = n->sim;
    for (unsigned k = 1; k < SIM_NODES && s->o.cores > 0; k++) {
        struct node *other = s->nodes[(n->number + k) % SIM_NODES];
        if (other != NULL)
            work_begin(other);
    }
    work_begin(n);
}

static void bench_begins(struct event *e)
{
    struct bench *b = SIM_OWNER(e, struct bench, ev);
    struct sim *s = b->node->sim;
    uint64_t span = 0;
    b->work->started = s->now;
    if (s->o.work_factor > 0) {
        uint64_t start = cpu_now();
        b->work->run(b->work);
        double slower = s->o.slower[b->node->number];
        span = (uint64_t)((double)(cpu_now() - start) * s->o.work_factor *
                          (slower > 0 ? slower : 1));
    } else {
        b->work->run(b->work);
    }
    b->ev.fire = bench_ends;
    agenda_put(&s->agenda, &b->ev, sim_later(s->now, span));
}

static void bench_ends(struct event *e)
{
    struct bench *b = SIM_OWNER(e, struct bench, ev);
    struct work *w = b->work;
    w->ended = b->node->sim->now;
    b->work = NULL;
    b->node->busy--;
    b->node->sim->busy--;
    core_pass(b->node);
    w->done(w);
}

void sim_node_work(struct host *h, struct work *w)
{
    struct node *n = (struct node *)h;
    if (!n->alive)
        return;
    w->next = NULL;
    *n->work_end = w;
    n->work_end = &w->next;
    work_begin(n);
}

static int read_fail(struct file_read *f, const char *what)
{
    return err_set(&f->err, ERR_INPUT, "cannot %s %s: %s", what, f->path, strerror(errno));
}

/* Reads what an open regular file had when it was looked at. */
static int read_open_file(struct file_read *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return read_fail(f, "look at");
    if (!S_ISREG(st.st_mode))
        return err_set(&f->err, ERR_INPUT, "%s is not a regular file, but one is needed", f->path);
    if ((uint64_t)st.st_size > f->limit)
        return err_set(&f->err, ERR_INPUT, "%s is longer than the %zu bytes that are allowed here",
                       f->path, f->limit);

    size_t size = (size_t)st.st_size;
    f->data = malloc(size + 1);
    if (f->data == NULL)
        return err_set(&f->err, ERR_FAILED, "no memory to read %s (%zu bytes)", f->path, size);
    while (f->n < size) {
        ssize_t got = read(fd, f->data + f->n, size - f->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return read_fail(f, "read");
        if (got == 0)
            break;
        f->n += (size_t)got;
    }
    f->data[f->n] = 0;
    return 0;
}

static void file_read_all(struct file_read *f)
{
    f->data = NULL;
    f->n = 0;
    f->err = (struct err){ .code = 0 };
    int fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        read_fail(f, "open");
        return;
    }
    if (read_open_file(f, fd) != 0 && f->data != NULL) {
        wipe(f->data, f->n);
        free(f->data);
        f->data = NULL;
        f->n = 0;
    }
    close(fd);
}

static void file_fires(struct event *e)
{
    struct task *k = SIM_OWNER(e, struct task, ev);
    struct file_read *f = k->file;
    task_free(k);
    f->impl = NULL;
    file_read_all(f);
    f->done(f);
}

void sim_node_read(struct host *h, struct file_read *f)
{
    struct node *n = (struct node *)h;
    if (!n->alive)
        return;
    struct task *k = task_new(n, file_fires);
    if (k == NULL) {
        sim_break(n->sim, "a file");
        return;
    }
    k->file = f;
    f->impl = k;
    agenda_put(&n->sim->agenda, &k->ev, n->sim->now);
}

int sim_node_benches(struct node *n)
{
    n->work_end = &n->work;
    n->benches = mem_new(n->host.workers, sizeof *n->benches);
    if (n->benches == NULL || agenda_reserve(&n->sim->agenda, n->host.workers) != 0)
        return -1;
    for (unsigned i = 0; i < n->host.workers; i++)
        n->benches[i].node = n;
    return 0;
}

void sim_node_quiet(struct node *n)
{
    for (unsigned i = 0; n->benches != NULL && i < n->host.workers; i++)
        agenda_strike(&n->sim->agenda, &n->benches[i].ev);
    n->sim->busy -= n->busy;
    n->busy = 0;
    n->work = NULL;
    n->work_end = &n->work;
    while (!LIST_EMPTY(&n->tasks))
        task_free(LIST_FIRST(&n->tasks));
}
