#include "proto/cost.h"

#include <string.h>

#include "net/base_mem.h"

/* Depths at each party: how many messages in sequence lie behind a value. */
struct depths {
    uint32_t party[LINK_PARTIES];
};

static void deepen(struct depths *d, const struct depths *by)
{
    for (unsigned p = 0; p < LINK_PARTIES; p++)
        if (by->party[p] > d->party[p])
            d->party[p] = by->party[p];
}

/* Runs one step of a gate: counts its bytes, and moves the depths past its messages. */
static void cost_step(struct cost *c, struct depths *d, const struct protocol *proto,
                      const struct gate *g, unsigned s)
{
    struct depths after = *d;
    for (unsigned from = 0; from < proto->parties; from++)
        for (unsigned to = 0; to < proto->parties; to++) {
            size_t n = gate_bytes(proto, g, s, from, to);
            if (n == 0)
                continue;
            c->bytes[from][to] += n;
            c->messages[from]++;
            if (after.party[to] < d->party[from] + 1)
                after.party[to] = d->party[from] + 1;
        }
    *d = after;
    for (unsigned p = 0; p < proto->parties; p++)
        if (d->party[p] > c->rounds)
            c->rounds = d->party[p];
}

/* at: depths of the values by number; then of all gates so far, which a wall waits for, and of
 * those of the stage so far, which a barrier waits for. */
static void cost_gate(struct cost *c, struct depths *at, const struct program *p,
                      const struct gate *g, enum program_part part)
{
    struct depths d = { 0 };
    struct depths *all = &at[p->nvalue], *stage = all + 1;
    uint32_t v;
    if (g->wall)
        d = *all;
    if (g->kind == GATE_BARRIER)
        d = *stage;
    for (uint32_t i = 0; i < gate_operands(g); i++)
        if ((v = gate_operand(p, g, part, i)) != NO_VALUE)
            deepen(&d, &at[v]);
    unsigned steps = gate_steps(gate_ops(p->proto, g), g);
    for (unsigned s = 0; s < steps; s++)
        cost_step(c, &d, p->proto, g, s);
    deepen(&at[g->out], &d);
    deepen(all, &d);
    if (g->kind == GATE_BARRIER)
        memset(stage, 0, sizeof *stage);
    else if (g->kind != GATE_PROVE && g->kind != GATE_MACS && g->kind != GATE_SETTLE)
        deepen(stage, &d);
    if (g->kind == GATE_LINEAR)
        c->products += (uint64_t)g->n * geometry_depth(&p->geometry[g->shape]);
    else if (g->kind == GATE_MUL)
        c->products += g->n;
}

static int cost_some(struct cost *c, const struct program *p, enum program_part part,
                     uint16_t layer, struct err *e)
{
    memset(c, 0, sizeof *c);
    struct depths *at = mem_new((size_t)p->nvalue + 2, sizeof *at);
    if (at == NULL)
        return err_set(e, ERR_FAILED, "out of memory while planning");
    for (uint32_t i = 0; i < p->ngate; i++)
        if (gate_in_part(&p->gate[i], part) &&
            (layer == UINT16_MAX || p->gate[i].layer == layer))
            cost_gate(c, at, p, &p->gate[i], part);
    mem_free(at);
    return 0;
}

int cost_program(struct cost *c, const struct program *p, struct err *e)
{
    return cost_some(c, p, PART_ALL, UINT16_MAX, e);
}

int cost_part(struct cost *c, const struct program *p, enum program_part part, struct err *e)
{
    return cost_some(c, p, part, UINT16_MAX, e);
}

int cost_layer(struct cost *c, const struct program *p, uint16_t layer, struct err *e)
{
    return cost_some(c, p, PART_ALL, layer, e);
}

uint64_t cost_sent(const struct cost *c, unsigned party)
{
    uint64_t sum = 0;
    for (unsigned to = 0; to < LINK_PARTIES; to++)
        sum += c->bytes[party][to];
    return sum;
}

uint64_t cost_total(const struct cost *c)
{
    uint64_t sum = 0;
    for (unsigned from = 0; from < LINK_PARTIES; from++)
        sum += cost_sent(c, from);
    return sum;
}

/* There from the beginning to the end. */
static int is_lent(const struct value *v)
{
    return v->external && !v->late;
}

/* Memory while a program is gone through in its order. */
struct use {
    uint32_t *readers;          /* still to come, by value */
    uint8_t *made;              /* the value is there: its first maker has run, or it came late */
    uint64_t now;               /* bytes of values */
    uint64_t record[LINK_PARTIES];      /* bytes by party, given back at the next SETTLE */
};

static void use_value(struct use *u, const struct program *p, uint32_t v)
{
    if (!u->made[v])
        u->now += p->value[v].words * 8;
    u->made[v] = 1;
}

