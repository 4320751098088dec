/*
 * test_program.c: programs are built right or not at all. Bad arguments and failing memory fail
 * the program and nothing else; the digest sees every change; the plan adds up.
 */
#include "tests/check.h"
#include "tests/random_program.h"

#include <inttypes.h>

#include "net/base_mem.h"
#include "proto/compose.h"
#include "proto/cost.h"
#include "proto/protocol.h"
#include "proto/tails.h"

static const uint64_t seed = 60601;

/* ---- bad arguments ---- */

enum { N = 24 };

/* A 4 x 3 image of two channels, a 2 x 2 window, three output channels. */
static const struct geometry conv = { .h = 4, .w = 3, .c = 2, .kh = 2, .kw = 2, .sh = 1, .sw = 1,
                                      .oh = 3, .ow = 2, .oc = 3 };

/* A program with one value of each kind. */
struct stock {
    struct program *p;
    uint32_t share, sum, bits, weight, bias, out;
};

static struct stock stock_new(void)
{
    struct stock s = { .p = program_new(&protocol_replicated) };
    s.share = program_external(s.p, VALUE_SHARE, N);
    s.sum = program_external(s.p, VALUE_SUM, N);
    s.bits = program_external(s.p, VALUE_BITS, N);
    s.weight = program_external_weight(s.p, &conv);
    s.bias = program_external(s.p, VALUE_SHARE, 3);
    s.out = program_value(s.p, VALUE_SHARE, 2 * N);
    CHECK_EQ(program_check(s.p, NULL), 0);
    return s;
}

/* Builders may go on after a failure, and so does whoever looks at the program. */
static void stock_end(struct stock *s, int fails, const char *what)
{
    struct err e = { 0 };
    uint8_t digest[32];
    int code = program_check(s->p, &e);
    if ((code != 0) != fails)
        fprintf(stderr, "%s: %s\n", what, fails ? "was taken" : "was refused");
    CHECK_EQ(code != 0, fails);
    CHECK(code == 0 || (strlen(e.text) > 20 && strchr(e.text, '\n') == NULL));
    program_digest(s->p, digest);
    if (fails) {
        uint32_t gates = s->p->ngate;
        program_keep(s->p, gate_relu(s->p, gate_mul(s->p, s->share, s->share), 3, 9));
        gate_reshare_into(s->p, s->sum, s->out, 0);
        compose_max(s->p, s->share, s->share, 20);
        compose_argmax(s->p, s->share, 20);
        compose_relu_into(s->p, s->sum, 4, 20, s->out, 0);
        map_term(map_new(s->p, 3, 3, 3), 0, 0, 1);
        CHECK_EQ(s->p->ngate, gates);
        CHECK(program_check(s->p, NULL) != 0);
    }
    program_free(s->p);
}

