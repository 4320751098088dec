/*
 * engine_st.h: what the files of the engine share.
 *
 *   engine.c        its life: construction, messages, the end, what others may ask
 *   engine_run.c    its work: which gate is next, steps on workers, what they leave
 *   engine_watch.c  what it tells of its work: spans, who is waited for and how long
 */
#ifndef OB_PROTO_ENGINE_ST_H
#define OB_PROTO_ENGINE_ST_H

#include <stdatomic.h>

#include "proto/engine.h"
#include "proto/protocol.h"

/* A step on its way through the worker pool. A worker may only run it if it finds QUEUED; a
 * cancelled one is never run, so its memory may go. */
enum run_state { RUN_QUEUED, RUN_ACTIVE, RUN_DONE, RUN_CANCELLED };

struct run {
    struct work work;
    struct engine *engine;
    uint32_t id;
    const struct round *round;
    _Atomic int state;
    size_t fresh;               /* bytes of the record, which this step is the first to see */
    struct step step;
};

/* Where a gate stands. */
struct slot {
    uint32_t missing;           /* inputs that are not complete */
    uint16_t step, steps;
    uint16_t depth;             /* messages behind what it has seen so far */
    uint8_t queued;             /* in the heap, or running */
    uint32_t inbox;             /* first of steps * parties entries */
    uint32_t barrier;           /* of its stage, or NO_VALUE */
    uint8_t *scratch;
    uint64_t since;             /* when it began to wait for messages */
};

/* One message that a gate expects; data is NULL until it has come. */
struct inbox {
    uint8_t *data;
    uint16_t depth;
    uint8_t announced;
};

struct cell {                   /* a value at run time */
    uint32_t makers, readers;   /* still to come */
    uint32_t reader;            /* first of its readers in the list */
    uint16_t depth;
};

struct engine {
    struct engine_conf conf;
    const struct program *program;
    const struct protocol *proto;
    struct slot *slot;
    struct inbox *inbox;
    struct cell *cell;
    uint64_t **words;           /* of the values that are there */
    uint32_t *reader;           /* gates that read a value, value by value */
    uint8_t **record;           /* of the gates that keep one, by number; NULL: nobody does */
    struct claims claims;       /* of all steps so far, by party */
    uint32_t *heap;             /* gates that can run a step now, lowest number on top */
    uint32_t nheap, running, left;
    struct run **run;           /* the steps that are out */
    unsigned nrun;
    int started, over, told, dead;
    uint64_t looked;            /* at the queues of the links, */
    unsigned queued;            /* which were not empty: a bit for each party */
    struct err err;             /* why it is over */
    unsigned awaited;           /* the party that lets the next step begin */
    uint64_t full_since;        /* the link to it is full; 0: it is not */
    struct engine_stats stats;
};

/* ---- engine.c ---- */

/* The engine gives up; engine_tell then tells the owner, once. The owner may free the engine in
 * that call: callers of engine_tell return at once. */
void engine_fail(struct engine *en, int code, const char *text);
void engine_tell(struct engine *en);
void engine_release(struct engine *en);     /* the engine's own memory, last of all */

/* ---- engine_run.c ---- */

extern const char engine_memory_limit[];

static inline struct inbox *inbox_at(const struct engine *en, uint32_t id, unsigned step,
                                      unsigned from)
{
    return &en->inbox[en->slot[id].inbox + step * en->proto->parties + from];
}

/* Bytes that step `step` of a gate brings here from a party. */
static inline size_t due(const struct engine *en, uint32_t id, unsigned step, unsigned from)
{
    return gate_bytes(en->proto, &en->program->gate[id], step, from, en->conf.self);
}

/* Has everything come that step `step` of the gate reads? */
int engine_ready(const struct engine *en, uint32_t id, unsigned step);

/* Is the memory of the value the caller's for as long as the engine lives? (engine_bind) */
static inline int value_is_lent(const struct value *v, enum program_part part)
{
    return value_is_bound(v, part) && !v->late;
}

/* One maker of the value less to come; readers may run after the last one. */
void engine_made(struct engine *en, uint32_t v, uint16_t depth);

void engine_push(struct engine *en, uint32_t id);       /* the gate can run a step */
void engine_look(struct engine *en);                    /* at the queues of the links */
void engine_wall(struct engine *en);    /* so can the next wall, if all before it is done */
void engine_pump(struct engine *en);                    /* gives the workers what they can take */
void engine_forget(struct run *r);                      /* what a step was to send goes nowhere */

/* ---- engine_watch.c ---- */

/* Nothing is left to do here now: waiting begins, if it has not. */
void engine_idle(struct engine *en);
void engine_full(struct engine *en, unsigned party);    /* its link keeps gates from starting */
void engine_begun(struct engine *en, uint32_t id);      /* a step has begun: waiting has ended */

/* Spans, if there is a trace: of a step that has run; of the wait that ends now; of a message. */
void engine_ran(struct engine *en, const struct run *r);
void engine_waited(struct engine *en, uint32_t id);
void engine_arrived(struct engine *en, const struct message *m, unsigned from);

#endif
