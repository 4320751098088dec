/*
 * chain.h: a whole program at all parties, gate after gate and step by step, on memory and keys
 * that the test chooses. Like lockstep.h, which is for one gate on operands of its own, nothing of
 * the engine or the network is in the way; here a gate reads what gates before it made, records are
 * kept and claims add up, so that programs may end with proofs and the check.
 *
 * A party whose step finds evidence of cheating sends nothing of that step, and the run ends with
 * it: chain.stopped tells which parties did. A brazen party goes on whatever it finds.
 */
#ifndef OB_TESTS_CHAIN_H
#define OB_TESTS_CHAIN_H

#include <stdlib.h>
#include <string.h>

#include "proto/protocol.h"

enum { CHAIN_GATES = 160, CHAIN_VALUES = 240, CHAIN_MESSAGES = 6000 };

struct chain_message {
    uint32_t gate;
    unsigned step, from, to;
    size_t n;
    uint8_t *data;
};

struct chain {
    const struct program *program;
    struct keys *keys;                                  /* by party */
    uint64_t *value[LINK_PARTIES][CHAIN_VALUES];        /* externals: set by the test, who owns
                                                         * them; all others by the run */
    uint8_t *record[LINK_PARTIES][CHAIN_GATES];
    struct claims claims[LINK_PARTIES];                 /* of each party, by party */
    const struct gate_ops *replaced[GATE_KINDS];        /* used instead: controls */
    void (*before)(struct chain *c, uint32_t gate);     /* each gate; may be NULL */
    void (*sent)(struct chain *c, struct chain_message *m);     /* may change it; may be NULL */
    void *ctx;
    int fill;                                           /* byte that memory is filled with */
    unsigned brazen;                                    /* parties, as bits */
    struct chain_message message[CHAIN_MESSAGES];       /* all that were sent, in order */
    unsigned messages;
    unsigned stopped;                                   /* parties that gave up, as bits */
    struct err err;                                     /* of the first of them */
};

static inline void *chain_block(const struct chain *c, size_t n)
{
    size_t whole = (n + 127) / 64 * 64;
    uint8_t *p = aligned_alloc(64, whole);
    if (p == NULL)
        abort();
    return memset(p, c->fill, whole);
}

static inline const struct gate_ops *chain_ops(const struct chain *c, const struct gate *g)
{
    return c->replaced[g->kind] != NULL ? c->replaced[g->kind] : gate_ops(c->program->proto, g);
}

/* The views of a step that do not change from step to step. */
static inline struct step chain_step(struct chain *c, uint32_t id, unsigned p, uint8_t *scratch)
{
    const struct program *program = c->program;
    const struct protocol *proto = program->proto;
    const struct gate *g = &program->gate[id];
    const struct value *out = &program->value[g->out];
    struct step s = { .program = program, .gate = g, .id = id, .self = p,
                      .role = gate_role(proto, g, p), .scratch = scratch, .keys = &c->keys[p],
                      .record = c->record[p][id], .records = c->record[p], .values = c->value[p],
                      .claimed = &c->claims[p],
                      .z = c->value[p][g->out] +
                           (out->kind == VALUE_BITS ? g->first / 64 : g->first),
                      .z_stride = value_stride(proto, (enum value_kind)out->kind, out->n) };
    for (int k = 0; k < 4; k++)
        if (g->in[k] != NO_VALUE) {
            const struct value *v = &program->value[g->in[k]];
            s.x[k] = c->value[p][g->in[k]];
            s.stride[k] = value_stride(proto, (enum value_kind)v->kind, v->n);
        }
    return s;
}

static inline void chain_claims(struct chain *c, const struct step *s)
{
    for (unsigned q = 0; q < c->program->proto->parties; q++) {
        unsigned role = gate_role(c->program->proto, s->gate, q);
        for (unsigned i = 0; i < CLAIM_TAG; i++)
            c->claims[s->self].tag[q][i] ^= s->claims.tag[role][i];
        c->claims[s->self].count[q] += s->claims.count[role];
        c->claims[s->self].bytes[q] += s->claims.bytes[role];
    }
}

