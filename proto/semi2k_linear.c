/*
 * semi2k_linear.c: the deal of a linear map, by ring-LWE: A_r drawn, and shares of A * W.
 *
 *     C_r = A_r * W_r + dec(answer of the other) + rest_r
 *
 * where the other answers Enc(A_r) with Enc(A_r * W_o - rest_o). Where party 1 holds all of W,
 * there is no A_1, and it goes one way:
 *
 *     C_0 = dec(answer) = A_0 * W - rest,  C_1 = rest
 */
#include <string.h>

#include "net/base_mem.h"
#include "proto/rlwe.h"
#include "proto/semi2k.h"

/* An answer is computed in pieces of some filter blocks, each a step of its own, so that what has
 * waited for the network meanwhile need not wait for all of it. */
enum {
    PIECES = 64,
    PLAN_WORDS = (sizeof(struct pack) + 63) / 64 * 8
};

_Static_assert((int)PACK_SUM <= (int)RLWE_PRODUCTS, "a sum has room for the products of all blocks");

/* The plan of a gate; 0, or -1. */
static int plan_of(struct pack *k, const struct program *p, const struct gate *g)
{
    return pack_plan(k, &p->geometry[g->shape], g->in_first, RLWE_N);
}

static size_t answers_bytes(const struct pack *k)
{
    size_t bytes = 0;
    for (uint32_t f = 0; f < k->nf; f++)
        for (uint32_t o = 0; o < k->no; o++)
            bytes += rlwe_answer_bytes(pack_useful_count(k, f, o));
    return bytes;
}

size_t semi2k_linear_plan(const struct program *p, struct gate *g)
{
    struct pack k;
    if (plan_of(&k, p, g) != 0)
        return 0;
    size_t first = pack_inputs(&k) * RLWE_CIPHER_BYTES, second = answers_bytes(&k);
    if (first > LINK_MESSAGE_MAX || second > LINK_MESSAGE_MAX)
        return 0;
    g->message[0] = (uint32_t)first;
    g->message[1] = (uint32_t)second;
    g->width = (uint8_t)(k.no < PIECES ? k.no : PIECES);
    return pack_masked(&k) + pack_results(&k);
}

/* Memory: the plan, what the scheme works in, a polynomial and its transform, coefficients, results,
 * masks, and for answering ciphertexts, sums of all blocks of frames, and the answers so far. */
struct linear_work {
    struct pack k;
    uint64_t *scratch, *poly, *weight, *rest, *cipher, *sum;
    uint64_t *answered;             /* bytes of answers */
    uint8_t *answer;
    uint32_t *at, *to;
    const uint64_t *tables, *secret, *public;
    const uint64_t *held;           /* weights, or the rows of a selection */
};

static size_t linear_scratch(const struct program *p, const struct gate *g)
{
    struct pack k;
    if (plan_of(&k, p, g) != 0)
        return 8;
    size_t local = 2 * geometry_depth(&p->geometry[g->shape]) * 64 + 32768 +
                   gemm_packed_words(geometry_depth(&p->geometry[g->shape]),
                                     p->geometry[g->shape].oc);
    size_t words = PLAN_WORDS + RLWE_SCRATCH + RLWE_N + RLWE_POLY + 2 * RLWE_N +
                   pack_inputs(&k) * RLWE_CIPHER + k.nf * (size_t)RLWE_SUM + 1 +
                   ((size_t)g->message[1] + 7) / 8;
    return (words > local ? words : local) * 8;
}

