/*
 * program_stage.c: stages of a program, and the gates that check them (check.h, prove.h).
 */
#include "proto/program_build.h"

#include "proto/prove.h"

static uint32_t gate_token(struct program *p, enum gate_kind kind, uint32_t token, uint32_t first,
                           uint32_t shape)
{
    struct gate gate = gate_blank(p, kind);
    gate.in[0] = token;
    gate.after = NO_VALUE;
    gate.in_first = first;
    gate.shape = shape;
    gate.wall = kind == GATE_CHECK;
    gate.n = 1;
    gate.out = program_value(p, VALUE_BITS, 1);
    gate_enter(p, &gate);
    return gate.out;
}

void program_hold(struct program *p, uint32_t value)
{
    if (program_grow(p, &p->held, p->nheld, &p->held_room, sizeof *p->held) == 0)
        p->held[p->nheld++] = value;
}

uint32_t gate_prove(struct program *p, uint32_t token, uint32_t first, uint32_t shape)
{
    value_size(p, token, VALUE_BITS, VALUE_BITS);
    uint32_t out = gate_token(p, GATE_PROVE, token, first, shape);
    if (!p->failed)
        prove_plan(p, &p->gate[p->ngate - 1]);
    program_hold(p, out);
    return out;
}

uint32_t gate_macs(struct program *p, uint32_t token)
{
    value_size(p, token, VALUE_BITS, VALUE_BITS);
    uint32_t out = gate_token(p, GATE_MACS, token, 0, 0);
    program_hold(p, out);
    return out;
}

/* The first barrier may come before all gates. They come one after another: a token says that all
 * stages before are complete as well. */
void program_stage(struct program *p)
{
    struct stage_span s = { .first = p->open, .last = p->ngate };
    if (p->proto->settle == NULL || p->failed || (s.first == s.last && p->barrier != NO_VALUE))
        return;
    s.token = p->barrier = gate_token(p, GATE_BARRIER, p->barrier, 0, 0);
    p->open = p->ngate;
    if (program_grow(p, &p->stage, p->nstage, &p->stage_room, sizeof *p->stage) == 0)
        p->stage[p->nstage++] = s;
}

uint32_t program_settle(struct program *p)
{
    uint32_t held = p->nheld;
    program_stage(p);
    if (p->nstage == 0 || p->failed)
        return NO_VALUE;
    p->proto->settle(p, p->stage, p->nstage);
    uint32_t token = gate_token(p, GATE_SETTLE, NO_VALUE, held, p->nheld - held);
    p->nstage = 0;
    p->open = p->ngate;
    return token;
}

void program_close(struct program *p)
{
    if ((p->proto->flags & PROTOCOL_MALICIOUS) == 0)
        return;
    program_settle(p);
    gate_token(p, GATE_CHECK, NO_VALUE, 0, 0);
}
