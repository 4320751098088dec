/*
 * test_syrep.c: the statements of `sy-rep-ring`, as plain arithmetic: they hold when all parties
 * are honest, and whatever one party changes in what it sends makes a statement of it false. Then
 * the same with the proofs as they are run.
 */
#include "tests/scene.h"

#include <inttypes.h>

#include "proto/compose.h"
#include "proto/syrep.h"

static uint64_t state = 20260202;

/* ---- changes ---- */

enum { FLIP, ADD_ONE, ADD_TOP, SCATTER, CHANGES };

static void change(const struct cheat *c, uint8_t *message, size_t n)
{
    uint64_t word = 0, seed = c->seed;
    size_t at = c->place / 8 * 8, size = n - at < 8 ? n - at : 8;
    if (c->kind == SCATTER) {
        for (size_t i = 0; i < n; i++)
            message[i] ^= (uint8_t)(check_random(&seed) & check_random(&seed));
        return;
    }
    memcpy(&word, message + at, size);
    word = c->kind == FLIP ? word ^ (uint64_t)1 << (c->seed % (8 * size))
         : c->kind == ADD_ONE ? word + 1 : word + ((uint64_t)1 << (8 * size - 1));
    memcpy(message + at, &word, size);
}

/* ---- programs, one for each kind of gate ---- */

static uint32_t product(struct program *p, uint32_t n)
{
    return gate_mul(p, program_external(p, VALUE_SHARE, n), program_external(p, VALUE_SHARE, n));
}

static void reshares(struct program *p)
{
    for (uint32_t n = 1; n < 80; n += 39, p->turn++)
        gate_reshare(p, product(p, n));
}

static void truncations(struct program *p)
{
    static const unsigned shifts[] = { 1, 13, 16, 17, 32 };
    for (unsigned i = 0; i < 5; i++, p->turn = (uint8_t)((p->turn + 1) % 3))
        gate_trunc(p, product(p, 64 + 5 * i), shifts[i]);
}

static void signs(struct program *p)
{
    static const unsigned widths[] = { 3, 4, 11, 18, 62 };
    for (unsigned i = 0; i < 5; i++, p->turn = (uint8_t)((p->turn + 1) % 3))
        gate_sign(p, program_external(p, VALUE_SHARE, 60 + 5 * i), widths[i]);
}

static void bits(struct program *p)
{
    uint32_t x = program_external(p, VALUE_BITS, 130), y = program_external(p, VALUE_BITS, 130);
    uint32_t z = gate_and(p, x, y);
    p->turn = 1;
    gate_b2a(p, gate_and(p, x, z));
    p->turn = 2;
    gate_b2a(p, y);
}

static void convolutions(struct program *p)
{
    const struct geometry g = { .h = 9, .w = 8, .c = 3, .kh = 3, .kw = 2, .sh = 2, .sw = 1,
                                .top = 1, .left = 1, .oh = 5, .ow = 9, .oc = 5 };
    uint32_t w = program_external_weight(p, &g), b = program_external(p, VALUE_SHARE, 5);
    uint32_t x[2] = { program_external(p, VALUE_SHARE, 9 * 8 * 3),
                      program_external(p, VALUE_SHARE, 9 * 8 * 3) };
    for (unsigned i = 0; i < 4; i++, p->turn = (uint8_t)((p->turn + 1) % 3)) {
        uint32_t z = gate_linear(p, &g, x[i % 2], w, i < 3 ? b : NO_VALUE, i, 9 + 8 * i);
        if (i % 2 == 0)
            gate_reshare(p, z);
        else
            gate_trunc(p, z, 13);
    }
}

static void relus(struct program *p)
{
    uint32_t x = product(p, 70), out = program_value(p, VALUE_SHARE, 100);
    gate_relu_into(p, x, 13, 18, out, 0);
    p->turn = 1;
    gate_relu_into(p, product(p, 30), 20, 11, out, 70);
    p->turn = 2;
    gate_relu(p, out, 0, 18);
}

static void division(struct program *p)
{
    compose_argmax(p, compose_shares(p, program_external(p, VALUE_SHARE, 14), 2, 7, 20, 20), 24);
}

