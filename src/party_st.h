/*
 * party_st.h: what the files of the party share.
 *
 *   party.c         links, clients, dispatch of messages, the tick
 *   party_job.c     a job's life: asked, queued, terms, ended; who is told
 *   party_clip.c    a job's clip: chunks come in, are agreed on, and go to the engine
 *   party_weights.c a job's model: tensors are agreed on, and go to the engine as they are here
 *   party_run.c     a job's work: the meeting of the parties, the engine, the outputs
 *   party_store.c   a job and the stored correlated randomness
 *   party_model.c   uploads and the models that jobs use
 *   party_wipe.c    the memory of what has ended
 *
 * Memory that workers, the engine or the host may still hold cannot be freed when a job ends. So
 * an ended job (or upload) moves to a list of the dying, and goes when its arena has back every
 * block that is not the job's own.
 */
#ifndef OB_SRC_PARTY_ST_H
#define OB_SRC_PARTY_ST_H

#include "src/role.h"
#include "src/store.h"
#include "src/wire.h"

enum {
    PARTY_TOMBS = 256,              /* ended jobs whose late messages are still swallowed */
    PARTY_TICK_MS = 200,
    PARTY_CONTROL = 8 << 20,        /* bytes of control messages at a time */
    PARTY_HELD = 16,                /* chunks beyond which she hears of no more */
    PARTY_WAITS = 1,                /* seconds after which Alice hears again that her job waits */
    PARTY_STALL = 3,                /* seconds without work after which a wait is worth a warning */
    PARTY_PATIENCE = 20             /* timeouts for those who may have to wait for others themselves:
                                     * owners, whom a slower party holds up, and the leader */
};

struct client {
    unsigned node;
    char name[64];
    struct client *next;
};

/* ---- models ---- */

enum holding_state { HOLDING_AWAITED, HOLDING_COMING, HOLDING_JOINING, HOLDING_HERE };

struct holding {                    /* a tensor as this party has it */
    struct tensor is;
    enum holding_state state;
    uint8_t *in;                    /* the message, while it comes in and is joined */
    uint64_t *share, *words;        /* plain; as the engine wants it */
    int failed;
    uint8_t mark[LINK_PARTIES][CLIENT_MARK];    /* with each peer */
    struct model *model;
    struct work work;
};

/* Agreed on (MODEL_OK) -> arriving -> whole -> used (MODEL_USE); see party_model.c. */
struct model {
    struct party *party;
    struct wire_model is;           /* .net lies in `bytes` */
    uint8_t *bytes;
    struct fixed_net net;
    struct holding *holding;
    unsigned nholding, left;        /* left: that are not here; 0: the model is whole */
    int used, gone;                 /* Bob has said MODEL_USE; or the upload ended before */
    struct arena *arena;
    uint8_t digest[WIRE_DIGEST];
    uint8_t mark[LINK_PARTIES][CLIENT_MARK];    /* of all tensors, once all are here */
    char giver[64];                 /* the client's name */
    unsigned owner;                 /* the client node, until the model is used or gone */
    uint64_t upload, touched, came; /* came: payload bytes of the client, when last looked at */
    unsigned refs, busy;
    struct work forget;             /* of the items that were stored for it; how many: */
    unsigned forgotten;
    struct model *next;
};

/* ---- jobs ---- */

enum job_state {
    JOB_QUEUED, JOB_PLAN, JOB_TERMS, JOB_INPUT, JOB_JOIN, JOB_READY, JOB_RUN, JOB_STORE, JOB_ENDED
};

/* What a job has done on a worker, a step at a time: its plan, and what it does with the store. */
enum errand_kind {
    ERRAND_PLAN, ERRAND_FIND, ERRAND_LOAD, ERRAND_PASS, ERRAND_USE, ERRAND_FRESH, ERRAND_SAVE,
    ERRAND_DROP
};

struct errand {
    struct work work;
    enum errand_kind kind;
    int busy;
    struct err err;
    struct store_file *file;
    uint64_t at, bytes;             /* of the item */
    uint32_t value;                 /* SAVE: the next one */
    uint64_t pass_to;               /* PASS: where the cursor goes */
};

enum chunk_state {
    CHUNK_AWAITED, CHUNK_COMING, CHUNK_JOINING, CHUNK_JOINED, CHUNK_GIVEN, CHUNK_RELEASED,
    CHUNK_UNUSED                    /* no row selects from it: it never comes */
};

/* A chunk of the clip, or all of it. */
struct chunk {
    struct job *job;
    enum chunk_state state;
    uint8_t *in;                    /* the message, while it comes in and is joined */
    uint64_t *share, *words;        /* plain; as the engine wants it */
    int told;                       /* the peers have this party's marks */
    unsigned met;                   /* peers whose mark has come, as bits */
    uint8_t mark[LINK_PARTIES][CLIENT_MARK], theirs[LINK_PARTIES][CLIENT_MARK];
    int failed;
    struct work join;
};

