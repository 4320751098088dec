/*
 * test_node.c: what a node that src/node.c makes of its settings tells others before any job: a
 * build that does not agree on the roles' messages is refused, with a line that says so.
 */
#include "mesh_world.h"
#include "src/node.h"
#include "src/wire.h"

static struct world world;          /* parties 0 to 2, and Alice; only Alice is by hand */

static void text_set(char *out, size_t room, const char *value)
{
    snprintf(out, room, "%s", value);
}

/* The settings of party 0, with a key in the folder. */
static void party_settings(struct settings *s, const char *folder)
{
    char fingerprint[CERT_FINGERPRINT];
    struct err e = { 0 };
    settings_init(s);
    s->party = 1;
    snprintf(s->key, sizeof s->key, "%s/key", folder);
    snprintf(s->certificate, sizeof s->certificate, "%s/crt", folder);
    CHECK_EQ(cert_generate("party0", s->key, s->certificate, fingerprint, &e), 0);
    text_set(s->protocol, sizeof s->protocol, "replicated-ring");
    text_set(s->listen, sizeof s->listen, world.keys.address[0]);
    text_set(s->peer[0].fingerprint, sizeof s->peer[0].fingerprint, fingerprint);
    for (unsigned i = 1; i < world.parties; i++) {
        text_set(s->peer[i].address, sizeof s->peer[i].address, world.keys.address[i]);
        text_set(s->peer[i].fingerprint, sizeof s->peer[i].fingerprint,
                 cert_fingerprint(world.keys.cert[i]));
    }
    s->nclient = 1;
    text_set(s->allowed[0].name, sizeof s->allowed[0].name, "alice");
    text_set(s->allowed[0].fingerprint, sizeof s->allowed[0].fingerprint,
             cert_fingerprint(world.keys.cert[3]));
}

static unsigned node_ups;

static void node_up(void *ctx, unsigned node, const struct node_info *info)
{
    (void)ctx;
    (void)info;
    node_ups += node == LINK_CLIENT;
}

static void node_down(void *ctx, unsigned node, const struct err *why)
{
    (void)ctx;
    (void)node;
    (void)why;
}

static int answered(struct world *w)
{
    const struct player *alice = &w->player[3];
    return alice->downs[0] > 0 || (alice->ups[0] > 0 && node_ups > 0);
}

/* Alice with this digest meets the node; *alice tells what came of it. */
static void meet(const struct settings *s, const uint8_t digest[static WIRE_DIGEST],
                 struct player *alice)
{
    static const struct host_events events = { .up = node_up, .down = node_down };
    struct loop *loop = world.loop;
    struct pool *pool = world.pool;
    struct mesh_conf c = world_conf(&world, 3);
    struct node n;
    struct err e = { 0 };
    node_ups = 0;
    CHECK_EQ(node_open(&n, s, dup(world.keys.listen_fd[0]), &e), 0);
    if (e.code != 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    n.host->events = &events;
    CHECK_EQ(mesh_start(n.mesh, &e), 0);
    world.loop = n.loop;
    world.pool = n.pool;
    c.party[0].fingerprint = s->peer[0].fingerprint;
    memcpy(c.digest, digest, WIRE_DIGEST);
    world_start(&world, 3, c);
    CHECK(world_run(&world, answered, 10000));
    *alice = world.player[3];
    player_stop(&world.player[3]);
    node_close(&n);
    world.loop = loop;
    world.pool = pool;
}

static void test_skew(void)
{
    struct settings s;
    struct player alice;
    struct err e;
    char folder[64];
    uint8_t digest[WIRE_DIGEST];
    node_folder(folder);
    party_settings(&s, folder);
    CHECK_EQ(wire_digest(digest, &protocol_replicated, &e), 0);

    meet(&s, digest, &alice);
    CHECK_EQ(alice.ups[0], 1);
    CHECK_EQ(node_ups, 1);
    for (unsigned i = 0; i < 3; i++) {      /* one bit; nothing at all; another setting */
        struct protocol other = protocol_replicated;
        other.name = "sy-rep-ring";
        CHECK_EQ(wire_digest(digest, &protocol_replicated, &e), 0);
        digest[31] ^= 1;
        if (i == 1)
            memset(digest, 0, sizeof digest);
        if (i == 2)
            CHECK_EQ(wire_digest(digest, &other, &e), 0);
        meet(&s, digest, &alice);
        CHECK_EQ(alice.ups[0], 0);
        CHECK_EQ(node_ups, 0);
        CHECK_EQ(alice.why[0].code, ERR_PEER);
        CHECK_TEXT(alice.why[0].text, "party 0");
        CHECK_TEXT(alice.why[0].text, "install the same obscura on all");
    }
    unlink(s.key);
    unlink(s.certificate);
    rmdir(folder);
}

int main(void)
{
    log_configure("error");
    world_init(&world, 3, 1);
    CASE(test_skew);
    world_fini(&world);
    return check_done();
}