#define TRY(fails, ...)                                                                 \
    do {                                                                                \
        struct stock s = stock_new();                                                   \
        __VA_ARGS__;                                                                    \
        stock_end(&s, fails, #__VA_ARGS__);                                             \
    } while (0)
#define REFUSED(...) TRY(1, __VA_ARGS__)
#define TAKEN(...) TRY(0, __VA_ARGS__)

static void values_are_checked(void)
{
    TAKEN(program_value(s.p, VALUE_SHARE, 1));
    TAKEN(program_external(s.p, VALUE_BITS, UINT32_MAX - 1));
    REFUSED(program_value(s.p, VALUE_SHARE, 0));
    REFUSED(program_value(s.p, VALUE_SHARE, UINT32_MAX));
    REFUSED(program_external(s.p, VALUE_SHARE, (size_t)1 << 32));
    REFUSED(program_external(s.p, VALUE_SHARE, SIZE_MAX));
    REFUSED(program_value(s.p, VALUE_WEIGHT, N));
    REFUSED(program_external(s.p, VALUE_WEIGHT, N));
    REFUSED(program_value(s.p, (enum value_kind)77, N));
    REFUSED(program_keep(s.p, NO_VALUE));
    REFUSED(program_keep(s.p, s.p->nvalue));
    TAKEN(program_late(s.p, s.share));
    REFUSED(program_late(s.p, NO_VALUE));
    REFUSED(program_late(s.p, program_value(s.p, VALUE_SHARE, 1)));
}

static void kinds_and_lengths_are_checked(void)
{
    uint32_t none = NO_VALUE;
    TAKEN(gate_mul(s.p, s.share, s.share));
    REFUSED(gate_mul(s.p, s.share, s.sum));
    REFUSED(gate_mul(s.p, s.bits, s.bits));
    REFUSED(gate_mul(s.p, s.share, s.bias));
    REFUSED(gate_mul(s.p, none, s.share));
    REFUSED(gate_mul(s.p, s.share, 1000));
    TAKEN(gate_and(s.p, s.bits, s.bits));
    REFUSED(gate_and(s.p, s.bits, s.share));
    REFUSED(gate_and(s.p, s.bits, program_external(s.p, VALUE_BITS, N - 1)));
    REFUSED(gate_b2a(s.p, s.share));
    REFUSED(gate_b2a(s.p, none));
    REFUSED(gate_sign(s.p, s.bits, 20));
    REFUSED(gate_sign(s.p, s.sum, 20));
    REFUSED(gate_trunc(s.p, s.share, 4));
    REFUSED(gate_reshare(s.p, s.share));
    REFUSED(gate_reshare(s.p, none));
    REFUSED(gate_relu(s.p, s.share, 4, 20));
    REFUSED(gate_relu(s.p, s.sum, 0, 20));
    REFUSED(gate_mul(s.p, s.out, s.out));       /* nobody makes it */
    REFUSED(gate_mul(s.p, s.weight, s.weight));
}

static void widths_and_shifts_are_checked(void)
{
    TAKEN(gate_sign(s.p, s.share, 3));
    TAKEN(gate_sign(s.p, s.share, 62));
    REFUSED(gate_sign(s.p, s.share, 2));
    REFUSED(gate_sign(s.p, s.share, 63));
    REFUSED(gate_sign(s.p, s.share, 256 + 20));
    TAKEN(gate_trunc(s.p, s.sum, 32));
    REFUSED(gate_trunc(s.p, s.sum, 0));
    REFUSED(gate_trunc(s.p, s.sum, 33));
    REFUSED(gate_trunc(s.p, s.sum, 256 + 5));
    TAKEN(gate_relu(s.p, s.sum, 32, 30));
    TAKEN(gate_relu(s.p, s.share, 0, 62));
    REFUSED(gate_relu(s.p, s.sum, 32, 31));
    REFUSED(gate_relu(s.p, s.sum, 14, 2));
    REFUSED(gate_relu(s.p, s.sum, 63, 3));
    REFUSED(gate_relu(s.p, s.sum, 14, 256 + 20));
    REFUSED(gate_relu(s.p, s.sum, UINT32_MAX, 20));
}

static void slices_are_checked(void)
{
    TAKEN(gate_reshare_into(s.p, s.sum, s.out, N));
    REFUSED(gate_reshare_into(s.p, s.sum, s.out, N + 1));
    REFUSED(gate_trunc_into(s.p, s.sum, 5, s.out, UINT32_MAX));
    REFUSED(gate_relu_into(s.p, s.sum, 5, 20, s.out, UINT32_MAX - N + 1));
    REFUSED(gate_reshare_into(s.p, s.sum, NO_VALUE, 0));
    REFUSED(gate_reshare_into(s.p, s.sum, s.share, 0));         /* bound from outside */
    REFUSED(gate_reshare_into(s.p, s.sum, program_value(s.p, VALUE_BITS, N), 0));
    REFUSED(gate_reshare_into(s.p, s.sum, program_value(s.p, VALUE_SUM, N), 0));
    REFUSED(gate_reshare_into(s.p, s.sum, s.out, 0);            /* more than it holds */
            gate_reshare_into(s.p, s.sum, s.out, N);
            gate_reshare_into(s.p, s.sum, s.out, 3));
    TAKEN(gate_reshare_into(s.p, s.sum, s.out, N);
          gate_reshare_into(s.p, s.sum, s.out, 0);
          gate_mul(s.p, s.out, s.out));
    /* A value is whole before it is read, and no gate waits for what comes after it. */
    REFUSED(gate_reshare_into(s.p, s.sum, s.out, 0); gate_mul(s.p, s.out, s.out));
    REFUSED(gate_reshare_into(s.p, s.sum, s.out, 0);
            gate_mul(s.p, s.out, s.out);
            gate_reshare_into(s.p, s.sum, s.out, N));
    REFUSED(gate_relu_into(s.p, s.out, 0, 20, s.out, 0));
    REFUSED(s.p->after = s.out; gate_reshare(s.p, s.sum));
    REFUSED(s.p->after = 1000; gate_reshare(s.p, s.sum));
    TAKEN(s.p->after = s.bits; gate_reshare(s.p, s.sum));
}

static void shapes_are_checked(void)
{
    struct geometry pool = conv, huge = { .h = 1 << 22, .w = 1 << 22, .c = 1 << 20, .kh = 1,
                                          .kw = 1, .sh = 1, .sw = 1, .oh = 1, .ow = 1, .oc = 1 };
    struct geometry wide = { .h = 1, .w = 1, .c = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1,
                             .oh = 1 << 16, .ow = 1 << 12, .oc = 1 << 5 };
    pool.oc = 2;
    TAKEN(gate_linear(s.p, &conv, s.share, s.weight, s.bias, 2, 4));
    TAKEN(gate_linear(s.p, &conv, s.share, s.weight, NO_VALUE, 0, 6));
    REFUSED(gate_linear(s.p, &conv, s.share, s.weight, s.bias, 2, 5));
    REFUSED(gate_linear(s.p, &conv, s.share, s.weight, s.bias, 2, 0));
    REFUSED(gate_linear(s.p, &conv, s.share, s.weight, s.bias, UINT32_MAX, 1));
    REFUSED(gate_linear(s.p, &conv, s.share, s.weight, s.bias, 2, UINT32_MAX - 1));
    REFUSED(gate_linear(s.p, &conv, s.share, s.weight, s.share, 0, 6));
    REFUSED(gate_linear(s.p, &conv, s.bias, s.weight, s.bias, 0, 6));
    REFUSED(gate_linear(s.p, &conv, s.share, s.share, s.bias, 0, 6));
    REFUSED(gate_linear(s.p, &pool, s.share, s.weight, s.bias, 0, 6));
    TAKEN(gate_sumpool(s.p, &pool, s.share));
    REFUSED(gate_sumpool(s.p, &conv, s.share));
    REFUSED(gate_sumpool(s.p, &pool, s.bias));
    REFUSED(gate_sumpool(s.p, &huge, s.share));
    REFUSED(gate_sumpool(s.p, &wide, program_external(s.p, VALUE_SHARE, 1)));
    REFUSED(program_external_weight(s.p, &huge));
    /* The output has 2^32 + something elements, which must not become something. */
    REFUSED(wide.oh++; wide.oc = 1 << 4; wide.ow++;
            gate_linear(s.p, &wide, program_external(s.p, VALUE_SHARE, 1),
                        program_external_weight(s.p, &wide), NO_VALUE, 0, wide.oh * wide.ow));
    for (int k = 0; k < 10; k++) {      /* no side may be zero */
        struct geometry g = pool;
        uint32_t *side[] = { &g.h, &g.w, &g.c, &g.kh, &g.kw, &g.sh, &g.sw, &g.oh, &g.ow, &g.oc };
        *side[k] = 0;
        REFUSED(gate_sumpool(s.p, &g, s.share));
        REFUSED(compose_maxpool(s.p, &g, s.share, 20));
        REFUSED(program_external_weight(s.p, &g));
    }
    /* The same count of weights, packed for another shape. */
    struct geometry turned = geometry_dense(3, 3, 8);
    REFUSED(gate_linear(s.p, &turned, program_external(s.p, VALUE_SHARE, 9), s.weight, NO_VALUE,
                        0, 3));
}

static void maps_are_checked(void)
{
    TAKEN(struct map *m = map_new(s.p, 2, N, 2); map_term(m, 1, N - 1, 5); map_term(m, 1, 0, 1);
          map_constant(m, 1, -1); gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 1); map_term(m, 1, 0, 5); map_term(m, 1, 1, 1);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 2); map_term(m, 1, N, 5);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 2); map_term(m, 2, 0, 5);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 2); map_term(m, UINT32_MAX, 0, 5);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 2); map_term(m, 1, 0, 5); map_term(m, 0, 0, 5);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(struct map *m = map_new(s.p, 2, N, 2); map_constant(m, 2, 5);
            gate_affine(s.p, s.share, NO_VALUE, m));
    REFUSED(gate_affine(s.p, s.share, NO_VALUE, map_new(s.p, 2, N + 1, 0)));
    REFUSED(gate_affine(s.p, s.share, s.share, map_new(s.p, 2, N, 0)));
    REFUSED(gate_affine(s.p, s.share, s.bits, map_new(s.p, 2, 2 * N, 0)));
    REFUSED(gate_affine(s.p, s.bits, NO_VALUE, map_new(s.p, 2, N, 0)));
    REFUSED(gate_bitmap(s.p, s.share, NO_VALUE, map_new(s.p, 2, N, 0)));
    REFUSED(gate_affine(s.p, s.share, NO_VALUE, NULL));
    REFUSED(gate_affine(s.p, s.share, NO_VALUE, map_new(s.p, 0, N, 0)));
    REFUSED(map_new(s.p, 2, N, SIZE_MAX));
    REFUSED(map_new(s.p, 2, N, UINT32_MAX));
}

