/*
 * carry.h: the shape of a carry circuit: blocks of bits, and a tree over them.
 *
 * The low bits of two summands are cut into blocks; a block with values a and b carries by itself
 * (g = [a + b >= 2^k]) or hands a carry on (p = [a + b = 2^k - 1]). Both are look-ups in the
 * thermometer T_j = [a >= j] of one summand at a place that the other says. A binary tree of
 *
 *     (g, p) o (g', p') = (g ^ p g', p p')
 *
 * makes one block of all; the lowest needs no p. How blocks and tree are shared is a protocol's.
 */
#ifndef OB_PROTO_CARRY_H
#define OB_PROTO_CARRY_H

#include <stddef.h>
#include <stdint.h>

/* The low m - 1 bits of two summands in blocks of at most `most` bits, lowest first. */
struct blocks {
    unsigned count;             /* at least 2 */
    uint8_t bits[32];
    unsigned tables;            /* thermometer planes in all */
};

struct blocks blocks_of(unsigned width, unsigned most);

/* Levels of the tree until `leave` blocks are left; blocks before level `level`. */
unsigned tree_levels(unsigned blocks, unsigned leave);
unsigned tree_size(unsigned blocks, unsigned level);

/* AND gates of a level: g of every pair, p of every pair but the lowest. */
unsigned tree_ands(unsigned blocks);

/* Planes of g (0 .. count) and p (1 .. count), two words of a shared bit each. */
struct tree {
    uint64_t *g[2], *p[2];
    size_t words;               /* of a plane */
};

size_t tree_words(unsigned count, size_t words);                    /* memory for one */
struct tree tree_at(uint64_t *memory, unsigned count, size_t words);

/* After a level whose pairs are made: a last odd block moves to its place behind them. */
void tree_odd(struct tree *t, unsigned blocks);

/* Thermometer of k <= 4 bit planes (stride apart): t[j - 1] = [a >= j], one word of each. */
void thermometer(uint64_t t[static 15], const uint64_t *bits, size_t stride, unsigned k);

/* Added to a value |v| < 2^62 before its truncation, so that it is positive. */
#define TRUNC_OFFSET ((uint64_t)1 << 62)

/* Bytes of a shared bit that corrects a truncation: it is needed modulo 2^shift, shift <= 32. */
static inline size_t wrap_bytes(unsigned shift)
{
    return shift == 0 ? 0 : shift <= 16 ? 2 : 4;
}

#endif
