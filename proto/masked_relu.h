/*
 * masked_relu.h: what both sides of RELU share (masked_relu.c, masked_relu_mask.c).
 */
#ifndef OB_PROTO_MASKED_RELU_H
#define OB_PROTO_MASKED_RELU_H

#include "proto/masked_circuit.h"

/* Items of the strings. */
enum { PART, COIN, COIN_PART };             /* DEALT, words */
enum { TOP, COIN_TOP };                     /* DEALT, wraps */
enum { SEEN_BIT, SEEN_PRODUCT, SEEN };      /* REPORT, words: m_b, m_b C, C (only if truncated) */
enum { LOW, BIT_LOW };                      /* REPORT, wraps: N, m_b N */

struct relu {
    struct strings l;
    struct circuit c;
    unsigned result;            /* the word of the result in HINT and AUDIT */
    uint64_t *own;              /* c at E1 and E2, later y; P or R at D and V */
};

/* D and V: all of it, from R to the shares of the result. */
void relu_mask(const struct step *s, const struct relu *r);

#endif
