/*
 * scene.h: a program of three parties, gate by gate in lockstep, with everything kept; one message
 * may be changed on its way; and the statements of its proofs, evaluated as plain arithmetic. No
 * engine, no network and no proof machinery is in the way.
 */
#ifndef OB_TESTS_SCENE_H
#define OB_TESTS_SCENE_H

#include "proto/kernel.h"
#include "proto/prove.h"
#include "tests/check.h"

enum { PARTIES = 3, SCENE_STEPS = 64 };

/* What is done to the message of one step: change() gets its words. */
struct cheat {
    uint32_t gate;
    unsigned step, from, to;
    void (*change)(const struct cheat *c, uint8_t *message, size_t n);
    size_t place;               /* for change() */
    unsigned kind;
    uint64_t seed;
};

struct scene {
    const struct program *program;
    struct keys keys[PARTIES];
    struct prf coins;
    uint64_t **value[PARTIES];
    uint8_t **record[PARTIES];
    uint32_t gates;             /* that were run: those before the barrier */
    const struct cheat *cheat;
    unsigned caught;            /* parties whose step has set an error, as bits */
};

static inline void *scene_memory(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) / 64 * 64);
    memset(p, 0xa5, (n + 127) / 64 * 64);
    return p;
}

/* Random shares of random contents for every external value. */
static inline void scene_bind(struct scene *st, uint32_t v, uint64_t *seed)
{
    const struct program *p = st->program;
    const struct value *value = &p->value[v];
    size_t stride = value_stride(p->proto, (enum value_kind)value->kind, value->n);
    uint64_t *share[PARTIES];
    for (unsigned j = 0; j < PARTIES; j++) {
        share[j] = malloc((stride + 8) * 8);
        for (size_t i = 0; i < stride; i++)     /* of small contents, as gates take them */
            share[j][i] = check_random(seed);
        for (size_t i = 0; i < stride && j == 2 && value->kind != VALUE_BITS; i++)
            share[j][i] = (uint64_t)((int64_t)check_random(seed) >> 50) - share[0][i] - share[1][i];
    }
    for (unsigned a = 0; a < PARTIES; a++) {
        st->value[a][v] = scene_memory(value->words * 8 + 2 * stride * 8);
        uint64_t *plain = malloc(2 * stride * 8 + 8);
        memcpy(plain, share[a], stride * 8);
        memcpy(plain + stride, share[(a + 1) % PARTIES], stride * 8);
        if (value->kind == VALUE_WEIGHT) {
            const struct geometry *g = NULL;
            for (uint32_t i = 0; i < p->ngate; i++)
                if (p->gate[i].kind == GATE_LINEAR && p->gate[i].in[1] == v)
                    g = &p->geometry[p->gate[i].shape];
            p->proto->weight_pack(st->value[a][v], plain, g, a);
        } else
            memcpy(st->value[a][v], plain, 2 * stride * 8);
        if (value->kind == VALUE_SHARE && value->words > 2 * stride)    /* as input_join does */
            memset(st->value[a][v] + 2 * stride, 0, (value->words - 2 * stride) * 8);
        free(plain);
    }
    for (unsigned j = 0; j < PARTIES; j++)
        free(share[j]);
}

static inline void scene_init(struct scene *st, const struct program *p, uint64_t seed)
{
    uint8_t key[PRF_KEY];
    memset(st, 0, sizeof *st);
    st->program = p;
    for (unsigned a = 0; a <= PARTIES; a++) {
        for (int i = 0; i < PRF_KEY; i++)
            key[i] = (uint8_t)check_random(&seed);
        if (a == PARTIES) {
            prf_init(&st->coins, key);
            break;
        }
        prf_init(&st->keys[a].pair[(a + 1) % PARTIES], key);
        prf_init(&st->keys[(a + 1) % PARTIES].pair[a], key);
        st->value[a] = calloc(p->nvalue + 1, sizeof *st->value[a]);
        st->record[a] = calloc(p->ngate + 1, sizeof *st->record[a]);
    }
    for (uint32_t v = 0; v < p->nvalue; v++)
        if (p->value[v].external)
            scene_bind(st, v, &seed);
}

