/*
 * sim_link.c: the simulated network: links, and the way of a message. See sim_st.h.
 *
 * A message waits in the queue of its link, in the order of link.h, but does not overtake what a
 * real link would have handed to its carrier and the kernel. The sender's serialiser takes a piece
 * from each link in turn, as TCP connections share a line. A piece flies for the latency plus a
 * random delay, and crosses the receiver's serialiser as its bits come in, in the order in which
 * pieces arrive, so that n bits at rate r between idle nodes take latency + n / r. What is in the
 * queue is the sender's block; what has left is a copy, as it would be once a kernel has it. When a
 * link is ended, its queue is lost, and the news travels behind what has left already.
 *
 * Timers, work and files are in sim_local.c; nodes and the run itself in sim.c.
 */
#include "net/sim_st.h"

#include <string.h>

#include "net/carrier.h"

enum {
    HEADER = 24,                /* bytes on the wire before each payload */
    TYPE_MAX = 239,             /* the transport keeps those above for itself */
    PIECE = 16 << 10,           /* bytes of one link before the next has its turn */
    HANDED = CARRIER_BUFFER + CARRIER_UNSENT    /* bytes of a link that nothing overtakes */
};

#define QUEUE_HIGH ((size_t)64 << 20)   /* above this a queue owes a `drained`, */
#define QUEUE_LOW ((size_t)16 << 20)    /* which comes when it is down here */

/* Uniform in [0, most]. */
static uint64_t random_upto(struct sim *s, uint64_t most)
{
    return (uint64_t)(((unsigned __int128)sim_splitmix(&s->random) * (most + 1)) >> 64);
}

static uint64_t span_of(const struct sim *s, const uint64_t own[static SIM_NODES], unsigned node,
                        size_t n)
{
    uint64_t rate = own[node] != 0 ? own[node] : s->o.bits_per_second;
    uint64_t bits = 8 * (uint64_t)n;
    return rate == 0 ? 0 : (uint64_t)(((unsigned __int128)bits * 1000000000u + rate - 1) / rate);
}

static int side_is_silent(const struct side *e)
{
    return e->node->sim->silent[e->node->number][e->peer->node->number];
}

/* Flows: the order of a stream where delays are random. */

static struct flow **flow_slot(struct sim *s, const struct side *from, const struct message *m)
{
    uint64_t h = m->job * 0x9e3779b97f4a7c15u + m->stream;
    h = sim_splitmix(&h) + from->node->number * SIM_NODES + from->peer->node->number;
    struct flow **slot = &s->flows[h % SIM_FLOWS];
    while (*slot != NULL && ((*slot)->from != from || (*slot)->job != m->job ||
                             (*slot)->stream != m->stream))
        slot = &(*slot)->next;
    return slot;
}

static struct flow *flow_take(struct sim *s, struct side *from, const struct message *m)
{
    struct flow **slot = flow_slot(s, from, m);
    if (*slot == NULL) {
        *slot = mem_new(1, sizeof **slot);
        if (*slot == NULL)
            return NULL;
        **slot = (struct flow){ .from = from, .job = m->job, .stream = m->stream };
    }
    (*slot)->packets++;
    return *slot;
}

static void flow_give(struct sim *s, struct packet *p)
{
    if (p->flow == NULL || --p->flow->packets > 0)
        return;
    struct flow **slot = flow_slot(s, p->from, &p->m);
    *slot = p->flow->next;
    mem_free(p->flow);
}

/* Packets and their pieces. */

static size_t packet_size(const struct packet *p)
{
    return p->m.n + HEADER;
}

static struct piece *piece_new(struct packet *p)
{
    struct agenda *a = &p->from->node->sim->agenda;
    if (agenda_reserve(a, 1) != 0)
        return NULL;
    struct piece *k = mem_new(1, sizeof *k);
    if (k == NULL) {
        agenda_unreserve(a, 1);
        return NULL;
    }
    k->packet = p;
    TAILQ_INSERT_TAIL(&p->pieces, k, next);
    return k;
}

static void piece_free(struct piece *k)
{
    struct packet *p = k->packet;
    struct agenda *a = &p->from->node->sim->agenda;
    agenda_strike(a, &k->move);
    agenda_unreserve(a, 1);
    TAILQ_REMOVE(&p->pieces, k, next);
    mem_free(k);
}

