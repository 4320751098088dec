#include "proto/engine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "proto/protocol.h"

/* A step on its way through the worker pool. A worker may only run it if it finds QUEUED; a
 * cancelled one is never run, so its memory may go. */
enum run_state { RUN_QUEUED, RUN_ACTIVE, RUN_DONE, RUN_CANCELLED };

struct run {
    struct work work;
    struct engine *engine;
    uint32_t id;
    const struct round *round;
    _Atomic int state;
    struct step step;
};

/* Where a gate stands. */
struct slot {
    uint32_t missing;           /* inputs that are not complete */
    uint16_t step, steps;
    uint16_t depth;             /* messages behind what it has seen so far */
    uint8_t queued;             /* in the heap, or running */
    uint32_t inbox;             /* first of steps * parties entries */
    uint8_t *scratch;
    uint64_t since;             /* when it began to wait for messages */
};

/* One message that a gate expects; data is NULL until it has come. */
struct inbox {
    uint8_t *data;
    uint16_t depth;
    uint8_t announced;
};

struct cell {                   /* a value at run time */
    uint64_t *words;
    uint32_t makers, readers;   /* still to come */
    uint32_t reader;            /* first of its readers in the list */
    uint16_t depth;
};

struct engine {
    struct engine_conf conf;
    const struct program *program;
    const struct protocol *proto;
    struct slot *slot;
    struct inbox *inbox;
    struct cell *cell;
    uint32_t *reader;           /* gates that read a value, value by value */
    uint32_t *heap;             /* gates that can run a step now, lowest number on top */
    uint32_t nheap, running, left;
    struct run **run;           /* the steps that are out */
    unsigned nrun;
    int started, over, told, dead;
    struct err err;             /* why it is over */
    struct engine_stats stats;
};

/* ---- construction ---- */

static int engine_count_readers(struct engine *en)
{
    const struct program *p = en->program;
    uint32_t total = 0;
    for (uint32_t v = 0; v < p->nvalue; v++) {
        en->cell[v] = (struct cell){ .makers = p->value[v].makers,
                                     .readers = p->value[v].readers, .reader = total };
        total += p->value[v].readers;
    }
    en->reader = mem_new((size_t)total + 1, sizeof *en->reader);
    uint32_t *at = mem_new((size_t)p->nvalue + 1, sizeof *at);
    if (en->reader == NULL || at == NULL) {
        mem_free(at);
        return -1;
    }
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        const uint32_t read[] = { g->in[0], g->in[1], g->in[2], g->after };
        for (int k = 0; k < 4; k++)
            if (read[k] != NO_VALUE) {
                en->reader[en->cell[read[k]].reader + at[read[k]]++] = i;
                en->slot[i].missing += !p->value[read[k]].external;
            }
    }
    mem_free(at);
    return 0;
}

static int engine_build(struct engine *en)
{
    const struct program *p = en->program;
    uint32_t boxes = 0;
    en->slot = mem_new((size_t)p->ngate + 1, sizeof *en->slot);
    en->cell = mem_new((size_t)p->nvalue + 1, sizeof *en->cell);
    en->heap = mem_new((size_t)p->ngate + 1, sizeof *en->heap);
    en->nrun = 2 * en->conf.host->workers;
    en->run = mem_new(en->nrun, sizeof(struct run *));
    if (en->slot == NULL || en->cell == NULL || en->heap == NULL || en->run == NULL)
        return -1;
    for (uint32_t i = 0; i < p->ngate; i++) {
        en->slot[i].steps = (uint16_t)gate_steps(gate_ops(en->proto, &p->gate[i]), &p->gate[i]);
        en->slot[i].inbox = boxes;
        boxes += en->slot[i].steps * en->proto->parties;
    }
    en->inbox = mem_new((size_t)boxes + 1, sizeof *en->inbox);
    if (en->inbox == NULL)
        return -1;
    return engine_count_readers(en);
}

static void engine_release(struct engine *en)
{
    for (unsigned i = 0; en->run != NULL && i < en->nrun; i++)
        mem_free(en->run[i]);
    mem_free(en->run);
    mem_free(en->slot);
    mem_free(en->inbox);
    mem_free(en->cell);
    mem_free(en->reader);
    mem_free(en->heap);
    mem_free(en);
}

struct engine *engine_new(const struct engine_conf *conf, struct err *e)
{
    struct engine *en = mem_new(1, sizeof *en);
    if (en == NULL) {
        err_set(e, ERR_FAILED, "out of memory for a job");
        return NULL;
    }
    en->conf = *conf;
    en->program = conf->program;
    en->proto = conf->program->proto;
    en->left = conf->program->ngate;
    if (engine_build(en) != 0) {
        engine_release(en);
        err_set(e, ERR_FAILED, "out of memory for a job");
        return NULL;
    }
    return en;
}

