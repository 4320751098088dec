/*
 * silent.h: millions of oblivious transfer rows from some ten thousands, with one short message.
 *
 * A pseudo-random correlation generator in the manner of Ferret (K. Yang, C. Weng, X. Lan,
 * J. Zhang, X. Wang, CCS 2020) on correlated trees (X. Guo et al., "Half-Tree", EUROCRYPT 2023).
 * In goes what ot.h makes, out come rows of the same form,
 *
 *     q = t ^ c Delta,    bit 0 of Delta is 1, bit 0 of t is c, bit 0 of q is 0
 *
 * The rows that go in are brought to this form by silent_ready, which costs one bit of Delta:
 * 127 are left. It is ot_pads that makes transfers of rows; nothing here does.
 *
 * Trees. Each of t trees has 2^d leaves. The sender's nodes of each level add up to Delta: the
 * root pair is r, r ^ Delta, and the children of x are H(x) and H(x) ^ x. The receiver knows all
 * nodes but those on one path. For each level it lacks the sibling of the path's node, which it
 * gets from the sum of the left or the right half: the sums differ by Delta, so that one row
 * (c, t | q) and the word `left sum ^ q` give it the left sum for c = 0, the right one for c = 1.
 * That is, the path is the NOT of the choices of d rows, which are random already: the receiver
 * sends nothing. The leaf at the end of the path is known but for Delta, by the sum of all others.
 * So the leaves of a tree are rows whose choices have weight one.
 *
 *     H(x) = P(s(x)) ^ s(x) ^ P(0),  s(low, high) = (high, low ^ high)
 *
 * with P = AES-128 under a public key that is another one for each tree. H is circular correlation
 * robust for P a random permutation (Guo, Katz, Wang, Yu, S&P 2020); the constant P(0) makes the
 * receiver's zero, which stands for what it does not know, have zeros for children.
 *
 * Code. Output row i is leaf i, plus the sum of SILENT_LOCAL of k further input rows, which stream
 * (id, 0) of a public generator picks. Choices are then x A + e: A the sparse public matrix, x the
 * k random choices, e regular noise of weight t. The code is drawn anew for each id, so that work
 * done on one matrix does not serve against the next. Its key is public: LPN is about public codes.
 *
 * Assumption: these choices are pseudo-random (LPN with regular noise and a sparse code). Sets of
 * parameters are our own. Those in use elsewhere are chosen as if the code were dense; but of
 * a sparse one, s columns out of k hold about n (s / k)^10 whole rows, which is s for s =
 * k (k / n)^(1/9). For Ferret's n = 10,805,248, k = 589,760, t = 1,319 that is a sparse system of
 * 0.72 k rows with 52 errors: all miss it once in 2^75. Log2 of operations, by the estimates
 * of tests/test_silent_sets.c, which favour who attacks (memory is free, s unknowns take s^2):
 *
 *     attack                              our sets  Ferret  emp-ot, t = 1280, 2507, 4971
 *     decoding, the code taken for dense      214     125           100   101    99
 *     decoding in a random set of columns     179      96            77    74    70
 *     decoding in the densest set             145      81            66    62    58
 *     linearisation in degree 2 .. 5          132     131           108    88    74
 *
 * Decoding is Stern's. The densest set of columns is the smallest that exists (first moment), not
 * one that anybody is known to find. Linearisation: products of two samples of one block are 0, a
 * quadratic system (P. Briaud and M. Oygarden, EUROCRYPT 2023), with guesses of places without
 * noise; unknowns are counted in the k choices, where a sparse code leaves 100 terms in an
 * equation. The odd parity of blocks (A. Esser and P. Santini, CRYPTO 2024) takes t unknowns away
 * where it applies. For dense codes see also H. Liu, X. Wang, K. Yang and Y. Yu (EUROCRYPT 2024).
 *
 * Cost. d 16-byte words for each tree, from the sender alone: 0.9 to 0.16 bytes for a row.
 * For each row one block of AES for the trees, 2.5 for the code, SILENT_LOCAL look-ups among k
 * rows. k + t d of the rows made are kept as the next input, where there is a next.
 *
 * Security of trees: q uses of H and p evaluations of P find Delta with q p / 2^127, and q = 2^d
 * for one key. Semi-honest; against a malicious sender there is a check; a malicious receiver has
 * nothing to send. No function branches on or indexes by Delta, rows, choices or paths.
 */
