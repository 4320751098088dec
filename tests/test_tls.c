/* TLS between two ends in one thread, over sockets and over io_uring: what is agreed, many records,
 * keys changed underway. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "tests/check.h"
#include "tests/node.h"

static struct cert *certs[2];
static struct arena *arena;
static struct loop *loop;
static struct ring *ring;           /* NULL: sockets */

struct end {
    struct tls_ctx *ctx;
    struct carrier *carrier;
    struct tls *tls;
    int fd;
    int asked, allow;
    uint8_t digest[CERT_DIGEST];
};

static int on_allow(void *ctx, const uint8_t digest[static CERT_DIGEST])
{
    struct end *n = ctx;
    n->asked++;
    memcpy(n->digest, digest, CERT_DIGEST);
    return n->allow;
}

static void no_upcall(void *ctx, unsigned what)
{
    (void)ctx, (void)what;
}

static void on_time(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

/* Lets the ring do what was asked of it. */
static void settle(void)
{
    struct timer t = { .fire = on_time };
    struct err e;
    if (ring == NULL)
        return;
    loop_arm(loop, &t, 100000);
    CHECK_EQ(loop_run(loop, &e), 0);
}

static enum tls_result fill(struct end *n, struct err *e)
{
    settle();
    return tls_fill(n->tls, e);
}

static enum tls_result flush(struct end *n, struct err *e)
{
    enum tls_result r = tls_flush(n->tls, e);
    if (ring == NULL || r != TLS_AGAIN)
        return r;
    settle();
    return tls_flush(n->tls, e);
}

static void ends_init(struct end n[2])
{
    int fd[2];
    struct err e = { 0 };
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    for (int i = 0; i < 2; i++) {
        n[i] = (struct end){ .fd = fd[i], .allow = 1, .ctx = tls_ctx_new(certs[i], &e) };
        n[i].carrier = ring == NULL ? carrier_socket(arena, fd[i], NULL)
            : carrier_ring(arena, ring, fd[i], no_upcall, NULL);
        n[i].tls = tls_new(n[i].ctx, n[i].carrier, i, on_allow, &n[i]);
        CHECK(n[i].tls != NULL);
    }
}

static void ends_fini(struct end n[2])
{
    for (int i = 0; i < 2; i++) {
        tls_free(n[i].tls);
        tls_ctx_free(n[i].ctx);
        carrier_free(n[i].carrier);
    }
    settle();
    CHECK_EQ(arena_used(arena), 0);
}

/* Both ends in turn, until neither gets on. */
static void shake(struct end n[2], enum tls_result r[2], struct err e[2])
{
    r[0] = r[1] = TLS_AGAIN;
    for (int turn = 0; turn < 20; turn++) {
        struct end *m = &n[turn % 2];
        fill(m, &e[turn % 2]);
        if (r[turn % 2] == TLS_AGAIN)
            r[turn % 2] = tls_handshake(m->tls, &e[turn % 2]);
        flush(m, &e[turn % 2]);
    }
}

static void handshake(void)
{
    struct end n[2];
    enum tls_result r[2];
    struct err e[2];
    uint8_t secret[2][LINK_SECRET];
    ends_init(n);
    shake(n, r, e);
    CHECK(r[0] == TLS_DONE && r[1] == TLS_DONE);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(n[i].asked, 1);
        CHECK(memcmp(n[i].digest, cert_digest(certs[1 - i]), CERT_DIGEST) == 0);
        CHECK(memcmp(tls_peer_digest(n[i].tls), n[i].digest, CERT_DIGEST) == 0);
        CHECK_EQ(tls_export(n[i].tls, secret[i]), 0);
    }
    CHECK(memcmp(secret[0], secret[1], LINK_SECRET) == 0);
    ends_fini(n);
    uint8_t first[LINK_SECRET];
    memcpy(first, secret[0], LINK_SECRET);
    ends_init(n);
    shake(n, r, e);
    CHECK_EQ(tls_export(n[0].tls, secret[0]), 0);
    CHECK(memcmp(first, secret[0], LINK_SECRET) != 0);
    ends_fini(n);
}

