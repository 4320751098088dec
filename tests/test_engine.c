/*
 * test_engine.c: the engine against hostile and unlucky surroundings: messages that nobody
 * expects, too early or never; full links, full memory, an end at any moment, real threads.
 */
#include "tests/desk.h"
#include "tests/random_program.h"

#include <inttypes.h>

#include "proto/cost.h"
#include "proto/tails.h"

static const uint64_t seed = 20260217;

/* A desk for a random program. */
struct table {
    struct random_program r;
    struct desk d;
};

static struct table *table_new(uint64_t s, unsigned gates)
{
    struct table *t = calloc(1, sizeof *t);
    random_program(&t->r, &protocol_replicated, s, gates);
    t->d.program = t->r.p;
    t->d.cut = -1;
    for (unsigned i = 0; i < RANDOM_INPUTS; i++)
        desk_input(&t->d, t->r.value[i].v, t->r.value[i].plain);
    return t;
}

static void table_free(struct table *t)
{
    desk_close(&t->d);
    program_free(t->r.p);
    free(t);
}

/* All parties are done without error, and every known value is right. */
static void check_results(struct table *t)
{
    uint64_t out[RANDOM_MOST];
    for (unsigned p = 0; p < DESK_PARTIES; p++) {
        CHECK_EQ(t->d.party[p].told, 1);
        CHECK_EQ(t->d.party[p].err.code, 0);
        if (!t->d.party[p].told || t->d.party[p].err.code != 0)
            return;
    }
    for (unsigned i = RANDOM_INPUTS; i < t->r.nvalue; i++) {
        const struct random_value *v = &t->r.value[i];
        unsigned bad = 0;
        CHECK_EQ(desk_output(&t->d, v->v, out), 0);
        for (uint32_t k = 0; k < t->r.n; k++)
            bad += (v->bits ? (out[k / 64] >> (k % 64)) & 1 : out[k]) != v->plain[k];
        CHECK_EQ(bad, 0);
    }
}

/* ---- results and counters ---- */

static void any_order_gives_the_result(void)
{
    for (uint64_t s = 0; s < 60; s++) {
        struct table *t = table_new(seed + s, 25);
        struct cost c;
        unsigned rounds = 0;
        desk_open(&t->d, s, 0);
        desk_run(&t->d);
        check_results(t);
        CHECK_EQ(cost_program(&c, t->r.p, NULL), 0);
        for (unsigned p = 0; p < DESK_PARTIES; p++) {
            const struct engine_stats *st = &t->d.party[p].stats;
            for (unsigned q = 0; q < DESK_PARTIES; q++) {
                CHECK_EQ(st->sent[q], c.bytes[p][q]);
                CHECK_EQ(st->received[q], c.bytes[q][p]);
            }
            CHECK_EQ(st->messages, c.messages[p]);
            CHECK_EQ(st->gates_done, t->r.p->ngate);
            rounds = st->rounds > rounds ? st->rounds : rounds;
        }
        CHECK_EQ(rounds, c.rounds);
        table_free(t);
    }
}

static void on_real_threads(void)
{
    for (uint64_t s = 0; s < 25; s++) {
        struct table *t = table_new(seed + s, 25);
        desk_open(&t->d, s, 1);
        desk_run(&t->d);
        check_results(t);
        table_free(t);
    }
}

/* ---- messages that nobody expects ---- */

static void refused(struct desk *d, unsigned from, uint32_t stream, uint32_t seq, size_t n)
{
    struct message head = { .type = 7, .job = 11, .stream = stream, .seq = seq, .n = n };
    struct err why = { 0 };
    size_t used = arena_used(d->party[0].arena);
    CHECK(engine_room(d->party[0].engine, from, &head, &why) == NULL);
    CHECK_EQ(why.code, ERR_ABORT);
    CHECK(strstr(why.text, "gate") != NULL && strstr(why.text, "party") != NULL);
    CHECK(strchr(why.text, '\n') == NULL);
    CHECK_EQ(arena_used(d->party[0].arena), used);
}

