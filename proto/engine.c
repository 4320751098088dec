#include <string.h>

#include "proto/engine_st.h"

/* ---- construction ---- */

/* Who reads what, of the gates that are run; gives the number of all reads. */
static uint32_t engine_count_readers(struct engine *en)
{
    const struct program *p = en->program;
    uint32_t total = 0, v;
    for (uint32_t i = 0; i < p->ngate; i++) {
        uint32_t n = en->slot[i].steps > 0 ? gate_operands(&p->gate[i]) : 0;
        for (uint32_t k = 0; k < n; k++)
            if ((v = gate_operand(p, &p->gate[i], en->conf.part, k)) != NO_VALUE)
                en->cell[v].readers++;
    }
    for (v = 0; v < p->nvalue; v++) {
        en->cell[v].makers = value_is_bound(&p->value[v], en->conf.part) ? 1 : p->value[v].makers;
        en->cell[v].reader = total;
        total += en->cell[v].readers;
    }
    return total;
}

static int engine_list_readers(struct engine *en)
{
    const struct program *p = en->program;
    uint32_t v;
    en->reader = mem_new((size_t)engine_count_readers(en) + 1, sizeof *en->reader);
    uint32_t *at = mem_new((size_t)p->nvalue + 1, sizeof *at);
    if (en->reader == NULL || at == NULL) {
        mem_free(at);
        return -1;
    }
    for (uint32_t i = 0; i < p->ngate; i++) {
        uint32_t n = en->slot[i].steps > 0 ? gate_operands(&p->gate[i]) : 0;
        for (uint32_t k = 0; k < n; k++)
            if ((v = gate_operand(p, &p->gate[i], en->conf.part, k)) != NO_VALUE) {
                en->reader[en->cell[v].reader + at[v]++] = i;
                en->slot[i].missing++;
            }
        en->slot[i].missing += p->gate[i].wall || en->slot[i].steps == 0;
    }
    mem_free(at);
    return 0;
}

/* A barrier waits for the gates of its stage: those since the barrier before, but for checks. */
static void engine_stages(struct engine *en)
{
    uint32_t barrier = NO_VALUE;
    for (uint32_t i = en->program->ngate; i-- > 0;) {
        unsigned kind = en->program->gate[i].kind;
        int checks = kind == GATE_PROVE || kind == GATE_MACS || kind == GATE_SETTLE;
        if (checks || kind == GATE_BARRIER)
            barrier = checks ? NO_VALUE : i;
        en->slot[i].barrier = kind == GATE_BARRIER ? NO_VALUE : barrier;
        if (en->slot[i].barrier != NO_VALUE)
            en->slot[barrier].missing++;
    }
}

static int engine_build(struct engine *en)
{
    const struct program *p = en->program;
    uint32_t boxes = 0;
    en->slot = mem_new((size_t)p->ngate + 1, sizeof *en->slot);
    en->cell = mem_new((size_t)p->nvalue + 1, sizeof *en->cell);
    en->words = mem_new((size_t)p->nvalue + 1, sizeof *en->words);
    en->heap = mem_new((size_t)p->ngate + 1, sizeof *en->heap);
    en->nrun = 2 * en->conf.host->workers;
    en->run = mem_new(en->nrun, sizeof(struct run *));
    if (en->slot == NULL || en->cell == NULL || en->words == NULL || en->heap == NULL ||
        en->run == NULL)
        return -1;
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        int plays = gate_in_part(g, en->conf.part);
        en->slot[i].steps = plays ? (uint16_t)gate_steps(gate_ops(en->proto, g), g) : 0;
        en->stats.gates_done += !plays;
        en->slot[i].inbox = boxes;
        boxes += en->slot[i].steps * en->proto->parties;
    }
    en->inbox = mem_new((size_t)boxes + 1, sizeof *en->inbox);
    en->record = mem_new((size_t)p->ngate + 1, sizeof *en->record);
    if (en->inbox == NULL || en->record == NULL)
        return -1;
    en->left = p->ngate - en->stats.gates_done;
    engine_stages(en);
    return engine_list_readers(en);
}

void engine_release(struct engine *en)
{
    for (unsigned i = 0; en->run != NULL && i < en->nrun; i++)
        mem_free(en->run[i]);
    mem_free(en->run);
    mem_free(en->slot);
    mem_free(en->inbox);
    mem_free(en->record);
    mem_free(en->cell);
    mem_free(en->words);
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
    if (engine_build(en) != 0) {
        engine_release(en);
        err_set(e, ERR_FAILED, "out of memory for a job");
        return NULL;
    }
    return en;
}

