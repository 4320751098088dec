/*
 * syrep_trunc.c: truncation, SUM to SHARE, with statements.
 *
 *     send     role i sends its share of x, masked, to role i - 1: x in replicated form
 *     deal     A = x_0 + x_1 + 2^62, known to D; B = x_2, to E1 and E2. D -> E2, under F(k_1):
 *              At = A >> f; a = msb(A) modulo 2^f; the carries c_1 .. c_64 of (x_0 + 2^62) + x_1
 *     join     v_t = At + C - 2^(64-f) (1 - msb(B)) a, C of B alone (replicated_deal.c): E1 and E2 have
 *              additive shares, and leave them, masked, for each other
 *
 * What D states (E2 knows x_0, d, dA, da, E1 knows x_1, f, fA, fa; each carry is c = d ^ f as a bit, and
 * d + f - 2 d f as a number):
 *
 *     chain    c_{j+1} = (x_{0,j} ^ c_j) (x_{1,j} ^ c_j) ^ c_j
 *     part     dA + fA = (x_0' >> f) + (x_1 >> f) + c_f - 2^(64-f) c_64
 *     top      da + fa = u ^ w = u + w - 2 u w,  u = x'_{0,63} ^ d_63, w = x_{1,63} ^ f_63
 *
 * The last one modulo 2^16 or 2^32, so both sides are scaled by 2^48 or 2^32. E1 and E2 state (item
 * of the other evaluator's and D's knowledge: e = -2^(64-f) (1 - msb(B)) is known to E1 and E2):
 *
 *     E1       fa . e = [F(k_1) - fA] + [m_1 - C]          to D and to E2
 *     E2       e . da = [m_2] + [F(k_0) - dA]              to E1 and to D
 *
 * Per element over all parties: 24 + 8 + 2 (or 4) + 8 + 16 bytes; 128 bit terms and 3 + 1 + 1 word
 * terms. Security before the proofs: x_i goes under F(k_{i+1}), which role i - 1 lacks; D's message
 * under F(k_1), which E2 lacks; m_1 and m_2 under F(k_1) and F(k_0), which E2 and E1 lack.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep.h"

enum { CARRIES = 64 };

#define OFFSET ((uint64_t)1 << 62)

/* What a party keeps: shares of x; D and E2 what was dealt; E1 and E2 what the other one sent. */
struct kept_trunc {
    uint64_t *x[2], *in;
    uint8_t *dealt;
    struct deal_layout layout;
};

static struct kept_trunc kept_trunc(const struct gate *g, const uint8_t *record)
{
    struct kept_trunc r = { .layout = deal_layout(g, 0, CARRIES) };
    r.x[0] = (uint64_t *)(uintptr_t)record;
    r.x[1] = r.x[0] + g->n;
    r.in = r.x[1] + g->n;
    r.dealt = (uint8_t *)(r.in + g->n);
    return r;
}

static size_t trunc_record(const struct program *p, const struct gate *g, unsigned self)
{
    unsigned role = gate_role(p->proto, g, self);
    return 24 * (size_t)g->n + (role == E1 ? 0 : deal_layout(g, 0, CARRIES).bytes);
}

struct pair trunc_shares(const struct gate *g, const uint8_t *record)
{
    struct kept_trunc r = kept_trunc(g, record);
    return (struct pair){ { r.x[0], r.x[1] } };
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * sizeof(uint64_t);
}

/* ---- rounds ---- */

static size_t send_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * 8 : 0;
}

static void trunc_send(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    mask_sum(s, r.x[0], s->x[0], s->gate->n);
    memcpy(s->out[(s->role + 2) % 3], r.x[0], s->gate->n * sizeof *r.x[0]);
}

static size_t dealt_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? deal_layout(g, 0, CARRIES).bytes : 0;
}

static struct chain trunc_chain(const struct kept_trunc *r)
{
    return (struct chain){ .x = { { r->x[0], r->x[1] } }, .offset = OFFSET, .count = CARRIES,
                           .dealt = (const uint64_t *)(r->dealt + r->layout.tables) };
}

static void trunc_deal(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    uint64_t *part = (uint64_t *)s->scratch;
    memcpy(r.x[1], s->in[(s->role + 1) % 3], s->gate->n * sizeof *r.x[1]);
    if (s->role != D)
        return;
    for (size_t i = 0; i < s->gate->n; i++)
        part[i] = r.x[0][i] + r.x[1][i] + OFFSET;
    deal_send(s, &r.layout, part, NULL, r.dealt);
    struct chain chain = trunc_chain(&r);
    chain_deal(s, &chain, (uint64_t *)(r.dealt + r.layout.tables));
    memcpy(s->out[E2], r.dealt, r.layout.bytes);
}

