#include "net/mesh_st.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_log.h"
#include "net/frame.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const uint64_t ms = 1000000u;

static struct mesh *mesh_of(struct host *h)
{
    return (struct mesh *)h;
}

/* The peer that serves the node, if its link is up. */
static struct peer *link_of(struct host *h, unsigned node)
{
    struct mesh *m = mesh_of(h);
    if (node >= m->count || m->node[node].link == NULL || !m->node[node].up)
        return NULL;
    return m->node[node].link;
}

static int host_send(struct host *h, unsigned node, struct message message)
{
    struct peer *p = link_of(h, node);
    if (message.type >= FRAME_HELLO || message.n > LINK_MESSAGE_MAX) {
        log_line(LOG_ERR, LOG_NET, "a message of type %u and %zu bytes cannot be sent",
                 message.type, message.n);
        p = NULL;
    }
    if (p != NULL)
        return lanes_send(&mesh_of(h)->node[node], message);
    arena_give(message.data);
    return ERR_PEER;
}

static size_t host_queued(struct host *h, unsigned node)
{
    struct peer *p = link_of(h, node);
    return p == NULL ? 0 : lanes_queued(&mesh_of(h)->node[node]);
}

static void host_drop(struct host *h, unsigned node, const char *why)
{
    struct peer *p = link_of(h, node);
    if (p != NULL)
        lanes_end(peer_owner(p), why);
}

static uint64_t host_now(struct host *h)
{
    (void)h;
    return loop_now();
}

static void host_arm(struct host *h, struct timer *t, uint64_t after_ns)
{
    loop_arm(mesh_of(h)->loop, t, after_ns);
}

static void host_disarm(struct host *h, struct timer *t)
{
    loop_disarm(mesh_of(h)->loop, t);
}

static void host_work(struct host *h, struct work *w)
{
    pool_submit(mesh_of(h)->pool, w);
}

static void host_read(struct host *h, struct file_read *f)
{
    files_read(mesh_of(h)->files, f);
}

static uint64_t host_wire(struct host *h, unsigned node)
{
    struct link_stats s;
    mesh_stats(mesh_of(h), node, &s);
    return s.wire_sent + s.wire_received;
}

static uint64_t host_moved(struct host *h, unsigned node)
{
    struct link_stats s;
    mesh_stats(mesh_of(h), node, &s);
    return s.moved;
}

static const struct host_ops mesh_ops = {
    .send = host_send,
    .queued = host_queued,
    .drop = host_drop,
    .now = host_now,
    .arm = host_arm,
    .disarm = host_disarm,
    .work = host_work,
    .read = host_read,
    .wire = host_wire,
    .moved = host_moved,
};

static int node_init(struct mesh *m, unsigned index, const char *name, const char *fingerprint,
                     struct err *e)
{
    struct node *n = &m->node[index];
    n->mesh = m;
    n->index = index;
    n->verdict.fire = mesh_verdict;
    n->redial.fire = node_redial;
    n->patience.fire = node_impatient;
    n->lookup.done = node_lookup_done;
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof n->name)
        return err_set(e, ERR_USAGE, "client %u needs a name of 1 to %zu bytes",
                       index - LINK_CLIENT, sizeof n->name - 1);
    snprintf(n->name, sizeof n->name, "%s", name);
    if (fingerprint == NULL || fingerprint_parse(n->digest, fingerprint) != 0)
        return err_set(e, ERR_USAGE, "%s needs a fingerprint (sha256: and 64 hexadecimal digits), "
                       "not \"%.80s\"", name, fingerprint != NULL ? fingerprint : "");
    for (unsigned i = 0; i < index; i++)
        if (m->node[i].mesh != NULL && memcmp(m->node[i].digest, n->digest, CERT_DIGEST) == 0)
            return err_set(e, ERR_USAGE, "%s and %s have the same fingerprint: each needs a key "
                           "of its own", m->node[i].name, name);
    n->known = 1;
    return lanes_init(n) == 0 ? 0 : err_set(e, ERR_FAILED, "no memory for the links");
}

static int party_init(struct mesh *m, unsigned index, const struct mesh_conf *c, struct err *e)
{
    struct node *n = &m->node[index];
    const char *address = c->party[index].address;
    char name[24];
    snprintf(name, sizeof name, "party %u", index);
    if (node_init(m, index, name, c->party[index].fingerprint, e) != 0)
        return e->code;
    int same = memcmp(n->digest, cert_digest(c->cert), CERT_DIGEST) == 0;
    if (same != ((int)index == c->self))
        return err_set(e, ERR_USAGE, same ? "our certificate is the one listed for %s, which we "
                       "are not" : "our certificate is not the one listed for %s", name);
    n->known = !same;
    n->dials = c->self == MESH_CLIENT || (int)index < c->self;
    if (!n->dials)
        return 0;
    if (address == NULL || strlen(address) >= sizeof n->address)
        return err_set(e, ERR_USAGE, "%s needs an address (host:port)", name);
    snprintf(n->address, sizeof n->address, "%s", address);
    if (addr_split(address, n->lookup.host, n->lookup.port, e) != 0)
        return err_prefix(e, "%s", name);
    if (n->lookup.host[0] == '\0' || strcmp(n->lookup.port, "0") == 0)
        return err_set(e, ERR_USAGE, "%s cannot be reached at %s: a host and a port are needed",
                       name, address);
    return 0;
}

