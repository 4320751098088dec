/*
 * Which peer serves which node: who is let in, what happens when two connections claim the same
 * identity, and what the host is told.
 */
#include "net/mesh_st.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base_log.h"

enum { LINES = 20 };            /* about strangers, in LINES_NS */

static const uint64_t lines_ns = 10000000000u;
static const uint64_t probe_ns = 2000000000u;       /* a link that is alive answers within */
static const uint64_t probe_step_ns = 50000000u;

int mesh_contact(struct mesh *m, int fd, const char *where, struct node *node,
                 struct contact *first, unsigned number)
{
    const int on = 1, unsent = CARRIER_UNSENT;
    struct contact *c = mem_new(1, sizeof *c);
    if (c == NULL) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (m->congestion[0] != '\0')
        congestion_set(fd, m->congestion);
    *c = (struct contact){ .mesh = m, .node = node, .next = m->contacts, .conf = m->peer,
                           .number = number, .first = first != NULL ? first : c };
    c->conf.hello = &c->hello;
    if (lanes_hello(c) != 0)
        close(fd);
    else
        c->peer = peer_new(&c->conf, fd, node != NULL, where, c);
    if (c->peer == NULL) {
        mem_free(c);
        return -1;
    }
    c->first->lane[number] = c->peer;
    if (c->next != NULL)
        c->next->prev = c;
    m->contacts = c;
    if (node != NULL) {
        peer_set_name(c->peer, node->name);
        node->link = c->first->peer;
    } else {
        m->half_open++;
    }
    return 0;
}

static void contact_free(struct contact *c)
{
    struct mesh *m = c->mesh;
    *(c->prev != NULL ? &c->prev->next : &m->contacts) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->node != NULL)
        peer_add_stats(c->peer, &c->node->past);
    else
        m->half_open--;
    if (c->first == c)
        lanes_drop(c);
    peer_free(c->peer);
    mem_free(c);
}

/* One line about somebody whom we do not serve, unless there were too many of late. */
static void log_stranger(struct mesh *m, const char *text)
{
    uint64_t now = loop_now();
    if (now - m->lines_since > lines_ns) {
        if (m->lines > LINES)
            log_line(LOG_WARN, LOG_NET, "%u more connections were refused", m->lines - LINES);
        m->lines_since = now;
        m->lines = 0;
    }
    if (m->lines++ < LINES)
        log_line(LOG_WARN, LOG_NET, "refused a connection: %s", text);
}

/* Those that stand longest without having agreed make room for new ones: honest nodes need
 * milliseconds. */
static void evict_oldest(struct mesh *m)
{
    struct contact *oldest = NULL;
    char text[300];
    for (struct contact *c = m->contacts; c != NULL; c = c->next)
        if (c->node == NULL)
            oldest = c;
    if (oldest == NULL)
        return;
    snprintf(text, sizeof text, "%s: too many connections are waiting to be agreed",
             peer_name(oldest->peer));
    log_stranger(m, text);
    contact_free(oldest);
}

void mesh_accepted(void *ctx, int fd, const char *from)
{
    struct mesh *m = ctx;
    if (m->half_open >= m->half_open_max)
        evict_oldest(m);
    if (mesh_contact(m, fd, from, NULL, NULL, 0) != 0)
        log_line(LOG_ERR, LOG_NET, "no memory for a connection from %s", from);
}

/* The node with this fingerprint, if it may dial us. */
static struct node *find_caller(struct mesh *m, const uint8_t digest[static CERT_DIGEST])
{
    for (unsigned i = 0; i < m->count; i++) {
        struct node *n = &m->node[i];
        if (n->known && !n->dials && memcmp(n->digest, digest, CERT_DIGEST) == 0)
            return n;
    }
    return NULL;
}

static int on_allowed(struct peer *p, const uint8_t digest[static CERT_DIGEST])
{
    struct contact *c = peer_owner(p);
    if (c->node != NULL)
        return memcmp(c->node->digest, digest, CERT_DIGEST) == 0;
    struct node *n = find_caller(c->mesh, digest);
    c->caller = n;
    if (n == NULL)
        return 0;
    peer_set_name(p, n->name);
    c->hello.lanes = (uint8_t)n->lanes;
    return 1;
}

