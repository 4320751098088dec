/*
 * syrep_linear.c: all products with one weight, shown by random projections.
 *
 * Role i sent m_i = z_i + F(k_i) - F(k_{i+1}) of Z = X W + 1 b^T, where the rows of X are patches
 * at all output positions of all gates that multiply with W, and
 *
 *     z_i = X_i W_i + X_i W_{i+1} + X_{i+1} W_i + 1 b_i^T
 *
 * For vectors rho over the rows and sigma over the columns (R. Freivalds, 1977, on both sides),
 *
 *     (rho^T X_i) . (W_{i+1} sigma) + (W_i sigma) . (rho^T X_{i+1}) =
 *         [rho^T (M_i - F(k_i)) sigma - (rho^T X_i) . (W_i sigma) - (rho^T 1) (b_i^T sigma)]
 *         + [rho^T F(k_{i+1}) sigma]
 *
 * known to LEFT and to RIGHT: 2 K terms for K columns of X, whatever the number of products. rho
 * and sigma are vectors of coins, zeros and ones, shown after everything was sent. If E = M - (what
 * it should be) is not 0, let 2^t be the largest power that divides it: rho^T (E / 2^t) sigma is
 * odd with probability at least 1/2 1/2, so 128 independent projections miss it with (3/4)^128 <
 * 2^-53.
 *
 * rho^T X and W sigma for all projections at once are products with a matrix of zeros and ones.
 */
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "proto/kernel.h"
#include "proto/syrep.h"

size_t syrep_weight_words(const struct geometry *g)
{
    return replicated_weight_words(g) + 2 * geometry_depth(g) * g->oc;
}

int syrep_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                      unsigned role)
{
    memcpy(packed + replicated_weight_words(g), share,
           2 * geometry_depth(g) * g->oc * sizeof *share);
    return replicated_weight_pack(packed, share, g, role);
}

/* ---- which products ---- */

const struct gate *linear_of(const struct program *p, const struct gate *g)
{
    if (g->kind != GATE_RESHARE && g->kind != GATE_TRUNC && (g->kind != GATE_RELU || g->shift == 0))
        return NULL;
    const struct gate *m = maker(p, g);
    return m != NULL && m->kind == GATE_LINEAR ? m : NULL;
}

/* The first gate from `g` on that sends a product with that weight, or NULL. */
static const struct gate *next_with(const struct program *p, const struct gate *g, uint32_t weight)
{
    for (; g < p->gate + p->ngate; g++) {
        const struct gate *m = linear_of(p, g);
        if (m != NULL && m->in[1] == weight)
            return g;
    }
    return NULL;
}

static const struct geometry *linear_shape(const struct program *p, const struct gate *g)
{
    return &p->geometry[linear_of(p, g)->shape];
}

struct prove_run linear_run(const struct program *p, const struct gate *g)
{
    return (struct prove_run){ PROVE_WORDS, 2 * (uint32_t)geometry_depth(linear_shape(p, g)),
                               PROJECTIONS };
}

/* ---- projections ---- */

enum { BLOCK = 64 };    /* rows that are projected at a time */

/* Working memory of one run. */
struct bench {
    const struct geometry *g;   /* of the leader: all have its depth and oc */
    size_t depth, columns;      /* columns: the wider of depth and oc */
    uint64_t *coin;             /* rows of coins, or of their transpose: BLOCK x PROJECTIONS */
    uint64_t *rows;             /* BLOCK x columns */
    uint64_t *packed;           /* the right operand of a product */
    uint64_t *sum;              /* PROJECTIONS x columns */
    uint64_t *sigma;            /* oc x PROJECTIONS */
    uint64_t count[PROJECTIONS];        /* rows with a coin of one */
    uint64_t *memory;
    size_t words;
};

static size_t packed_words(const struct bench *b)
{
    size_t rows = gemm_packed_words(BLOCK, b->columns);
    size_t sigma = gemm_packed_words(b->g->oc, PROJECTIONS);
    return rows > sigma ? rows : sigma;
}

