#include "net/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/base_log.h"

enum {
    ENTRIES = 256,
    ANSWERS = 64,               /* handed out at a time */
    ROUNDS = 4,                 /* of asking and answering per turn of the loop */
    PAGE = 4096
};

static const uint64_t again_ns = 10 * 1000000u;

struct ring {
    struct loop *loop;
    struct watch *watch;
    struct later last;          /* submits */
    struct timer again;         /* submits once more when the kernel was short of something */
    int event;
    unsigned owed;              /* operations whose last answer has not come */
    struct io_uring_buf_ring *stock;
    uint8_t *buffers;
    struct io_uring ring;       /* last: there if `up` */
    int up;
};

/* Hands out the answers that are there, some at a time; 1 if more are left. */
static int ring_reap(struct ring *r)
{
    struct io_uring_cqe *cqe;
    for (unsigned budget = ANSWERS; io_uring_peek_cqe(&r->ring, &cqe) == 0; budget--) {
        if (budget == 0)
            return 1;
        struct ring_op *op = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        unsigned flags = cqe->flags;
        io_uring_cqe_seen(&r->ring, cqe);
        r->owed -= (flags & IORING_CQE_F_MORE) == 0;
        if (op != NULL)
            op->done(op, result, flags);
    }
    return 0;
}

/* Submits what was asked and hands out what has come; 1 if there is more to do. Answers that come
 * while we are in the kernel need no eventfd. */
static int ring_round(struct ring *r)
{
    io_uring_cq_eventfd_toggle(&r->ring, false);
    int failed = io_uring_submit_and_get_events(&r->ring);
    io_uring_cq_eventfd_toggle(&r->ring, true);
    if (failed < 0 && failed != -EINTR)
        loop_arm(r->loop, &r->again, again_ns);
    int more = ring_reap(r) || io_uring_sq_ready(&r->ring) > 0
        || (IO_URING_READ_ONCE(*r->ring.sq.kflags) & IORING_SQ_TASKRUN) != 0;
    return failed >= 0 && more;
}

static void ring_turn(struct ring *r)
{
    int more = 1;
    for (unsigned i = 0; i < ROUNDS && more; i++)
        more = ring_round(r);
    loop_never(&r->last);
    if (more)
        loop_last(r->loop, &r->last);
}

static void ring_ready(void *ctx, unsigned what)
{
    (void)what;
    ring_turn(ctx);
}

static void ring_last(struct later *job)
{
    ring_turn((struct ring *)((char *)job - offsetof(struct ring, last)));
}

static void ring_again(struct timer *t)
{
    ring_turn((struct ring *)((char *)t - offsetof(struct ring, again)));
}

struct io_uring_sqe *ring_ask(struct ring *r, struct ring_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
    if (sqe == NULL && io_uring_submit(&r->ring) > 0)
        sqe = io_uring_get_sqe(&r->ring);
    if (sqe == NULL)
        return NULL;
    io_uring_sqe_set_data(sqe, op);     /* no io_uring_prep_ function touches it */
    r->owed++;
    loop_last(r->loop, &r->last);
    return sqe;
}

void ring_wait(struct ring *r)
{
    int failed = io_uring_submit_and_wait(&r->ring, 1);
    if (failed < 0 && failed != -EINTR && failed != -EAGAIN && failed != -EBUSY)
        abort();    /* the kernel would write into memory that is about to be freed */
    ring_reap(r);
}

/* What all that use a ring need, asked of the kernel itself. */
static int ring_can(struct io_uring *ring)
{
    static const int needed[] = { IORING_OP_OPENAT, IORING_OP_READ, IORING_OP_RECV, IORING_OP_SEND,
                                  IORING_OP_ASYNC_CANCEL };
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    int can = probe != NULL;
    for (size_t i = 0; can && i < sizeof needed / sizeof needed[0]; i++)
        can = io_uring_opcode_supported(probe, needed[i]);
    if (probe != NULL)
        io_uring_free_probe(probe);
    return can;
}

