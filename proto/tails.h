/*
 * tails.h: how many messages in sequence are still to come, at least, with each message of a
 * program, itself included: the rounds between it and the program's end. It is known before
 * anything runs. cost_chain (cost.h) counts bytes by it, and of what waits for a link the engine
 * sends first what has the longest tail (link.h): the critical path before all else.
 */
#ifndef OB_PROTO_TAILS_H
#define OB_PROTO_TAILS_H

#include "proto/protocol.h"

struct tails {
    uint32_t *of;               /* by gate, step and receiver; 0: there is no such message */
    uint32_t *first;            /* of a gate, in `of` */
    unsigned parties;
};

/* Of the gates of a part, run alone. 0, or ERR_FAILED (memory), with nothing to give back then. */
int tails_init(struct tails *t, const struct program *p, enum program_part part, struct err *e);
void tails_fini(struct tails *t);       /* legal on zeros */

/* Of a message that this step of a gate sends to party `to`, whoever sends it; 0 where t is NULL. */
static inline uint32_t tail_of(const struct tails *t, uint32_t gate, unsigned step, unsigned to)
{
    return t == NULL ? 0 : t->of[t->first[gate] + step * t->parties + to];
}

#endif
