/*
 * prove_world.h: three parties with nothing but a PROVE gate, over statements that the test made:
 * the stage of test_prove.c and bench_prove.c.
 *
 *     world_make(&w, runs, count, seed)       random true statements
 *     w.left[i], w.right[i], w.claim[0/1][i]  run i: change what you like, at all seats or at one
 *     world_run(&w)                           w.step.err says whether somebody objected
 *     world_free(&w)
 */
#ifndef OB_TESTS_PROVE_WORLD_H
#define OB_TESTS_PROVE_WORLD_H

#include "tests/check.h"
#include "tests/lockstep.h"

#include "proto/prove_impl.h"

enum { WORLD_RUNS = 8 };

struct prove_world {
    unsigned count;
    struct prove_run run[WORLD_RUNS];
    uint64_t *left[WORLD_RUNS], *right[WORLD_RUNS], *claim[2][WORLD_RUNS];
    /* What a seat fills in may be changed; NULL where it does not know. May be NULL. */
    void (*lie)(struct prove_world *w, unsigned i, enum prove_seat seat, uint64_t *left,
                uint64_t *right, uint64_t *claim);
    struct program *program;
    struct keys keys[3];
    struct lockstep step;
    unsigned turn;
};

/* The one world that runs: a source finds its statements through it. */
static struct prove_world *world;

static unsigned world_runs(const struct program *p, const struct gate *g)
{
    (void)p;
    (void)g;
    return world->count;
}

static struct prove_run world_run_at(const struct program *p, const struct gate *g, unsigned i)
{
    (void)p;
    (void)g;
    return world->run[i];
}

static size_t run_terms(const struct prove_run *run)
{
    return (size_t)run->terms * run->words;
}

/* coins: that all seats have the same is held by the weights; nothing here depends on them. */
static void world_fill(struct step *s, unsigned i, enum prove_seat seat, const struct prf *coins,
                       uint64_t *left, uint64_t *right, uint64_t *claim)
{
    const struct prove_run *run = &world->run[i];
    uint64_t coin;
    (void)s;
    prf_fill(coins, i, 1, 0, &coin, sizeof coin);
    if (left != NULL)
        memcpy(left, world->left[i], run_terms(run) * 8);
    if (right != NULL)
        memcpy(right, world->right[i], run_terms(run) * 8);
    if (claim != NULL)
        memcpy(claim, world->claim[seat == PROVE_RIGHT][i], run->words * 8u);
    if (world->lie != NULL)
        world->lie(world, i, seat, left, right, claim);
}

static const struct prove_source world_source = {
    .runs = world_runs, .run = world_run_at, .fill = world_fill
};

/* Three proofs, one for each turn. */
static void world_close(struct program *p, const struct stage_span *stage, uint32_t n)
{
    (void)n;
    for (p->turn = 0; p->turn < 3; p->turn++)
        gate_prove(p, stage->token, 0, 0);
    p->turn = 0;
}

static const struct protocol world_protocol = {
    .name = "prove-world", .parties = 3, .flags = PROTOCOL_MALICIOUS,
    .planes = { 2, 1, 2, 2 }, .gate = { [GATE_PROVE] = &prove_ops }, .source = &world_source,
    .settle = world_close
};

/* claim[1] such that all statements of a run are true. */
static inline void world_settle(struct prove_world *w, unsigned i)
{
    const struct prove_run *run = &w->run[i];
    for (size_t k = 0; k < run->words; k++) {
        uint64_t sum = 0;
        for (size_t t = 0; t < run->terms; t++) {
            uint64_t l = w->left[i][t * run->words + k], r = w->right[i][t * run->words + k];
            sum = run->kind == PROVE_BITS ? sum ^ (l & r) : sum + l * r;
        }
        w->claim[1][i][k] = run->kind == PROVE_BITS ? sum ^ w->claim[0][i][k]
                                                    : sum - w->claim[0][i][k];
    }
}

static inline uint64_t *world_words(size_t n, uint64_t *seed)
{
    uint64_t *p = malloc(n * 8 + 8);
    for (size_t i = 0; i < n; i++)
        p[i] = check_random(seed);
    return p;
}

static inline void world_keys(struct prove_world *w, unsigned a, unsigned b, uint64_t seed)
{
    uint8_t key[PRF_KEY];
    for (int i = 0; i < PRF_KEY; i++)
        key[i] = (uint8_t)check_random(&seed);
    prf_init(&w->keys[a].pair[b], key);
    prf_init(&w->keys[b].pair[a], key);
}

static inline void world_program(struct prove_world *w)
{
    w->program = program_new(&world_protocol);
    w->program->turn = (uint8_t)w->turn;
    gate_prove(w->program, program_external(w->program, VALUE_BITS, 1), 0, 0);
    w->step = (struct lockstep){ .program = w->program };
    for (unsigned p = 0; p < 3; p++) {
        w->step.x[p][0] = calloc(64, 8);
        w->step.keys[p] = &w->keys[p];
    }
}

static inline void world_make(struct prove_world *w, const struct prove_run *run, unsigned count,
                              uint64_t seed)
{
    memset(w, 0, sizeof *w);
    world = w;
    w->count = count;
    w->turn = (unsigned)(seed % 3);
    for (unsigned i = 0; i < count; i++) {
        w->run[i] = run[i];
        w->left[i] = world_words(run_terms(&run[i]), &seed);
        w->right[i] = world_words(run_terms(&run[i]), &seed);
        w->claim[0][i] = world_words(run[i].words, &seed);
        w->claim[1][i] = world_words(run[i].words, &seed);
        world_settle(w, i);
    }
    for (unsigned a = 0; a < 3; a++)
        world_keys(w, a, (a + 1) % 3, seed + a + 1);
    world_program(w);
}

static inline void world_run(struct prove_world *w)
{
    world = w;
    lockstep_run(&w->step);
}

static inline void world_free(struct prove_world *w)
{
    lockstep_clear(&w->step);
    for (unsigned i = 0; i < w->count; i++) {
        free(w->left[i]), free(w->right[i]);
        free(w->claim[0][i]), free(w->claim[1][i]);
    }
    for (unsigned p = 0; p < 3; p++) {
        free(w->step.x[p][0]);
        for (unsigned q = 0; q < 3; q++)
            if (p != q)
                prf_fini(&w->keys[p].pair[q]);
    }
    program_free(w->program);
}

#endif
