/*
 * test_taint.c: no branch and no index depends on a secret, in any gate of any protocol.
 *
 * Under valgrind, shares and keys are marked undefined; what goes on the wire is marked defined
 * (it is masked: that is the statement of test_privacy). Any jump or address that still hangs on
 * undefined bits is an error of memcheck. `test_taint leak` runs a gate that branches on a share,
 * and must be caught: tests/test_taint.sh runs both.
 */
#include "config.h"

#include "tests/check.h"
#include "tests/lockstep.h"
#include "proto/syrep.h"
#include "tests/prove_world.h"
#include "tests/scene.h"

#ifdef HAVE_VALGRIND_MEMCHECK_H
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_DISABLE_ERROR_REPORTING
#define VALGRIND_ENABLE_ERROR_REPORTING
#endif

enum { N = 200 };

static uint64_t state = 99;

static void declassify(void *message, size_t n)
{
    VALGRIND_MAKE_MEM_DEFINED(message, n);
}

static void run_gate(struct program *p, const struct gate_ops *replaced)
{
    const struct protocol *proto = p->proto;
    struct keys keys[LOCKSTEP_PARTIES];
    struct lockstep l = { .program = p, .id = p->ngate - 1, .replaced = replaced,
                          .sent = declassify };
    const struct gate *g = &p->gate[l.id];
    memset(keys, 0, sizeof keys);
    for (unsigned a = 0; a < proto->parties; a++) {
        l.keys[a] = &keys[a];
        for (unsigned b = 0; b < proto->parties; b++) {
            uint8_t key[2][PRF_KEY];
            for (int i = 0; i < PRF_KEY; i++) {
                key[0][i] = (uint8_t)check_random(&state);
                key[1][i] = (uint8_t)check_random(&state);
            }
            VALGRIND_MAKE_MEM_UNDEFINED(key, sizeof key);
            if (a == b)
                continue;
            prf_init(&keys[a].pair[b], key[0]);
            prf_init(&keys[a].without[b], key[1]);
        }
        for (int k = 0; k < 3; k++) {
            if (g->in[k] == NO_VALUE)
                continue;
            size_t words = p->value[g->in[k]].words;
            l.x[a][k] = calloc(words + 8, 8);
            for (size_t i = 0; i < words; i++)
                l.x[a][k][i] = check_random(&state);
            VALGRIND_MAKE_MEM_UNDEFINED(l.x[a][k], words * 8);
        }
    }
    lockstep_run(&l);
    for (unsigned a = 0; a < proto->parties; a++) {
        for (int k = 0; k < 3; k++)
            free(l.x[a][k]);
        for (unsigned b = 0; b < proto->parties; b++)
            if (a != b) {
                prf_fini(&keys[a].pair[b]);
                prf_fini(&keys[a].without[b]);
            }
    }
    lockstep_clear(&l);
}

/* A program of one gate on N elements. */
static struct program *gate_program(const struct protocol *proto, enum gate_kind kind)
{
    static const struct geometry conv = { .h = 8, .w = 7, .c = 3, .kh = 3, .kw = 3, .sh = 1,
                                          .sw = 1, .oh = 6, .ow = 5, .oc = 5 };
    static const struct geometry pool = { .h = 10, .w = 10, .c = 2, .kh = 3, .kw = 3, .sh = 2,
                                          .sw = 2, .oh = 4, .ow = 4, .oc = 2 };
    struct program *p = program_new(proto);
    uint32_t sum = program_external(p, VALUE_SUM, N), share = program_external(p, VALUE_SHARE, N);
    uint32_t bits = program_external(p, VALUE_BITS, N);
    uint32_t image = program_external(p, VALUE_SHARE, geometry_in(&conv));
    uint32_t weight = program_external_weight(p, &conv);
    struct map *m = map_new(p, 2, N, 2);
    map_term(m, 0, 3, -7);
    map_constant(m, 1, 1);
    switch (kind) {
    case GATE_AFFINE: gate_affine(p, share, NO_VALUE, m); break;
    case GATE_BITMAP: gate_bitmap(p, bits, NO_VALUE, m); break;
    case GATE_SUMPOOL: gate_sumpool(p, &pool, share); break;
    case GATE_LINEAR: gate_linear(p, &conv, image, weight, NO_VALUE, 3, 20); break;
    case GATE_MUL: gate_mul(p, share, share); break;
    case GATE_RESHARE: gate_reshare(p, sum); break;
    case GATE_TRUNC: gate_trunc(p, sum, 14); break;
    case GATE_RELU: gate_relu(p, sum, 14, 21); break;
    case GATE_SIGN: gate_sign(p, share, 40); break;
    case GATE_AND: gate_and(p, bits, bits); break;
    case GATE_INJECT: gate_inject_into(p, share, bits, program_value(p, VALUE_SHARE, N), 0); break;
    case GATE_AUTH: gate_auth(p, share); break;
    case GATE_TURN:
        if (proto->gate[GATE_TURN] != NULL) {
            p->turn = 1;
            gate_turn_into(p, share, program_value(p, VALUE_SHARE, N), 0);
        } else {
            gate_mul(p, share, share);
        }
        break;
    default: gate_b2a(p, bits);
    }
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

/* Kinds that not every protocol has. */
static int lacks(const struct protocol *proto, int kind)
{
    return (kind == GATE_INJECT || kind == GATE_AUTH) && proto->gate[kind] == NULL;
}

static void all_gates(void)
{
    const struct protocol *proto;
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++)
        for (int kind = 0; kind < GATE_KINDS; kind++) {
            if (lacks(proto, kind))
                continue;
            struct program *p = gate_program(proto, (enum gate_kind)kind);
            if (gate_ops(proto, &p->gate[0]) != NULL)
                run_gate(p, NULL);
            program_free(p);
        }
}

/* Sharing by a client and joining at a party: x and the pieces are secret. */
static void clients(void)
{
    const struct protocol *proto;
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        uint64_t x[N];
        uint8_t *piece[LINK_PARTIES];
        struct err e;
        for (int k = 0; k < N; k++)
            x[k] = check_random(&state);
        VALGRIND_MAKE_MEM_UNDEFINED(x, sizeof x);
        for (unsigned p = 0; p < proto->parties; p++)
            piece[p] = malloc(proto->input_bytes(N, p));
        CHECK_EQ(proto->input_split(piece, x, N, &e), 0);
        for (unsigned p = 0; p < proto->parties; p++) {
            uint64_t *share = calloc(value_words(proto, VALUE_SHARE, N), 8);
            proto->input_join(share, piece[p], N, p);
            free(share);
            free(piece[p]);
        }
    }
}

static void leaky(struct step *s)
{
    static volatile uint64_t odd;   /* volatile: the compiler must keep the branch */
    for (size_t i = 0; i < s->gate->n; i++)
        if (s->x[0][i] & 1)
            odd = i;
    s->z[0] = odd;
}

static void leak(void)
{
    static const struct round rounds[] = { { .name = "leak", .run = leaky } };
    static const struct gate_ops ops = { .name = "leak", .rounds = rounds, .nround = 1 };
    struct program *p = gate_program(&protocol_replicated, GATE_MUL);
    run_gate(p, &ops);
    program_free(p);
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

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        CASE(leak);
        return check_done();
    }
    CASE(all_gates);
    CASE(clients);
    CASE(statements);
    for (int portable = 0; portable < 2; portable++) {
        gf64_force(portable ? "portable" : NULL);
        CASE(proofs);
    }
    return check_done();
}
