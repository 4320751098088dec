/*
 * party.c: a computing party's links, clients and dispatch of messages.
 *
 * Whatever a peer or client may not say at all (an unknown type, a wrong length, a malformed
 * message) ends its link, and with the link the jobs that need it; whatever is merely not possible
 * now is answered with REFUSE or ABORT. Jobs are in party_job.c and party_run.c, models in
 * party_model.c.
 */
#include "src/party_st.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net/base_log.h"

const char *party_name(const struct party *p, unsigned node, char *text, size_t n)
{
    if (node < LINK_PARTIES) {
        snprintf(text, n, "party %u", node);
        return text;
    }
    for (const struct client *c = p->clients; c != NULL; c = c->next)
        if (c->node == node) {
            snprintf(text, n, "%s", c->name);
            return text;
        }
    snprintf(text, n, "client %u", node);
    return text;
}

struct client *party_client(struct party *p, unsigned node)
{
    for (struct client *c = p->clients; c != NULL; c = c->next)
        if (c->node == node)
            return c;
    return NULL;
}

void party_send_fault(struct party *p, unsigned node, uint8_t type, uint64_t job,
                      const struct err *e)
{
    if (wire_send_fault(p->host, p->control, node, type, job, e) == ERR_FAILED)
        p->host->ops->drop(p->host, node, "out of memory for control messages");
}

static void settle(struct party *p)
{
    job_admit(p);
    job_bury(p);
    model_bury(p);
}

void party_wake(struct party *p)
{
    if (p->ticking || p->stopped)
        return;
    p->ticking = 1;
    p->host->ops->arm(p->host, &p->tick, (uint64_t)PARTY_TICK_MS * 1000000);
}

static void tick(struct timer *t)
{
    struct party *p = (struct party *)(void *)((char *)t - offsetof(struct party, tick));
    uint64_t now = p->host->ops->now(p->host);
    p->ticking = 0;
    model_tick(p, now);         /* first: an upload that ends says why its jobs do */
    for (struct job *j = p->jobs, *next; j != NULL; j = next) {
        next = j->next;
        job_tick(j, now);
    }
    settle(p);
    if (!party_idle(p))
        party_wake(p);
}

/* Engines that have ended are looked after outside their own calls. */
static void soon(struct timer *t)
{
    struct party *p = (struct party *)(void *)((char *)t - offsetof(struct party, soon));
    for (struct job *j = p->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->over)
            job_over(j);
    }
    settle(p);
}

/* ---- links ---- */

/* Jobs wait until the peer has said its limits as well. */
static void peer_up(struct party *p, unsigned node, const struct node_info *info)
{
    size_t n;
    p->peer[node] = info;
    uint8_t *data = wire_limits_pack(p->control, &p->limits[p->conf.self], &n);
    if (data == NULL)
        p->host->ops->drop(p->host, node, "out of memory for control messages");
    else
        wire_send(p->host, node, WIRE_LIMITS, 0, data, n);
}

static void node_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct party *p = ctx;
    if (node < LINK_PARTIES) {
        if (node >= p->n || node == p->conf.self)
            p->host->ops->drop(p->host, node, "no such party in this setting");
        else
            peer_up(p, node, info);
        return;
    }
    struct client *c = mem_new(1, sizeof *c);
    if (c == NULL) {
        p->host->ops->drop(p->host, node, "out of memory");
        return;
    }
    *c = (struct client){ .node = node, .next = p->clients };
    snprintf(c->name, sizeof c->name, "%.*s", (int)sizeof c->name - 1, info->name);
    p->clients = c;
}

static void peer_down(struct party *p, unsigned node, const struct err *why)
{
    if (node >= p->n || p->peer[node] == NULL)
        return;
    p->peer[node] = NULL;
    p->limits[node].memory = 0;
    struct err e;
    wire_lost(&e, node, why);
    while (p->jobs != NULL)
        job_end(p->jobs, &e, node);
}

