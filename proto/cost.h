/*
 * cost.h: what a program costs, exactly, before it runs.
 */
#ifndef OB_PROTO_COST_H
#define OB_PROTO_COST_H

#include <stdint.h>

#include "net/base_err.h"
#include "proto/protocol.h"

struct cost {
    uint64_t bytes[LINK_PARTIES][LINK_PARTIES];     /* payload, from and to */
    uint64_t messages[LINK_PARTIES];                /* sent */
    uint32_t rounds;        /* longest chain of messages from the inputs to the last value */
    uint64_t products;      /* ring multiplications in linear maps, one share of each operand */
};

/* The whole program. 0 or ERR_FAILED (memory). */
int cost_program(struct cost *c, const struct program *p, struct err *e);

/* The gates of a part, run alone. The bytes of the two parts add up to the program's; rounds do
 * not: in the whole program most deals are made while other gates wait. */
int cost_part(struct cost *c, const struct program *p, enum program_part part, struct err *e);

/* The gates with a label only (layer; UINT16_MAX: all), rounds counted from the layer's start. */
int cost_layer(struct cost *c, const struct program *p, uint16_t layer, struct err *e);

/*
 * Bytes of the messages with which at least r rounds are still to come, their own included, for
 * r = 0 .. rounds, sent and received by each party. Whatever the schedule, the last of them has
 * left its sender no earlier than the link can carry all of them, and r one-way delays follow; what
 * is received comes one delay after the start, needs the link, and has r - 1 rounds behind it. So
 *
 *     T >= sent[r] / bandwidth + r x delay,  T >= received[r] / bandwidth + r x delay
 *
 * for every party and every r. With r = 0 that is the bound of bytes, with r = rounds that of
 * rounds. It says nothing of arithmetic, and nothing of what comes before a message.
 */
struct cost_chain {
    uint32_t rounds;
    uint64_t *sent[LINK_PARTIES], *received[LINK_PARTIES];
    uint64_t *memory;
};

/* 0, or ERR_FAILED (memory), with nothing to give back then. */
int cost_chain(struct cost_chain *c, const struct program *p, enum program_part part,
               struct err *e);
void cost_chain_fini(struct cost_chain *c);

uint64_t cost_sent(const struct cost *c, unsigned party);       /* bytes */
uint64_t cost_total(const struct cost *c);                      /* bytes over all parties */

/* Memory in values and scratch at one party, in bytes, if gates ran one by one in order: messages
 * and gates that overlap come on top. 0 without memory to plan with. */
uint64_t cost_memory(const struct program *p);

/* Memory that a frame in flight needs at a party at most, in bytes: all gates of a layer at once,
 * with what they read, make and send, for the layer that needs most; deals, which may all be made
 * before; and records, which are kept until they are settled. For a program of `frames` frames, all
 * of which it has in flight. 0 without memory to plan with. */
uint64_t cost_frame_memory(const struct program *p, uint32_t frames);

#endif
