/*
 * rlwe_world.h: a key owner and one who answers, for the tests of the scheme (rlwe.h).
 */
#ifndef OB_TESTS_RLWE_WORLD_H
#define OB_TESTS_RLWE_WORLD_H

#include <math.h>

#include "net/base_mem.h"
#include "proto/rlwe_impl.h"
#include "tests/check.h"

static inline uint64_t *rlwe_words(size_t n)
{
    uint64_t *p = mem_new(n, sizeof *p);
    if (p == NULL)
        exit(99);
    return p;
}

static inline uint8_t *rlwe_bytes(size_t n)
{
    uint8_t *p = mem_new(n + 1, 1);
    if (p == NULL)
        exit(99);
    return p;
}

/* Memory of one product is kept here, so that many products cost no fresh pages. */
struct rlwe_pair {
    uint64_t *tables, *secret, *public, *scratch, *cipher, *weight;
    uint8_t *message;
    struct prf own, other;
    uint64_t block;
};

static inline void rlwe_pair_make(struct rlwe_pair *p)
{
    static const uint8_t key[2][PRF_KEY] = { { 1 }, { 2 } }, agreed[RLWE_SEED] = { 3 };
    *p = (struct rlwe_pair){ rlwe_words(RLWE_TABLES), rlwe_words(RLWE_POLY),
                             rlwe_words(RLWE_CIPHER), rlwe_words(RLWE_SCRATCH),
                             rlwe_words(RLWE_CIPHER), rlwe_words(RLWE_POLY),
                             rlwe_bytes(RLWE_CIPHER_BYTES), .block = RLWE_DRAW };
    prf_init(&p->own, key[0]);
    prf_init(&p->other, key[1]);
    rlwe_tables(p->tables);
    struct rlwe_source s = { &p->own, 1, 1, 0 };
    rlwe_keygen(p->secret, p->message, p->tables, agreed, &s, p->scratch);
    rlwe_load(p->public, p->message, agreed, p->tables);
}

static inline void rlwe_pair_free(struct rlwe_pair *p)
{
    mem_free(p->tables);
    mem_free(p->secret);
    mem_free(p->public);
    mem_free(p->scratch);
    mem_free(p->cipher);
    mem_free(p->weight);
    mem_free(p->message);
    prf_fini(&p->own);
    prf_fini(&p->other);
}

/* Words that were not drawn before, of the owner or of the other. */
static inline struct rlwe_source rlwe_fresh(struct rlwe_pair *p, const struct prf *prf)
{
    p->block += RLWE_DRAW;
    return (struct rlwe_source){ prf, 2, 1, p->block };
}

/* The cipher of p becomes Enc(m). */
static inline void rlwe_take(struct rlwe_pair *p, const uint64_t *m)
{
    struct rlwe_source s = rlwe_fresh(p, &p->own);
    rlwe_encrypt(p->message, m, p->secret, p->tables, &s, p->scratch);
    rlwe_load(p->cipher, p->message, NULL, p->tables);
}

/* sum += the cipher of p, times w. */
static inline void rlwe_weigh(struct rlwe_pair *p, uint64_t *sum, const uint64_t *w)
{
    rlwe_plain(p->weight, w, p->tables);
    rlwe_multiply(sum, p->cipher, p->weight);
}

static inline void rlwe_product(struct rlwe_pair *p, uint64_t *sum, const uint64_t *m,
                                const uint64_t *w)
{
    rlwe_take(p, m);
    rlwe_weigh(p, sum, w);
}

/* A margin as rlwe_decrypt gives it, in bits. */
static inline double rlwe_margin_bits(uint64_t margin)
{
    return -log2(1 - (double)margin / (1 << 20));
}

/* Operands: anything, and what is largest or has no small form. */
enum rlwe_operand { ANY, TOP, MOST, SIGNS, ONE, OPERANDS };

static inline uint64_t rlwe_operand(enum rlwe_operand kind, unsigned i, uint64_t *random)
{
    uint64_t top = (uint64_t)1 << 63, r = check_random(random);
    switch (kind) {
    case TOP: return top;
    case MOST: return top - 1;
    case SIGNS: return i & 1 ? top : top - 1;
    case ONE: return ~(uint64_t)0;
    default: return r;
    }
}

#endif