static void packet_free(struct packet *p)
{
    struct node *n = p->from->node;
    while (!TAILQ_EMPTY(&p->pieces))
        piece_free(TAILQ_FIRST(&p->pieces));
    if (p->waits)
        TAILQ_REMOVE(&p->from->out, p, turn);
    if (n->sending == p)
        n->sending = NULL;
    flow_give(n->sim, p);
    agenda_strike(&n->sim->agenda, &p->leave);
    agenda_unreserve(&n->sim->agenda, 1);
    arena_give(p->m.data);
    LIST_REMOVE(p, all);
    mem_free(p);
}

static void node_pump(struct node *n);

/* Drops what has not left yet. */
static void side_discard(struct side *e)
{
    struct packet *next;
    for (struct packet *p = LIST_FIRST(&e->node->sim->packets); p != NULL; p = next) {
        next = LIST_NEXT(p, all);
        if (p->from == e && !p->left)
            packet_free(p);
    }
    e->queued = e->handed = 0;
    e->over = 0;
    if (e->node->alive)
        node_pump(e->node);
}

/* The end of a link as seen from one side: `down` comes as the next event. */
static void side_end(struct side *e, const struct err *why)
{
    if (e->state != SIDE_UP)
        return;
    e->state = SIDE_CLOSING;
    e->why = *why;
    agenda_put(&e->node->sim->agenda, &e->down, e->node->sim->now);
    side_discard(e);
}

/* This side ends the link for a reason, which travels behind all that has left. */
static void side_quit(struct side *e, int code, const char *why)
{
    struct sim *s = e->node->sim;
    if (e->state != SIDE_UP)
        return;
    struct err here;
    err_set(&here, code, "the link to %s was ended here: %s", e->info.name, why);
    side_end(e, &here);

    uint64_t at = sim_later(s->now, s->o.latency_ns);
    struct packet *p;
    LIST_FOREACH(p, &s->packets, all) {
        const struct piece *last = TAILQ_LAST(&p->pieces, pieces);
        if (p->from == e && p->left && last->move.time > at)
            at = last->move.time;
    }
    err_set(&e->peer->bye_why, ERR_PEER, "%s ended the link: %s", e->node->name, why);
    agenda_put(&s->agenda, &e->peer->bye, at);
}

static void bye_fires(struct event *ev)
{
    struct side *e = SIM_OWNER(ev, struct side, bye);
    struct sim *s = e->node->sim;
    if (side_is_silent(e))
        return;
    if (e->bye_at_once) {
        side_end(e, &e->bye_why);
        return;
    }
    e->bye_at_once = 1;             /* behind what is being received, like a message */
    agenda_put(&s->agenda, &e->bye, e->node->in_free > s->now ? e->node->in_free : s->now);
}

static void down_fires(struct event *ev)
{
    struct side *e = SIM_OWNER(ev, struct side, down);
    struct node *n = e->node;
    e->state = SIDE_DOWN;
    n->sides[e->peer->node->number] = NULL;
    n->host.events->down(n->host.ctx, e->peer->node->number, &e->why);
}

static void up_fires(struct event *ev)
{
    struct side *e = SIM_OWNER(ev, struct side, up);
    struct node *n = e->node;
    if (side_is_silent(e))
        return;
    if (n->sides[e->peer->node->number] != NULL) {          /* of the link before this one, */
        agenda_put(&n->sim->agenda, &e->up, n->sim->now);   /* whose `down` comes first */
        return;
    }
    e->state = SIDE_UP;
    n->sides[e->peer->node->number] = e;
    n->host.events->up(n->host.ctx, e->peer->node->number, &e->info);
}

/* The last bit has left: the sender gets its block back. -1 without memory for the copy. */
static int packet_leave(struct packet *p)
{
    struct side *e = p->from;
    struct node *n = e->node;
    struct sim *s = n->sim;
    uint8_t *copy = NULL;
    if (p->m.n > 0) {
        copy = arena_take(s->arena, p->m.n);
        if (copy == NULL) {
            side_quit(e, ERR_FAILED, "out of memory in the simulator");
            return -1;
        }
        memcpy(copy, p->m.data, p->m.n);
    }
    arena_give(p->m.data);
    p->m.data = copy;
    p->left = 1;
    n->wire[e->peer->node->number] += packet_size(p);
    n->moved[e->peer->node->number] += p->m.n;
    return 0;
}

/* Hands on what waits, in its order, as far as the carrier and the kernel would take it. */
static void side_hand(struct side *e)
{
    struct packet *p;
    TAILQ_FOREACH(p, &e->out, turn) {
        size_t n = packet_size(p) - p->handed;
        if (n > HANDED - e->handed)
            n = HANDED - e->handed;
        p->handed += n;
        e->handed += n;
        if (e->handed == HANDED)
            break;
    }
}

