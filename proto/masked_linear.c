/*
 * masked_linear.c: products, to SUM. Everything is made of one pair (v, u) of planes a role has:
 *
 *     E1, E2   v = m   u = l_j           D   v = L   u = w           V   v = L   u = x~ + L
 *
 *     pure = v_x v_y,    mixed = v_x u_y + u_x v_y
 *
 *     plane 0:  E1 pure - mixed    E2 -mixed    D, V pure (Gamma)
 *     plane 1:  E1, E2 pure        D, V mixed                               (quad)
 *
 * V's mixed is x~_x L_y + x~_y L_x + 2 Gamma. E1 + E2 is x y - Gamma. A bias adds m_b - l_1b and
 * -l_2b to plane 0 of E1 and E2, m_b to their plane 1, and L_b to V's.
 *
 * Packed weights hold U and V one after the other: V of v, and U of u, at E1 of u - v, which gives
 * plane 0 with two matrix products. Products per party: trio 2 at E1 and E2, 1 at D; quad 3.
 */
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "proto/masked.h"

/* ---- weights ---- */

size_t masked_weight_words(const struct geometry *g)
{
    return 2 * gemm_packed_words(geometry_depth(g), g->oc);
}

/* U and V of a sharing of n words, from the planes of a role. */
static void weight_parts(uint64_t *u, uint64_t *v, const uint64_t *x, size_t n, unsigned role,
                         int quad)
{
    const uint64_t *x0 = x, *x1 = x + n, *x2 = quad ? x + 2 * n : NULL;
    for (size_t i = 0; i < n; i++) {
        v[i] = role == E1 || role == E2 ? x0[i] : x0[i] + x1[i];
        u[i] = role == E1 ? x1[i] - x0[i] : role == E2 ? x1[i] : 0;
        if (quad && (role == D || role == V))
            u[i] = role == D ? x2[i] : x2[i] + v[i];
    }
}

static int weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                       unsigned role, int quad)
{
    size_t k = geometry_depth(g), n = k * g->oc;
    uint64_t *parts = mem_new(2 * n, sizeof *parts);
    if (parts == NULL)
        return ERR_FAILED;
    weight_parts(parts, parts + n, share, n, role, quad);
    gemm_pack(packed, parts, g->oc, k, g->oc);
    gemm_pack(packed + gemm_packed_words(k, g->oc), parts + n, g->oc, k, g->oc);
    wipe(parts, 2 * n * sizeof *parts);
    mem_free(parts);
    return 0;
}

int trio_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                     unsigned role)
{
    return weight_pack(packed, share, g, role, 0);
}

int quad_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                     unsigned role)
{
    return weight_pack(packed, share, g, role, 1);
}

/* ---- linear maps ---- */

static size_t linear_scratch(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t words = 2 * geometry_depth(g);
    size_t rows = geometry_block(words, gate->n / g->oc) * words;
    return (rows + 2 * geometry_in(g)) * sizeof(uint64_t);
}

/* The images v and u; `room` for two if they must be made. */
static void linear_images(const struct step *s, uint64_t *room, size_t n, const uint64_t *image[2])
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0], *x2 = last_operand(s, 0);
    image[0] = x0;
    image[1] = x1;
    if (is_evaluator(s))
        return;
    for (size_t i = 0; i < n; i++)
        room[i] = x0[i] + x1[i];
    image[0] = room;
    image[1] = x2;
    if (s->role != V)
        return;
    for (size_t i = 0; i < n; i++)
        room[n + i] = x2[i] + room[i];
    image[1] = room + n;
}

/* One row of the result before any product: what the bias adds. Plane 0 of E1 and E2 is made with
 * its sign turned. */
static void linear_bias(const struct step *s, uint64_t *z, size_t n)
{
    uint64_t *z1 = is_quad(s) ? z + s->z_stride : NULL;
    memset(z, 0, n * sizeof *z);
    if (is_quad(s))
        memset(z1, 0, n * sizeof *z);
    if (s->x[2] == NULL || s->role == D)
        return;
    const uint64_t *b0 = s->x[2], *b1 = b0 + s->stride[2];
    for (size_t i = 0; i < n && is_evaluator(s); i++)
        z[i] = s->role == E1 ? b1[i] - b0[i] : b1[i];
    for (size_t i = 0; i < n && is_quad(s); i++)
        z1[i] = s->role == V ? b0[i] + b1[i] : b0[i];
}

