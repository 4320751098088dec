/*
 * test_mac.c: `sy-rep-ring-mac`: after every gate all shares fit together, every tag is alpha
 * times its value and every value is right; whatever one party changes in what it sends is
 * caught, or changes no value; the check finds what is wrong and nothing else; and it fails as
 * rarely as was derived, in a ring small enough to count.
 */
#include "tests/scene.h"
#include "tests/trial.h"

#include <inttypes.h>
#include <math.h>

#include "proto/compose.h"
#include "proto/mac_statements.h"

static uint64_t state = 20261125;

/* ---- programs ---- */

static uint32_t input(struct program *p, uint32_t n)
{
    return gate_auth(p, program_external(p, VALUE_SHARE, n));
}

static uint32_t product(struct program *p, uint32_t n)
{
    return gate_mul(p, input(p, n), input(p, n));
}

static void products(struct program *p)
{
    for (uint32_t n = 1; n < 320; n += 145, p->turn++)
        gate_reshare(p, product(p, n));
}

static void truncations(struct program *p)
{
    static const unsigned shifts[] = { 1, 13, 16, 17, 32 };
    for (unsigned i = 0; i < 5; i++, p->turn = (uint8_t)((p->turn + 1) % 3))
        gate_trunc(p, product(p, 64 + 5 * i + (i == 2 ? 200 : 0)), shifts[i]);
}

static void bits(struct program *p)
{
    uint32_t x = program_external(p, VALUE_BITS, 130), y = program_external(p, VALUE_BITS, 130);
    uint32_t z = gate_and(p, x, y), out = program_value(p, VALUE_SHARE, 300);
    p->turn = 1;
    gate_b2a(p, z);
    gate_inject_into(p, input(p, 130), y, out, 70);
    p->turn = 2;
    gate_inject_into(p, input(p, 70), program_external(p, VALUE_BITS, 70), out, 0);
    gate_inject_into(p, input(p, 100), gate_sign(p, input(p, 100), 18), out, 200);
}

static void maps(struct program *p)
{
    const struct geometry pool = { .h = 6, .w = 5, .c = 3, .kh = 3, .kw = 2, .sh = 2, .sw = 2,
                                   .top = 1, .oh = 3, .ow = 2, .oc = 3 };
    uint32_t x = input(p, 90), y = input(p, 7);
    struct map *m = map_new(p, 50, 97, 200);
    for (uint32_t r = 0; r < 50; r++) {
        map_constant(m, r, r % 3 == 0 ? -(int64_t)r : (int64_t)1 << r);
        for (uint32_t k = 0; k < r % 4; k++)
            map_term(m, r, (31 * r + k) % 97, (int64_t)k * 1000003 - (int64_t)r);
    }
    p->turn = 1;
    uint32_t z = gate_affine(p, x, y, m);
    p->turn = 2;
    gate_reshare(p, gate_mul(p, z, gate_affine(p, x, y, m)));
    gate_sumpool(p, &pool, x);
}

static void convolutions(struct program *p)
{
    const struct geometry g = { .h = 9, .w = 8, .c = 3, .kh = 3, .kw = 2, .sh = 2, .sw = 1,
                                .top = 1, .left = 1, .oh = 5, .ow = 9, .oc = 5 };
    uint32_t w = program_external_weight(p, &g), b = input(p, 5), x = input(p, 9 * 8 * 3);
    for (unsigned i = 0; i < 4; i++, p->turn = (uint8_t)((p->turn + 1) % 3)) {
        uint32_t z = gate_linear(p, &g, x, w, i < 3 ? b : NO_VALUE, i, 9 + 8 * i);
        if (i % 2 == 0)
            gate_reshare(p, z);
        else
            gate_trunc(p, z, 13);
    }
}

static void relus(struct program *p)
{
    uint32_t x = product(p, 70), out = program_value(p, VALUE_SHARE, 70);
    gate_relu_into(p, x, 13, 18, out, 0);
    p->turn = 2;
    gate_relu(p, out, 0, 18);
}