static void use_take(struct use *u, const struct program *p, const struct gate *g)
{
    const struct gate_ops *ops = gate_ops(p->proto, g);
    use_value(u, p, g->out);
    for (unsigned k = 0; k < 4; k++)
        if (g->in[k] != NO_VALUE && p->value[g->in[k]].late)
            use_value(u, p, g->in[k]);
    for (unsigned k = 0; ops->record != NULL && k < p->proto->parties; k++)
        u->record[k] += ops->record(p, g, k);
}

static void use_give(struct use *u, const struct program *p, const struct gate *g)
{
    uint32_t v;
    for (uint32_t k = 0; k < gate_operands(g); k++)
        if ((v = gate_operand(p, g, PART_ALL, k)) != NO_VALUE && --u->readers[v] == 0 &&
            !is_lent(&p->value[v]) && !p->value[v].keep)
            u->now -= p->value[v].words * 8;
    if (g->kind == GATE_SETTLE)
        memset(u->record, 0, sizeof u->record);
}

static uint64_t use_most(const struct use *u)
{
    uint64_t most = 0;
    for (unsigned k = 0; k < LINK_PARTIES; k++)
        most = u->record[k] > most ? u->record[k] : most;
    return u->now + most;
}

uint64_t cost_memory(const struct program *p)
{
    struct use u = { .readers = mem_new((size_t)p->nvalue + 1, sizeof *u.readers),
                     .made = mem_new((size_t)p->nvalue + 1, 1) };
    uint64_t peak = 0, external = 0;
    for (uint32_t v = 0; u.readers != NULL && v < p->nvalue; v++) {
        u.readers[v] = p->value[v].readers;
        external += is_lent(&p->value[v]) ? p->value[v].words * 8 : 0;
    }
    for (uint32_t i = 0; u.readers != NULL && u.made != NULL && i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        const struct gate_ops *ops = gate_ops(p->proto, g);
        use_take(&u, p, g);
        uint64_t here = use_most(&u) + (ops->scratch == NULL ? 0 : ops->scratch(p, g));
        peak = here > peak ? here : peak;
        use_give(&u, p, g);
    }
    mem_free(u.readers);
    mem_free(u.made);
    return peak + external;
}

/* Bytes of the step of a gate that sends and receives most, at a party. */
static uint64_t step_most(const struct program *p, const struct gate *g, unsigned self)
{
    unsigned steps = gate_steps(gate_ops(p->proto, g), g);
    uint64_t most = 0;
    for (unsigned s = 0; s < steps; s++) {
        uint64_t here = 0;
        for (unsigned i = 0; i < p->proto->parties; i++)
            here += gate_bytes(p->proto, g, s, self, i) + gate_bytes(p->proto, g, s, i, self);
        most = here > most ? here : most;
    }
    return most;
}

/* What all gates of a layer need at once; `seen` has a mark for every value, which is `mark` where
 * the value has been counted. Deals are counted elsewhere. */
static uint64_t layer_memory(const struct program *p, uint16_t layer, unsigned self,
                             uint32_t *seen, uint32_t mark)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        const struct gate_ops *ops = gate_ops(p->proto, g);
        if (g->layer != layer || gate_in_part(g, PART_DEALS))
            continue;
        sum += (ops->scratch == NULL ? 0 : ops->scratch(p, g)) + step_most(p, g, self);
        for (uint32_t k = 0; k <= gate_operands(g); k++) {
            uint32_t v = k == gate_operands(g) ? g->out : gate_operand(p, g, PART_ALL, k);
            if (v == NO_VALUE || seen[v] == mark || p->value[v].external || value_is_dealt(p, v))
                continue;
            seen[v] = mark;
            sum += p->value[v].words * 8;
        }
    }
    return sum;
}

/* Deals, with what making them takes, and the records of a party. */
static uint64_t kept_memory(const struct program *p, unsigned self)
{
    uint64_t sum = 0;
    for (uint32_t v = 0; v < p->nvalue; v++)
        sum += value_is_dealt(p, v) ? p->value[v].words * 8 : 0;
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        const struct gate_ops *ops = gate_ops(p->proto, g);
        sum += ops->record == NULL ? 0 : ops->record(p, g, self);
        if (gate_in_part(g, PART_DEALS))
            sum += (ops->scratch == NULL ? 0 : ops->scratch(p, g)) + step_most(p, g, self);
    }
    return sum;
}

uint64_t cost_frame_memory(const struct program *p, uint32_t frames)
{
    uint32_t *seen = mem_new((size_t)p->nvalue + 1, sizeof *seen), mark = 0;
    uint64_t most = 0;
    for (unsigned self = 0; seen != NULL && self < p->proto->parties; self++) {
        uint64_t layer = 0;
        for (uint32_t i = 0; i < p->ngate; i++) {
            if (i > 0 && p->gate[i].layer == p->gate[i - 1].layer)
                continue;
            uint64_t here = layer_memory(p, p->gate[i].layer, self, seen, ++mark);
            layer = here > layer ? here : layer;
        }
        layer += kept_memory(p, self);
        most = layer > most ? layer : most;
    }
    mem_free(seen);
    return most / frames;
}