/* A tensor of the job's model, by its number. */
struct weight {
    int given;                      /* to the engine */
    unsigned told, met;             /* peers that have this party's mark; whose mark has come */
    uint8_t theirs[LINK_PARTIES][CLIENT_MARK];
};

struct job {
    struct party *party;
    uint64_t id;
    unsigned client;
    enum job_state state;
    struct wire_ask ask;
    struct model *model;
    unsigned selection;             /* which of the model's */
    struct wire_limits least;       /* what all parties allow it */
    struct compiled compiled;       /* this and what belongs to it is a worker's in JOB_PLAN */
    int has_program;
    struct tails tails;             /* of the program's messages */
    uint32_t window;                /* frames in flight at most */
    enum program_part runs;         /* the part that is run here */
    struct cost cost, online;       /* of that part; of PART_ONLINE */
    uint8_t digest[WIRE_DIGEST];
    struct arena *arena;
    size_t own;                     /* bytes of the arena that the job itself holds */
    struct chunk *chunk;            /* of the clip, by number; NULL for a job that prepares */
    unsigned acked;                 /* chunks that Alice has heard of */
    struct weight *weight;          /* of the model, by number */
    int whole;                      /* the model was when this party said JOB */
    uint8_t part[LINK_PARTIES][KEYS_PART];      /* to the keys of three */
    struct store_kind kind;
    struct store_mark item;         /* in hand, or to be made; serial 0: none */
    uint8_t *dealt;                 /* its contents */
    uint64_t stored;                /* bytes of the item that was made */
    struct errand errand;
    unsigned met;                   /* parties whose JOB has come, as bits */
    struct wire_job meet[LINK_PARTIES];
    struct keys *keys;
    int has_keys;
    struct engine *engine;
    int over;                       /* the engine has ended, with: */
    struct err outcome;
    uint64_t asked, ready, touched; /* times */
    uint64_t meeting;               /* from `ready` here until the last peer was as well: */
    unsigned late;
    uint64_t warned;                /* when the wait began that was last warned of */
    uint32_t gates_done, shown;     /* shown: of which Alice was told, */
    uint64_t told;                  /* at this time */
    uint64_t received, heard;       /* bytes: from peers; on the client's wire, when last looked at */
    struct job *next;
};

/* A job or upload that ended while others may still be sending; left[self] is the client's. */
struct tomb {
    uint64_t job, left[LINK_PARTIES];   /* bytes that each peer may still send */
};

struct party {
    struct host *host;
    struct party_conf conf;
    unsigned n;                     /* parties */
    const struct node_info *peer[LINK_PARTIES];
    struct wire_limits limits[LINK_PARTIES];    /* memory 0: the peer has not said them yet */
    struct client *clients;
    struct model *models, *uploads, *dying_models;
    struct job *jobs, *dying;       /* in the order in which they came */
    struct job *holder;             /* which has a stored item in its hands; NULL: none */
    struct tomb tomb[PARTY_TOMBS];
    unsigned next_tomb;
    struct arena *control, *sink;   /* control messages; late messages of ended jobs */
    struct timer tick, soon;
    int ticking, stopped;
    struct wiping *wiping;          /* memory that a worker wipes */
};

/* ---- party.c ---- */

const char *party_name(const struct party *p, unsigned node, char *text, size_t n);
struct client *party_client(struct party *p, unsigned node);
void party_send_fault(struct party *p, unsigned node, uint8_t type, uint64_t job,
                      const struct err *e);
void party_wake(struct party *p);           /* makes sure that the tick runs */
void party_tomb(struct party *p, uint64_t job, const uint64_t left[static LINK_PARTIES]);

/* ---- party_job.c ---- */

struct job *job_find(struct party *p, uint64_t id);
void job_ask(struct party *p, struct client *c, uint64_t id, const struct wire_ask *ask);
void job_admit(struct party *p);            /* starts what the queue allows */
int job_plan(struct job *j, struct err *e); /* on a worker: makes the plan, */
void job_planned(struct job *j);            /* and after that, j->errand.err */

/* Ends the job: e->code 0 when its outputs are on their way; otherwise everybody but `except`
 * (NO_VALUE: nobody) is told. */
void job_end(struct job *j, const struct err *e, unsigned except);
void job_tick(struct job *j, uint64_t now);
void job_progress(struct job *j, uint64_t now);     /* notes what the engine has done */
void job_bury(struct party *p);             /* frees the dying that can be freed */
void job_free(struct job *j);
unsigned job_active(const struct party *p); /* jobs that are not queued */

/* ---- party_run.c ---- */

/* Memory of the job's own in its arena. */
void *job_take(struct job *j, size_t n);
void job_give(struct job *j, void *block);