static int check_conf(const struct mesh_conf *c, struct err *e)
{
    if (c->parties < 2 || c->parties > LINK_PARTIES)
        return err_set(e, ERR_USAGE, "there are 2 to %d parties, not %u", LINK_PARTIES, c->parties);
    if (c->self < MESH_CLIENT || c->self >= (int)c->parties)
        return err_set(e, ERR_USAGE, "there is no party %d among %u", c->self, c->parties);
    if (c->protocol == NULL || c->protocol[0] == '\0' || strlen(c->protocol) > 32)
        return err_set(e, ERR_USAGE, "the name of a protocol has 1 to 32 bytes");
    if (c->lanes > HELLO_LANES)
        return err_set(e, ERR_USAGE, "a link has at most %d lanes, not %u", HELLO_LANES, c->lanes);
    if (c->congestion != NULL && c->congestion[0] != '\0' &&
        congestion_check(c->congestion, e) != 0)
        return e->code;
    if (c->client_count > 65536)
        return err_set(e, ERR_USAGE, "%u clients are too many", c->client_count);
    return 0;
}

static void configure(struct mesh *m, const struct mesh_conf *c)
{
    m->host = (struct host){ .ops = &mesh_ops, .workers = pool_workers(m->pool) };
    m->self = c->self;
    m->parties = c->parties;
    m->lanes = c->lanes > 0 ? c->lanes : 1;
    m->half_open_max = c->half_open_max > 0 ? c->half_open_max : 64;
    m->clients_max = c->clients_max > 0 ? c->clients_max : c->client_count;
    if (c->congestion != NULL)
        snprintf(m->congestion, sizeof m->congestion, "%s", c->congestion);
    m->connect_ns = (c->connect_ms > 0 ? c->connect_ms : 60000) * ms;
    m->hello = (struct hello){
        .wire = HELLO_WIRE,
        .role = c->self == MESH_CLIENT ? HELLO_CLIENT : (uint8_t)c->self,
        .parties = (uint8_t)c->parties,
    };
    snprintf(m->hello.program, sizeof m->hello.program, "%s", PACKAGE_VERSION);
    snprintf(m->hello.protocol, sizeof m->hello.protocol, "%s", c->protocol);
    memcpy(m->hello.digest, c->digest, HELLO_DIGEST);
    m->peer = (struct peer_conf){
        .loop = m->loop,
        .events = &mesh_peer_events,
        .heartbeat_ns = (c->heartbeat_ms > 0 ? c->heartbeat_ms : 5000) * ms,
        .idle_ns = (c->idle_ms > 0 ? c->idle_ms : 30000) * ms,
        .setup_ns = (c->setup_ms > 0 ? c->setup_ms : 10000) * ms,
        .high = (c->high > 0 ? c->high : 64u << 20) / m->lanes,    /* of each */
        .low = (c->low > 0 ? c->low : 16u << 20) / m->lanes,
    };
}

static int nodes_init(struct mesh *m, const struct mesh_conf *c, struct err *e)
{
    for (unsigned i = 0; i < c->parties; i++)
        if (party_init(m, i, c, e) != 0)
            return e->code;
    for (unsigned i = 0; i < c->client_count && c->self != MESH_CLIENT; i++)
        if (node_init(m, LINK_CLIENT + i, c->clients[i].name, c->clients[i].fingerprint, e) != 0)
            return e->code;
    return 0;
}

static void mesh_stopped(struct later *job)
{
    struct mesh *m = mesh_member(job, offsetof(struct mesh, stopped));
    if (m->stop_done != NULL)
        m->stop_done(m->stop_ctx);
}

/* Without a ring everything goes another way; that is said once. */
static void open_ring(struct mesh *m, int links)
{
    struct err why;
    m->ring = ring_new(m->loop, &why);
    if (m->ring == NULL)
        log_line(links ? LOG_NOTICE : LOG_INFO, LOG_NET, "%s; worker threads read the files%s",
                 why.text, links ? ", and links use epoll" : "");
    if (m->ring == NULL || !links)
        return;
    m->peer.ring = m->ring;
    if (ring_stock(m->ring) != 0)
        log_line(LOG_INFO, LOG_NET, "this kernel's io_uring has no stock of buffers; each link "
                 "has one of its own");
}

