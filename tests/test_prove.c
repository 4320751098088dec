/*
 * test_prove.c: proofs between three parties: true statements pass, false ones and every tampered
 * message do not, messages are what the equations say, and what is received tells nothing.
 */
#include "tests/prove_world.h"
#include "tests/trial.h"

#include <inttypes.h>
#include <math.h>

static uint64_t state = 99;

enum { NOBODY = 9 };

/* ---- who objected, and who sent what ---- */

struct watch {
    unsigned step, from, to;    /* by seats: whose message is changed; step NOBODY * 100: none */
    void (*change)(uint8_t *p, size_t n);
    unsigned objector, at;      /* seat and step of the first error */
};

static unsigned seat_of(const struct lockstep *l, unsigned party)
{
    return gate_role(l->program->proto, &l->program->gate[l->id], party);
}

static unsigned party_of(const struct lockstep *l, unsigned seat)
{
    return gate_party(l->program->proto, &l->program->gate[l->id], seat);
}

static void watch(struct lockstep *l, unsigned party, unsigned step)
{
    struct watch *w = l->ctx;
    if (l->err.code != 0 && w->objector == NOBODY) {
        w->objector = seat_of(l, party);
        w->at = step;
    }
    if (step == w->step && seat_of(l, party) == w->from) {
        unsigned to = party_of(l, w->to);
        w->change(l->message[step][party][to], l->bytes[step][party][to]);
    }
}

static uint8_t *sent(const struct lockstep *l, unsigned step, unsigned from, unsigned to, size_t *n)
{
    unsigned a = party_of(l, from), b = party_of(l, to);
    *n = l->bytes[step][a][b];
    return l->message[step][a][b];
}

/* Runs; gives the seat that objected, or NOBODY. */
static unsigned run_watched(struct prove_world *w, struct watch *how)
{
    how->objector = NOBODY;
    w->step.ctx = how;
    w->step.stepped = watch;
    world_run(w);
    return how->objector;
}

static unsigned run_quietly(struct prove_world *w)
{
    struct watch quiet = { .step = UINT32_MAX };
    return run_watched(w, &quiet);
}

/* ---- completeness ---- */

