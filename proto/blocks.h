/*
 * blocks.h: how the carry of two summands is cut up, for every protocol that looks blocks up: the
 * low m - 1 bits of a value of m bits in blocks of a few bits each, and the binary tree that joins
 * the blocks' carries
 *
 *     (g, p) o (g', p') = (g ^ p g', p p')
 *
 * pair by pair; an odd last block waits for the next level. Nothing here is secret but the bits
 * that a thermometer is made of.
 */
#ifndef OB_PROTO_BLOCKS_H
#define OB_PROTO_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum { BLOCKS = 24, BLOCK_BITS = 4 };

struct blocks {
    unsigned count;
    uint8_t bits[BLOCKS];
    unsigned tables;            /* thermometer planes in all: 2^k - 1 for a block of k bits */
};

/* At least two blocks of at most `most` bits (3 or 4). */
struct blocks blocks_of(unsigned width, unsigned most);

/* Levels of the tree until `leave` blocks are left; blocks before level `level`. */
unsigned tree_levels(unsigned blocks, unsigned leave);
unsigned tree_size(unsigned blocks, unsigned level);

/* t[j - 1] = [a >= j], j = 1 .. 2^k - 1, for one word of each of the k bit planes of a, which are
 * `stride` words apart, lowest first; k <= BLOCK_BITS. */
void thermometer(uint64_t t[static 15], const uint64_t *bits, size_t stride, unsigned k);

#endif