/* A value from outside is there. */
static void engine_put(struct engine *en, uint32_t value, uint64_t *words)
{
    en->words[value] = words;
    engine_made(en, value, 0);
    if (!en->started)
        return;
    en->awaited = en->conf.self;
    engine_pump(en);
    engine_tell(en);
}

void engine_bind(struct engine *en, uint32_t value, const uint64_t *words)
{
    if (!en->over && en->cell[value].makers > 0)
        engine_put(en, value, (uint64_t *)(uintptr_t)words);    /* read only: no gate makes it */
}

void engine_supply(struct engine *en, uint32_t value, uint64_t *words)
{
    if (en->over || !en->program->value[value].late || en->cell[value].makers == 0)
        arena_give(words);
    else
        engine_put(en, value, words);
}

/* ---- messages ---- */

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
        err_set(why, ERR_FAILED, "%s", engine_memory_limit);
        engine_fail(en, ERR_FAILED, engine_memory_limit);
        engine_tell(en);
        return NULL;
    }
    box->announced = 1;
    return room;
}

void engine_message(struct engine *en, unsigned from, struct message m)
{
    /* Only what engine_room has announced comes here with contents; the rest is nobody's. */
    if (en->over || m.n == 0 || from >= en->proto->parties || m.stream >= en->program->ngate ||
        m.seq >= en->slot[m.stream].steps) {
        arena_give(m.data);
        return;
    }
    engine_look(en);
    struct slot *slot = &en->slot[m.stream];
    struct inbox *box = inbox_at(en, m.stream, m.seq, from);
    if (!box->announced || box->data != NULL || m.n != due(en, m.stream, m.seq, from)) {
        arena_give(m.data);
        return;
    }
    box->data = m.data;
    box->depth = m.depth;
    en->stats.received[from] += m.n;
    engine_arrived(en, &m, from);
    if (en->started && !slot->queued && slot->missing == 0 && slot->step == m.seq + 1u &&
        engine_ready(en, m.stream, slot->step)) {
        engine_waited(en, m.stream);
        en->awaited = from;
        engine_push(en, m.stream);
        engine_pump(en);
        engine_tell(en);
    }
}

/* ---- the end ---- */

void engine_fail(struct engine *en, int code, const char *text)
{
    if (en->over)
        return;
    en->over = 1;
    err_set(&en->err, code, "%s", text);
}

/* Tells the owner that all is over, once. The owner may free the engine: callers return at once. */
void engine_tell(struct engine *en)
{
    if (en->left == 0)
        en->over = 1;
    if (!en->over || en->told)
        return;
    en->told = 1;
    en->conf.done(en->conf.ctx, &en->err);
}

void engine_start(struct engine *en)
{
    en->started = 1;
    if (en->proto->flags & PROTOCOL_MALICIOUS)
        keys_confirm(en->conf.keys, &en->claims);
    for (uint32_t i = 0; i < en->program->ngate; i++)
        if (en->slot[i].missing == 0 && !en->slot[i].queued)
            engine_push(en, i);
    engine_wall(en);
    engine_pump(en);
    engine_tell(en);
}

void engine_drained(struct engine *en)
{
    if (!en->started)
        return;
    engine_pump(en);
    engine_tell(en);
}

/* Gives back what the arena lent: values, scratch, messages that nobody has read. */
static void engine_give_back(struct engine *en)
{
    for (uint32_t v = 0; v < en->program->nvalue; v++)
        if (!value_is_lent(&en->program->value[v], en->conf.part))
            arena_give(en->words[v]);
    for (uint32_t i = 0; i < en->program->ngate; i++) {
        arena_give(en->slot[i].scratch);
        arena_give(en->record[i]);
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
        engine_forget(r);
    }
    engine_give_back(en);
    en->over = 1;
    en->dead = 1;
    if (en->running == 0)
        engine_release(en);
}

const uint64_t *engine_value(const struct engine *en, uint32_t value)
{
    return en->words[value];
}

uint32_t engine_oldest(const struct engine *en)
{
    uint32_t i = 0;
    while (i < en->program->ngate && en->slot[i].step == en->slot[i].steps)
        i++;
    return i;
}