/* One step at one party; in[from] and out[to] are messages by party. */
static inline void chain_run_step(struct chain *c, struct step s, unsigned number,
                                  struct chain_message *const in[],
                                  struct chain_message *out[])
{
    const struct protocol *proto = c->program->proto;
    const struct round *round = gate_round(chain_ops(c, s.gate), s.gate, number, &s.level);
    unsigned first = c->messages;
    s.number = number;
    for (unsigned q = 0; q < proto->parties; q++) {
        unsigned role = gate_role(proto, s.gate, q);
        size_t n = round->bytes == NULL || q == s.self ? 0
                 : round->bytes(s.gate, s.level, s.role, role);
        s.in[role] = in[q] == NULL ? NULL : in[q]->data;
        if (n == 0)
            continue;
        if (c->messages == CHAIN_MESSAGES)
            abort();
        out[q] = &c->message[c->messages++];
        *out[q] = (struct chain_message){ s.id, number, s.self, q, n, chain_block(c, n) };
        s.out[role] = out[q]->data;
    }
    round->run(&s);
    chain_claims(c, &s);
    if (s.err.code != 0 && (c->brazen >> s.self & 1) == 0) {
        if (c->stopped == 0)
            c->err = s.err;
        c->stopped |= 1u << s.self;
        while (c->messages > first)
            free(c->message[--c->messages].data);
        return;
    }
    for (unsigned i = first; c->sent != NULL && i < c->messages; i++)
        c->sent(c, &c->message[i]);
}

static inline void chain_gate_memory(struct chain *c, uint32_t id,
                                     uint8_t *scratch[LINK_PARTIES])
{
    const struct gate *g = &c->program->gate[id];
    const struct gate_ops *ops = chain_ops(c, g);
    for (unsigned p = 0; p < c->program->proto->parties; p++) {
        scratch[p] = chain_block(c, ops->scratch == NULL ? 0 : ops->scratch(c->program, g));
        if (c->value[p][g->out] == NULL)
            c->value[p][g->out] = chain_block(c, c->program->value[g->out].words * 8);
        if (ops->record != NULL)
            c->record[p][id] = calloc(1, ops->record(c->program, g, p) + 1);
    }
}

static inline void chain_run_gate(struct chain *c, uint32_t id)
{
    unsigned parties = c->program->proto->parties;
    const struct gate *g = &c->program->gate[id];
    struct chain_message *box[2][LINK_PARTIES][LINK_PARTIES] = { { { NULL } } };   /* to, from */
    uint8_t *scratch[LINK_PARTIES];
    unsigned steps = gate_steps(chain_ops(c, g), g);
    chain_gate_memory(c, id, scratch);
    for (unsigned s = 0; s < steps && c->stopped == 0; s++) {
        memset(box[(s + 1) % 2], 0, sizeof box[0]);
        for (unsigned p = 0; p < parties; p++) {
            struct chain_message *out[LINK_PARTIES] = { NULL };
            chain_run_step(c, chain_step(c, id, p, scratch[p]), s, box[s % 2][p], out);
            for (unsigned q = 0; q < parties; q++)
                box[(s + 1) % 2][q][p] = out[q];
        }
    }
    for (unsigned p = 0; p < parties; p++)
        free(scratch[p]);
}

/* Runs the program to its end, or until a party gives up. 0, or the error's code. */
static inline int chain_run(struct chain *c)
{
    if (c->program->ngate > CHAIN_GATES || c->program->nvalue > CHAIN_VALUES)
        abort();
    for (uint32_t id = 0; id < c->program->ngate && c->stopped == 0; id++) {
        if (c->before != NULL)
            c->before(c, id);
        chain_run_gate(c, id);
    }
    return c->stopped == 0 ? 0 : c->err.code;
}

/* Do both parties of every pair claim the same? */
static inline int chain_agrees(const struct chain *c)
{
    int same = 1;
    for (unsigned p = 0; p < c->program->proto->parties; p++)
        for (unsigned q = 0; q < p; q++)
            same &= c->claims[p].count[q] == c->claims[q].count[p] &&
                    c->claims[p].bytes[q] == c->claims[q].bytes[p] &&
                    memcmp(c->claims[p].tag[q], c->claims[q].tag[p], CLAIM_TAG) == 0;
    return same;
}

/* Gives back what the run took, but not the externals. */
static inline void chain_clear(struct chain *c)
{
    for (unsigned i = 0; i < c->messages; i++)
        free(c->message[i].data);
    c->messages = 0;
    for (unsigned p = 0; p < c->program->proto->parties; p++) {
        for (uint32_t v = 0; v < c->program->nvalue; v++)
            if (!c->program->value[v].external) {
                free(c->value[p][v]);
                c->value[p][v] = NULL;
            }
        for (uint32_t i = 0; i < c->program->ngate; i++) {
            free(c->record[p][i]);
            c->record[p][i] = NULL;
        }
    }
    memset(c->claims, 0, sizeof c->claims);
    c->stopped = 0;
}

#endif