static struct program *build(void (*make)(struct program *))
{
    struct program *p = program_new(&protocol_syrep);
    make(p);
    p->turn = 0;
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

/* ---- tests ---- */

static void honest(void (*make)(struct program *))
{
    struct program *p = build(make);
    struct scene st;
    struct verdict v;
    scene_init(&st, p, check_random(&state));
    scene_run(&st);
    scene_verdict(&st, &syrep_source, &v);
    for (unsigned a = 0; a < 3; a++) {
        CHECK_EQ(v.wrong[a], 0);
        CHECK(v.statements[a] > 0);
    }
    CHECK_EQ(v.differ, 0);
    scene_free(&st);
    program_free(p);
}

static void (*const all[])(struct program *) = { reshares, truncations, signs, bits, convolutions,
                                                 relus, division };
enum { ALL = sizeof all / sizeof all[0] };

static void statements_hold(void)
{
    for (unsigned i = 0; i < ALL; i++)
        honest(all[i]);
}

/* What two parties both hold of a value is the same at both. */
static void values_agree(const struct scene *st, uint32_t v)
{
    const struct value *value = &st->program->value[v];
    const struct protocol *proto = st->program->proto;
    size_t n = value_stride(proto, (enum value_kind)value->kind, value->n);
    uint64_t *one = malloc(n * 8), *other = malloc(n * 8);
    for (unsigned a = 0; a < 3; a++)
        for (unsigned b = 0; b < 3; b++)
            for (unsigned i = 0; i < proto->items(a, b); i++) {
                proto->common(one, st->value[a][v], n, n, (enum value_kind)value->kind, a, b, i);
                proto->common(other, st->value[b][v], n, n, (enum value_kind)value->kind, b, a, i);
                CHECK(memcmp(one, other, n * 8) == 0);
            }
    free(one);
    free(other);
}

static void shares_agree(void)
{
    for (unsigned i = 0; i < ALL; i++) {
        struct program *p = build(all[i]);
        struct scene st;
        unsigned values = 0;
        scene_init(&st, p, check_random(&state));
        scene_run(&st);
        for (uint32_t v = 0; v < p->nvalue; v++)
            if (st.value[0][v] != NULL && (p->value[v].kind == VALUE_SHARE ||
                                           p->value[v].kind == VALUE_BITS)) {
                values_agree(&st, v);
                values++;
            }
        CHECK(values > 2);
        CHECK_EQ(protocol_syrep.items(1, 1), 0);
        scene_free(&st);
        program_free(p);
    }
}

/* Padding within D's message of a truncation, which nobody reads. */
static int is_padding(const struct gate *g, unsigned step, size_t place)
{
    if ((g->kind != GATE_TRUNC && g->kind != GATE_RELU) || g->shift == 0 || step != 1)
        return 0;
    size_t end = 8 * (size_t)g->n + (g->shift <= 16 ? 2 : 4) * (size_t)g->n;
    return place / 8 * 8 + 8 > end && place < (end + 7) / 8 * 8 && end % 8 != 0;
}

static void attempt(const struct program *p, const struct cheat *c, uint64_t seed)
{
    struct scene st;
    struct verdict v;
    scene_init(&st, p, seed);
    st.cheat = c;
    scene_run(&st);
    scene_verdict(&st, &syrep_source, &v);
    if (v.wrong[c->from] == 0)
        fprintf(stderr, "gate %u (kind %u) step %u from %u to %u, change %u at %zu: unseen\n",
                c->gate, p->gate[c->gate].kind, c->step, c->from, c->to, c->kind, c->place);
    CHECK(v.wrong[c->from] > 0);
    scene_free(&st);
}

static unsigned attempts(const struct program *p, uint32_t id, unsigned step, unsigned from,
                         unsigned to)
{
    const struct gate *g = &p->gate[id];
    size_t n = gate_bytes(p->proto, g, step, from, to);
    unsigned count = 0;
    for (unsigned kind = 0; n > 0 && kind < CHANGES; kind++)
        for (unsigned k = 0; k < (kind == SCATTER ? 1 : 4); k++) {
            size_t place = k == 0 ? 0 : k == 1 ? n / 2 : k == 2 ? n - 1 : check_random(&state) % n;
            struct cheat c = { .gate = id, .step = step, .from = from, .to = to, .change = change,
                               .place = place, .kind = kind, .seed = check_random(&state) };
            if (kind != SCATTER && is_padding(g, step, place))
                continue;
            attempt(p, &c, 99);
            count++;
        }
    return count;
}

static void cheats(void (*make)(struct program *), unsigned least)
{
    struct program *p = build(make);
    unsigned count = 0;
    for (uint32_t id = 0; id < p->ngate && p->gate[id].kind != GATE_BARRIER; id++)
        for (unsigned step = 0; step < gate_steps(gate_ops(p->proto, &p->gate[id]), &p->gate[id]);
             step++)
            for (unsigned from = 0; from < 3; from++)
                for (unsigned to = 0; to < 3; to++)
                    count += attempts(p, id, step, from, to);
    CHECK(count >= least);
    program_free(p);
}

static void no_reshare_is_changed(void)
{
    cheats(reshares, 100);
}

static void no_truncation_is_changed(void)
{
    cheats(truncations, 100);
}

static void no_sign_is_changed(void)
{
    cheats(signs, 100);
}

static void no_bit_is_changed(void)
{
    cheats(bits, 80);
}

static void no_convolution_is_changed(void)
{
    cheats(convolutions, 100);
}

static void no_relu_is_changed(void)
{
    cheats(relus, 100);
}

/* ---- D deals what is wrong but fits together ---- */

/* Another chain for element 0: from carry `place` on, all that D deals in the step are flipped, or
 * the carries are those of another sum. */
static void other_chain(const struct cheat *c, uint8_t *message, size_t n)
{
    const size_t planes = c->kind, words = c->seed, at = n - planes * words * 8;
    for (size_t j = c->place; j < planes; j++)
        message[at + j * words * 8] ^= 1;
}

/* Adds the same to the dealt part and to what hangs on it. */
static void other_part(const struct cheat *c, uint8_t *message, size_t n)
{
    uint64_t part;
    memcpy(&part, message, 8);
    part += c->seed;
    memcpy(message, &part, 8);
    if (c->kind < n)
        message[c->kind] ^= 1;
}

static void dealer_cheats_in_step(void)
{
    struct program *p = build(truncations);
    for (uint32_t id = 1; id < 10; id += 2) {
        const struct gate *g = &p->gate[id];
        CHECK_EQ(g->kind, GATE_TRUNC);
        size_t carries = gate_bytes(p->proto, g, 1, g->turn, (g->turn + 2u) % 3) -
                         64 * KERNEL_PLANE(g->n) * 8;
        for (size_t j = 0; j < 64; j += 7) {
            struct cheat c = { .gate = id, .step = 1, .from = g->turn, .to = (g->turn + 2u) % 3,
                               .change = other_chain, .place = j, .kind = 64,
                               .seed = KERNEL_PLANE(g->n) };
            attempt(p, &c, 7);
        }
        struct cheat c = { .gate = id, .step = 1, .from = g->turn, .to = (g->turn + 2u) % 3,
                           .change = other_part, .seed = 1,
                           .kind = (unsigned)(carries + (g->shift - 1u) * KERNEL_PLANE(g->n) * 8) };
        attempt(p, &c, 7);      /* the carry into bit f, and the part that it would give */
        c.seed = (uint64_t)1 << (64 - g->shift);
        c.kind = (unsigned)(carries + 63 * KERNEL_PLANE(g->n) * 8);
        attempt(p, &c, 7);      /* the carry out of bit 63 likewise */
    }
    program_free(p);
}

/* ---- the proofs as they are run ---- */

/* Who catches a cheat (as bits), or anybody if there is none. */
static unsigned proofs(const struct program *p, const struct cheat *c)
{
    struct scene st;
    scene_init(&st, p, 99);
    st.cheat = c;
    scene_run(&st);
    CHECK_EQ(st.caught, 0);
    scene_prove(&st);
    unsigned caught = st.caught;
    scene_free(&st);
    return caught;
}

/* A random message of a gate that sends any, and a random change of it. */
static struct cheat some_cheat(const struct program *p, uint32_t gates)
{
    for (;;) {
        struct cheat c = { .gate = (uint32_t)(check_random(&state) % gates), .change = change,
                           .step = (unsigned)(check_random(&state) % 10),
                           .from = (unsigned)(check_random(&state) % 3),
                           .to = (unsigned)(check_random(&state) % 3),
                           .kind = (unsigned)(check_random(&state) % CHANGES),
                           .seed = check_random(&state) };
        const struct gate *g = &p->gate[c.gate];
        if (c.step >= gate_steps(gate_ops(p->proto, g), g))
            continue;
        size_t n = gate_bytes(p->proto, g, c.step, c.from, c.to);
        c.place = n == 0 ? 0 : check_random(&state) % n;
        if (n > 0 && (c.kind == SCATTER || !is_padding(g, c.step, c.place)))
            return c;
    }
}

static void proofs_hold_and_catch(void)
{
    for (unsigned i = 0; i < ALL; i++) {
        struct program *p = build(all[i]);
        uint32_t gates = 0;
        while (p->gate[gates].kind != GATE_BARRIER)
            gates++;
        CHECK_EQ(proofs(p, NULL), 0);
        for (unsigned k = 0; k < 12; k++) {
            struct cheat c = some_cheat(p, gates);
            CHECK(proofs(p, &c) & (1u << (c.from + 1) % 3));
        }
        program_free(p);
    }
}

/* What nobody would prove must not be computed: here the sum comes from outside, not from a
 * product. */
static void unproved_gates_are_refused(void)
{
    const struct protocol *const both[] = { &protocol_syrep, &protocol_syrep_mac };
    for (int i = 0; i < 2; i++)
        for (int product = 0; product < 2; product++) {
            struct program *p = program_new(both[i]);
            uint32_t x = program_external(p, VALUE_SHARE, 5);
            uint32_t sum = product ? gate_mul(p, x, x) : program_external(p, VALUE_SUM, 5);
            program_keep(p, gate_reshare(p, sum));
            program_close(p);
            CHECK_EQ(program_check(p, NULL) == 0, product || i == 1);   /* MACs check any sum */
            program_free(p);
        }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(statements_hold);
    CASE(shares_agree);
    CASE(no_reshare_is_changed);
    CASE(no_truncation_is_changed);
    CASE(no_sign_is_changed);
    CASE(no_bit_is_changed);
    CASE(no_convolution_is_changed);
    CASE(no_relu_is_changed);
    CASE(dealer_cheats_in_step);
    CASE(proofs_hold_and_catch);
    CASE(unproved_gates_are_refused);
    return check_done();
}