static void client_down(struct party *p, unsigned node)
{
    char name[64];
    struct err e;
    err_set(&e, ERR_PEER, "%s left", party_name(p, node, name, sizeof name));
    for (struct job *j = p->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->client == node)
            job_end(j, &e, node);
    }
    model_drop(p, node, 0, 1, &e, 0);
    for (struct client **c = &p->clients; *c != NULL; c = &(*c)->next)
        if ((*c)->node == node) {
            struct client *gone = *c;
            *c = gone->next;
            mem_free(gone);
            break;
        }
}

static void node_down(void *ctx, unsigned node, const struct err *why)
{
    struct party *p = ctx;
    if (node < LINK_PARTIES)
        peer_down(p, node, why);
    else
        client_down(p, node);
    settle(p);
}

static void node_drained(void *ctx, unsigned node)
{
    (void)node;
    struct party *p = ctx;
    for (struct job *j = p->jobs; j != NULL; j = j->next)
        if (j->state == JOB_RUN && !j->over)
            engine_drained(j->engine);
}

/* ---- messages ---- */

/* Late words of a job or upload that has ended here are read and thrown away, but no more of them
 * than were due. */
static uint8_t *tomb_room(struct party *p, unsigned node, const struct message *head,
                          struct err *why)
{
    unsigned slot = node < LINK_PARTIES ? node : p->conf.self;
    for (unsigned i = 0; i < PARTY_TOMBS; i++) {
        struct tomb *t = &p->tomb[i];
        if (t->job != head->job || t->left[slot] < head->n)
            continue;
        uint8_t *block = arena_take(p->sink, head->n);
        if (block == NULL)
            err_set(why, ERR_FAILED, "out of memory for late messages of ended jobs");
        else
            t->left[slot] -= head->n;
        return block;
    }
    err_set(why, ERR_ABORT, "a message %s of %zu bytes for job %016" PRIx64
            ", where none is due", wire_type_name(head->type), head->n, head->job);
    return NULL;
}

void party_tomb(struct party *p, uint64_t job, const uint64_t left[static LINK_PARTIES])
{
    struct tomb *t = &p->tomb[p->next_tomb++ % PARTY_TOMBS];
    t->job = job;
    memcpy(t->left, left, sizeof t->left);
}

/* A job at its memory limit ends, and the link stays: what still comes for it goes to the sink. */
static uint8_t *gate_room(struct party *p, struct job *j, unsigned node,
                          const struct message *head, struct err *why)
{
    uint8_t *block = engine_room(j->engine, node, head, why);
    return block == NULL && why->code == ERR_FAILED ? arena_take(p->sink, head->n) : block;
}

static uint8_t *bulk_room(struct party *p, unsigned node, const struct message *head,
                          struct err *why)
{
    struct job *j = job_find(p, head->job);
    if (head->type == WIRE_GATE && j != NULL && j->engine != NULL)
        return gate_room(p, j, node, head, why);
    if (head->type == WIRE_INPUT && j != NULL && j->client == node)
        return clip_room(j, head, why);
    if (head->type == WIRE_TENSOR) {
        uint8_t *block = model_room(p, node, head, why);
        if (block != NULL || why->code != 0)
            return block;
    }
    return tomb_room(p, node, head, why);
}

static unsigned way_of(unsigned node)
{
    return node < LINK_PARTIES ? WIRE_PEERS : WIRE_FROM_CLIENT;
}

static uint8_t *node_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct party *p = ctx;
    why->code = 0;
    if (wire_allowed(head, way_of(node), why) != 0)
        return NULL;
    if (wire_is_bulk(head->type))
        return bulk_room(p, node, head, why);
    uint8_t *block = arena_take(p->control, head->n);
    if (block == NULL)
        err_set(why, ERR_FAILED, "out of memory for control messages");
    return block;
}

static int take_ask(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    struct wire_ask ask;
    struct client *c = party_client(p, node);
    if (c == NULL)
        return 0;
    if (wire_ask_parse(&ask, m->data, m->n, e) != 0)
        return e->code;
    job_ask(p, c, m->job, &ask);
    return 0;
}