/* 0 or an errno. The kernel's own work waits until we enter it (6.1 and later). */
static int ring_start(struct ring *r)
{
    int failed = -io_uring_queue_init(ENTRIES, &r->ring, IORING_SETUP_CLAMP
                                      | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
                                      | IORING_SETUP_TASKRUN_FLAG);
    if (failed == EINVAL)
        failed = -io_uring_queue_init(ENTRIES, &r->ring, IORING_SETUP_CLAMP);
    if (failed != 0)
        return failed;
    r->up = 1;
    if (!ring_can(&r->ring))
        return EOPNOTSUPP;
    r->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->event < 0)
        return errno;
    failed = -io_uring_register_eventfd(&r->ring, r->event);
    if (failed != 0)
        return failed;
    r->watch = watch_new(r->loop, r->event, ring_ready, r);
    if (r->watch == NULL)
        return ENOMEM;
    if (watch_edges(r->watch) != 0)
        return EOPNOTSUPP;
    return watch_set(r->watch, WATCH_READ) != 0 ? ENOMEM : 0;
}

struct ring *ring_new(struct loop *l, struct err *e)
{
    struct ring *r = mem_new(1, sizeof *r);
    int failed = ENOMEM;
    if (r != NULL) {
        r->loop = l;
        r->event = -1;
        r->last.run = ring_last;
        r->again.fire = ring_again;
        failed = ring_start(r);
    }
    if (failed == 0)
        return r;
    ring_free(r);
    err_set(e, ERR_FAILED, "io_uring is not to be had (%s)", strerror(failed));
    return NULL;
}

void ring_free(struct ring *r)
{
    if (r == NULL)
        return;
    while (r->owed > 0)
        ring_wait(r);
    loop_never(&r->last);
    loop_disarm(r->loop, &r->again);
    watch_free(r->watch);
    if (r->up)
        io_uring_queue_exit(&r->ring);
    if (r->event >= 0)
        close(r->event);
    free(r->stock);
    free(r->buffers);
    mem_free(r);
}

/* Multishot receives have no probe of their own; they came with the same kernel as SEND_ZC. */
static int ring_receives_on(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    int can = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
    if (probe != NULL)
        io_uring_free_probe(probe);
    return can;
}

int ring_stock(struct ring *r)
{
    size_t n = RING_BUFFERS * sizeof(struct io_uring_buf);
    struct io_uring_buf_reg reg = { .ring_entries = RING_BUFFERS };
    if (!ring_receives_on(&r->ring))
        return -1;
    struct io_uring_buf_ring *stock = aligned_alloc(PAGE, (n + PAGE - 1) / PAGE * PAGE);
    r->buffers = aligned_alloc(PAGE, (size_t)RING_BUFFERS * RING_BUFFER);
    if (stock == NULL || r->buffers == NULL)
        goto fail;
    memset(stock, 0, n);
    io_uring_buf_ring_init(stock);
    reg.ring_addr = (uintptr_t)stock;
    if (io_uring_register_buf_ring(&r->ring, &reg, 0) != 0)
        goto fail;
    r->stock = stock;
    for (unsigned i = 0; i < RING_BUFFERS; i++)
        ring_give(r, i);
    return 0;
fail:
    free(stock);
    return -1;
}

int ring_has_stock(const struct ring *r)
{
    return r->stock != NULL;
}

unsigned ring_buffer_id(unsigned flags)
{
    return flags >> IORING_CQE_BUFFER_SHIFT;
}

uint8_t *ring_buffer(struct ring *r, unsigned id)
{
    return r->buffers + (size_t)id * RING_BUFFER;
}

void ring_give(struct ring *r, unsigned id)
{
    io_uring_buf_ring_add(r->stock, ring_buffer(r, id), RING_BUFFER, (unsigned short)id,
                          io_uring_buf_ring_mask(RING_BUFFERS), 0);
    io_uring_buf_ring_advance(r->stock, 1);
}
