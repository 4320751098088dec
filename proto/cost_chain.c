/*
 * cost_chain.c: how many bytes each party must have sent and received while so many rounds are
 * still to come. See cost.h.
 */
#include "net/base_mem.h"
#include "proto/cost.h"
#include "proto/tails.h"

/* The messages of a gate, each where its tail is. */
static void add_gate(struct cost_chain *c, const struct tails *t, const struct program *p,
                     uint32_t id)
{
    const struct gate *g = &p->gate[id];
    unsigned steps = gate_steps(gate_ops(p->proto, g), g);
    for (unsigned s = 0; s < steps; s++)
        for (unsigned from = 0; from < p->proto->parties; from++)
            for (unsigned to = 0; to < p->proto->parties; to++) {
                size_t n = gate_bytes(p->proto, g, s, from, to);
                if (n == 0)
                    continue;
                c->sent[from][tail_of(t, id, s, to)] += n;
                c->received[to][tail_of(t, id, s, to)] += n;
            }
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
    struct tails tails;
    *c = (struct cost_chain){ 0 };
    if (cost_part(&cost, p, part, e) != 0 || tails_init(&tails, p, part, TAIL_MESSAGES, e) != 0)
        return e != NULL ? e->code : ERR_FAILED;
    c->rounds = cost.rounds;
    size_t row = (size_t)c->rounds + 1;
    c->memory = mem_new(2 * LINK_PARTIES * row, sizeof *c->memory);
    for (unsigned k = 0; c->memory != NULL && k < LINK_PARTIES; k++) {
        c->sent[k] = c->memory + 2 * k * row;
        c->received[k] = c->sent[k] + row;
    }
    for (uint32_t i = 0; c->memory != NULL && i < p->ngate; i++)
        if (gate_in_part(&p->gate[i], part))
            add_gate(c, &tails, p, i);
    tails_fini(&tails);
    if (c->memory == NULL)
        return err_set(e, ERR_FAILED, "out of memory while planning");
    for (unsigned k = 0; k < 2 * LINK_PARTIES; k++)
        add_up(c->memory + k * row, c->rounds);
    return 0;
}

void cost_chain_fini(struct cost_chain *c)
{
    mem_free(c->memory);
    *c = (struct cost_chain){ 0 };
}
