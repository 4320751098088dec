/*
 * syrep_prove.c: which statements a PROVE gate proves, and the gates that check stages.
 *
 * A PROVE gate of the protocol shows either all statements of its prover about the gates in_first
 * .. shape or, if in_first is NO_VALUE, all that was sent of products with one weight, of which
 * gate `shape` sent the first. Batches are cut so that each has about BATCH words of terms: enough
 * for the folding to pay, few enough that several workers are busy.
 */
#include <string.h>

#include "net/base_mem.h"
#include "proto/kernel.h"
#include "proto/mac_statements.h"
#include "proto/syrep.h"

enum { BATCH = 1 << 18 };

/* ---- values, shares and words of a view ---- */

struct pair kept(const struct step *s, uint32_t value, size_t first)
{
    const struct value *v = &s->program->value[value];
    const uint64_t *words = s->values[value] + first;
    return (struct pair){ { words, words + value_stride(s->program->proto,
                                                        (enum value_kind)v->kind, v->n) } };
}

void redraw_words(const struct step *s, unsigned j, uint32_t use, size_t first, uint64_t *out,
                  size_t n)
{
    prf_again(share_key(s, j), s->id, use, first / 2, out, n * sizeof *out);
}

static uint64_t part_block(const struct step *s, unsigned plane, size_t first)
{
    return plane * ((KERNEL_PLANE(s->gate->n) + 1) / 2) + first / 2;
}

void redraw_plane(const struct step *s, unsigned j, uint32_t use, unsigned plane, uint64_t *out,
                  size_t words)
{
    redraw_part(s, j, use, plane, 0, out, words);
}

void draw_part(const struct step *s, unsigned j, uint32_t use, unsigned plane, size_t first,
               uint64_t *out, size_t words)
{
    prf_fill(share_key(s, j), s->id, use, part_block(s, plane, first), out, words * sizeof *out);
}

void redraw_part(const struct step *s, unsigned j, uint32_t use, unsigned plane, size_t first,
                 uint64_t *out, size_t words)
{
    prf_again(share_key(s, j), s->id, use, part_block(s, plane, first), out, words * sizeof *out);
}

void view_term(struct view *v, unsigned t, size_t at, struct pair x, struct pair y, size_t n)
{
    if (v->left != NULL)
        memcpy(view_left(v, t) + at, left_of(v, x), n * sizeof *v->left);
    if (v->right != NULL)
        memcpy(view_right(v, t) + at, right_of(v, y), n * sizeof *v->right);
}

/* ---- the statements of one gate ---- */

/* By the ops: protocols share gates. */
static const struct statements *statements(const struct program *p, const struct gate *g)
{
    static const struct {
        const struct gate_ops *ops;
        const struct statements *statements;
    } all[] = {
        { &replicated_reshare, &syrep_reshare_statements },
        { &replicated_and, &syrep_and_statements },
        { &syrep_trunc, &syrep_trunc_statements },
        { &syrep_relu, &syrep_relu_statements },
        { &syrep_sign, &syrep_sign_statements },
        { &syrep_b2a, &syrep_b2a_statements },
        { &mac_trunc, &mac_trunc_statements },
    };
    const struct gate_ops *ops = gate_ops(p->proto, g);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].ops == ops)
            return all[i].statements;
    return NULL;
}

int syrep_states(const struct program *p, const struct gate *g)
{
    if (statements(p, g) == NULL)
        return 0;
    if (p->value[g->in[0]].kind != VALUE_SUM)
        return 1;
    const struct gate *m = maker(p, g);     /* what made the sum makes the statement */
    return m != NULL && (m->kind == GATE_LINEAR || m->kind == GATE_MUL);
}

static unsigned gate_runs(const struct program *p, const struct gate *g, unsigned party)
{
    const struct statements *st = statements(p, g);
    return st == NULL ? 0 : st->runs(p, g, gate_role(p->proto, g, party));
}

/* Words of the terms that a gate gives the busiest prover. */
static size_t gate_terms(const struct program *p, const struct gate *g)
{
    const struct statements *st = statements(p, g);
    size_t most = 0;
    for (unsigned role = 0; st != NULL && role < p->proto->parties; role++) {
        size_t sum = 0;
        for (unsigned i = 0; i < st->runs(p, g, role); i++) {
            struct prove_run r = st->run(p, g, role, i);
            sum += (size_t)r.terms * r.words;
        }
        most = sum > most ? sum : most;
    }
    return most;
}

/* ---- what a PROVE gate asks ---- */

static unsigned source_runs(const struct program *p, const struct gate *prove)
{
    unsigned runs = 0;
    if (prove->in_first == NO_VALUE)
        return 1;
    for (uint32_t id = prove->in_first; id <= prove->shape; id++)
        runs += gate_runs(p, &p->gate[id], prove->turn);
    return runs;
}