static inline void scene_free(struct scene *st)
{
    for (unsigned a = 0; a < PARTIES; a++) {
        for (uint32_t v = 0; v < st->program->nvalue; v++)
            free(st->value[a][v]);
        for (uint32_t id = 0; id < st->program->ngate; id++)
            free(st->record[a][id]);
        free(st->value[a]);
        free(st->record[a]);
        prf_fini(&st->keys[a].pair[(a + 1) % PARTIES]);
        prf_fini(&st->keys[a].pair[(a + 2) % PARTIES]);
    }
    prf_fini(&st->coins);
}

static inline struct step scene_step(struct scene *st, uint32_t id, unsigned a)
{
    const struct program *p = st->program;
    const struct gate *g = &p->gate[id];
    struct step s = { .program = p, .gate = g, .id = id, .self = a,
                      .role = gate_role(p->proto, g, a), .keys = &st->keys[a],
                      .record = st->record[a][id], .records = st->record[a],
                      .values = st->value[a] };
    for (int k = 0; k < 4; k++)
        if (g->in[k] != NO_VALUE) {
            const struct value *v = &p->value[g->in[k]];
            s.x[k] = st->value[a][g->in[k]];
            s.stride[k] = value_stride(p->proto, (enum value_kind)v->kind, v->n);
        }
    const struct value *out = &p->value[g->out];
    s.z = st->value[a][g->out];
    if (s.z != NULL)
        s.z += out->kind == VALUE_BITS ? g->first / 64 : g->first;
    s.z_stride = value_stride(p->proto, (enum value_kind)out->kind, out->n);
    return s;
}

static inline void scene_prepare(struct scene *st, uint32_t id, uint8_t *scratch[PARTIES])
{
    const struct program *p = st->program;
    const struct gate *g = &p->gate[id];
    const struct gate_ops *ops = gate_ops(p->proto, g);
    for (unsigned a = 0; a < PARTIES; a++) {
        if (st->value[a][g->out] == NULL)
            st->value[a][g->out] = scene_memory(p->value[g->out].words * 8);
        if (ops->record != NULL) {
            st->record[a][id] = scene_memory(ops->record(p, g, a));
            memset(st->record[a][id], 0, ops->record(p, g, a));
        }
        scratch[a] = scene_memory(ops->scratch == NULL ? 0 : ops->scratch(p, g));
    }
}

/* claims: of each party, by party; may be NULL. */
static inline void scene_claims(struct scene *st, uint32_t id, struct claims claims[PARTIES])
{
    const struct program *p = st->program;
    const struct gate *g = &p->gate[id];
    const struct gate_ops *ops = gate_ops(p->proto, g);
    uint8_t *scratch[PARTIES], *message[SCENE_STEPS][PARTIES][PARTIES] = { 0 };
    unsigned steps = gate_steps(ops, g);
    scene_prepare(st, id, scratch);
    if (claims != NULL)
        memset(claims, 0, PARTIES * sizeof *claims);
    for (unsigned n = 0; n < steps; n++)
        for (unsigned a = 0; a < PARTIES; a++) {
            struct step s = scene_step(st, id, a);
            s.scratch = scratch[a];
            s.number = n;
            const struct round *round = gate_round(ops, g, n, &s.level);
            for (unsigned b = 0; b < PARTIES; b++) {
                size_t size = gate_bytes(p->proto, g, n, a, b);
                unsigned role = gate_role(p->proto, g, b);
                if (size > 0)
                    s.out[role] = message[n][a][b] = scene_memory(size);
                if (n > 0)
                    s.in[role] = message[n - 1][b][a];
            }
            round->run(&s);
            st->caught |= (unsigned)(s.err.code != 0) << a;
            for (unsigned b = 0; b < PARTIES && claims != NULL; b++) {
                unsigned role = gate_role(p->proto, g, b);
                for (unsigned i = 0; i < CLAIM_TAG; i++)
                    claims[a].tag[b][i] ^= s.claims.tag[role][i];
                claims[a].count[b] += s.claims.count[role];
            }
            const struct cheat *c = st->cheat;
            if (c != NULL && c->gate == id && c->step == n && c->from == a)
                c->change(c, message[n][a][c->to], gate_bytes(p->proto, g, n, a, c->to));
        }
    for (unsigned n = 0; n < steps; n++)
        for (unsigned a = 0; a < PARTIES; a++)
            for (unsigned b = 0; b < PARTIES; b++)
                free(message[n][a][b]);
    for (unsigned a = 0; a < PARTIES; a++)
        free(scratch[a]);
}

static inline void scene_gate(struct scene *st, uint32_t id)
{
    scene_claims(st, id, NULL);
}