void engine_bind(struct engine *en, uint32_t value, const uint64_t *words)
{
    en->cell[value].words = (uint64_t *)(uintptr_t)words;   /* read only: no gate makes externals */
}

/* ---- the heap of gates that can run ---- */

static void heap_push(struct engine *en, uint32_t id)
{
    uint32_t i = en->nheap++;
    for (; i > 0 && en->heap[(i - 1) / 2] > id; i = (i - 1) / 2)
        en->heap[i] = en->heap[(i - 1) / 2];
    en->heap[i] = id;
    en->slot[id].queued = 1;
}

static uint32_t heap_pop(struct engine *en)
{
    uint32_t top = en->heap[0], last = en->heap[--en->nheap], i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= en->nheap)
            break;
        c += c + 1 < en->nheap && en->heap[c + 1] < en->heap[c];
        if (en->heap[c] >= last)
            break;
        en->heap[i] = en->heap[c];
        i = c;
    }
    en->heap[i] = last;
    return top;
}

/* ---- messages ---- */

static const char memory_limit[] = "a job has reached its memory limit (raise job_memory, or lower"
                                   " the number of frames in flight: window)";

static struct inbox *inbox_at(const struct engine *en, uint32_t id, unsigned step, unsigned from)
{
    return &en->inbox[en->slot[id].inbox + step * en->proto->parties + from];
}

static void engine_fail(struct engine *en, int code, const char *text);
static void engine_tell(struct engine *en);

static size_t due(const struct engine *en, uint32_t id, unsigned step, unsigned from)
{
    return gate_bytes(en->proto, &en->program->gate[id], step, from, en->conf.self);
}

/* Has everything come that step `step` of the gate reads? */
static int step_ready(const struct engine *en, uint32_t id, unsigned step)
{
    for (unsigned from = 0; step > 0 && from < en->proto->parties; from++)
        if (due(en, id, step - 1, from) > 0 && inbox_at(en, id, step - 1, from)->data == NULL)
            return 0;
    return 1;
}

uint8_t *engine_room(struct engine *en, unsigned from, const struct message *head,
                     struct err *why)
{
    if (from >= en->proto->parties || from == en->conf.self ||
        head->stream >= en->program->ngate || head->seq >= en->slot[head->stream].steps ||
        head->n == 0 || head->n != due(en, head->stream, head->seq, from)) {
        err_set(why, ERR_ABORT, "party %u sent a message that no gate expects (gate %u, step %u,"
                " %zu bytes): do all parties run the same version?", from, head->stream,
                head->seq, head->n);
        return NULL;
    }
    struct inbox *box = inbox_at(en, head->stream, head->seq, from);
    if (box->announced) {
        err_set(why, ERR_ABORT, "party %u sent a message twice (gate %u, step %u)", from,
                head->stream, head->seq);
        return NULL;
    }
    uint8_t *room = arena_take(en->conf.arena, head->n);
    if (room == NULL) {
        err_set(why, ERR_FAILED, "%s", memory_limit);
        engine_fail(en, ERR_FAILED, memory_limit);
        engine_tell(en);
        return NULL;
    }
    box->announced = 1;
    return room;
}

static void pump(struct engine *en);
static void span_wait(struct engine *en, uint32_t id);

void engine_message(struct engine *en, unsigned from, struct message m)
{
    /* Only what engine_room has announced comes here with contents; the rest is nobody's. */
    if (en->over || m.n == 0 || from >= en->proto->parties || m.stream >= en->program->ngate ||
        m.seq >= en->slot[m.stream].steps) {
        arena_give(m.data);
        return;
    }
    struct slot *slot = &en->slot[m.stream];
    struct inbox *box = inbox_at(en, m.stream, m.seq, from);
    box->data = m.data;
    box->depth = m.depth;
    en->stats.received[from] += m.n;
    if (en->started && !slot->queued && slot->missing == 0 && slot->step == m.seq + 1u &&
        step_ready(en, m.stream, slot->step)) {
        span_wait(en, m.stream);
        heap_push(en, m.stream);
        pump(en);
        engine_tell(en);
    }
}

/* ---- the end ---- */

static void engine_fail(struct engine *en, int code, const char *text)
{
    if (en->over)
        return;
    en->over = 1;
    err_set(&en->err, code, "%s", text);
}

