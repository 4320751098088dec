/*
 * role.h: the three roles of a private classification, over any host (link.h).
 *
 *   party   holds shares of models, takes jobs from clients, runs them with its peers
 *   bob     `provide`: shares a model and selection matrices with every party; `prepare`: has
 *           correlated randomness made for it beforehand
 *   alice   `classify`: shares a clip with every party, waits, joins the pieces of the label
 *
 * A role is a state machine on the host's upcalls: it owns no socket and no thread, so the same
 * code runs over TLS and in the simulator. wire.h gives the messages.
 */
#ifndef OB_SRC_ROLE_H
#define OB_SRC_ROLE_H

#include <stdint.h>

#include "net/link.h"
#include "nn/chunks.h"
#include "nn/compile.h"
#include "nn/fixed.h"
#include "proto/cost.h"
#include "proto/engine.h"
#include "proto/protocol.h"

struct store;

/*
 * Ending: a role's memory holds the payloads that its host still has to send. So a role is stopped
 * (or has called `done`), then the host is freed, then the role; *_free does not touch the host.
 */

/* ---- party ---- */

enum role_right { MAY_CLASSIFY = 1, MAY_PROVIDE };

/* Where the correlated randomness of a classification came from. */
enum material {
    MATERIAL_NONE,                  /* the protocol has none */
    MATERIAL_MADE,                  /* made as the job ran */
    MATERIAL_STORED                 /* made beforehand */
};

/* What is known of a job when it has ended at one party. */
struct job_report {
    uint64_t job;
    int code;                       /* 0 or an err_code */
    char text[480];                 /* of the error */
    uint32_t frames, selected, window;  /* window: that were in flight at most */
    struct engine_stats stats;
    uint64_t planned_bytes;         /* what the plan said this party would send */
    uint32_t planned_rounds;
    uint64_t input_bytes;           /* what clients sent this party for this job */
    double input_seconds, run_seconds;
    double meeting_seconds;         /* of input_seconds: only for peers; in stats.waited_ns, too */
    uint64_t memory_peak;           /* of the job's arena */
    int prepare;                    /* the job made randomness for a later one */
    enum material material;
    uint64_t stored_bytes;          /* of the item that a job made */
};

struct party_conf {
    const struct protocol *proto;
    unsigned self;
    int reveal_scores;              /* this operator lets scores out when both owners ask */
    unsigned max_jobs;              /* at once; more wait in a queue of the same length */
    unsigned max_models;
    double job_timeout;             /* seconds without progress before a job is given up; twenty
                                     * times as many while the input of an owner is waited for */
    double link_timeout;            /* seconds that a job waits for links to all peers */
    uint64_t job_memory;            /* cap per job in bytes */
    uint64_t model_memory;          /* cap per model in bytes; 0: as job_memory */
    uint32_t window;                /* most frames in flight; 0: what job_memory allows */
    struct store *store;            /* for randomness made beforehand (store.h); NULL: none. Freed
                                     * after the party */
    uint8_t identity[32];           /* of all parties together, for what is stored */
    void *ctx;
    /* May the client of this configured name do that? NULL: every client may do everything. */
    int (*may)(void *ctx, const char *name, enum role_right right);
    void (*report)(void *ctx, const struct job_report *r);          /* may be NULL */
    void (*progress)(void *ctx, uint64_t job, uint32_t done, uint32_t gates);   /* may be NULL */
    void (*span)(void *ctx, uint64_t job, const struct engine_span *s);         /* may be NULL */
};

struct party;

/* Sets host->events. The host is started by the caller afterwards. */
struct party *party_new(struct host *h, const struct party_conf *conf, struct err *e);

/* Ends all jobs and uploads, telling peers and clients; what comes afterwards is refused. Give the
 * host a moment to send, then free it, then the party. */
void party_stop(struct party *p);
void party_free(struct party *p);           /* after its host; NULL is legal */

unsigned party_jobs(const struct party *p); /* running now */
int party_idle(const struct party *p);      /* nothing runs, waits or is being torn down */

/* ---- bob ---- */

