/*
 * mesh_world.h: several meshes in one process on one loop, and what happened to them. With
 * WORLD_URING their links go over io_uring.
 */
#ifndef OB_TESTS_MESH_WORLD_H
#define OB_TESTS_MESH_WORLD_H

#include <fcntl.h>
#include <unistd.h>

#include "net/base_log.h"
#include "net/mesh.h"
#include "tests/check.h"
#include "tests/node.h"

#ifndef WORLD_URING
#define WORLD_URING 0
#endif

enum { WORLD_NODES = 8, WORLD_LINKS = LINK_CLIENT + 8 };

struct world;

struct player {
    struct world *world;
    int self;
    struct mesh *mesh;
    struct host *host;
    struct arena *arena;
    int is_up[WORLD_LINKS];
    unsigned ups[WORLD_LINKS], downs[WORLD_LINKS], drains[WORLD_LINKS];
    struct err why[WORLD_LINKS];
    struct node_info info[WORLD_LINKS];
    unsigned messages[WORLD_LINKS];
    uint64_t bytes[WORLD_LINKS];
    unsigned bad;               /* payloads that were not what was sent */
    int refuse_room;
    unsigned (*more)(struct player *p, unsigned node);
};

struct world {
    struct loop *loop;
    struct pool *pool;
    struct node_conf keys;      /* parties first, then clients */
    unsigned parties, clients;
    struct mesh_client client[WORLD_NODES];
    struct mesh_conf conf;      /* what all share */
    struct player player[WORLD_NODES];
    struct timer poll;
    int (*until)(struct world *w);
    uint64_t deadline;
    int timed_out;
};

/* Connections of a link, of all worlds from the next on; 0: 1. */
static unsigned world_lanes;

/* A payload can be told from its header alone. */
static inline void payload_fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(seed + i * 131 + (i >> 8));
}

static inline int payload_is(const uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != (uint8_t)(seed + i * 131 + (i >> 8)))
            return 0;
    return 1;
}

static inline void player_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct player *p = ctx;
    CHECK(!p->is_up[node]);
    p->is_up[node] = 1;
    p->ups[node]++;
    p->info[node] = *info;
}

static inline void player_down(void *ctx, unsigned node, const struct err *why)
{
    struct player *p = ctx;
    p->is_up[node] = 0;
    p->downs[node]++;
    p->why[node] = *why;
    CHECK(why->code != 0 && why->text[0] != '\0' && strchr(why->text, '\n') == NULL);
}

static inline uint8_t *player_room(void *ctx, unsigned node, const struct message *head,
                                   struct err *why)
{
    struct player *p = ctx;
    CHECK(p->is_up[node] && head->n > 0);
    if (!p->refuse_room)
        return arena_take(p->arena, head->n);
    err_set(why, ERR_ABORT, "there is no gate %u", head->stream);
    return NULL;
}

static inline void player_message(void *ctx, unsigned node, struct message m)
{
    struct player *p = ctx;
    CHECK(p->is_up[node] && m.seq == p->messages[node]);
    if (!payload_is(m.data, m.n, m.job + m.seq) || (m.n == 0) != (m.data == NULL))
        p->bad++;
    p->messages[node]++;
    p->bytes[node] += m.n;
    arena_give(m.data);
}

static inline void player_drained(void *ctx, unsigned node)
{
    struct player *p = ctx;
    p->drains[node]++;
    if (p->more != NULL)
        p->more(p, node);
}

static const struct host_events player_events = {
    player_up, player_down, player_room, player_message, player_drained
};

static inline int player_send(struct player *p, unsigned node, uint32_t seq, size_t n)
{
    struct message m = { .type = (uint8_t)(seq % 240), .depth = (uint16_t)seq, .stream = 7,
                         .job = 0x9e3779b97f4a7c15u, .seq = seq, .n = n };
    if (n > 0 && (m.data = arena_take(p->arena, n)) == NULL)
        return -1;
    payload_fill(m.data, n, m.job + seq);
    return p->host->ops->send(p->host, node, m);
}

/* Keys, addresses and the shared configuration of parties and clients. */
static inline void world_init(struct world *w, unsigned parties, unsigned clients)
{
    struct err e = { 0 };
    memset(w, 0, sizeof *w);
    w->parties = parties;
    w->clients = clients;
    if (node_conf_init(&w->keys, parties + clients) != 0)
        exit(1);
    w->loop = loop_new(&e);
    w->pool = pool_new(w->loop, 2, &e);
    w->conf = (struct mesh_conf){ .protocol = "replicated-ring", .parties = parties,
                                  .client_count = clients, .clients = w->client,
                                  .connect_ms = 5000, .lanes = world_lanes,
                                  .uring = WORLD_URING };
    for (unsigned i = 0; i < parties; i++)
        w->conf.party[i] = (struct mesh_party){ w->keys.address[i],
                                                cert_fingerprint(w->keys.cert[i]) };
    for (unsigned i = 0; i < clients; i++) {
        static const char *const names[] = { "alice", "bob", "carol", "dave" };
        w->client[i] = (struct mesh_client){ names[i],
                                             cert_fingerprint(w->keys.cert[parties + i]) };
    }
    memset(w->conf.digest, 0xd1, sizeof w->conf.digest);
}

