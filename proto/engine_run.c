/*
 * engine_run.c: the engine's work: which gate is next, its steps on the workers, what they leave.
 */
#include <string.h>

#include "proto/engine_st.h"

const char engine_memory_limit[] = "a job has reached its memory limit (raise job_memory, or lower"
                                   " the number of frames in flight: window)";

/* ---- the heap of gates that can run ---- */

void engine_push(struct engine *en, uint32_t id)
{
    uint32_t i = en->nheap++;
    for (; i > 0 && en->heap[(i - 1) / 2] > id; i = (i - 1) / 2)
        en->heap[i] = en->heap[(i - 1) / 2];
    en->heap[i] = id;
    en->slot[id].queued = 1;
}

/* Takes the gate at a place of the heap out of it. */
static uint32_t heap_take(struct engine *en, uint32_t i)
{
    uint32_t taken = en->heap[i], last = en->heap[--en->nheap];
    for (; i > 0 && en->heap[(i - 1) / 2] > last; i = (i - 1) / 2)
        en->heap[i] = en->heap[(i - 1) / 2];
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
    return taken;
}

/* ---- values ---- */

static void cell_unread(struct engine *en, uint32_t v)
{
    struct cell *c = &en->cell[v];
    const struct value *value = &en->program->value[v];
    if (--c->readers > 0 || value_is_lent(value, en->conf.part) || value->keep)
        return;
    arena_give(en->words[v]);
    en->words[v] = NULL;
    if (value->late && en->conf.released != NULL)
        en->conf.released(en->conf.ctx, v);
}

void engine_made(struct engine *en, uint32_t v, uint16_t depth)
{
    struct cell *c = &en->cell[v];
    if (depth > c->depth)
        c->depth = depth;
    if (--c->makers > 0)
        return;
    for (uint32_t k = 0; k < c->readers; k++) {        /* none of them has begun */
        uint32_t id = en->reader[c->reader + k];
        struct slot *s = &en->slot[id];
        if (c->depth > s->depth)
            s->depth = c->depth;
        if (--s->missing == 0)
            engine_push(en, id);
    }
}

/* A wall waits for every gate before it: it is the last gate of a program. */
void engine_wall(struct engine *en)
{
    uint32_t id = en->program->ngate - en->left;
    if (en->left == 0 || !en->program->gate[id].wall || en->slot[id].missing != 1)
        return;
    en->slot[id].missing = 0;
    en->slot[id].depth = (uint16_t)(en->stats.rounds < UINT16_MAX ? en->stats.rounds : UINT16_MAX);
    engine_push(en, id);
}

/* ---- steps ---- */

/* Has everything come that step `step` of the gate reads? */
int engine_ready(const struct engine *en, uint32_t id, unsigned step)
{
    for (unsigned from = 0; step > 0 && from < en->proto->parties; from++)
        if (due(en, id, step - 1, from) > 0 && inbox_at(en, id, step - 1, from)->data == NULL)
            return 0;
    return 1;
}

/* The views of a gate's operands, from the values' memory. */
static void step_operands(const struct engine *en, const struct gate *g, struct step *s)
{
    for (int k = 0; k < 4; k++)
        if (g->in[k] != NO_VALUE) {
            const struct value *v = &en->program->value[g->in[k]];
            s->x[k] = en->words[g->in[k]];
            s->stride[k] = value_stride(en->proto, (enum value_kind)v->kind, v->n);
        }
    const struct value *v = &en->program->value[g->out];
    size_t first = v->kind == VALUE_BITS ? g->first / 64 : g->first;
    s->z = en->words[g->out] + first;
    s->z_stride = value_stride(en->proto, (enum value_kind)v->kind, v->n);
}

/* Memory for a step: the value, the scratch and the record at the first, messages always. 0, or -1.
 */
static int step_memory(struct engine *en, uint32_t id, struct run *r)
{
    struct step *s = &r->step;
    const struct gate *g = &en->program->gate[id];
    const struct gate_ops *ops = gate_ops(en->proto, g);
    struct slot *slot = &en->slot[id];
    if (en->words[g->out] == NULL)
        en->words[g->out] = arena_take(en->conf.arena, en->program->value[g->out].words * 8);
    if (slot->scratch == NULL && ops->scratch != NULL)
        slot->scratch = arena_take(en->conf.arena, ops->scratch(en->program, g));
    if (en->record[id] == NULL && ops->record != NULL) {
        r->fresh = ops->record(en->program, g, en->conf.self);
        en->record[id] = arena_take(en->conf.arena, r->fresh);
    }
    if (en->words[g->out] == NULL || (ops->scratch != NULL && slot->scratch == NULL) ||
        (ops->record != NULL && en->record[id] == NULL))
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
    s->record = en->record[id];
    s->records = en->record;
    s->values = en->words;
    s->claimed = &en->claims;
    return 0;
}