/* x: 5 elements; gate 0 is a product, gate 1 its resharing: party 1 owes party 0 40 bytes. */
static struct program *small_program(uint32_t *x)
{
    struct program *p = program_new(&protocol_replicated);
    *x = program_external(p, VALUE_SHARE, 5);
    program_keep(p, gate_reshare(p, gate_mul(p, *x, *x)));
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

static const uint64_t five[5] = { 1, 2, 3, 4, 5 };

static void unexpected_messages_are_refused(void)
{
    uint32_t x;
    struct desk d = { .program = small_program(&x), .cut = -1 };
    struct err why = { 0 };
    desk_input(&d, x, five);
    desk_open(&d, 1, 0);
    refused(&d, 1, 2, 0, 40);           /* no such gate */
    refused(&d, 1, UINT32_MAX, 0, 40);
    refused(&d, 1, 1, 2, 40);           /* no such step */
    refused(&d, 1, 1, UINT32_MAX, 40);
    refused(&d, 1, 1, 1, 40);           /* a step that leaves nothing */
    refused(&d, 1, 0, 0, 40);           /* a local gate */
    refused(&d, 1, 1, 0, 39);           /* lengths */
    refused(&d, 1, 1, 0, 41);
    refused(&d, 1, 1, 0, 0);
    refused(&d, 1, 1, 0, SIZE_MAX);
    refused(&d, 0, 1, 0, 40);           /* from itself */
    refused(&d, 2, 1, 0, 40);           /* from whom sends nothing */
    refused(&d, 3, 1, 0, 40);           /* from nobody */
    refused(&d, LINK_CLIENT, 1, 0, 40);
    struct message head = { .type = 7, .stream = 1, .n = 40 };
    uint8_t *room = engine_room(d.party[0].engine, 1, &head, &why);
    CHECK(room != NULL);
    refused(&d, 1, 1, 0, 40);           /* twice */
    memset(room, 0, 40);
    head.data = room;
    engine_message(d.party[0].engine, 1, head);
    refused(&d, 1, 1, 0, 40);
    /* Without contents nobody asks for room; nothing may come of it. */
    for (uint32_t k = 0; k < 5; k++) {
        engine_message(d.party[0].engine, k, (struct message){ .stream = k, .seq = 77 * k });
        engine_message(d.party[0].engine, k, (struct message){ .stream = 1 });
    }
    desk_start(&d, 1);
    desk_start(&d, 2);
    desk_start(&d, 0);
    while (desk_run_one(&d.party[0]) || desk_report_one(&d.party[0]))
        ;
    CHECK_EQ(d.party[0].told, 1);       /* by the message that came first */
    desk_close(&d);
    program_free(d.program);
}

/* After it was used, too: a copy that comes late. */
static void late_copies_are_refused(void)
{
    uint32_t x;
    struct desk d = { .program = small_program(&x), .cut = -1 };
    desk_input(&d, x, five);
    desk_open(&d, 1, 0);
    desk_run(&d);
    CHECK_EQ(d.party[0].told, 1);
    refused(&d, 1, 1, 0, 40);
    desk_close(&d);
    program_free(d.program);
}

/* A party that gets all of its messages before it starts ends as the others do. */
static void messages_before_the_start(void)
{
    for (uint64_t s = 0; s < 30; s++) {
        struct table *t = table_new(seed + s, 20);
        struct desk_party *p = &t->d.party[0];
        struct err e = { 0 };
        t->d.keep_mail = 1;
        desk_open(&t->d, s, 0);
        desk_run(&t->d);
        desk_free_engine(&t->d, 0);
        keys_fini(&p->keys);            /* as a new party would have them */
        desk_keys(p);
        struct engine_conf conf = desk_conf(&t->d, 0);
        p->engine = engine_new(&conf, &e);
        p->told = 0;
        for (unsigned k = 0; k < t->d.inputs; k++)
            engine_bind(p->engine, t->d.input_value[k], p->input[k]);
        for (struct desk_mail *m = t->d.sent; m != NULL; m = m->next)
            CHECK(desk_hand(p, m->m.type, m->m, &e));
        CHECK_EQ(p->outstanding, 0);
        CHECK(t->d.sent != NULL);
        t->d.cut = 0;                   /* the others have had its messages */
        desk_start(&t->d, 0);
        desk_run(&t->d);
        check_results(t);
        table_free(t);
    }
}

/* ---- values that come late ---- */

static unsigned released[DESK_PARTIES];

static void on_released(void *ctx, uint32_t value)
{
    const struct desk_party *p = ctx;
    CHECK(p->desk->program->value[value].late);
    CHECK(engine_value(p->engine, value) == NULL);
    released[p->self]++;
}

/* A copy of input k, as a block of the party's arena. */
static void supply(struct desk_party *p, unsigned k)
{
    uint32_t v = p->desk->input_value[k];
    size_t n = p->desk->program->value[v].words * 8;
    uint64_t *words = arena_take(p->arena, n);
    memcpy(words, p->input[k], n);
    engine_supply(p->engine, v, words);
}

/* x y + y z, of which y and z come late; x is lent, and may be late as well. */
static struct program *late_program(uint32_t v[static 3], uint32_t *out)
{
    struct program *p = program_new(&protocol_replicated);
    for (unsigned i = 0; i < 3; i++)
        v[i] = program_external(p, VALUE_SHARE, 5);
    program_late(p, v[1]);
    program_late(p, v[2]);
    uint32_t xy = gate_reshare(p, gate_mul(p, v[0], v[1]));
    uint32_t yz = gate_reshare(p, gate_mul(p, v[1], v[2]));
    struct map *m = map_new(p, 5, 10, 10);
    for (uint32_t i = 0; i < 5; i++) {
        map_term(m, i, i, 1);
        map_term(m, i, 5 + i, 1);
    }
    *out = gate_affine(p, xy, yz, m);
    program_keep(p, *out);
    return p;
}

/* Each party starts, and gets x, y and z, at moments of its own, and all a second time three moves
 * later, x with other words; and once x is given away, which is lent. */
static void late_moves(struct desk *d, uint64_t state)
{
    enum { MOMENTS = 40, START = 3 };
    uint64_t at[DESK_PARTIES][4];
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        for (unsigned k = 0; k < 4; k++)
            at[i][k] = check_random(&state) % MOMENTS;
    for (uint64_t now = 0; now < MOMENTS + 4; now++) {
        for (unsigned i = 0; i < DESK_PARTIES; i++) {
            struct desk_party *p = &d->party[i];
            if (at[i][START] == now) {
                supply(p, 0);
                desk_start(d, i);
            }
            if (at[i][0] == now || at[i][0] + 3 == now)
                engine_bind(p->engine, d->input_value[0], p->input[at[i][0] == now ? 0 : 1]);
            for (unsigned k = 1; k < 3; k++)
                if (at[i][k] == now || at[i][k] + 3 == now)
                    supply(p, k);
        }
        desk_move(d);
    }
    desk_run(d);
}

static void values_come_at_any_moment(void)
{
    static const uint64_t in[3][5] = { { 1, 2, 3, 4, 5 }, { 7, 7, 7, 7, 7 }, { 1, 0, 1, 0, 1 } };
    for (uint64_t s = 0; s < 200; s++) {
        uint32_t v[3], z;
        uint64_t out[5];
        struct desk d = { .program = late_program(v, &z), .cut = -1, .released = on_released,
                          .unbound = 1 };
        memset(released, 0, sizeof released);
        for (unsigned i = 0; i < 3; i++)
            desk_input(&d, v[i], in[i]);
        desk_open(&d, s, 0);
        late_moves(&d, seed + s);
        for (unsigned i = 0; i < DESK_PARTIES; i++)
            CHECK(d.party[i].told == 1 && d.party[i].err.code == 0 && released[i] == 2);
        CHECK_EQ(desk_output(&d, z, out), 0);
        for (unsigned i = 0; i < 5; i++)
            CHECK_EQ(out[i], 7 * in[0][i] + 7 * in[2][i]);
        desk_close(&d);
        program_free(d.program);
    }
}

/* ---- memory ---- */

/* `done` has come with one line about memory. */
static int ran_out(const struct desk_party *p)
{
    if (!p->told || p->err.code == 0)
        return 0;
    CHECK_EQ(p->err.code, ERR_FAILED);
    CHECK(strstr(p->err.text, "memory") != NULL && strchr(p->err.text, '\n') == NULL);
    return 1;
}

static void the_limit_of_memory(void)
{
    unsigned out = 0, fine = 0;
    for (size_t limit = 300; limit < 400000; limit += limit / 5) {
        struct table *t = table_new(seed + limit, 25);
        for (unsigned p = 0; p < DESK_PARTIES; p++)
            t->d.party[p].limit = p == 1 ? limit : 0;
        desk_open(&t->d, limit, 0);
        desk_run(&t->d);
        out += (unsigned)ran_out(&t->d.party[1]);
        fine += t->d.party[1].told && t->d.party[1].err.code == 0;
        CHECK_EQ(t->d.party[1].told, 1);
        table_free(t);
    }
    printf("# out of memory %u times, enough %u times\n", out, fine);
    CHECK(out > 5 && fine > 5);
}

/* The messages themselves fill the memory, before the engine has started. */
static void messages_fill_the_memory(void)
{
    struct program *p = program_new(&protocol_replicated);
    uint32_t x = program_external(p, VALUE_SHARE, 1000);
    for (int i = 0; i < 10; i++)
        program_keep(p, gate_reshare(p, gate_mul(p, x, x)));
    struct desk d = { .program = p, .cut = -1, .party[0] = { .limit = 20000 } };
    uint64_t in[1000] = { 0 };
    desk_input(&d, x, in);
    desk_open(&d, 1, 0);
    desk_start(&d, 1);
    while (desk_run_one(&d.party[1]) || desk_report_one(&d.party[1]) ||
           desk_deliver_one(&d, 1, 0))
        ;
    CHECK_EQ(ran_out(&d.party[0]), 1);
    desk_start(&d, 0);
    CHECK_EQ(d.party[0].outstanding, 0);
    desk_close(&d);
    program_free(p);
}

/* A chain of values needs the memory of a few of them. */
static void values_go_when_read(void)
{
    enum { CHAIN = 60, LONG = 1000 };
    struct program *p = program_new(&protocol_replicated);
    uint32_t x = program_external(p, VALUE_SHARE, LONG), y = x;
    uint64_t in[LONG] = { 0 };
    for (int i = 0; i < CHAIN; i++)
        y = gate_reshare(p, gate_mul(p, y, x));
    program_keep(p, y);
    struct desk d = { .program = p, .cut = -1 };
    desk_input(&d, x, in);
    desk_open(&d, 5, 0);
    desk_run(&d);
    for (unsigned i = 0; i < DESK_PARTIES; i++) {
        CHECK_EQ(d.party[i].told, 1);
        CHECK(arena_peak(d.party[i].arena) < 10 * LONG * 2 * sizeof(uint64_t));
    }
    desk_close(&d);
    program_free(p);
}

static void no_memory_for_an_engine(void)
{
    uint32_t x;
    struct desk d = { .program = small_program(&x), .cut = -1 };
    struct engine *en = NULL;
    long k = 0;
    desk_input(&d, x, five);
    desk_open(&d, 1, 0);
    struct engine_conf conf = desk_conf(&d, 0);
    while (en == NULL) {
        struct err e = { 0 };
        mem_fail_at(++k);
        en = engine_new(&conf, &e);
        mem_fail_at(0);
        CHECK_EQ(e.code, en == NULL ? ERR_FAILED : 0);
        CHECK(en != NULL || strstr(e.text, "memory") != NULL);
    }
    CHECK(k > 7);
    engine_free(en);
    engine_free(NULL);
    desk_close(&d);
    program_free(d.program);
}

/* Any single allocation of a run may fail: somebody says so, once, and nothing stays behind. */
static void no_memory_in_a_run(void)
{
    unsigned failures = 0;
    for (long k = 1; k < 400; k += 3) {
        struct table *t = table_new(seed, 15);
        desk_open(&t->d, (uint64_t)k, 0);
        mem_fail_at(k);
        desk_run(&t->d);
        mem_fail_at(0);
        for (unsigned p = 0; p < DESK_PARTIES; p++)
            failures += (unsigned)ran_out(&t->d.party[p]);
        table_free(t);
    }
    CHECK(failures > 50);
}

/* ---- the end at any moment ---- */

static void freed_at_any_moment(int threads, uint64_t runs)
{
    for (uint64_t s = 0; s < runs; s++) {
        struct table *t = table_new(seed + s % 10, 20);
        uint64_t state = s, moves = check_random(&state) % 300;
        desk_open(&t->d, s, threads);
        for (unsigned p = 0; p < DESK_PARTIES; p++)
            desk_start(&t->d, p);
        while (moves-- > 0 && desk_move(&t->d))
            ;
        for (unsigned i = 0; i < DESK_PARTIES; i++) {
            unsigned p = (unsigned)(s + i) % DESK_PARTIES, told = (unsigned)t->d.party[p].told;
            desk_free_engine(&t->d, p);
            for (uint64_t k = check_random(&state) % 20; k > 0 && desk_move(&t->d); k--)
                ;
            CHECK_EQ(t->d.party[p].told, told);
        }
        table_free(t);
    }
}

static void freed_at_200_moments(void)
{
    freed_at_any_moment(0, 200);
}

static void freed_while_threads_work(void)
{
    freed_at_any_moment(1, 60);
}

static void freed_in_done(void)
{
    for (uint64_t s = 0; s < 40; s++) {
        struct table *t = table_new(seed + s, 15);
        for (unsigned p = 0; p < DESK_PARTIES; p++) {
            t->d.party[p].free_when_told = 1;
            t->d.party[p].limit = s % 2 == 1 && p == s % 3 ? 6000 : 0;
        }
        desk_open(&t->d, s, s % 4 == 0);
        desk_run(&t->d);
        CHECK(t->d.party[s % 3].told && t->d.party[s % 3].engine == NULL);
        table_free(t);
    }
}

static void an_empty_program(void)
{
    struct program *p = program_new(&protocol_replicated);
    struct desk d = { .program = p, .cut = -1 };
    desk_open(&d, 1, 0);
    desk_run(&d);
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        CHECK(d.party[i].told && d.party[i].err.code == 0);
    desk_close(&d);
    program_free(p);
}

/* ---- surroundings ---- */

/* While a link is full, only steps are begun that send nothing to it (desk_work checks it). */
static void full_links_hold_it_back(void)
{
    unsigned begun = 0;
    for (uint64_t s = 0; s < 30; s++) {
        struct table *t = table_new(seed + s, 20);
        uint64_t state = s;
        desk_open(&t->d, s, 0);
        t->d.party[0].full = 1;
        for (unsigned p = 0; p < DESK_PARTIES; p++)
            desk_start(&t->d, p);
        engine_drained(t->d.party[0].engine);
        for (int round = 0; round < 40; round++) {
            for (uint64_t k = check_random(&state) % 30; k > 0 && desk_move(&t->d); k--)
                ;
            for (unsigned p = 0; p < DESK_PARTIES; p++) {
                int was = t->d.party[p].full;
                t->d.party[p].full = check_random(&state) % 2 == 0;
                if (was && !t->d.party[p].full && !t->d.party[p].told)
                    engine_drained(t->d.party[p].engine);
            }
        }
        for (unsigned p = 0; p < DESK_PARTIES; p++) {
            t->d.party[p].full = 0;
            engine_drained(t->d.party[p].engine);
        }
        desk_run(&t->d);
        check_results(t);
        begun += t->d.party[0].given_full;
        table_free(t);
    }
    CHECK(begun > 0);
}

static void who_is_waited_for(void)
{
    for (unsigned gone = 0; gone < DESK_PARTIES; gone++) {
        struct table *t = table_new(seed + gone, 20);
        unsigned asked = 0;
        t->d.cut = (int)gone;
        desk_open(&t->d, gone, 0);
        desk_run(&t->d);
        for (unsigned p = 0; p < DESK_PARTIES; p++) {
            char text[200], name[40];
            int party, waits = engine_waits(t->d.party[p].engine, text, sizeof text, &party);
            if (p == gone || !waits)
                continue;
            snprintf(name, sizeof name, "from party %d", party);
            CHECK(strstr(text, "gate") != NULL && strstr(text, "frame") != NULL);
            CHECK(strstr(text, name) != NULL);
            asked += party == (int)gone;
            CHECK_EQ(t->d.party[p].told, 0);
        }
        CHECK(asked > 0);
        table_free(t);
    }
}

/* ---- spans and priority ---- */

enum { SPANS = 4000 };

static struct {
    unsigned arithmetic, waiting, count;
    uint64_t last[SPANS];               /* end of the last span of a gate */
    uint32_t id[SPANS];                 /* of arithmetic, at party 0, in order */
} seen;

static void see_span(void *ctx, const struct engine_span *s)
{
    const struct desk_party *p = ctx;
    if (p->self != 0 || seen.count == SPANS)
        return;
    if (s->kind == SPAN_GIVEN)
        return;
    if (s->kind == SPAN_ARRIVAL) {
        CHECK(s->from == s->to && s->party != 0 && s->step > 0);
        return;
    }
    CHECK(s->from < s->to && s->to <= p->desk->clock);
    CHECK(s->from >= seen.last[s->id]);
    CHECK(s->kind == SPAN_WORK || s->from == seen.last[s->id]);
    CHECK(s->gate == &p->desk->program->gate[s->id] && strchr(s->name, '.') != NULL);
    seen.last[s->id] = s->to;
    seen.arithmetic += s->kind == SPAN_WORK;
    seen.waiting += s->kind == SPAN_WAIT;
    if (s->kind == SPAN_WORK)
        seen.id[seen.count++] = s->id;
}

static void spans_are_told(void)
{
    struct table *t = table_new(seed, 25);
    unsigned steps = 0;
    memset(&seen, 0, sizeof seen);
    t->d.span = see_span;
    desk_open(&t->d, 3, 0);
    desk_run(&t->d);
    check_results(t);
    for (uint32_t i = 0; i < t->r.p->ngate; i++)
        steps += gate_steps(gate_ops(t->r.p->proto, &t->r.p->gate[i]), &t->r.p->gate[i]);
    CHECK_EQ(seen.arithmetic, steps);
    CHECK(seen.waiting > 5 && seen.waiting < steps);
    CHECK(t->d.party[0].stats.busy_ns >= steps);
    table_free(t);
}

/* Every message says how many rounds it has to come, which the plan knows. */
static void tails_are_the_plan_s(void)
{
    struct table *t = table_new(seed, 25);
    struct tails tails;
    struct cost cost;
    unsigned longest = 0;
    CHECK_EQ(tails_init(&tails, t->r.p, PART_ALL, TAIL_MESSAGES, NULL), 0);
    t->d.keep_mail = 1;
    t->d.tails = &tails;
    desk_open(&t->d, 3, 0);
    desk_run(&t->d);
    for (const struct desk_mail *m = t->d.sent; m != NULL; m = m->next) {   /* those to party 0 */
        CHECK_EQ(m->m.tail, tail_of(&tails, m->m.stream, m->m.seq, 0));
        longest = m->m.tail > longest ? m->m.tail : longest;
    }
    CHECK_EQ(cost_program(&cost, t->r.p, NULL), 0);
    CHECK(longest > 1 && longest <= cost.rounds);
    tails_fini(&tails);
    table_free(t);
}

/* Gates 0 and 1 are a product and its truncation, which waits for party 1; the other products could
 * all run. When the message is there, the truncation goes before those that are left. */
static void low_numbers_first(void)
{
    enum { MANY = 30, OUT = 2 * DESK_THREADS, BEFORE = 10 };
    struct program *p = program_new(&protocol_replicated);
    p->turn = 2;
    uint32_t x = program_external(p, VALUE_SHARE, 5), z = gate_mul(p, x, x);
    program_keep(p, gate_trunc(p, z, 3));
    for (int i = 2; i < MANY; i++)
        program_keep(p, gate_mul(p, x, x));
    struct desk d = { .program = p, .cut = -1, .span = see_span };
    memset(&seen, 0, sizeof seen);
    desk_input(&d, x, five);
    desk_open(&d, 1, 0);
    desk_start(&d, 1);
    while (desk_run_one(&d.party[1]) || desk_report_one(&d.party[1]))
        ;
    desk_start(&d, 0);
    for (int i = 0; i < BEFORE; i++)
        CHECK(desk_run_one(&d.party[0]) && desk_report_one(&d.party[0]));
    CHECK(desk_deliver_one(&d, 1, 0));
    while (desk_run_one(&d.party[0]) && desk_report_one(&d.party[0]))
        ;
    unsigned truncations = 0, second = 0;
    for (unsigned i = 0, at = 0; i < seen.count; i++) {
        if (seen.id[i] == 1) {
            second = ++truncations == 2 ? i : second;
            continue;
        }
        CHECK(seen.id[i] >= at);
        at = seen.id[i];
    }
    CHECK(truncations >= 2);
    CHECK(second >= BEFORE && second <= BEFORE + OUT);      /* behind what was out already */
    desk_run(&d);
    CHECK_EQ(d.party[0].told, 1);
    desk_close(&d);
    program_free(p);
}

/* ---- long arithmetic in pieces ---- */

enum { PARTS = 5 };

static void do_nothing(struct step *s)
{
    (void)s;
}

static unsigned parts(const struct gate *g)
{
    (void)g;
    return PARTS;
}

/* Products that are local work of several pieces: of six with two workers the first two run to
 * their end before the next begin, though these could all run. */
static void pieces_do_not_take_turns(void)
{
    static const struct round round = { .name = "part", .run = do_nothing, .times = parts };
    static const struct gate_ops ops = { .name = "long", .rounds = &round, .nround = 1 };
    struct protocol proto = protocol_replicated;
    proto.gate[GATE_MUL] = &ops;
    struct program *p = program_new(&proto);
    uint32_t x = program_external(p, VALUE_SHARE, 5);
    for (unsigned i = 0; i < 3 * DESK_THREADS; i++)
        program_keep(p, gate_mul(p, x, x));
    struct desk d = { .program = p, .cut = -1, .span = see_span };
    memset(&seen, 0, sizeof seen);
    desk_input(&d, x, five);
    desk_open(&d, 1, 0);
    desk_start(&d, 0);
    while (desk_run_one(&d.party[0]) && desk_report_one(&d.party[0]))
        ;
    CHECK_EQ(seen.count, 3 * DESK_THREADS * PARTS);
    for (unsigned i = 0; i < seen.count; i++)
        CHECK_EQ(seen.id[i] / DESK_THREADS, i / PARTS / DESK_THREADS);
    desk_run(&d);
    desk_close(&d);
    program_free(p);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", seed);
    CASE(any_order_gives_the_result);
    CASE(on_real_threads);
    CASE(unexpected_messages_are_refused);
    CASE(late_copies_are_refused);
    CASE(messages_before_the_start);
    CASE(values_come_at_any_moment);
    CASE(the_limit_of_memory);
    CASE(messages_fill_the_memory);
    CASE(values_go_when_read);
    CASE(no_memory_for_an_engine);
    CASE(no_memory_in_a_run);
    CASE(freed_at_200_moments);
    CASE(freed_while_threads_work);
    CASE(freed_in_done);
    CASE(an_empty_program);
    CASE(full_links_hold_it_back);
    CASE(who_is_waited_for);
    CASE(spans_are_told);
    CASE(tails_are_the_plan_s);
    CASE(low_numbers_first);
    CASE(pieces_do_not_take_turns);
    return check_done();
}