/* The configuration of one node: parties 0 .., then clients. */
static inline struct mesh_conf world_conf(struct world *w, unsigned index)
{
    struct mesh_conf c = w->conf;
    c.self = index < w->parties ? (int)index : MESH_CLIENT;
    c.cert = w->keys.cert[index];
    if (index < w->parties && w->keys.listen_fd[index] > 0)
        c.listen_fd = dup(w->keys.listen_fd[index]);
    return c;
}

static inline struct player *world_start(struct world *w, unsigned index, struct mesh_conf c)
{
    struct player *p = &w->player[index];
    struct err e = { 0 };
    memset(p, 0, sizeof *p);
    p->world = w;
    p->self = c.self;
    p->arena = arena_new(0);
    p->mesh = mesh_new(&c, w->loop, w->pool, &e);
    CHECK(p->mesh != NULL);
    if (p->mesh == NULL) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    p->host = mesh_host(p->mesh);
    p->host->events = &player_events;
    p->host->ctx = p;
    CHECK_EQ(mesh_start(p->mesh, &e), 0);
    return p;
}

static inline void player_stop(struct player *p)
{
    mesh_free(p->mesh);
    arena_free(p->arena);
    p->mesh = NULL;
    p->arena = NULL;
}

static inline void world_fini(struct world *w)
{
    for (unsigned i = 0; i < WORLD_NODES; i++)
        player_stop(&w->player[i]);
    pool_free(w->pool);
    loop_free(w->loop);
    for (unsigned i = 0; i < w->keys.count; i++)
        if (w->keys.listen_fd[i] > 0)
            close(w->keys.listen_fd[i]);
    node_conf_fini(&w->keys);
}

static inline void world_poll(struct timer *t)
{
    struct world *w = (struct world *)((char *)t - offsetof(struct world, poll));
    if (w->until != NULL && w->until(w)) {
        loop_stop(w->loop);
    } else if (loop_now() > w->deadline) {
        w->timed_out = 1;
        loop_stop(w->loop);
    } else {
        loop_arm(w->loop, t, 1000000);
    }
}

/* Runs until `until` holds; 0 if it did not within the time. */
static inline int world_run(struct world *w, int (*until)(struct world *w), unsigned ms)
{
    struct err e = { 0 };
    w->until = until;
    w->deadline = loop_now() + ms * 1000000ull;
    w->timed_out = 0;
    w->poll.fire = world_poll;
    loop_arm(w->loop, &w->poll, 0);
    CHECK_EQ(loop_run(w->loop, &e), 0);
    loop_disarm(w->loop, &w->poll);
    return !w->timed_out;
}

/* Runs for a while. */
static inline void world_wait(struct world *w, unsigned ms)
{
    world_run(w, NULL, ms);
}

/* Whether all nodes that exist have all their links. */
static inline int world_is_up(struct world *w)
{
    for (unsigned i = 0; i < w->parties + w->clients; i++) {
        const struct player *p = &w->player[i];
        for (unsigned k = 0; k < w->parties && p->mesh != NULL; k++)
            if ((int)k != p->self && w->player[k].mesh != NULL && !p->is_up[k])
                return 0;
        for (unsigned k = 0; k < w->clients && p->mesh != NULL && p->self >= 0; k++)
            if (w->player[w->parties + k].mesh != NULL && !p->is_up[LINK_CLIENT + k])
                return 0;
    }
    return 1;
}

/* Standard error goes to a file meanwhile; the lines that came are given back, to be freed. */
static inline int capture_begin(void)
{
    fflush(stderr);
    int old = dup(STDERR_FILENO);
    char path[] = "/tmp/obscura-log-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    close(fd);
    return old;
}

static inline char *capture_end(int old)
{
    off_t n = lseek(STDERR_FILENO, 0, SEEK_END);
    char *text = calloc(1, (size_t)n + 1);
    if (text == NULL || pread(STDERR_FILENO, text, (size_t)n, 0) != n)
        exit(1);
    dup2(old, STDERR_FILENO);
    close(old);
    return text;
}

static inline unsigned count_in(const char *text, const char *what)
{
    unsigned count = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        count++;
    return count;
}

#define CHECK_TEXT(text, what)                                                          \
    do {                                                                                \
        CHECK(strstr(text, what) != NULL);                                              \
        if (strstr(text, what) == NULL)                                                 \
            fprintf(stderr, "\"%s\" is not in: %s\n", what, text);                      \
    } while (0)

#endif
