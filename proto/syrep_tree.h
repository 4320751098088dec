/*
 * syrep_tree.h: the carry of A + B as a tree of replicated ANDs that is kept for its statements.
 *
 * Leaves are single bits, g_j = A_j B_j and p_j = A_j ^ B_j; a node above two others is (g, p) o
 * (g', p') = (g ^ p g', p p'); the lowest node of a level needs no p; an odd last node goes up as
 * it is. All nodes of all levels stand in a gate's record, with both shares of the party.
 */
#ifndef OB_PROTO_SYREP_TREE_H
#define OB_PROTO_SYREP_TREE_H

#include "proto/syrep.h"

struct carry_tree {
    unsigned leaves;
    size_t words;               /* of a plane */
    uint64_t *node;             /* per node: g share 0, g share 1, p share 0, p share 1 */
    uint64_t *in;               /* E1, E2: what the other left of the leaves */
};

/* Words in a record for a tree of so many leaves at a role. */
size_t carry_tree_words(unsigned leaves, size_t words, unsigned role);
struct carry_tree carry_tree_at(uint64_t *memory, unsigned leaves, size_t words);

/* A plane of a node: what 0 is g, 1 is p. */
uint64_t *carry_node(const struct carry_tree *t, unsigned level, unsigned k, unsigned what,
                     unsigned share);

/* The sign of A + B on `low` + 1 bits: the tree of the low ones, and the shares of the top bit of
 * A ^ B. */
struct sum_sign {
    unsigned low;
    size_t words;
    struct carry_tree tree;
    uint64_t *top;
};

size_t sum_sign_words(unsigned width, size_t words, unsigned role);
struct sum_sign sum_sign_at(uint64_t *memory, unsigned width, size_t words, unsigned role);

/* Bits of n <= CHUNK words (elements [first, ..)) become this share of the leaves' p and of top. */
void sum_sign_bits(struct sum_sign *r, unsigned share, size_t first, const uint64_t *x, size_t n);

/* Shares 0 and 1 of bit j take their shares of the carry into it, number skip + j of the chain that
 * D dealt (the lowest has none if skip is 0). */
void sum_sign_carries(const struct step *s, struct sum_sign *r, const uint64_t *dealt,
                      unsigned skip);

/* The sign, this party's share k, when the last level has been received. */
void sum_sign_share(const struct sum_sign *r, unsigned k, uint64_t *out);

/* Bit j of A in shares 0 and 1 and of B in share 2, of this role, is the p of leaf j. With these
 * set: E1 and E2 leave their part of all g for each other, masked; D draws its shares. */
void leaf_send(const struct step *s, struct carry_tree *t, uint8_t *out);
void leaf_receive(const struct step *s, struct carry_tree *t, const uint8_t *in);
size_t leaf_bytes(unsigned leaves, size_t words, unsigned from, unsigned to);

/* Level 0 makes nodes of leaves. Messages go from role r to role r - 1. */
unsigned carry_levels(unsigned leaves);
void level_send(const struct step *s, struct carry_tree *t, unsigned level);
void level_receive(const struct step *s, struct carry_tree *t, unsigned level);
size_t level_bytes(unsigned leaves, unsigned level, size_t words, unsigned from, unsigned to);

/* Statements: of leaf_send (prover E1 or E2: one term), and of all levels (everybody: two). */
struct prove_run leaf_run(unsigned leaves, size_t words);
void leaf_fill(struct view *v, const struct carry_tree *t);
struct prove_run level_run(unsigned leaves, size_t words);
void level_fill(struct view *v, const struct carry_tree *t);

#endif
