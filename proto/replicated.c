/*
 * replicated.c: `replicated-ring`: three parties, one of them corrupted and semi-honest.
 *
 * Sharing (Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016): x = x_0 + x_1 + x_2 mod 2^64 with
 * uniform x_j; P_i holds x_i and x_{i+1}. Bits likewise with XOR. Neighbours P_{j-1}, P_j hold the
 * PRF key k_j of the job.
 *
 * Product: z_i = x_i (y_i + y_{i+1}) + x_{i+1} y_i + F(k_i) - F(k_{i+1}) are additive shares of
 * x y, uniform among those with the right sum; an inner product costs no more than one product.
 * Reshare: P_i sends z_i to P_{i-1}: one element per output and party.
 *
 * Truncation, ReLU (replicated_trunc.c, _relu.c) do not reshare first: E1 and E2 tell each other
 * z_1, z_2, so that B = z_1 + z_2 is known to both and A = z_0 to D; two summands are what the
 * exact truncation and the carry of a sign need. D deals what depends on A alone, in the same
 * round.
 *
 * Security (semi-honest, one corruption, perfect given the PRF): every message is either masked by
 * a word of a key that its receiver lacks, drawn for this one use, or an additive share of a
 * uniform sharing whose other shares the receiver cannot complete. D receives nothing but shares
 * of AND gates. The rounding coin of a truncation is a function of A (known to D) and of v; the
 * functionality realised is the network with that coin (see docs/security.md).
 */
#include "proto/replicated.h"

#include <string.h>

#include "net/base_bytes.h"
#include "proto/kernel.h"

/* ---- randomness ---- */

void draw_words(const struct step *s, unsigned j, uint32_t use, size_t first, uint64_t *out,
                size_t n)
{
    prf_fill(share_key(s, j), s->id, use, first / 2, out, n * sizeof *out);
}

void draw_plane(const struct step *s, unsigned j, uint32_t use, unsigned plane, uint64_t *out,
                size_t words)
{
    prf_fill(share_key(s, j), s->id, use, plane * ((words + 1) / 2), out, words * sizeof *out);
}

void mask_sum(const struct step *s, uint64_t *z, const uint64_t *x, size_t n)
{
    unsigned next = (s->role + 1) % 3;
    uint64_t a[CHUNK], b[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        draw_words(s, s->role, USE_ZERO, i, a, m);
        draw_words(s, next, USE_ZERO, i, b, m);
        for (size_t k = 0; k < m; k++)
            z[i + k] = x[i + k] + a[k] - b[k];
    }
}

/* ---- linear maps ---- */

static size_t linear_scratch(const struct program *p, const struct gate *gate)
{
    const struct geometry *g = &p->geometry[gate->shape];
    size_t words = 2 * geometry_depth(g);
    return geometry_block(words, gate->n / g->oc) * words * sizeof(uint64_t);
}

/* [x_i | x_{i+1}] times [w_i + w_{i+1} ; w_i], started from the bias share b_i. */
static void linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g), positions = s->gate->n / g->oc;
    size_t block = geometry_block(2 * depth, positions);
    uint64_t *rows = (uint64_t *)s->scratch;
    for (size_t i = 0; i < positions; i += block) {
        size_t m = positions - i < block ? positions - i : block;
        for (unsigned k = 0; k < 2; k++)
            geometry_patches(rows + k * depth, 2 * depth, g, s->x[0] + k * s->stride[0],
                             s->gate->in_first + i, m);
        for (size_t r = i; r < i + m; r++)
            if (s->x[2] != NULL)
                memcpy(s->z + r * g->oc, s->x[2], g->oc * sizeof *s->z);
            else
                memset(s->z + r * g->oc, 0, g->oc * sizeof *s->z);
        gemm_u64(s->z + i * g->oc, g->oc, rows, 2 * depth, s->x[1], m, 2 * depth, g->oc);
    }
}

size_t replicated_weight_words(const struct geometry *g)
{
    return gemm_packed_words(2 * geometry_depth(g), g->oc);
}

int replicated_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                           unsigned role)
{
    (void)role;
    size_t n = geometry_depth(g) * g->oc;
    uint64_t *both = mem_new(2 * n, sizeof *both);
    if (both == NULL)
        return ERR_FAILED;
    for (size_t i = 0; i < n; i++)
        both[i] = share[i] + share[n + i];
    memcpy(both + n, share, n * sizeof *both);
    gemm_pack(packed, both, g->oc, 2 * geometry_depth(g), g->oc);
    wipe(both, 2 * n * sizeof *both);
    mem_free(both);
    return 0;
}

static void multiply(struct step *s)
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0];
    const uint64_t *y0 = s->x[1], *y1 = y0 + s->stride[1];
    for (size_t i = 0; i < s->gate->n; i++)
        s->z[i] = x0[i] * (y0[i] + y1[i]) + x1[i] * y0[i];
}

/* ---- reshare: P_i sends z_i to P_{i-1} ---- */

static size_t reshare_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * 8 : 0;
}

static void reshare_send(struct step *s)
{
    mask_sum(s, s->z, s->x[0], s->gate->n);
    memcpy(s->out[(s->role + 2) % 3], s->z, s->gate->n * sizeof *s->z);
}

static void reshare_receive(struct step *s)
{
    memcpy(s->z + s->z_stride, s->in[(s->role + 1) % 3], s->gate->n * sizeof *s->z);
}

static const struct round linear_rounds[] = { { .name = "linear", .run = linear } };
static const struct round mul_rounds[] = { { .name = "mul", .run = multiply } };
static const struct round reshare_rounds[] = {
    { .name = "send", .run = reshare_send, .bytes = reshare_bytes },
    { .name = "receive", .run = reshare_receive },
};

const struct gate_ops replicated_linear = {
    .name = "linear", .rounds = linear_rounds, .nround = 1, .scratch = linear_scratch
};
const struct gate_ops replicated_mul = { .name = "mul", .rounds = mul_rounds, .nround = 1 };
const struct gate_ops replicated_reshare = {
    .name = "reshare", .rounds = reshare_rounds, .nround = 2
};

const struct protocol protocol_replicated = {
    .name = "replicated-ring",
    .parties = 3,
    .products = 2,
    .planes = { [VALUE_SHARE] = 2, [VALUE_SUM] = 1, [VALUE_BITS] = 2, [VALUE_WEIGHT] = 2 },
    .gate = {
        [GATE_LINEAR] = &replicated_linear,
        [GATE_MUL] = &replicated_mul,
        [GATE_RESHARE] = &replicated_reshare,
        [GATE_TRUNC] = &replicated_trunc,
        [GATE_RELU] = &replicated_relu,
        [GATE_SIGN] = &replicated_sign,
        [GATE_AND] = &replicated_and,
        [GATE_B2A] = &replicated_b2a,
    },
    .takes_constant = replicated_takes_constant,
    .weight_words = replicated_weight_words,
    .weight_pack = replicated_weight_pack,
    .input = { { replicated_input_bytes, replicated_input_split, replicated_input_join } },
    .output_join = replicated_output_join,
};
