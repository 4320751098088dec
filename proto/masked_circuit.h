/*
 * masked_circuit.h: shared bits of `trio` and `quad`: AND gates, and the sign of a sum of two
 * summands.
 *
 * A role works with two words of a shared bit: v = m and u = l_j at E1 and E2; v = L at D and V, u
 * = w at D and m ^ w at V. In trio D has no u; its place holds nothing of meaning.
 */
#ifndef OB_PROTO_MASKED_CIRCUIT_H
#define OB_PROTO_MASKED_CIRCUIT_H

#include "proto/masked.h"

/* ---- AND: masked_and.c ---- */

/* In the strings an AND has its number, behind so many planes of DEALT and REPORT, and of HINT and
 * AUDIT. bare: the result is opened, not shared. */
struct and_gate {
    const uint64_t *x[2], *y[2];        /* v and u of the operands */
    unsigned number, tables, looks;
    int bare;
};

/* D and V: z = v and u of the result. E1 and E2: z[0] is v but for what and_receive adds to it;
 * they leave `out` for each other, and and_mask gives u once DEALT is there. z is no operand. */
void and_send(const struct step *s, const struct strings *l, const struct and_gate *a,
              uint64_t *const z[2], uint64_t *out);
void and_receive(const struct strings *l, const struct and_gate *a, uint64_t *v,
                 const uint64_t *in);
void and_mask(const struct step *s, const struct strings *l, const struct and_gate *a,
              uint64_t *u);

/* ---- the carry of A, known to E1 and E2, and B, known to D and V: masked_circuit.c ---- */

enum { BLOCK = 3 };     /* most bits of a block */

struct circuit {
    struct blocks blocks;
    unsigned width, levels, looks, ands;
    size_t words;
    uint64_t *bits;                     /* `width` planes: the low bits of this role's summand */
    uint64_t *tables, *select, *temp;
    uint64_t *top;                      /* of the sign: m at E1 and E2, L at D and V */
    struct tree tree;
};

/* Planes of the strings: DEALT and REPORT tables + ands, HINT and AUDIT looks + ands + 1. */
struct circuit circuit_of(unsigned width, size_t n, uint64_t *memory);
size_t circuit_words(unsigned width, size_t n);

/* D and V: all of it at once, from bits to top. */
void circuit_deal(const struct step *s, const struct strings *l, const struct circuit *c);

/* E1 and E2, each step leaving a message: the look-ups (circuit_look); the levels; the last AND;
 * and its end, without a message. */
void circuit_level(const struct step *s, const struct strings *l, const struct circuit *c);
void circuit_last(const struct step *s, const struct strings *l, const struct circuit *c);
void circuit_end(const struct step *s, const struct strings *l, const struct circuit *c);

unsigned circuit_levels(const struct gate *g);
size_t circuit_look_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
size_t circuit_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
size_t circuit_last_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);

/* ---- its look-ups: masked_look.c ---- */

void circuit_look(const struct step *s, const struct strings *l, const struct circuit *c);
void look_receive(const struct step *s, const struct strings *l, const struct circuit *c);
void look_deal(const struct step *s, const struct strings *l, const struct circuit *c);

#endif
