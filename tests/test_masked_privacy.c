/*
 * test_masked_privacy.c: what a party of `trio` or `quad` is told does not hang on the inputs.
 *
 * The observer's keys and its parts of the operands are fixed, the keys that it lacks are fresh in
 * every run, and what the others hold follows from the input. The distribution of every word that
 * it receives, and of the difference of every two (a mask that serves twice shows there), must be
 * the same for two inputs; also if the observer cheats and sends nothing but noise. With keys that
 * are not fresh, the same test must see a difference.
 */
#include "tests/masked_play.h"

#include <inttypes.h>
#include <math.h>

enum { RUNS = 600, WORDS = 96, CELLS = 16, GATES = 9 };

static uint64_t state = 777;

static const char *const gate_name[GATES] = { "reshare", "trunc", "relu", "plain relu", "sign",
                                              "and", "b2a", "turn", "turn back" };

struct view {
    uint64_t word[RUNS][WORDS];
    unsigned words;
};

static struct view view[2];

static struct program *program_of(const struct protocol *proto, int kind)
{
    struct program *p = program_new(proto);
    enum value_kind in = kind == 5 || kind == 6 ? VALUE_BITS : VALUE_SHARE;
    uint32_t x = program_external(p, in, 1), y = program_external(p, in, 1);
    switch (kind) {
    case 0: gate_reshare(p, gate_mul(p, x, y)); break;
    case 1: gate_trunc(p, gate_mul(p, x, y), 14); break;
    case 2: gate_relu(p, gate_mul(p, x, y), 14, 18); break;
    case 3: gate_relu(p, x, 0, 12); break;
    case 4: gate_sign(p, x, 12); break;
    case 5: gate_and(p, x, y); break;
    case 6: gate_b2a(p, x); break;
    default:
        p->turn = kind == 7 ? 1 : 2;
        gate_turn_into(p, x, program_value(p, VALUE_SHARE, 1), 0);
    }
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

/* Masks with which the observer's planes are the same whatever x is. Role = party: turn 0. */
static void masks_for(const struct play *y, uint64_t x, int bits, uint64_t salt, uint64_t mask[3])
{
    uint64_t fixed[3], s = salt;
    for (int i = 0; i < 3; i++)
        mask[i] = fixed[i] = check_random(&s);
    switch (y->observer) {
    case E1: mask[L2] = bits ? fixed[1] ^ x ^ mask[L1] : fixed[1] - x - mask[L1]; break;
    case E2: mask[L1] = bits ? fixed[0] ^ x ^ mask[L2] : fixed[0] - x - mask[L2]; break;
    case V: mask[W] = bits ? fixed[2] ^ x : fixed[2] - x; break;
    default: break;
    }
}

static void observe(struct play *y, uint64_t x, const struct cheat *cheat, struct view *to,
                    unsigned run)
{
    int bits = y->program->value[0].kind == VALUE_BITS;
    uint64_t mask[3], other = 1;
    masks_for(y, x, bits, 1000, mask);
    play_share(y, 0, &x, mask);
    masks_for(y, other, bits, 2000, mask);
    play_share(y, 1, &other, mask);
    play_run(y, cheat);
    to->words = 0;
    for (unsigned g = 0; g < y->program->ngate; g++)
        for (unsigned s = 0; s < y->gate[g].steps; s++)
            for (unsigned a = 0; a < LOCKSTEP_PARTIES; a++)
                for (size_t b = 0; b < y->gate[g].bytes[s][a][y->observer]; b += 8) {
                    size_t n = y->gate[g].bytes[s][a][y->observer] - b;
                    uint64_t w = 0;
                    memcpy(&w, y->gate[g].message[s][a][y->observer] + b, n < 8 ? n : 8);
                    if (to->words < WORDS)
                        to->word[run][to->words++] = w;
                }
    play_again(y);
    for (unsigned a = 0; a < LOCKSTEP_PARTIES; a++)
        for (uint32_t v = 0; v < 2; v++) {
            free(y->value[a][v]);
            y->value[a][v] = NULL;
        }
}

/* Two-sample chi-square of cells of some function of words, in standard deviations. */
static double distance(unsigned i, unsigned j, unsigned shift)
{
    uint32_t count[2][CELLS] = { { 0 } };
    double x = 0;
    int used = 0;
    for (int k = 0; k < 2; k++)
        for (unsigned r = 0; r < RUNS; r++) {
            uint64_t w = view[k].word[r][i] - (i == j ? 0 : view[k].word[r][j]);
            count[k][(w >> shift) % CELLS]++;
        }
    for (unsigned c = 0; c < CELLS; c++) {
        double sum = (double)count[0][c] + count[1][c], d = (double)count[0][c] - count[1][c];
        x += sum > 0 ? d * d / sum : 0;
        used += sum > 0;
    }
    return used < 2 ? (x > 0 ? 1e9 : 0) : (x - (used - 1)) / sqrt(2.0 * (used - 1));
}

static double worst(void)
{
    static const unsigned shifts[] = { 0, 14, 30, 60 };
    double most = 0;
    CHECK_EQ(view[0].words, view[1].words);
    for (unsigned i = 0; i < view[0].words; i++)
        for (unsigned j = i; j < view[0].words; j++)
            for (unsigned k = 0; k < (i == j ? 4 : 1); k++) {
                double d = distance(i, j, shifts[k]);
                most = d > most ? d : most;
            }
    return most;
}

/* The worst distance for one gate and observer; fresh: are the keys that it lacks? */
static double experiment(const struct protocol *proto, int kind, unsigned observer, int fresh,
                         int cheats)
{
    const struct cheat noise = { .gate = PLAY_GATES, .from = observer, .kind = 3, .random = 99 };

    static const uint64_t inputs[2] = { 5, (uint64_t)-300 };
    struct play y = { .program = program_of(proto, kind), .observer = observer, .seed = 42 };
    int bits = y.program->value[0].kind == VALUE_BITS;
    for (unsigned r = 0; r < RUNS; r++)
        for (int k = 0; k < 2; k++) {
            y.hidden = fresh ? check_random(&state) : 4711;
            observe(&y, bits ? (uint64_t)k : inputs[k] << (kind == 1 || kind == 2 ? 9 : 0),
                    cheats ? &noise : NULL, &view[k], r);
        }
    program_free(y.program);
    return worst();
}

static void nobody_learns(const struct protocol *proto, int cheats)
{
    for (int kind = 0; kind < GATES; kind++)
        for (unsigned observer = 0; observer < proto->parties; observer++) {
            double d = experiment(proto, kind, observer, 1, cheats);
            if (d > 9)
                fprintf(stderr, "%s, %s, party %u: distance %.1f\n", proto->name, gate_name[kind],
                        observer, d);
            CHECK(d <= 9);
        }
}

static void trio_tells_nothing(void)
{
    nobody_learns(&protocol_trio, 0);
}

static void quad_tells_nothing(void)
{
    nobody_learns(&protocol_quad, 0);
}

static void quad_tells_a_cheat_nothing(void)
{
    nobody_learns(&protocol_quad, 1);
}

/* Control: without fresh keys each of the evaluators and the verifier sees the input. */
static void keys_that_serve_twice_are_seen(void)
{
    for (unsigned observer = E1; observer <= V; observer++) {
        CHECK(experiment(&protocol_quad, 2, observer, 0, 0) > 100);
        if (observer != V)
            CHECK(experiment(&protocol_trio, 2, observer, 0, 0) > 100);
    }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(trio_tells_nothing);
    CASE(quad_tells_nothing);
    CASE(quad_tells_a_cheat_nothing);
    CASE(keys_that_serve_twice_are_seen);
    return check_done();
}