/* m rows [v | u] of patches into rows of z. */
static void linear_rows(const struct step *s, const struct geometry *g, uint64_t *z,
                        const uint64_t *rows, size_t m)
{
    size_t k = geometry_depth(g), n = g->oc;
    const uint64_t *pu = s->x[1], *pv = pu + gemm_packed_words(k, n);
    uint64_t *second = is_quad(s) ? z + s->z_stride : NULL;
    uint64_t *mixed = is_evaluator(s) ? z : second, *pure = is_evaluator(s) ? second : z;
    if (is_evaluator(s) || is_quad(s)) {
        gemm_u64(mixed, n, rows, 2 * k, pu, m, k, n);
        gemm_u64(mixed, n, rows + k, 2 * k, pv, m, k, n);
    }
    if (!is_evaluator(s) || is_quad(s))
        gemm_u64(pure, n, rows, 2 * k, pv, m, k, n);
    for (size_t i = 0; i < m * n && is_evaluator(s); i++)
        z[i] = 0 - z[i];
}

static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g), positions = s->gate->n / g->oc;
    size_t block = geometry_block(2 * depth, positions);
    uint64_t *rows = (uint64_t *)s->scratch;
    const uint64_t *image[2];
    linear_images(s, rows + block * 2 * depth, geometry_in(g), image);
    unsigned images = s->role == D && !is_quad(s) ? 1 : 2;
    for (size_t i = 0; i < positions; i += block) {
        size_t m = positions - i < block ? positions - i : block;
        for (unsigned k = 0; k < images; k++)
            geometry_patches(rows + k * depth, 2 * depth, g, image[k], s->gate->in_first + i, m);
        for (size_t r = i; r < i + m; r++)
            linear_bias(s, s->z + r * g->oc, g->oc);
        linear_rows(s, g, s->z + i * g->oc, rows, m);
    }
}

/* ---- products of elements ---- */

/* v and u of elements [first, first + n) of operand k; in trio D has no u. */
static void mul_operand(const struct step *s, int k, size_t first, size_t n, uint64_t *v,
                        uint64_t *u)
{
    const uint64_t *x0 = s->x[k] + first, *x1 = x0 + s->stride[k], *x2 = last_operand(s, k);
    if (is_evaluator(s)) {
        memcpy(v, x0, n * sizeof *v);
        memcpy(u, x1, n * sizeof *u);
        return;
    }
    for (size_t i = 0; i < n; i++)
        v[i] = x0[i] + x1[i];
    if (s->role == D && is_quad(s))
        memcpy(u, x2 + first, n * sizeof *u);
    for (size_t i = 0; i < n && s->role == V; i++)
        u[i] = x2[first + i] + v[i];
}

static void multiply(struct step *s)
{
    uint64_t vx[CHUNK], ux[CHUNK], vy[CHUNK], uy[CHUNK];
    uint64_t both = s->role == E1;
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        uint64_t *z0 = s->z + i, *z1 = is_quad(s) ? plane_of(s, 1) + i : NULL;
        mul_operand(s, 0, i, m, vx, ux);
        mul_operand(s, 1, i, m, vy, uy);
        for (size_t k = 0; k < m; k++)
            z0[k] = is_evaluator(s) ? both * vx[k] * vy[k] - (vx[k] * uy[k] + ux[k] * vy[k])
                                    : vx[k] * vy[k];
        for (size_t k = 0; k < m && is_quad(s); k++)
            z1[k] = is_evaluator(s) ? vx[k] * vy[k] : vx[k] * uy[k] + ux[k] * vy[k];
    }
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };
static const struct round mul_rounds[] = { { .name = "mul", .run = multiply } };

const struct gate_ops masked_linear = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};
const struct gate_ops masked_mul = { .name = "mul", .rounds = mul_rounds, .nround = 1 };
