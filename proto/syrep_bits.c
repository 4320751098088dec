/*
 * syrep_bits.c: bits as ring elements, with statements.
 *
 * b = beta ^ c, beta = b_0 ^ b_1 known to D, c = b_2 to E1 and E2. D deals beta = dB + fB, fB =
 * F(k_1), dB to E2; E1 and E2 have additive shares of b = c + (1 - 2 c) beta and leave them for
 * each other:
 *
 *     D        -2 b_0 . b_1 = [dB - b_0] + [fB - b_1]      known to E2, to E1
 *     E1       fB . -2 c = [F(k_1) - fB] + [m_1 - c]       to D, to E2
 *     E2       -2 c . dB = [m_2] + [F(k_0) - dB]           to E1, to D
 *
 * 24 bytes, one word term each. Security before the proofs: dB goes under F(k_1), which E2 lacks;
 * m_1 and m_2 under F(k_1) and F(k_0), which E2 and E1 lack.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep.h"

/* What E1 and E2 keep: what the other one sent; what D and E2 keep: what was dealt. */
static uint64_t *kept_in(const struct step *s)
{
    return (uint64_t *)s->record;
}

static uint64_t *kept_dealt(const struct step *s)
{
    return (uint64_t *)s->record + s->gate->n;
}

static size_t b2a_record(const struct program *p, const struct gate *g, unsigned self)
{
    (void)p;
    (void)self;
    return 16 * (size_t)g->n;
}

static void b2a_deal(struct step *s)
{
    if (s->role != D)
        return;
    bit_deal(s, s->x[0], s->x[0] + s->stride[0], kept_dealt(s));
    memcpy(s->out[E2], kept_dealt(s), s->gate->n * sizeof(uint64_t));
}

static void b2a_join(struct step *s)
{
    if (s->role == E2)
        memcpy(kept_dealt(s), s->in[D], s->gate->n * sizeof(uint64_t));
    replicated_b2a_join(s);
}

static void b2a_finish(struct step *s)
{
    if (s->role != D)
        memcpy(kept_in(s), s->in[s->role == E1 ? E2 : E1], s->gate->n * sizeof(uint64_t));
    result_finish(s);
}

static const struct round b2a_rounds[] = {
    { .name = "deal", .run = b2a_deal, .bytes = replicated_b2a_bytes },
    { .name = "join", .run = b2a_join, .bytes = result_bytes },
    { .name = "finish", .run = b2a_finish },
};

const struct gate_ops syrep_b2a = {
    .name = "b2a", .rounds = b2a_rounds, .nround = 3, .scratch = replicated_b2a_scratch,
    .record = b2a_record
};

/* ---- statements ---- */

static unsigned b2a_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    (void)p;
    (void)g;
    (void)prover;
    return 1;
}

static struct prove_run b2a_run(const struct program *p, const struct gate *g, unsigned prover,
                                unsigned i)
{
    (void)p;
    (void)prover;
    (void)i;
    return (struct prove_run){ PROVE_WORDS, 1, g->n };
}

void item_words(const struct view *v, const uint64_t *dealt, uint32_t use, size_t first, size_t n,
                uint64_t *out)
{
    if (states_dealt(v))
        memcpy(out, dealt + first, n * sizeof *out);
    else
        redraw_words(&v->at, 1, use, first, out, n);
}

void mask_claim(struct view *v, unsigned terms, const uint64_t *dealt, uint32_t item,
                uint32_t mask)
{
    int other = v->seat == PROVE_PROVER && v->prover == E2;
    uint64_t own[CHUNK], product[CHUNK];
    for (size_t i = 0; i < v->words; i += CHUNK) {
        size_t m = v->words - i < CHUNK ? v->words - i : CHUNK;
        item_words(v, dealt, item, i, m, product);
        redraw_words(&v->at, v->prover == E2 ? 0 : 1, mask, i, own, m);
        for (size_t k = 0; k < m; k++)
            v->claim[i + k] = other ? product[k] - own[k] : own[k] - product[k];
        for (unsigned t = 0; other && t < terms; t++)
            for (size_t k = i; k < i + m; k++)
                v->claim[k] += view_left(v, t)[k] * view_right(v, t)[k];
    }
}

/* out = factor * bit */
static void bit_words(const uint64_t *plane, uint64_t factor, uint64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = factor & -plane_bit(plane, i);
}

void bit_deal_fill(struct view *v, struct pair b, const uint64_t *dealt)
{
    if (v->left != NULL)
        bit_words(left_of(v, b), (uint64_t)-2, v->left, v->words);
    if (v->right != NULL)
        bit_words(right_of(v, b), 1, v->right, v->words);
    if (v->claim == NULL)
        return;
    const uint64_t *own = claims_left(v) ? left_of(v, b) : right_of(v, b);
    item_words(v, dealt, USE_COIN, 0, v->words, v->claim);
    for (size_t i = 0; i < v->words; i++)
        v->claim[i] -= plane_bit(own, i);
}

/* At an evaluator that does not prove: what the other sent, without E1's c. */
static void join_claim(struct view *v, const uint64_t *c)
{
    if (claims_mask(v)) {
        mask_claim(v, 1, kept_dealt(&v->at), USE_COIN, USE_RESULT);
        return;
    }
    memcpy(v->claim, kept_in(&v->at), v->words * sizeof *v->claim);
    for (size_t i = 0; i < v->words && v->prover == E1; i++)
        v->claim[i] -= plane_bit(c, i);
}

static void join_fill(struct view *v, struct pair b)
{
    uint64_t *item = v->prover == E1 ? v->left : v->right;      /* with D */
    uint64_t *common = v->prover == E1 ? v->right : v->left;    /* with the other evaluator */
    const uint64_t *c = b.plane[v->at.role == E1];
    if (item != NULL)
        item_words(v, kept_dealt(&v->at), USE_COIN, 0, v->words, item);
    if (common != NULL)
        bit_words(c, (uint64_t)-2, common, v->words);
    if (v->claim != NULL)
        join_claim(v, c);
}

static void b2a_fill(struct view *v, unsigned i)
{
    struct pair b = kept(&v->at, v->at.gate->in[0], 0);
    (void)i;
    if (v->prover == D)
        bit_deal_fill(v, b, kept_dealt(&v->at));
    else
        join_fill(v, b);
}

const struct statements syrep_b2a_statements = {
    .runs = b2a_runs, .run = b2a_run, .fill = b2a_fill
};
