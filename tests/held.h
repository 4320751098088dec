/*
 * held.h: which outside values of a program are the model's: those that linear maps hold, and their
 * biases. Where parties deal, how they are shared may differ from how clips are (protocol.h).
 */
#ifndef OB_TESTS_HELD_H
#define OB_TESTS_HELD_H

#include "proto/protocol.h"

static inline enum owner held_owner(const struct program *p, uint32_t value)
{
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        if ((g->kind == GATE_DEAL_LINEAR && g->in[1] == value) ||
            (g->kind == GATE_LINEAR && g->in[2] == value))
            return OWNER_MODEL;
    }
    return OWNER_CLIP;
}

#endif
