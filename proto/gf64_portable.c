/*
 * gf64_portable.c: products over GF(2)[x] by integer products.
 *
 * Each operand is cut into five, by position mod 5: between two bits of a part there are four
 * zeros, and at most 13 pairs of bits meet at a position of the product of two parts, so no carry
 * reaches the next position that counts. 25 multiplications, which take the same time for all
 * operands.
 */
#include <stddef.h>
#include <stdint.h>

#include "proto/gf64_impl.h"

typedef uint64_t product __attribute__((vector_size(16)));  /* low and high word */
typedef uint64_t lanes __attribute__((vector_size(32)));

static const uint64_t fifth = 0x1084210842108421;   /* the positions 0 mod 5 of 64 */

/* The positions r mod 5 of 128. */
static inline unsigned __int128 positions(unsigned r)
{
    unsigned __int128 all = (unsigned __int128)0x2108421084210842 << 64 | fifth;
    return all << r;
}

static inline void product_add(product *sum, uint64_t a, uint64_t b)
{
    unsigned __int128 t = 0;
    uint64_t y[5];
    for (unsigned j = 0; j < 5; j++)
        y[j] = b & fifth << j;
    for (unsigned r = 0; r < 5; r++) {
        unsigned __int128 part = 0;
        for (unsigned i = 0; i < 5; i++)
            part ^= (unsigned __int128)(a & fifth << i) * y[(r + 5 - i) % 5];
        t ^= part & positions(r);
    }
    *sum ^= (product){ (uint64_t)t, (uint64_t)(t >> 64) };
}

static inline void products_add(product *sum, const lanes *a, const lanes *b)
{
    for (unsigned i = 0; i < 4; i++)
        product_add(sum, (*a)[i], (*b)[i]);
}

#include "proto/gf64_loops.h"

const struct gf64_impl gf64_portable = {
    .name = "portable", .mul = loop_mul, .dot = loop_dot, .points = loop_points,
    .bind = loop_bind, .bit_points = loop_bit_points, .bit_bind = loop_bit_bind
};
