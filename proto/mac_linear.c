/*
 * mac_linear.c: x W + b over R, for values and tags alike: [x_i + x_{i+1} | x_i] times [w_i ;
 * w_{i+1}], started from the bias share b_i. Weights have one word (their shares are below 2^64,
 * and a sum of two would not be), so the sum is taken on the side of x.
 */
#include <string.h>

#include "net/base_mem.h"
#include "proto/kernel.h"
#include "proto/mac.h"

static size_t linear_scratch(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t words = 4 * geometry_depth(g);
    return geometry_block(words, gate->n / g->oc) * words * sizeof(uint64_t);
}

/* Patches of m positions: [x_i + x_{i+1} | x_i], low words and high words. */
static void linear_rows(const struct step *s, unsigned item, size_t first, size_t m, uint64_t *low,
                        uint64_t *high)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g);
    struct mac_planes v = mac_operand(s, 0);
    for (unsigned share = 0; share < 2; share++) {
        const uint64_t *x = mac_low(v, item, share);
        size_t at = (1 - share) * depth;
        geometry_patches(low + at, 2 * depth, g, x, first, m);
        geometry_patches(high + at, 2 * depth, g, x + 2 * v.stride, first, m);
    }
    for (size_t r = 0; r < m; r++, low += 2 * depth, high += 2 * depth)
        for (size_t t = 0; t < depth; t++) {
            uint64_t sum = low[t] + low[depth + t];
            high[t] += high[depth + t] + (sum < low[t]);
            low[t] = sum;
        }
}

static void linear_bias(const struct step *s, unsigned item, uint64_t *low, size_t positions)
{
    size_t oc = s->program->geometry[s->gate->shape].oc, far = s->z_stride;
    const uint64_t *bias = s->x[2] == NULL ? NULL : mac_low(mac_operand(s, 2), item, 0);
    for (size_t r = 0; r < positions; r++, low += oc)
        if (bias == NULL) {
            memset(low, 0, oc * sizeof *low);
            memset(low + far, 0, oc * sizeof *low);
        } else {
            memcpy(low, bias, oc * sizeof *low);
            memcpy(low + far, bias + 2 * s->stride[2], oc * sizeof *low);
        }
}

static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t width = 2 * geometry_depth(g), positions = s->gate->n / g->oc;
    size_t block = geometry_block(2 * width, positions);
    uint64_t *low = (uint64_t *)s->scratch, *high = low + block * width;
    for (unsigned item = 0; item < 2; item++) {
        uint64_t *z = s->z + 2 * item * s->z_stride;
        linear_bias(s, item, z, positions);
        for (size_t i = 0; i < positions; i += block) {
            size_t m = mac_min(block, positions - i);
            linear_rows(s, item, s->gate->in_first + i, m, low, high);
            gemm_u128(z + i * g->oc, z + s->z_stride + i * g->oc, g->oc, low, high, width, s->x[1],
                      m, width, g->oc);
        }
    }
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };

const struct gate_ops mac_linear = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};
