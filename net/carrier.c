#include "net/carrier_st.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_carrier {
    struct carrier base;        /* first */
    struct watch *watch;
    struct carrier_bytes in;
};

enum tls_result carrier_broke(int number, struct err *e)
{
    err_set(e, ERR_PEER, "the connection broke: %s", strerror(number));
    return TLS_FAILED;
}

size_t carrier_bytes_take(struct carrier_bytes *b, uint8_t *p, size_t n)
{
    size_t have = b->end - b->begin;
    n = n < have ? n : have;
    if (p != NULL)
        memcpy(p, b->at + b->begin, n);
    b->begin += n;
    return n;
}

static struct socket_carrier *of(struct carrier *c)
{
    return (struct socket_carrier *)c;
}

static void socket_close(struct carrier *c)
{
    watch_free(of(c)->watch);
    of(c)->watch = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void socket_free(struct carrier *c)
{
    arena_give(of(c)->in.at);
    arena_give(c->out.at);
    mem_free(c);
}

static int socket_watch(struct carrier *c, unsigned what)
{
    return of(c)->watch != NULL ? watch_set(of(c)->watch, what) : 0;
}

static enum tls_result socket_fill(struct carrier *c, struct err *e)
{
    struct carrier_bytes *b = &of(c)->in;
    if (b->begin == b->end)
        b->begin = b->end = 0;
    if (b->end == CARRIER_BUFFER)
        return TLS_DONE;
    ssize_t n = recv(c->fd, b->at + b->end, CARRIER_BUFFER - b->end, 0);
    if (n > 0) {
        b->end += (size_t)n;
        c->received += (uint64_t)n;
        return TLS_DONE;
    }
    if (n == 0)
        return TLS_CLOSED;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return TLS_AGAIN;
    return carrier_broke(errno, e);
}

static size_t socket_take(struct carrier *c, uint8_t *p, size_t n)
{
    return carrier_bytes_take(&of(c)->in, p, n);
}

static enum tls_result socket_flush(struct carrier *c, struct err *e)
{
    struct carrier_bytes *b = &c->out;
    while (b->begin < b->end) {
        ssize_t n = send(c->fd, b->at + b->begin, b->end - b->begin, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return TLS_AGAIN;
        if (n < 0)
            return carrier_broke(errno, e);
        b->begin += (size_t)n;
        c->sent += (uint64_t)n;
    }
    b->begin = b->end = 0;
    return TLS_DONE;
}

static const struct carrier_ops socket_ops = {
    socket_close, socket_free, socket_watch, socket_fill, socket_take, socket_flush
};

struct carrier *carrier_socket(struct arena *a, int fd, struct watch *w)
{
    struct socket_carrier *s = mem_new(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base = (struct carrier){ .ops = &socket_ops, .fd = fd };
    s->watch = w;
    s->in.at = arena_take(a, CARRIER_BUFFER);
    s->base.out.at = arena_take(a, CARRIER_BUFFER);
    if (s->in.at != NULL && s->base.out.at != NULL)
        return &s->base;
    socket_free(&s->base);
    return NULL;
}

void carrier_close(struct carrier *c)
{
    c->ops->close(c);
}

void carrier_free(struct carrier *c)
{
    if (c == NULL)
        return;
    c->ops->close(c);
    c->ops->free(c);
}

int carrier_watch(struct carrier *c, unsigned what)
{
    return c->ops->watch(c, what);
}

enum tls_result carrier_fill(struct carrier *c, struct err *e)
{
    return c->ops->fill(c, e);
}

size_t carrier_take(struct carrier *c, uint8_t *p, size_t n)
{
    return c->ops->take(c, p, n);
}

size_t carrier_room(const struct carrier *c)
{
    return CARRIER_BUFFER - c->out.end;
}

void carrier_put(struct carrier *c, const uint8_t *p, size_t n)
{
    memcpy(c->out.at + c->out.end, p, n);
    c->out.end += n;
}

enum tls_result carrier_flush(struct carrier *c, struct err *e)
{
    return c->ops->flush(c, e);
}

void carrier_shut(struct carrier *c)
{
    shutdown(c->fd, SHUT_WR);
}

size_t carrier_unsent(const struct carrier *c)
{
    return c->out.end - c->out.begin;
}

uint64_t carrier_sent(const struct carrier *c)
{
    return c->sent;
}

uint64_t carrier_received(const struct carrier *c)
{
    return c->received;
}