static const struct {
    unsigned count;
    struct prove_run run[4];
} shapes[] = {
    { 0, { { 0 } } },
    { 1, { { PROVE_BITS, 1, 1 } } },
    { 1, { { PROVE_WORDS, 1, 1 } } },
    { 1, { { PROVE_BITS, 3, 65 } } },
    { 1, { { PROVE_WORDS, 5, 63 } } },
    { 2, { { PROVE_BITS, 2, 64 }, { PROVE_WORDS, 2, 64 } } },
    { 3, { { PROVE_WORDS, 1, 200 }, { PROVE_BITS, 7, 130 }, { PROVE_WORDS, 100, 3 } } },
    { 4, { { PROVE_BITS, 40, 2 }, { PROVE_BITS, 1, 500 }, { PROVE_BITS, 9, 63 },
           { PROVE_WORDS, 3, 65 } } },
    { 3, { { PROVE_BITS, 1, 0 }, { PROVE_WORDS, 0, 70 }, { PROVE_BITS, 0, 70 } } },
    { 2, { { PROVE_WORDS, 2, 0 }, { PROVE_WORDS, 2, 129 } } },
    { 1, { { PROVE_BITS, 1, 40000 } } },
    { 1, { { PROVE_WORDS, 1, 70000 } } },
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static unsigned differing_messages(const struct lockstep *a, const struct lockstep *b)
{
    unsigned differ = 0;
    for (unsigned s = 0; s < a->steps; s++)
        for (unsigned p = 0; p < 3; p++)
            for (unsigned q = 0; q < 3; q++)
                differ += a->bytes[s][p][q] > 0 &&
                          memcmp(a->message[s][p][q], b->message[s][p][q], a->bytes[s][p][q]) != 0;
    return differ;
}

static void true_statements_pass(void)
{
    static const char *const isas[] = { "clmul", "portable" };
    for (int i = 0; i < SHAPES; i++) {
        struct prove_world w[2];
        for (int v = 0; v < 2; v++) {
            world_make(&w[v], shapes[i].run, shapes[i].count, 50 + (uint64_t)i);
            w[v].step.fill = v == 0 ? 0 : 0xff;
            gf64_force(gf64_force(isas[v]) == 0 ? isas[v] : NULL);
            CHECK_EQ(run_quietly(&w[v]), NOBODY);
            for (unsigned p = 0; p < 3; p++)
                CHECK(w[v].step.z[p][0] == 0);
        }
        gf64_force(NULL);
        CHECK_EQ(differing_messages(&w[0].step, &w[1].step), 0);
        world_free(&w[0]);
        world_free(&w[1]);
    }
}

static void edge_words_pass(void)
{
    static const uint64_t edge[] = { 0, 1, UINT64_MAX, (uint64_t)1 << 63 };
    struct prove_run run = { PROVE_WORDS, 3, 256 };
    for (int c = 0; c < 4; c++) {
        struct prove_world w;
        world_make(&w, &run, 1, 70 + (uint64_t)c);
        for (size_t k = 0; k < 256; k++) {
            for (size_t t = 0; t < 3; t++) {
                w.left[0][t * 256 + k] = edge[k & 3];
                w.right[0][t * 256 + k] = edge[k >> 2 & 3];
            }
            w.claim[0][0][k] = edge[c];
        }
        world_settle(&w, 0);
        CHECK_EQ(run_quietly(&w), NOBODY);
        world_free(&w);
    }
}

/* Steps of the two kinds run side by side; with 2^18 term words there are few of them. */
static void rounds_are_few(void)
{
    struct prove_run runs[] = { { PROVE_BITS, 4, 1u << 16 }, { PROVE_WORDS, 4, 1u << 18 } };
    struct prove_world w, bits, words;
    world_make(&w, runs, 2, 1);
    const struct gate *g = &w.program->gate[0];
    unsigned both = gate_steps(&prove_ops, g);
    world_free(&w);
    world_make(&bits, runs, 1, 1);
    unsigned one = gate_steps(&prove_ops, &bits.program->gate[0]);
    world_free(&bits);
    world_make(&words, runs + 1, 1, 1);
    unsigned other = gate_steps(&prove_ops, &words.program->gate[0]);
    world_free(&words);
    printf("# steps: bits %u, words %u, both %u\n", one, other, both);
    CHECK(both == (one > other ? one : other));
    CHECK(both <= 20);
}

/* ---- soundness: statements ---- */

/* Each bit of each claim, left and right word can make a statement false. */
static void false_statements_fail(void)
{
    static const struct prove_run runs[] = {
        { PROVE_BITS, 2, 70 }, { PROVE_WORDS, 3, 70 }, { PROVE_BITS, 1, 1 }, { PROVE_WORDS, 1, 5 }
    };
    for (int trial = 0; trial < 400; trial++) {
        struct prove_world w;
        world_make(&w, runs, 4, check_random(&state));
        unsigned i = (unsigned)(check_random(&state) % 4);
        size_t k = check_random(&state) % w.run[i].words;
        uint64_t bit = (uint64_t)1 << (trial % 4 == 0 ? 63 : check_random(&state) % 64);
        if (trial % 3 == 0)
            w.claim[0][i][k] ^= bit;
        else if (trial % 3 == 1)
            w.claim[1][i][k] ^= bit;
        else {
            w.right[i][k] = 1;      /* so that a change on the left is a change of the product */
            if (w.run[i].kind == PROVE_BITS)
                w.right[i][k] = bit;
            world_settle(&w, i);
            w.left[i][k] ^= bit;
        }
        CHECK_EQ(run_quietly(&w), PROVE_RIGHT);
        world_free(&w);
    }
}

/* One seat alone believes something else. */
static unsigned liar, lied_run;
static int lied_about;

static void lie(struct prove_world *w, unsigned i, enum prove_seat seat, uint64_t *left,
                uint64_t *right, uint64_t *claim)
{
    uint64_t *p = lied_about == 0 ? left : lied_about == 1 ? right : claim;
    if (seat == liar && i == lied_run && p != NULL)
        p[w->run[i].words / 2] ^= (uint64_t)1 << 17;
}

static void a_lie_of_one_seat_fails(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 70 }, { PROVE_WORDS, 3, 70 } };
    for (liar = 0; liar < 3; liar++)
        for (lied_run = 0; lied_run < 2; lied_run++)
            for (lied_about = 0; lied_about < 3; lied_about++) {
                if ((lied_about == 0 && liar == PROVE_RIGHT) ||
                    (lied_about == 1 && liar == PROVE_LEFT) ||
                    (lied_about == 2 && liar == PROVE_PROVER && lied_run == 0))
                    continue;       /* that seat does not know it */
                struct prove_world w;
                world_make(&w, runs, 2, check_random(&state));
                w.lie = lie;
                /* P's wrong claim_left changes a quotient only if it changes a carry */
                if (lied_about == 2 && liar == PROVE_PROVER) {
                    memset(w.claim[0][1], 0, 70 * 8);
                    w.left[1][35] = w.left[1][105] = w.left[1][175] = 0;
                    world_settle(&w, 1);
                }
                CHECK_EQ(run_quietly(&w), PROVE_RIGHT);
                world_free(&w);
            }
}

