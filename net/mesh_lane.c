/*
 * Several connections (lanes) as one link.
 *
 * Lane 0 comes first. When hellos were exchanged there, the one that dials opens the others, which
 * show the same certificates and the same two `run`s: of the dialler, drawn for this link, and of
 * the other, drawn for this run of its program; so no lane of another link, or of another process
 * with the same key, can get in. Lane 0 is agreed to last: who is welcomed there knows that the
 * other end has all lanes. They are used from the first answer to a question on lane 0 on, since
 * the other end has then called `up`.
 *
 * Messages of stream 0 take lane 0. Other streams are spread by a hash over slots, and a slot takes
 * the lane with the least in its queue, but keeps it until the answer to a later question says that
 * all it has sent there was delivered. So a stream keeps its order, and memory is bounded.
 *
 * Whoever ends a link says good-bye on every lane, behind what waits there; the link is down when
 * all of that has come. If a lane is lost without a good-bye, the link is.
 */
#include "net/mesh_st.h"

#include <string.h>

#include <openssl/rand.h>

enum { SLOTS = 1024 };

int lanes_init(struct node *n)
{
    const struct mesh *m = n->mesh;
    n->lanes = m->self == MESH_CLIENT || n->index >= LINK_CLIENT ? 1 : m->lanes;
    if (n->lanes > 1)
        n->slot = mem_new(SLOTS, sizeof n->slot[0]);
    return n->lanes > 1 && n->slot == NULL ? -1 : 0;
}

/* ---- making and losing them ---- */

int lanes_hello(struct contact *c)
{
    c->hello = c->mesh->hello;
    c->hello.lanes = c->node != NULL ? (uint8_t)c->node->lanes : 1;
    c->hello.lane = (uint8_t)c->number;
    if (c->first != c)
        memcpy(c->hello.run, c->first->hello.run, HELLO_RUN);
    else if (c->node != NULL)
        return RAND_bytes(c->hello.run, HELLO_RUN) == 1 ? 0 : -1;
    return 0;
}

enum peer_verdict lanes_dialled(struct contact *c, const struct hello *theirs, struct err *why)
{
    if (c->number > 0) {
        if (c->first != NULL && memcmp(c->first->run, theirs->run, HELLO_RUN) == 0)
            return PEER_ACCEPT;
        err_set(why, ERR_PEER, "it is not the process that lane 0 of the link leads to");
        return PEER_REFUSE;
    }
    memcpy(c->run, theirs->run, HELLO_RUN);
    if (c->node->lanes == 1)
        return PEER_ACCEPT;
    return node_dial_lanes(c, why) == 0 ? PEER_WAIT : PEER_REFUSE;
}

/* The contact of the link that is being made, if it is the one with this run. */
static struct contact *link_of_run(struct peer *p, const uint8_t run[static HELLO_RUN])
{
    struct contact *c = p != NULL ? peer_owner(p) : NULL;
    return c != NULL && peer_state(p) == PEER_HELLO && memcmp(c->run, run, HELLO_RUN) == 0 ? c
        : NULL;
}

enum peer_verdict lanes_join(struct contact *c, const struct hello *theirs, struct err *why)
{
    struct contact *first = link_of_run(c->node->link, theirs->run);
    if (first == NULL)
        first = link_of_run(c->node->rival, theirs->run);
    if (first == NULL || first->lane[theirs->lane] != NULL) {
        err_set(why, ERR_PEER, "it is lane %u of a link that is not being made here", theirs->lane);
        return PEER_REFUSE;
    }
    c->first = first;
    c->number = theirs->lane;
    first->lane[c->number] = c->peer;
    return PEER_ACCEPT;
}

void lanes_try(struct contact *first)
{
    struct node *n = first->node;
    if (n->link != first->peer)
        return;
    for (unsigned i = 1; i < n->lanes; i++)
        if (first->lane[i] == NULL || peer_state(first->lane[i]) != PEER_READY)
            return;
    peer_accept(first->peer);
}

void lanes_up(struct node *n)
{
    if (n->lanes == 1)
        return;
    memset(n->slot, 0, SLOTS * sizeof n->slot[0]);
    peer_probe(n->link);
}

void lanes_end(struct contact *first, const char *why)
{
    for (unsigned i = 0; i < HELLO_LANES; i++)
        if (first->lane[i] != NULL)
            peer_drop(first->lane[i], why);
}

static int others_left(const struct contact *first)
{
    int left = 0;
    for (unsigned i = 1; i < HELLO_LANES; i++)
        left |= first->lane[i] != NULL;
    return left;
}

int lanes_broken(struct contact *c, const struct err *why)
{
    struct contact *first = c->first;
    if (first == NULL)
        return 0;
    c->first = NULL;
    first->lane[c->number] = NULL;
    if (first->over)
        return !others_left(first);
    if (peer_has_left(c->peer) && lanes_live(first)) {
        first->ending = 1;
    } else if (peer_state(first->peer) < PEER_CLOSING) {
        first->lost = *why;
        lanes_end(first, why->text);
    }
    return 0;
}

int lanes_linger(struct contact *first, const struct err *why)
{
    if (!others_left(first) || !peer_has_left(first->peer) || !lanes_live(first))
        return 0;
    first->lost = *why;
    first->ending = first->over = 1;
    return 1;
}

void lanes_drop(struct contact *first)
{
    for (struct contact *c = first->mesh->contacts; c != NULL; c = c->next)
        if (c->first == first && c != first) {
            c->first = NULL;
            peer_drop(c->peer, "the link has ended");
        }
}

int lanes_live(const struct contact *c)
{
    return c->first != NULL && c->node->up && c->node->link == c->first->peer;
}

/* ---- using them ---- */

static struct peer *lane_at(const struct node *n, unsigned i)
{
    const struct contact *first = peer_owner(n->link);
    return first->lane[i];
}

static unsigned least_queued(const struct node *n)
{
    unsigned least = 0;
    for (unsigned i = 1; i < n->lanes; i++)
        if (peer_queued(lane_at(n, i)) < peer_queued(lane_at(n, least)))
            least = i;
    return least;
}

static struct lane_slot *slot_of(struct node *n, const struct message *m)
{
    uint64_t h = (m->job ^ m->stream) * 0x9e3779b97f4a7c15u;
    return &n->slot[(h >> 32) % SLOTS];
}

int lanes_send(struct node *n, struct message m)
{
    const struct contact *first = peer_owner(n->link);
    if (n->lanes == 1 || m.stream == 0 || peer_state(n->link) != PEER_READY)
        return peer_send(n->link, m);
    if (first->ending) {
        arena_give(m.data);
        return ERR_PEER;
    }
    struct lane_slot *s = slot_of(n, &m);
    if (peer_answers(lane_at(n, s->lane)) > s->mark)
        s->lane = least_queued(n);
    struct peer *p = lane_at(n, s->lane);
    int code = peer_send(p, m);
    s->mark = peer_probes(p);
    if (peer_answers(p) == s->mark && code == 0)
        peer_probe(p);
    return code;
}

size_t lanes_queued(const struct node *n)
{
    size_t sum = 0;
    for (unsigned i = 0; i < n->lanes; i++)
        sum += lane_at(n, i) != NULL ? peer_queued(lane_at(n, i)) : 0;
    return sum;
}