/* A piece has left, and if it was the last, the message. What a silent link sends never arrives. */
static void piece_leave(struct packet *p)
{
    struct side *e = p->from;
    e->node->sending = NULL;
    if (side_is_silent(e)) {
        while (!TAILQ_EMPTY(&p->pieces))
            piece_free(TAILQ_FIRST(&p->pieces));
        return;
    }
    e->handed -= p->leaving;
    e->queued -= p->leaving;
    p->leaving = 0;
    side_hand(e);
    if (!p->waits)
        packet_leave(p);
}

static void leave_fires(struct event *ev)
{
    struct packet *p = SIM_OWNER(ev, struct packet, leave);
    struct side *e = p->from;
    struct node *n = e->node;
    piece_leave(p);
    node_pump(n);
    if (e->over && e->state == SIDE_UP && e->queued <= QUEUE_LOW) {
        e->over = 0;
        n->host.events->drained(n->host.ctx, e->peer->node->number);
    }
}

/* When the first bit of a piece that leaves now reaches the receiver. */
static uint64_t piece_head(struct packet *p)
{
    struct sim *s = p->from->node->sim;
    if (p->begun == 0 && s->o.jitter_ns > 0)
        p->late += random_upto(s, s->o.jitter_ns);
    if (p->begun == 0 && s->o.reorder)
        p->late += random_upto(s, s->o.latency_ns + 1000);
    uint64_t head = s->now + s->o.latency_ns + p->late;
    if (p->flow != NULL) {
        if (p->flow->last > head)
            head = p->flow->last;
        p->flow->last = head;
    }
    return head;
}

static void head_fires(struct event *ev);

/* Hands the next piece of a packet to the idle serialiser: all of it where the line has no rate. */
static void packet_go_on(struct packet *p)
{
    struct node *n = p->from->node, *to = p->from->peer->node;
    struct sim *s = n->sim;
    struct piece *k = piece_new(p);
    size_t size = packet_size(p) - p->begun;
    if (k == NULL) {
        side_quit(p->from, ERR_FAILED, "out of memory in the simulator");
        return;
    }
    if (size > PIECE && span_of(s, s->o.bits_out, n->number, size) > 0)
        size = PIECE;
    k->span_out = span_of(s, s->o.bits_out, n->number, size);
    k->span_in = span_of(s, s->o.bits_in, to->number, size);
    k->move.fire = head_fires;
    agenda_put(&s->agenda, &k->move, piece_head(p));
    p->begun += size;
    p->leaving = size;
    if (p->begun == packet_size(p)) {
        TAILQ_REMOVE(&p->from->out, p, turn);
        p->waits = 0;
    }
    n->sending = p;
    if (k->span_out == 0)
        piece_leave(p);
    else
        agenda_put(&s->agenda, &p->leave, s->now + k->span_out);
}

/* The first packet of the link whose turn it is, or NULL. */
static struct packet *node_next(struct node *n)
{
    for (unsigned i = 1; i <= SIM_NODES; i++) {
        unsigned to = (n->turn + i) % SIM_NODES;
        struct side *e = n->sides[to];
        if (e != NULL && !TAILQ_EMPTY(&e->out) && !side_is_silent(e)) {
            n->turn = to;
            return TAILQ_FIRST(&e->out);
        }
    }
    return NULL;
}

static void node_pump(struct node *n)
{
    struct packet *p;
    while (n->sending == NULL && (p = node_next(n)) != NULL)
        packet_go_on(p);
}

/* The whole message is there: the role says where it goes. */
static void packet_deliver(struct packet *p)
{
    struct side *e = p->from->peer;
    struct node *n = e->node;
    unsigned from = p->from->node->number;
    struct message m = p->m;
    m.data = NULL;
    if (m.n > 0) {
        struct err why = { .code = ERR_PEER, .text = "a message was refused" };
        m.data = n->host.events->room(n->host.ctx, from, &m, &why);
        if (m.data == NULL) {
            packet_free(p);
            side_quit(e, why.code, why.text);
            return;
        }
        memcpy(m.data, p->m.data, m.n);
    }
    packet_free(p);
    if (e->state == SIDE_UP)
        n->host.events->message(n->host.ctx, from, m);
    else
        arena_give(m.data);
}

static void packet_arrive(struct packet *p)
{
    struct side *e = p->from->peer;
    struct sim *s = e->node->sim;
    unsigned from = p->from->node->number, to = e->node->number;
    e->node->wire[from] += packet_size(p);
    e->node->moved[from] += p->m.n;
    if (s->o.see != NULL)
        s->o.see(s->o.ctx, from, to, &p->m, s->now);
    if (e->state == SIDE_UP)
        packet_deliver(p);
    else
        packet_free(p);
}

