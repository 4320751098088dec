/*
 * A mesh against somebody who does not keep to the rules: a thread with blocking sockets and its
 * own idea of the wire format plays party 2. Parties 0 and 1 must not mind.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/ssl.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_bytes.h"
#include "net/frame.h"
#include "net/mesh_st.h"
#include "tests/mesh_world.h"

static struct world w;

struct rogue {
    pthread_t thread;
    const char *address;
    const struct cert *cert;
    void (*play)(struct rogue *r);
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    struct hello hello;
    uint8_t got[1000];
    size_t n;                   /* of the last frame's payload */
    atomic_int ready, release, over;
    int bad;
};

static void rogue_connect(struct rogue *r)
{
    struct timeval limit = { .tv_sec = 10 };
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    a.sin_port = htons((uint16_t)atoi(strchr(r->address, ':') + 1));
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(r->fd, (struct sockaddr *)&a, sizeof a) != 0)
        r->bad = 1;
}

static int rogue_tls(struct rogue *r, int version, int with_cert)
{
    rogue_connect(r);
    r->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(r->ctx, version);
    if (with_cert) {
        SSL_CTX_use_certificate(r->ctx, cert_x509(r->cert));
        SSL_CTX_use_PrivateKey(r->ctx, cert_key(r->cert));
    }
    r->ssl = SSL_new(r->ctx);
    SSL_set_fd(r->ssl, r->fd);
    return SSL_connect(r->ssl) == 1 ? 0 : -1;
}

static void put(struct rogue *r, const void *p, size_t n)
{
    if (SSL_write(r->ssl, p, (int)n) != (int)n)
        r->bad = 1;
}

static void put_frame(struct rogue *r, uint8_t type, const void *p, size_t n)
{
    uint8_t head[24] = { 0 };
    put_u32(head, (uint32_t)n);
    head[4] = type;
    put(r, head, sizeof head);
    if (n > 0)
        put(r, p, n);
}

static int get(struct rogue *r, uint8_t *p, size_t n)
{
    while (n > 0) {
        int k = SSL_read(r->ssl, p, (int)n);
        if (k <= 0)
            return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

/* The type of the next frame; -1 at the end. */
static int get_frame(struct rogue *r)
{
    uint8_t head[24];
    if (get(r, head, sizeof head) != 0)
        return -1;
    r->n = get_u32(head);
    if (r->n > sizeof r->got || get(r, r->got, r->n) != 0)
        return -1;
    return head[4];
}

static void get_until_end(struct rogue *r)
{
    uint8_t b[4096];
    if (r->ssl != NULL)
        while (SSL_read(r->ssl, b, sizeof b) > 0)
            continue;
    else
        while (recv(r->fd, b, sizeof b, 0) > 0)
            continue;
}

static void say_hello(struct rogue *r)
{
    uint8_t b[HELLO_SIZE];
    if (rogue_tls(r, TLS1_3_VERSION, 1) != 0)
        r->bad = 1;
    hello_put(b, &r->hello);
    put_frame(r, FRAME_HELLO, b, sizeof b);
}

/* All that is right, up to the point where messages may flow. */
static void become_ready(struct rogue *r)
{
    say_hello(r);
    int type = get_frame(r);
    if (type != FRAME_HELLO || r->n != HELLO_SIZE || memcmp(r->got, "OBSCURA", 8) != 0)
        r->bad = 1;
    if (get_frame(r) != FRAME_WELCOME)
        r->bad = 1;
    put_frame(r, FRAME_WELCOME, NULL, 0);
    atomic_store(&r->ready, 1);
}

static void play_garbage(struct rogue *r)
{
    uint8_t b[3000];
    uint64_t seed = 5;
    rogue_connect(r);
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)check_random(&seed);
    send(r->fd, b, sizeof b, MSG_NOSIGNAL);
    get_until_end(r);
}

static void play_http(struct rogue *r)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: obscura\r\n\r\n";
    rogue_connect(r);
    send(r->fd, text, sizeof text - 1, MSG_NOSIGNAL);
    get_until_end(r);
}

static void play_silent(struct rogue *r)
{
    rogue_connect(r);
    get_until_end(r);
}

static void play_half_hello(struct rogue *r)
{
    static const uint8_t start[] = { 0x16, 3, 1, 1, 0, 1, 0, 0xfc, 3, 3 };
    rogue_connect(r);
    send(r->fd, start, sizeof start, MSG_NOSIGNAL);
    get_until_end(r);
}

static void play_gone(struct rogue *r)
{
    rogue_connect(r);
}

