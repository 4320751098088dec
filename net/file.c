#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <liburing.h>

#include "net/base_log.h"

enum {
    CHUNK = 1 << 20,            /* bytes per read */
    ENTRIES = 64,               /* reads under way in the ring; more go to the pool */
    OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
};

/* One read under way, at the kernel or at a worker. */
struct job {
    struct work work;           /* first: a worker's job is found by it */
    struct files *files;
    struct file_read *f;
    uint8_t *data;
    size_t n, room;             /* read so far; bytes that `data` holds */
    int fd;                     /* -1: not open yet */
    int over;
    struct err err;
    struct job *next, *prev;    /* of all jobs */
};

struct files {
    struct loop *loop;
    struct pool *pool;
    struct watch *watch;
    struct later later;         /* calls `done` for reads that could not begin */
    struct file_read *refused;  /* those reads, linked by `impl` */
    struct timer again;         /* submits once more when the kernel was short of something */
    struct job *jobs;
    int has_ring;
    unsigned in_ring;
    int event;
    struct io_uring ring;
};

static void job_fail(struct job *j, int number, const char *what)
{
    err_set(&j->err, ERR_INPUT, "cannot %s %s: %s", what, j->f->path, strerror(number));
    j->over = 1;
}

static int job_grow(struct job *j, size_t room)
{
    uint8_t *data = realloc(j->data, room);
    if (data == NULL) {
        err_set(&j->err, ERR_FAILED, "no memory to read %s (%zu bytes)", j->f->path, room);
        j->over = 1;
        return -1;
    }
    j->data = data;
    j->room = room;
    return 0;
}

static void job_too_long(struct job *j)
{
    err_set(&j->err, ERR_INPUT, "%s is longer than the %zu bytes that are allowed here",
            j->f->path, j->f->limit);
    j->over = 1;
}

/* The file is open (fd >= 0), or could not be (-errno): looks at what it is and makes room. */
static void job_opened(struct job *j, int fd)
{
    struct stat st;
    if (fd < 0) {
        job_fail(j, -fd, "open");
        return;
    }
    j->fd = fd;
    if (fstat(fd, &st) != 0) {
        job_fail(j, errno, "look at");
    } else if (!S_ISREG(st.st_mode)) {
        err_set(&j->err, ERR_INPUT, "%s is a %s; a regular file is needed", j->f->path,
                S_ISDIR(st.st_mode) ? "directory" : S_ISFIFO(st.st_mode) ? "FIFO" : "special file");
        j->over = 1;
    } else if ((uint64_t)st.st_size > j->f->limit) {
        job_too_long(j);
    } else {
        job_grow(j, (size_t)st.st_size + 1);
    }
}

/* n bytes have come (0: the end of the file; negative: -errno). One byte of room is always left. */
static void job_got(struct job *j, int n)
{
    if (n == -EINTR || n == -EAGAIN)
        return;
    if (n < 0) {
        job_fail(j, -n, "read");
        return;
    }
    if (n == 0) {
        j->data[j->n] = 0;
        j->over = 1;
        return;
    }
    j->n += (size_t)n;
    if (j->n > j->f->limit)
        job_too_long(j);
    else if (j->n == j->room)   /* it has grown since it was opened */
        job_grow(j, j->room > j->f->limit / 2 ? j->f->limit + 1 : 2 * j->room);
}

static size_t job_wants(const struct job *j)
{
    size_t left = j->room - j->n;
    return left < CHUNK ? left : CHUNK;
}

/* Closes and forgets the job, and tells its owner if `tell`. */
static void job_end(struct job *j, int tell)
{
    struct file_read *f = j->f;
    *(j->prev != NULL ? &j->prev->next : &j->files->jobs) = j->next;
    if (j->next != NULL)
        j->next->prev = j->prev;
    if (j->fd >= 0)
        close(j->fd);
    if (!tell || j->err.code != 0) {
        if (j->data != NULL)
            wipe(j->data, j->n);
        free(j->data);
        j->data = NULL;
        j->n = 0;
    }
    f->impl = NULL;
    f->data = j->data;
    f->n = j->n;
    f->err = j->err;
    mem_free(j);
    if (tell)
        f->done(f);
}

/* The whole of it on a worker thread. */
static void work_run(struct work *w)
{
    struct job *j = (struct job *)w;
    int fd = open(j->f->path, OPEN_FLAGS);
    job_opened(j, fd < 0 ? -errno : fd);
    while (!j->over) {
        ssize_t n = read(j->fd, j->data + j->n, job_wants(j));
        job_got(j, n < 0 ? -errno : (int)n);
    }
}

static void work_done(struct work *w)
{
    job_end((struct job *)w, 1);
}

static void ring_submit(struct files *fs)
{
    if (io_uring_submit(&fs->ring) < 0)
        loop_arm(fs->loop, &fs->again, 10 * 1000000u);
}

static void ring_again(struct timer *t)
{
    struct files *fs = (struct files *)((char *)t - offsetof(struct files, again));
    ring_submit(fs);
}

/* Asks the kernel for the next step of the job. Each job has at most one request in the ring, and
 * no more than ENTRIES jobs are there, so there is a free entry. */
static void ring_step(struct files *fs, struct job *j)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&fs->ring);
    if (j->fd < 0)
        io_uring_prep_openat(sqe, AT_FDCWD, j->f->path, OPEN_FLAGS, 0);
    else
        io_uring_prep_read(sqe, j->fd, j->data + j->n, (unsigned)job_wants(j), j->n);
    io_uring_sqe_set_data(sqe, j);
}

