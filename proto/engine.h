/*
 * engine.h: runs a program at one party: the only place where anything waits.
 *
 * The engine holds no thread and no socket. It is told of messages, hands arithmetic to the host's
 * workers, sends what the rounds leave, and starts a gate as soon as its inputs are complete - the
 * lowest number first, so old frames come before new ones, while everything that waits for the
 * network is overtaken by what does not. Memory of a value is taken when its first maker starts
 * and given back when its last reader is done.
 *
 * Message types are the role's; the engine uses one (conf.type) with stream = gate, seq = step.
 */
#ifndef OB_PROTO_ENGINE_H
#define OB_PROTO_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/keys.h"
#include "proto/program.h"
#include "proto/tails.h"

struct engine;

enum engine_span_kind {
    SPAN_WORK,                  /* arithmetic on a worker */
    SPAN_WAIT,                  /* a gate waits for messages to its step */
    SPAN_ARRIVAL,               /* of a message to its step from `party`, at `to` */
    SPAN_GIVEN,                 /* of a step to the workers, at `to` */
    SPAN_FULL                   /* nothing could be begun: the link to `party` had enough to send */
};

/* For traces. */
struct engine_span {
    const struct gate *gate;
    uint32_t id;
    const char *name;           /* "relu.lookup" */
    enum engine_span_kind kind;
    unsigned step;              /* of the gate, that ran or is to run */
    unsigned worker, party;
    uint64_t from, to;          /* ns of the host's clock */
};

struct engine_conf {
    struct host *host;
    const struct program *program;
    const struct tails *tails;  /* of all of the program: the longest goes first; NULL: older gates
                                 * alone decide which message does */
    const struct keys *keys;
    struct arena *arena;
    unsigned self;
    /* PART_DEALS: runs deals only, which engine_value then has, all of them. PART_ONLINE: runs the
     * others, with all deals bound. The parties must have agreed on it, as on the program. */
    enum program_part part;
    uint8_t type;               /* of the messages between engines */
    uint64_t job;
    size_t high_mark;           /* while a link has more bytes queued, no step for it is begun */
    void *ctx;
    /* All gates are done, or the engine gave up (e->code != 0). Called once, last of all. */
    void (*done)(void *ctx, const struct err *e);
    void (*span)(void *ctx, const struct engine_span *span);    /* NULL: no trace */
    /* A value that came late is not needed any more; may be NULL. Must not free the engine. */
    void (*released)(void *ctx, uint32_t value);
};

struct engine_stats {
    uint64_t sent[LINK_PARTIES], received[LINK_PARTIES];    /* payload bytes */
    uint64_t dealt;                                         /* of what is sent: by deals */
    uint64_t messages;                                      /* sent */
    uint32_t rounds;                                        /* deepest message chain seen */
    uint32_t gates_done;                                    /* those of the other part included */
    uint64_t busy_ns;                                       /* on workers */
    /* Time in which no worker had anything to do, by the party whose message ended it, or whose
     * link was too full to begin anything; what lasts still counts for who is missing now. A value
     * that is bound or supplied while the program runs ends a wait of the party's own. */
    uint64_t waited_ns[LINK_PARTIES];
    uint64_t idle_since;                                    /* such a time lasts; 0: none */
    /* Time in which bytes for a party waited for the link: at least, since the queues are looked at
     * when messages come and go. */
    uint64_t queued_ns[LINK_PARTIES];
};

struct engine *engine_new(const struct engine_conf *conf, struct err *e);

/* Cancels what runs (work on workers is let finish, without `done`), gives memory back. */
void engine_free(struct engine *en);

/* Memory of an external value, and in PART_ONLINE of a deal: borrowed until the engine is freed, in
 * the layout of value_words() (a deal: its words). Before engine_start or, so that what does not
 * read it runs meanwhile, at any time until the end; once. */
void engine_bind(struct engine *en, uint32_t value, const uint64_t *words);
void engine_start(struct engine *en);

/* The same for an external value that is the job's own (program_late): the words are a block of
 * conf.arena and the engine's from here on, which gives them back when their last reader is done,
 * and says so (conf.released). */
void engine_supply(struct engine *en, uint32_t value, uint64_t *words);

/* For host_events.room and .message: gate messages of this job. room refuses (NULL) what no gate
 * expects from that party: an unknown gate or step, a wrong length, a second copy. */
uint8_t *engine_room(struct engine *en, unsigned from, const struct message *head,
                     struct err *why);
void engine_message(struct engine *en, unsigned from, struct message m);
void engine_drained(struct engine *en);

/* A kept value, or a deal of PART_DEALS, complete once `done` has been called without error. */
const uint64_t *engine_value(const struct engine *en, uint32_t value);

void engine_stats(const struct engine *en, struct engine_stats *s);

/* The lowest number of a gate that is not done; the number of gates when all are. */
uint32_t engine_oldest(const struct engine *en);

/* For timeouts and warnings: what the oldest unfinished gate waits for, in words; *party gets who
 * is missing (or -1). Returns 0 if nothing is waited for but values that have not been supplied. */
int engine_waits(const struct engine *en, char *text, size_t n, int *party);

#endif
