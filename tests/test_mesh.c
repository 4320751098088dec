/* Meshes of honest nodes: starting, talking, leaving, coming back, and being misconfigured. */
#include "tests/mesh_world.h"

#include <netdb.h>
#include <netinet/tcp.h>

#include "net/congestion.h"

static struct world w;

static void start_in_any_order(void)
{
    static const unsigned order[][5] = {
        { 0, 1, 2, 3, 4 }, { 2, 1, 0, 4, 3 }, { 4, 2, 0, 3, 1 }, { 3, 4, 1, 2, 0 },
    };
    for (unsigned k = 0; k < 4; k++) {
        world_init(&w, 3, 2);
        for (unsigned i = 0; i < 5; i++) {
            world_start(&w, order[k][i], world_conf(&w, order[k][i]));
            world_wait(&w, 3);
        }
        CHECK(world_run(&w, world_is_up, 5000));
        for (unsigned i = 0; i < 3; i++) {
            CHECK(strcmp(w.player[i].info[LINK_CLIENT].name, "alice") == 0);
            CHECK(strcmp(w.player[i].info[LINK_CLIENT + 1].name, "bob") == 0);
            CHECK(strcmp(w.player[3].info[i].name, mesh_node_name(w.player[0].mesh, i)) == 0);
            CHECK(memcmp(w.player[3].info[i].secret, w.player[i].info[LINK_CLIENT].secret,
                         LINK_SECRET) == 0);
            for (unsigned j = 0; j < i; j++) {
                CHECK(memcmp(w.player[i].info[j].secret, w.player[j].info[i].secret,
                             LINK_SECRET) == 0);
                CHECK(memcmp(w.player[i].info[j].secret, w.player[3].info[j].secret,
                             LINK_SECRET) != 0);
            }
        }
        world_fini(&w);
    }
}

static const size_t sizes[] = { 0, 1, 23, 24, 25, 1000, 16359, 16360, 16361, 16384, 32768, 65536,
                                0, 3, 262144, 1000003, 1 << 20, 8 << 20, 5, 0, 100000 };
enum { SIZES = sizeof sizes / sizeof sizes[0], TURNS = 3 };

static unsigned sent_count[WORLD_NODES];

/* Sends until the host is full, as a role does. */
static unsigned send_more(struct player *p, unsigned node)
{
    unsigned i = (unsigned)p->self;
    while (sent_count[i] < SIZES * TURNS && p->host->ops->queued(p->host, node) < (2u << 20)) {
        CHECK_EQ(player_send(p, node, sent_count[i], sizes[sent_count[i] % SIZES]), 0);
        sent_count[i]++;
    }
    return sent_count[i];
}

static int all_exchanged(struct world *world)
{
    return world->player[0].messages[1] == SIZES * TURNS
        && world->player[1].messages[0] == SIZES * TURNS;
}

static void sizes_both_ways(void)
{
    uint64_t total = 0;
    world_init(&w, 2, 0);
    w.conf.high = 1 << 20;
    w.conf.low = 1 << 18;
    memset(sent_count, 0, sizeof sent_count);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i))->more = send_more;
    CHECK(world_run(&w, world_is_up, 5000));
    send_more(&w.player[0], 1);
    send_more(&w.player[1], 0);
    CHECK(world_run(&w, all_exchanged, 20000));
    for (unsigned i = 0; i < SIZES; i++)
        total += TURNS * sizes[i];
    for (unsigned i = 0; i < 2; i++) {
        struct player *p = &w.player[i];
        struct link_stats s;
        CHECK_EQ(p->bytes[1 - i], total);
        CHECK_EQ(p->bad, 0);
        CHECK(p->drains[1 - i] >= 3);
        mesh_stats(p->mesh, 1 - i, &s);
        CHECK_EQ(s.sent, total);
        CHECK_EQ(s.received, total);
        CHECK_EQ(s.messages_sent, SIZES * TURNS);
        CHECK_EQ(s.messages_received, SIZES * TURNS);
        CHECK(s.wire_sent > total && s.wire_sent < total + total / 100 + 20000);
        CHECK_EQ(p->host->ops->wire(p->host, 1 - i), s.wire_sent + s.wire_received);
        uint64_t moved = p->host->ops->moved(p->host, 1 - i);
        CHECK(moved <= 2 * total && moved + 100 > 2 * total);   /* headers may wait */
        CHECK_EQ(arena_used(p->arena), 0);
    }
    world_fini(&w);
}