static void play_old_tls(struct rogue *r)
{
    r->bad = rogue_tls(r, TLS1_2_VERSION, 1) == 0;
}

static void play_no_cert(struct rogue *r)
{
    if (rogue_tls(r, TLS1_3_VERSION, 0) == 0)
        get_until_end(r);
}

static void play_tls_only(struct rogue *r)
{
    r->bad = rogue_tls(r, TLS1_3_VERSION, 1) != 0;
    get_until_end(r);
}

static void play_bad_magic(struct rogue *r)
{
    uint8_t b[HELLO_SIZE];
    rogue_tls(r, TLS1_3_VERSION, 1);
    hello_put(b, &r->hello);
    b[3] = 'x';
    put_frame(r, FRAME_HELLO, b, sizeof b);
    get_until_end(r);
}

static void play_wrong_wire(struct rogue *r)
{
    r->hello.wire = 9;
    say_hello(r);
    get_until_end(r);
}

static void play_wrong_program(struct rogue *r)
{
    strcpy(r->hello.program, "7.7.7");
    say_hello(r);
    get_until_end(r);
}

static void play_wrong_role(struct rogue *r)
{
    r->hello.role = 1;
    say_hello(r);
    get_until_end(r);
}

static void play_early(struct rogue *r)
{
    rogue_tls(r, TLS1_3_VERSION, 1);
    put_frame(r, 3, "abc", 3);
    get_until_end(r);
}

static void play_hello_twice(struct rogue *r)
{
    uint8_t b[HELLO_SIZE];
    say_hello(r);
    hello_put(b, &r->hello);
    put_frame(r, FRAME_HELLO, b, sizeof b);
    get_until_end(r);
}

static void play_long_hello(struct rogue *r)
{
    uint8_t head[24] = { 0 };
    rogue_tls(r, TLS1_3_VERSION, 1);
    put_u32(head, 100000);
    head[4] = FRAME_HELLO;
    put(r, head, sizeof head);
    get_until_end(r);
}

static void play_oversized(struct rogue *r)
{
    uint8_t head[24] = { 0xff, 0xff, 0xff, 0xff, 1 };
    become_ready(r);
    put(r, head, sizeof head);
    while (get_frame(r) != FRAME_BYE)   /* it says why */
        continue;
    get_until_end(r);
}

static void play_bad_type(struct rogue *r)
{
    become_ready(r);
    put_frame(r, 250, NULL, 0);
    get_until_end(r);
}

static void play_nonzero(struct rogue *r)
{
    uint8_t head[24] = { 0, 0, 0, 0, 1, 1 };
    become_ready(r);
    put(r, head, sizeof head);
    get_until_end(r);
}

static void play_truncated(struct rogue *r)
{
    uint8_t head[24] = { 0x40, 0x42, 0x0f, 0, 1 };      /* 1,000,000 bytes */
    uint8_t b[50000] = { 0 };
    become_ready(r);
    put(r, head, sizeof head);
    put(r, b, sizeof b);
    shutdown(r->fd, SHUT_RDWR);
}

/* The first 20,000 of 1,000,000 bytes. */
static void play_half(struct rogue *r)
{
    uint8_t head[24] = { 0x40, 0x42, 0x0f, 0, 1 };
    uint8_t b[20000] = { 0 };
    become_ready(r);
    put(r, head, sizeof head);
    put(r, b, sizeof b);
    while (!atomic_load(&r->release))
        usleep(1000);
}

static void play_cut_head(struct rogue *r)
{
    become_ready(r);
    put(r, "\1\0\0\0\1\0\0", 7);
    shutdown(r->fd, SHUT_RDWR);
}

static void play_notify(struct rogue *r)
{
    become_ready(r);
    SSL_shutdown(r->ssl);
    get_until_end(r);
}

static void play_mute(struct rogue *r)
{
    become_ready(r);
    while (!atomic_load(&r->release))
        usleep(1000);
}

static void play_odd_bye(struct rogue *r)
{
    become_ready(r);
    put_frame(r, FRAME_BYE, "so\nlong \x1b[2J\0 and", 17);
    get_until_end(r);
}

/* Legal: one byte per record, and a payload of nothing. */
static void play_bytewise(struct rogue *r)
{
    uint8_t b[24 + 100 + 24] = { 100, 0, 0, 0, 9, 0, 1, 0, 77 };
    payload_fill(b + 24, 100, 77);
    b[24 + 100 + 4] = 9;
    put_u32(b + 24 + 100 + 20, 1);
    become_ready(r);
    for (size_t i = 0; i < sizeof b; i++)
        put(r, b + i, 1);
    while (!atomic_load(&r->release))
        usleep(1000);
}

