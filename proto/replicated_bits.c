/*
 * replicated_bits.c: bits of ring elements, AND of bits, bits as ring elements.
 *
 * SIGN    s = [x < 0] for |x| < 2^(m-1): x_0 + x_1 is D's part, x_2 the evaluators'; the top bit of
 *         the sum of the low m bits is A[m-1] ^ B[m-1] ^ carry (replicated_sign.c). 2 + levels
 *         rounds.
 * AND     z_i = x_i y_i ^ x_i y_{i+1} ^ x_{i+1} y_i ^ zero, sent to P_{i-1}. One round, 3 bits.
 * B2A     b = beta ^ c, beta = b_0 ^ b_1 known to D, c = b_2 to the evaluators:
 *         b = c + (1 - 2 c) beta; D deals beta. Two rounds, 24 bytes.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/replicated.h"

static unsigned previous(const struct step *s)
{
    return (s->role + 2) % 3;
}

static unsigned next(const struct step *s)
{
    return (s->role + 1) % 3;
}

/* ---- AND ---- */

static size_t and_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? KERNEL_PLANE(g->n) * 8 : 0;
}

static void and_send(struct step *s)
{
    size_t words = KERNEL_PLANE(s->gate->n);
    zero_plane(s, 0, 0, s->z, words);
    and_add(s->z, s->x[0], s->x[0] + s->stride[0], s->x[1], s->x[1] + s->stride[1], words);
    memcpy(s->out[previous(s)], s->z, words * sizeof *s->z);
}

static void and_receive(struct step *s)
{
    memcpy(s->z + s->z_stride, s->in[next(s)], KERNEL_PLANE(s->gate->n) * sizeof *s->z);
}

static const struct round and_rounds[] = {
    { .name = "send", .run = and_send, .bytes = and_bytes },
    { .name = "receive", .run = and_receive },
};

const struct gate_ops replicated_and = { .name = "and", .rounds = and_rounds, .nround = 2 };

/* ---- B2A ---- */

size_t replicated_b2a_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? (size_t)g->n * 8 : 0;
}

void bit_deal(const struct step *s, const uint64_t *b0, const uint64_t *b1, uint64_t *out)
{
    draw_words(s, 1, USE_COIN, 0, out, s->gate->n);
    for (size_t i = 0; i < s->gate->n; i++)
        out[i] = (plane_bit(b0, i) ^ plane_bit(b1, i)) - out[i];
}

static void b2a_deal(struct step *s)
{
    if (s->role == D)
        bit_deal(s, s->x[0], s->x[0] + s->stride[0], (uint64_t *)s->out[E2]);
}

size_t replicated_b2a_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * sizeof(uint64_t);
}

void replicated_b2a_join(struct step *s)
{
    uint64_t *y = (uint64_t *)s->scratch;
    const uint64_t *c = s->x[0] + (s->role == E1 ? s->stride[0] : 0);
    if (s->role == E1)
        draw_words(s, 1, USE_COIN, 0, y, s->gate->n);
    else if (s->role == E2)
        memcpy(y, s->in[D], s->gate->n * sizeof *y);
    for (size_t i = 0; s->role != D && i < s->gate->n; i++) {
        uint64_t bit = plane_bit(c, i);
        y[i] = y[i] - 2 * (y[i] & -bit) + (s->role == E1 ? bit : 0);
    }
    result_send(s, y);
}

static const struct round b2a_rounds[] = {
    { .name = "deal", .run = b2a_deal, .bytes = replicated_b2a_bytes },
    { .name = "join", .run = replicated_b2a_join, .bytes = result_bytes },
    { .name = "finish", .run = result_finish },
};

const struct gate_ops replicated_b2a = {
    .name = "b2a", .rounds = b2a_rounds, .nround = 3, .scratch = replicated_b2a_scratch
};

/* ---- SIGN ---- */

struct sign {
    struct blocks blocks;
    size_t words;
    uint64_t *bits, *tables, *top;      /* top: the two shares of A[m-1] ^ B[m-1] at this role */
    struct tree tree;
};

static struct sign sign_at(const struct gate *g, uint8_t *scratch)
{
    struct sign r = { .blocks = blocks_of(g->width, BLOCK), .words = KERNEL_PLANE(g->n) };
    r.bits = (uint64_t *)scratch;
    r.top = r.bits + g->width * r.words;
    r.tables = r.top + 2 * r.words;
    r.tree = tree_at(r.tables + (r.blocks.tables + 1) * r.words, r.blocks.count, r.words);
    return r;
}

