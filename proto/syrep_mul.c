/*
 * syrep_mul.c: what is stated of products, of words and of bits.
 *
 * Role i sent m_i to role i - 1, its share z_i of the product in the new sharing:
 *
 *     m_i = x_i y_i + x_i y_{i+1} + x_{i+1} y_i + F(k_i) - F(k_{i+1})
 *
 * LEFT = i - 1 knows x_i, y_i, k_i and m_i; RIGHT = i + 1 knows x_{i+1}, y_{i+1}, k_{i+1}. So
 *
 *     x_i . y_{i+1} + y_i . x_{i+1} = [m_i - x_i y_i - F(k_i)] + [F(k_{i+1})]
 *
 * with the brackets known to LEFT and to RIGHT: two terms per element and prover, as in `Fully
 * Linear PCPs' (Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai, CRYPTO 2019). Over bits the same.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep_trunc.h"

/* ---- AND ---- */

void and_statement(struct view *v, size_t at, struct pair x, struct pair y, struct pair z,
                   struct pair plus, unsigned level, unsigned plane, size_t words)
{
    view_term(v, 0, at, x, y, words);
    view_term(v, 1, at, y, x, words);
    if (v->claim == NULL)
        return;
    uint64_t *c = v->claim + at;
    unsigned j = v->seat == PROVE_LEFT ? v->prover : (v->prover + 1) % 3;
    redraw_plane(&v->at, j, USE_BIT_ZERO + level, plane, c, words);
    for (size_t w = 0; w < words && v->seat == PROVE_LEFT; w++)
        c[w] ^= z.plane[1][w] ^ (x.plane[1][w] & y.plane[1][w]);
    for (size_t w = 0; w < words && v->seat == PROVE_LEFT && plus.plane[1] != NULL; w++)
        c[w] ^= plus.plane[1][w];
}

static unsigned one_run(const struct program *p, const struct gate *g, unsigned prover)
{
    (void)p;
    (void)g;
    (void)prover;
    return 1;
}

static struct prove_run and_run(const struct program *p, const struct gate *g, unsigned prover,
                                unsigned i)
{
    (void)p;
    (void)prover;
    (void)i;
    return (struct prove_run){ PROVE_BITS, 2, (uint32_t)KERNEL_PLANE(g->n) };
}

static void and_fill(struct view *v, unsigned i)
{
    const struct gate *g = v->at.gate;
    const struct pair none = { { NULL, NULL } };
    (void)i;
    and_statement(v, 0, kept(&v->at, g->in[0], 0), kept(&v->at, g->in[1], 0),
                  kept(&v->at, g->out, g->first / 64), none, 0, 0, v->words);
}

const struct statements syrep_and_statements = {
    .runs = one_run, .run = and_run, .fill = and_fill
};

/* ---- MUL, as RESHARE and TRUNC send it ---- */

const struct gate *maker(const struct program *p, const struct gate *g)
{
    for (const struct gate *m = g; m > p->gate;)
        if ((--m)->out == g->in[0])
            return m;
    return NULL;
}

struct pair sent_shares(const struct step *s, const struct gate *g)
{
    if (g->kind == GATE_RESHARE)
        return kept(s, g->out, g->first);
    struct kept_trunc r = kept_trunc(g, s->records[g - s->program->gate]);
    return (struct pair){ { r.x[0], r.x[1] } };
}

unsigned sent_runs(const struct program *p, const struct gate *g)
{
    const struct gate *m = maker(p, g);
    return m != NULL && m->kind == GATE_MUL;
}

struct prove_run sent_run(const struct gate *g)
{
    return (struct prove_run){ PROVE_WORDS, 2, g->n };
}

void sent_fill(struct view *v, struct pair sent)
{
    const struct gate *m = maker(v->at.program, v->at.gate);
    struct pair x = kept(&v->at, m->in[0], 0), y = kept(&v->at, m->in[1], 0);
    view_term(v, 0, 0, x, y, v->words);
    view_term(v, 1, 0, y, x, v->words);
    if (v->claim == NULL)
        return;
    int left = claims_left(v);
    redraw_words(&v->at, left ? v->prover : (v->prover + 1) % 3, USE_ZERO, 0, v->claim, v->words);
    const uint64_t *z_i = left_of(v, sent), *x_i = left_of(v, x), *y_i = left_of(v, y);
    for (size_t k = 0; k < v->words && left; k++)
        v->claim[k] = z_i[k] - x_i[k] * y_i[k] - v->claim[k];
}

static unsigned reshare_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    (void)prover;
    return sent_runs(p, g);
}

static struct prove_run reshare_run(const struct program *p, const struct gate *g,
                                    unsigned prover, unsigned i)
{
    (void)p;
    (void)prover;
    (void)i;
    return sent_run(g);
}

static void reshare_fill(struct view *v, unsigned i)
{
    (void)i;
    sent_fill(v, sent_shares(&v->at, v->at.gate));
}

const struct statements syrep_reshare_statements = {
    .runs = reshare_runs, .run = reshare_run, .fill = reshare_fill
};
