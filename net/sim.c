/*
 * sim.c: the simulator's nodes, the blows that strike them, and the run. See sim_st.h for the rest.
 */
#include "net/sim_st.h"

#include <math.h>
#include <string.h>

#include "net/base_log.h"

enum { WORKERS_MAX = 1024 };

#define LONGEST_NS 1000000000000000u    /* 11 days: the longest latency or jitter */

static uint64_t node_now(struct host *h)
{
    return ((struct node *)h)->sim->now;
}

static const struct host_ops ops = {
    .send = sim_link_send,
    .queued = sim_link_queued,
    .drop = sim_link_drop,
    .now = node_now,
    .arm = sim_node_arm,
    .disarm = sim_node_disarm,
    .work = sim_node_work,
    .read = sim_node_read,
    .wire = sim_link_wire,
    .moved = sim_link_moved,
};

void sim_break(struct sim *s, const char *what)
{
    log_line(LOG_ERR, LOG_NET, "the simulation ends here: no memory for %s", what);
    s->broken = 1;
}

struct sim *sim_new(const struct sim_options *o, struct err *e)
{
    if (o->latency_ns > LONGEST_NS || o->jitter_ns > LONGEST_NS) {
        err_set(e, ERR_USAGE, "simulated latency and jitter may be at most 11 days");
        return NULL;
    }
    if (o->workers > WORKERS_MAX || !isfinite(o->work_factor) || o->work_factor < 0) {
        err_set(e, ERR_USAGE, "a simulated node has at most %d workers, and its work factor is a "
                "number from 0 upwards", WORKERS_MAX);
        return NULL;
    }
    struct sim *s = mem_new(1, sizeof *s);
    if (s == NULL || (s->arena = arena_new(0)) == NULL) {
        mem_free(s);
        err_set(e, ERR_FAILED, "no memory for the simulator");
        return NULL;
    }
    s->o = *o;
    s->random = o->seed;
    LIST_INIT(&s->packets);
    STAILQ_INIT(&s->links);
    return s;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    for (struct node *n = s->every; n != NULL; n = n->next)
        sim_node_quiet(n);
    sim_links_free(s);
    while (s->every != NULL) {
        struct node *n = s->every;
        s->every = n->next;
        mem_free(n->benches);
        mem_free(n);
    }
    while (s->blows != NULL) {
        struct blow *b = s->blows;
        s->blows = b->next;
        mem_free(b);
    }
    agenda_fini(&s->agenda);
    arena_free(s->arena);
    mem_free(s);
}

static int node_check(const struct sim *s, unsigned node, const char *name, struct err *e)
{
    if (node >= SIM_NODES || (node >= LINK_PARTIES && node < LINK_CLIENT))
        return err_set(e, ERR_USAGE, "there is no simulated node %u: parties are 0 to %d, "
                       "clients %d to %d", node, LINK_PARTIES - 1, LINK_CLIENT, SIM_NODES - 1);
    if (s->nodes[node] != NULL)
        return err_set(e, ERR_USAGE, "simulated node %u is there already", node);
    if (strlen(name) >= sizeof s->nodes[node]->name)
        return err_set(e, ERR_USAGE, "the name of simulated node %u is too long", node);
    return 0;
}

/* Links to everybody but, between two clients, not to each other. */
static int node_link(struct sim *s, struct node *n)
{
    for (unsigned i = 0; i < SIM_NODES; i++) {
        if (s->nodes[i] == NULL || i == n->number)
            continue;
        if ((i < LINK_PARTIES || n->number < LINK_PARTIES) && sim_link_new(s->nodes[i], n) != 0)
            return -1;
    }
    return 0;
}

static void node_stop(struct node *n)
{
    n->alive = 0;
    n->sim->nodes[n->number] = NULL;
    sim_links_lose(n);
    sim_node_quiet(n);
}

struct host *sim_node(struct sim *s, unsigned node, const char *name, struct err *e)
{
    if (node_check(s, node, name, e) != 0)
        return NULL;
    struct node *n = mem_new(1, sizeof *n);
    if (n == NULL) {
        err_set(e, ERR_FAILED, "no memory for simulated node %u", node);
        return NULL;
    }
    *n = (struct node){
        .host = { .ops = &ops, .workers = s->o.workers > 0 ? s->o.workers : 1 },
        .sim = s, .number = node, .alive = 1, .next = s->every
    };
    memcpy(n->name, name, strlen(name));
    LIST_INIT(&n->tasks);
    s->every = n;
    s->nodes[node] = n;
    if (sim_node_benches(n) != 0 || node_link(s, n) != 0) {
        node_stop(n);
        err_set(e, ERR_FAILED, "no memory for simulated node %u", node);
        return NULL;
    }
    return &n->host;
}

static void blow_strike(struct sim *s, unsigned a, unsigned b)
{
    if (a != b)
        s->silent[a][b] = s->silent[b][a] = 1;
    else if (s->nodes[a] != NULL)
        node_stop(s->nodes[a]);
}

static void blow_fires(struct event *e)
{
    struct blow *b = SIM_OWNER(e, struct blow, ev);
    blow_strike(b->sim, b->a, b->b);
}

static void blow_at(struct sim *s, unsigned a, unsigned b, uint64_t at)
{
    if (a >= SIM_NODES || b >= SIM_NODES)
        return;
    if (at <= s->now) {
        blow_strike(s, a, b);
        return;
    }
    struct blow *w = mem_new(1, sizeof *w);
    if (w == NULL || agenda_reserve(&s->agenda, 1) != 0) {
        mem_free(w);
        sim_break(s, "a crash or a stall");
        return;
    }
    *w = (struct blow){ .sim = s, .a = a, .b = b, .next = s->blows, .ev = { .fire = blow_fires } };
    s->blows = w;
    agenda_put(&s->agenda, &w->ev, at);
}

void sim_crash(struct sim *s, unsigned node, uint64_t at)
{
    blow_at(s, node, node, at);
}

void sim_stall(struct sim *s, unsigned a, unsigned b, uint64_t at)
{
    if (a != b)
        blow_at(s, a, b, at);
}

static void sim_start(struct sim *s)
{
    struct link *l;
    s->started = 1;
    STAILQ_FOREACH(l, &s->links, all) {
        if (l->side[0].state == SIDE_FRESH)
            sim_link_start(l);
    }
}

/* The next event that this run is to handle, or NULL. */
static struct event *sim_next(struct sim *s, uint64_t until, uint64_t idle_ns)
{
    struct event *e = agenda_first(&s->agenda);
    if (s->stopped || s->broken || e == NULL)
        return NULL;
    if (s->agenda.busy == 0 && e->time - s->now > idle_ns)
        return NULL;
    if (until != 0 && e->time > until) {
        if (s->now < until)
            s->now = until;
        return NULL;
    }
    return e;
}

uint64_t sim_run(struct sim *s, uint64_t until, uint64_t idle_ns)
{
    uint64_t count = 0;
    s->stopped = 0;
    if (!s->started)
        sim_start(s);
    for (struct event *e; (e = sim_next(s, until, idle_ns)) != NULL; count++) {
        agenda_strike(&s->agenda, e);
        s->now = e->time;
        e->fire(e);
    }
    return count;
}

void sim_stop(struct sim *s)
{
    s->stopped = 1;
}

uint64_t sim_now(const struct sim *s)
{
    return s->now;
}