static unsigned count_clients(const struct mesh *m)
{
    unsigned count = 0;
    for (unsigned i = LINK_CLIENT; i < m->count; i++)
        count += m->node[i].link != NULL;
    return count;
}

/* There is a link to the node already: it keeps its place if it gives a sign of life. */
static enum peer_verdict contest(struct node *n, struct peer *p, struct err *why)
{
    if (n->rival != NULL) {
        err_set(why, ERR_PEER, "%s is connecting already", n->name);
        return PEER_REFUSE;
    }
    n->rival = p;
    n->probed = loop_now();
    n->judged = n->probed + probe_ns;
    if (peer_state(n->link) == PEER_READY)
        peer_probe(n->link);
    loop_arm(n->mesh->loop, &n->verdict, probe_step_ns);
    return PEER_WAIT;
}

void mesh_verdict(struct timer *t)
{
    struct node *n = mesh_member(t, offsetof(struct node, verdict));
    struct err e;
    if (n->rival == NULL || n->link == NULL)
        return;
    if (peer_heard(n->link) > n->probed && peer_state(n->link) < PEER_CLOSING) {
        struct peer *p = n->rival;
        n->rival = NULL;
        err_set(&e, ERR_PEER, "%s is connected already: is a second one running with the same "
                "key?", n->name);
        peer_refuse(p, &e);
    } else if (loop_now() < n->judged) {
        loop_arm(n->mesh->loop, &n->verdict, probe_step_ns);
    } else {
        lanes_end(peer_owner(n->link), "it gave no sign of life and has connected anew");
    }
}

/* Is it in the role that its certificate has? */
static int check_role(const struct node *n, unsigned role, struct err *why)
{
    if (n != NULL && role == (n->index < LINK_CLIENT ? n->index : HELLO_CLIENT))
        return 0;
    return err_set(why, ERR_PEER, "the fingerprint is that of %s, but it says it is %s%.0u",
                   n != NULL ? n->name : "nobody", role == HELLO_CLIENT ? "a client" : "party ",
                   role == HELLO_CLIENT ? 0 : role);
}

static enum peer_verdict on_greeted(struct peer *p, const struct hello *theirs, struct err *why)
{
    struct contact *c = peer_owner(p);
    struct mesh *m = c->mesh;
    struct node *n = c->node != NULL ? c->node : c->caller;
    if (check_role(n, theirs->role, why) != 0)
        return PEER_REFUSE;
    if (c->node == NULL) {
        c->node = n;
        m->half_open--;
    }
    if (m->stopping) {
        err_set(why, ERR_PEER, "the party is being stopped");
        return PEER_REFUSE;
    }
    if (c->caller == NULL)
        return lanes_dialled(c, theirs, why);
    if (theirs->lane > 0)
        return lanes_join(c, theirs, why);
    memcpy(c->run, theirs->run, HELLO_RUN);
    if (n->link != NULL)
        return contest(n, p, why);
    if (n->index >= LINK_CLIENT && count_clients(m) >= m->clients_max) {
        err_set(why, ERR_PEER, "%u clients are connected, which is all that are allowed at a time: "
                "try again later", m->clients_max);
        return PEER_REFUSE;
    }
    n->link = p;
    return n->lanes == 1 ? PEER_ACCEPT : PEER_WAIT;
}

static void on_ready(struct peer *p)
{
    struct contact *c = peer_owner(p);
    struct node *n = c->node;
    struct mesh *m = c->mesh;
    if (c->number > 0) {
        if (c->first != NULL)
            lanes_try(c->first);
        return;
    }
    memset(&n->info, 0, sizeof n->info);
    snprintf(n->info.name, sizeof n->info.name, "%s", n->name);
    if (peer_secret(p, n->info.secret) != 0) {
        peer_drop(p, "no secret can be drawn from the link");
        return;
    }
    loop_disarm(m->loop, &n->patience);
    n->backoff = 0;
    n->up = 1;
    n->reported = 0;
    n->last = (struct err){ 0 };
    lanes_up(n);
    log_line(LOG_INFO, LOG_NET, "%s is connected", peer_name(p));
    m->host.events->up(m->host.ctx, n->index, &n->info);
}

