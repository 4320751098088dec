/*
 * prove_impl.h: what the files behind GATE_PROVE share: names of randomness, memory, and the two
 * kinds of statements. Private to prove*.c, fold_bits.c, fold_words.c and their tests.
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

/* The key of this party and the one in another seat. */
static inline const struct prf *prove_key(const struct step *s, unsigned seat)
{
    return &s->keys->pair[gate_party(s->program->proto, s->gate, seat)];
}

/* The key of two seats, of which this party has one. */
static inline const struct prf *prove_key_of(const struct step *s, unsigned a, unsigned b)
{
    return prove_key(s, s->role == a ? b : a);
}

/* The first run of this kind from number *i on; 0 when there is none. */
int prove_run_from(const struct program *p, const struct gate *g, unsigned *i,
                   enum prove_kind kind, struct prove_run *run);

/* ---- statements about bits: fold_bits.c ---- */

/* Elements of u and of w, dummies too; 0: no run of this kind. Words of the longest claim. */
size_t bits_elements(const struct program *p, const struct gate *g);
size_t bits_claims(const struct program *p, const struct gate *g);

/* What this seat knows goes into f; claims: memory. */
void bits_fill(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *coins,
               const struct prf *weights, uint64_t *claims);

/* D_b of the first level; its points (3^6; work: GF64_WORK bytes); and u and w after it, without
 * the dummies. */
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

/* ---- levels: prove.c, prove_say.c ---- */

enum {
    PROVE_SEED = PRF_KEY,
    PROVE_COINS = 2 * PROVE_SEED,       /* seeds of the source's coins and of the weights */
    PROVE_PRIME = 8 + PROVE_SEED        /* p and the seed of theta */
};

/* Variables of level i of the bits. */
static inline unsigned bits_take(const struct gate *g, unsigned i)
{
    if (g->width == 0)
        return 0;
    return i == 0 ? GF64_VARIABLES : fold_take(g->width - 1u, i - 1);
}

/* Variables of level i of the words; level 0 has none, it is the quotients'. */
static inline unsigned words_take(const struct gate *g, unsigned i)
{
    return g->shift == 0 || i == 0 ? 0 : fold_take(g->shift - 1u, i - 1);
}

/* At the start of the scratch memory. */
struct prove {
    struct fold bits, words;
    uint64_t *bits_claim, *words_claim, *point;
    void *work;
    uint8_t *shown;             /* by RIGHT: as P saw it, as the verifiers drew it */
    size_t nshown;
    uint8_t *quotient;          /* this seat's shares: P: LEFT's */
    uint64_t r_bits[GF64_VARIABLES], r_words[FOLD_TAKE], theta[WORDS_IDENTITIES];
};

static inline struct prove *prove_of(const struct step *s)
{
    return (struct prove *)s->scratch;
}

/* Everybody: what RIGHT shows is kept, to be compared at the end. */
void shown_add(struct prove *v, const void *p, size_t n);

/* Everybody: the statements, from the source; what the answer of level i makes of them. */
void statements_fill(struct step *s, struct prove *v, const struct prf *weights);
void levels_bind(struct step *s, struct prove *v, unsigned i, const struct prf *weights);

/* P: its message of level i. */
void prove_say(struct step *s, struct prove *v, unsigned i, const struct prf *weights);

/* The verifiers draw the answer of level i; everybody takes it, P as it received it. */
size_t answer_bytes(const struct gate *g, unsigned i);
void answer_make(struct step *s, struct prove *v, unsigned i, uint8_t *out);
void answer_take(struct step *s, struct prove *v, unsigned i, const uint8_t *in);

/* A verifier: claims after level i, from P's message or, at LEFT, from what it draws. */
void levels_claim(struct step *s, struct prove *v, unsigned i, const struct prf *weights);

#endif