static size_t sign_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    struct blocks b = blocks_of(g->width, BLOCK);
    size_t words = KERNEL_PLANE(g->n);
    return 8 * ((g->width + 3u + b.tables) * words + tree_words(b.count, words));
}

/* D's message: tables, then the top bit of its part. */
static size_t sign_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2
               ? (blocks_of(g->width, BLOCK).tables + 1) * KERNEL_PLANE(g->n) * 8
               : 0;
}

/* Planes of this role's part of x. */
static void sign_part(const struct step *s, struct sign *r)
{
    const uint64_t *x0 = s->x[0], *x1 = s->x[0] + s->stride[0];
    uint64_t part[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        for (size_t k = 0; k < m; k++)
            part[k] = s->role == D ? x0[i + k] + x1[i + k] : s->role == E1 ? x1[i + k] : x0[i + k];
        planes_from_words(r->bits + i / 64, r->words, part, m, 0, s->gate->width);
    }
}

static void sign_send(struct step *s)
{
    struct sign r = sign_at(s->gate, s->scratch);
    size_t words = r.words;
    sign_part(s, &r);
    if (s->role != D)
        return;
    uint64_t *out = (uint64_t *)s->out[E2];
    const uint64_t *top = r.bits + (s->gate->width - 1) * words;
    sign_deal(s, &r.blocks, r.bits, words, out);
    draw_plane(s, 1, USE_TOP, 0, r.top + words, words);
    for (size_t w = 0; w < words; w++)
        r.top[w] = top[w] ^ r.top[words + w];
    memcpy(out + r.blocks.tables * words, r.top, words * sizeof *out);
}

static size_t sign_lookup_round_bytes(const struct gate *g, unsigned level, unsigned from,
                                      unsigned to)
{
    (void)level;
    struct blocks b = blocks_of(g->width, BLOCK);
    return sign_lookup_bytes(&b, KERNEL_PLANE(g->n), from, to);
}

/* The evaluators' shares of the top bit: share 1 is drawn, share 0 came from D, share 2 is theirs.
 */
static void sign_top(const struct step *s, struct sign *r)
{
    size_t words = r->words, bytes = words * sizeof(uint64_t);
    const uint64_t *own = r->bits + (s->gate->width - 1) * words;
    if (s->role == E1) {
        draw_plane(s, 1, USE_TOP, 0, r->top, words);
        memcpy(r->top + words, own, bytes);
    } else {
        memcpy(r->top, own, bytes);
        memcpy(r->top + words, (const uint64_t *)s->in[D] + r->blocks.tables * words, bytes);
    }
}

static void sign_look(struct step *s)
{
    struct sign r = sign_at(s->gate, s->scratch);
    if (s->role != D)
        sign_top(s, &r);
    sign_lookup(s, &r.blocks, r.bits, (const uint64_t *)s->in[D], r.tables, &r.tree);
}

static unsigned sign_levels(const struct gate *g)
{
    return tree_levels(blocks_of(g->width, BLOCK).count, 1);
}

static size_t sign_tree_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct blocks b = blocks_of(g->width, BLOCK);
    return sign_level_bytes(&b, level, KERNEL_PLANE(g->n), from, to);
}

static void sign_tree(struct step *s)
{
    struct sign r = sign_at(s->gate, s->scratch);
    sign_level(s, &r.blocks, s->level, &r.tree);
}

static void sign_finish(struct step *s)
{
    struct sign r = sign_at(s->gate, s->scratch);
    sign_absorb(s, &r.blocks, sign_levels(s->gate), &r.tree);
    for (unsigned k = 0; k < 2; k++)
        for (size_t w = 0; w < r.words; w++)
            s->z[k * s->z_stride + w] = r.tree.g[k][w] ^ r.top[k * r.words + w];
}

static const struct round sign_rounds[] = {
    { .name = "deal", .run = sign_send, .bytes = sign_deal_bytes },
    { .name = "lookup", .run = sign_look, .bytes = sign_lookup_round_bytes },
    { .name = "level", .run = sign_tree, .bytes = sign_tree_bytes, .times = sign_levels },
    { .name = "finish", .run = sign_finish },
};

const struct gate_ops replicated_sign = {
    .name = "sign", .rounds = sign_rounds, .nround = 4, .scratch = sign_scratch
};