/* ---- lanes, where links have two ---- */

static uint8_t true_run[HELLO_RUN];     /* of the link between parties 1 and 0 */

/* Party `role` shows up with lane 1 of the link with this run, and is to be refused. */
static void show_lane(struct rogue *r, unsigned role, const uint8_t run[static HELLO_RUN])
{
    struct rogue second = { .address = r->address, .cert = w.keys.cert[role], .hello = r->hello };
    second.hello.role = (uint8_t)role;
    second.hello.lane = 1;
    memcpy(second.hello.run, run, HELLO_RUN);
    say_hello(&second);
    int type = get_frame(&second);
    while (type >= 0 && type != FRAME_BYE && type != FRAME_WELCOME)
        type = get_frame(&second);
    r->bad |= second.bad || type != FRAME_BYE;
    get_until_end(&second);
    SSL_free(second.ssl);
    SSL_CTX_free(second.ctx);
    close(second.fd);
}

/* Lane 0 of a link is being made, until a signal. */
static void show_first(struct rogue *r)
{
    memset(r->hello.run, 5, HELLO_RUN);
    say_hello(r);
    r->bad |= get_frame(r) != FRAME_HELLO;
    usleep(150000);             /* ours has come there, too */
}

static void play_count(struct rogue *r)
{
    r->hello.lanes = 3;
    say_hello(r);
    get_until_end(r);
}

static void play_lane_of_nothing(struct rogue *r)
{
    r->fd = -1;
    show_lane(r, 2, true_run);
}

static void play_lane_of_other_run(struct rogue *r)
{
    uint8_t run[HELLO_RUN];
    show_first(r);
    memcpy(run, r->hello.run, HELLO_RUN);
    run[15] ^= 1;
    show_lane(r, 2, run);
}

/* The run is right, but the certificate is another party's. */
static void play_lane_of_other_party(struct rogue *r)
{
    show_first(r);
    show_lane(r, 1, r->hello.run);
}

/* The link is up: nothing joins it any more, also of the same party. */
static void play_lane_too_late(struct rogue *r)
{
    r->fd = -1;
    show_lane(r, 1, true_run);
}

/* Messages on a lane of a link that is not up. */
static void play_lane_too_early(struct rogue *r)
{
    struct rogue second = { .address = r->address, .cert = r->cert };
    show_first(r);
    second.hello = r->hello;
    second.hello.lane = 1;
    become_ready(&second);
    put_frame(&second, 3, "abc", 3);
    int type = get_frame(&second);
    r->bad |= second.bad || type != FRAME_BYE
        || memmem(second.got, second.n, "not up", 6) == NULL;
    get_until_end(r);           /* lane 0 falls with it */
    SSL_free(second.ssl);
    SSL_CTX_free(second.ctx);
    close(second.fd);
}

static void *rogue_main(void *arg)
{
    struct rogue *r = arg;
    r->play(r);
    if (r->ssl != NULL)
        SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    close(r->fd);
    atomic_store(&r->over, 1);
    return NULL;
}

static void rogue_start(struct rogue *r, void (*play)(struct rogue *r))
{
    memset(r, 0, sizeof *r);
    r->address = w.keys.address[0];
    r->cert = w.keys.cert[2];
    r->play = play;
    r->hello = (struct hello){ .wire = HELLO_WIRE, .role = 2, .parties = 3 };
    r->hello.lanes = world_lanes > 0 ? (uint8_t)world_lanes : 1;
    strcpy(r->hello.protocol, "replicated-ring");
    strcpy(r->hello.program, PACKAGE_VERSION);
    memset(r->hello.digest, 0xd1, HELLO_DIGEST);
    if (pthread_create(&r->thread, NULL, rogue_main, r) != 0)
        exit(1);
}

static void rogue_stop(struct rogue *r)
{
    atomic_store(&r->release, 1);
    pthread_join(r->thread, NULL);
    CHECK_EQ(r->bad, 0);
}

static struct rogue rogue;

static int rogue_is_over(struct world *world)
{
    (void)world;
    return atomic_load(&rogue.over);
}

static int party_2_is_down(struct world *world)
{
    return atomic_load(&rogue.over) && world->player[0].downs[2] > 0;
}

/* ... or was: some leave at once. */
static int party_2_was_up(struct world *world)
{
    return world->player[0].ups[2] > 0;
}

static int party_2_has_spoken(struct world *world)
{
    return world->player[0].messages[2] == 2;
}

