#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_log.h"

enum {
    BACKLOG = 128,
    BATCH = 16                  /* connections accepted per turn of the loop */
};

static const uint64_t pause_ns = 100000000u;

struct listener {
    struct loop *loop;
    int fd;
    struct watch *watch;
    struct timer rest;          /* no file descriptors left: try again after it */
    int resting;
    char address[ADDR_TEXT];
    void (*accepted)(void *ctx, int fd, const char *from);
    void *ctx;
};

static int open_one(const struct addr *a, int any)
{
    const int on = 1, off = 0;
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->sa.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&a->sa, a->n) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

/* For all addresses, an IPv6 socket that takes IPv4 too is the first choice. */
static int open_address(const char *address, struct err *e)
{
    struct lookup l = { 0 };
    int fd = -1;
    if (addr_split(address, l.host, l.port, e) != 0)
        return -1;
    lookup_now(&l, 1);
    if (l.count == 0) {
        err_set(e, ERR_USAGE, "cannot listen on %s: %s", address, l.err.text);
        return -1;
    }
    int any = l.host[0] == '\0';
    for (unsigned i = 0; any && fd < 0 && i < l.count; i++)
        if (l.found[i].sa.ss_family == AF_INET6)
            fd = open_one(&l.found[i], 1);
    for (unsigned i = 0; fd < 0 && i < l.count; i++)
        fd = open_one(&l.found[i], any);
    if (fd < 0)
        err_set(e, ERR_USAGE, "cannot listen on %s: %s", address, strerror(errno));
    return fd;
}

static void listener_ready(void *ctx, unsigned what)
{
    struct listener *l = ctx;
    (void)what;
    for (int i = 0; i < BATCH; i++) {
        struct addr from = { .n = sizeof from.sa };
        char text[ADDR_TEXT];
        int fd = accept4(l->fd, (struct sockaddr *)&from.sa, &from.n,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            addr_format(&from, text);
            l->accepted(l->ctx, fd, text);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            if (!l->resting)
                log_line(LOG_WARN, LOG_NET, "cannot accept connections on %s for now: %s",
                         l->address, strerror(errno));
            l->resting = 1;
            watch_set(l->watch, 0);
            loop_arm(l->loop, &l->rest, pause_ns);
        }
        return;
    }
}

static void listener_rested(struct timer *t)
{
    struct listener *l = (struct listener *)((char *)t - offsetof(struct listener, rest));
    l->resting = 0;
    if (watch_set(l->watch, WATCH_READ) != 0)
        loop_arm(l->loop, &l->rest, pause_ns);
}

static int note_address(struct listener *l)
{
    struct addr a = { .n = sizeof a.sa };
    int flags = fcntl(l->fd, F_GETFL);
    if (flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) != 0
        || getsockname(l->fd, (struct sockaddr *)&a.sa, &a.n) != 0)
        return -1;
    addr_format(&a, l->address);
    return 0;
}

struct listener *listener_new(struct loop *loop, const char *address, int fd, struct err *e)
{
    struct listener *l = mem_new(1, sizeof *l);
    if (l == NULL) {
        err_set(e, ERR_FAILED, "no memory to listen");
        if (fd > 0)
            close(fd);
        return NULL;
    }
    l->loop = loop;
    l->rest.fire = listener_rested;
    l->fd = fd > 0 ? fd : open_address(address, e);
    if (l->fd < 0)
        goto fail;
    l->watch = watch_new(loop, l->fd, listener_ready, l);
    if (l->watch == NULL || note_address(l) != 0) {
        err_set(e, ERR_FAILED, "cannot listen on descriptor %d: %s", l->fd, strerror(errno));
        goto fail;
    }
    return l;
fail:
    listener_free(l);
    return NULL;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    loop_disarm(l->loop, &l->rest);
    watch_free(l->watch);
    if (l->fd >= 0)
        close(l->fd);
    mem_free(l);
}

int listener_start(struct listener *l, void (*accepted)(void *ctx, int fd, const char *from),
                   void *ctx, struct err *e)
{
    l->accepted = accepted;
    l->ctx = ctx;
    if (watch_set(l->watch, WATCH_READ) == 0)
        return 0;
    return err_set(e, ERR_FAILED, "no memory to listen on %s", l->address);
}

const char *listener_address(const struct listener *l)
{
    return l->address;
}

unsigned listener_port(const struct listener *l)
{
    const char *colon = strrchr(l->address, ':');
    return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}
