/*
 * he_world.h: the deal of one linear map between two parties in one process, without its setup:
 * keys of ring-LWE are put where GATE_SETUP would have put them. Where party 1 holds the model,
 * party 0's part of it is zero.
 */
#ifndef OB_TESTS_HE_WORLD_H
#define OB_TESTS_HE_WORLD_H

#include "net/base_mem.h"
#include "proto/rlwe.h"
#include "proto/semi2k.h"
#include "tests/check.h"

struct he_world {
    struct program *program;
    const struct gate *gate;
    struct pack plan;
    size_t held;                                /* words of the held operand */
    struct he_party {
        struct keys keys;
        const struct gate_ops *ops;
        struct step step;
        uint64_t *setup, *w, *z;                /* z: A, then C */
        uint8_t *message[2];
    } party[2];
};

static inline void *he_memory(size_t n)
{
    void *p = mem_new(n, 1);
    if (p == NULL)
        exit(99);
    return p;
}

static inline void he_keys(struct he_world *w)
{
    struct setup_at at = semi2k_setup_at();
    static const uint8_t seed[2][RLWE_SEED] = { { 5 }, { 6 } };
    uint64_t *scratch = he_memory(RLWE_SCRATCH * 8);
    uint8_t *message = he_memory(RLWE_CIPHER_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *own = w->party[i].setup, *other = w->party[1 - i].setup;
        struct rlwe_source source = { &w->party[i].keys.own, 0, SEMI2K_KEY, 0 };
        rlwe_tables(own + at.tables);
        rlwe_keygen(own + at.secret, message, own + at.tables, seed[i], &source, scratch);
        rlwe_load(other + at.public, message, seed[i], own + at.tables);
    }
    mem_free(scratch);
    mem_free(message);
}

static inline void he_party_make(struct he_world *w, unsigned role, uint64_t *random)
{
    struct he_party *p = &w->party[role];
    int owned = w->program->proto == &protocol_semi2k_owner;
    uint8_t key[PRF_KEY];
    for (unsigned i = 0; i < PRF_KEY; i++)
        key[i] = (uint8_t)check_random(random);
    prf_init(&p->keys.own, key);
    p->setup = he_memory(semi2k_setup_at().end * 8);
    p->w = he_memory(w->held * 8);
    p->z = he_memory(w->gate->n * (size_t)8);
    for (size_t i = 0; i < w->held; i++)
        p->w[i] = owned && role == 0 ? 0 : check_random(random);
    for (unsigned i = 0; i < 2; i++)
        p->message[i] = he_memory(w->gate->message[i]);
    p->ops = w->program->proto->gate[GATE_DEAL_LINEAR];
    p->step = (struct step){ .program = w->program, .gate = w->gate, .id = 1, .self = role,
                             .role = role, .x = { p->setup, p->w }, .z = p->z, .keys = &p->keys };
    p->step.scratch = he_memory(p->ops->scratch(w->program, w->gate));
}

/* frames as for pack_plan. 0, or -1: the protocol does not deal such a map. */
static inline int he_make(struct he_world *w, const struct protocol *proto,
                          const struct geometry *g, uint32_t frames, uint64_t *random)
{
    *w = (struct he_world){ .program = program_new(proto) };
    uint32_t held = frames > 0 ? program_external_weight(w->program, g)
                               : program_external(w->program, VALUE_SHARE, (size_t)g->oh * g->c);
    w->held = frames > 0 ? geometry_depth(g) * g->oc : (size_t)g->oh * g->c;
    uint32_t deal = frames > 0 ? gate_deal_linear(w->program, g, held, frames)
                               : gate_deal_selection(w->program, g, held, 0);
    if (deal == NO_VALUE || w->program->failed || pack_plan(&w->plan, g, frames, RLWE_N) != 0)
        return -1;
    w->gate = &w->program->gate[w->program->ngate - 1];
    for (unsigned i = 0; i < 2; i++)
        he_party_make(w, i, random);
    he_keys(w);
    return 0;
}

static inline void he_free(struct he_world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct he_party *p = &w->party[i];
        if (p->z == NULL)
            continue;
        prf_fini(&p->keys.own);
        mem_free(p->setup);
        mem_free(p->w);
        mem_free(p->z);
        mem_free(p->step.scratch);
        mem_free(p->message[0]);
        mem_free(p->message[1]);
    }
    program_free(w->program);
}

/* Does the party leave a message in this round? */
static inline int he_sends(const struct he_world *w, unsigned role, unsigned round)
{
    const struct round *r = &w->party[role].ops->rounds[round];
    unsigned last = (r->times != NULL ? r->times(w->gate) : 1) - 1;
    return r->bytes != NULL && r->bytes(w->gate, last, role, 1 - role) > 0;
}

/* Round number `round` at one party; its message is what the round before left at the other. */
static inline void he_round(struct he_world *w, unsigned role, unsigned round)
{
    struct he_party *p = &w->party[role];
    p->step.in[1 - role] = round > 0 && he_sends(w, 1 - role, round - 1)
                               ? w->party[1 - role].message[round - 1] : NULL;
    p->step.out[1 - role] = he_sends(w, role, round) ? p->message[round] : NULL;
    const struct round *r = &p->ops->rounds[round];
    unsigned times = r->times != NULL ? r->times(w->gate) : 1;
    uint8_t *out = p->step.out[1 - role];
    const uint8_t *in = p->step.in[1 - role];
    for (unsigned level = 0; level < times; level++) {      /* what comes, first; what goes, last */
        p->step.level = level;
        p->step.in[1 - role] = level == 0 ? in : NULL;
        p->step.out[1 - role] = level + 1 == times ? out : NULL;
        r->run(&p->step);
    }
}

#endif