static void division(struct program *p)
{
    compose_argmax(p, compose_shares(p, input(p, 14), 2, 7, 20, 20), 24);
}

static void (*const all[])(struct program *) = { products, truncations, bits, maps, convolutions,
                                                 relus, division };
enum { ALL = sizeof all / sizeof all[0] };

static struct program *build(void (*make)(struct program *))
{
    struct program *p = program_new(&protocol_syrep_mac);
    make(p);
    p->turn = 0;
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

/* ---- what stands in a scene ---- */

static wide word_at(const struct scene *st, unsigned a, uint32_t v, unsigned plane, unsigned high,
                    size_t i)
{
    const uint64_t *x = st->value[a][v];
    size_t n = st->program->value[v].n;
    return (wide)x[high * n + i] << 64 | x[plane * n + i];
}

static wide opened(const struct scene *st, uint32_t v, unsigned item, size_t i)
{
    wide sum = 0;
    for (unsigned a = 0; a < 3; a++)
        sum += st->program->value[v].kind == VALUE_SUM
             ? word_at(st, a, v, 2 * item, 2 * item + 1, i)
             : word_at(st, a, v, 4 * item, 4 * item + 2, i);
    return sum;
}

static unsigned bit_at(const struct scene *st, uint32_t v, size_t i)
{
    uint64_t bit = 0;
    for (unsigned a = 0; a < 3; a++)
        bit ^= st->value[a][v][i / 64] >> (i % 64);
    return bit & 1;
}

static wide alpha_of(const struct scene *st)
{
    wide sum = 0;
    for (unsigned a = 0; a < 3; a++) {
        uint64_t word;
        prf_again(&st->keys[a].pair[(a + 1) % 3], UINT32_MAX, USE_MAC_KEY, 0, &word, 8);
        sum += word;
    }
    return sum;
}

/* V from the records of all parties. */
static wide check_value(const struct scene *st)
{
    wide sum[2] = { 0 }, part[2];
    for (uint32_t id = 0; id < st->gates; id++) {
        unsigned kind = st->program->gate[id].kind;
        for (unsigned a = 0; a < 3 && (kind == GATE_RESHARE || kind == GATE_AUTH || kind == GATE_B2A
                                       || kind == GATE_TRUNC || kind == GATE_INJECT); a++) {
            memcpy(part, st->record[a][id], sizeof part);
            sum[0] += part[0];
            sum[1] += part[1];
        }
    }
    return sum[1] - alpha_of(st) * sum[0];
}

/* ---- every gate ---- */

static unsigned misfits(const struct scene *st, uint32_t v)
{
    unsigned bad = 0;
    wide alpha = alpha_of(st);
    for (size_t i = 0; i < st->program->value[v].n; i++) {
        for (unsigned plane = 0; plane < 8; plane += 2)
            for (unsigned a = 0; a < 3; a++)
                bad += st->value[a][v][(plane + 1) * st->program->value[v].n + i] !=
                       st->value[(a + 1) % 3][v][plane * st->program->value[v].n + i];
        bad += opened(st, v, MAC_TAG, i) != alpha * opened(st, v, MAC_VALUE, i);
    }
    return bad;
}

static int64_t affine_row(const struct scene *st, const struct gate *g, size_t r)
{
    const struct map *m = &st->program->map[g->shape];
    uint32_t split = st->program->value[g->in[0]].n;
    uint64_t sum = (uint64_t)m->constant[r];
    for (uint32_t k = m->row[r]; k < m->row[r + 1]; k++)
        sum += (uint64_t)m->coef[k] *
               (uint64_t)(m->col[k] < split ? opened(st, g->in[0], 0, m->col[k])
                                            : opened(st, g->in[1], 0, m->col[k] - split));
    return (int64_t)sum;
}

static int is_right(const struct scene *st, const struct gate *g, size_t i)
{
    uint64_t x = g->kind == GATE_B2A ? 0 : (uint64_t)opened(st, g->in[0], 0, i);
    uint64_t z = (uint64_t)opened(st, g->out, 0, g->first + i);
    switch (g->kind) {
    case GATE_AUTH: case GATE_RESHARE: return z == x;
    case GATE_MUL: return z == x * (uint64_t)opened(st, g->in[1], 0, i);
    case GATE_TRUNC: return z - (uint64_t)((int64_t)x >> g->shift) <= 1;
    case GATE_B2A: return z == bit_at(st, g->in[0], i);
    case GATE_INJECT: return z == (bit_at(st, g->in[1], i) ? x : 0);
    case GATE_AFFINE: return (int64_t)z == affine_row(st, g, i);
    default: return 1;
    }
}

static void honest(void (*make)(struct program *))
{
    struct program *p = build(make);
    struct scene st;
    struct verdict v;
    unsigned bad = 0, wrong = 0, values = 0;
    scene_init(&st, p, check_random(&state));
    scene_run(&st);
    for (uint32_t id = 0; id < st.gates; id++) {
        const struct gate *g = &p->gate[id];
        if (p->value[g->out].kind == VALUE_BITS)
            continue;
        for (size_t i = 0; i < g->n; i++)
            wrong += !is_right(&st, g, i);
        bad += p->value[g->out].kind == VALUE_SHARE ? misfits(&st, g->out) : 0;
        values++;
    }
    CHECK(values > 0);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(bad, 0);
    CHECK(check_value(&st) == 0);
    scene_verdict(&st, &syrep_source, &v);
    CHECK_EQ(v.wrong[0] + v.wrong[1] + v.wrong[2] + v.differ, 0);
    scene_free(&st);
    program_free(p);
}

static void all_gates_are_right(void)
{
    for (unsigned i = 0; i < ALL; i++)
        honest(all[i]);
}

/* ---- every message ---- */

enum { FLIP, ADD_ONE, ADD_TOP, CHANGES };

static void change(const struct cheat *c, uint8_t *message, size_t n)
{
    uint64_t word = 0;
    size_t at = c->place / 8 * 8, size = n - at < 8 ? n - at : 8;
    memcpy(&word, message + at, size);
    word = c->kind == FLIP ? word ^ (uint64_t)1 << (c->seed % (8 * size))
         : c->kind == ADD_ONE ? word + 1 : word + ((uint64_t)1 << (8 * size - 1));
    memcpy(message + at, &word, size);
}

/* Do all values have the low words, and all bits the contents, of the honest run? */
static int same_values(const struct scene *st, const struct scene *as)
{
    const struct program *p = st->program;
    for (uint32_t id = 0; id < st->gates; id++) {
        uint32_t v = p->gate[id].out;
        for (size_t i = 0; i < p->value[v].n; i++)
            if (p->value[v].kind == VALUE_BITS ? bit_at(st, v, i) != bit_at(as, v, i)
                : p->value[v].kind == VALUE_SHARE &&
                  (uint64_t)opened(st, v, 0, i) != (uint64_t)opened(as, v, 0, i))
                return 0;
    }
    return 1;
}

struct tally {
    unsigned caught, harmless;
};

static void attempt(const struct scene *as, const struct cheat *c, uint64_t seed, struct tally *t)
{
    struct scene st;
    struct verdict v;
    scene_init(&st, as->program, seed);
    st.cheat = c;
    scene_run(&st);
    scene_verdict(&st, &syrep_source, &v);
    int caught = v.wrong[c->from] > 0 || check_value(&st) != 0, same = same_values(&st, as);
    if (!caught && !same)
        fprintf(stderr, "gate %u (kind %u) step %u from %u to %u, change %u at %zu: unseen\n",
                c->gate, as->program->gate[c->gate].kind, c->step, c->from, c->to, c->kind,
                c->place);
    CHECK(caught || same);
    t->caught += caught;
    t->harmless += !caught;
    scene_free(&st);
}

static void attempts(const struct scene *as, uint32_t id, unsigned step, unsigned from,
                     unsigned to, uint64_t seed, struct tally *t)
{
    const struct gate *g = &as->program->gate[id];
    size_t n = gate_bytes(as->program->proto, g, step, from, to);
    for (unsigned kind = 0; n > 0 && kind < CHANGES; kind++)
        for (unsigned k = 0; k < 5; k++) {
            size_t place = k == 0 ? 0 : k == 1 ? n / 2 : k == 2 ? n - 1 : check_random(&state) % n;
            struct cheat c = { .gate = id, .step = step, .from = from, .to = to, .change = change,
                               .place = place, .kind = kind, .seed = check_random(&state) };
            attempt(as, &c, seed, t);
        }
}

/* What is added above a value is noticed unless alpha hides it, and does no harm. */
static void cheats(void (*make)(struct program *), unsigned least)
{
    struct program *p = build(make);
    struct scene as;
    struct tally t = { 0 };
    scene_init(&as, p, 99);
    scene_run(&as);
    for (uint32_t id = 0; id < as.gates; id++)
        for (unsigned step = 0; step < gate_steps(gate_ops(p->proto, &p->gate[id]), &p->gate[id]);
             step++)
            for (unsigned link = 0; link < 9; link++)
                attempts(&as, id, step, link / 3, link % 3, 99, &t);
    CHECK(t.caught >= least);
    CHECK(t.harmless <= t.caught / 5);
    scene_free(&as);
    program_free(p);
}

static void no_product_is_changed(void)
{
    cheats(products, 100);
}

static void no_truncation_is_changed(void)
{
    cheats(truncations, 400);
}

static void no_bit_is_changed(void)
{
    cheats(bits, 300);
}

static void no_convolution_is_changed(void)
{
    cheats(convolutions, 100);
}

/* ---- the check ---- */

/* A run of a program and its gate MACS, where `bad` changes bit 0 of a byte of its record of a
 * gate, or cheats: do the other two claim the same of each other? */
static int seeded_check_passes(const struct program *p, uint64_t seed, unsigned bad, uint32_t id,
                               size_t place, const struct cheat *cheat)
{
    struct scene st;
    struct claims claims[3];
    unsigned a = (bad + 1) % 3, b = (bad + 2) % 3;
    scene_init(&st, p, seed);
    st.cheat = cheat;
    scene_run(&st);
    if (place < MAC_RECORD)
        st.record[bad][id][place] ^= 1;
    for (uint32_t i = st.gates; i < p->ngate; i++)
        if (p->gate[i].kind == GATE_MACS)
            scene_claims(&st, i, claims);
    int same = memcmp(claims[a].tag[b], claims[b].tag[a], CLAIM_TAG) == 0;
    CHECK(claims[a].count[b] == 1 && claims[b].count[a] == 1);
    scene_free(&st);
    return same;
}

static int check_passes(const struct program *p, unsigned bad, uint32_t id, size_t place,
                        const struct cheat *cheat)
{
    return seeded_check_passes(p, 4711, bad, id, place, cheat);
}

static void flip_byte(const struct cheat *c, uint8_t *message, size_t n)
{
    message[c->place % n] ^= 0x10;
}

static void check_finds_errors(void)
{
    struct program *p = build(products);
    uint32_t macs = 0;
    while (p->gate[macs].kind != GATE_MACS)
        macs++;
    for (unsigned bad = 0; bad < 3; bad++) {
        CHECK(check_passes(p, bad, 0, MAC_RECORD, NULL));
        for (uint32_t id = 0; id < 4; id++)
            for (size_t place = 0; place < MAC_RECORD && id != 2; place += 5)     /* 2 is a MUL */
                CHECK(!check_passes(p, bad, id, place, NULL));
        for (unsigned k = 0; k < 10; k++) {
            struct cheat c = { .gate = macs, .step = k % 2, .from = bad, .to = (bad + 2) % 3,
                               .change = flip_byte, .place = k };
            CHECK(!check_passes(p, bad, 0, MAC_RECORD, &c));
        }
    }
    program_free(p);
}

static void flip_bit(const struct cheat *c, uint8_t *message, size_t n)
{
    CHECK(c->place / 8 < n);
    message[c->place / 8] ^= (uint8_t)(1u << c->place % 8);
}

/*
 * What stands above 2^64 of a value means nothing, and the check may miss an error there: one of
 * 2^(128-s) in a value is alpha rho 2^(128-s) of V, which is 0 if the valuations of alpha and rho
 * add up to s or more, with probability (s + 2) / 2^(s+1); one in a tag is rho 2^(128-s), 2^-s. So
 * counted in the last message of a truncation by 4 bits: the value and then the tag of K w, in 9
 * bytes each, as multiples of K = 2^60. What lies below 2^64 is never missed.
 */
static void high_bits_pass_as_derived(void)
{
    enum { SHIFT = 4, ZEROS = 64 - SHIFT, BYTES = 9, TRIALS = 600, WRAP = 3 };
    struct program *p = program_new(&protocol_syrep_mac);
    uint32_t trunc = 0;
    gate_trunc(p, product(p, 1), SHIFT);
    program_close(p);
    while (p->gate[trunc].kind != GATE_TRUNC)
        trunc++;
    CHECK_EQ(gate_bytes(p->proto, &p->gate[trunc], WRAP, 1, 2), 2 * BYTES);
    for (unsigned bit = 0; bit < 2 * 8 * BYTES; bit++) {
        struct cheat c = { .gate = trunc, .step = WRAP, .from = 1, .to = 2, .change = flip_bit,
                           .place = bit };
        int tag = bit >= 8 * BYTES, s = 128 - ZEROS - (int)(bit % (8 * BYTES));
        double rate = s <= 0 ? 1 : tag ? pow(2, -s) : (s + 2) * pow(2, -s - 1);
        unsigned missed = 0, trials = s <= 8 ? TRIALS : 3;
        for (unsigned i = 0; i < trials; i++)
            missed += (unsigned)seeded_check_passes(p, check_random(&state), 1, 0, MAC_RECORD, &c);
        double distance = fabs(missed - trials * rate);
        CHECK(s > 8 ? missed == 0 : distance <= 5 * sqrt(trials * rate * (1 - rate)) + 0.5);
        if (s == 3)
            printf("# 2^125 in a %s: missed %u of %u, derived %.1f\n", tag ? "tag" : "value",
                   missed, trials, trials * rate);
    }
    program_free(p);
}

/* ---- in the engine ---- */

/* Changes one byte of the message number `at` of a party. */
struct wire {
    unsigned from, at, seen, changed;
    uint64_t seed;
};

static int change_one(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct wire *w = ctx;
    (void)to;
    (void)now;
    if (from != w->from || m->n == 0 || w->seen++ != w->at)
        return 0;
    m->data[check_random(&w->seed) % m->n] ^= (uint8_t)(1u << (check_random(&w->seed) % 8));
    w->changed = 1;
    return 0;
}

/* One run of a product, its ReLU and a sign; 0, or which of the honest parties have no result. */
static unsigned cheated_run(struct wire *w, unsigned *wrong)
{
    enum { N = 70 };
    struct program *p = program_new(&protocol_syrep_mac);
    uint32_t x = program_external(p, VALUE_SHARE, N), a = gate_auth(p, x);
    uint32_t y = gate_relu(p, gate_mul(p, a, a), 4, 20);
    uint32_t z = gate_b2a(p, gate_sign(p, gate_reshare(p, gate_mul(p, y, a)), 30));
    uint64_t in[N], out[N];
    program_keep(p, z);
    program_close(p);
    struct trial t = { .program = p, .options = { .seed = 7, .ctx = w, .tamper = change_one } };
    for (int i = 0; i < N; i++)
        in[i] = (uint64_t)(i * 16 - 35 * 16);
    trial_input(&t, x, in, NULL);
    trial_run(&t);
    unsigned lost = 0;
    for (unsigned i = 0; i < 3; i++)
        if (i != w->from && (!t.party[i].done || t.party[i].err.code != 0))
            lost |= 1u << i;
    if (lost == 0 && trial_output(&t, z, out) == 0)
        for (int i = 0; i < N; i++)
            *wrong += out[i] != ((int64_t)in[i] < 0);
    trial_free(&t);
    program_free(p);
    return lost;
}

static void no_cheat_gets_a_wrong_result_out(void)
{
    unsigned aborted = 0, wrong = 0, changed = 0, one = 0;
    for (unsigned from = 0; from < 3; from++)
        for (unsigned at = 0; at < 1000; at++) {
            struct wire w = { .from = from, .at = at, .seed = check_random(&state) };
            unsigned lost = cheated_run(&w, &wrong);
            if (!w.changed)
                break;
            changed++;
            aborted += lost != 0;
            one += lost != 0 && lost != (7u & ~(1u << from));
        }
    printf("# %u messages changed, %u runs ended\n", changed, aborted);
    CHECK(changed > 100);
    CHECK(aborted >= changed * 9 / 10);
    CHECK_EQ(wrong, 0);
    CHECK(one <= 6);        /* the cheat's last word came wrong to one, which gives no piece */
}

/* ---- the check in Z_{2^16}: k = s = 8 ---- */

static unsigned draw(unsigned bits)
{
    return (unsigned)(check_random(&state) >> (64 - bits));
}

/* The best that can be done with one error: d = 2^7 and a guess of alpha. */
static void failures_are_as_rare_as_derived(void)
{
    enum { TRIALS = 1 << 20 };
    unsigned passed = 0;
    for (int i = 0; i < TRIALS; i++) {
        uint16_t alpha = (uint16_t)draw(8), rho = (uint16_t)draw(16);
        uint16_t f = (uint16_t)((37u << 7) - ((unsigned)alpha << 7));
        passed += (uint16_t)(rho * f) == 0;
    }
    double want = TRIALS * (8.0 / 1024 + 1.0 / 256);    /* s 2^-(s+2) + 2^-s */
    CHECK((double)passed < want * 1.03 && (double)passed > want * 0.97);
}

/* How often V = rho_1 d_1 + rho_2 d_1 y is 0 for the error d_1 = 2^15 (alpha odd), for both
 * lowest bits of y, among the coefficients that a cheat would wait for (even, odd) if it saw
 * them. */
static void abort_tells_nothing(void)
{
    enum { TRIALS = 1 << 20 };
    unsigned zero[2] = { 0 }, seen_zero[2] = { 0 }, seen[2] = { 0 };
    for (int i = 0; i < TRIALS; i++) {
        unsigned y = draw(16), r1 = draw(16), r2 = draw(16);
        int passes = (uint16_t)((r1 << 15) + (r2 << 15) * y) == 0;
        zero[y & 1] += passes;
        if ((r1 & 1) == 0 && (r2 & 1) == 1) {
            seen[y & 1]++;
            seen_zero[y & 1] += passes;
        }
    }
    double even = zero[0] / (TRIALS / 2.0), odd = zero[1] / (TRIALS / 2.0);
    CHECK(even > 0.49 && even < 0.51);
    CHECK(odd > 0.49 && odd < 0.51);
    CHECK_EQ(seen_zero[0], seen[0]);    /* the control: public coefficients tell the bit */
    CHECK_EQ(seen_zero[1], 0);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(all_gates_are_right);
    CASE(no_product_is_changed);
    CASE(no_truncation_is_changed);
    CASE(no_bit_is_changed);
    CASE(no_convolution_is_changed);
    CASE(check_finds_errors);
    CASE(high_bits_pass_as_derived);
    CASE(no_cheat_gets_a_wrong_result_out);
    CASE(failures_are_as_rare_as_derived);
    CASE(abort_tells_nothing);
    return check_done();
}