static void set_up(void)
{
    world_init(&w, 3, 0);
    w.conf.heartbeat_ms = 100;
    w.conf.idle_ms = 1000;
    w.conf.setup_ms = world_lanes > 0 ? 5000 : 400;     /* those of lanes take their time */
    w.conf.connect_ms = 60000;
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, party_2_was_up, 1) == 0);
}

/* Parties 0 and 1 never noticed, and the true party 2 gets in afterwards. */
static void tear_down(void)
{
    w.player[0].refuse_room = 0;
    world_start(&w, 2, world_conf(&w, 2));
    CHECK(world_run(&w, world_is_up, 10000));
    CHECK(w.player[0].ups[1] == 1 && w.player[0].downs[1] == 0);
    CHECK(w.player[1].ups[0] == 1 && w.player[1].downs[0] == 0);
    world_fini(&w);
}

/* Those who never get a link: one line each, which says this. */
static void refused(const char *name, void (*play)(struct rogue *r), const char *word)
{
    int old = capture_begin();
    rogue_start(&rogue, play);
    CHECK(world_run(&w, rogue_is_over, 10000));
    rogue_stop(&rogue);
    world_wait(&w, 20);
    char *log = capture_end(old);
    CHECK_TEXT(log, word);
    CHECK_EQ(count_in(log, "\n"), 1);
    CHECK_EQ(w.player[0].ups[2], 0);
    if (check_bad > 0)
        fprintf(stderr, "in %s: %s\n", name, log);
    free(log);
}

#define REFUSED(play, word) refused(#play, play, word)

static void before_the_link(void)
{
    set_up();
    REFUSED(play_garbage, "no TLS 1.3 handshake with it");
    REFUSED(play_http, "no TLS 1.3 handshake with it: http request");
    REFUSED(play_silent, "no answer within 0.4 s while handshaking");
    REFUSED(play_half_hello, "no answer within 0.4 s while handshaking");
    REFUSED(play_gone, "was cut off before the link stood");
    REFUSED(play_old_tls, "unsupported protocol");
    REFUSED(play_no_cert, "peer did not return a certificate");
    REFUSED(play_tls_only, "no answer within 0.4 s while hello");
    REFUSED(play_bad_magic, "another program");
    REFUSED(play_wrong_wire, "it speaks version 9 of the wire format");
    REFUSED(play_wrong_program, "it is obscura 7.7.7");
    REFUSED(play_wrong_role, "the fingerprint is that of party 2, but it says it is party 1");
    REFUSED(play_early, "it sent a message of type 3 while hello");
    REFUSED(play_hello_twice, "it said hello twice");
    REFUSED(play_long_hello, "100000 bytes long");
    tear_down();
}

/* Those who get a link and then lose it: `down` with this reason. */
static void loses(const char *name, void (*play)(struct rogue *r), const char *word)
{
    struct player *p = &w.player[0];
    p->downs[2] = p->ups[2] = 0;
    memset(p->messages, 0, sizeof p->messages);
    int old = capture_begin();
    rogue_start(&rogue, play);
    CHECK(world_run(&w, party_2_was_up, 10000));
    if (play == play_mute) {
        world_wait(&w, 1400);
        atomic_store(&rogue.release, 1);
    }
    CHECK(world_run(&w, party_2_is_down, 10000));
    rogue_stop(&rogue);
    char *log = capture_end(old);
    CHECK_EQ(p->downs[2], 1);
    CHECK_TEXT(p->why[2].text, word);
    CHECK_TEXT(p->why[2].text, "party 2 at 127.0.0.1");
    CHECK_EQ(count_in(log, "\n"), 1);
    CHECK_EQ(p->messages[2], 0);
    CHECK_EQ(arena_used(p->arena), 0);
    if (check_bad > 0)
        fprintf(stderr, "in %s: %s\n", name, log);
    free(log);
}

#define LOSES(play, word) loses(#play, play, word)

static void on_the_link(void)
{
    set_up();
    LOSES(play_oversized, "4294967295 bytes long");
    LOSES(play_bad_type, "malformed");
    LOSES(play_nonzero, "malformed");
    LOSES(play_truncated, "cut off");
    LOSES(play_cut_head, "cut off");
    LOSES(play_notify, "closed the connection without a reason");
    LOSES(play_odd_bye, "it ended the link: so?long ?[2J");
    LOSES(play_mute, "nothing was heard of it for 1");
    tear_down();
}