/* A piece comes to its end; its packet, too, if it was the last. */
static void piece_end(struct piece *k, int arrives)
{
    struct packet *p = k->packet;
    int last = p->left && TAILQ_NEXT(k, next) == NULL;
    piece_free(k);
    if (last && arrives)
        packet_arrive(p);
    else if (last)
        packet_free(p);
}

static void arrive_fires(struct event *ev)
{
    struct piece *k = SIM_OWNER(ev, struct piece, move);
    struct side *e = k->packet->from->peer;
    piece_end(k, !side_is_silent(e) && e->state == SIDE_UP);
}

/* The first bit has come to the receiver, whose serialiser may be busy; the last one comes no
 * earlier than the sender's link has let it go. */
static void head_fires(struct event *ev)
{
    struct piece *k = SIM_OWNER(ev, struct piece, move);
    struct node *n = k->packet->from->peer->node;
    struct sim *s = n->sim;
    if (side_is_silent(k->packet->from)) {
        piece_end(k, 0);
        return;
    }
    if (n->in_free < s->now)
        n->in_free = s->now;
    n->in_free += k->span_in;
    uint64_t tail = s->now + k->span_out;
    k->move.fire = arrive_fires;
    agenda_put(&s->agenda, &k->move, n->in_free > tail ? n->in_free : tail);
}

/* Into the queue of its link, behind what was handed on or does not let it pass. */
static void packet_queue(struct packet *p)
{
    struct side *e = p->from;
    struct packet *behind = NULL, *q;
    TAILQ_FOREACH(q, &e->out, turn) {
        if (q->handed > 0 || !message_lets_pass(&q->m, &p->m))
            behind = q;
    }
    if (behind != NULL)
        TAILQ_INSERT_AFTER(&e->out, behind, p, turn);
    else
        TAILQ_INSERT_HEAD(&e->out, p, turn);
    side_hand(e);
}

/* Queues m, which the packet owns from here on; -1 without memory, and m is given back. */
static int packet_new(struct side *e, struct message m)
{
    struct sim *s = e->node->sim;
    if (agenda_reserve(&s->agenda, 1) != 0)
        goto bad;
    struct packet *p = mem_new(1, sizeof *p);
    if (p == NULL)
        goto bad_packet;
    *p = (struct packet){ .from = e, .m = m, .waits = 1, .leave = { .fire = leave_fires } };
    TAILQ_INIT(&p->pieces);
    if (s->o.jitter_ns > 0 || s->o.reorder) {
        p->flow = flow_take(s, e, &m);
        if (p->flow == NULL)
            goto bad_flow;
    }
    LIST_INSERT_HEAD(&s->packets, p, all);
    packet_queue(p);
    e->queued += packet_size(p);
    node_pump(e->node);
    return 0;

bad_flow:
    mem_free(p);
bad_packet:
    agenda_unreserve(&s->agenda, 1);
bad:
    arena_give(m.data);
    return -1;
}

/* One message as it leaves the role, tampered with or not. */
static int side_send(struct side *e, struct message m)
{
    if (e->state != SIDE_UP) {
        arena_give(m.data);
        return ERR_PEER;
    }
    if (m.n > LINK_MESSAGE_MAX || m.type > TYPE_MAX) {
        arena_give(m.data);
        side_quit(e, ERR_FAILED, "a message that is too long, or of a reserved type, was sent");
        return ERR_PEER;
    }
    if (packet_new(e, m) != 0) {
        side_quit(e, ERR_FAILED, "out of memory in the simulator");
        return ERR_PEER;
    }
    if (e->queued > QUEUE_HIGH)
        e->over = 1;
    return e->state == SIDE_UP ? 0 : ERR_PEER;
}

/* Sends a copy of *m as well. */
static int side_send_copy(struct side *e, const struct message *m)
{
    struct message copy = *m;
    copy.data = NULL;
    if (m->n > 0) {
        copy.data = arena_take(e->node->sim->arena, m->n);
        if (copy.data == NULL) {
            side_quit(e, ERR_FAILED, "out of memory in the simulator");
            return ERR_PEER;
        }
        memcpy(copy.data, m->data, m->n);
    }
    return side_send(e, copy);
}

static struct side *side_get(struct host *h, unsigned node)
{
    struct side *e = node < SIM_NODES ? ((struct node *)h)->sides[node] : NULL;
    return e != NULL && e->state == SIDE_UP ? e : NULL;
}