static int bench_init(struct bench *b, const struct view *v)
{
    memset(b, 0, sizeof *b);
    b->g = linear_shape(v->at.program, v->at.gate);
    b->depth = geometry_depth(b->g);
    b->columns = b->depth > b->g->oc ? b->depth : b->g->oc;
    size_t coin = BLOCK * PROJECTIONS, rows = BLOCK * b->columns, packed = packed_words(b);
    size_t sum = PROJECTIONS * b->columns, sigma = b->g->oc * (size_t)PROJECTIONS;
    b->words = coin + rows + packed + sum + sigma + 32;
    b->memory = mem_new(b->words, sizeof *b->memory);
    if (b->memory == NULL)
        return -1;
    b->packed = (uint64_t *)(((uintptr_t)b->memory + 63) / 64 * 64);
    b->coin = b->packed + packed;
    b->rows = b->coin + coin;
    b->sum = b->rows + rows;
    b->sigma = b->sum + sum;
    return 0;
}

static void bench_fini(struct bench *b)
{
    wipe(b->memory, b->words * sizeof *b->memory);
    mem_free(b->memory);
}

/* Coins of one row as words 0 and 1, `stride` apart: block `row` of the stream of gate `id`. */
static void coin_row(const struct prf *coins, uint32_t id, uint32_t use, size_t row, uint64_t *out,
                     size_t stride)
{
    uint64_t bits[2];
    prf_again(coins, id, use, row, bits, sizeof bits);
    for (unsigned r = 0; r < PROJECTIONS; r++)
        out[r * stride] = (bits[r / 64] >> (r % 64)) & 1;
}

/* sum += rho^T rows, for m rows of `columns` words that begin at row `first` of gate `id`. */
static void project_rows(const struct view *v, struct bench *b, uint32_t id, size_t first,
                         size_t m, size_t columns)
{
    for (size_t i = 0; i < m; i++)
        coin_row(v->coins, id, USE_RHO, first + i, b->coin + i, m);
    gemm_pack(b->packed, b->rows, columns, m, columns);
    gemm_u64(b->sum, columns, b->coin, m, b->packed, PROJECTIONS, m, columns);
}

/* out[k][r] = sum over all rows of rho_r X_k, for one plane of the operands. */
static void project_operand(const struct view *v, struct bench *b, unsigned plane, uint64_t *out)
{
    const struct program *p = v->at.program;
    const struct gate *g = v->at.gate;
    uint32_t weight = maker(p, g)->in[1];
    memset(b->sum, 0, PROJECTIONS * b->depth * sizeof *b->sum);
    for (; (g = next_with(p, g, weight)) != NULL; g++) {
        const struct gate *m = maker(p, g);
        const struct geometry *shape = &p->geometry[m->shape];
        const uint64_t *x = kept(&v->at, m->in[0], 0).plane[plane];
        size_t positions = m->n / shape->oc;
        for (size_t i = 0; i < positions; i += BLOCK) {
            size_t n = positions - i < BLOCK ? positions - i : BLOCK;
            geometry_patches(b->rows, b->depth, shape, x, m->in_first + i, n);
            project_rows(v, b, (uint32_t)(g - p->gate), i, n, b->depth);
        }
    }
    for (size_t k = 0; k < b->depth; k++)
        for (unsigned r = 0; r < PROJECTIONS; r++)
            out[k * PROJECTIONS + r] = b->sum[r * b->depth + k];
}

/* out[k][r] = (W sigma_r)_k, for one plane of the weight. */
static void project_weight(const struct view *v, struct bench *b, unsigned plane, uint64_t *out)
{
    const struct gate *m = maker(v->at.program, v->at.gate);
    const uint64_t *w = v->at.values[m->in[1]] + replicated_weight_words(b->g) +
                        plane * b->depth * b->g->oc;
    memset(out, 0, b->depth * PROJECTIONS * sizeof *out);
    gemm_pack(b->packed, b->sigma, PROJECTIONS, b->g->oc, PROJECTIONS);
    gemm_u64(out, PROJECTIONS, w, b->g->oc, b->packed, b->depth, b->g->oc, PROJECTIONS);
}

/* ---- claims ---- */

