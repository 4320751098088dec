/*
 * trial.h: runs a program at all parties in the simulator, with inputs in the clear, and joins
 * what it made: the stage on which gates and networks are tested.
 *
 *     struct trial t = { .program = p, .options = { .seed = 1 } };
 *     trial_input(&t, value, words);          for every external value, in the clear
 *     trial_run(&t);                          0, or the first party's error in t.err
 *     trial_output(&t, value, out);           a kept value, in the clear
 *     trial_free(&t);
 */
#ifndef OB_TESTS_TRIAL_H
#define OB_TESTS_TRIAL_H

#include "net/sim.h"
#include "proto/cost.h"
#include "proto/engine.h"
#include "proto/protocol.h"

enum { TRIAL_INPUTS = 160 };

struct trial;

struct trial_party {
    struct trial *trial;
    unsigned self, links;
    struct host *host;
    struct keys_seed seed;
    struct keys keys;
    struct arena *arena;
    struct engine *engine;
    struct tails tails;
    struct engine_stats stats;
    uint64_t *input[TRIAL_INPUTS];
    struct timer late;
    unsigned next_late;
    unsigned released;              /* of those that were late */
    int done;
    struct err err;
};

struct trial {
    struct program *program;
    const struct program *own[LINK_PARTIES];    /* what a party runs instead; NULL: the same */
    enum program_part part;
    const struct trial *deals;      /* PART_ONLINE: whose deals are used; it is freed later */
    uint8_t job;                    /* whose keys are drawn for it */
    struct sim_options options;
    uint64_t crash_at;              /* virtual time at which crash_party stops; 0: never */
    unsigned crash_party;
    struct trial_party party[LINK_PARTIES];
    uint32_t input_value[TRIAL_INPUTS];
    unsigned inputs;
    struct sim *sim;
    uint64_t late_ns;               /* inputs that may be late come one by one, so far apart; 0:
                                     * before the start */
    uint64_t took;                  /* virtual ns from the start of the engines to the end */
    uint64_t started;
    struct err err;
};

/* The words of an external value in the clear: n of them (for WEIGHT the kernel matrix, and g its
 * geometry). */
void trial_input(struct trial *t, uint32_t value, const uint64_t *words,
                 const struct geometry *g);
int trial_run(struct trial *t);
int trial_output(struct trial *t, uint32_t value, uint64_t *out);
void trial_free(struct trial *t);

#endif