/* Terms in rows 1 and 3 of five: the others are empty, not what lies beside them. */
static void rows_may_be_empty(void)
{
    static const uint32_t begin[] = { 0, 0, 2, 2, 3, 3 };
    struct stock s = stock_new();
    struct map *m = map_new(s.p, 5, N, 7);
    map_term(m, 1, 4, 1);
    map_term(m, 1, 5, -1);
    map_term(m, 3, 0, 9);
    gate_affine(s.p, s.share, NO_VALUE, m);
    CHECK(memcmp(s.p->map[0].row, begin, sizeof begin) == 0);
    stock_end(&s, 0, "a map with empty rows");
}

static void compositions_are_checked(void)
{
    struct geometry pool = conv;
    pool.oc = 2;
    REFUSED(compose_max(s.p, s.share, s.bias, 20));
    REFUSED(compose_max(s.p, NO_VALUE, NO_VALUE, 20));
    REFUSED(compose_max(s.p, s.share, s.share, 2));
    TAKEN(compose_maxpool(s.p, &pool, s.share, 20));
    REFUSED(compose_maxpool(s.p, &pool, s.bias, 20));
    REFUSED(compose_maxpool(s.p, &conv, s.share, 20));
    REFUSED(pool.kh = pool.kw = 1 << 16; compose_maxpool(s.p, &pool, s.share, 20));
    TAKEN(compose_shares(s.p, s.share, 6, 4, 30, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 5, 30, 20));
    REFUSED(compose_shares(s.p, s.share, 0, 4, 30, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 0, 30, 20));
    REFUSED(compose_shares(s.p, s.share, 0x80000006, 4, 30, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 4, 2, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 4, 0, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 4, 60, 20));
    REFUSED(compose_shares(s.p, s.share, 6, 4, 30, 25));
    REFUSED(compose_shares(s.p, s.share, 6, 4, 30, 19));
    TAKEN(compose_argmax(s.p, s.share, 20));
    REFUSED(compose_argmax(s.p, program_external(s.p, VALUE_SHARE, 65), 20));
    REFUSED(compose_argmax(s.p, program_external(s.p, VALUE_SHARE, 1), 20));
    REFUSED(compose_argmax(s.p, s.bits, 20));
    REFUSED(compose_relu_into(s.p, s.share, 4, 20, s.out, 0));
    REFUSED(compose_relu_into(s.p, s.sum, 0, 20, s.out, 0));
}

