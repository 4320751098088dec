/*
 * A carrier whose bytes go through io_uring. At most one send and one receive are with the kernel.
 *
 * Bytes that are put behind those being sent do not touch them, so there is one buffer. A receive
 * goes on for the life of the connection and brings buffers of the ring's stock, or, where the
 * kernel lacks that, is asked for again and again with a buffer of the connection's own.
 */
#include "net/carrier_st.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OWN = RING_BUFFERS };    /* the id of the connection's own buffer */

/* Bytes that have come and are not taken yet. */
struct chunk {
    struct carrier_bytes bytes;
    unsigned id;
};

struct ring_carrier {
    struct carrier base;        /* first */
    struct ring *ring;
    struct ring_op send, receive;
    void (*ready)(void *ctx, unsigned what);
    void *ctx;
    unsigned watched;
    struct chunk chunk[RING_BUFFERS];
    unsigned first, chunks;     /* a queue in chunk[] */
    uint8_t *own;               /* NULL: the stock is used */
    int out_failed;             /* an errno */
    int in_failed;
    unsigned sending : 1;       /* the kernel has out.begin .. somewhere */
    unsigned receiving : 1;
    unsigned ended : 1;         /* nothing more will come */
    unsigned closed : 1;
    unsigned freed : 1;
};

static struct ring_carrier *of(struct carrier *c)
{
    return (struct ring_carrier *)c;
}

