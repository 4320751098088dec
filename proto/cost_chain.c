/*
 * cost_chain.c: how many bytes each party must have sent and received while so many rounds are
 * still to come. See cost.h. It walks through a program backwards, as cost.c does forwards.
 */
#include "net/base_mem.h"
#include "proto/cost.h"

/* At each party: how many messages in sequence still follow. */
struct tails {
    uint32_t party[LINK_PARTIES];
};

struct walk {
    struct cost_chain *chain;
    const struct program *program;
    enum program_part part;
    struct tails *of;           /* by value: from the moment when it is complete */
    struct tails wall, barrier; /* of the next gates that wait for all, or for their stage */
};

static void lengthen(struct tails *t, const struct tails *by)
{
    for (unsigned p = 0; p < LINK_PARTIES; p++)
        if (by->party[p] > t->party[p])
            t->party[p] = by->party[p];
}

/* Counts the messages of a step, behind which `t` follows, and moves t before them. */
static void walk_step(struct walk *w, struct tails *t, const struct gate *g, unsigned s)
{
    const struct protocol *proto = w->program->proto;
    struct cost_chain *c = w->chain;
    struct tails before = *t;
    for (unsigned from = 0; from < proto->parties; from++)
        for (unsigned to = 0; to < proto->parties; to++) {
            size_t n = gate_bytes(proto, g, s, from, to);
            uint32_t tail = t->party[to] + 1;
            if (n == 0)
                continue;
            c->sent[from][tail] += n;
            c->received[to][tail] += n;
            if (before.party[from] < tail)
                before.party[from] = tail;
        }
    *t = before;
}

static int is_of_stage(const struct gate *g)
{
    return g->kind != GATE_BARRIER && g->kind != GATE_PROVE && g->kind != GATE_MACS &&
           g->kind != GATE_SETTLE;
}

static void walk_gate(struct walk *w, const struct gate *g)
{
    struct tails t = w->of[g->out];
    uint32_t v;
    lengthen(&t, &w->wall);
    if (is_of_stage(g))
        lengthen(&t, &w->barrier);
    for (unsigned s = gate_steps(gate_ops(w->program->proto, g), g); s > 0; s--)
        walk_step(w, &t, g, s - 1);
    if (g->wall)
        lengthen(&w->wall, &t);
    if (g->kind == GATE_BARRIER)
        w->barrier = t;
    for (uint32_t i = 0; i < gate_operands(g); i++)
        if ((v = gate_operand(w->program, g, w->part, i)) != NO_VALUE)
            lengthen(&w->of[v], &t);
}

/* What had so many rounds to come becomes what had so many or more. */
static void add_up(uint64_t *bytes, uint32_t rounds)
{
    for (uint32_t r = rounds; r > 0; r--)
        bytes[r - 1] += bytes[r];
}

int cost_chain(struct cost_chain *c, const struct program *p, enum program_part part,
               struct err *e)
{
    struct cost cost;
    *c = (struct cost_chain){ 0 };
    if (cost_part(&cost, p, part, e) != 0)
        return e->code;
    c->rounds = cost.rounds;
    size_t row = (size_t)c->rounds + 1;
    struct walk w = { .chain = c, .program = p, .part = part,
                      .of = mem_new((size_t)p->nvalue + 1, sizeof *w.of) };
    c->memory = mem_new(2 * LINK_PARTIES * row, sizeof *c->memory);
    if (w.of == NULL || c->memory == NULL) {
        mem_free(w.of);
        cost_chain_fini(c);
        return err_set(e, ERR_FAILED, "out of memory while planning");
    }
    for (unsigned k = 0; k < LINK_PARTIES; k++) {
        c->sent[k] = c->memory + 2 * k * row;
        c->received[k] = c->sent[k] + row;
    }
    for (uint32_t i = p->ngate; i > 0; i--)
        if (gate_in_part(&p->gate[i - 1], part))
            walk_gate(&w, &p->gate[i - 1]);
    for (unsigned k = 0; k < 2 * LINK_PARTIES; k++)
        add_up(c->memory + k * row, c->rounds);
    mem_free(w.of);
    return 0;
}

void cost_chain_fini(struct cost_chain *c)
{
    mem_free(c->memory);
    *c = (struct cost_chain){ 0 };
}