#ifndef OB_PROTO_SILENT_H
#define OB_PROTO_SILENT_H

#include "proto/ot.h"

enum {
    SILENT_LOCAL = 10,      /* input rows in one output row */
    SILENT_MASK = 64,       /* rows that hide the choices in a check */
    SILENT_ANSWER = 32
};

struct silent_set {
    uint32_t k;             /* rows that the code mixes; below 2^31 */
    uint32_t trees;         /* t */
    unsigned depth;         /* d, at least 6 */
};

/* By size; NULL past the end. */
const struct silent_set *silent_set_at(unsigned i);

/* The smallest set that leaves n rows besides the input of a next one, or the largest there is. */
const struct silent_set *silent_set(size_t n);

/* Rows that go in: first those of the code, then those of the trees; rows that come out; bytes. */
static inline size_t silent_input(const struct silent_set *s)
{
    return s->k + (size_t)s->trees * s->depth;
}

static inline size_t silent_rows(const struct silent_set *s)
{
    return (size_t)s->trees << s->depth;
}

static inline size_t silent_message_bytes(const struct silent_set *s)
{
    return (size_t)s->trees * s->depth * sizeof(struct ot_block);
}

/* Brings n rows to the form of this file: the receiver's with their choices, the sender's with
 * NULL. Rows that silent_encode made have it. */
void silent_ready(struct ot_block *rows, const uint64_t *choice, size_t n);

/* The Delta of such rows. */
static inline struct ot_block silent_delta(const struct ot_block *delta)
{
    return (struct ot_block){ { delta->w[0] | 1, delta->w[1] } };
}

/* Leaves of trees [first, first + n), which are rows [first << d, (first + n) << d) of the set, and
 * the bytes of the message from 16 d first on: `input` and `message` are those of the whole set, q
 * and t of these trees. Trees may be made in any order, and the last ones not at all: fewer samples
 * help nobody. `delta` is silent_delta; each tree takes one block of the source. */
void silent_send(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                 const struct ot_block *input, const struct ot_block *delta,
                 const struct ot_source *source, uint8_t *message, struct ot_block *q);
void silent_receive(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                    const struct ot_block *input, const uint8_t *message, struct ot_block *t);

/* Leaves [first, first + n) of the set, which are in `rows`, become output rows, at both ends alike;
 * multiples of 64. An id has one use under one Delta. */
void silent_encode(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                   const struct ot_block *input, struct ot_block *rows);

/* The choices of n rows, a plane with its padding zero. */
void silent_choices(uint64_t *choice, const struct ot_block *t, size_t n);

/*
 * The check of leaves against a malicious sender, before they are encoded. With coefficients that a
 * coin gives after the message has arrived, the receiver tells u, the universal hash of ot_prove
 * of its choices, and the sender the digest of that of its rows, u Delta added: the receiver
 * has the same from t. SILENT_MASK rows that serve nothing else hide u. A sender that sent other
 * words is caught with 1 - 2^-64, unless it guessed the paths that its words are right for; that
 * tells it that these places are noise, each guess paid for by the risk. n is a multiple of 64.
 */
uint64_t silent_prove(uint8_t expected[static SILENT_ANSWER], const struct ot_block *t, size_t n,
                      const struct ot_block mask[static SILENT_MASK],
                      const uint8_t coin[static PRF_KEY]);
void silent_answer(uint8_t answer[static SILENT_ANSWER], uint64_t u, const struct ot_block *q,
                   const struct ot_block *delta, size_t n,
                   const struct ot_block mask[static SILENT_MASK],
                   const uint8_t coin[static PRF_KEY]);

#endif
