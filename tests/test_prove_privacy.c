/*
 * test_prove_privacy.c: what a verifier receives in a proof does not depend on the other side.
 *
 * RIGHT: its keys, words and claims are fixed; the key of P and LEFT varies from run to run. With
 * one left side and with another, everything that RIGHT receives must be distributed alike
 * (two-sample chi-square on nibbles, single and joint, as in test_privacy.c). Controls: the same
 * without the dummy that hides u*, and without the mask of the points, must be told apart. LEFT: it
 * receives one message, which must be the same to the byte.
 */
#include "tests/prove_world.h"

#include <inttypes.h>
#include <math.h>

enum { RUNS = 1500, WORDS = 64, NIBBLES = 4, EACH = 6 };

static uint64_t state = 2024;
static const struct prove_run runs[] = { { PROVE_BITS, 1, 70 }, { PROVE_WORDS, 2, 2 } };

enum control { NO_CONTROL, NO_DUMMY, NO_MASK };

struct view {
    unsigned words;
    uint64_t word[WORDS];
};

/* ---- one run ---- */

static unsigned party_of(const struct prove_world *w, unsigned seat)
{
    return gate_party(w->program->proto, &w->program->gate[0], seat);
}

/* The left side is one of two fixed ones; LEFT's claim makes the statement true. */
static void left_set(struct prove_world *w, int which)
{
    for (unsigned i = 0; i < w->count; i++) {
        const struct prove_run *run = &w->run[i];
        for (size_t k = 0; k < run_terms(run); k++)
            w->left[i][k] = which == 0 ? 0 : 0x123456789abcdef1 * (k + 1);
        for (size_t k = 0; k < run->words; k++) {
            uint64_t sum = 0, other = w->claim[1][i][k];
            for (size_t t = 0; t < run->terms; t++) {
                uint64_t l = w->left[i][t * run->words + k], r = w->right[i][t * run->words + k];
                sum = run->kind == PROVE_BITS ? sum ^ (l & r) : sum + l * r;
            }
            w->claim[0][i][k] = run->kind == PROVE_BITS ? sum ^ other : sum - other;
        }
    }
}

static void run_one(struct prove_world *w, int which, unsigned fresh_a, unsigned fresh_b)
{
    world_make(w, runs, 2, 600);
    unsigned a = party_of(w, fresh_a), b = party_of(w, fresh_b);
    prf_fini(&w->keys[a].pair[b]), prf_fini(&w->keys[b].pair[a]);
    world_keys(w, a, b, check_random(&state));
    left_set(w, which);
    world_run(w);
    CHECK(w->step.err.code == 0);
}

/* Up to EACH words of each message for RIGHT, spread over it; all of what LEFT opens. */
static void view_take(const struct prove_world *w, struct view *v)
{
    const struct lockstep *l = &w->step;
    unsigned to = party_of(w, PROVE_RIGHT);
    v->words = 0;
    for (unsigned s = 0; s < l->steps; s++)
        for (unsigned from = 0; from < 3; from++) {
            size_t n = l->bytes[s][from][to] / 8, each = n < EACH ? n : EACH;
            for (size_t i = 0; i < each && v->words < WORDS; i++)
                memcpy(&v->word[v->words++], l->message[s][from][to] + i * (n / each) * 8, 8);
        }
}

/* ---- controls ---- */

/* The coefficient of element `at` of n in what is left after all levels from 1 on. */
static uint64_t coefficient(const struct prove_world *w, const struct field *f, uint32_t use,
                            size_t at, size_t n)
{
    const struct prf *key = &w->keys[party_of(w, 1)].pair[party_of(w, 2)];
    uint64_t product = field_one(f), r[4], eq[16];
    unsigned variables = fold_variables(n);
    for (unsigned level = 0; level < fold_levels(variables); level++) {
        unsigned k = fold_take(variables, level);
        size_t m = (n + (1u << k) - 1) >> k;
        for (unsigned j = 0; j < k; j++) {
            uint64_t random[2];
            prf_again(key, 0, use, ((uint64_t)level + 1) * 65536 + (f->prime.p ? j : j / 2),
                      random, 16);
            r[j] = f->prime.p ? fp61_from_random(&f->prime, random) : random[j % 2];
        }
        fold_eq(f, eq, r, k);
        product = field_mul(f, product, eq[at / m]);
        at %= m;
        n = m;
    }
    return product;
}

static uint64_t dummy(const struct prove_world *w, const struct field *f, uint32_t use)
{
    uint64_t random[2];
    prf_again(&w->keys[party_of(w, 0)].pair[party_of(w, 2)], 0, use, 0, random, 16);
    return f->prime.p ? fp61_from_random(&f->prime, random) : random[0];
}

/* The last four words of a view are u* and claim of the bits and of the words. */
static void dummy_remove(const struct prove_world *w, struct view *v)
{
    struct field bits = { 0 }, words = { 0 };
    uint64_t p;
    memcpy(&p, w->step.message[2][party_of(w, 1)][party_of(w, 0)] + 48, 8);
    fp61_init(&words.prime, p);
    uint64_t *u = &v->word[v->words - 4];
    u[0] = field_sub(&bits, u[0], field_mul(&bits, dummy(w, &bits, USE_DUMMY_BITS),
                                            coefficient(w, &bits, USE_R_BITS, 128, 130)));
    u[2] = field_sub(&words, u[2], field_mul(&words, dummy(w, &words, USE_DUMMY_WORDS),
                                             coefficient(w, &words, USE_R_WORDS, 4, 6)));
}