/* Tells the owner that all is over, once. The owner may free the engine: callers return at once. */
static void engine_tell(struct engine *en)
{
    if (en->left == 0)
        en->over = 1;
    if (!en->over || en->told)
        return;
    en->told = 1;
    en->conf.done(en->conf.ctx, &en->err);
}

/* ---- values ---- */

static void cell_unread(struct engine *en, uint32_t v)
{
    struct cell *c = &en->cell[v];
    const struct value *value = &en->program->value[v];
    if (--c->readers == 0 && !value->external && !value->keep) {
        arena_give(c->words);
        c->words = NULL;
    }
}

static void cell_made(struct engine *en, uint32_t v, uint16_t depth)
{
    struct cell *c = &en->cell[v];
    if (depth > c->depth)
        c->depth = depth;
    if (--c->makers > 0)
        return;
    for (uint32_t k = 0; k < en->program->value[v].readers; k++) {
        uint32_t id = en->reader[c->reader + k];
        struct slot *s = &en->slot[id];
        if (c->depth > s->depth)
            s->depth = c->depth;
        if (--s->missing == 0)
            heap_push(en, id);
    }
}

/* ---- steps ---- */

/* The views of a gate's operands, from the values' memory. */
static void step_operands(const struct engine *en, const struct gate *g, struct step *s)
{
    for (int k = 0; k < 3; k++)
        if (g->in[k] != NO_VALUE) {
            const struct value *v = &en->program->value[g->in[k]];
            s->x[k] = en->cell[g->in[k]].words;
            s->stride[k] = value_stride(en->proto, (enum value_kind)v->kind, v->n);
        }
    const struct value *v = &en->program->value[g->out];
    size_t first = v->kind == VALUE_BITS ? g->first / 64 : g->first;
    s->z = en->cell[g->out].words + first;
    s->z_stride = value_stride(en->proto, (enum value_kind)v->kind, v->n);
}

/* Memory for a step: the value and the scratch at the first, messages always. 0, or -1. */
static int step_memory(struct engine *en, uint32_t id, struct step *s)
{
    const struct gate *g = &en->program->gate[id];
    const struct gate_ops *ops = gate_ops(en->proto, g);
    struct slot *slot = &en->slot[id];
    struct cell *out = &en->cell[g->out];
    if (out->words == NULL)
        out->words = arena_take(en->conf.arena, en->program->value[g->out].words * 8);
    if (slot->scratch == NULL && ops->scratch != NULL)
        slot->scratch = arena_take(en->conf.arena, ops->scratch(en->program, g));
    if (out->words == NULL || (ops->scratch != NULL && slot->scratch == NULL))
        return -1;
    for (unsigned to = 0; to < en->proto->parties; to++) {
        size_t n = gate_bytes(en->proto, g, slot->step, en->conf.self, to);
        if (n == 0)
            continue;
        uint8_t **place = &s->out[gate_role(en->proto, g, to)];
        if ((*place = arena_take(en->conf.arena, n)) == NULL)
            return -1;
    }
    s->scratch = slot->scratch;
    return 0;
}

static void step_inputs(const struct engine *en, uint32_t id, struct step *s)
{
    const struct gate *g = &en->program->gate[id];
    unsigned step = en->slot[id].step;
    for (unsigned from = 0; step > 0 && from < en->proto->parties; from++)
        s->in[gate_role(en->proto, g, from)] = inbox_at(en, id, step - 1, from)->data;
}

static void run_on_worker(struct work *w)
{
    struct run *r = (struct run *)((char *)w - offsetof(struct run, work));
    int expected = RUN_QUEUED;
    if (!atomic_compare_exchange_strong(&r->state, &expected, RUN_ACTIVE))
        return;
    r->round->run(&r->step);
    atomic_store(&r->state, RUN_DONE);
}

static void run_done(struct work *w);

/* A free place among the steps that are out, or NULL. */
static struct run *run_take(struct engine *en)
{
    for (unsigned i = 0; i < en->nrun; i++) {
        if (en->run[i] == NULL)
            en->run[i] = mem_new(1, sizeof *en->run[i]);
        if (en->run[i] == NULL || en->run[i]->engine == NULL)
            return en->run[i];
    }
    return NULL;
}