static struct linear_work work_of(const struct step *s)
{
    struct linear_work w;
    uint64_t *at = (uint64_t *)s->scratch;
    struct setup_at set = semi2k_setup_at();
    struct pack *plan = (struct pack *)s->scratch;
    if (s->level == 0)
        plan_of(plan, s->program, s->gate);
    w.k = *plan;                    /* the first piece's: making it takes up to a millisecond */
    w.scratch = at + PLAN_WORDS;
    w.poly = w.scratch + RLWE_SCRATCH;
    w.weight = w.poly + RLWE_N;
    w.rest = w.weight + RLWE_POLY;
    w.at = (uint32_t *)(w.rest + RLWE_N);
    w.to = w.at + RLWE_N;
    w.cipher = w.rest + 2 * RLWE_N;
    w.sum = w.cipher + pack_inputs(&w.k) * RLWE_CIPHER;
    w.answered = w.sum + w.k.nf * (size_t)RLWE_SUM;
    w.answer = (uint8_t *)(w.answered + 1);
    w.tables = s->x[0] + set.tables;
    w.secret = s->x[0] + set.secret;
    w.public = s->x[0] + set.public;
    w.held = s->x[1] + (size_t)s->gate->held_first * s->program->geometry[s->gate->shape].c;
    return w;
}

/* Enc(A_r), block by block. */
static void linear_mask(struct step *s)
{
    struct linear_work w = work_of(s);
    uint8_t *out = s->out[1 - s->role];
    prf_fill(&s->keys->own, s->id, SEMI2K_MASK, 0, s->z, pack_masked(&w.k) * 8);
    for (uint32_t i = 0; i < pack_inputs(&w.k); i++, out += RLWE_CIPHER_BYTES) {
        struct rlwe_source source = { &s->keys->own, s->id, SEMI2K_CIPHER + i, 0 };
        pack_input(w.poly, &w.k, i / w.k.nc, i % w.k.nc, s->z);
        rlwe_encrypt(out, w.poly, w.secret, w.tables, &source, w.scratch);
    }
}

/* A_r * W_r, added to C. */
static void add_local(struct step *s, const struct linear_work *w, uint64_t *c)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t depth = geometry_depth(g), positions = geometry_positions(g);
    uint64_t *packed = (uint64_t *)s->scratch, *rows = packed + gemm_packed_words(depth, g->oc);
    int selection = s->gate->in_first == 0;
    gemm_pack(packed, selection ? s->z : w->held, g->oc, depth, g->oc);
    if (selection) {
        gemm_u64(c, g->oc, w->held, depth, packed, positions, depth, g->oc);
        return;
    }
    size_t block = geometry_block(depth, positions);
    for (uint32_t f = 0; f < w->k.frames; f++)
        for (size_t i = 0; i < positions; i += block) {
            size_t m = positions - i < block ? positions - i : block;
            geometry_patches(rows, depth, g, s->z + f * geometry_in(g), i, m);
            gemm_u64(c + f * geometry_out(g) + i * g->oc, g->oc, rows, depth, packed, m, depth,
                     g->oc);
        }
}

/* The answers of filter block o, one for each block of frames. */
static void answer_block(struct step *s, struct linear_work *w, uint32_t o, uint64_t *c)
{
    memset(w->sum, 0, w->k.nf * (size_t)RLWE_SUM * 8);
    for (uint32_t b = 0; b < w->k.nc; b++) {
        pack_weight(w->poly, &w->k, o, b, w->held);
        rlwe_plain(w->weight, w->poly, w->tables);
        for (uint32_t f = 0; f < w->k.nf; f++)
            rlwe_multiply(w->sum + f * (size_t)RLWE_SUM,
                          w->cipher + ((size_t)f * w->k.nc + b) * RLWE_CIPHER, w->weight);
    }
    for (uint32_t f = 0; f < w->k.nf; f++) {
        uint32_t number = o * w->k.nf + f;
        struct rlwe_source source = { &s->keys->own, s->id, SEMI2K_ANSWER + number, 0 };
        size_t n = pack_useful(&w->k, f, o, w->at, w->to);
        prf_fill(&s->keys->own, s->id, SEMI2K_REST, (uint64_t)number * RLWE_N, w->rest, n * 8);
        for (size_t i = 0; i < n; i++)
            c[w->to[i]] = w->rest[i];
        rlwe_answer(w->answer + *w->answered, w->sum + f * (size_t)RLWE_SUM, w->public, w->at,
                    w->rest, n, w->tables, &source, w->scratch);
        *w->answered += rlwe_answer_bytes(n);
    }
}