/* The gate of run *i of a batch; *i becomes the run's number within the gate. */
static const struct gate *run_gate(const struct program *p, const struct gate *prove, unsigned *i)
{
    const struct gate *g = &p->gate[prove->in_first];
    for (unsigned runs; *i >= (runs = gate_runs(p, g, prove->turn)); g++)
        *i -= runs;
    return g;
}

static struct prove_run source_run(const struct program *p, const struct gate *prove, unsigned i)
{
    if (prove->in_first == NO_VALUE)
        return linear_run(p, &p->gate[prove->shape]);
    const struct gate *g = run_gate(p, prove, &i);
    return statements(p, g)->run(p, g, gate_role(p->proto, g, prove->turn), i);
}

/* The step as the gate would see it at this party. */
struct step step_at(const struct step *s, const struct gate *g)
{
    struct step at = *s;
    at.gate = g;
    at.id = (uint32_t)(g - s->program->gate);
    at.role = gate_role(s->program->proto, g, s->self);
    at.record = s->records[at.id];
    return at;
}

static void source_fill(struct step *s, unsigned i, enum prove_seat seat, const struct prf *coins,
                        uint64_t *left, uint64_t *right, uint64_t *claim)
{
    const struct program *p = s->program;
    const struct gate *prove = s->gate;
    const struct gate *g = prove->in_first == NO_VALUE ? &p->gate[prove->shape]
                                                        : run_gate(p, prove, &i);
    struct view v = { .at = step_at(s, g), .seat = seat, .coins = coins, .left = left,
                      .right = right, .claim = claim };
    v.prover = gate_role(p->proto, g, prove->turn);
    if (prove->in_first == NO_VALUE) {
        v.words = PROJECTIONS;
        linear_fill(&v, &s->err);
        return;
    }
    v.words = statements(p, g)->run(p, g, v.prover, i).words;
    statements(p, g)->fill(&v, i);
}

const struct prove_source syrep_source = {
    .runs = source_runs, .run = source_run, .fill = source_fill
};

/* ---- checks of a program ---- */

void syrep_hold(struct program *p, const struct stage_span *s, uint32_t readers, uint32_t makers)
{
    for (uint32_t id = s->first; id < s->last && !p->failed; id++) {
        const struct gate *g = &p->gate[id];
        for (unsigned k = 0; k < 3 && readers >> g->kind & 1; k++)
            if (g->in[k] != NO_VALUE && (!p->value[g->in[k]].external || p->value[g->in[k]].late))
                program_hold(p, g->in[k]);
        if (makers >> g->kind & 1)
            program_hold(p, g->out);
    }
}

/* Every party proves. */
static void prove(struct program *p, uint32_t token, uint32_t first, uint32_t last)
{
    uint8_t turn = p->turn;
    for (unsigned t = 0; t < p->proto->parties; t++) {
        p->turn = (uint8_t)t;
        gate_prove(p, token, first, last);
    }
    p->turn = turn;
}

void syrep_prove_gates(struct program *p, const struct stage_span *s)
{
    size_t terms = 0;
    uint32_t first = 0;
    for (uint32_t id = s->first; id < s->last && !p->failed; id++) {
        size_t more = gate_terms(p, &p->gate[id]);
        if (terms > 0 && more > 0 && terms + more > BATCH) {
            prove(p, s->token, first, id - 1);
            terms = 0;
        }
        if (terms == 0)
            first = id;
        terms += more;
    }
    if (terms > 0)
        prove(p, s->token, first, s->last - 1);
}

static void prove_weights(struct program *p, const struct stage_span *s)
{
    uint8_t *seen = mem_new((size_t)p->nvalue + 1, 1);
    if (seen == NULL) {
        p->failed = 1;
        return;
    }
    for (uint32_t id = s->first; id < s->last && !p->failed; id++) {
        const struct gate *m = linear_of(p, &p->gate[id]);
        if (m == NULL || seen[m->in[1]])
            continue;
        seen[m->in[1]] = 1;
        prove(p, s->token, NO_VALUE, id);
    }
    mem_free(seen);
}

/* Somebody proves what the gate sends, and what it speaks of is held until then. */
static int is_proved(const struct program *p, const struct gate *g, uint32_t first)
{
    if (!gate_speaks(p->proto, g) || g->kind == GATE_BARRIER || g->kind == GATE_PROVE)
        return 1;
    return syrep_states(p, g) &&
           (p->value[g->in[0]].kind != VALUE_SUM || maker(p, g) >= p->gate + first);
}

void syrep_settle(struct program *p, const struct stage_span *stage, uint32_t n)
{
    uint32_t products = 1u << GATE_LINEAR | 1u << GATE_MUL | 1u << GATE_AND;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t id = stage[i].first; id < stage[i].last; id++)
            p->failed |= !is_proved(p, &p->gate[id], stage[0].first);
        syrep_hold(p, &stage[i], products | 1u << GATE_SIGN | 1u << GATE_B2A,
                   1u << GATE_RESHARE | 1u << GATE_AND);
    }
    for (uint32_t i = 0; i < n; i++) {
        prove_weights(p, &stage[i]);
        syrep_prove_gates(p, &stage[i]);
    }
}