static void step_inputs(const struct engine *en, uint32_t id, struct step *s)
{
    const struct gate *g = &en->program->gate[id];
    unsigned step = en->slot[id].step;
    for (unsigned from = 0; step > 0 && from < en->proto->parties; from++)
        s->in[gate_role(en->proto, g, from)] = inbox_at(en, id, step - 1, from)->data;
}

/* Rounds work on buffers on the stack; what they leave there is wiped after every step. The
 * deepest of them uses some 30 KB. */
static __attribute__((noinline)) void stack_wipe(void)
{
    uint8_t stack[64 << 10];
    wipe(stack, sizeof stack);
}

static void run_on_worker(struct work *w)
{
    struct run *r = (struct run *)((char *)w - offsetof(struct run, work));
    int expected = RUN_QUEUED;
    if (!atomic_compare_exchange_strong(&r->state, &expected, RUN_ACTIVE))
        return;
    if (r->fresh > 0)       /* here and not on the loop, which fresh pages would keep for long */
        memset(r->step.record, 0, r->fresh);
    r->round->run(&r->step);
    stack_wipe();
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
    s->number = en->slot[id].step;
    r->round = gate_round(gate_ops(en->proto, g), g, en->slot[id].step, &s->level);
    if (step_memory(en, id, r) != 0) {
        for (unsigned k = 0; k < LINK_PARTIES; k++)
            arena_give(s->out[k]);
        return -1;
    }
    step_operands(en, g, s);
    step_inputs(en, id, s);
    r->engine = en;
    atomic_store(&r->state, RUN_QUEUED);
    en->running++;
    engine_begun(en, id);
    en->conf.host->ops->work(en->conf.host, &r->work);
    return 0;
}

/* The parties whose link is full, as bits. */
static unsigned links_full(const struct engine *en)
{
    struct host *h = en->conf.host;
    unsigned full = 0;
    for (unsigned p = 0; p < en->proto->parties; p++)
        if (p != en->conf.self && h->ops->queued(h, p) > en->conf.high_mark)
            full |= 1u << p;
    return full;
}

static int sends_to(const struct engine *en, uint32_t id, unsigned parties)
{
    const struct gate *g = &en->program->gate[id];
    for (unsigned p = 0; p < en->proto->parties; p++)
        if ((parties & 1u << p) != 0 &&
            gate_bytes(en->proto, g, en->slot[id].step, en->conf.self, p) > 0)
            return 1;
    return 0;
}

/* Where the oldest gate is in the heap that sends these parties nothing; nheap: there is none. */
static uint32_t oldest_without(const struct engine *en, unsigned parties)
{
    uint32_t at = en->nheap;
    if (parties == 0)
        return 0;
    for (uint32_t i = 0; i < en->nheap; i++)
        if ((at == en->nheap || en->heap[i] < en->heap[at]) &&
            !sends_to(en, en->heap[i], parties))
            at = i;
    return at;
}

/* Is there a worker for this gate? Beside a step for each worker as many stand in line, so that no
 * worker waits for the loop. But nothing stands in line behind an older gate whose next step needs
 * nothing more, as in long arithmetic that is cut in pieces: the worker would take it before the
 * next piece, and so younger gates would have every other turn. */
static int worker_for(const struct engine *en, uint32_t id)
{
    if (en->running < en->conf.host->workers)
        return 1;
    for (unsigned i = 0; i < en->nrun; i++) {
        const struct run *r = en->run[i];
        if (r == NULL || r->engine == NULL || r->id > id)
            continue;
        const struct slot *s = &en->slot[r->id];
        if (s->step + 1u < s->steps && engine_ready(en, r->id, s->step + 1u))
            return 0;
    }
    return 1;
}

/* Gives the workers what they can take. While a link is full nothing is begun that sends to it. */
void engine_pump(struct engine *en)
{
    while (!en->over && en->nheap > 0 && en->running < en->nrun) {
        unsigned full = links_full(en);
        uint32_t at = oldest_without(en, full);
        if (at == en->nheap) {
            engine_full(en, (unsigned)__builtin_ctz(full));
            break;      /* engine_drained comes back */
        }
        if (!worker_for(en, en->heap[at]))
            break;
        if (step_start(en, heap_take(en, at)) != 0)
            engine_fail(en, ERR_FAILED, engine_memory_limit);
    }
    if (en->running == 0 && !en->over)
        engine_idle(en);
}