static void ring_result(struct job *j, int result)
{
    if (j->fd >= 0)
        job_got(j, result);
    else if (result != -EINTR && result != -EAGAIN)
        job_opened(j, result);
}

static void ring_ready(void *ctx, unsigned what)
{
    struct files *fs = ctx;
    struct io_uring_cqe *cqe;
    uint64_t count;
    unsigned budget = 8;        /* megabytes per turn, about */
    int asked = 0;
    (void)what;
    if (read(fs->event, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
        log_line(LOG_ERR, LOG_NET, "reading an eventfd: %s", strerror(errno));
    while (budget-- > 0 && io_uring_peek_cqe(&fs->ring, &cqe) == 0) {
        struct job *j = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        io_uring_cqe_seen(&fs->ring, cqe);
        ring_result(j, result);
        if (j->over) {
            fs->in_ring--;
            job_end(j, 1);
        } else {
            ring_step(fs, j);
            asked = 1;
        }
    }
    if (asked)
        ring_submit(fs);
    if (io_uring_cq_ready(&fs->ring) > 0) {
        count = 1;
        if (write(fs->event, &count, sizeof count) < 0 && errno != EAGAIN)
            log_line(LOG_ERR, LOG_NET, "writing an eventfd: %s", strerror(errno));
    }
}

static int ring_can(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    int can = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_OPENAT)
        && io_uring_opcode_supported(probe, IORING_OP_READ);
    if (probe != NULL)
        io_uring_free_probe(probe);
    return can;
}

/* Sets the ring up; leaves it away with one line if the kernel does not want to. */
static void ring_start(struct files *fs)
{
    int failed = -io_uring_queue_init(ENTRIES, &fs->ring, IORING_SETUP_CLAMP);
    if (failed == 0 && !ring_can(&fs->ring)) {
        io_uring_queue_exit(&fs->ring);
        failed = EOPNOTSUPP;
    }
    if (failed == 0 && (failed = -io_uring_register_eventfd(&fs->ring, fs->event)) != 0)
        io_uring_queue_exit(&fs->ring);
    fs->has_ring = failed == 0;
    if (failed != 0)
        log_line(LOG_INFO, LOG_NET, "io_uring is not to be had (%s); worker threads read the files",
                 strerror(failed));
}

static void tell_refused(struct later *later)
{
    struct files *fs = (struct files *)((char *)later - offsetof(struct files, later));
    while (fs->refused != NULL) {
        struct file_read *f = fs->refused;
        fs->refused = f->impl;
        f->impl = NULL;
        f->done(f);
    }
}

struct files *files_new(struct loop *l, struct pool *p, enum files_way way, struct err *e)
{
    struct files *fs = mem_new(1, sizeof *fs);
    if (fs == NULL)
        goto fail;
    fs->loop = l;
    fs->pool = p;
    fs->later.run = tell_refused;
    fs->again.fire = ring_again;
    fs->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fs->event < 0 || (fs->watch = watch_new(l, fs->event, ring_ready, fs)) == NULL)
        goto fail;
    if (way == FILES_ANY)
        ring_start(fs);
    if (fs->has_ring && watch_set(fs->watch, WATCH_READ) != 0)
        goto fail;
    return fs;
fail:
    err_set(e, ERR_FAILED, "cannot set up file reading: no memory or no file descriptors left");
    files_free(fs);
    return NULL;
}

/* Takes what is in the ring out of it; the present request of each job is the last. */
static void ring_drain(struct files *fs)
{
    struct io_uring_cqe *cqe;
    while (fs->in_ring > 0) {
        int failed = io_uring_submit_and_wait(&fs->ring, 1);
        if (failed < 0 && failed != -EINTR && failed != -EAGAIN && failed != -EBUSY)
            abort();    /* the kernel would write into memory that is about to be freed */
        while (io_uring_peek_cqe(&fs->ring, &cqe) == 0) {
            struct job *j = io_uring_cqe_get_data(cqe);
            if (j->fd < 0 && cqe->res >= 0)
                j->fd = cqe->res;
            io_uring_cqe_seen(&fs->ring, cqe);
            fs->in_ring--;
        }
    }
}

void files_free(struct files *fs)
{
    if (fs == NULL)
        return;
    loop_never(&fs->later);
    loop_disarm(fs->loop, &fs->again);
    if (fs->has_ring) {
        ring_drain(fs);
        io_uring_queue_exit(&fs->ring);
    }
    while (fs->jobs != NULL) {
        struct job *j = fs->jobs;
        if (j->work.run != NULL)
            pool_cancel(fs->pool, &j->work);
        job_end(j, 0);
    }
    watch_free(fs->watch);
    if (fs->event >= 0)
        close(fs->event);
    mem_free(fs);
}

void files_read(struct files *fs, struct file_read *f)
{
    f->data = NULL;
    f->n = 0;
    f->err = (struct err){ 0 };
    struct job *j = mem_new(1, sizeof *j);
    if (j == NULL) {
        err_set(&f->err, ERR_FAILED, "no memory to read %s", f->path);
        f->impl = fs->refused;
        fs->refused = f;
        loop_later(fs->loop, &fs->later);
        return;
    }
    *j = (struct job){ .files = fs, .f = f, .fd = -1, .next = fs->jobs };
    if (j->next != NULL)
        j->next->prev = j;
    fs->jobs = j;
    f->impl = j;
    if (fs->has_ring && fs->in_ring < ENTRIES) {
        fs->in_ring++;
        ring_step(fs, j);
        ring_submit(fs);
        return;
    }
    j->work = (struct work){ .run = work_run, .done = work_done };
    pool_submit(fs->pool, &j->work);
}

int files_use_ring(const struct files *fs)
{
    return fs->has_ring;
}