struct bob_conf {
    const struct protocol *proto;
    const char *model_name;             /* under which parties keep it ("default") */
    const struct fixed_model *model;    /* borrowed until done */
    int reveal_scores;
    unsigned nselection;                /* one selection matrix per clip length that is served */
    struct {
        uint32_t frames, selected;
        struct chunks chunks;           /* in which such clips come */
        const uint64_t *rows;           /* selected x chunks_frames, 0 or 1; borrowed */
    } selection[64];
    void *ctx;
    double timeout;                     /* seconds in which nothing moves; 0: 60 */
    /* All parties take the model: a clip that needs it may be classified from now on, and is as the
     * shares arrive; may be NULL. */
    void (*taken)(void *ctx);
    void (*progress)(void *ctx, double part);       /* of the tensors; may be NULL */
    void (*done)(void *ctx, const struct err *e);   /* all parties hold the model (e->code is 0), or
                                                     * not; called once */
};

struct bob;
struct bob *bob_new(struct host *h, const struct bob_conf *conf, struct err *e);
void bob_free(struct bob *b);               /* after its host; NULL is legal */

/* ---- bob, who prepares ---- */

struct prepare_result {
    unsigned items;                     /* that every party holds now */
    uint32_t selected;
    uint32_t rounds;                    /* planned, for an item */
    uint64_t bytes[LINK_PARTIES];       /* planned, sent by each party for an item */
    uint64_t stored[LINK_PARTIES];      /* of all items */
    double seconds;
};

struct prepare_conf {
    const struct protocol *proto;
    const char *model_name;
    uint32_t frames;                    /* of the clips; 0: the only length that is served */
    unsigned count;                     /* items, one after another; at least 1 */
    double timeout;                     /* seconds in which nothing moves; 0: 60 */
    void *ctx;
    void (*progress)(void *ctx, unsigned items, double part);   /* of the next; may be NULL */
    void (*done)(void *ctx, const struct err *e, const struct prepare_result *r);   /* called once;
                                         * r->items may be some with an error, too */
};

struct prepare;
struct prepare *prepare_new(struct host *h, const struct prepare_conf *conf, struct err *e);
void prepare_free(struct prepare *b);       /* after its host; NULL is legal */

/* ---- alice ---- */

struct alice_result {
    unsigned label;
    char class_name[FIXED_NAME];
    uint32_t nclass;
    int have_scores;
    double scores[FIXED_CLASSES];
    uint32_t frames, selected;
    double seconds_input, seconds_total;
    uint32_t planned_rounds;
    uint64_t planned_bytes[LINK_PARTIES];
    uint64_t input_bytes;               /* sent by Alice */
};

/* How far Alice's job is. */
struct alice_progress {
    const char *phase;                  /* "connect", "terms", "input", "compute" or "label" */
    double part;                        /* of the phase, 0 to 1 */
    /* In "compute", from the first time on that party 0 tells (rounds > 0): */
    char layer[48];                     /* in words */
    int has_frame;                      /* the layer works on one frame: */
    uint32_t frame, selected;           /* from 0; of so many */
    uint32_t rounds;
    uint64_t bytes;                     /* sent by party 0 */
};

struct alice_conf {
    const struct protocol *proto;
    const char *model_name;
    int reveal_scores;                  /* ask for scores; refused unless the model owner and all
                                         * parties agree */
    uint32_t frames, h, w, c;
    const double *video;                /* frames * h * w * c values in [0, 1]; borrowed. NULL: the
                                         * frames come one by one, see `want` */
    double timeout;                     /* seconds in which nothing moves, see errand_wait; 0: she
                                         * waits for ever */
    void *ctx;
    /* The next frame is wanted: alice_frame is to be called once, now or later. */
    void (*want)(void *ctx);
    void (*progress)(void *ctx, const struct alice_progress *p);    /* may be NULL */
    /* Called once: r is NULL when e->code is not 0, and lives until the call returns. */
    void (*done)(void *ctx, const struct err *e, const struct alice_result *r);
};

struct alice;
struct alice *alice_new(struct host *h, const struct alice_conf *conf, struct err *e);
void alice_free(struct alice *a);           /* after its host; NULL is legal */

/* The frame that was wanted: h * w * c values, borrowed for the call. NULL: there is none, and the
 * job ends with *why. */
void alice_frame(struct alice *a, const double *frame, const struct err *why);

#endif