/* The first point that RIGHT is sent. */
static void mask_remove(const struct prove_world *w, struct view *v)
{
    uint64_t mask;
    prf_again(&w->keys[party_of(w, 0)].pair[party_of(w, 2)], 0, USE_SHARE_BITS, 0, &mask, 8);
    v->word[0] ^= mask;
}

/* ---- statistics ---- */

static double distance(const uint32_t *a, const uint32_t *b, unsigned cells)
{
    double x = 0;
    int used = 0;
    for (unsigned c = 0; c < cells; c++) {
        double sum = (double)a[c] + b[c], diff = (double)a[c] - b[c];
        if (sum > 0) {
            x += diff * diff / sum;
            used++;
        }
    }
    return used < 2 ? (x > 0 ? 1e9 : 0) : (x - (used - 1)) / sqrt(2.0 * (used - 1));
}

static unsigned nibble(uint64_t w, int which)
{
    static const unsigned at[NIBBLES] = { 0, 15, 31, 57 };
    return (unsigned)(w >> at[which]) & 15;
}

static double worst_distance(const struct view *a, const struct view *b)
{
    double worst = 0;
    for (unsigned i = 0; i < a[0].words; i++)
        for (unsigned j = i; j < a[0].words; j++)
            for (int k = 0; k < NIBBLES * NIBBLES; k++) {
                uint32_t ha[256] = { 0 }, hb[256] = { 0 };
                for (int r = 0; r < RUNS; r++) {
                    ha[nibble(a[r].word[i], k / 4) * 16 + nibble(a[r].word[j], k % 4)]++;
                    hb[nibble(b[r].word[i], k / 4) * 16 + nibble(b[r].word[j], k % 4)]++;
                }
                double d = distance(ha, hb, 256);
                worst = d > worst ? d : worst;
            }
    return worst;
}

static struct view seen[3][2][RUNS];    /* by control, by left side */

static void observe_all(void)
{
    for (int which = 0; which < 2; which++)
        for (int r = 0; r < RUNS; r++) {
            struct prove_world w;
            run_one(&w, which, PROVE_PROVER, PROVE_LEFT);
            view_take(&w, &seen[NO_CONTROL][which][r]);
            seen[NO_DUMMY][which][r] = seen[NO_MASK][which][r] = seen[NO_CONTROL][which][r];
            dummy_remove(&w, &seen[NO_DUMMY][which][r]);
            mask_remove(&w, &seen[NO_MASK][which][r]);
            world_free(&w);
        }
}

static const double limit = 9;      /* standard deviations */

static void right_learns_nothing_of_left(void)
{
    double d = worst_distance(seen[NO_CONTROL][0], seen[NO_CONTROL][1]);
    printf("# %u words: largest distance %.1f (allowed %.0f)\n", seen[0][0][0].words, d, limit);
    CHECK(seen[0][0][0].words > 20);
    CHECK(d < limit);
}

static void missing_masks_are_seen(void)
{
    double d = worst_distance(seen[NO_DUMMY][0], seen[NO_DUMMY][1]);
    printf("# without the dummies: %.1f\n", d);
    CHECK(d > limit);
    /* each of the two kinds alone */
    for (unsigned k = 0; k < 2; k++) {
        const struct view *a = seen[NO_DUMMY][0], *b = seen[NO_DUMMY][1];
        unsigned at = a[0].words - 4 + 2 * k;
        CHECK(a[0].word[at] != b[0].word[at]);
        for (int r = 1; r < RUNS; r++) {
            CHECK(a[r].word[at] == a[0].word[at]);
            CHECK(b[r].word[at] == b[0].word[at]);
        }
    }
    d = worst_distance(seen[NO_MASK][0], seen[NO_MASK][1]);
    printf("# without the mask of a point: %.1f\n", d);
    CHECK(d > limit);
}

/* Whatever P and RIGHT hold, LEFT is sent what it knows itself. */
static void left_learns_nothing_of_right(void)
{
    struct prove_world a, b;
    run_one(&a, 1, PROVE_PROVER, PROVE_RIGHT);
    run_one(&b, 1, PROVE_PROVER, PROVE_RIGHT);
    world_free(&b);
    world_make(&b, runs, 2, 600);
    for (unsigned i = 0; i < 2; i++)
        for (size_t k = 0; k < run_terms(&runs[i]); k++)
            b.right[i][k] = check_random(&state);
    left_set(&b, 1);
    world_run(&b);
    unsigned messages = 0, to = party_of(&a, PROVE_LEFT);
    for (unsigned s = 0; s < a.step.steps; s++)
        for (unsigned from = 0; from < 3; from++)
            if (a.step.bytes[s][from][to] > 0) {
                messages++;
                CHECK(memcmp(a.step.message[s][from][to], b.step.message[s][from][to],
                             a.step.bytes[s][from][to]) == 0);
            }
    CHECK_EQ(messages, 1);
    world_free(&a);
    world_free(&b);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    observe_all();
    CASE(right_learns_nothing_of_left);
    CASE(missing_masks_are_seen);
    CASE(left_learns_nothing_of_right);
    return check_done();
}