static void trunc_join(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    uint64_t *y = (uint64_t *)s->scratch;
    const uint64_t *b = r.x[s->role == E1 ? 1 : 0];
    struct dealt d;
    if (s->role == E2)
        memcpy(r.dealt, s->in[D], r.layout.bytes);
    for (size_t i = 0; s->role != D && i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        memcpy(d.c, b + i, m * sizeof *b);
        deal_open(s, &r.layout, i, m, &d);
        for (size_t k = 0; k < m; k++)
            y[i + k] = d.part[k] + (s->role == E1 ? d.c[k] : 0);
    }
    result_send(s, y);
}

static void trunc_finish(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    if (s->role != D)
        memcpy(r.in, s->in[s->role == E1 ? E2 : E1], s->gate->n * sizeof *r.in);
    result_finish(s);
}

static const struct round trunc_rounds[] = {
    { .name = "send", .run = trunc_send, .bytes = send_bytes },
    { .name = "deal", .run = trunc_deal, .bytes = dealt_bytes },
    { .name = "join", .run = trunc_join, .bytes = result_bytes },
    { .name = "finish", .run = trunc_finish },
};

const struct gate_ops syrep_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 4, .scratch = trunc_scratch,
    .record = trunc_record
};

/* ---- dealt items, as they are stated ---- */

/* This seat's share of a dealt item: dealt (D, E2) or drawn (D, E1). */
static void part_words(const struct view *v, const struct kept_trunc *r, int dealt, size_t first,
                       size_t n, uint64_t *out)
{
    if (dealt)
        memcpy(out, r->dealt + r->layout.part + first * 8, n * 8);
    else
        redraw_words(&v->at, 1, USE_PART, first, out, n);
}

static void wrap_words(const struct view *v, const struct kept_trunc *r, int dealt, size_t first,
                       size_t n, uint64_t *out)
{
    size_t size = v->at.gate->shift <= 16 ? 2 : 4;
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } item;
    if (dealt)
        memcpy(&item, r->dealt + r->layout.wrap + first * size, n * size);
    else
        prf_again(share_key(&v->at, 1), v->at.id, USE_WRAP, first * size / 16, &item, n * size);
    for (size_t i = 0; i < n; i++)
        out[i] = size == 2 ? item.h[i] : item.w[i];
}

/* ---- what D states ---- */

/* The summand of one side, and the top bit that this side sees of the sum. */
static const uint64_t *summand(const struct view *v, const struct chain *c, int left)
{
    return left ? left_of(v, c->x) : right_of(v, c->x);
}

/* Factors of `part` of one side: the carries into bit f and out of bit 63. */
static void part_factors(const struct view *v, const struct chain *c, int left, size_t first,
                         size_t n, uint64_t *low, uint64_t *high)
{
    carry_words(v, c, left, v->at.gate->shift - 1u, first, n, low);
    carry_words(v, c, left, CARRIES - 1, first, n, high);
}

/* claim = item - (x >> f) - c_f + 2^(64-f) c_64 of this side, whose factors are these. */
static void part_claim(struct view *v, const struct kept_trunc *r, const struct chain *c,
                       size_t first, size_t n, const uint64_t *low, const uint64_t *high)
{
    int left = v->seat == PROVE_LEFT;
    unsigned shift = v->at.gate->shift;
    const uint64_t *x = summand(v, c, left) + first;
    uint64_t *claim = v->claim + first;
    part_words(v, r, left, first, n, claim);
    for (size_t k = 0; k < n; k++)
        claim[k] += (high[k] << (64 - shift)) - low[k] -
                    ((x[k] + (left ? c->offset : 0)) >> shift);
}

/* -2 d_f . f_f + 2^(65-f) d_64 . f_64 = claims */
static void part_fill(struct view *v, const struct kept_trunc *r, const struct chain *c)
{
    unsigned shift = v->at.gate->shift;
    uint64_t low[CHUNK], high[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (v->right != NULL) {
            part_factors(v, c, 0, i, m, low, high);
            memcpy(view_right(v, 0) + i, low, m * sizeof *low);
            memcpy(view_right(v, 1) + i, high, m * sizeof *high);
        }
        if (v->left != NULL) {
            part_factors(v, c, 1, i, m, low, high);
            for (size_t k = 0; k < m; k++) {
                view_left(v, 0)[i + k] = -2 * low[k];
                view_left(v, 1)[i + k] = high[k] << (64 - shift) << 1;
            }
        }
        if (v->claim != NULL)
            part_claim(v, r, c, i, m, low, high);
    }
}

