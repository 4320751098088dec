/*
 * test_parts.c: a program in two parts, deals alone and later the rest: results of plain integers,
 * each part's counters those of its plan, and together those of the whole program.
 */
#include "tests/check.h"
#include "tests/trial.h"

#include <inttypes.h>

#include "proto/kernel.h"

enum { FRAMES = 2, SIDE = 6, IN = SIDE * SIDE * 2, OUT = 4 * 4 * 3, WEIGHTS = 3 * 3 * 2 * 3,
       SHIFT = 5, WIDTH = 20 };

static const struct geometry conv = { .h = SIDE, .w = SIDE, .c = 2, .kh = 3, .kw = 3, .sh = 1,
                                      .sw = 1, .oh = 4, .ow = 4, .oc = 3 };

static uint64_t state = 20261126;
static const struct protocol *proto;

/* y = ReLU(conv(x)) of each frame by a deal that both share, then y^2 of the second frame, whose
 * deals wait for the first one. */
struct play {
    struct program *program;
    uint32_t x[FRAMES], w, y[FRAMES], square;
    uint64_t in[FRAMES][IN], weight[WEIGHTS];
};

static void play_open(struct play *k)
{
    struct program *p = k->program = program_new(proto);
    uint32_t mask[FRAMES];
    k->w = program_external_weight(p, &conv);
    for (int f = 0; f < FRAMES; f++)
        k->x[f] = program_external(p, VALUE_SHARE, IN);
    uint32_t deal = gate_deal_linear(p, &conv, k->w, FRAMES);
    for (uint32_t f = 0; f < FRAMES; f++) {
        mask[f] = gate_mask(p, gate_auth(p, k->x[f]), deal, f);
        k->y[f] = gate_relu(p, gate_linear_dealt(p, &conv, mask[f], k->w, NO_VALUE, 0, 16, deal, f),
                            SHIFT, WIDTH);
        program_keep(p, k->y[f]);
        p->deal_after = k->y[f];
    }
    k->square = gate_reshare(p, gate_mul(p, k->y[1], k->y[1]));
    program_keep(p, k->square);
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
    for (int i = 0; i < WEIGHTS; i++)
        k->weight[i] = (uint64_t)((int64_t)check_random(&state) >> 56);
    for (int f = 0; f < FRAMES; f++)
        for (int i = 0; i < IN; i++)
            k->in[f][i] = (uint64_t)((int64_t)check_random(&state) >> 54);
}

static int64_t plain_conv(const struct play *k, int f, int at)
{
    int o = at % 3, x = at / 3 % 4, y = at / 12;
    uint64_t sum = 0;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            for (int c = 0; c < 2; c++)
                sum += k->in[f][((y + a) * SIDE + x + b) * 2 + c] *
                       k->weight[((a * 3 + b) * 2 + c) * 3 + o];
    return (int64_t)sum;
}

/* The elements that are not what the gates promise. */
static unsigned wrong(struct play *k, struct trial *t)
{
    uint64_t y[FRAMES][OUT], square[OUT];
    unsigned bad = 0;
    for (int f = 0; f < FRAMES; f++)
        CHECK_EQ(trial_output(t, k->y[f], y[f]), 0);
    CHECK_EQ(trial_output(t, k->square, square), 0);
    for (int f = 0; f < FRAMES; f++)
        for (int i = 0; i < OUT; i++) {
            int64_t v = plain_conv(k, f, i) >> SHIFT, got = (int64_t)y[f][i];
            bad += got != (v < 0 ? 0 : v) && got != (v + 1 < 0 ? 0 : v + 1);
        }
    for (int i = 0; i < OUT; i++)
        bad += square[i] != y[1][i] * y[1][i];
    return bad;
}

static void play_run(struct play *k, struct trial *t, enum program_part part,
                     const struct trial *deals, uint8_t job)
{
    *t = (struct trial){ .program = k->program, .part = part, .deals = deals, .job = job,
                         .options = { .seed = check_random(&state), .reorder = 1,
                                      .latency_ns = 1000000, .jitter_ns = 300000 } };
    for (int f = 0; f < FRAMES && part != PART_DEALS; f++)
        trial_input(t, k->x[f], k->in[f], NULL);
    trial_input(t, k->w, k->weight, &conv);
    CHECK_EQ(trial_run(t), 0);
}

/* The two parts and the whole. Weights are shared anew each time: deals are of their sum. */
struct world {
    struct play k;
    struct trial deals, online, whole;
};

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    play_open(&w->k);
    play_run(&w->k, &w->whole, PART_ALL, NULL, 1);
    play_run(&w->k, &w->deals, PART_DEALS, NULL, 2);
    return w;
}

static void world_free(struct world *w)
{
    trial_free(&w->online);
    trial_free(&w->deals);
    trial_free(&w->whole);
    program_free(w->k.program);
    free(w);
}

/* ---- cases ---- */

