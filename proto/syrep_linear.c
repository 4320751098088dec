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
 * rho^T X and W sigma for all projections at once are sums of rows, four at a time: the sixteen
 * sums of some of four rows are made once, and each projection adds one of them.
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

/* The first gate of the stage, from `g` on, that sends a product with that weight, or NULL. */
static const struct gate *next_with(const struct program *p, const struct gate *g, uint32_t weight)
{
    for (; g < p->gate + p->ngate && g->kind != GATE_BARRIER; g++) {
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

enum {
    ROWS = 64,      /* rows that are projected at a time */
    GROUP = 4,      /* of which so many share a table of sums */
    TILE = 32       /* words of a row that a table is made of: sums and table stay in the cache */
};

/* Working memory of one run. Rows are `stride` words apart, whole tiles; what stands behind the
 * words in use is never read. */
struct bench {
    const struct geometry *g;   /* of the leader: all have its depth and oc */
    size_t depth, oc, stride;
    uint64_t *rows;             /* ROWS rows */
    uint64_t *sum;              /* by tiles, a row of each projection */
    uint64_t *memory;
    size_t words;
};

static int bench_init(struct bench *b, const struct view *v)
{
    memset(b, 0, sizeof *b);
    b->g = linear_shape(v->at.program, v->at.gate);
    b->depth = geometry_depth(b->g);
    b->oc = b->g->oc;
    b->stride = ((b->depth > b->oc ? b->depth : b->oc) + TILE - 1) / TILE * TILE;
    b->words = (ROWS + PROJECTIONS) * b->stride;
    b->memory = b->rows = mem_new(b->words, sizeof *b->memory);
    if (b->memory == NULL)
        return -1;
    b->sum = b->rows + ROWS * b->stride;
    return 0;
}

static void bench_fini(struct bench *b)
{
    wipe(b->memory, b->words * sizeof *b->memory);
    mem_free(b->memory);
}

/* Which of n <= GROUP rows each projection takes, as bits. Row i of gate `id` has block i of the
 * stream, a bit for each projection. */
static void coins_of(const struct prf *coins, uint32_t id, uint32_t use, size_t row, size_t n,
                     uint8_t choice[static PROJECTIONS])
{
    uint64_t bits[GROUP][PROJECTIONS / 64] = { { 0 } };
    prf_again(coins, id, use, row, bits, n * sizeof bits[0]);
    for (unsigned r = 0; r < PROJECTIONS; r++) {
        choice[r] = 0;
        for (unsigned i = 0; i < GROUP; i++)
            choice[r] |= (uint8_t)(((bits[i][r / 64] >> (r % 64)) & 1) << i);
    }
}

/* sum[r] += the rows that projection r takes, one tile of n rows. */
static void project_tile(uint64_t (*restrict sum)[TILE], const uint64_t *rows, size_t stride,
                         size_t n, const uint8_t choice[static PROJECTIONS])
{
    uint64_t table[1 << GROUP][TILE];
    memset(table[0], 0, sizeof table[0]);
    for (unsigned k = 1; k < (1u << n); k++) {
        const uint64_t *row = rows + (unsigned)__builtin_ctz(k) * stride;
        for (unsigned w = 0; w < TILE; w++)
            table[k][w] = table[k & (k - 1)][w] + row[w];
    }
    for (unsigned r = 0; r < PROJECTIONS; r++)
        for (unsigned w = 0; w < TILE; w++)
            sum[r][w] += table[choice[r]][w];
}

/* sum += the first `columns` words of m <= ROWS rows, which are rows `first`, .. of gate `id`. */
static void project_rows(const struct view *v, struct bench *b, uint32_t id, uint32_t use,
                         size_t first, size_t m, size_t columns)
{
    uint8_t choice[ROWS / GROUP][PROJECTIONS];
    for (size_t i = 0; i < m; i += GROUP)
        coins_of(v->coins, id, use, first + i, m - i < GROUP ? m - i : GROUP, choice[i / GROUP]);
    for (size_t c = 0; c < columns; c += TILE)
        for (size_t i = 0; i < m; i += GROUP)
            project_tile((uint64_t (*)[TILE])(b->sum + c * PROJECTIONS),
                         b->rows + i * b->stride + c, b->stride, m - i < GROUP ? m - i : GROUP,
                         choice[i / GROUP]);
}

/* Word k of the sum of projection r. */
static uint64_t sum_at(const struct bench *b, size_t k, unsigned r)
{
    return b->sum[k / TILE * TILE * PROJECTIONS + r * TILE + k % TILE];
}

static void sum_clear(struct bench *b)
{
    memset(b->sum, 0, PROJECTIONS * b->stride * sizeof *b->sum);
}

/* out[k][r] = word k of the sum of projection r, k < columns */
static void sum_take(const struct bench *b, size_t columns, uint64_t *out)
{
    for (size_t k = 0; k < columns; k++)
        for (unsigned r = 0; r < PROJECTIONS; r++)
            out[k * PROJECTIONS + r] = sum_at(b, k, r);
}

/* out[k][r] = sum over all rows of rho_r X_k, for one plane of the operands. */
static void project_operand(const struct view *v, struct bench *b, unsigned plane, uint64_t *out)
{
    const struct program *p = v->at.program;
    const struct gate *g = v->at.gate;
    uint32_t weight = maker(p, g)->in[1];
    sum_clear(b);
    for (; (g = next_with(p, g, weight)) != NULL; g++) {
        const struct gate *m = maker(p, g);
        const struct geometry *shape = &p->geometry[m->shape];
        const uint64_t *x = kept(&v->at, m->in[0], 0).plane[plane];
        size_t positions = m->n / b->oc;
        for (size_t i = 0; i < positions; i += ROWS) {
            size_t n = positions - i < ROWS ? positions - i : ROWS;
            geometry_patches(b->rows, b->stride, shape, x, m->in_first + i, n);
            project_rows(v, b, (uint32_t)(g - p->gate), USE_RHO, i, n, b->depth);
        }
    }
    sum_take(b, b->depth, out);
}

/* out[k][r] = (W sigma_r)_k, for one plane of the weight, whose columns become rows. */
static void project_weight(const struct view *v, struct bench *b, unsigned plane, uint64_t *out)
{
    const struct gate *m = maker(v->at.program, v->at.gate);
    const uint64_t *w = v->at.values[m->in[1]] + replicated_weight_words(b->g) +
                        plane * b->depth * b->oc;
    sum_clear(b);
    for (size_t c = 0; c < b->oc; c += ROWS) {
        size_t n = b->oc - c < ROWS ? b->oc - c : ROWS;
        for (size_t k = 0; k < b->depth; k++)
            for (size_t i = 0; i < n; i++)
                b->rows[i * b->stride + k] = w[k * b->oc + c + i];
        project_rows(v, b, v->at.id, USE_SIGMA, c, n, b->depth);
    }
    sum_take(b, b->depth, out);
}

/* ---- claims ---- */

/* Row `row` of what this seat claims of g's message: m - F(k_i), or F(k_{i+1}); less the bias. */
static void message_row(const struct view *v, const struct bench *b, const struct step *at,
                        struct pair sent, size_t row, uint64_t *out)
{
    size_t from = row * b->oc, odd = from % 2;
    unsigned j = v->seat == PROVE_LEFT ? (at->role + 1) % 3 : at->role;
    for (size_t i = 0; i < b->oc; i += CHUNK) {
        uint64_t mask[CHUNK + 1];
        size_t m = b->oc - i < CHUNK ? b->oc - i : CHUNK;
        redraw_words(at, j, USE_ZERO, from + i - odd, mask, m + odd);
        memcpy(out + i, mask + odd, m * sizeof *mask);
    }
    uint32_t bias = maker(at->program, at->gate)->in[2];
    if (!claims_left(v))
        return;
    const uint64_t *m = left_of(v, sent) + from;
    for (size_t i = 0; i < b->oc; i++)
        out[i] = m[i] - out[i];
    if (bias == NO_VALUE)
        return;
    const uint64_t *own = left_of(v, kept(at, bias, 0));
    for (size_t i = 0; i < b->oc; i++)
        out[i] -= own[i];
}

/* The rows of all messages, projected. */
static void project_messages(const struct view *v, struct bench *b)
{
    const struct program *p = v->at.program;
    const struct gate *g = v->at.gate;
    uint32_t weight = maker(p, g)->in[1];
    sum_clear(b);
    for (; (g = next_with(p, g, weight)) != NULL; g++) {
        struct step at = step_at(&v->at, g);
        struct pair sent = sent_shares(&v->at, g);
        size_t positions = g->n / b->oc;
        for (size_t i = 0; i < positions; i += ROWS) {
            size_t n = positions - i < ROWS ? positions - i : ROWS;
            for (size_t k = 0; k < n; k++)
                message_row(v, b, &at, sent, i + k, b->rows + k * b->stride);
            project_rows(v, b, at.id, USE_RHO, i, n, b->oc);
        }
    }
}

/* claim[r] = (projected messages of r) sigma_r; to the left, less what LEFT knows of the product.
 */
static void linear_claim(struct view *v, struct bench *b)
{
    uint8_t choice[PROJECTIONS];
    project_messages(v, b);
    memset(v->claim, 0, PROJECTIONS * sizeof *v->claim);
    for (size_t c = 0; c < b->oc; c++) {
        coins_of(v->coins, v->at.id, USE_SIGMA, c, 1, choice);
        for (unsigned r = 0; r < PROJECTIONS; r++)
            v->claim[r] += sum_at(b, c, r) & -(uint64_t)choice[r];
    }
    if (!claims_left(v))
        return;
    const uint64_t *x = view_left(v, 0), *w = view_left(v, (unsigned)b->depth);
    for (size_t k = 0; k < b->depth; k++)
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
    bench_fini(&b);
}
