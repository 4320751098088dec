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

/* at: depths of the values by number, and last of all gates so far, which a wall waits for. */
static void cost_gate(struct cost *c, struct depths *at, const struct program *p,
                      const struct gate *g, enum program_part part)
{
    struct depths d = { 0 };
    uint32_t read[GATE_READS];
    if (g->wall)
        d = at[p->nvalue];
    gate_operands(read, g, part);
    for (int i = 0; i < GATE_READS; i++)
        if (read[i] != NO_VALUE)
            deepen(&d, &at[read[i]]);
    unsigned steps = gate_steps(gate_ops(p->proto, g), g);
    for (unsigned s = 0; s < steps; s++)
        cost_step(c, &d, p->proto, g, s);
    deepen(&at[g->out], &d);
    deepen(&at[p->nvalue], &d);
    if (g->kind == GATE_LINEAR)
        c->products += (uint64_t)g->n * geometry_depth(&p->geometry[g->shape]);
    else if (g->kind == GATE_MUL)
        c->products += g->n;
}

static int cost_some(struct cost *c, const struct program *p, enum program_part part,
                     uint16_t layer, struct err *e)
{
    memset(c, 0, sizeof *c);
    struct depths *at = mem_new((size_t)p->nvalue + 1, sizeof *at);
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

uint64_t cost_memory(const struct program *p)
{
    struct use {
        uint32_t readers;       /* still to come */
        int made;               /* its first maker has run, so it is there */
    } *use = mem_new((size_t)p->nvalue + 1, sizeof *use);
    uint64_t now = 0, peak = 0, external = 0, record[LINK_PARTIES] = { 0 }, most = 0;
    if (use == NULL)
        return 0;
    for (uint32_t v = 0; v < p->nvalue; v++) {
        use[v].readers = p->value[v].readers;
        external += p->value[v].external ? p->value[v].words * 8 : 0;
    }
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        const struct gate_ops *ops = gate_ops(p->proto, g);
        if (!use[g->out].made)
            now += p->value[g->out].words * 8;
        use[g->out].made = 1;
        uint64_t scratch = ops->scratch == NULL ? 0 : ops->scratch(p, g);
        for (unsigned k = 0; ops->record != NULL && k < p->proto->parties; k++)
            record[k] += ops->record(p, g, k);
        peak = now + scratch > peak ? now + scratch : peak;
        uint32_t read[GATE_READS];
        gate_operands(read, g, PART_ALL);
        for (int k = 0; k < GATE_READS; k++)
            if (read[k] != NO_VALUE && --use[read[k]].readers == 0 &&
                !p->value[read[k]].external && !p->value[read[k]].keep)
                now -= p->value[read[k]].words * 8;
    }
    mem_free(use);
    for (unsigned k = 0; k < LINK_PARTIES; k++)
        most = record[k] > most ? record[k] : most;
    return peak + external + most;
}