static void counters(const struct trial *t, enum program_part part)
{
    struct cost c;
    unsigned rounds = 0;
    CHECK_EQ(cost_part(&c, t->program, part, NULL), 0);
    for (unsigned p = 0; p < proto->parties; p++) {
        const struct engine_stats *s = &t->party[p].stats;
        for (unsigned q = 0; q < proto->parties; q++)
            CHECK_EQ(s->sent[q], c.bytes[p][q]);
        CHECK_EQ(s->messages, c.messages[p]);
        CHECK_EQ(s->gates_done, t->program->ngate);
        rounds = s->rounds > rounds ? s->rounds : rounds;
    }
    CHECK_EQ(rounds, c.rounds);
}

static void parts_make_the_whole(void)
{
    struct world *w = world_open();
    struct cost all, deals, online;
    play_run(&w->k, &w->online, PART_ONLINE, &w->deals, 3);
    CHECK_EQ(wrong(&w->k, &w->whole), 0);
    CHECK_EQ(wrong(&w->k, &w->online), 0);
    counters(&w->whole, PART_ALL);
    counters(&w->deals, PART_DEALS);
    counters(&w->online, PART_ONLINE);
    CHECK_EQ(cost_program(&all, w->k.program, NULL), 0);
    CHECK_EQ(cost_part(&deals, w->k.program, PART_DEALS, NULL), 0);
    CHECK_EQ(cost_part(&online, w->k.program, PART_ONLINE, NULL), 0);
    CHECK_EQ(cost_total(&all), cost_total(&deals) + cost_total(&online));
    CHECK_EQ(cost_total(&deals) > 0, proto->deal_plan != NULL);
    for (unsigned p = 0; p < proto->parties; p++)
        CHECK_EQ(w->whole.party[p].stats.dealt, cost_sent(&deals, p));
    CHECK(online.rounds <= all.rounds);
    printf("# %s: %u rounds and %" PRIu64 " bytes of deals, %u and %" PRIu64 " online, %u in all\n",
           proto->name, deals.rounds, cost_total(&deals), online.rounds, cost_total(&online),
           all.rounds);
    world_free(w);
}

/* Deals are kept, what they were made of is given back. */
static void deals_are_left(void)
{
    struct world *w = world_open();
    unsigned dealt = 0;
    for (uint32_t v = 0; v < w->k.program->nvalue; v++)
        for (unsigned p = 0; p < proto->parties; p++) {
            const uint64_t *words = engine_value(w->deals.party[p].engine, v);
            CHECK(value_is_dealt(w->k.program, v) ? words != NULL : words == NULL ||
                  w->k.program->value[v].external);
            dealt += value_is_dealt(w->k.program, v);
        }
    CHECK_EQ(dealt > 0, proto->deal_plan != NULL);
    world_free(w);
}

/* Control: a party that takes deals of another preparation gets nothing right. */
static void others_deals_are_seen(void)
{
    struct world *w = world_open();
    struct trial other, mixed;
    play_run(&w->k, &other, PART_DEALS, NULL, 9);
    mixed = w->deals;
    mixed.party[1].engine = other.party[1].engine;
    play_run(&w->k, &w->online, PART_ONLINE, &mixed, 3);
    CHECK(wrong(&w->k, &w->online) > OUT);
    trial_free(&other);
    world_free(w);
}

/* Does the engine of party 0 know the first message of gate 0, the setup? */
static int knows_setup(const struct trial *t)
{
    const struct gate *g = &t->program->gate[0];
    struct message head = { .type = 1, .job = 1, .n = gate_bytes(proto, g, 0, 1, 0) };
    struct err why = { 0 };
    CHECK(g->kind == GATE_SETUP && head.n > 0);
    CHECK(engine_room(t->party[0].engine, 1, &head, &why) == NULL);
    return strstr(why.text, "twice") != NULL;
}

static void other_parts_messages_are_refused(void)
{
    struct world *w = world_open();
    play_run(&w->k, &w->online, PART_ONLINE, &w->deals, 3);
    CHECK(knows_setup(&w->whole));
    CHECK(knows_setup(&w->deals));
    CHECK(!knows_setup(&w->online));
    world_free(w);
}

/* A deal is of what is bound: an operand that gates make is none. */
static void deals_read_no_made_values(void)
{
    struct program *p = program_new(proto);
    uint32_t x = program_external(p, VALUE_SHARE, WEIGHTS);
    gate_deal_linear(p, &conv, gate_reshare(p, gate_mul(p, x, x)), 1);
    CHECK(program_check(p, NULL) != 0);
    program_free(p);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        if (proto->flags & PROTOCOL_TURNED)
            continue;               /* frames of one turn only: nothing is different */
        CASE(parts_make_the_whole);
        if (proto->deal_plan == NULL)
            continue;
        CASE(deals_are_left);
        CASE(others_deals_are_seen);
        CASE(other_parts_messages_are_refused);
        CASE(deals_read_no_made_values);
    }
    return check_done();
}