/* Hands the next step of a gate to the workers. */
static int step_start(struct engine *en, uint32_t id)
{
    const struct gate *g = &en->program->gate[id];
    struct run *r = run_take(en);
    if (r == NULL)
        return -1;
    *r = (struct run){ .work = { .run = run_on_worker, .done = run_done }, .id = id };
    struct step *s = &r->step;
    s->program = en->program;
    s->gate = g;
    s->id = id;
    s->self = en->conf.self;
    s->role = gate_role(en->proto, g, en->conf.self);
    s->keys = en->conf.keys;
    r->round = gate_round(gate_ops(en->proto, g), g, en->slot[id].step, &s->level);
    if (step_memory(en, id, s) != 0) {
        for (unsigned k = 0; k < LINK_PARTIES; k++)
            arena_give(s->out[k]);
        return -1;
    }
    step_operands(en, g, s);
    step_inputs(en, id, s);
    r->engine = en;
    atomic_store(&r->state, RUN_QUEUED);
    en->running++;
    en->conf.host->ops->work(en->conf.host, &r->work);
    return 0;
}

static int links_full(const struct engine *en)
{
    struct host *h = en->conf.host;
    for (unsigned p = 0; p < en->proto->parties; p++)
        if (p != en->conf.self && h->ops->queued(h, p) > en->conf.high_mark)
            return 1;
    return 0;
}

/* Gives the workers what they can take; nothing new is begun while a link is full. */
static void pump(struct engine *en)
{
    while (!en->over && en->nheap > 0 && en->running < en->nrun) {
        if (links_full(en))
            return;     /* engine_drained comes back */
        if (step_start(en, heap_pop(en)) != 0) {
            engine_fail(en, ERR_FAILED, memory_limit);
            return;
        }
    }
}

static void span(struct engine *en, uint32_t id, const char *name, int waiting, unsigned worker,
                 uint64_t from, uint64_t to)
{
    if (en->conf.span == NULL || to <= from)
        return;
    const struct gate *g = &en->program->gate[id];
    char text[64];
    snprintf(text, sizeof text, "%s.%s", gate_ops(en->proto, g)->name, name);
    const struct engine_span s = { .gate = g, .id = id, .name = text, .waiting = waiting,
                                   .worker = worker, .from = from, .to = to };
    en->conf.span(en->conf.ctx, &s);
}

/* The gate has waited for messages since its last step. */
static void span_wait(struct engine *en, uint32_t id)
{
    unsigned level;
    const struct gate *g = &en->program->gate[id];
    const struct slot *slot = &en->slot[id];
    const struct round *round = gate_round(gate_ops(en->proto, g), g, slot->step - 1u, &level);
    if (en->conf.span != NULL)
        span(en, id, round->name, 1, 0, slot->since, en->conf.host->ops->now(en->conf.host));
}

/* Sends what a step has left. */
static int step_send(struct engine *en, struct run *r)
{
    struct host *h = en->conf.host;
    const struct gate *g = &en->program->gate[r->id];
    struct slot *slot = &en->slot[r->id];
    int failed = 0;
    for (unsigned to = 0; to < en->proto->parties; to++) {
        uint8_t *data = r->step.out[gate_role(en->proto, g, to)];
        if (data == NULL)
            continue;
        size_t n = gate_bytes(en->proto, g, slot->step, en->conf.self, to);
        struct message m = { .type = en->conf.type,
                             .depth = (uint16_t)(slot->depth + (slot->depth < UINT16_MAX)),
                             .job = en->conf.job, .stream = r->id, .seq = slot->step,
                             .n = n, .data = data };
        en->stats.sent[to] += n;
        en->stats.messages++;
        failed |= h->ops->send(h, to, m);
    }
    return failed;
}

/* Gives back the messages that a step has read and counts their depth. */
static void step_consume(struct engine *en, uint32_t id)
{
    struct slot *slot = &en->slot[id];
    for (unsigned from = 0; slot->step > 0 && from < en->proto->parties; from++) {
        struct inbox *box = inbox_at(en, id, slot->step - 1u, from);
        arena_give(box->data);
        box->data = NULL;
    }
}

/* The depth that a step's messages bring, before it runs on. */
static void step_deepen(struct engine *en, uint32_t id)
{
    struct slot *slot = &en->slot[id];
    for (unsigned from = 0; slot->step > 0 && from < en->proto->parties; from++) {
        const struct inbox *box = inbox_at(en, id, slot->step - 1u, from);
        if (box->data != NULL && box->depth > slot->depth)
            slot->depth = box->depth;
    }
    if (slot->depth > en->stats.rounds)
        en->stats.rounds = slot->depth;
}

static void gate_finish(struct engine *en, uint32_t id)
{
    const struct gate *g = &en->program->gate[id];
    struct slot *slot = &en->slot[id];
    arena_give(slot->scratch);
    slot->scratch = NULL;
    const uint32_t read[] = { g->in[0], g->in[1], g->in[2], g->after };
    for (int k = 0; k < 4; k++)
        if (read[k] != NO_VALUE)
            cell_unread(en, read[k]);
    en->stats.gates_done++;
    en->left--;
    cell_made(en, g->out, slot->depth);
}

