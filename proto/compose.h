/*
 * compose.h: what can be built from other gates, written once for all protocols.
 */
#ifndef OB_PROTO_COMPOSE_H
#define OB_PROTO_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/program.h"

/* z = max(x, y) elementwise: y + relu(x - y); |x - y| < 2^(width-1). */
uint32_t compose_max(struct program *p, uint32_t x, uint32_t y, unsigned width);

/* Maxima over windows of an image, as a tree of compose_max; differences within `width` bits.
 * Windows that hang over the edge see only what is inside. */
uint32_t compose_maxpool(struct program *p, const struct geometry *g, uint32_t x, unsigned width);

/*
 * Shares of the whole: for rows of m elements r >= 0 (n = rows * m, row by row) with
 * S = sum r < 2^(width-1): score = r / S, or 1 / m where S = 0, with `frac` fraction bits
 * (frac <= 24). The error is below 3 m units of 2^-frac... see compose.c for the derivation.
 */
uint32_t compose_shares(struct program *p, uint32_t r, uint32_t rows, uint32_t m, unsigned width,
                        unsigned frac);

/* The index of the largest of n elements (n <= 64), lowest on a tie, as ceil(log2 n) bits (at
 * least one), lowest first; differences within `width` bits. */
uint32_t compose_argmax(struct program *p, uint32_t x, unsigned width);

/* What gate_relu_into is for protocols without a RELU of their own: truncation (or none), sign, bit
 * to ring element, product. */
void compose_relu_into(struct program *p, uint32_t x, unsigned shift, unsigned width, uint32_t out,
                       uint32_t first);

#endif