static void not_allowed(void)
{
    for (int refusing = 0; refusing < 2; refusing++) {
        struct end n[2];
        enum tls_result r[2];
        struct err e[2] = { 0 };
        uint8_t b[100];
        size_t got;
        ends_init(n);
        n[refusing].allow = 0;
        shake(n, r, e);
        CHECK_EQ(r[refusing], TLS_FAILED);
        CHECK(strstr(e[refusing].text, cert_fingerprint(certs[1 - refusing])) != NULL);
        if (refusing == 1) {    /* the client is done before the server has judged */
            CHECK_EQ(r[0], TLS_DONE);
            r[0] = tls_read(n[0].tls, b, sizeof b, &got, &e[0]);
        }
        CHECK_EQ(r[1 - refusing], TLS_FAILED);
        CHECK(strstr(e[1 - refusing].text, "refused our certificate") != NULL);
        CHECK(strstr(e[1 - refusing].text, cert_fingerprint(certs[1 - refusing])) != NULL);
        ends_fini(n);
    }
}

struct stream {
    uint64_t seed_out, seed_in;
    size_t out, in;
};

/* Some of what one end has to say, in writes of all lengths, and what the other end reads. */
static void step(struct end *from, struct end *to, struct stream *s, size_t total, uint64_t *seed)
{
    static uint8_t b[TLS_RECORD];
    struct err e = { 0 };
    while (s->out < total && tls_can_write(from->tls)) {
        size_t n = 1 + check_random(seed) % TLS_RECORD, left = total - s->out;
        n = n < left ? n : left;
        for (size_t i = 0; i < n; i++)
            b[i] = (uint8_t)check_random(&s->seed_out);
        CHECK_EQ(tls_write(from->tls, b, n, &e), TLS_DONE);
        s->out += n;
    }
    CHECK(flush(from, &e) != TLS_FAILED);
    while (fill(to, &e) == TLS_DONE) {
        size_t got;
        enum tls_result r;
        while ((r = tls_read(to->tls, b, 1 + check_random(seed) % TLS_RECORD, &got, &e))
               == TLS_DONE)
            for (size_t i = 0; i < got; i++, s->in++)
                if (b[i] != (uint8_t)check_random(&s->seed_in))
                    CHECK(!"wrong byte");
        CHECK_EQ(r, TLS_AGAIN);
    }
}

static void records(uint64_t rekey)
{
    enum { TOTAL = 3000000 };
    struct end n[2];
    enum tls_result r[2];
    struct err e[2];
    struct stream s[2] = { { 1, 1, 0, 0 }, { 2, 2, 0, 0 } };
    uint64_t seed = 99;
    printf("# seed %llu\n", (unsigned long long)seed);
    ends_init(n);
    if (rekey > 0)
        for (int i = 0; i < 2; i++)
            tls_ctx_rekey_after(n[i].ctx, rekey);
    shake(n, r, e);
    for (int turn = 0; turn < 1000 && (s[0].in < TOTAL || s[1].in < TOTAL); turn++)
        for (int i = 0; i < 2; i++)
            step(&n[i], &n[1 - i], &s[i], TOTAL, &seed);
    CHECK(s[0].in == TOTAL && s[1].in == TOTAL);
    CHECK_EQ(carrier_unsent(n[0].carrier), 0);
    CHECK_EQ(carrier_sent(n[0].carrier), carrier_received(n[1].carrier));
    CHECK(carrier_sent(n[0].carrier) > TOTAL);
    ends_fini(n);
}

static void many_records(void)
{
    records(0);
}

static void keys_change(void)
{
    records(1);
    records(3);
}

static void endings(void)
{
    struct end n[2];
    enum tls_result r[2];
    struct err e[2];
    uint8_t b[10];
    size_t got;
    ends_init(n);
    shake(n, r, e);
    tls_close_notify(n[0].tls);
    CHECK_EQ(flush(&n[0], e), TLS_DONE);
    CHECK_EQ(fill(&n[1], e), TLS_DONE);
    CHECK_EQ(tls_read(n[1].tls, b, sizeof b, &got, e), TLS_CLOSED);
    carrier_close(n[0].carrier);
    CHECK_EQ(fill(&n[1], e), TLS_CLOSED);
    CHECK_EQ(tls_write(n[1].tls, b, sizeof b, e), TLS_DONE);
    CHECK_EQ(flush(&n[1], e), TLS_FAILED);       /* and no SIGPIPE */
    ends_fini(n);
}

