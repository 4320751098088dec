/*
 * gf64_loops.h: the loops over GF(2^64), for one multiplier. gf64_portable.c and gf64_clmul.c
 * define product_add (a sum of products without reduction) and products_add (four at once), include
 * this, and so each compile the loops for their instruction set. Private to those two.
 */
#ifndef OB_PROTO_GF64_LOOPS_H
#define OB_PROTO_GF64_LOOPS_H

#include <string.h>

#include "proto/gf64.h"

enum { LANES = 4, TAIL = 4 };   /* words side by side; variables of gf64_points at most */

/* ---- scalars ---- */

/* hi x^64 = hi (x^4 + x^3 + x + 1); what that pushes over the top (four bits) once more. */
static inline uint64_t reduced(const product *t)
{
    uint64_t lo = (*t)[0], hi = (*t)[1];
    uint64_t over = hi >> 63 ^ hi >> 61 ^ hi >> 60;
    hi ^= over;
    return lo ^ hi ^ hi << 1 ^ hi << 3 ^ hi << 4;
}

static uint64_t loop_mul(uint64_t a, uint64_t b)
{
    product t = { 0, 0 };
    product_add(&t, a, b);
    return reduced(&t);
}

static uint64_t loop_dot(const uint64_t *a, const uint64_t *b, size_t n)
{
    product t = { 0, 0 };
    for (size_t i = 0; i < n; i++)
        product_add(&t, a[i], b[i]);
    return reduced(&t);
}

/* Times x. */
static inline uint64_t shifted(uint64_t a)
{
    return a << 1 ^ ((0 - (a >> 63)) & 0x1b);
}

/* ---- lanes ---- */

/* `count` words at p, the other lanes zero. */
static inline void lanes_load(lanes *to, const uint64_t *p, size_t count)
{
    if (count >= LANES) {
        memcpy(to, p, sizeof *to);
        return;
    }
    uint64_t some[LANES] = { 0 };
    memcpy(some, p, count * sizeof *p);
    memcpy(to, some, sizeof *to);
}

static inline void lanes_store(uint64_t *p, const lanes *from, size_t count)
{
    memcpy(p, from, count >= LANES ? sizeof *from : count * sizeof *p);
}

static inline size_t lanes_least(size_t n)
{
    return n < LANES ? n : LANES;
}

/* ---- points and bind over elements ---- */

static void points_add(product *h, const lanes *u, const lanes *w, unsigned k)
{
    if (k == 0) {
        products_add(h, u, w);
        return;
    }
    unsigned half = 1u << (k - 1), third = points_of(k - 1);
    lanes du[1 << (TAIL - 1)], dw[1 << (TAIL - 1)];
    for (unsigned i = 0; i < half; i++) {
        du[i] = u[i] ^ u[half + i];
        dw[i] = w[i] ^ w[half + i];
    }
    points_add(h, u, w, k - 1);
    points_add(h + third, u + half, w + half, k - 1);
    points_add(h + 2 * third, du, dw, k - 1);
}

static void loop_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m, unsigned k)
{
    product sum[81];
    lanes a[1 << TAIL], b[1 << TAIL];
    memset(sum, 0, sizeof sum);
    for (size_t i = 0; i < m; i += LANES) {
        for (unsigned block = 0; block < 1u << k; block++) {
            lanes_load(&a[block], u + block * m + i, m - i);
            lanes_load(&b[block], w + block * m + i, m - i);
        }
        points_add(sum, a, b, k);
    }
    for (unsigned p = 0; p < points_of(k); p++)
        h[p] = reduced(&sum[p]);
}

static void loop_bind(uint64_t *u, size_t m, unsigned k, const uint64_t *eq)
{
    for (size_t i = 0; i < m; i++) {
        product t = { 0, 0 };
        for (unsigned block = 0; block < 1u << k; block++)
            product_add(&t, u[block * m + i], eq[block]);
        u[i] = reduced(&t);
    }
}

/* ---- points over bits ---- */

/* Two variables: nine points. */
static inline void bit_points_two(lanes *h, const lanes *u, const lanes *w)
{
    lanes u0 = u[0] ^ u[1], u1 = u[2] ^ u[3], w0 = w[0] ^ w[1], w1 = w[2] ^ w[3];
    lanes v0 = u[0] ^ u[2], v1 = u[1] ^ u[3], y0 = w[0] ^ w[2], y1 = w[1] ^ w[3];
    h[0] ^= u[0] & w[0];
    h[1] ^= u[1] & w[1];
    h[2] ^= u0 & w0;
    h[3] ^= u[2] & w[2];
    h[4] ^= u[3] & w[3];
    h[5] ^= u1 & w1;
    h[6] ^= v0 & y0;
    h[7] ^= v1 & y1;
    h[8] ^= (u0 ^ u1) & (w0 ^ w1);
}