static void linear_answer(struct step *s)
{
    struct linear_work w = work_of(s);
    const uint8_t *in = s->in[1 - s->role];
    uint64_t *c = s->z + pack_masked(&w.k);
    size_t pieces = s->gate->width;
    if (s->level == 0)
        *w.answered = 0;
    for (size_t i = 0; s->level == 0 && i < pack_inputs(&w.k); i++, in += RLWE_CIPHER_BYTES)
        rlwe_load(w.cipher + i * RLWE_CIPHER, in, NULL, w.tables);
    for (size_t o = w.k.no * s->level / pieces; o < w.k.no * (s->level + 1) / pieces; o++)
        answer_block(s, &w, (uint32_t)o, c);
    if (s->level + 1 == pieces)
        memcpy(s->out[1 - s->role], w.answer, s->gate->message[1]);
}

/* Adds what came, decrypted, to C. */
static void add_answer(struct step *s, struct linear_work *w)
{
    const uint8_t *in = s->in[1 - s->role];
    uint64_t *c = s->z + pack_masked(&w->k);
    for (uint32_t o = 0; o < w->k.no; o++)
        for (uint32_t f = 0; f < w->k.nf; f++) {
            size_t n = pack_useful(&w->k, f, o, w->at, w->to);
            rlwe_decrypt(w->rest, in, w->at, n, w->secret, w->tables, w->scratch);
            for (size_t i = 0; i < n; i++)
                c[w->to[i]] += w->rest[i];
            in += rlwe_answer_bytes(n);
        }
}

static void linear_finish(struct step *s)
{
    struct linear_work w = work_of(s);
    add_answer(s, &w);
    add_local(s, &w, s->z + pack_masked(&w.k));
}

static size_t mask_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? g->message[0] : 0;
}

static size_t answer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return from != to && level + 1u == g->width ? g->message[1] : 0;
}

static unsigned answer_pieces(const struct gate *g)
{
    return g->width;
}

static const struct round linear_rounds[] = {
    { .name = "mask", .run = linear_mask, .bytes = mask_bytes },
    { .name = "answer", .run = linear_answer, .bytes = answer_bytes, .times = answer_pieces },
    { .name = "finish", .run = linear_finish },
};

const struct gate_ops semi2k_deal_linear_both = {
    .name = "deal-linear", .rounds = linear_rounds, .nround = 3, .scratch = linear_scratch
};

/* ---- with an owner ---- */

static void owner_mask(struct step *s)
{
    if (s->self == 0)
        linear_mask(s);
}

static void owner_answer(struct step *s)
{
    if (s->self == 0)
        return;
    if (s->level == 0) {
        struct linear_work w = work_of(s);
        memset(s->z, 0, pack_masked(&w.k) * sizeof *s->z);
    }
    linear_answer(s);
}

static void owner_finish(struct step *s)
{
    if (s->self == 1)
        return;
    struct linear_work w = work_of(s);
    memset(s->z + pack_masked(&w.k), 0, pack_results(&w.k) * sizeof *s->z);
    add_answer(s, &w);
}

static size_t owner_mask_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return semi2k_party(g, from) == 0 ? mask_bytes(g, level, from, to) : 0;
}

static size_t owner_answer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return semi2k_party(g, from) == 1 ? answer_bytes(g, level, from, to) : 0;
}

static const struct round owner_rounds[] = {
    { .name = "mask", .run = owner_mask, .bytes = owner_mask_bytes },
    { .name = "answer", .run = owner_answer, .bytes = owner_answer_bytes, .times = answer_pieces },
    { .name = "finish", .run = owner_finish },
};

const struct gate_ops semi2k_deal_linear_owner = {
    .name = "deal-linear", .rounds = owner_rounds, .nround = 3, .scratch = linear_scratch
};