/* All gates up to the barrier that ends the program. */
static inline void scene_run(struct scene *st)
{
    for (uint32_t id = 0; id < st->program->ngate &&
                          st->program->gate[id].kind != GATE_BARRIER; id++) {
        scene_gate(st, id);
        st->gates = id + 1;
    }
}

/* All proofs behind the barrier, as they are run. */
static inline void scene_prove(struct scene *st)
{
    for (uint32_t id = st->gates; id < st->program->ngate; id++)
        if (st->program->gate[id].kind == GATE_PROVE)
            scene_gate(st, id);
}

/* ---- statements ---- */

/* What is false, by prover; and words in which prover and verifiers hold different factors. */
struct verdict {
    size_t wrong[PARTIES], differ, statements[PARTIES], terms[2][PARTIES];
};

static inline void scene_judge(const struct prove_run *r, const uint64_t *left,
                               const uint64_t *right, const uint64_t *claim[2], size_t *wrong)
{
    for (size_t k = 0; k < r->words; k++) {
        uint64_t sum = 0;
        for (size_t t = 0; t < r->terms; t++) {
            uint64_t x = left[t * r->words + k], y = right[t * r->words + k];
            sum = r->kind == PROVE_BITS ? sum ^ (x & y) : sum + x * y;
        }
        *wrong += sum != (r->kind == PROVE_BITS ? claim[0][k] ^ claim[1][k]
                                                : claim[0][k] + claim[1][k]);
    }
}

/* What the seats say of one run: factors of the prover (0, 1) and of the verifiers (2, 3); claims
 * of LEFT, RIGHT and, of words, the prover. */
struct scene_said {
    struct prove_run run;
    size_t terms;               /* words of all terms of one side */
    uint64_t *at[4], *claim[3];
};

static inline struct scene_said scene_say(struct scene *st, const struct prove_source *source,
                                          uint32_t id, unsigned i)
{
    const struct gate *g = &st->program->gate[id];
    struct scene_said d = { .run = source->run(st->program, g, i) };
    unsigned prover = g->turn, right = (prover + 1) % 3, left = (prover + 2) % 3;
    struct step s[3] = { scene_step(st, id, prover), scene_step(st, id, right),
                         scene_step(st, id, left) };
    d.terms = (size_t)d.run.terms * d.run.words;
    for (int k = 0; k < 4; k++)
        d.at[k] = scene_memory(d.terms * 8);
    for (int k = 0; k < 3; k++)
        d.claim[k] = scene_memory(d.run.words * 8);
    source->fill(&s[0], i, PROVE_PROVER, &st->coins, d.at[0], d.at[1],
                 d.run.kind == PROVE_WORDS ? d.claim[2] : NULL);
    source->fill(&s[1], i, PROVE_RIGHT, &st->coins, NULL, d.at[3], d.claim[1]);
    source->fill(&s[2], i, PROVE_LEFT, &st->coins, d.at[2], NULL, d.claim[0]);
    return d;
}

static inline void scene_said_free(struct scene_said *d)
{
    for (int k = 0; k < 4; k++)
        free(d->at[k]);
    for (int k = 0; k < 3; k++)
        free(d->claim[k]);
}

static inline void scene_statement(struct scene *st, const struct prove_source *source,
                                   uint32_t id, unsigned i, struct verdict *v)
{
    struct scene_said d = scene_say(st, source, id, i);
    unsigned prover = st->program->gate[id].turn;
    v->differ += memcmp(d.at[0], d.at[2], d.terms * 8) != 0;
    v->differ += memcmp(d.at[1], d.at[3], d.terms * 8) != 0;
    v->differ += d.run.kind == PROVE_WORDS && memcmp(d.claim[0], d.claim[2], d.run.words * 8) != 0;
    v->statements[prover] += d.run.words;
    v->terms[d.run.kind][prover] += d.terms;
    scene_judge(&d.run, d.at[2], d.at[3], (const uint64_t **)d.claim, &v->wrong[prover]);
    scene_said_free(&d);
}

static inline void scene_verdict(struct scene *st, const struct prove_source *source,
                                 struct verdict *v)
{
    memset(v, 0, sizeof *v);
    for (uint32_t id = st->gates; id < st->program->ngate; id++)
        for (unsigned i = 0; st->program->gate[id].kind == GATE_PROVE &&
                             i < source->runs(st->program, &st->program->gate[id]); i++)
            scene_statement(st, source, id, i, v);
}

#endif
