/*
 * tails.h: what is still to come with each message of a program, itself included, up to the
 * program's end, on the longest way there. It is known before anything runs. cost_chain (cost.h)
 * counts bytes by it, in messages; of what waits for a link the engine sends first what has the
 * longest tail (link.h), in time: the critical path before all else.
 *
 * Time counts long arithmetic, too, in the pieces that gates cut it in: what a party needs for its
 * longest work should not stand behind what it will only wait for. A message counts as four pieces:
 * on a way of 20 ms, which a message takes, a piece of some 5 (two to six did as well).
 */
#ifndef OB_PROTO_TAILS_H
#define OB_PROTO_TAILS_H

#include "proto/protocol.h"

struct tails {
    uint32_t *of;               /* by gate, step and receiver; 0: there is no such message */
    uint32_t *first;            /* of a gate, in `of` */
    unsigned parties;
};

enum tail_unit {
    TAIL_MESSAGES,              /* in sequence: rounds */
    TAIL_TIME                   /* of pieces of arithmetic */
};

/* Of the gates of a part, run alone. 0, or ERR_FAILED (memory) and nothing to give back. */
int tails_init(struct tails *t, const struct program *p, enum program_part part,
               enum tail_unit unit, struct err *e);
void tails_fini(struct tails *t);       /* legal on zeros */

/* Of a message that this step of a gate sends to party `to`, whoever sends it; 0 where t is NULL. */
static inline uint32_t tail_of(const struct tails *t, uint32_t gate, unsigned step, unsigned to)
{
    return t == NULL ? 0 : t->of[t->first[gate] + step * t->parties + to];
}

#endif
