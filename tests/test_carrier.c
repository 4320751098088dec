/*
 * Carriers over TCP, both kinds: what is put in comes out, how connections end, and how little of
 * what waits is in the kernel's hands. The ring itself; and a mesh where io_uring is forbidden.
 */
#define WORLD_URING 1
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "net/carrier.h"
#include "tests/mesh_world.h"
#include "tests/without_ring.h"

enum kind { SOCKETS, OWN_BUFFERS, STOCK, KINDS };

static const char *const kind_names[] = { "sockets", "io_uring, own buffers", "io_uring, stock" };

static struct loop *loop;
static struct ring *ring;
static struct arena *arena;

static void no_upcall(void *ctx, unsigned what)
{
    (void)ctx, (void)what;
}

static void on_time(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

/* Lets time pass: for the ring, and for the packets. */
static void settle(void)
{
    struct timer t = { .fire = on_time };
    struct err e;
    loop_arm(loop, &t, 300000);
    CHECK_EQ(loop_run(loop, &e), 0);
}

/* A connection over loopback. */
static void connect_pair(int fd[2])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char address[32];
    int listener = node_listen(address), unsent = 256 << 10;
    a.sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1));
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd[0], (struct sockaddr *)&a, sizeof a), 0);
    fd[1] = accept(listener, NULL, NULL);
    close(listener);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(setsockopt(fd[i], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent), 0);
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
    }
}

static struct carrier *carry(int fd)
{
    struct carrier *c = ring == NULL ? carrier_socket(arena, fd, NULL)
        : carrier_ring(arena, ring, fd, no_upcall, NULL);
    CHECK(c != NULL);
    return c;
}

/* Puts bytes of the stream until no more are taken; their number in all. */
static size_t put_all(struct carrier *c, size_t at, size_t total)
{
    static uint8_t b[10000];
    struct err e;
    int stuck = 0;
    while (at < total && stuck < 20) {
        size_t n = carrier_room(c) < sizeof b ? carrier_room(c) : sizeof b;
        n = n < total - at ? n : total - at;
        for (size_t i = 0; i < n; i++)
            b[i] = (uint8_t)((at + i) * 7 + (at + i) / 251);
        carrier_put(c, b, n);
        at += n;
        stuck = n > 0 ? 0 : stuck + 1;
        if (carrier_flush(c, &e) == TLS_AGAIN)
            settle();
    }
    return at;
}

/* Takes what is there; 0 if a byte is wrong. */
static int take_all(struct carrier *c, size_t *at, enum tls_result *last, struct err *e)
{
    static uint8_t b[77777];
    while (settle(), (*last = carrier_fill(c, e)) == TLS_DONE) {
        size_t n = carrier_take(c, b, sizeof b);
        for (size_t i = 0; i < n; i++, (*at)++)
            if (b[i] != (uint8_t)(*at * 7 + *at / 251))
                return 0;
    }
    return 1;
}

/* Bytes both ways, then each end says that it is done and still hears the other. */
static void both_ways(void)
{
    enum { TOTAL = 3000001 };
    struct carrier *c[2];
    size_t out[2] = { 0 }, in[2] = { 0 };
    enum tls_result last = TLS_AGAIN;
    struct err e;
    int fd[2];
    connect_pair(fd);
    for (int i = 0; i < 2; i++)
        c[i] = carry(fd[i]);
    for (int turn = 0; turn < 4000 && in[0] + in[1] < 2 * TOTAL; turn++) {
        int i = turn % 2;
        out[i] = put_all(c[i], out[i], out[i] + 100000 < TOTAL ? out[i] + 100000 : TOTAL);
        carrier_flush(c[i], &e);
        CHECK(take_all(c[1 - i], &in[1 - i], &last, &e));
    }
    CHECK(in[0] == TOTAL && in[1] == TOTAL && carrier_sent(c[0]) == TOTAL);
    carrier_shut(c[0]);
    CHECK(take_all(c[1], &in[1], &last, &e) && last == TLS_CLOSED);
    out[1] = put_all(c[1], out[1], TOTAL + 1000);       /* the other half is still open */
    settle();
    CHECK(carrier_flush(c[1], &e) == TLS_DONE);
    CHECK(take_all(c[0], &in[0], &last, &e) && last == TLS_AGAIN && in[0] == TOTAL + 1000);
    carrier_free(c[0]);
    carrier_free(c[1]);
    settle();
    CHECK_EQ(arena_used(arena), 0);
}

/* The other end's bytes are read before its end is reported. */
static void end_after_bytes(void)
{
    struct carrier *c;
    enum tls_result last;
    struct err e;
    size_t in = 0;
    uint8_t b[5000];
    int fd[2];
    connect_pair(fd);
    c = carry(fd[0]);
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(i * 7 + i / 251);
    CHECK_EQ(send(fd[1], b, sizeof b, 0), (ssize_t)sizeof b);
    close(fd[1]);
    CHECK(take_all(c, &in, &last, &e) && in == sizeof b && last == TLS_CLOSED);
    carrier_free(c);
    settle();
}

static void reset(void)
{
    const struct linger now = { .l_onoff = 1 };
    enum tls_result last = TLS_AGAIN;
    struct carrier *c;
    struct err e;
    size_t in = 0;
    int fd[2];
    connect_pair(fd);
    c = carry(fd[0]);
    settle();
    setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd[1]);
    CHECK(take_all(c, &in, &last, &e) && last == TLS_FAILED);
    CHECK(strstr(e.text, "reset") != NULL);
    carrier_put(c, (const uint8_t *)"x", 1);
    enum tls_result r = carrier_flush(c, &e);
    settle();
    CHECK(r == TLS_FAILED || carrier_flush(c, &e) == TLS_FAILED);
    carrier_free(c);
    settle();
    CHECK_EQ(arena_used(arena), 0);
}