int job_no_memory(struct job *j, struct err *e);        /* ERR_FAILED */
/* ERR_ABORT: Alice, or one of the two, cheats. */
int job_clips_differ(const struct job *j, unsigned i, struct err *e);
void job_meet(struct job *j, unsigned from, const struct wire_job *m);
void job_begin(struct job *j);              /* Bob has said BEGIN to a job that prepares */
void job_gather(struct job *j);             /* something has come that the job needs to be ready */
int job_engine(struct job *j, struct err *e);       /* makes the engine, without inputs */
void job_run(struct job *j);                /* starts it */
void job_over(struct job *j);               /* the engine has ended: outputs or the error */

/* ---- party_clip.c ---- */

int clip_new(struct job *j, struct err *e);         /* when it is known which chunks there are */

/* INPUT, from Alice; CHUNK, from a peer. 0, or ERR_ABORT: it is not due. */
uint8_t *clip_room(struct job *j, const struct message *head, struct err *why);
int clip_input(struct job *j, struct message *m, struct err *e);
int clip_peer(struct job *j, unsigned from, const struct wire_mark *m, struct err *e);

const struct chunk *clip_first(const struct job *j);    /* that comes at all */
int clip_begun(const struct job *j);        /* is the first chunk here, to be agreed on in JOB? */
void clip_give(struct job *j);              /* to the engine, what the parties agree on */
void clip_released(struct job *j, uint32_t value);      /* by the engine */
void clip_ack(struct job *j);               /* tells Alice what has come, and may come */
void clip_end(struct job *j);               /* the job has ended: what nobody has is given back */

uint64_t clip_bytes(const struct job *j, int came);     /* that came; or that may come still */
int clip_coming(const struct job *j);       /* half a message of Alice's is here */
int clip_awaited(const struct job *j);      /* the number of a chunk that is not here; -1 */

/* ---- party_weights.c ---- */

int weights_new(struct job *j, struct err *e);      /* when the program is there */

/* In JOB: the mark for a peer; then, of what the peer said: ERR_ABORT if it has another model. */
void weights_mark(const struct job *j, unsigned peer, uint8_t mark[static CLIENT_MARK]);
int weights_met(const struct job *j, unsigned peer, struct err *e);

/* HELD, from a peer. 0, or ERR_ABORT: it is not due. */
int weights_peer(struct job *j, unsigned from, const struct wire_mark *m, struct err *e);

int weights_here(const struct job *j);      /* is all here that the job reads of its model? */
void weights_give(struct job *j);           /* to the engine, what is here and agreed on */
/* What of the model the job waits for, in words; 0: nothing. */
int weights_waits(const struct job *j, char *text, size_t n);

/* ---- party_store.c ---- */

void job_errand(struct job *j, enum errand_kind kind);  /* begins it; one at a time */

/* Has this party a store, and the protocol something to store? */
int stock_able(const struct party *p);

/* Looks for an item (or for a free number), if there is a store; job_gather comes afterwards if
 * j->errand.busy is set. */
int stock_begin(struct job *j, struct err *e);

/* All parties have told their numbers. The engine may start at once, unless j->runs has become
 * PART_ONLINE: then job_run comes later. */
int stock_meet(struct job *j, struct err *e);
void stock_save(struct job *j);             /* the deals are made: stores them and ends the job */
void stock_leave(struct job *j);            /* the job has ended, and no errand is under way */
void stock_forget(struct model *m);         /* the upload is gone: so are its items */

/* ---- party_model.c ---- */

struct model *model_find(struct party *p, const char *name);    /* one that is used */
/* One that jobs may ask for: used, or else the first that Bob offers by this name. */
struct model *model_offered(struct party *p, const char *name);
/* A tensor's words of one turn. */
const uint64_t *model_words(const struct holding *h, unsigned turn);
int model_begin(struct party *p, unsigned node, const struct message *m, struct err *e);
/* NULL with why->code 0: the message belongs to no upload. */
uint8_t *model_room(struct party *p, unsigned node, const struct message *head, struct err *why);
int model_tensor(struct party *p, unsigned node, struct message *m, struct err *e);
int model_use(struct party *p, unsigned node, uint64_t upload, struct err *e);
/* Ends an upload of this client, or all of them, and the jobs that read it. */
void model_drop(struct party *p, unsigned node, uint64_t upload, int all, const struct err *why,
                int tell);                  /* the client, too */
void model_tick(struct party *p, uint64_t now);
void model_unref(struct model *m);
void model_bury(struct party *p);
void model_free(struct model *m);

/* ---- party_wipe.c ---- */

/* Has blocks wiped and let go by a worker; NULL is legal. */
void party_wipe(struct party *p, struct block *blocks);
void party_wipe_all(struct party *p);       /* what is left, when the host is gone */

#endif