/* Messages longer than links carry are noticed while planning. */
static void long_messages_are_refused(void)
{
    uint32_t most = LINK_MESSAGE_MAX / 8;
    TAKEN(gate_reshare(s.p, program_external(s.p, VALUE_SUM, most)));
    REFUSED(gate_reshare(s.p, program_external(s.p, VALUE_SUM, most + 1)));
    REFUSED(gate_relu(s.p, program_external(s.p, VALUE_SUM, most / 2), 14, 20));
}

/* ---- memory ---- */

static struct program *mixed_program(void)
{
    struct stock s = stock_new();
    struct geometry pool = conv;
    pool.oc = 2;
    uint32_t y = gate_linear(s.p, &conv, s.share, s.weight, s.bias, 0, 6);
    y = gate_relu(s.p, y, 5, 20);
    compose_maxpool(s.p, &pool, s.share, 20);
    gate_sumpool(s.p, &pool, s.share);
    program_keep(s.p, compose_argmax(s.p, y, 20));
    compose_shares(s.p, s.share, 6, 4, 30, 20);
    return s.p;
}

static void any_allocation_may_fail(void)
{
    long k = 0, failed = 1;
    while (failed && k < 10000) {
        struct program *p;
        struct err e;
        mem_fail_at(++k);
        struct stock s = { .p = program_new(&protocol_replicated) };
        if ((p = s.p) != NULL) {
            s.share = program_external(p, VALUE_SHARE, N);
            for (int i = 0; i < 50; i++)
                program_external(p, VALUE_SHARE, 3);
            s.weight = program_external_weight(p, &conv);
            uint32_t y = gate_relu(p, gate_linear(p, &conv, s.share, s.weight, NO_VALUE, 0, 6),
                                   5, 20);
            program_keep(p, compose_argmax(p, y, 20));
            compose_shares(p, s.share, 6, 4, 30, 20);
        }
        mem_fail_at(0);
        failed = program_check(p, &e) != 0;
        uint8_t digest[32];
        if (p != NULL)
            program_digest(p, digest);
        CHECK(!failed || strstr(e.text, "memory") != NULL);
        program_free(p);
    }
    printf("# %ld allocations\n", k - 1);
    CHECK(k > 60 && k < 10000);
}