/* This side's share of the top bit of the sum: x_63 ^ (its share of the carry into bit 63). */
static void top_words(const struct view *v, const struct chain *c, int left, size_t first,
                      size_t n, uint64_t *out)
{
    const uint64_t *x = summand(v, c, left) + first;
    carry_words(v, c, left, CARRIES - 2, first, n, out);
    for (size_t k = 0; k < n; k++)
        out[k] ^= (x[k] + (left ? c->offset : 0)) >> 63;
}

/* -2 u . w = claims [da - u] + [fa - w], times 2^(64 - bits of an item) */
static void top_fill(struct view *v, const struct kept_trunc *r, const struct chain *c)
{
    unsigned scale = v->at.gate->shift <= 16 ? 48 : 32;
    uint64_t item[CHUNK], top[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (v->right != NULL) {
            top_words(v, c, 0, i, m, top);
            memcpy(v->right + i, top, m * sizeof *top);
        }
        if (v->left != NULL) {
            top_words(v, c, 1, i, m, top);
            for (size_t k = 0; k < m; k++)
                v->left[i + k] = -(top[k] << scale << 1);
        }
        if (v->claim == NULL)
            continue;
        wrap_words(v, r, v->seat == PROVE_LEFT, i, m, item);
        for (size_t k = 0; k < m; k++)
            v->claim[i + k] = (item[k] - top[k]) << scale;
    }
}

/* ---- what E1 and E2 state ---- */

/* e = -2^(64-f) (1 - msb(B)) and C of a chunk, at an evaluator. */
static void common_words(const struct view *v, const struct kept_trunc *r, size_t first, size_t n,
                         uint64_t *e, uint64_t *c)
{
    unsigned shift = v->at.gate->shift;
    const uint64_t *b = r->x[v->at.role == E1 ? 1 : 0] + first;
    for (size_t k = 0; k < n; k++) {
        uint64_t top = b[k] >> 63;
        e[k] = -((1 - top) << (64 - shift));
        c[k] = (b[k] >> shift) - (OFFSET >> shift) + 1 - (top << (64 - shift));
    }
}

/* The claims: what D knows (mask - item); what the other evaluator does (m, less E1's C). */
static void join_claim(struct view *v, const struct kept_trunc *r, size_t first, size_t n,
                       const uint64_t *c)
{
    uint64_t *claim = v->claim + first, mask[CHUNK];
    int dealt = v->prover == E2;
    if (v->at.role == D) {
        part_words(v, r, dealt, first, n, claim);
        redraw_words(&v->at, dealt ? 0 : 1, USE_RESULT, first, mask, n);
        for (size_t k = 0; k < n; k++)
            claim[k] = mask[k] - claim[k];
        return;
    }
    for (size_t k = 0; k < n; k++)
        claim[k] = r->in[first + k] - (dealt ? 0 : c[k]);
}

static void join_fill(struct view *v, const struct kept_trunc *r)
{
    uint64_t *item = v->prover == E1 ? v->left : v->right;      /* with D */
    uint64_t *common = v->prover == E1 ? v->right : v->left;    /* with the other evaluator */
    uint64_t e[CHUNK], c[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        if (item != NULL)
            wrap_words(v, r, v->prover == E2, i, m, item + i);
        if (common != NULL) {
            common_words(v, r, i, m, e, c);
            memcpy(common + i, e, m * sizeof *e);
        }
        if (v->claim != NULL)
            join_claim(v, r, i, m, c);
    }
}

/* ---- all statements: what was sent of x, then D's chain, part and top or the evaluator's join ---- */

static unsigned trunc_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    return sent_runs(p, g) + (prover == D ? 3 : 1);
}

static struct prove_run trunc_run(const struct program *p, const struct gate *g, unsigned prover,
                                  unsigned i)
{
    if (i < sent_runs(p, g))
        return sent_run(g);
    i -= sent_runs(p, g);
    if (prover == D && i == 0)
        return chain_run(g, CARRIES);
    return (struct prove_run){ PROVE_WORDS, prover == D && i == 1 ? 2 : 1, g->n };
}

static void trunc_fill(struct view *v, unsigned i)
{
    struct kept_trunc r = kept_trunc(v->at.gate, v->at.record);
    struct chain c = trunc_chain(&r);
    unsigned sent = sent_runs(v->at.program, v->at.gate);
    if (i < sent)
        sent_fill(v, trunc_shares(v->at.gate, v->at.record));
    else if (v->prover != D)
        join_fill(v, &r);
    else if (i - sent == 0)
        chain_fill(v, &c);
    else if (i - sent == 1)
        part_fill(v, &r, &c);
    else
        top_fill(v, &r, &c);
}

const struct statements syrep_trunc_statements = {
    .runs = trunc_runs, .run = trunc_run, .fill = trunc_fill
};