/* A bit that changes on the way is noticed. */
static void tampering(void)
{
    struct end n[2];
    enum tls_result r[2];
    struct err e[2];
    uint8_t b[200];
    size_t got;
    ends_init(n);
    shake(n, r, e);
    memset(b, 5, sizeof b);
    CHECK_EQ(tls_write(n[0].tls, b, 100, e), TLS_DONE);
    CHECK_EQ(flush(&n[0], e), TLS_DONE);
    ssize_t k = recv(n[1].fd, b, sizeof b, 0);
    CHECK(k > 100);
    b[50] ^= 1;
    CHECK_EQ(send(n[0].fd, b, (size_t)k, 0), k);
    CHECK_EQ(fill(&n[1], e), TLS_DONE);
    CHECK_EQ(tls_read(n[1].tls, b, sizeof b, &got, &e[1]), TLS_FAILED);
    CHECK(e[1].text[0] != '\0');
    ends_fini(n);
}

/* What somebody else put in between is noticed, too. */
static void forgery(void)
{
    struct end n[2];
    enum tls_result r[2];
    struct err e[2];
    uint8_t b[105] = { 23, 3, 3, 0, 100 };
    size_t got;
    ends_init(n);
    shake(n, r, e);
    CHECK_EQ(send(n[0].fd, b, sizeof b, 0), (ssize_t)sizeof b);
    CHECK_EQ(fill(&n[1], e), TLS_DONE);
    CHECK_EQ(tls_read(n[1].tls, b, sizeof b, &got, &e[1]), TLS_FAILED);
    ends_fini(n);
}

static void all_cases(void)
{
    CASE(handshake);
    CASE(not_allowed);
    CASE(many_records);
    CASE(keys_change);
    CASE(endings);
    if (ring == NULL)
        CASE(tampering);    /* takes the bytes from the socket itself */
    CASE(forgery);
}

/* Connections that end while the kernel still has their buffers. */
static void ends_underway(void)
{
    static uint8_t b[TLS_RECORD];
    for (int i = 0; i < 50; i++) {
        struct end n[2];
        enum tls_result r[2];
        struct err e[2];
        ends_init(n);
        shake(n, r, e);
        for (int k = 0; k < (i % 3 > 0 ? 40 : 1); k++) {
            while (tls_can_write(n[0].tls))
                CHECK_EQ(tls_write(n[0].tls, b, sizeof b, e), TLS_DONE);
            CHECK_EQ(tls_flush(n[0].tls, e), TLS_AGAIN);
            if (i % 3 > 0)
                settle();   /* until buffers are full and a send waits in the ring */
        }
        CHECK_EQ(tls_flush(n[0].tls, e), TLS_AGAIN);
        tls_free(n[i % 2].tls);
        carrier_free(n[i % 2].carrier);
        n[i % 2] = (struct end){ .ctx = n[i % 2].ctx };
        ends_fini(n);
    }
}

static void over_ring(int stock)
{
    struct err e;
    ring = ring_new(loop, &e);
    if (ring == NULL) {
        check_skip("io_uring", e.text);
        return;
    }
    if (stock && ring_stock(ring) != 0) {
        check_skip("a stock of buffers", "the kernel lacks it");
    } else {
        printf("# io_uring, %s\n", stock ? "buffers of a stock" : "buffers of each connection");
        all_cases();
        CASE(ends_underway);
    }
    ring_free(ring);
    ring = NULL;
}

int main(void)
{
    struct err e;
    certs[0] = node_cert("client");
    certs[1] = node_cert("server");
    arena = arena_new(0);
    loop = loop_new(&e);
    all_cases();
    over_ring(0);
    over_ring(1);
    loop_free(loop);
    arena_free(arena);
    cert_free(certs[0]);
    cert_free(certs[1]);
    return check_done();
}