static void plans_without_memory(void)
{
    struct program *p = mixed_program();
    struct cost c;
    struct err e = { 0 };
    mem_fail_at(1);
    CHECK_EQ(cost_program(&c, p, &e), ERR_FAILED);
    CHECK(strstr(e.text, "memory") != NULL);
    struct cost_chain chain;
    for (long k = 1; k <= 5; k++) {     /* rounds, tails (three) and bytes */
        mem_fail_at(k);
        CHECK_EQ(cost_chain(&chain, p, PART_ALL, &e), ERR_FAILED);
    }
    mem_fail_at(1);
    CHECK_EQ(cost_memory(p), 0);
    mem_fail_at(0);
    CHECK(cost_memory(p) > 0);
    program_free(p);
}

/* ---- digest ---- */

static int digest_moves(const struct program *p, const uint8_t was[static 32])
{
    uint8_t now[32];
    program_digest(p, now);
    return memcmp(now, was, 32) != 0;
}

/* Flips a bit in every byte in turn: the digest moves each time and comes back. */
static unsigned flips(const struct program *p, const uint8_t was[static 32], void *field, size_t n)
{
    unsigned bad = 0;
    uint8_t *b = field;
    for (size_t i = 0; i < n; i++) {
        b[i] ^= (uint8_t)(1u << (i % 8));
        bad += !digest_moves(p, was);
        b[i] ^= (uint8_t)(1u << (i % 8));
    }
    return bad + (unsigned)digest_moves(p, was);
}