/* Links that only live move nothing, though bytes go by. */
static void heartbeats_move_nothing(void)
{
    world_init(&w, 2, 0);
    w.conf.heartbeat_ms = 10;
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    struct host *h = w.player[0].host;
    uint64_t wire = h->ops->wire(h, 1);
    world_wait(&w, 200);
    CHECK(h->ops->wire(h, 1) > wire + 10 * 24);
    CHECK_EQ(h->ops->moved(h, 1), 0);
    CHECK_EQ(h->ops->moved(h, 999), 0);
    world_fini(&w);
}

static int one_message_each(struct world *world)
{
    return world->player[0].messages[1] == 1 && world->player[1].messages[0] == 1;
}

static void illegal_sends(void)
{
    world_init(&w, 2, 0);
    struct player *p = world_start(&w, 0, world_conf(&w, 0));
    CHECK_EQ(player_send(p, 1, 0, 100), ERR_PEER);      /* no link yet */
    CHECK_EQ(player_send(p, 0, 0, 100), ERR_PEER);      /* ourselves */
    CHECK_EQ(player_send(p, 999, 0, 100), ERR_PEER);
    world_start(&w, 1, world_conf(&w, 1));
    CHECK(world_run(&w, world_is_up, 5000));
    int old = capture_begin();
    struct message m = { .type = 240 };
    CHECK_EQ(p->host->ops->send(p->host, 1, m), ERR_PEER);
    free(capture_end(old));
    CHECK_EQ(p->host->ops->queued(p->host, 999), 0);
    p->host->ops->drop(p->host, 999, "nobody");
    CHECK_EQ(player_send(p, 1, 0, 10), 0);
    CHECK_EQ(player_send(&w.player[1], 0, 0, 0), 0);
    CHECK(world_run(&w, one_message_each, 5000));
    CHECK_EQ(arena_used(p->arena), 0);
    world_fini(&w);
}

static int one_is_down(struct world *world)
{
    return world->player[1].downs[0] == 1 && world->player[0].downs[1] == 1;
}

/* What was sent before a drop arrives before it, and so does the reason. */
static void drop_says_why(void)
{
    world_init(&w, 2, 0);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    int old = capture_begin();
    CHECK_EQ(player_send(&w.player[0], 1, 0, 5000000), 0);
    w.player[0].host->ops->drop(w.player[0].host, 1, "the job is over");
    CHECK_EQ(w.player[0].downs[1], 0);          /* later */
    CHECK_EQ(player_send(&w.player[0], 1, 1, 5), ERR_PEER);
    CHECK(world_run(&w, one_is_down, 5000));
    free(capture_end(old));
    CHECK_EQ(w.player[1].messages[0], 1);
    CHECK_EQ(w.player[1].bad, 0);
    CHECK_TEXT(w.player[1].why[0].text, "party 0");
    CHECK_TEXT(w.player[1].why[0].text, "the job is over");
    CHECK_EQ(w.player[1].why[0].code, ERR_PEER);
    CHECK(world_run(&w, world_is_up, 5000));    /* it is dialled again */
    CHECK_EQ(w.player[0].ups[1], 2);
    world_fini(&w);
}

static void no_room(void)
{
    world_init(&w, 2, 0);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    int old = capture_begin();
    w.player[1].refuse_room = 1;
    CHECK_EQ(player_send(&w.player[0], 1, 0, 3 << 20), 0);
    CHECK(world_run(&w, one_is_down, 5000));
    free(capture_end(old));
    CHECK_EQ(w.player[1].why[0].code, ERR_ABORT);
    CHECK_TEXT(w.player[1].why[0].text, "no gate 7");
    CHECK_TEXT(w.player[0].why[1].text, "no gate 7");
    CHECK_EQ(w.player[1].messages[0], 0);
    world_fini(&w);
}

