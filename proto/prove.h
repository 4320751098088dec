/*
 * prove.h: GATE_PROVE: one party shows two others that what it sent was computed as it should.
 *
 * Three parties with replicated sharing; the gate's turn says who proves: role 0 is the prover P,
 * role 1 (the next party) the verifier RIGHT, role 2 (the previous one) the verifier LEFT. Every
 * word that P used is known to LEFT as well, or to RIGHT as well. So what P sent can be written as
 * statements, one for each position k of a run:
 *
 *     sum over t of left[t][k] right[t][k]  =  claim_left[k] + claim_right[k]
 *
 * over GF(2), bit by bit (PROVE_BITS), or modulo 2^64 (PROVE_WORDS). P knows left and right; LEFT
 * knows left and claim_left, RIGHT knows right and claim_right. Whatever is known to one verifier
 * alone and not multiplied goes into its claim.
 *
 * The gate starts after a barrier, so what the statements speak of is fixed everywhere. Then the
 * verifiers show coins (which they derive from the key that P lacks), and a protocol gives the
 * statements, which may depend on the coins (random projections of large products).
 *
 * Steps: 0 coins; then for each level P to RIGHT and RIGHT to P, statements of both kinds side by
 * side; then P tells LEFT everything that RIGHT has shown it, LEFT compares and opens its end to
 * RIGHT, and RIGHT checks: 2 levels + 4 steps. 2^18 elements take 7 levels, 2^24 take 8. What each
 * level is and why it is sound and private: fold.h, fold_bits.c, fold_words.c.
 *
 * Who may cheat. P: the verifiers' randomness comes from the key that it lacks, and each challenge
 * is shown when P's message of the level is with RIGHT. RIGHT: it could show P other coins, primes
 * or challenges than LEFT draws; then LEFT's u* and claim would not fit P's messages, and their
 * difference would tell RIGHT a form of secret bits. So LEFT opens only after P, which is honest
 * then, has sent it all that RIGHT showed, and LEFT has found it to be what it drew itself. LEFT:
 * it is sent nothing else, and what it opens passes only if it is right (fold.h).
 */
#ifndef OB_PROTO_PROVE_H
#define OB_PROTO_PROVE_H

#include "proto/protocol.h"

enum prove_seat { PROVE_PROVER = 0, PROVE_RIGHT = 1, PROVE_LEFT = 2 };

enum prove_kind { PROVE_BITS, PROVE_WORDS };

/* `words` 64-bit words of positions (64 bits each, or one element each), `terms` products each. */
struct prove_run {
    uint8_t kind;
    uint32_t terms, words;
};

/*
 * What a protocol gives, for the statements of one PROVE gate (gate->shape says which).
 *
 * runs and run depend on public facts alone, and on gates before this one: they are asked when the
 * gate is made, and often after. fill is called once for each run, in order, in the step after the
 * coins; it draws words of other gates by prf_again, as they were drawn before, coins too if it
 * needs some of them twice, and none of this gate's. A run with fewer than 64 words costs as much
 * as one with 64 if it is about bits. Memory at each seat: 16 bytes for each term word.
 */
struct prove_source {
    unsigned (*runs)(const struct program *p, const struct gate *g);
    struct prove_run (*run)(const struct program *p, const struct gate *g, unsigned i);
    /* Writes what this seat knows of run i: left and right as [terms][words], claim as [words];
     * NULL for what the seat does not know. The prover gives claim_left of statements about words
     * (it knows what it proves: claim_right is the rest), and no claim of statements about bits. */
    void (*fill)(struct step *s, unsigned i, enum prove_seat seat, const struct prf *coins,
                 uint64_t *left, uint64_t *right, uint64_t *claim);
};

extern const struct gate_ops prove_ops;

/* Enters the number of variables of both kinds, from the source's runs, into a new gate: `width` is
 * 1 + those of the statements about bits, `shift` 1 + those about words, 0 where there are none.
 * Messages are sized from these. */
void prove_plan(const struct program *p, struct gate *g);

#endif