static void the_digest_sees_everything(void)
{
    struct program *p = mixed_program(), *again = mixed_program();
    uint8_t was[32];
    unsigned bad = 0;
    CHECK_EQ(program_check(p, NULL), 0);
    program_digest(p, was);
    CHECK(!digest_moves(again, was));
    for (uint32_t i = 0; i < p->ngate; i++) {
        struct gate *g = &p->gate[i];
        struct { void *at; size_t n; } field[] = {
            { &g->kind, 1 }, { &g->turn, 1 }, { &g->shift, 1 }, { &g->width, 1 },
            { &g->frame, 2 }, { &g->layer, 2 }, { g->in, sizeof g->in }, { &g->after, 4 },
            { &g->out, 4 }, { &g->first, 4 }, { &g->n, 4 }, { &g->in_first, 4 }, { &g->shape, 4 },
            { &g->held_first, 4 },
        };
        for (size_t k = 0; k < sizeof field / sizeof field[0]; k++)
            bad += flips(p, was, field[k].at, field[k].n);
    }
    CHECK_EQ(bad, 0);
    for (uint32_t i = 0; i < p->ngeometry; i++)
        bad += flips(p, was, &p->geometry[i], sizeof p->geometry[i]);
    CHECK_EQ(bad, 0);
    for (uint32_t i = 0; i < p->nvalue; i++)
        bad += flips(p, was, &p->value[i].kind, 1) + flips(p, was, &p->value[i].external, 1) +
               flips(p, was, &p->value[i].keep, 1) + flips(p, was, &p->value[i].late, 1) +
               flips(p, was, &p->value[i].n, 4);
    CHECK_EQ(bad, 0);
    const struct map *m = &p->map[p->nmap - 1];
    bad = flips(p, was, m->coef, 8 * 3) + flips(p, was, m->constant, 8 * 3) +
          flips(p, was, m->col, 4 * 3) + flips(p, was, &m->row[1], 4);
    CHECK_EQ(bad, 0);
    program_value(p, VALUE_SHARE, 1);
    CHECK(digest_moves(p, was));
    program_free(p);
    program_free(again);
}

/* ---- the plan ---- */

static void layers_add_up(void)
{
    for (uint64_t s = 0; s < 20; s++) {
        static struct random_program r;
        struct cost all, part, sum = { .rounds = 0 };
        random_program(&r, &protocol_replicated, seed + s, 40);
        CHECK_EQ(cost_program(&all, r.p, NULL), 0);
        for (uint16_t layer = 0; layer < 5; layer++) {
            CHECK_EQ(cost_layer(&part, r.p, layer, NULL), 0);
            for (unsigned a = 0; a < LINK_PARTIES; a++) {
                for (unsigned b = 0; b < LINK_PARTIES; b++)
                    sum.bytes[a][b] += part.bytes[a][b];
                sum.messages[a] += part.messages[a];
            }
            sum.products += part.products;
            CHECK(part.rounds <= all.rounds);
        }
        CHECK(memcmp(sum.bytes, all.bytes, sizeof all.bytes) == 0);
        CHECK(memcmp(sum.messages, all.messages, sizeof all.messages) == 0);
        CHECK_EQ(sum.products, all.products);
        CHECK_EQ(cost_total(&all), cost_sent(&all, 0) + cost_sent(&all, 1) + cost_sent(&all, 2));
        CHECK(cost_total(&all) > 0 && cost_memory(r.p) > 0);
        program_free(r.p);
    }
}