/* A queue that was not empty the last time and is not now was not empty between. */
void engine_look(struct engine *en)
{
    struct host *h = en->conf.host;
    uint64_t now = h->ops->now(h);
    unsigned queued = 0;
    for (unsigned p = 0; p < en->proto->parties; p++) {
        if (p == en->conf.self || h->ops->queued(h, p) == 0)
            continue;
        queued |= 1u << p;
        en->stats.queued_ns[p] += (en->queued & 1u << p) != 0 ? now - en->looked : 0;
    }
    en->queued = queued;
    en->looked = now;
}

/* Sends what a step has left. */
static int step_send(struct engine *en, struct run *r)
{
    struct host *h = en->conf.host;
    const struct gate *g = &en->program->gate[r->id];
    struct slot *slot = &en->slot[r->id];
    int failed = 0;
    engine_look(en);
    for (unsigned to = 0; to < en->proto->parties; to++) {
        uint8_t *data = r->step.out[gate_role(en->proto, g, to)];
        if (data == NULL)
            continue;
        size_t n = gate_bytes(en->proto, g, slot->step, en->conf.self, to);
        struct message m = { .type = en->conf.type,
                             .depth = (uint16_t)(slot->depth + (slot->depth < UINT16_MAX)),
                             .job = en->conf.job, .stream = r->id, .seq = slot->step,
                             .tail = tail_of(en->conf.tails, r->id, slot->step, to),
                             .n = n, .data = data };
        en->stats.sent[to] += n;
        en->stats.dealt += gate_in_part(g, PART_DEALS) ? n : 0;
        en->stats.messages++;
        failed |= h->ops->send(h, to, m);
    }
    engine_look(en);
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

/* What proofs of the stages before a SETTLE gate needed is not needed any more. */
static void engine_settle(struct engine *en, uint32_t id)
{
    while (id-- > 0 && en->program->gate[id].kind != GATE_SETTLE) {
        arena_give(en->record[id]);
        en->record[id] = NULL;
    }
}

/* One gate of a barrier's stage less to wait for. */
static void engine_stage_less(struct engine *en, uint32_t id, uint16_t depth)
{
    struct slot *s = &en->slot[id];
    if (depth > s->depth)
        s->depth = depth;
    if (--s->missing == 0)
        engine_push(en, id);
}

static void gate_finish(struct engine *en, uint32_t id)
{
    const struct gate *g = &en->program->gate[id];
    struct slot *slot = &en->slot[id];
    arena_give(slot->scratch);
    slot->scratch = NULL;
    uint32_t n = gate_operands(g), v;
    for (uint32_t k = 0; k < n; k++)
        if ((v = gate_operand(en->program, g, en->conf.part, k)) != NO_VALUE)
            cell_unread(en, v);
    if (g->kind == GATE_SETTLE)
        engine_settle(en, id);
    en->stats.gates_done++;
    en->left--;
    engine_made(en, g->out, slot->depth);
    if (slot->barrier != NO_VALUE)
        engine_stage_less(en, slot->barrier, slot->depth);
    engine_wall(en);
}

/* What a step has claimed, by role, joins what its party has, by party. */
static void step_claims(struct engine *en, const struct run *r)
{
    const struct claims *c = &r->step.claims;
    for (unsigned role = 0; role < en->proto->parties; role++) {
        unsigned party = gate_party(en->proto, r->step.gate, role);
        for (unsigned i = 0; i < CLAIM_TAG; i++)
            en->claims.tag[party][i] ^= c->tag[role][i];
        en->claims.count[party] += c->count[role];
        en->claims.bytes[party] += c->bytes[role];
    }
}

static void run_finish(struct engine *en, struct run *r)
{
    uint32_t id = r->id;
    struct slot *slot = &en->slot[id];
    en->stats.busy_ns += r->work.ended - r->work.started;
    engine_ran(en, r);
    step_deepen(en, id);
    if (r->step.err.code != 0) {        /* evidence of cheating: nothing more leaves */
        engine_forget(r);
        engine_fail(en, r->step.err.code, r->step.err.text);
        return;
    }
    step_claims(en, r);
    int failed = step_send(en, r);
    step_consume(en, id);
    slot->queued = 0;
    slot->step++;
    slot->since = r->work.ended;
    if (failed)
        engine_fail(en, ERR_PEER, "a message could not be sent: the link to a party is gone");
    else if (slot->step == slot->steps)
        gate_finish(en, id);
    else if (engine_ready(en, id, slot->step))
        engine_push(en, id);
}

/* What a step was to send goes nowhere. */
void engine_forget(struct run *r)
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
        engine_forget(r);
    else
        run_finish(en, r);
    r->engine = NULL;
    engine_pump(en);
    engine_tell(en);
}
