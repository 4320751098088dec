/*
 * Links of several connections: what goes where, in which order it comes, and what becomes of them
 * when one is lost. Party 1 reaches party 0 through a relay, a thread that gives every connection a
 * pace of its own and can cut one.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "net/mesh_st.h"
#include "tests/mesh_world.h"

enum { PAIRS = 64, STREAMS = 40, ROUNDS = 12, TOTAL = STREAMS * ROUNDS };

static struct world w;

/* ---- the relay ---- */

struct relay {
    pthread_t thread;
    int listen_fd, fd[PAIRS][2];
    char to[32];
    unsigned pairs;
    atomic_int slow;            /* this connection, counted from 0, and no other is slow */
    atomic_int cut;             /* this one is to be cut; -1: none */
    atomic_int over;
};

static struct relay relay;

static void relay_accept(struct relay *r)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    a.sin_port = htons((uint16_t)atoi(strchr(r->to, ':') + 1));
    int *fd = r->fd[r->pairs];
    fd[0] = accept(r->listen_fd, NULL, NULL);
    fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd[0] < 0 || connect(fd[1], (struct sockaddr *)&a, sizeof a) != 0 || ++r->pairs == PAIRS)
        exit(1);
}

static void relay_cut(struct relay *r, unsigned i)
{
    for (unsigned k = 0; k < 2; k++) {
        if (r->fd[i][k] >= 0)
            close(r->fd[i][k]);
        r->fd[i][k] = -1;
    }
}

/* Some bytes of one connection, one way. */
static void relay_carry(struct relay *r, unsigned i, unsigned way)
{
    static char b[65536];
    int slow = atomic_load(&r->slow) == (int)i;
    ssize_t n = recv(r->fd[i][way], b, slow ? 512 : sizeof b, MSG_DONTWAIT);
    for (ssize_t at = 0, k = 0; at < n && k >= 0; at += k)
        k = send(r->fd[i][1 - way], b + at, (size_t)(n - at), MSG_NOSIGNAL);
    if (n == 0)
        relay_cut(r, i);
}

static void *relay_main(void *arg)
{
    struct relay *r = arg;
    while (!atomic_load(&r->over)) {
        struct pollfd p = { .fd = r->listen_fd, .events = POLLIN };
        while (poll(&p, 1, 0) > 0)
            relay_accept(r);
        int cut = atomic_exchange(&r->cut, -1);
        if (cut >= 0)
            relay_cut(r, (unsigned)cut);
        for (unsigned i = 0; i < r->pairs; i++)
            for (unsigned way = 0; way < 2 && r->fd[i][0] >= 0; way++)
                relay_carry(r, i, way);
        usleep(200);
    }
    for (unsigned i = 0; i < r->pairs; i++)
        relay_cut(r, i);
    close(r->listen_fd);
    return NULL;
}

/* Two parties with the relay between them, and their link up. */
static void begin(unsigned lanes)
{
    static char address[32];
    world_lanes = lanes;
    world_init(&w, 2, 0);
    relay = (struct relay){ .slow = -1, .cut = -1 };
    memcpy(relay.to, w.keys.address[0], sizeof relay.to);
    relay.listen_fd = node_listen(address);
    if (pthread_create(&relay.thread, NULL, relay_main, &relay) != 0)
        exit(1);
    struct mesh_conf c = world_conf(&w, 1);
    c.party[0].address = address;
    world_start(&w, 0, world_conf(&w, 0));
    world_start(&w, 1, c);
    CHECK(world_run(&w, world_is_up, 5000));
    world_wait(&w, 30);         /* the first answer comes */
}

static void end(void)
{
    for (unsigned i = 0; i < 2; i++)
        player_stop(&w.player[i]);
    atomic_store(&relay.over, 1);
    pthread_join(relay.thread, NULL);
    world_fini(&w);
}

/* ---- order ---- */

struct arrivals {
    uint32_t next[STREAMS + 1]; /* the number in its stream of the message that is due */
    uint32_t last;              /* of those of all streams, the last to come */
    unsigned count, disordered, overtaken;
};

static struct arrivals got;

static void on_message(void *ctx, unsigned node, struct message m)
{
    (void)ctx, (void)node;
    got.disordered += m.stream > STREAMS || m.seq != got.next[m.stream];
    got.next[m.stream]++;
    got.overtaken += m.depth < got.last;
    got.last = m.depth;
    got.count++;
    arena_give(m.data);
}

static const struct host_events arrivals_events = {
    player_up, player_down, player_room, on_message, player_drained
};

static int all_came(struct world *world)
{
    (void)world;
    return got.count == TOTAL + ROUNDS;
}

/* Messages of 0 to 60,000 bytes of many streams in turn, and some of stream 0 between them. Depth
 * counts them. */
static void send_streams(struct player *p, uint64_t *seed)
{
    uint16_t depth = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t s = 0; s <= STREAMS; s++) {
            struct message m = { .type = 3, .stream = s, .job = 77, .seq = i, .depth = depth++,
                                 .n = check_random(seed) % 60000 };
            m.n = m.n % 5 == 0 ? 0 : m.n;
            m.data = m.n == 0 ? NULL : arena_take(p->arena, m.n);
            if (m.data != NULL)
                memset(m.data, 7, m.n);
            CHECK_EQ(p->host->ops->send(p->host, 0, m), 0);
        }
        world_wait(&w, 3);
    }
}

