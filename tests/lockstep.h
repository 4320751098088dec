/*
 * lockstep.h: one gate at all parties, step by step, on memory and keys that the test chooses:
 * nothing of the engine or the network is in the way, so a test sees (and may taint) every word.
 */
#ifndef OB_TESTS_LOCKSTEP_H
#define OB_TESTS_LOCKSTEP_H

#include <stdlib.h>
#include <string.h>

#include "proto/protocol.h"

enum { LOCKSTEP_STEPS = 64, LOCKSTEP_PARTIES = 4 };

struct lockstep {
    const struct program *program;
    uint32_t id;                                        /* the gate */
    struct keys *keys[LOCKSTEP_PARTIES];
    uint64_t *x[LOCKSTEP_PARTIES][4];                   /* operands in the layout of values */
    uint64_t *z[LOCKSTEP_PARTIES];                      /* the result, allocated by lockstep_run */
    uint8_t *message[LOCKSTEP_STEPS][LOCKSTEP_PARTIES][LOCKSTEP_PARTIES];   /* step, from, to */
    size_t bytes[LOCKSTEP_STEPS][LOCKSTEP_PARTIES][LOCKSTEP_PARTIES];
    unsigned steps;
    struct claims claims[LOCKSTEP_PARTIES];             /* of each party, by party */
    uint8_t *record[LOCKSTEP_PARTIES];                  /* what the gate kept at each party */
    struct err err;                                     /* the first that a step set */
    const struct gate_ops *replaced;                    /* use these ops instead: controls */
    void (*sent)(void *message, size_t n);              /* called on every message; may be NULL */
    /* A cheat: sees, and may change, what `from` sends to `to` in a step; may be NULL. */
    void (*tamper)(void *ctx, unsigned step, unsigned from, unsigned to, void *message, size_t n);
    /* Called when a party has done a step: it may change what was sent. May be NULL. */
    void (*stepped)(struct lockstep *l, unsigned party, unsigned step);
    void *ctx;                                          /* the test's own */
    int fill;                                           /* byte that memory is filled with */
};

static inline void lockstep_step(struct lockstep *l, const struct gate_ops *ops, unsigned p,
                                 unsigned s, uint8_t *scratch)
{
    const struct protocol *proto = l->program->proto;
    const struct gate *g = &l->program->gate[l->id];
    struct step step = { .program = l->program, .gate = g, .id = l->id, .self = p,
                         .role = gate_role(proto, g, p), .scratch = scratch, .keys = l->keys[p],
                         .z = l->z[p], .number = s, .record = l->record[p],
                         .claimed = &l->claims[p] };
    const struct value *out = &l->program->value[g->out];
    step.z_stride = value_stride(proto, (enum value_kind)out->kind, out->n);
    for (int k = 0; k < 4; k++)
        if (g->in[k] != NO_VALUE) {
            const struct value *v = &l->program->value[g->in[k]];
            step.x[k] = l->x[p][k];
            step.stride[k] = value_stride(proto, (enum value_kind)v->kind, v->n);
        }
    const struct round *round = gate_round(ops, g, s, &step.level);
    for (unsigned q = 0; q < proto->parties; q++) {
        size_t n = round->bytes == NULL || p == q ? 0
                 : round->bytes(g, step.level, step.role, gate_role(proto, g, q));
        l->bytes[s][p][q] = n;
        if (n > 0) {
            l->message[s][p][q] = aligned_alloc(64, (n + 63) / 64 * 64);
            memset(l->message[s][p][q], l->fill, n);
            step.out[gate_role(proto, g, q)] = l->message[s][p][q];
        }
        if (s > 0)
            step.in[gate_role(proto, g, q)] = l->message[s - 1][q][p];
    }
    round->run(&step);
    if (step.err.code != 0 && l->err.code == 0)
        l->err = step.err;
    for (unsigned q = 0; q < proto->parties; q++) {
        unsigned role = gate_role(proto, g, q);
        for (unsigned i = 0; i < CLAIM_TAG; i++)
            l->claims[p].tag[q][i] ^= step.claims.tag[role][i];
        l->claims[p].count[q] += step.claims.count[role];
        l->claims[p].bytes[q] += step.claims.bytes[role];
    }
    for (unsigned q = 0; q < proto->parties; q++) {
        if (l->tamper != NULL && l->bytes[s][p][q] > 0)
            l->tamper(l->ctx, s, p, q, l->message[s][p][q], l->bytes[s][p][q]);
        if (l->sent != NULL && l->bytes[s][p][q] > 0)
            l->sent(l->message[s][p][q], l->bytes[s][p][q]);
    }
    if (l->stepped != NULL)
        l->stepped(l, p, s);
}

/* Runs the gate to its end. Messages stay until lockstep_clear. */
static inline void lockstep_run(struct lockstep *l)
{
    const struct protocol *proto = l->program->proto;
    const struct gate *g = &l->program->gate[l->id];
    const struct gate_ops *ops = l->replaced != NULL ? l->replaced : gate_ops(proto, g);
    uint8_t *scratch[LOCKSTEP_PARTIES];
    size_t n = ops->scratch == NULL ? 0 : ops->scratch(l->program, g);
    for (unsigned p = 0; p < proto->parties; p++) {
        scratch[p] = aligned_alloc(64, (n + 127) / 64 * 64);
        memset(scratch[p], l->fill, n);
        l->z[p] = calloc(l->program->value[g->out].words + 8, 8);
        if (ops->record != NULL)
            l->record[p] = calloc(1, ops->record(l->program, g, p) + 1);
    }
    l->steps = gate_steps(ops, g);
    for (unsigned s = 0; s < l->steps; s++)
        for (unsigned p = 0; p < proto->parties; p++)
            lockstep_step(l, ops, p, s, scratch[p]);
    for (unsigned p = 0; p < proto->parties; p++)
        free(scratch[p]);
}

/* Do both parties of every pair claim the same, pairs with the party `cheat` aside? */
static inline int lockstep_honest_agree(const struct lockstep *l, unsigned cheat)
{
    int same = 1;
    for (unsigned p = 0; p < l->program->proto->parties; p++)
        for (unsigned q = 0; q < p; q++)
            same &= p == cheat || q == cheat ||
                    (l->claims[p].count[q] == l->claims[q].count[p] &&
                     l->claims[p].bytes[q] == l->claims[q].bytes[p] &&
                     memcmp(l->claims[p].tag[q], l->claims[q].tag[p], CLAIM_TAG) == 0);
    return same;
}

static inline int lockstep_agree(const struct lockstep *l)
{
    return lockstep_honest_agree(l, LOCKSTEP_PARTIES);
}

static inline void lockstep_clear(struct lockstep *l)
{
    for (unsigned p = 0; p < l->program->proto->parties; p++) {
        free(l->record[p]);
        l->record[p] = NULL;
        free(l->z[p]);
        l->z[p] = NULL;
        for (unsigned s = 0; s < l->steps; s++)
            for (unsigned q = 0; q < l->program->proto->parties; q++) {
                free(l->message[s][p][q]);
                l->message[s][p][q] = NULL;
            }
    }
}

#endif