static void ask_receive(struct ring_carrier *c)
{
    struct io_uring_sqe *sqe = ring_ask(c->ring, &c->receive);
    if (sqe == NULL) {
        c->ended = 1;
        c->in_failed = ENOBUFS;
        return;
    }
    c->receiving = 1;
    if (c->own != NULL) {
        io_uring_prep_recv(sqe, c->base.fd, c->own, CARRIER_BUFFER, 0);
        return;
    }
    io_uring_prep_recv_multishot(sqe, c->base.fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
}

static void ask_send(struct ring_carrier *c)
{
    struct carrier_bytes *b = &c->base.out;
    struct io_uring_sqe *sqe = ring_ask(c->ring, &c->send);
    if (sqe == NULL) {
        c->out_failed = ENOBUFS;
        return;
    }
    c->sending = 1;
    io_uring_prep_send(sqe, c->base.fd, b->at + b->begin, b->end - b->begin, MSG_NOSIGNAL);
}

/* The first chunk is used up. */
static void chunk_done(struct ring_carrier *c)
{
    unsigned id = c->chunk[c->first].id;
    c->first = (c->first + 1) % RING_BUFFERS;
    c->chunks--;
    if (id != OWN)
        ring_give(c->ring, id);
    else if (!c->closed)
        ask_receive(c);
}

/* After the last answer: the descriptor, and what the kernel used, can go. */
static void let_go(struct ring_carrier *c)
{
    if (!c->closed || c->sending || c->receiving)
        return;
    if (c->base.fd >= 0)
        close(c->base.fd);
    c->base.fd = -1;
    if (!c->freed)
        return;
    arena_give(c->own);
    arena_give(c->base.out.at);
    mem_free(c);
}

static void sent(struct ring_op *op, int result, unsigned flags)
{
    struct ring_carrier *c = (struct ring_carrier *)((char *)op
                                                     - offsetof(struct ring_carrier, send));
    struct carrier_bytes *b = &c->base.out;
    (void)flags;
    c->sending = 0;
    if (result > 0) {
        b->begin += (size_t)result;
        c->base.sent += (uint64_t)result;
    } else if (result < 0 && result != -EINTR && result != -EAGAIN) {
        c->out_failed = -result;
    }
    if (b->begin == b->end)
        b->begin = b->end = 0;
    else if (c->out_failed == 0 && !c->closed)
        ask_send(c);
    if (c->closed)
        let_go(c);
    else if (!c->sending && (c->watched & WATCH_WRITE) != 0)
        c->ready(c->ctx, WATCH_WRITE);
}

/* An answer with bytes. */
static void keep_chunk(struct ring_carrier *c, size_t n, unsigned flags)
{
    struct chunk *k = &c->chunk[(c->first + c->chunks++) % RING_BUFFERS];
    k->id = c->own != NULL ? OWN : ring_buffer_id(flags);
    k->bytes.at = c->own != NULL ? c->own : ring_buffer(c->ring, k->id);
    k->bytes.begin = 0;
    k->bytes.end = n;
    c->base.received += n;
}

static void received(struct ring_op *op, int result, unsigned flags)
{
    struct ring_carrier *c = (struct ring_carrier *)((char *)op
                                                     - offsetof(struct ring_carrier, receive));
    c->receiving = (flags & IORING_CQE_F_MORE) != 0;
    if (result > 0) {
        keep_chunk(c, (size_t)result, flags);
    } else if (result != -EINTR && result != -EAGAIN && result != -ENOBUFS) {
        c->ended = 1;
        c->in_failed = -result;
    }
    if (c->closed) {
        while (c->chunks > 0)
            chunk_done(c);
        let_go(c);
        return;
    }
    if (!c->receiving && !c->ended && (c->own == NULL || c->chunks == 0))
        ask_receive(c);
    if ((c->watched & WATCH_READ) != 0 && (c->chunks > 0 || c->ended))
        c->ready(c->ctx, WATCH_READ);
}

static void cancel(struct ring_carrier *c, struct ring_op *op)
{
    struct io_uring_sqe *sqe = ring_ask(c->ring, NULL);
    if (sqe != NULL)
        io_uring_prep_cancel(sqe, op, 0);
    else
        shutdown(c->base.fd, SHUT_RDWR);    /* ends both, too */
}

static void ring_close(struct carrier *base)
{
    struct ring_carrier *c = of(base);
    if (c->closed)
        return;
    c->closed = 1;
    while (c->chunks > 0)
        chunk_done(c);
    if (c->sending)
        cancel(c, &c->send);
    if (c->receiving)
        cancel(c, &c->receive);
    let_go(c);
}

static void ring_carrier_free(struct carrier *base)
{
    of(base)->freed = 1;
    let_go(of(base));
}

static int ring_watch(struct carrier *base, unsigned what)
{
    of(base)->watched = what;
    return 0;
}

static enum tls_result ring_fill(struct carrier *base, struct err *e)
{
    struct ring_carrier *c = of(base);
    if (c->chunks > 0)
        return TLS_DONE;
    if (!c->ended)
        return TLS_AGAIN;
    return c->in_failed != 0 ? carrier_broke(c->in_failed, e) : TLS_CLOSED;
}

static size_t ring_take(struct carrier *base, uint8_t *p, size_t n)
{
    struct ring_carrier *c = of(base);
    size_t done = 0;
    while (done < n && c->chunks > 0) {
        struct carrier_bytes *b = &c->chunk[c->first].bytes;
        done += carrier_bytes_take(b, p != NULL ? p + done : NULL, n - done);
        if (b->begin == b->end)
            chunk_done(c);
    }
    return done;
}

static enum tls_result ring_flush(struct carrier *base, struct err *e)
{
    struct ring_carrier *c = of(base);
    if (carrier_unsent(base) > 0 && !c->sending && c->out_failed == 0)
        ask_send(c);
    if (c->out_failed != 0)
        return carrier_broke(c->out_failed, e);
    return carrier_unsent(base) > 0 ? TLS_AGAIN : TLS_DONE;
}

static const struct carrier_ops ring_ops = {
    ring_close, ring_carrier_free, ring_watch, ring_fill, ring_take, ring_flush
};

struct carrier *carrier_ring(struct arena *a, struct ring *r, int fd,
                             void (*ready)(void *ctx, unsigned what), void *ctx)
{
    struct ring_carrier *c = mem_new(1, sizeof *c);
    int flags = fcntl(fd, F_GETFL);
    if (c == NULL)
        return NULL;
    c->base = (struct carrier){ .ops = &ring_ops, .fd = fd };
    c->base.out.at = arena_take(a, CARRIER_BUFFER);
    c->own = ring_has_stock(r) ? NULL : arena_take(a, CARRIER_BUFFER);
    if (c->base.out.at == NULL || (c->own == NULL && !ring_has_stock(r)) ||
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {     /* or the kernel would not wait */
        arena_give(c->own);
        arena_give(c->base.out.at);
        mem_free(c);
        return NULL;
    }
    c->ring = r;
    c->send.done = sent;
    c->receive.done = received;
    c->ready = ready;
    c->ctx = ctx;
    c->watched = WATCH_READ;
    ask_receive(c);
    return &c->base;
}