static int take_meet(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    struct wire_job meet;
    if (wire_job_parse(&meet, m->data, m->n, e) != 0)
        return e->code;
    struct job *j = job_find(p, m->job);
    if (j != NULL)
        job_meet(j, node, &meet);
    wipe(&meet, sizeof meet);
    if (j != NULL)
        return 0;
    /* Alice gives nobody her input before all have given their terms, so this job was here and has
     * ended: the peer is told again, in case it missed that. */
    struct err gone;
    err_set(&gone, ERR_PEER, "party %u does not have this job (any more)", p->conf.self);
    party_send_fault(p, node, WIRE_ABORT, m->job, &gone);
    return 0;
}

static int take_abort(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    struct wire_fault f;
    struct err why;
    char name[64];
    if (wire_fault_parse(&f, m->data, m->n, e) != 0)
        return e->code;
    err_set(&why, f.code, "%s gave up: %s", party_name(p, node, name, sizeof name), f.text);
    if (node >= LINK_PARTIES)
        model_drop(p, node, m->job, 0, &why, 0);
    struct job *j = job_find(p, m->job);
    if (j == NULL || (node >= LINK_PARTIES && j->client != node))
        return 0;
    job_end(j, &why, node);
    return 0;
}

static int take_input(struct party *p, unsigned node, struct message *m, struct err *e)
{
    struct job *j = job_find(p, m->job);
    if (j == NULL || j->client != node)
        return 0;
    return clip_input(j, m, e);
}

static int take_mark(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    struct wire_mark mark;
    if (wire_mark_parse(&mark, m->data, m->n, e) != 0)
        return e->code;
    struct job *j = job_find(p, m->job);
    if (j == NULL || node >= p->n)
        return 0;
    return m->type == WIRE_CHUNK ? clip_peer(j, node, &mark, e) : weights_peer(j, node, &mark, e);
}

static int take_limits(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    if (p->limits[node].memory != 0)
        return err_set(e, ERR_ABORT, "a second message LIMITS");
    return wire_limits_parse(&p->limits[node], m->data, m->n, e);
}

static int take_begin(struct party *p, unsigned node, const struct message *m, struct err *e)
{
    struct job *j = job_find(p, m->job);
    if (j == NULL || j->client != node)
        return 0;
    if (j->state != JOB_TERMS || !j->ask.prepare)
        return err_set(e, ERR_ABORT, "a message BEGIN that is not due");
    job_begin(j);
    return 0;
}

static int take_gate(struct party *p, unsigned node, struct message *m, struct err *e)
{
    struct job *j = job_find(p, m->job);
    if (m->n == 0)
        return err_set(e, ERR_ABORT, "a message GATE without contents");
    if (j == NULL || j->engine == NULL || j->over)
        return 0;
    engine_message(j->engine, node, *m);
    m->data = NULL;
    return 0;
}

/* Handles a message; who keeps the payload sets m->data to NULL. */
static int take(struct party *p, unsigned node, struct message *m, struct err *e)
{
    if (wire_allowed(m, way_of(node), e) != 0)
        return e->code;
    switch (m->type) {
    case WIRE_ASK:
        return take_ask(p, node, m, e);
    case WIRE_INPUT:
        return take_input(p, node, m, e);
    case WIRE_CHUNK:
    case WIRE_HELD:
        return take_mark(p, node, m, e);
    case WIRE_JOB:
        return take_meet(p, node, m, e);
    case WIRE_LIMITS:
        return take_limits(p, node, m, e);
    case WIRE_BEGIN:
        return take_begin(p, node, m, e);
    case WIRE_GATE:
        return take_gate(p, node, m, e);
    case WIRE_ABORT:
        return take_abort(p, node, m, e);
    case WIRE_MODEL:
        return model_begin(p, node, m, e);
    case WIRE_TENSOR:
        return model_tensor(p, node, m, e);
    default:
        return model_use(p, node, m->job, e);
    }
}

static void node_message(void *ctx, unsigned node, struct message m)
{
    struct party *p = ctx;
    struct err e = { 0 };
    if (take(p, node, &m, &e) != 0) {
        char name[64];
        log_line(LOG_WARN, LOG_JOB, "%s broke the protocol: %s",
                 party_name(p, node, name, sizeof name), e.text);
        p->host->ops->drop(p->host, node, e.text);
    }
    arena_give(m.data);
    settle(p);
}

