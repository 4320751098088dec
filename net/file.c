#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 20,            /* bytes per read */
    IN_RING = 64,               /* reads under way in the ring; more go to the pool */
    OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
};

/* One read under way, at the kernel or at a worker. */
struct job {
    struct work work;           /* first: a worker's job is found by it */
    struct ring_op op;          /* it has at most one with the kernel */
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
    struct ring *ring;          /* NULL: all goes to the pool */
    struct later later;         /* calls `done` for reads that could not begin */
    struct file_read *refused;  /* those reads, linked by `impl` */
    struct job *jobs;
    unsigned in_ring;
    int ending;                 /* nobody is told any more */
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

/* Asks the kernel for the next step of the job. */
static void ring_step(struct job *j)
{
    struct io_uring_sqe *sqe = ring_ask(j->files->ring, &j->op);
    if (sqe == NULL) {
        job_fail(j, ENOBUFS, "read");
        return;
    }
    if (j->fd < 0)
        io_uring_prep_openat(sqe, AT_FDCWD, j->f->path, OPEN_FLAGS, 0);
    else
        io_uring_prep_read(sqe, j->fd, j->data + j->n, (unsigned)job_wants(j), j->n);
}

static void ring_result(struct ring_op *op, int result, unsigned flags)
{
    struct job *j = (struct job *)((char *)op - offsetof(struct job, op));
    struct files *fs = j->files;
    (void)flags;
    if (j->fd >= 0)
        job_got(j, result);
    else if (result != -EINTR && result != -EAGAIN)
        job_opened(j, result);
    if (!j->over && !fs->ending)
        ring_step(j);
    if (!j->over && !fs->ending)
        return;
    fs->in_ring--;
    if (!fs->ending)
        job_end(j, 1);
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

struct files *files_new(struct loop *l, struct pool *p, struct ring *r, struct err *e)
{
    struct files *fs = mem_new(1, sizeof *fs);
    if (fs == NULL) {
        err_set(e, ERR_FAILED, "no memory for reading files");
        return NULL;
    }
    fs->loop = l;
    fs->pool = p;
    fs->ring = r;
    fs->later.run = tell_refused;
    return fs;
}

void files_free(struct files *fs)
{
    if (fs == NULL)
        return;
    loop_never(&fs->later);
    fs->ending = 1;
    while (fs->in_ring > 0)
        ring_wait(fs->ring);
    while (fs->jobs != NULL) {
        struct job *j = fs->jobs;
        if (j->work.run != NULL)
            pool_cancel(fs->pool, &j->work);
        job_end(j, 0);
    }
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
    *j = (struct job){ .files = fs, .f = f, .fd = -1, .next = fs->jobs,
                         .op.done = ring_result };
    if (j->next != NULL)
        j->next->prev = j;
    fs->jobs = j;
    f->impl = j;
    if (fs->ring != NULL && fs->in_ring < IN_RING) {
        ring_step(j);
        fs->in_ring += !j->over;
        if (!j->over)
            return;
        j->over = 0;            /* the ring is full: a worker does it */
        j->err = (struct err){ 0 };
    }
    j->work = (struct work){ .run = work_run, .done = work_done };
    pool_submit(fs->pool, &j->work);
}
