/*
 * random_program.h: programs of random gates with what they must give, computed in the clear as
 * they are put together. Rounding gates are in them too, but nothing exact hangs on those.
 */
#ifndef OB_TESTS_RANDOM_PROGRAM_H
#define OB_TESTS_RANDOM_PROGRAM_H

#include "tests/check.h"

#include "proto/program.h"
#include "proto/protocol.h"

enum { RANDOM_VALUES = 80, RANDOM_INPUTS = 3, RANDOM_MOST = 150 };

struct random_value {
    uint32_t v;
    int bits;
    uint64_t plain[RANDOM_MOST];
};

struct random_program {
    struct program *p;
    uint64_t state;
    uint32_t n;                         /* elements of every value */
    unsigned nvalue;
    struct random_value value[RANDOM_VALUES];   /* the inputs first */
};

static inline uint32_t random_below(struct random_program *r, uint32_t n)
{
    return (uint32_t)(check_random(&r->state) % n);
}

/* A known value of the kind, or an input where there is none. */
static inline const struct random_value *random_pick(struct random_program *r, int bits)
{
    for (int tries = 0; tries < 100; tries++) {
        const struct random_value *v = &r->value[random_below(r, r->nvalue)];
        if (v->bits == bits)
            return v;
    }
    return bits ? NULL : &r->value[0];
}

static inline struct random_value *random_add(struct random_program *r, uint32_t v, int bits)
{
    struct random_value *z = &r->value[r->nvalue++];
    z->v = v;
    z->bits = bits;
    return z;
}

/* Two random terms and a constant in every row; now and then a row is empty. */
static inline void random_map(struct random_program *r, int bits)
{
    const struct random_value *x = random_pick(r, bits), *y = random_pick(r, bits);
    if (x == NULL)
        return;
    uint64_t plain[RANDOM_MOST];
    struct map *m = map_new(r->p, r->n, 2 * r->n, 2 * (size_t)r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t a = random_below(r, r->n), b = random_below(r, r->n);
        int64_t ca = bits ? 1 : (int64_t)check_random(&r->state), cb = bits ? 1 : -3;
        int64_t c = bits ? (int64_t)random_below(r, 2) : (int64_t)check_random(&r->state);
        plain[i] = 0;
        if (random_below(r, 5) > 0) {
            map_term(m, i, a, ca);
            map_term(m, i, r->n + b, cb);
            plain[i] = bits ? x->plain[a] ^ y->plain[b]
                            : (uint64_t)ca * x->plain[a] + (uint64_t)cb * y->plain[b];
        }
        map_constant(m, i, c);
        plain[i] = bits ? plain[i] ^ (uint64_t)c : plain[i] + (uint64_t)c;
    }
    uint32_t v = bits ? gate_bitmap(r->p, x->v, y->v, m) : gate_affine(r->p, x->v, y->v, m);
    memcpy(random_add(r, v, bits)->plain, plain, sizeof plain);
}

/* A product, reshared in two halves that come together in one value. */
static inline void random_halves(struct random_program *r)
{
    const struct random_value *x = random_pick(r, 0), *y = random_pick(r, 0);
    uint32_t out = program_value(r->p, VALUE_SHARE, 2 * r->n);
    gate_reshare_into(r->p, gate_mul(r->p, x->v, y->v), out, r->n);
    r->p->turn = (uint8_t)random_below(r, 3);
    gate_reshare_into(r->p, gate_mul(r->p, x->v, x->v), out, 0);
    struct map *m = map_new(r->p, r->n, 2 * r->n, 2 * (size_t)r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        map_term(m, i, i, 1);
        map_term(m, i, r->n + i, 1);
    }
    struct random_value *z = random_add(r, gate_affine(r->p, out, NO_VALUE, m), 0);
    for (uint32_t i = 0; i < r->n; i++)
        z->plain[i] = x->plain[i] * (x->plain[i] + y->plain[i]);
}

/* Gates that need small operands read an input. */
static inline void random_small(struct random_program *r, unsigned which)
{
    const struct random_value *x = &r->value[random_below(r, RANDOM_INPUTS)];
    unsigned width = 12 + random_below(r, 50);
    if (which == 2) {
        unsigned shift = 1 + random_below(r, 32);
        program_keep(r->p, gate_relu(r->p, gate_mul(r->p, x->v, x->v), shift, 25));
        program_keep(r->p, gate_trunc(r->p, gate_mul(r->p, x->v, x->v), shift));
        return;
    }
    struct random_value *z = which == 0 ? random_add(r, gate_sign(r->p, x->v, width), 1)
                                        : random_add(r, gate_relu(r->p, x->v, 0, width), 0);
    for (uint32_t i = 0; i < r->n; i++)
        z->plain[i] = which == 0 ? x->plain[i] >> 63
                    : x->plain[i] >> 63 ? 0 : x->plain[i];
}

static inline void random_bits(struct random_program *r, unsigned which)
{
    const struct random_value *x = random_pick(r, 1), *y = random_pick(r, 1);
    if (x == NULL || y == NULL)
        return;
    struct random_value *z = which == 0 ? random_add(r, gate_and(r->p, x->v, y->v), 1)
                                        : random_add(r, gate_b2a(r->p, x->v), 0);
    for (uint32_t i = 0; i < r->n; i++)
        z->plain[i] = which == 0 ? x->plain[i] & y->plain[i] : x->plain[i];
}

/* All values but the inputs are kept; inputs lie within 1000 of zero. Where the protocol settles
 * stages, there are some. */
static inline void random_program(struct random_program *r, const struct protocol *proto,
                                  uint64_t seed, unsigned gates)
{
    memset(r, 0, sizeof *r);
    r->state = seed;
    r->p = program_new(proto);
    r->n = 1 + random_below(r, RANDOM_MOST);
    for (unsigned i = 0; i < RANDOM_INPUTS; i++) {
        struct random_value *x = random_add(r, program_external(r->p, VALUE_SHARE, r->n), 0);
        for (uint32_t k = 0; k < r->n; k++)
            x->plain[k] = (uint64_t)random_below(r, 2001) - 1000;
    }
    for (unsigned i = 0; i < gates; i++) {
        unsigned what = random_below(r, 8);
        r->p->turn = (uint8_t)random_below(r, 6);
        r->p->frame = (uint16_t)(i / 4);
        r->p->layer = (uint16_t)(i % 4);
        r->p->after = random_below(r, 4) == 0 ? r->value[random_below(r, r->nvalue)].v : NO_VALUE;
        if (what < 2)
            random_map(r, what == 0);
        else if (what < 5)
            random_small(r, what - 2);
        else if (what < 7)
            random_bits(r, what - 5);
        else
            random_halves(r);
        if (proto->settle != NULL && random_below(r, 4) == 0)
            program_stage(r->p);
        if (proto->settle != NULL && random_below(r, 8) == 0)
            program_settle(r->p);
    }
    for (unsigned i = RANDOM_INPUTS; i < r->nvalue; i++)
        program_keep(r->p, r->value[i].v);
    CHECK_EQ(program_check(r->p, NULL), 0);
}

#endif