static int open_resources(struct mesh *m, const struct mesh_conf *c, struct err *e)
{
    const char *listen = c->listen != NULL || c->self == MESH_CLIENT ? c->listen
        : c->party[c->self].address;
    if ((m->arena = arena_new(0)) == NULL)
        return err_set(e, ERR_FAILED, "no memory for the links");
    if ((m->tls = tls_ctx_new(c->cert, e)) == NULL)
        return e->code;
    open_ring(m, c->uring);
    if ((m->files = files_new(m->loop, m->pool, m->ring, e)) == NULL)
        return e->code;
    m->peer.arena = m->arena;
    m->peer.tls = m->tls;
    if (RAND_bytes(m->hello.run, HELLO_RUN) != 1)
        return err_set(e, ERR_FAILED, "no randomness for the hello");
    if (c->self == MESH_CLIENT)
        return 0;
    if (listen == NULL && c->listen_fd <= 0)
        return err_set(e, ERR_USAGE, "party %d needs an address to listen on", c->self);
    m->listen_taken = 1;
    m->listener = listener_new(m->loop, listen, c->listen_fd, e);
    return m->listener == NULL ? e->code : 0;
}

struct mesh *mesh_new(const struct mesh_conf *c, struct loop *l, struct pool *p, struct err *e)
{
    struct err ignored;
    struct mesh *m = NULL;
    e = e != NULL ? e : &ignored;
    if (check_conf(c, e) != 0)
        goto fail;
    unsigned count = LINK_CLIENT + (c->self == MESH_CLIENT ? 0 : c->client_count);
    m = mem_new(1, sizeof *m + count * sizeof m->node[0]);
    if (m == NULL) {
        err_set(e, ERR_FAILED, "no memory for the links");
        goto fail;
    }
    m->loop = l;
    m->pool = p;
    m->count = count;
    m->stopped.run = mesh_stopped;
    configure(m, c);
    if (nodes_init(m, c, e) == 0 && open_resources(m, c, e) == 0)
        return m;
fail:
    if (c->listen_fd > 0 && (m == NULL || !m->listen_taken))
        close(c->listen_fd);
    mesh_free(m);
    return NULL;
}

struct host *mesh_host(struct mesh *m)
{
    return &m->host;
}

int mesh_start(struct mesh *m, struct err *e)
{
    if (m->listener != NULL && listener_start(m->listener, mesh_accepted, m, e) != 0)
        return e != NULL ? e->code : ERR_FAILED;
    if (m->listener != NULL)
        log_line(LOG_INFO, LOG_NET, "listening on %s", listener_address(m->listener));
    for (unsigned i = 0; i < m->parties; i++) {
        struct node *n = &m->node[i];
        if (!n->known)
            continue;
        loop_arm(m->loop, &n->patience, m->connect_ns);
        if (n->dials)
            loop_arm(m->loop, &n->redial, 0);
    }
    return 0;
}

/* Stops what would make new links. */
static void mesh_quieten(struct mesh *m)
{
    listener_free(m->listener);
    m->listener = NULL;
    for (unsigned i = 0; i < m->count; i++) {
        struct node *n = &m->node[i];
        loop_disarm(m->loop, &n->patience);
        loop_disarm(m->loop, &n->redial);
        loop_disarm(m->loop, &n->verdict);
        lookup_cancel(&n->lookup, m->pool);
    }
}

void mesh_stop(struct mesh *m, const char *why, void (*done)(void *ctx), void *ctx)
{
    m->stop_done = done;
    m->stop_ctx = ctx;
    if (!m->stopping) {
        m->stopping = 1;
        mesh_quieten(m);
        for (struct contact *c = m->contacts; c != NULL; c = c->next)
            peer_drop(c->peer, why);
    }
    if (m->contacts == NULL)
        loop_later(m->loop, &m->stopped);
}

void mesh_free(struct mesh *m)
{
    if (m == NULL)
        return;
    m->stopping = 1;
    mesh_quieten(m);
    loop_never(&m->stopped);
    for (struct contact *c = m->contacts, *next; c != NULL; c = next) {
        next = c->next;
        peer_drop(c->peer, "the program there has ended");
        peer_flush(c->peer);
        peer_free(c->peer);
        mem_free(c);
    }
    files_free(m->files);
    ring_free(m->ring);
    tls_ctx_free(m->tls);
    arena_free(m->arena);
    for (unsigned i = 0; i < m->count; i++) {
        wipe(m->node[i].info.secret, LINK_SECRET);
        mem_free(m->node[i].slot);
    }
    mem_free(m);
}

unsigned mesh_port(const struct mesh *m)
{
    return m->listener == NULL ? 0 : listener_port(m->listener);
}

const char *mesh_node_name(const struct mesh *m, unsigned node)
{
    return node < m->count && m->node[node].mesh != NULL ? m->node[node].name : NULL;
}

void mesh_stats(const struct mesh *m, unsigned node, struct link_stats *s)
{
    *s = (struct link_stats){ 0 };
    if (node >= m->count)
        return;
    *s = m->node[node].past;
    for (const struct contact *c = m->contacts; c != NULL; c = c->next)
        if (c->node == &m->node[node])
            peer_add_stats(c->peer, s);
}