static uint8_t *on_room(struct peer *p, const struct message *head, struct err *why)
{
    struct contact *c = peer_owner(p);
    const struct host *h = &c->mesh->host;
    if (!lanes_live(c)) {
        err_set(why, ERR_PEER, "the link that it is for is not up");
        return NULL;
    }
    return h->events->room(h->ctx, c->node->index, head, why);
}

static void on_message(struct peer *p, struct message message)
{
    struct contact *c = peer_owner(p);
    const struct host *h = &c->mesh->host;
    if (lanes_live(c))
        h->events->message(h->ctx, c->node->index, message);
    else
        arena_give(message.data);
}

static void on_drained(struct peer *p)
{
    struct contact *c = peer_owner(p);
    const struct host *h = &c->mesh->host;
    if (lanes_live(c))
        h->events->drained(h->ctx, c->node->index);
}

void node_report_down(struct node *n, const struct err *why)
{
    struct host *h = &n->mesh->host;
    if (n->reported)
        return;
    n->reported = 1;
    n->up = 0;
    h->events->down(h->ctx, n->index, why);
    wipe(n->info.secret, sizeof n->info.secret);
}

/* The link of the node is over. */
static void link_closed(struct node *n, struct peer *p, const struct err *why)
{
    struct mesh *m = n->mesh;
    int was_up = n->up, client = m->self == MESH_CLIENT;
    n->link = NULL;
    if (was_up)
        log_line(m->stopping || client || n->index >= LINK_CLIENT ? LOG_INFO : LOG_NOTICE, LOG_NET,
                 "link lost: %s", why->text);
    n->given_up |= client && (was_up || peer_is_hopeless(p));
    if (n->given_up)
        loop_disarm(m->loop, &n->patience);
    if (was_up || n->given_up)
        node_report_down(n, why);
    else if (peer_is_hopeless(p) && strcmp(n->last.text, why->text) != 0)
        log_line(LOG_WARN, LOG_NET, "no link: %s", why->text);
    if (peer_is_hopeless(p))
        n->next_addr = n->lookup.count;
    if (n->dials)
        node_retry(n, why);
    if (n->rival != NULL && !m->stopping) {
        struct peer *rival = n->rival;
        n->rival = NULL;
        loop_disarm(m->loop, &n->verdict);
        n->link = rival;
        lanes_try(peer_owner(rival));
    }
}

static void on_closed(struct peer *p, const struct err *why)
{
    struct contact *c = peer_owner(p);
    struct node *n = c->node;
    if (c->number > 0) {
        struct contact *first = c->first;
        if (lanes_broken(c, why)) {
            link_closed(n, first->peer, &first->lost);
            contact_free(first);
        }
        return;
    }
    if (lanes_linger(c, why))
        return;
    if (c->lost.code != 0)
        why = &c->lost;
    if (n != NULL && n->link == p) {
        link_closed(n, p, why);
        return;
    }
    if (n != NULL && n->rival == p) {
        n->rival = NULL;
        loop_disarm(c->mesh->loop, &n->verdict);
    }
    if (c->caller != NULL && !c->caller->up)
        c->caller->last = *why;
    if (!c->mesh->stopping)
        log_stranger(c->mesh, why->text);
}

static void on_gone(struct peer *p)
{
    struct contact *c = peer_owner(p);
    struct mesh *m = c->mesh;
    if (c->over)        /* it is freed after the other lanes */
        return;
    contact_free(c);
    if (m->stopping && m->contacts == NULL)
        loop_later(m->loop, &m->stopped);
}

const struct peer_events mesh_peer_events = {
    .allowed = on_allowed,
    .greeted = on_greeted,
    .ready = on_ready,
    .room = on_room,
    .message = on_message,
    .drained = on_drained,
    .closed = on_closed,
    .gone = on_gone,
};