static const struct host_events party_events = {
    .up = node_up, .down = node_down, .room = node_room, .message = node_message,
    .drained = node_drained
};

/* ---- beginning and end ---- */

static int conf_check(const struct party_conf *c, struct err *e)
{
    if (c->proto == NULL || c->self >= c->proto->parties)
        return err_set(e, ERR_USAGE, "party %u does not exist in this setting", c->self);
    if (c->max_jobs == 0 || c->max_models == 0)
        return err_set(e, ERR_USAGE, "a party must allow at least one job and one model");
    if (!(c->job_timeout > 0 && c->job_timeout < 1e6))
        return err_set(e, ERR_USAGE, "the timeout of jobs must be between 0 and 1e6 seconds");
    return 0;
}

/* Models do not outlive a party's process, so what was stored for them is of no use any more. */
static int store_clear(struct party *p, struct err *e)
{
    unsigned items;
    if (store_forget(p->conf.store, NULL, &items, e) != 0)
        return e->code;
    if (items > 0)
        log_line(LOG_NOTICE, LOG_JOB, "%u stored items were for models of an earlier start: "
                 "removed", items);
    return 0;
}

struct party *party_new(struct host *h, const struct party_conf *conf, struct err *e)
{
    if (conf_check(conf, e) != 0)
        return NULL;
    struct party *p = mem_new(1, sizeof *p);
    if (p == NULL)
        goto fail;
    p->host = h;
    p->conf = *conf;
    p->n = conf->proto->parties;
    p->limits[conf->self] = (struct wire_limits){
        .memory = conf->job_memory > 0 ? conf->job_memory : UINT64_MAX, .window = conf->window
    };
    p->tick.fire = tick;
    p->soon.fire = soon;
    p->control = arena_new(PARTY_CONTROL);
    p->sink = arena_new(conf->job_memory);
    if (p->control == NULL || p->sink == NULL)
        goto fail;
    arena_wipe_given(p->control);       /* JOB brings contributions to keys */
    if (stock_able(p) && store_clear(p, e) != 0) {
        party_free(p);
        return NULL;
    }
    h->events = &party_events;
    h->ctx = p;
    return p;
fail:
    party_free(p);
    err_set(e, ERR_FAILED, "out of memory for a party");
    return NULL;
}

void party_stop(struct party *p)
{
    struct err e;
    if (p == NULL || p->stopped)
        return;
    p->stopped = 1;
    err_set(&e, ERR_PEER, "party %u is shutting down", p->conf.self);
    while (p->jobs != NULL)
        job_end(p->jobs, &e, NO_VALUE);
    while (p->uploads != NULL)
        model_drop(p, p->uploads->owner, p->uploads->upload, 1, &e, 1);
    p->host->ops->disarm(p->host, &p->tick);
    p->host->ops->disarm(p->host, &p->soon);
    settle(p);
}

static void free_models(struct model *m)
{
    while (m != NULL) {
        struct model *next = m->next;
        model_free(m);
        m = next;
    }
}

static void free_jobs(struct job *j)
{
    while (j != NULL) {
        struct job *next = j->next;
        job_free(j);
        j = next;
    }
}

void party_free(struct party *p)
{
    if (p == NULL)
        return;
    p->stopped = 1;
    free_jobs(p->jobs);
    free_jobs(p->dying);
    free_models(p->models);
    free_models(p->uploads);
    free_models(p->dying_models);
    while (p->clients != NULL) {
        struct client *next = p->clients->next;
        mem_free(p->clients);
        p->clients = next;
    }
    party_wipe_all(p);
    arena_free(p->control);
    arena_free(p->sink);
    mem_free(p);
}

unsigned party_jobs(const struct party *p)
{
    return job_active(p);
}

int party_idle(const struct party *p)
{
    return p->jobs == NULL && p->dying == NULL && p->uploads == NULL && p->dying_models == NULL;
}