/* ---- soundness: messages ---- */

static size_t changed_word;

static void add_one(uint8_t *p, size_t n)
{
    size_t at = changed_word % (n / 4) * 4;
    uint32_t v;
    memcpy(&v, p + at, 4);
    v++;
    memcpy(p + at, &v, 4);
}

static void add_top(uint8_t *p, size_t n)
{
    p[changed_word % (n / 8) * 8 + 7] ^= 0x80;
}

static void flip_bit(uint8_t *p, size_t n)
{
    p[changed_word % n] ^= (uint8_t)(1u << changed_word % 8);
}

static void clear_all(uint8_t *p, size_t n)
{
    memset(p, 0, n);
}

static void (*const changes[])(uint8_t *p, size_t n) = { add_one, add_top, flip_bit, clear_all };

/* Whose objection is due when somebody's message was changed on its way. */
static int objection_is_due(unsigned from, unsigned to, unsigned objector)
{
    if (from == PROVE_RIGHT && to == PROVE_PROVER)      /* or P itself, if it is no challenge */
        return objector == PROVE_LEFT || objector == PROVE_PROVER;
    if (from == PROVE_PROVER && to == PROVE_LEFT)
        return objector == PROVE_LEFT;
    return objector == PROVE_RIGHT;
}

/* Changes one message: P's must not pass; and where RIGHT lies to P, LEFT must not open. */
static void change_one(const struct prove_run *runs, unsigned count, struct watch *how,
                       unsigned opening)
{
    struct prove_world w;
    size_t n;
    world_make(&w, runs, count, 4711);
    unsigned objector = run_watched(&w, how);
    CHECK(objection_is_due(how->from, how->to, objector));
    if (how->from == PROVE_RIGHT) {
        uint8_t *open = sent(&w.step, opening, PROVE_LEFT, PROVE_RIGHT, &n), any = 0;
        for (size_t b = 0; b < n; b++)
            any |= open[b];
        CHECK(any == 0);
        CHECK(how->at <= opening);
    }
    world_free(&w);
}

static void changed_messages_fail(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 70 }, { PROVE_WORDS, 3, 70 } };
    unsigned messages = 0;
    struct prove_world plain;
    size_t n;
    world_make(&plain, runs, 2, 4711);
    CHECK_EQ(run_quietly(&plain), NOBODY);
    for (unsigned step = 0; step < plain.step.steps; step++)
        for (unsigned from = 0; from < 3; from++)
            for (unsigned to = 0; to < 3; to++) {
                if (sent(&plain.step, step, from, to, &n) == NULL)
                    continue;
                messages++;
                for (int c = 0; c < 4; c++)
                    for (int times = 0; times < 6; times++) {
                        struct watch how = { .step = step, .from = from, .to = to,
                                             .change = changes[c] };
                        changed_word = times == 0 ? 0 : times == 1 ? n - 1
                                     : times == 2 ? n - 8 : check_random(&state);
                        change_one(runs, 2, &how, plain.step.steps - 2);
                    }
            }
    printf("# %u messages, each changed in 24 ways\n", messages);
    CHECK_EQ(messages, plain.step.steps - 1);
    world_free(&plain);
}

static void last_is_zero(uint8_t *p, size_t n)
{
    memset(p + n - 8, 0, 8);
}

static void last_is_one(uint8_t *p, size_t n)
{
    last_is_zero(p, n);
    p[n - 8] = 1;
}

/* A challenge that would take a dummy out of what is opened is refused by P itself: a RIGHT that
 * found a job with such a one would show it to LEFT's satisfaction. (1 is the field's one for bits
 * only.) */