static void run_finish(struct engine *en, struct run *r)
{
    uint32_t id = r->id;
    struct slot *slot = &en->slot[id];
    en->stats.busy_ns += r->work.ended - r->work.started;
    span(en, id, r->round->name, 0, r->work.worker, r->work.started, r->work.ended);
    step_deepen(en, id);
    int failed = step_send(en, r);
    step_consume(en, id);
    slot->queued = 0;
    slot->step++;
    slot->since = r->work.ended;
    if (failed)
        engine_fail(en, ERR_PEER, "a message could not be sent: the link to a party is gone");
    else if (slot->step == slot->steps)
        gate_finish(en, id);
    else if (step_ready(en, id, slot->step))
        heap_push(en, id);
}

/* What a step was to send goes nowhere. */
static void run_forget(struct run *r)
{
    for (unsigned k = 0; k < LINK_PARTIES; k++) {
        arena_give(r->step.out[k]);
        r->step.out[k] = NULL;
    }
}

static void run_done(struct work *w)
{
    struct run *r = (struct run *)((char *)w - offsetof(struct run, work));
    struct engine *en = r->engine;
    en->running--;
    if (en->dead) {
        r->engine = NULL;
        if (en->running == 0)
            engine_release(en);
        return;
    }
    if (en->over)
        run_forget(r);
    else
        run_finish(en, r);
    r->engine = NULL;
    pump(en);
    engine_tell(en);
}

void engine_start(struct engine *en)
{
    en->started = 1;
    for (uint32_t i = 0; i < en->program->ngate; i++)
        if (en->slot[i].missing == 0)
            heap_push(en, i);
    pump(en);
    engine_tell(en);
}

void engine_drained(struct engine *en)
{
    if (!en->started)
        return;
    pump(en);
    engine_tell(en);
}

/* Gives back what the arena lent: values, scratch, messages that nobody has read. */
static void engine_give_back(struct engine *en)
{
    for (uint32_t v = 0; v < en->program->nvalue; v++)
        if (!en->program->value[v].external)
            arena_give(en->cell[v].words);
    for (uint32_t i = 0; i < en->program->ngate; i++) {
        arena_give(en->slot[i].scratch);
        for (uint32_t k = 0; k < en->slot[i].steps * en->proto->parties; k++)
            arena_give(en->inbox[en->slot[i].inbox + k].data);
    }
}

/* Steps that have not begun are cancelled; those on a worker are waited for: they are short, and
 * their memory goes back to the arena now. */
void engine_free(struct engine *en)
{
    if (en == NULL)
        return;
    for (unsigned i = 0; i < en->nrun; i++) {
        struct run *r = en->run[i];
        int expected = RUN_QUEUED;
        if (r == NULL || r->engine == NULL)
            continue;
        if (!atomic_compare_exchange_strong(&r->state, &expected, RUN_CANCELLED))
            while (atomic_load(&r->state) == RUN_ACTIVE)
                ;
        run_forget(r);
    }
    engine_give_back(en);
    en->over = 1;
    en->dead = 1;
    if (en->running == 0)
        engine_release(en);
}

const uint64_t *engine_value(const struct engine *en, uint32_t value)
{
    return en->cell[value].words;
}

void engine_stats(const struct engine *en, struct engine_stats *s)
{
    *s = en->stats;
}

int engine_waits(const struct engine *en, char *text, size_t n, int *party)
{
    *party = -1;
    for (uint32_t i = 0; i < en->program->ngate; i++) {
        const struct slot *slot = &en->slot[i];
        const struct gate *g = &en->program->gate[i];
        if (slot->missing > 0 || slot->step == 0 || slot->step == slot->steps || slot->queued)
            continue;
        for (unsigned from = 0; from < en->proto->parties; from++) {
            size_t bytes = due(en, i, slot->step - 1u, from);
            if (bytes == 0 || inbox_at(en, i, slot->step - 1u, from)->data != NULL)
                continue;
            unsigned level;
            const struct gate_ops *ops = gate_ops(en->proto, g);
            const struct round *round = gate_round(ops, g, slot->step - 1u, &level);
            *party = (int)from;
            snprintf(text, n, "gate %u (%s.%s, layer %u, frame %u) waits for %zu bytes from party"
                     " %u", i, ops->name, round->name, g->layer, g->frame, bytes, from);
            return 1;
        }
    }
    return 0;
}