static void bit_points_add(lanes *h, const lanes *u, const lanes *w, unsigned k)
{
    if (k == 2) {
        bit_points_two(h, u, w);
        return;
    }
    unsigned half = 1u << (k - 1), third = points_of(k - 1);
    lanes du[GF64_BLOCKS / 2], dw[GF64_BLOCKS / 2];
    for (unsigned i = 0; i < half; i++) {
        du[i] = u[i] ^ u[half + i];
        dw[i] = w[i] ^ w[half + i];
    }
    bit_points_add(h, u, w, k - 1);
    bit_points_add(h + third, u + half, w + half, k - 1);
    bit_points_add(h + 2 * third, du, dw, k - 1);
}

static inline void column_load(lanes *to, const uint64_t *row, size_t columns, size_t count)
{
    for (size_t b = 0; b < GF64_BLOCKS; b++)
        lanes_load(&to[b], row + b * columns, count);
}

/* For the words at a column, the sum over j of x^j times bit j is the word itself: so the sums over
 * t are made of whole words, and multiplied by rho once. */
static void loop_bit_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t terms,
                            size_t columns, size_t first, size_t count, const uint64_t *rho,
                            void *work)
{
    lanes *sum = work, a[GF64_BLOCKS], b[GF64_BLOCKS], weight;
    product *total = (product *)(sum + GF64_POINTS);
    memset(total, 0, GF64_POINTS * sizeof *total);
    for (size_t c = 0; c < count; c += LANES) {
        memset(sum, 0, GF64_POINTS * sizeof *sum);
        for (size_t t = 0; t < terms; t++) {
            size_t at = t * GF64_BLOCKS * columns + first + c;
            column_load(a, u + at, columns, count - c);
            column_load(b, w + at, columns, count - c);
            bit_points_add(sum, a, b, GF64_VARIABLES);
        }
        lanes_load(&weight, rho + c, count - c);
        for (unsigned p = 0; p < GF64_POINTS; p++)
            products_add(&total[p], &sum[p], &weight);
    }
    for (unsigned p = 0; p < GF64_POINTS; p++)
        h[p] ^= reduced(&total[p]);
}

/* ---- bind over bits ---- */

/* out[k] = XOR of the corners in plane k of the map, by tables of the sums of four. */
static void planes_make(lanes *out, const lanes *corner, const struct gf64_map *map)
{
    lanes table[16][16];
    for (unsigned g = 0; g < 16; g++) {
        memset(&table[g][0], 0, sizeof table[g][0]);
        for (unsigned i = 0; i < 4; i++)
            for (unsigned s = 0; s < 1u << i; s++)
                table[g][(1u << i) + s] = table[g][s] ^ corner[4 * g + i];
    }
    for (unsigned k = 0; k < 64; k++) {
        lanes sum = table[0][map->sum[k][0]];
        for (unsigned g = 1; g < 16; g++)
            sum ^= table[g][map->sum[k][g]];
        out[k] = sum;
    }
}

/* Swaps the s x s blocks off the diagonals; `low` marks the low s of every 2 s bits. */
static inline __attribute__((always_inline)) void blocks_swap(lanes *a, unsigned s, uint64_t low)
{
    for (unsigned block = 0; block < 64; block += 2 * s)
        for (unsigned i = block; i < block + s; i++) {
            lanes differ = (a[i] >> s ^ a[i + s]) & low;
            a[i] ^= differ << s;
            a[i + s] ^= differ;
        }
}

/* Bit j of word i for bit i of word j, in each lane. */
static void planes_transpose(lanes a[64])
{
    blocks_swap(a, 32, 0x00000000ffffffff);
    blocks_swap(a, 16, 0x0000ffff0000ffff);
    blocks_swap(a, 8, 0x00ff00ff00ff00ff);
    blocks_swap(a, 4, 0x0f0f0f0f0f0f0f0f);
    blocks_swap(a, 2, 0x3333333333333333);
    blocks_swap(a, 1, 0x5555555555555555);
}

/* Stores elements; multiplied by rho x^j where there is a rho. */
static void elements_store(uint64_t *row, size_t columns, size_t count, const lanes element[64],
                           const uint64_t *rho)
{
    uint64_t weight[LANES] = { 0 }, e[LANES];
    if (rho != NULL)
        memcpy(weight, rho, count * sizeof *rho);
    for (unsigned j = 0; j < 64; j++, row += columns) {
        if (rho == NULL) {
            lanes_store(row, &element[j], count);
            continue;
        }
        memcpy(e, &element[j], sizeof e);
        for (size_t c = 0; c < count; c++) {
            row[c] = loop_mul(e[c], weight[c]);
            weight[c] = shifted(weight[c]);
        }
    }
}

static void loop_bit_bind(uint64_t *u, size_t terms, size_t columns, size_t first, size_t count,
                          const struct gf64_map *map, const uint64_t *rho)
{
    lanes corner[GF64_BLOCKS], plane[64];
    for (size_t c = 0; c < count; c += LANES)
        for (size_t t = 0; t < terms; t++) {
            uint64_t *row = u + t * GF64_BLOCKS * columns + first + c;
            size_t now = lanes_least(count - c);
            column_load(corner, row, columns, now);
            planes_make(plane, corner, map);
            planes_transpose(plane);
            elements_store(row, columns, now, plane, rho == NULL ? NULL : rho + c);
        }
}

#endif