static void no_challenge_takes_the_dummies_out(void)
{
    static const struct prove_run runs[2] = { { PROVE_BITS, 2, 400 }, { PROVE_WORDS, 3, 400 } };
    for (int kind = 0; kind < 2; kind++)
        for (unsigned step = 3, refused = 0;; step++) {     /* the first level has no dummies yet */
            struct watch how = { .step = step, .from = PROVE_RIGHT, .to = PROVE_PROVER,
                                 .change = kind == 0 && step % 2 == 0 ? last_is_one
                                                                      : last_is_zero };
            struct prove_world w;
            size_t n;
            world_make(&w, &runs[kind], 1, 4712);
            world_run(&w);
            int shows = step < w.step.steps && sent(&w.step, step, how.from, how.to, &n) != NULL &&
                        n >= 8;
            int over = step >= w.step.steps;
            world_free(&w);
            if (over) {
                CHECK(refused > 0);
                break;
            }
            if (!shows)
                continue;
            world_make(&w, &runs[kind], 1, 4712);
            CHECK_EQ(run_watched(&w, &how), PROVE_PROVER);
            refused++;
            world_free(&w);
        }
}

/* ---- what the verifiers show ---- */

static uint8_t *all_shown(struct prove_world *w, size_t *n)
{
    return sent(&w->step, w->step.steps - 3, PROVE_PROVER, PROVE_LEFT, n);
}

/* Coins and challenges are functions of the key of LEFT and RIGHT alone, which P lacks; and each
 * challenge is shown only when P has sent its part of that level. */
static void challenges_are_the_verifiers_own(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 70 }, { PROVE_WORDS, 3, 70 } };
    struct prove_world w[3];
    uint8_t *shown[3];
    size_t n;
    for (int v = 0; v < 3; v++) {
        world_make(&w[v], runs, 2, 300);
        for (unsigned a = 0; a < 3; a++) {
            unsigned b = (a + 1) % 3;
            int verifiers = seat_of(&w[v].step, a) != PROVE_PROVER &&
                            seat_of(&w[v].step, b) != PROVE_PROVER;
            if ((v == 1 && !verifiers) || (v == 2 && verifiers)) {
                prf_fini(&w[v].keys[a].pair[b]), prf_fini(&w[v].keys[b].pair[a]);
                world_keys(&w[v], a, b, 1234 + a);
            }
        }
        CHECK_EQ(run_quietly(&w[v]), NOBODY);
        shown[v] = all_shown(&w[v], &n);
    }
    CHECK(memcmp(shown[0], shown[1], n) == 0);
    for (size_t at = 0; at + 8 <= n; at += 8)
        CHECK(memcmp(shown[0] + at, shown[2] + at, 8) != 0);
    for (unsigned step = 2; step + 3 < w[0].step.steps; step += 2) {
        size_t said, answered;
        sent(&w[0].step, step - 1, PROVE_PROVER, PROVE_RIGHT, &said);
        sent(&w[0].step, step, PROVE_RIGHT, PROVE_PROVER, &answered);
        CHECK(said > 0 && answered > 0);
    }
    for (int v = 0; v < 3; v++)
        world_free(&w[v]);
}

/* ---- in the engine ---- */

/* Proofs after a barrier, and the check that ends the program. */
static struct program *three_proofs(void)
{
    struct program *p = program_new(&world_protocol);
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

static int run_in_engine(struct prove_world *w, struct err *e)
{
    struct program *p = three_proofs();
    struct trial t = { .program = p, .options = { .seed = 5, .reorder = 1, .latency_ns = 1000000,
                                                  .jitter_ns = 300000 } };
    struct cost c;
    world = w;
    int code = trial_run(&t);
    *e = t.err;
    CHECK_EQ(cost_program(&c, p, NULL), 0);
    for (unsigned i = 0; i < 3 && code == 0; i++)
        for (unsigned k = 0; k < 3; k++)
            CHECK_EQ(t.party[i].stats.sent[k], c.bytes[i][k]);
    if (code == 0)
        printf("# three proofs: %u rounds, %llu bytes\n", c.rounds,
               (unsigned long long)cost_total(&c));
    trial_free(&t);
    program_free(p);
    return code;
}

static void proofs_in_the_engine(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 700 }, { PROVE_WORDS, 3, 700 } };
    struct prove_world w;
    struct err e;
    world_make(&w, runs, 2, 77);
    CHECK_EQ(run_in_engine(&w, &e), 0);
    lied_run = lied_about = 0;
    liar = PROVE_PROVER;
    w.lie = lie;
    CHECK_EQ(run_in_engine(&w, &e), ERR_ABORT);
    printf("# %s\n", e.text);
    world_free(&w);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(true_statements_pass);
    CASE(edge_words_pass);
    CASE(rounds_are_few);
    CASE(false_statements_fail);
    CASE(a_lie_of_one_seat_fails);
    CASE(changed_messages_fail);
    CASE(no_challenge_takes_the_dummies_out);
    CASE(challenges_are_the_verifiers_own);
    CASE(proofs_in_the_engine);
    return check_done();
}