static void bytewise(void)
{
    set_up();
    rogue_start(&rogue, play_bytewise);
    CHECK(world_run(&w, party_2_has_spoken, 10000));
    CHECK_EQ(w.player[0].bytes[2], 100);
    CHECK_EQ(w.player[0].bad, 0);
    int old = capture_begin();
    rogue_stop(&rogue);
    CHECK(world_run(&w, party_2_is_down, 10000));
    free(capture_end(old));
    tear_down();
}

static int half_has_moved(struct world *world)
{
    struct host *h = world->player[0].host;
    return h->ops->moved(h, 2) == 20000;
}

/* What has come of a message counts before all of it is there. */
static void half_a_message_moves(void)
{
    set_up();
    rogue_start(&rogue, play_half);
    CHECK(world_run(&w, half_has_moved, 10000));
    CHECK_EQ(w.player[0].messages[2], 0);
    int old = capture_begin();
    rogue_stop(&rogue);
    CHECK(world_run(&w, party_2_is_down, 10000));
    free(capture_end(old));
    tear_down();
}

static int rogue_is_replaced(struct world *world)
{
    return world->player[0].ups[2] == 2 && world->player[0].downs[2] == 1;
}

/* A party that comes back while its old connection hangs takes its place. */
static void dead_link_is_replaced(void)
{
    set_up();
    for (unsigned i = 0; i < 2; i++)
        player_stop(&w.player[i]);
    w.conf.heartbeat_ms = 60000;
    w.conf.idle_ms = 60000;
    w.conf.setup_ms = 10000;
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    rogue_start(&rogue, play_mute);
    CHECK(world_run(&w, party_2_was_up, 10000));
    int old = capture_begin();
    world_start(&w, 2, world_conf(&w, 2));
    CHECK(world_run(&w, rogue_is_replaced, 5000));
    free(capture_end(old));
    CHECK_TEXT(w.player[0].why[2].text, "no sign of life");
    rogue_stop(&rogue);
    CHECK(world_run(&w, world_is_up, 5000));
    CHECK_EQ(w.player[0].downs[1], 0);
    world_fini(&w);
}

/* More connections than may be half open: the oldest go, and honest nodes still get in. */
static void flood(void)
{
    int fd[12];
    world_init(&w, 3, 0);
    w.conf.half_open_max = 4;
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    int old = capture_begin();
    for (unsigned i = 0; i < 12; i++) {
        struct rogue r = { .address = w.keys.address[0] };
        rogue_connect(&r);
        fd[i] = r.fd;
    }
    world_wait(&w, 50);
    world_start(&w, 2, world_conf(&w, 2));
    CHECK(world_run(&w, world_is_up, 5000));
    char *log = capture_end(old);
    CHECK_EQ(count_in(log, "too many connections"), 9);
    free(log);
    unsigned closed = 0;
    for (unsigned i = 0; i < 12; i++) {
        uint8_t b;
        closed += recv(fd[i], &b, 1, MSG_DONTWAIT) == 0;
        close(fd[i]);
    }
    CHECK_EQ(closed, 9);
    CHECK(w.player[0].downs[1] == 0);
    old = capture_begin();
    world_wait(&w, 20);
    free(capture_end(old));
    world_fini(&w);
}

static int party_1_is_up(struct world *world)
{
    return world->player[0].is_up[1];
}

static void strange_lanes(void)
{
    static const char unknown[] = "it is lane 1 of a link that is not being made here";
    world_lanes = 2;
    set_up();
    CHECK(world_run(&w, party_1_is_up, 5000));
    const struct contact *c = peer_owner(w.player[0].mesh->node[1].link);
    memcpy(true_run, c->run, HELLO_RUN);
    REFUSED(play_count, "it makes links of 3 connections, we of 2");
    REFUSED(play_lane_of_nothing, unknown);
    REFUSED(play_lane_of_other_run, unknown);
    REFUSED(play_lane_of_other_party, unknown);
    REFUSED(play_lane_too_late, unknown);
    int old = capture_begin();
    rogue_start(&rogue, play_lane_too_early);
    CHECK(world_run(&w, rogue_is_over, 10000));
    rogue_stop(&rogue);
    free(capture_end(old));
    CHECK(w.player[0].ups[2] == 0 && w.player[0].messages[2] == 0);
    tear_down();
    world_lanes = 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);   /* the rogue's own; the mesh needs no such thing */
    CASE(before_the_link);
    CASE(on_the_link);
    CASE(half_a_message_moves);
    CASE(bytewise);
    CASE(dead_link_is_replaced);
    CASE(flood);
    CASE(strange_lanes);
    return check_done();
}