/* By hand: each party sends 5 words and then 3 in two rounds, and beside them 100 words in one. */
static void bytes_before_rounds(void)
{
    struct program *p = program_new(&protocol_replicated);
    struct cost_chain c;
    uint32_t y = gate_reshare(p, program_external(p, VALUE_SUM, 5));
    gate_reshare(p, program_external(p, VALUE_SUM, 100));
    struct map *m = map_new(p, 3, 5, 3);
    for (uint32_t i = 0; i < 3; i++)
        map_term(m, i, i, 1);
    uint32_t three = gate_affine(p, y, NO_VALUE, m);
    gate_reshare(p, gate_mul(p, three, three));
    CHECK_EQ(program_check(p, NULL), 0);
    CHECK_EQ(cost_chain(&c, p, PART_ALL, NULL), 0);
    CHECK_EQ(c.rounds, 2);
    for (unsigned k = 0; k < 3; k++) {
        CHECK(c.sent[k][2] == 5 * 8 && c.received[k][2] == 5 * 8);
        CHECK(c.sent[k][1] == 108 * 8 && c.received[k][1] == 108 * 8);
        CHECK(c.sent[k][0] == 108 * 8 && c.received[k][0] == 108 * 8);
    }
    CHECK_EQ(c.sent[3][0], 0);
    cost_chain_fini(&c);

    struct tails t;
    CHECK_EQ(tails_init(&t, p, PART_ALL, TAIL_MESSAGES, NULL), 0);
    for (uint32_t i = 0; i < p->ngate; i++)
        for (unsigned to = 0; to < 3; to++)
            CHECK_EQ(tail_of(&t, i, 0, to), i == 0 ? 2 : i == 1 || i == p->ngate - 1);
    tails_fini(&t);
    program_free(p);
}

/* The mask of a layer's deal is followed by the peer's answer, in pieces, of which the last sends:
 * in time they count, and a message four times as much. */
static void tails_in_time(void)
{
    enum { MASK, ANSWER };
    struct geometry g = geometry_dense(1, 3000, 3000);
    struct program *p = program_new(&protocol_semi2k);
    uint32_t deal = gate_deal_linear(p, &g, program_external_weight(p, &g), 1);
    program_keep(p, deal);
    CHECK_EQ(program_check(p, NULL), 0);
    uint32_t id = p->ngate - 1;
    unsigned pieces = p->gate[id].width;
    CHECK(p->gate[id].kind == GATE_DEAL_LINEAR && pieces > 1);
    struct tails t;
    CHECK_EQ(tails_init(&t, p, PART_ALL, TAIL_MESSAGES, NULL), 0);
    CHECK_EQ(tail_of(&t, id, MASK, 0), 2);
    CHECK_EQ(tail_of(&t, id, ANSWER + pieces - 1, 0), 1);
    CHECK_EQ(tail_of(&t, id, ANSWER, 0), 0);
    tails_fini(&t);
    CHECK_EQ(tails_init(&t, p, PART_ALL, TAIL_TIME, NULL), 0);
    CHECK_EQ(tail_of(&t, id, MASK, 0), 4 + (pieces - 1) + 4);
    CHECK_EQ(tail_of(&t, id, ANSWER + pieces - 1, 0), 4);
    tails_fini(&t);
    program_free(p);
}

/* In quad nobody waits for the verifier, who is party 3 in turn 0, before the program's end: what
 * it gets within a gate has the end's rounds to come, and what an evaluator gets has more. */
static void tails_by_receiver(void)
{
    struct program *p = program_new(&protocol_quad);
    uint32_t x = program_external(p, VALUE_SHARE, 64);
    struct tails t;
    gate_relu(p, gate_relu(p, x, 0, 32), 0, 32);
    CHECK_EQ(program_check(p, NULL), 0);
    CHECK_EQ(tails_init(&t, p, PART_ALL, TAIL_MESSAGES, NULL), 0);
    unsigned verifier = 0, others = 0;
    for (uint32_t i = 0; i < p->ngate; i++) {
        unsigned steps = gate_steps(gate_ops(p->proto, &p->gate[i]), &p->gate[i]);
        for (unsigned s = 0; s < steps; s++)
            for (unsigned to = 0; to < 4; to++) {
                uint32_t tail = tail_of(&t, i, s, to);
                CHECK(s == 0 || tail <= tail_of(&t, i, s - 1, to) ||
                      tail_of(&t, i, s - 1, to) == 0);
                verifier = to == 3 && tail > verifier ? tail : verifier;
                others = to != 3 && tail > others ? tail : others;
            }
    }
    CHECK(verifier == 1 && others > 2);
    tails_fini(&t);
    program_free(p);
}

