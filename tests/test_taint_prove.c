/*
 * test_taint_prove.c: no branch and no index depends on a secret in proofs and in what is stated
 * for them: under valgrind (tests/test_taint.sh), words, claims, records and the prover's keys are
 * marked undefined, and what goes on the wire is marked defined.
 */
#include "tests/check.h"
#include "tests/lockstep.h"
#include "proto/syrep.h"
#include "tests/prove_world.h"
#include "tests/scene.h"
#include "tests/taint.h"

static void declassify(void *message, size_t n)
{
    VALGRIND_MAKE_MEM_DEFINED(message, n);
}

/* RIGHT's verdict is public, so the last step may branch on it. */
static void verdict(struct lockstep *l, unsigned party, unsigned step)
{
    if (party == 2 && step + 2 == l->steps)
        VALGRIND_DISABLE_ERROR_REPORTING;
    if (party == 2 && step + 1 == l->steps)
        VALGRIND_ENABLE_ERROR_REPORTING;
}

/* A proof: words, claims and the two keys of P are secret; the key of the verifiers makes coins and
 * challenges, which are shown. */
static void proofs(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 70 }, { PROVE_WORDS, 3, 70 } };
    struct prove_world w;
    world_make(&w, runs, 2, 3);
    w.step.sent = declassify;
    w.step.stepped = verdict;
    for (unsigned i = 0; i < 2; i++) {
        VALGRIND_MAKE_MEM_UNDEFINED(w.left[i], run_terms(&runs[i]) * 8);
        VALGRIND_MAKE_MEM_UNDEFINED(w.right[i], run_terms(&runs[i]) * 8);
        for (int v = 0; v < 2; v++)
            VALGRIND_MAKE_MEM_UNDEFINED(w.claim[v][i], runs[i].words * 8u);
    }
    unsigned prover = gate_party(w.program->proto, &w.program->gate[0], PROVE_PROVER);
    for (unsigned q = 0; q < 3; q++)
        if (q != prover) {
            struct prf *here = &w.keys[prover].pair[q], *there = &w.keys[q].pair[prover];
            VALGRIND_MAKE_MEM_UNDEFINED(here->schedule, sizeof here->schedule);
            VALGRIND_MAKE_MEM_UNDEFINED(there->schedule, sizeof there->schedule);
        }
    world_run(&w);
    CHECK(w.step.err.code == 0);
    world_free(&w);
}

/* One gate of each kind with statements. */
static struct program *stated_program(void)
{
    static const struct geometry conv = { .h = 8, .w = 7, .c = 3, .kh = 3, .kw = 3, .sh = 1,
                                          .sw = 1, .oh = 6, .ow = 5, .oc = 5 };
    struct program *p = program_new(&protocol_syrep);
    uint32_t image = program_external(p, VALUE_SHARE, geometry_in(&conv));
    uint32_t weight = program_external_weight(p, &conv), bias = program_external(p, VALUE_SHARE, 5);
    uint32_t z = gate_relu(p, gate_linear(p, &conv, image, weight, bias, 3, 20), 14, 21);
    uint32_t s = gate_sign(p, gate_trunc(p, gate_mul(p, z, z), 17), 40);
    gate_relu(p, gate_reshare(p, gate_mul(p, z, gate_b2a(p, gate_and(p, s, s)))), 0, 30);
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

/* What seats say of statements: values, records and keys are secret, coins are not. */
static void statements(void)
{
    struct program *p = stated_program();
    struct scene st;
    scene_init(&st, p, 5);
    scene_run(&st);
    for (unsigned a = 0; a < 3; a++) {
        for (uint32_t v = 0; v < p->nvalue; v++)
            if (st.value[a][v] != NULL)
                VALGRIND_MAKE_MEM_UNDEFINED(st.value[a][v], p->value[v].words * 8);
        for (uint32_t id = 0; id < st.gates; id++)
            if (st.record[a][id] != NULL)
                VALGRIND_MAKE_MEM_UNDEFINED(st.record[a][id],
                    gate_ops(p->proto, &p->gate[id])->record(p, &p->gate[id], a));
        for (unsigned b = 0; b < 3; b++)
            VALGRIND_MAKE_MEM_UNDEFINED(st.keys[a].pair[b].schedule,
                                        sizeof st.keys[a].pair[b].schedule);
    }
    for (uint32_t id = st.gates; id < p->ngate; id++)
        for (unsigned i = 0; p->gate[id].kind == GATE_PROVE &&
                             i < syrep_source.runs(p, &p->gate[id]); i++) {
            struct scene_said d = scene_say(&st, &syrep_source, id, i);
            scene_said_free(&d);
        }
    scene_free(&st);
    program_free(p);
}

int main(void)
{
    CASE(statements);
    for (int portable = 0; portable < 2; portable++) {
        gf64_force(portable ? "portable" : NULL);
        CASE(proofs);
    }
    return check_done();
}
