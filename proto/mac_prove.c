/*
 * mac_prove.c: the gates that end a program: proofs of all bits, the check of all MACs.
 *
 * A PROVE gate shows all statements of its prover about the gates in_first .. shape. Batches are cut
 * so that each has about BATCH words of terms: enough for the folding to pay, few enough that several
 * workers are busy. The check runs beside the proofs.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/mac_statements.h"

enum { BATCH = 1 << 18 };

static const struct statements *statements(const struct gate *g)
{
    switch (g->kind) {
    case GATE_TRUNC: return &mac_trunc_statements;
    case GATE_SIGN: return &syrep_sign_statements;
    case GATE_AND: return &syrep_and_statements;
    default: return NULL;
    }
}

static unsigned gate_runs(const struct program *p, const struct gate *g, unsigned party)
{
    const struct statements *st = statements(g);
    return st == NULL ? 0 : st->runs(p, g, gate_role(p->proto, g, party));
}

/* Words of the terms that a gate gives the busiest prover. */
static size_t gate_terms(const struct program *p, const struct gate *g)
{
    const struct statements *st = statements(g);
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
    const struct gate *g = run_gate(p, prove, &i);
    return statements(g)->run(p, g, gate_role(p->proto, g, prove->turn), i);
}

static void source_fill(struct step *s, unsigned i, enum prove_seat seat, const struct prf *coins,
                        uint64_t *left, uint64_t *right, uint64_t *claim)
{
    const struct program *p = s->program;
    const struct gate *g = run_gate(p, s->gate, &i);
    struct view v = { .at = *s, .seat = seat, .coins = coins, .left = left, .right = right,
                      .claim = claim, .prover = gate_role(p->proto, g, s->gate->turn) };
    v.at.gate = g;
    v.at.id = (uint32_t)(g - p->gate);
    v.at.role = gate_role(p->proto, g, s->self);
    v.at.record = s->records[v.at.id];
    v.words = statements(g)->run(p, g, v.prover, i).words;
    statements(g)->fill(&v, i);
}

const struct prove_source mac_source = {
    .runs = source_runs, .run = source_run, .fill = source_fill
};

/* ---- the end of a program ---- */

/* The bits that statements speak of are there to the end. */
static void keep_values(struct program *p)
{
    for (uint32_t id = 0; id < p->ngate; id++) {
        const struct gate *g = &p->gate[id];
        for (unsigned k = 0; k < 2 && (g->kind == GATE_AND || g->kind == GATE_SIGN); k++)
            if (g->in[k] != NO_VALUE && !p->value[g->in[k]].external)
                program_keep(p, g->in[k]);
        if (g->kind == GATE_AND)
            program_keep(p, g->out);
    }
}

/* Every party proves. */
static void prove(struct program *p, uint32_t token, uint32_t first, uint32_t last)
{
    uint8_t turn = p->turn;
    for (unsigned t = 0; t < p->proto->parties; t++) {
        p->turn = (uint8_t)t;
        gate_prove(p, token, last);
        if (p->failed)
            return;
        struct gate *g = &p->gate[p->ngate - 1];
        g->in_first = first;
        prove_plan(p, g);
    }
    p->turn = turn;
}

/* Batches of gates [0, n). */
static void prove_gates(struct program *p, uint32_t token, uint32_t n)
{
    size_t terms = 0;
    uint32_t first = 0;
    for (uint32_t id = 0; id < n && !p->failed; id++) {
        size_t more = gate_terms(p, &p->gate[id]);
        if (terms > 0 && more > 0 && terms + more > BATCH) {
            prove(p, token, first, id - 1);
            terms = 0;
        }
        if (terms == 0)
            first = id;
        terms += more;
    }
    if (terms > 0)
        prove(p, token, first, n - 1);
}

void mac_close(struct program *p)
{
    uint32_t n = p->ngate;
    if (p->failed)
        return;
    keep_values(p);
    p->layer = p->frame = 0;
    uint32_t token = gate_barrier(p);
    gate_macs(p, token);
    prove_gates(p, token, n);
}