/* Messages that went over each connection of party 1 to party 0. */
static unsigned lanes_used(uint64_t sent[static HELLO_LANES])
{
    unsigned used = 0;
    memset(sent, 0, HELLO_LANES * sizeof sent[0]);
    for (const struct contact *c = w.player[1].mesh->contacts; c != NULL; c = c->next) {
        struct link_stats s = { 0 };
        peer_add_stats(c->peer, &s);
        sent[c->number] = s.messages_sent;
        used += s.messages_sent > 0;
    }
    return used;
}

static void streams_keep_order(void)
{
    uint64_t seed = 4242, sent[HELLO_LANES];
    printf("# seed 4242\n");
    for (unsigned lanes = 1; lanes <= 4; lanes++)
        for (int slow = -1; slow < (int)lanes; slow++) {
            struct link_stats s;
            begin(lanes);
            atomic_store(&relay.slow, slow);
            w.player[0].host->events = &arrivals_events;
            got = (struct arrivals){ 0 };
            send_streams(&w.player[1], &seed);
            atomic_store(&relay.slow, -1);
            CHECK(world_run(&w, all_came, 10000));
            CHECK_EQ(got.disordered, 0);
            CHECK_EQ(lanes_used(sent), lanes);
            CHECK(sent[0] >= ROUNDS);
            if (lanes > 1 && slow >= 0)
                CHECK(got.overtaken > 0);       /* or else nothing was tried */
            mesh_stats(w.player[1].mesh, 0, &s);
            CHECK_EQ(s.messages_sent, TOTAL + ROUNDS);
            CHECK_EQ(w.player[0].downs[1], 0);
            end();
        }
}

static int has_three(struct world *world)
{
    return got.count == 3 && peer_answers(world->player[1].mesh->node[0].link) > 0;
}

/* An older gate passes a question with the messages before it, and no other does. */
static void questions_are_no_barrier(void)
{
    begin(1);
    struct player *p = &w.player[1];
    w.player[0].host->events = &arrivals_events;
    got = (struct arrivals){ 0 };
    for (uint16_t depth = 1; depth <= 3; depth++) {
        struct message m = { .type = 3, .stream = depth == 2 ? 5 : 9, .job = 77, .n = 1000,
                             .seq = depth == 3, .depth = depth };
        m.data = arena_take(p->arena, m.n);
        memset(m.data, 7, m.n);
        if (depth == 2)
            peer_probe(p->mesh->node[0].link);
        CHECK_EQ(p->host->ops->send(p->host, 0, m), 0);
    }
    CHECK(world_run(&w, has_three, 5000));
    CHECK_EQ(got.disordered, 0);
    CHECK_EQ(got.overtaken, 1);         /* 2, 1, 3 */
    end();
}

/* ---- losing one ---- */

static int back_again(struct world *world)
{
    return world->player[0].ups[1] == 2 && world->player[1].ups[0] == 2;
}

static unsigned contacts(const struct mesh *m)
{
    unsigned n = 0;
    for (const struct contact *c = m->contacts; c != NULL; c = c->next)
        n++;
    return n;
}

static int only_the_new(struct world *world)
{
    return contacts(world->player[0].mesh) == 4 && contacts(world->player[1].mesh) == 4;
}

static void one_is_cut(void)
{
    for (int cut = 0; cut < 4; cut++) {
        begin(4);
        int old = capture_begin();
        atomic_store(&relay.cut, cut);
        CHECK(world_run(&w, back_again, 5000));
        char *log = capture_end(old);
        CHECK_EQ(w.player[0].downs[1], 1);
        CHECK_EQ(w.player[1].downs[0], 1);
        CHECK(strstr(w.player[0].why[1].text, "was cut off") != NULL ||
              strstr(w.player[1].why[0].text, "was cut off") != NULL);
        CHECK_EQ(count_in(log, "\n"), 2);
        free(log);
        CHECK(world_run(&w, only_the_new, 5000));
        end();
    }
}

/* ---- the two ends do not agree ---- */

static int both_know(struct world *world)
{
    return world->player[0].downs[1] > 0 && world->player[1].downs[0] > 0;
}

static void counts_differ(void)
{
    world_lanes = 2;
    world_init(&w, 2, 0);
    w.conf.connect_ms = 300;
    struct mesh_conf c = world_conf(&w, 1);
    c.lanes = 3;
    int old = capture_begin();
    world_start(&w, 0, world_conf(&w, 0));
    world_start(&w, 1, c);
    CHECK(world_run(&w, both_know, 3000));
    free(capture_end(old));
    CHECK_TEXT(w.player[0].why[1].text, "it makes links of 3 connections, we of 2");
    CHECK_TEXT(w.player[1].why[0].text, "it makes links of 2 connections, we of 3");
    CHECK(w.player[0].ups[1] == 0 && w.player[1].ups[0] == 0);
    world_fini(&w);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    CASE(streams_keep_order);
    CASE(questions_are_no_barrier);
    CASE(one_is_cut);
    CASE(counts_differ);
    return check_done();
}