/* Rows [first, first + n) of what this seat claims of g's message: m - F(k_i), or F(k_{i+1}). */
static void message_rows(const struct view *v, struct bench *b, const struct gate *g, size_t first,
                         size_t n)
{
    struct step at = v->at;
    size_t oc = b->g->oc, from = first * oc, odd = from % 2;
    at.gate = g;
    at.id = (uint32_t)(g - v->at.program->gate);
    at.role = gate_role(at.program->proto, g, at.self);
    unsigned j = v->seat == PROVE_LEFT ? (at.role + 1) % 3 : at.role;
    for (size_t i = 0; i < n * oc; i += CHUNK) {
        uint64_t mask[CHUNK + 1];
        size_t m = n * oc - i < CHUNK ? n * oc - i : CHUNK;
        redraw_words(&at, j, USE_ZERO, from + i - odd, mask, m + odd);
        memcpy(b->rows + i, mask + odd, m * sizeof *mask);
    }
    const uint64_t *sent = left_of(v, sent_shares(&v->at, g)) + from;
    for (size_t i = 0; i < n * oc && claims_left(v); i++)
        b->rows[i] = sent[i] - b->rows[i];
}

/* To the left: rows of g that have a coin of one, times its bias. */
static void bias_claim(const struct view *v, struct bench *b, const struct gate *g)
{
    const struct gate *m = maker(v->at.program, g);
    size_t positions = m->n / b->g->oc;
    if (m->in[2] == NO_VALUE || !claims_left(v))
        return;
    const uint64_t *bias = left_of(v, kept(&v->at, m->in[2], 0));
    uint64_t row[PROJECTIONS], count[PROJECTIONS] = { 0 };
    for (size_t i = 0; i < positions; i++) {
        coin_row(v->coins, (uint32_t)(g - v->at.program->gate), USE_RHO, i, row, 1);
        for (unsigned r = 0; r < PROJECTIONS; r++)
            count[r] += row[r];
    }
    for (unsigned r = 0; r < PROJECTIONS; r++)
        for (size_t c = 0; c < b->g->oc; c++)
            b->sum[r * b->g->oc + c] -= count[r] * bias[c];
}

static void linear_claim(struct view *v, struct bench *b)
{
    const struct program *p = v->at.program;
    const struct gate *g = v->at.gate;
    uint32_t weight = maker(p, g)->in[1];
    size_t oc = b->g->oc;
    memset(b->sum, 0, PROJECTIONS * oc * sizeof *b->sum);
    for (; (g = next_with(p, g, weight)) != NULL; g++) {
        size_t positions = g->n / oc;
        for (size_t i = 0; i < positions; i += BLOCK) {
            size_t n = positions - i < BLOCK ? positions - i : BLOCK;
            message_rows(v, b, g, i, n);
            project_rows(v, b, (uint32_t)(g - p->gate), i, n, oc);
        }
        bias_claim(v, b, g);
    }
    for (unsigned r = 0; r < PROJECTIONS; r++) {
        uint64_t claim = 0;
        for (size_t c = 0; c < oc; c++)
            claim += b->sum[r * oc + c] * b->sigma[c * PROJECTIONS + r];
        v->claim[r] = claim;
    }
}

/* To the left: the product of what LEFT knows of both factors. */
static void own_claim(struct view *v, size_t depth)
{
    const uint64_t *x = view_left(v, 0), *w = view_left(v, (unsigned)depth);
    for (size_t k = 0; k < depth; k++)
        for (unsigned r = 0; r < PROJECTIONS; r++)
            v->claim[r] -= x[k * PROJECTIONS + r] * w[k * PROJECTIONS + r];
}

void linear_fill(struct view *v, struct err *e)
{
    struct bench b;
    if (bench_init(&b, v) != 0) {
        err_set(e, ERR_FAILED, "out of memory for a proof");
        return;
    }
    for (size_t c = 0; c < b.g->oc; c++)
        coin_row(v->coins, v->at.id, USE_SIGMA, c, b.sigma + c * PROJECTIONS, 1);
    if (v->left != NULL) {
        unsigned plane = v->seat == PROVE_LEFT;
        project_operand(v, &b, plane, view_left(v, 0));
        project_weight(v, &b, plane, view_left(v, (unsigned)b.depth));
    }
    if (v->right != NULL) {
        unsigned plane = v->seat == PROVE_PROVER;
        project_weight(v, &b, plane, view_right(v, 0));
        project_operand(v, &b, plane, view_right(v, (unsigned)b.depth));
    }
    if (v->claim != NULL)
        linear_claim(v, &b);
    if (v->claim != NULL && claims_left(v))
        own_claim(v, b.depth);
    bench_fini(&b);
}