/* Payloads that the host still holds do not mind that their job is over. */
static void arena_ends_first(void)
{
    world_init(&w, 2, 0);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(player_send(&w.player[i], 1 - i, 0, 30 << 20), 0);
        arena_free(w.player[i].arena);
        w.player[i].arena = arena_new(0);
    }
    CHECK(world_run(&w, one_message_each, 10000));
    CHECK(w.player[0].bad == 0 && w.player[1].bad == 0);
    /* ... nor that it ends while they are received into it, or never get through. */
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(player_send(&w.player[i], 1 - i, 1, 30 << 20), 0);
    world_wait(&w, 2);
    world_fini(&w);
}

static int party_2_seen_down(struct world *world)
{
    return world->player[0].downs[2] == 1 && world->player[1].downs[2] == 1;
}

static void restart(void)
{
    uint8_t secret[LINK_SECRET];
    world_init(&w, 3, 1);
    for (unsigned i = 0; i < 4; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    memcpy(secret, w.player[0].info[2].secret, LINK_SECRET);
    int old = capture_begin();
    player_stop(&w.player[2]);
    CHECK(world_run(&w, party_2_seen_down, 5000));
    free(capture_end(old));
    CHECK_TEXT(w.player[0].why[2].text, "party 2");
    CHECK_TEXT(w.player[0].why[2].text, "has ended");
    CHECK(w.player[0].is_up[1] && w.player[1].is_up[0]);
    CHECK_EQ(w.player[3].downs[2], 1);          /* a client does not come back by itself */
    world_start(&w, 2, world_conf(&w, 2));
    player_stop(&w.player[3]);
    CHECK(world_run(&w, world_is_up, 5000));
    CHECK_EQ(w.player[0].ups[2], 2);
    CHECK(memcmp(secret, w.player[0].info[2].secret, LINK_SECRET) != 0);

    old = capture_begin();                      /* party 0 is the one that is dialled */
    player_stop(&w.player[0]);
    world_wait(&w, 50);
    world_start(&w, 0, world_conf(&w, 0));
    CHECK(world_run(&w, world_is_up, 5000));
    free(capture_end(old));
    CHECK_EQ(w.player[1].ups[0], 2);
    world_fini(&w);
}

static int clients_gone(struct world *world)
{
    for (unsigned i = 0; i < world->parties; i++)
        if (world->player[i].is_up[LINK_CLIENT])
            return 0;
    return 1;
}

static int dave_is_down(struct world *world)
{
    return world->player[world->parties + 1].downs[0] == 1
        && world->player[world->parties + 1].downs[1] == 1;
}

static void clients_come_and_go(void)
{
    world_init(&w, 2, 2);
    w.conf.clients_max = 1;
    for (unsigned i = 0; i < 3; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    CHECK_EQ(mesh_port(w.player[2].mesh), 0);
    int old = capture_begin();
    world_start(&w, 3, world_conf(&w, 3));      /* one too many */
    CHECK(world_run(&w, dave_is_down, 3000));   /* at once, not after the time to connect */
    CHECK_TEXT(w.player[3].why[0].text, "1 clients are connected");
    player_stop(&w.player[3]);
    for (unsigned turn = 1; turn < 6; turn++) {
        player_stop(&w.player[2]);
        CHECK(world_run(&w, clients_gone, 5000));
        CHECK_EQ(w.player[0].downs[LINK_CLIENT], turn);
        world_start(&w, 2, world_conf(&w, 2));
        CHECK(world_run(&w, world_is_up, 5000));
    }
    free(capture_end(old));
    world_fini(&w);
}

static int stop_done;

static void on_stopped(void *ctx)
{
    (void)ctx;
    stop_done++;
}

static int is_stopped(struct world *world)
{
    (void)world;
    return stop_done == 1;
}

static void stop_in_order(void)
{
    world_init(&w, 2, 1);
    for (unsigned i = 0; i < 3; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    int old = capture_begin();
    stop_done = 0;
    CHECK_EQ(player_send(&w.player[0], 1, 0, 3 << 20), 0);
    mesh_stop(w.player[0].mesh, "the party is shut down", on_stopped, NULL);
    CHECK(world_run(&w, is_stopped, 5000));
    free(capture_end(old));
    CHECK(w.player[0].downs[1] == 1 && w.player[0].downs[LINK_CLIENT] == 1);
    CHECK_EQ(w.player[1].messages[0], 1);
    CHECK_TEXT(w.player[1].why[0].text, "is shut down");
    CHECK_TEXT(w.player[2].why[0].text, "is shut down");
    player_stop(&w.player[0]);
    struct mesh_conf c = world_conf(&w, 0);
    world_start(&w, 0, c);
    stop_done = 0;
    mesh_stop(w.player[0].mesh, "before anything happened", on_stopped, NULL);
    CHECK(world_run(&w, is_stopped, 5000));
    world_fini(&w);
}

static int both_given_up(struct world *world)
{
    return world->player[0].downs[1] > 0 && world->player[1].downs[0] > 0;
}

/* Party 1 is started with another configuration: both ends say why, and party 2 is unharmed. What
 * party 0 reports of party 1 tells it too, if it got to know who that was. */
static void mismatch(struct mesh_conf other, int knows_who, const char *at_0, const char *at_1)
{
    w.conf.connect_ms = 400;
    int old = capture_begin();
    world_start(&w, 0, world_conf(&w, 0));
    world_start(&w, 2, world_conf(&w, 2));
    other.connect_ms = 400;
    world_start(&w, 1, other);
    CHECK(world_run(&w, both_given_up, 3000));
    world_wait(&w, 20);
    char *log = capture_end(old);
    if (knows_who)
        CHECK_TEXT(w.player[0].why[1].text, at_0);
    CHECK_TEXT(w.player[1].why[0].text, at_1);
    CHECK_TEXT(log, at_0);
    CHECK_TEXT(log, at_1);
    CHECK(w.player[0].downs[1] == 1 && w.player[1].downs[0] == 1);
    CHECK(w.player[0].ups[1] == 0 && w.player[1].ups[0] == 0);
    CHECK(w.player[0].is_up[2] && w.player[2].is_up[0]);
    free(log);
    world_fini(&w);
}

static void wrong_protocol(void)
{
    world_init(&w, 3, 0);
    struct mesh_conf c = world_conf(&w, 1);
    c.protocol = "sy-rep-ring";
    mismatch(c, 1, "party 1 at 127.0.0.1", "party 0 at 127.0.0.1");
    world_init(&w, 3, 0);
    c = world_conf(&w, 1);
    c.protocol = "sy-rep-ring";
    mismatch(c, 1, "it runs protocol sy-rep-ring, we run replicated-ring",
             "it runs protocol replicated-ring, we run sy-rep-ring");
}

static void wrong_parties(void)
{
    world_init(&w, 3, 0);
    struct mesh_conf c = world_conf(&w, 1);
    c.parties = 2;
    mismatch(c, 1, "it counts 2 parties, we count 3", "it counts 3 parties, we count 2");
}

static void wrong_digest(void)
{
    world_init(&w, 3, 0);
    struct mesh_conf c = world_conf(&w, 1);
    c.digest[0] = 0xd2;
    mismatch(c, 1, "(digest d2d1d1d1) differs from ours (d1d1d1d1)",
             "(digest d1d1d1d1) differs from ours (d2d1d1d1)");
}

static void wrong_certificate(void)
{
    /* The others list another certificate for party 1. */
    world_init(&w, 3, 0);
    struct cert *other = node_cert("other");
    struct mesh_conf c = world_conf(&w, 1);
    c.cert = other;
    c.party[1].fingerprint = cert_fingerprint(other);
    w.conf.connect_ms = 400;
    c.connect_ms = 400;
    int old = capture_begin();
    world_start(&w, 0, world_conf(&w, 0));
    world_start(&w, 2, world_conf(&w, 2));
    world_start(&w, 1, c);
    CHECK(world_run(&w, both_given_up, 3000));
    char *log = capture_end(old);
    CHECK_TEXT(log, cert_fingerprint(other));
    CHECK_TEXT(log, "which the configuration does not list");
    CHECK_TEXT(w.player[1].why[0].text, "it refused our certificate");
    CHECK_TEXT(w.player[1].why[0].text, cert_fingerprint(other));
    CHECK(w.player[0].is_up[2] && w.player[2].is_up[0]);
    free(log);
    world_fini(&w);

    /* Party 1 lists another one for party 0. */
    world_init(&w, 3, 0);
    c = world_conf(&w, 1);
    c.party[0].fingerprint = cert_fingerprint(other);
    char text[200];
    snprintf(text, sizeof text, "its certificate has the fingerprint %s, which",
             cert_fingerprint(w.keys.cert[0]));
    mismatch(c, 0, "it refused our certificate", text);
    cert_free(other);
}

static int client_down(struct world *world)
{
    return world->player[2].downs[0] == 1 && world->player[2].downs[1] == 1;
}

static int parties_up(struct world *a)
{
    return a->player[0].is_up[1];
}

static void unknown_client(void)
{
    world_init(&w, 2, 1);
    struct cert *other = node_cert("mallory");
    struct mesh_conf c = world_conf(&w, 2);
    c.cert = other;
    int old = capture_begin();
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    world_start(&w, 2, c);
    CHECK(world_run(&w, client_down, 3000));    /* at once */
    char *log = capture_end(old);
    CHECK_TEXT(w.player[2].why[0].text, "it refused our certificate");
    CHECK_EQ(count_in(log, "which the configuration does not list"), 2);
    CHECK(world_run(&w, parties_up, 3000));
    CHECK_EQ(w.player[0].ups[LINK_CLIENT], 0);
    free(log);
    world_fini(&w);
    cert_free(other);
}

static void nobody_there(void)
{
    world_init(&w, 2, 1);
    close(w.keys.listen_fd[0]);                 /* refuses connections */
    w.keys.listen_fd[0] = 0;
    w.conf.connect_ms = 150;
    int old = capture_begin();
    world_start(&w, 2, world_conf(&w, 2));
    struct mesh_conf c = world_conf(&w, 1);
    c.party[0].address = "no-such-host.invalid:7000";
    world_start(&w, 1, c);
    world_wait(&w, 400);
    free(capture_end(old));
    CHECK_EQ(w.player[2].downs[0], 1);
    CHECK_TEXT(w.player[2].why[0].text, "Connection refused");
    CHECK(w.player[2].is_up[1]);
    CHECK_EQ(w.player[1].downs[0], 1);
    CHECK_TEXT(w.player[1].why[0].text, "no-such-host.invalid");
    world_fini(&w);
}

/* Two processes with the key of party 1: the first keeps its place. */
static void same_key_twice(void)
{
    world_init(&w, 2, 0);
    for (unsigned i = 0; i < 2; i++)
        world_start(&w, i, world_conf(&w, i));
    CHECK(world_run(&w, world_is_up, 5000));
    struct mesh_conf c = world_conf(&w, 1);
    close(c.listen_fd);
    c.listen_fd = 0;
    c.listen = "127.0.0.1:0";
    c.connect_ms = 500;
    int old = capture_begin();
    struct player *twin = world_start(&w, 5, c);
    world_wait(&w, 700);
    char *log = capture_end(old);
    CHECK(mesh_port(twin->mesh) > 0);
    CHECK_EQ(twin->ups[0], 0);
    CHECK_EQ(twin->downs[0], 1);
    CHECK_TEXT(twin->why[0].text, "party 1 is connected already");
    CHECK_TEXT(log, "party 1 is connected already");
    CHECK(w.player[1].is_up[0] && w.player[1].downs[0] == 0 && w.player[0].downs[1] == 0);
    free(log);
    world_fini(&w);
}

/* Whether this machine can use an address at all: minimal ones have no IPv6, or no /etc/hosts. */
static int machine_knows(const char *host)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *a = NULL;
    int known = 0;
    if (getaddrinfo(host, "0", &hints, &a) != 0)
        return 0;
    for (const struct addrinfo *i = a; i != NULL; i = i->ai_next) {
        int fd = socket(i->ai_family, SOCK_STREAM, 0);
        known |= fd >= 0 && bind(fd, i->ai_addr, i->ai_addrlen) == 0;
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(a);
    return known;
}

static void names_and_ipv6(void)
{
    static const char *const hosts[] = { "[::1]", "localhost", "127.0.0.1" };
    static const char *const names[] = { "::1", "localhost", "127.0.0.1" };
    for (unsigned k = 0; k < 3; k++) {
        struct err e = { 0 };
        if (!machine_knows(names[k])) {
            printf("# this machine does not know %s\n", names[k]);
            continue;
        }
        char address[64];
        world_init(&w, 2, 0);
        struct mesh_conf c = world_conf(&w, 0);
        close(c.listen_fd);
        c.listen_fd = 0;
        c.listen = "*:0";
        struct mesh *probe = mesh_new(&c, w.loop, w.pool, &e);
        CHECK(probe != NULL);
        mesh_free(probe);
        world_start(&w, 0, c);
        snprintf(address, sizeof address, "%s:%u", hosts[k], mesh_port(w.player[0].mesh));
        c = world_conf(&w, 1);
        c.party[0].address = address;
        c.connect_ms = 2000;
        world_start(&w, 1, c);
        CHECK(world_run(&w, world_is_up, 2500));
        world_fini(&w);
    }
}

static void refuse_conf(struct mesh_conf c, const char *word)
{
    struct err e = { 0 };
    struct mesh *m = mesh_new(&c, w.loop, w.pool, &e);
    CHECK(m == NULL && e.code == ERR_USAGE);
    CHECK_TEXT(e.text, word);
    mesh_free(m);
}

static void bad_configurations(void)
{
    struct mesh_conf c;
    world_init(&w, 3, 2);
    refuse_conf((c = world_conf(&w, 1), c.parties = 5, c), "2 to 4 parties");
    refuse_conf((c = world_conf(&w, 1), c.self = 3, c), "no party 3");
    refuse_conf((c = world_conf(&w, 1), c.protocol = "", c), "protocol");
    refuse_conf((c = world_conf(&w, 1), c.cert = w.keys.cert[0], c), "the one listed for party 0");
    refuse_conf((c = world_conf(&w, 1), c.party[0].address = "here", c), "host:port");
    refuse_conf((c = world_conf(&w, 1), c.party[0].address = "::1:80", c), "[address]:port");
    refuse_conf((c = world_conf(&w, 1), c.party[0].address = "a:70000", c), "65535");
    refuse_conf((c = world_conf(&w, 1), c.party[0].address = "*:80", c), "cannot be reached");
    refuse_conf((c = world_conf(&w, 1), c.party[2].fingerprint = "sha256:0", c), "party 2 needs");
    refuse_conf((c = world_conf(&w, 1), c.party[2].fingerprint = c.party[0].fingerprint, c),
                "same fingerprint");
    refuse_conf((c = world_conf(&w, 1), c.congestion = "pigeons", c), "this kernel has: ");
    refuse_conf((c = world_conf(&w, 1), c.congestion = "sixteen_bytes_it", c), "no name");
    w.client[1].fingerprint = w.client[0].fingerprint;
    refuse_conf(world_conf(&w, 1), "alice and bob have the same fingerprint");
    w.client[1] = (struct mesh_client){ "", w.client[0].fingerprint };
    refuse_conf(world_conf(&w, 1), "client 1 needs a name");
    w.conf.client_count = 0;
    c = world_conf(&w, 0);
    close(c.listen_fd);
    c.listen_fd = 0;
    refuse_conf(c, "cannot listen on 127.0.0.1");       /* taken already */
    world_fini(&w);
}

/* Connections of this process, and how many of them have this congestion control. */
static unsigned connections_with(const char *name, unsigned *all)
{
    unsigned have = 0;
    *all = 0;
    for (int fd = 3; fd < 256; fd++) {
        char control[CONGESTION_NAME + 1] = { 0 };
        struct sockaddr_storage a;
        socklen_t n = sizeof a, length = CONGESTION_NAME;
        if (getpeername(fd, (struct sockaddr *)&a, &n) != 0 ||
            getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, &length) != 0)
            continue;
        (*all)++;
        have += strcmp(control, name) == 0;
    }
    return have;
}

/* Both ends of every link have what the configuration says, the accepted one, too; the kernel has
 * reno in any case, and another one is its default as a rule. */
static void congestion_control(void)
{
    const char *names[] = { "reno", NULL };
    char usual[CONGESTION_NAME];
    congestion_default(usual);
    for (unsigned k = 0; k < 2; k++) {
        unsigned all;
        world_init(&w, 2, 1);
        w.conf.congestion = names[k];
        for (unsigned i = 0; i < 3; i++)
            world_start(&w, i, world_conf(&w, i));
        CHECK(world_run(&w, world_is_up, 5000));
        CHECK_EQ(connections_with(k == 0 ? "reno" : usual, &all), all);
        CHECK_EQ(all, 2 * (1 + 2));
        world_fini(&w);
    }
}

/* The k-th allocation fails, for each k: no crash, no leak, an error or a working mesh. */
static void allocation_failures(void)
{
    unsigned failed_new = 0, worked = 0;
    for (long k = 1; k < 90; k += k < 30 ? 1 : 3) {
        struct err e = { 0 };
        struct mesh *m[2] = { NULL, NULL };
        world_init(&w, 2, 0);
        int old = capture_begin();
        mem_fail_at(k);
        for (unsigned i = 0; i < 2; i++) {
            struct mesh_conf c = world_conf(&w, i);
            struct player *p = &w.player[i];
            p->world = &w;
            p->self = (int)i;
            m[i] = p->mesh = mesh_new(&c, w.loop, w.pool, &e);
            if (m[i] == NULL)
                break;
            p->host = mesh_host(m[i]);
            p->host->events = &player_events;
            p->host->ctx = p;
            mesh_start(m[i], &e);
        }
        if (m[1] == NULL) {
            failed_new++;
            CHECK(e.code == ERR_FAILED && e.text[0] != '\0');
        } else {
            w.until = world_is_up;
            w.deadline = loop_now() + 3000000000u;
            w.poll.fire = world_poll;
            loop_arm(w.loop, &w.poll, 0);
            if (loop_run(w.loop, &e) == 0) {
                CHECK(!w.timed_out);            /* it tried again, and got through */
                worked++;
            }
        }
        mem_fail_at(0);
        loop_disarm(w.loop, &w.poll);
        free(capture_end(old));
        world_fini(&w);
    }
    printf("# %u meshes not made, %u worked in spite of a failure\n", failed_new, worked);
    CHECK(failed_new > 5 && worked > 5);
}

static void too_many_lanes(void)
{
    world_init(&w, 2, 0);
    w.conf.lanes = HELLO_LANES + 1;
    refuse_conf(world_conf(&w, 0), "at most 8 lanes");
    world_fini(&w);
}

/* What concerns the links, with several connections each. */
static void with_lanes(void)
{
    printf("# links of 3 connections\n");
    world_lanes = 3;
    CASE(start_in_any_order);
    CASE(sizes_both_ways);
    CASE(heartbeats_move_nothing);
    CASE(drop_says_why);
    CASE(no_room);
    CASE(arena_ends_first);
    CASE(restart);
    CASE(clients_come_and_go);
    CASE(stop_in_order);
    CASE(same_key_twice);
    CASE(allocation_failures);
}

int main(void)
{
    CASE(start_in_any_order);
    CASE(sizes_both_ways);
    CASE(illegal_sends);
    CASE(drop_says_why);
    CASE(no_room);
    CASE(arena_ends_first);
    CASE(restart);
    CASE(clients_come_and_go);
    CASE(stop_in_order);
    CASE(wrong_protocol);
    CASE(wrong_parties);
    CASE(wrong_digest);
    CASE(wrong_certificate);
    CASE(unknown_client);
    CASE(nobody_there);
    CASE(same_key_twice);
    CASE(names_and_ipv6);
    CASE(bad_configurations);
    CASE(congestion_control);
    CASE(allocation_failures);
    CASE(too_many_lanes);
    with_lanes();
    return check_done();
}