int sim_link_send(struct host *h, unsigned node, struct message m)
{
    struct side *e = side_get(h, node);
    if (e == NULL) {
        arena_give(m.data);
        return ERR_PEER;
    }
    struct sim *s = e->node->sim;
    int verdict = SIM_PASS;
    if (s->o.tamper != NULL)
        verdict = s->o.tamper(s->o.ctx, e->node->number, node, &m, s->now);
    if (verdict == SIM_SWALLOW) {
        arena_give(m.data);
        return 0;
    }
    if (verdict == SIM_TWICE && e->state == SIDE_UP && side_send_copy(e, &m) != 0) {
        arena_give(m.data);
        return ERR_PEER;
    }
    return side_send(e, m);
}

size_t sim_link_queued(struct host *h, unsigned node)
{
    struct side *e = side_get(h, node);
    return e == NULL ? 0 : e->queued;
}

void sim_link_drop(struct host *h, unsigned node, const char *why)
{
    struct side *e = side_get(h, node);
    if (e != NULL)
        side_quit(e, ERR_PEER, why);
}

uint64_t sim_link_moved(struct host *h, unsigned node)
{
    return node < SIM_NODES ? ((struct node *)h)->moved[node] : 0;
}

uint64_t sim_link_wire(struct host *h, unsigned node)
{
    return node < SIM_NODES ? ((struct node *)h)->wire[node] : 0;
}

int sim_link_new(struct node *a, struct node *b)
{
    struct sim *s = a->sim;
    struct link *l = mem_new(1, sizeof *l);
    if (l == NULL || agenda_reserve(&s->agenda, 6) != 0) {
        mem_free(l);
        return -1;
    }
    uint64_t state = s->o.seed ^ ++s->links_made * 0xd1342543de82ef95u;
    for (size_t i = 0; i < LINK_SECRET; i += 8) {
        uint64_t word = sim_splitmix(&state);
        memcpy(l->side[0].info.secret + i, &word, 8);
        memcpy(l->side[1].info.secret + i, &word, 8);
    }
    for (int i = 0; i < 2; i++) {
        struct side *e = &l->side[i];
        e->node = i == 0 ? a : b;
        e->peer = &l->side[1 - i];
        memcpy(e->info.name, (i == 0 ? b : a)->name, sizeof e->info.name);
        e->up.fire = up_fires;
        e->down.fire = down_fires;
        e->bye.fire = bye_fires;
        TAILQ_INIT(&e->out);
    }
    STAILQ_INSERT_TAIL(&s->links, l, all);
    if (s->started)
        sim_link_start(l);
    return 0;
}

void sim_link_start(struct link *l)
{
    struct sim *s = l->side[0].node->sim;
    for (int i = 0; i < 2; i++)
        agenda_put(&s->agenda, &l->side[i].up, sim_later(s->now, s->o.latency_ns));
}

/* The node at this side has stopped: nothing comes from it any more, and the other side is told. */
static void side_lose(struct side *e)
{
    struct sim *s = e->node->sim;
    enum side_state was = e->state;
    e->state = SIDE_DOWN;
    agenda_strike(&s->agenda, &e->up);
    agenda_strike(&s->agenda, &e->down);
    agenda_strike(&s->agenda, &e->bye);
    side_discard(e);

    struct side *peer = e->peer;
    if (was == SIDE_FRESH && peer->state == SIDE_FRESH) {
        agenda_strike(&s->agenda, &peer->up);
        peer->state = SIDE_DOWN;
    } else if (peer->state <= SIDE_UP) {
        err_set(&peer->bye_why, ERR_PEER, "%s was lost: it has stopped, or cannot be reached; "
                "start it again and repeat the job", e->node->name);
        peer->bye_at_once = 1;
        agenda_put(&s->agenda, &peer->bye, sim_later(s->now, s->o.latency_ns));
    }
}

void sim_links_lose(struct node *n)
{
    struct link *l;
    STAILQ_FOREACH(l, &n->sim->links, all) {
        for (int i = 0; i < 2; i++) {
            if (l->side[i].node == n && l->side[i].state != SIDE_DOWN)
                side_lose(&l->side[i]);
        }
    }
    memset(n->sides, 0, sizeof n->sides);
}

void sim_links_free(struct sim *s)
{
    while (!LIST_EMPTY(&s->packets))
        packet_free(LIST_FIRST(&s->packets));
    while (!STAILQ_EMPTY(&s->links)) {
        struct link *l = STAILQ_FIRST(&s->links);
        STAILQ_REMOVE_HEAD(&s->links, all);
        wipe(l, sizeof *l);
        mem_free(l);
    }
}
