/*
 * syrep_relu_prove.c: what is stated of a ReLU. The equations are in syrep_relu.c.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep_relu.h"

/* ---- D: Q = beta (v_0 + v_1) ---- */

/* out = bit, scaled = (1 - 2 bit) x, product = bit x */
static void choose_words(const uint64_t *bits, const uint64_t *x, size_t n, uint64_t *bit,
                         uint64_t *scaled)
{
    for (size_t i = 0; i < n; i++) {
        bit[i] = plane_bit(bits, i);
        scaled[i] = x[i] - 2 * (x[i] & -bit[i]);
    }
}

static void choose_fill(struct view *v, const struct kept_relu *r)
{
    struct pair b = relu_choice(r), x = relu_value(r);
    if (v->left != NULL)
        choose_words(left_of(v, b), left_of(v, x), v->words, view_left(v, 0), view_left(v, 1));
    if (v->right != NULL)
        choose_words(right_of(v, b), right_of(v, x), v->words, view_right(v, 1),
                     view_right(v, 0));
    if (v->claim == NULL)
        return;
    int left = claims_left(v);
    const uint64_t *bits = left ? left_of(v, b) : right_of(v, b);
    const uint64_t *own = left ? left_of(v, x) : right_of(v, x);
    item_words(v, r->chosen, USE_CHOSEN, 0, v->words, v->claim);
    for (size_t i = 0; i < v->words; i++)
        v->claim[i] -= own[i] & -plane_bit(bits, i);
}

/* ---- E1, E2: their shares of the result ---- */

/* Factors that D knows as well: v - 2 Q of the evaluator's shares, and its share of beta. */
static void dealt_factors(const struct view *v, const struct kept_relu *r, uint64_t *rest,
                          uint64_t *beta)
{
    struct pair x = relu_value(r);
    const uint64_t *own = v->prover == E1 ? left_of(v, x) : right_of(v, x);
    item_words(v, r->chosen, USE_CHOSEN, 0, v->words, rest);
    item_words(v, r->beta, USE_COIN, 0, v->words, beta);
    for (size_t i = 0; i < v->words; i++)
        rest[i] = own[i] - 2 * rest[i];
}

/* Factors that E1 and E2 know: gamma, and (1 - 2 gamma) v_2. */
static void common_factors(const struct view *v, const struct kept_relu *r, uint64_t *gamma,
                           uint64_t *v2)
{
    unsigned common = v->at.role == E1;
    choose_words(r->b[common], r->v[common], v->words, gamma, v2);
}

/* At an evaluator that does not prove: what the other sent, less gamma v_2 where that was E1. */
static void inject_claim(struct view *v, const struct kept_relu *r)
{
    unsigned common = v->at.role == E1;
    if (claims_mask(v)) {
        mask_claim(v, 2, r->chosen, USE_CHOSEN, USE_OUTPUT);
        return;
    }
    for (size_t i = 0; i < v->words; i++) {
        uint64_t gamma = plane_bit(r->b[common], i);
        v->claim[i] = r->in[i] - (v->prover == E1 ? r->v[common][i] & -gamma : 0);
    }
}

static void inject_fill(struct view *v, const struct kept_relu *r)
{
    if (v->prover == E1 && v->left != NULL)
        dealt_factors(v, r, view_left(v, 0), view_left(v, 1));
    if (v->prover == E1 && v->right != NULL)
        common_factors(v, r, view_right(v, 0), view_right(v, 1));
    if (v->prover == E2 && v->left != NULL)
        common_factors(v, r, view_left(v, 0), view_left(v, 1));
    if (v->prover == E2 && v->right != NULL)
        dealt_factors(v, r, view_right(v, 0), view_right(v, 1));
    if (v->claim != NULL)
        inject_claim(v, r);
}

/* ---- all of them, in the order of their making ---- */

enum part { SENT, TRUNCATED, CHAIN, LEAVES, LEVELS, BETA, CHOSEN, INJECTED };

struct place {
    enum part part;
    unsigned i;         /* within the part */
};

/* Which statements run i is of. */
static struct place place(const struct program *p, const struct gate *g, unsigned prover,
                          unsigned i)
{
    unsigned sent = g->shift > 0 ? sent_runs(p, g) : 0;
    unsigned truncated = g->shift > 0 ? trunc_runs(prover) : prover == D;
    if (i < sent)
        return (struct place){ SENT, i };
    if ((i -= sent) < truncated)
        return (struct place){ g->shift > 0 ? TRUNCATED : CHAIN, i };
    i -= truncated;
    static const enum part dealer[] = { LEVELS, BETA, CHOSEN };
    static const enum part evaluator[] = { LEVELS, LEAVES, INJECTED };
    return (struct place){ prover == D ? dealer[i] : evaluator[i], 0 };
}

static unsigned relu_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    return 3 + (g->shift > 0 ? sent_runs(p, g) + trunc_runs(prover) : prover == D);
}

static struct prove_run relu_run(const struct program *p, const struct gate *g, unsigned prover,
                                 unsigned i)
{
    struct place at = place(p, g, prover, i);
    unsigned low = g->width - 1u;
    switch (at.part) {
    case SENT: return sent_run(g);
    case TRUNCATED: return trunc_run(g, prover, at.i);
    case CHAIN: return chain_run(g, low);
    case LEAVES: return leaf_run(low, KERNEL_PLANE(g->n));
    case LEVELS: return level_run(low, KERNEL_PLANE(g->n));
    default: return (struct prove_run){ PROVE_WORDS, at.part == BETA ? 1 : 2, g->n };
    }
}

static void relu_fill(struct view *v, unsigned i)
{
    struct place at = place(v->at.program, v->at.gate, v->prover, i);
    struct kept_relu r = kept_relu(&v->at);
    switch (at.part) {
    case SENT: sent_fill(v, sent_shares(&v->at, v->at.gate)); break;
    case TRUNCATED: trunc_fill(v, at.i); break;
    case CHAIN: chain_fill(v, &r.chain); break;
    case LEAVES: leaf_fill(v, &r.sum.tree); break;
    case LEVELS: level_fill(v, &r.sum.tree); break;
    case BETA: bit_deal_fill(v, relu_choice(&r), r.beta); break;
    case CHOSEN: choose_fill(v, &r); break;
    case INJECTED: inject_fill(v, &r); break;
    }
}

const struct statements syrep_relu_statements = {
    .runs = relu_runs, .run = relu_run, .fill = relu_fill
};
