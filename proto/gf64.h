/*
 * gf64.h: the field GF(2^64) = GF(2)[x] / (x^64 + x^4 + x^3 + x + 1), and the loops of the folding
 * proof over it, chosen for the processor at run time.
 *
 * Bit i of a word is the coefficient of x^i; addition is XOR. A product of two words has 127 bits;
 * sums of products are reduced once, at their end. No implementation branches on or indexes by an
 * operand.
 *
 * Points of a product. u and w are 2^k blocks of m elements each, block b at b m: for each
 * column i the values at the corners b of a cube of two multilinear polynomials U_i and W_i. The
 * polynomial
 *
 *     H(X_1 .. X_k) = sum over i of U_i(X) W_i(X)
 *
 * has degree 2 in each variable, and is given by its values on {0, 1, oo}^k, where the value at
 * oo of a + b X + c X^2 is c. Point number p has the digit of X_j at 3^(j-1) (2 is oo), corner
 * number b the value of X_j at bit j - 1. All values of U and W on the points are sums of corners:
 * u(oo) = u(1) - u(0). Where the corners are bits, so are they: that is what makes the first
 * level of a proof about bits cheap (fold_bits.c).
 */
#ifndef OB_PROTO_GF64_H
#define OB_PROTO_GF64_H

#include <stddef.h>
#include <stdint.h>

enum {
    GF64_BLOCKS = 64,           /* corners of the cube over bits: six variables */
    GF64_VARIABLES = 6,
    GF64_POINTS = 729,          /* 3^6 */
    GF64_COLUMNS = 512,         /* columns of one call of gf64_bit_points */
    GF64_WORK = GF64_POINTS * 48        /* bytes of working memory, aligned to 64 */
};

/* Points of k <= 6 variables: 3^k. */
static inline unsigned points_of(unsigned k)
{
    static const unsigned short power[] = { 1, 3, 9, 27, 81, 243, GF64_POINTS };
    return power[k];
}

uint64_t gf64_mul(uint64_t a, uint64_t b);

/* The sum of a[i] b[i]. */
uint64_t gf64_dot(const uint64_t *a, const uint64_t *b, size_t n);

/* h[p] = H(p) for all 3^k points, k <= 4; u, w: 2^k blocks of m. */
void gf64_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m, unsigned k);

/* u[i] = the sum over b of eq[b] u[b m + i], in place. */
void gf64_bind(uint64_t *u, size_t m, unsigned k, const uint64_t *eq);

/*
 * The same for bits. A row has 64 blocks of `columns` words; position j of word c of block b is
 * corner b of the column (c, j). Row t begins at t 64 columns.
 *
 * bit_points: h[p] += the sum over t, c in [first, first + count) and j of
 * rho[c - first] x^j U_tcj(p) W_tcj(p).
 */
void gf64_bit_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t terms,
                     size_t columns, size_t first, size_t count, const uint64_t *rho, void *work);

/* bit_bind: element (j, c), at j columns + c of its row, becomes the sum over b of eq[b] times its
 * corner b; and rho[c - first] x^j times that, unless rho is NULL. */
void gf64_bit_bind(uint64_t *u, size_t terms, size_t columns, size_t first, size_t count,
                   const uint64_t *eq, const uint64_t *rho);

/* Which implementation is in use ("clmul", "portable"); tests can force one by name (-1: not on
 * this machine). */
const char *gf64_isa(void);
int gf64_force(const char *isa);

#endif