/* A wall waits for all gates before it, though it reads none of them: their bytes have its round
 * to come. */
static void bytes_before_a_wall(void)
{
    for (int wall = 0; wall < 2; wall++) {
        struct program *p = program_new(&protocol_replicated);
        struct cost_chain c;
        gate_reshare(p, program_external(p, VALUE_SUM, 5));
        gate_reshare(p, program_external(p, VALUE_SUM, 2));
        p->gate[1].wall = (uint8_t)wall;
        CHECK_EQ(cost_chain(&c, p, PART_ALL, NULL), 0);
        CHECK_EQ(c.rounds, 1 + (uint32_t)wall);
        CHECK_EQ(c.sent[0][1], 7 * 8);
        if (wall)
            CHECK_EQ(c.sent[0][2], 5 * 8);
        cost_chain_fini(&c);
        program_free(p);
    }
}

/* The longest chain is as long from its end as from its beginning, and all bytes are in it. */
static void chains_have_all_bytes(void)
{
    for (uint64_t s = 0; s < 20; s++) {
        static struct random_program r;
        struct cost all;
        struct cost_chain c;
        random_program(&r, &protocol_replicated, seed + s, 40);
        CHECK_EQ(cost_program(&all, r.p, NULL), 0);
        CHECK_EQ(cost_chain(&c, r.p, PART_ALL, NULL), 0);
        uint64_t longest = 0, received = 0;
        for (unsigned k = 0; k < LINK_PARTIES; k++) {
            CHECK_EQ(c.sent[k][0], cost_sent(&all, k));
            CHECK_EQ(c.sent[k][0], c.sent[k][1]);
            for (uint32_t i = 1; i <= c.rounds; i++)
                CHECK(c.sent[k][i] <= c.sent[k][i - 1] && c.received[k][i] <= c.received[k][i - 1]);
            longest += c.sent[k][c.rounds];
            received += c.received[k][0];
        }
        CHECK(c.rounds == all.rounds && longest > 0 && received == cost_total(&all));
        cost_chain_fini(&c);
        program_free(r.p);
    }
}

/* By hand: 10 elements in halves; the order of the halves does not matter. */
static void memory_of_slices(void)
{
    for (int turned = 0; turned < 2; turned++) {
        struct program *p = program_new(&protocol_replicated);
        uint32_t x = program_external(p, VALUE_SUM, 5), y = program_value(p, VALUE_SHARE, 10);
        gate_reshare_into(p, x, y, turned ? 5 : 0);
        gate_reshare_into(p, x, y, turned ? 0 : 5);
        CHECK_EQ(cost_memory(p), 5 * 8 + 2 * 10 * 8);
        program_keep(p, gate_mul(p, y, y));
        CHECK_EQ(cost_memory(p), 5 * 8 + 2 * 10 * 8 + 10 * 8);
        program_free(p);
    }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", seed);
    CASE(values_are_checked);
    CASE(kinds_and_lengths_are_checked);
    CASE(widths_and_shifts_are_checked);
    CASE(slices_are_checked);
    CASE(shapes_are_checked);
    CASE(maps_are_checked);
    CASE(rows_may_be_empty);
    CASE(compositions_are_checked);
    CASE(long_messages_are_refused);
    CASE(any_allocation_may_fail);
    CASE(plans_without_memory);
    CASE(the_digest_sees_everything);
    CASE(layers_add_up);
    CASE(bytes_before_rounds);
    CASE(tails_by_receiver);
    CASE(tails_in_time);
    CASE(bytes_before_a_wall);
    CASE(chains_have_all_bytes);
    CASE(memory_of_slices);
    return check_done();
}
