/*
 * prove_impl.h: what the files behind GATE_PROVE share: names of randomness, and the two kinds of
 * statements. Private to prove.c, fold_bits.c, fold_words.c and their test.
 */
#ifndef OB_PROTO_PROVE_IMPL_H
#define OB_PROTO_PROVE_IMPL_H

#include "proto/fold.h"
#include "proto/prove.h"

/* Uses of the keys of pairs, and which pair. */
enum prove_use {
    USE_COINS = 1,              /* LEFT, RIGHT: seeds of the source's coins and of the weights */
    USE_PRIME,                  /* LEFT, RIGHT: candidates */
    USE_THETA,                  /* LEFT, RIGHT: seed of the weights of 64 identities */
    USE_R_BITS, USE_R_WORDS,    /* LEFT, RIGHT: challenges */
    USE_SHARE_BITS, USE_SHARE_WORDS,    /* P, LEFT: LEFT's shares of points */
    USE_QUOTIENT,               /* P, LEFT: LEFT's shares of quotients */
    USE_DUMMY_BITS, USE_DUMMY_WORDS     /* P, LEFT: d; P, RIGHT: e */
};

/* Uses of the weights' seed; the run takes the gate's place. */
enum prove_weight { WEIGHT_BLOCK = 1, WEIGHT_COLUMN, WEIGHT_SUBSET };

/* The key of this party and role r. */
static inline const struct prf *prove_key(const struct step *s, unsigned r)
{
    return &s->keys->pair[gate_party(s->program->proto, s->gate, r)];
}

/* Run i of this kind; 0 where there is none of it. */
static inline int prove_run_at(const struct program *p, const struct gate *g, unsigned i,
                               enum prove_kind kind, struct prove_run *run)
{
    *run = p->proto->source->run(p, g, i);
    return run->kind == kind;
}

/* ---- statements about bits: fold_bits.c ---- */

/* Elements of u and of w, dummies too; 0: no run of this kind. Words of the longest claim. */
size_t bits_elements(const struct program *p, const struct gate *g);
size_t bits_claims(const struct program *p, const struct gate *g);

/* What this seat knows goes into f; claims: memory. */
void bits_fill(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *coins,
               const struct prf *weights, uint64_t *claims);

/* D_b of the first level; its points (3^6; work: GF64_WORK bytes); and u and w after it, without the
 * dummies. */
void bits_weight(const struct prf *weights, uint64_t weight[static GF64_BLOCKS]);
void bits_points(struct step *s, const struct fold *f, const struct prf *weights, uint64_t *h,
                 void *work);
void bits_bind(struct step *s, struct fold *f, const struct prf *weights, const uint64_t *r);

/* ---- statements about words: fold_words.c ---- */

enum {
    WORDS_IDENTITIES = 64,      /* J */
    WORDS_QUOTIENT = 20,        /* bytes of a share of a quotient */
    WORDS_QUOTIENTS = WORDS_IDENTITIES * WORDS_QUOTIENT
};

size_t words_elements(const struct program *p, const struct gate *g);
size_t words_claims(const struct program *p, const struct gate *g);     /* all claims together */
void words_fill(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *coins,
                uint64_t *claims);

/* P: RIGHT's shares of the quotients; share: LEFT's, as drawn. A verifier draws or receives its
 * share of them as they stand in the message. */
void words_quotients(struct step *s, const struct fold *f, const struct prf *weights,
                     const uint64_t *claims, const uint8_t *share, uint8_t *out);

/* A verifier, now that the field and theta (as theta R^3 mod p) are known. */
void words_claim(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *weights,
                 const uint64_t *claims, const uint64_t *theta, const uint8_t *share);

/* u and w as elements, without the dummies. */
void words_bind(struct step *s, struct fold *f, const struct prf *weights, const uint64_t *theta);

/* The prime that the verifiers draw. */
uint64_t words_prime(const struct prf *key, uint32_t gate);

#endif