/* The other end does not read: what it has not acknowledged is what its window takes; beyond that
 * the kernel holds little, and the carrier no more than its buffer. */
static void little_waits(void)
{
    struct carrier *c;
    int fd[2], unsent = 0;
    connect_pair(fd);
    c = carry(fd[0]);
    size_t put = put_all(c, 0, 64 << 20);
    CHECK(put < 32 << 20 && carrier_room(c) == 0);
    CHECK_EQ(ioctl(fd[0], SIOCOUTQNSD, &unsent), 0);
    printf("# put %zu, unsent %zu in the carrier, %d in the kernel\n", put, carrier_unsent(c),
           unsent);
    CHECK(carrier_unsent(c) <= CARRIER_BUFFER && unsent <= (512 << 10));
    carrier_free(c);            /* the kernel gives a send that waits back */
    settle();
    CHECK_EQ(arena_used(arena), 0);
    uint8_t b[4096];
    ssize_t n;
    for (int i = 0; i < 100000 && (n = recv(fd[1], b, sizeof b, 0)) != 0; i++)
        if (n < 0)
            settle();
    CHECK_EQ(n, 0);             /* and the other end sees the end, or a reset would be -1 */
    close(fd[1]);
}

/* Closed at once, in the turn in which it was made: the number of the descriptor, used again, must
 * not get what was meant for the old one. */
static void closed_at_once(void)
{
    for (int i = 0; i < 100; i++) {
        struct carrier *c[2];
        size_t in = 0;
        enum tls_result last;
        struct err e;
        int fd[2], next[2];
        connect_pair(fd);
        c[0] = carry(fd[0]);
        carrier_put(c[0], (const uint8_t *)"for the old one", 15);
        carrier_flush(c[0], &e);
        carrier_free(c[0]);
        close(fd[1]);
        connect_pair(next);
        c[1] = carry(next[0]);
        CHECK_EQ(send(next[1], "\0\7", 2, 0), 2);       /* as put_all begins */
        CHECK(take_all(c[1], &in, &last, &e) && in == 2 && last == TLS_AGAIN);
        CHECK(recv(next[1], &in, sizeof in, 0) == -1);
        carrier_free(c[1]);
        close(next[1]);
        settle();
    }
    CHECK_EQ(arena_used(arena), 0);
}

static void carriers(enum kind kind)
{
    struct err e;
    loop = loop_new(&e);
    arena = arena_new(0);
    ring = kind == SOCKETS ? NULL : ring_new(loop, &e);
    if ((kind != SOCKETS && ring == NULL) || (kind == STOCK && ring_stock(ring) != 0)) {
        check_skip(kind_names[kind], "the kernel lacks it");
    } else {
        printf("# %s\n", kind_names[kind]);
        CASE(both_ways);
        CASE(end_after_bytes);
        CASE(reset);
        CASE(little_waits);
        CASE(closed_at_once);
    }
    ring_free(ring);
    arena_free(arena);
    loop_free(loop);
}

static unsigned answers;

static void answered(struct ring_op *op, int result, unsigned flags)
{
    (void)op, (void)flags;
    CHECK(result == 0 || result == -ECANCELED);
    answers++;
}

/* More than the ring has places, and some that would never be answered. */
static void ring_counts(void)
{
    static struct ring_op op[1000];
    struct ring_op wait = { .done = answered };
    struct err e;
    loop = loop_new(&e);
    ring = ring_new(loop, &e);
    if (ring == NULL) {
        printf("# %s\n", e.text);
        loop_free(loop);
        return;
    }
    int fd[2];
    CHECK_EQ(pipe(fd), 0);
    io_uring_prep_poll_add(ring_ask(ring, &wait), fd[0], POLLIN);
    for (unsigned i = 0; i < 1000; i++) {
        op[i].done = answered;
        struct io_uring_sqe *sqe = ring_ask(ring, &op[i]);
        CHECK(sqe != NULL);
        io_uring_prep_nop(sqe);
    }
    for (int i = 0; i < 20; i++)
        settle();
    CHECK_EQ(answers, 1000);
    io_uring_prep_cancel(ring_ask(ring, NULL), &wait, 0);
    ring_free(ring);
    CHECK_EQ(answers, 1001);
    loop_free(loop);
    close(fd[0]);
    close(fd[1]);
}

static struct world w;

/* Two nodes that want io_uring where nobody may have it. */
static int mesh_without_ring(void)
{
    int old = capture_begin();
    world_init(&w, 2, 0);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    char *log = capture_end(old);
    CHECK_EQ(count_in(log, "io_uring is not to be had"), 2);    /* once for each node */
    CHECK_EQ(count_in(log, "\n"), 2);
    CHECK_TEXT(log, "links use epoll");
    CHECK_EQ(player_send(&w.player[0], 1, 0, 100000), 0);
    world_wait(&w, 100);
    CHECK(w.player[1].bytes[0] == 100000 && w.player[1].bad == 0);
    free(log);
    world_fini(&w);
    return check_bad > 0;
}

static void forbidden_ring(void)
{
    without_ring(mesh_without_ring);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (enum kind k = SOCKETS; k < KINDS; k++)
        carriers(k);
    CASE(ring_counts);
    CASE(forbidden_ring);
    return check_done();
}
