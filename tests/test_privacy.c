/*
 * test_privacy.c: what one corrupted party sees does not depend on the secrets.
 *
 * For every gate and every party: the party's own randomness (its keys, its shares of the inputs)
 * is fixed once; only the keys that it does not hold vary from run to run. Over many runs with
 * input a and as many with input b, every received word, and every pair of received words, must
 * be distributed alike: two-sample chi-square tests on nibbles, single and joint, with a threshold
 * far out in the tail for the number of tests made. Controls with one mask left out must fail.
 *
 * In malicious settings the same must hold when the party sends whatever it likes: it changes
 * every word of every message of it.
 */
#include "tests/check.h"
#include "tests/lockstep.h"
#include "proto/mac_statements.h"
#include "tests/trial.h"

#include <inttypes.h>
#include <math.h>

enum { RUNS = 3000, WORDS = 96, NIBBLES = 4 };

static uint64_t state = 777;
static const struct protocol *proto = &protocol_replicated;
static int runs = RUNS;

/* ---- one observed gate ---- */

struct sight {
    unsigned words;
    uint64_t word[WORDS];
};

struct experiment {
    struct program *program;
    uint32_t id;
    const struct gate_ops *replaced;
    unsigned observer;
    int bits;                       /* operands are bits */
    int cheats;                     /* the observer changes what it sends */
    uint64_t fixed_key;             /* seeds for what the observer knows */
};

/* Keys: pair (a, b) known to the observer iff it is one of the two. */
static void keys_make(const struct experiment *x, struct keys keys[3])
{
    for (unsigned a = 0; a < 3; a++) {
        unsigned b = (a + 1) % 3;
        uint64_t s = a == x->observer || b == x->observer ? x->fixed_key + a : state;
        uint8_t key[PRF_KEY];
        for (int i = 0; i < PRF_KEY; i++)
            key[i] = (uint8_t)check_random(&s);
        if (a != x->observer && b != x->observer)
            state = s;
        prf_init(&keys[a].pair[b], key);
        prf_init(&keys[b].pair[a], key);
    }
}

/* Three shares of `value`: the observer's two are fixed, the third makes the value. */
static void shares(const struct experiment *x, uint64_t salt, uint64_t value, uint64_t share[3])
{
    uint64_t s = x->fixed_key + salt;
    unsigned third = (x->observer + 2) % 3;
    for (unsigned j = 0; j < 3; j++)
        share[j] = check_random(&s);
    uint64_t a = share[(third + 1) % 3], b = share[(third + 2) % 3];
    share[third] = x->bits ? value ^ a ^ b : value - a - b;
}

/* Words of shares of two words, of a pair or a sum of pairs: x_p, x_{p+1} and the same of alpha x. */
static void put_pair(uint64_t *words, const wide x[3], const wide tag[3], const wide one[3],
                     unsigned p, int sum)
{
    unsigned q = (p + 1) % 3;
    const wide *items[] = { x, tag };
    for (unsigned item = 0; item < 2; item++) {
        wide part = mac_part(items[item][p], items[item][q], one[p], one[q]);
        wide own = sum ? part : items[item][p];
        uint64_t *at = words + (sum ? 2 : 4) * item;
        at[0] = (uint64_t)own;
        at[sum ? 1 : 2] = (uint64_t)(own >> 64);
        if (sum)
            continue;
        at[1] = (uint64_t)items[item][q];
        at[3] = (uint64_t)(items[item][q] >> 64);
    }
}

/* The third share completes `value`; the others are the observer's. */
static void wide_shares(const struct experiment *x, uint64_t salt, wide value, wide share[3])
{
    uint64_t s = x->fixed_key + salt;
    unsigned third = (x->observer + 2) % 3;
    share[third] = value;
    for (unsigned j = 0; j < 3; j++) {
        wide word = (wide)check_random(&s) << 64;
        word |= check_random(&s);
        if (j == third)
            continue;
        share[j] = word;
        share[third] -= word;
    }
}

/* An operand of a protocol with tags. */
static void operand_pair(const struct experiment *x, struct lockstep *l, int k, uint64_t value)
{
    const struct value *v = &x->program->value[x->program->gate[x->id].in[k]];
    wide share[3], tag[3], one[3], alpha = 0, word = (wide)(__int128)(int64_t)value;
    for (unsigned p = 0; p < 3; p++) {
        uint64_t part;
        prf_again(&l->keys[p]->pair[(p + 1) % 3], UINT32_MAX, USE_MAC_KEY, 0, &part, 8);
        alpha += part;
    }
    wide_shares(x, 300 + (uint64_t)k, word, share);
    wide_shares(x, 400 + (uint64_t)k, alpha * word, tag);
    wide_shares(x, 500, 1, one);
    for (unsigned p = 0; p < 3; p++) {
        l->x[p][k] = calloc(v->words + 8, 8);
        put_pair(l->x[p][k], share, tag, one, p, v->kind == VALUE_SUM);
    }
}

/* A one-element operand; a SUM is the product of the value with a shared 1, as it comes out of
 * the protocol, so that nothing but the gate's own masks protects it. */
static void operand(const struct experiment *x, struct lockstep *l, int k, uint64_t value)
{
    const struct gate *g = &x->program->gate[x->id];
    const struct value *v = &x->program->value[g->in[k]];
    uint64_t share[3], one[3];
    if (proto->wide > 0 && v->kind != VALUE_BITS) {
        operand_pair(x, l, k, value);
        return;
    }
    shares(x, 100 + (uint64_t)k, value, share);
    shares(x, 200, 1, one);
    if (v->kind == VALUE_BITS && !x->bits)
        share[0] |= 1;          /* so that a product by it shows the other factor */
    for (unsigned p = 0; p < 3; p++) {
        unsigned q = (p + 1) % 3;
        l->x[p][k] = calloc(v->words + 8, 8);
        l->x[p][k][0] = v->kind != VALUE_SUM ? share[p]
                      : share[p] * (one[p] + one[q]) + share[q] * one[p];
        if (v->kind != VALUE_SUM)
            l->x[p][k][1] = share[q];
    }
}

/* Adds words to what the observer sends: any, the same in all runs. */
static void spoil(struct lockstep *l, unsigned party, unsigned step)
{
    const struct experiment *x = l->ctx;
    uint64_t s = x->fixed_key + 1000 + step;
    for (unsigned to = 0; to < 3 && party == x->observer; to++)
        for (size_t b = 0; b < l->bytes[step][party][to]; b++)
            l->message[step][party][to][b] += (uint8_t)check_random(&s);
}

static void observe(const struct experiment *x, uint64_t value, struct sight *out)
{
    struct keys keys[3];
    struct lockstep l = { .program = x->program, .id = x->id, .replaced = x->replaced };
    const struct gate *g = &x->program->gate[x->id];
    memset(keys, 0, sizeof keys);
    keys_make(x, keys);
    l.ctx = (void *)(uintptr_t)x;
    l.stepped = x->cheats ? spoil : NULL;
    for (unsigned p = 0; p < 3; p++)
        l.keys[p] = &keys[p];
    for (int k = 0; k < 2; k++)
        if (g->in[k] != NO_VALUE)
            operand(x, &l, k, value);
    lockstep_run(&l);
    out->words = 0;
    for (unsigned s = 0; s < l.steps; s++)
        for (unsigned from = 0; from < 3; from++)
            for (size_t b = 0; b < l.bytes[s][from][x->observer] && out->words < WORDS; b += 8) {
                size_t n = l.bytes[s][from][x->observer] - b;
                uint64_t w = 0;
                memcpy(&w, l.message[s][from][x->observer] + b, n < 8 ? n : 8);
                out->word[out->words++] = w;
            }
    for (unsigned p = 0; p < 3; p++)
        for (int k = 0; k < 2; k++)
            free(l.x[p][k]);
    lockstep_clear(&l);
    for (unsigned p = 0; p < 3; p++)
        for (unsigned q = 0; q < 3; q++)
            if (p != q)
                prf_fini(&keys[p].pair[q]);
}

/* ---- the test ---- */

/* Two-sample chi-square of counts a, b over cells, as a distance in standard deviations. */
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

/* Nibbles that are looked at: the lowest, the top one, and two that truncation by 14 bits brings
 * to the same place. */
static unsigned nibble(uint64_t w, int which)
{
    static const unsigned at[NIBBLES] = { 0, 14, 30, 60 };
    return (unsigned)(w >> at[which]) & 15;
}

static double worst_distance(const struct sight *a, const struct sight *b)
{
    double worst = 0;
    for (unsigned i = 0; i < a[0].words; i++)
        for (unsigned j = i; j < a[0].words; j++)
            for (int k = 0; k < NIBBLES * NIBBLES; k++) {
                uint32_t ha[256] = { 0 }, hb[256] = { 0 };
                for (int r = 0; r < runs; r++) {
                    ha[nibble(a[r].word[i], k / NIBBLES) * 16 + nibble(a[r].word[j], k % NIBBLES)]++;
                    hb[nibble(b[r].word[i], k / NIBBLES) * 16 + nibble(b[r].word[j], k % NIBBLES)]++;
                }
                double d = distance(ha, hb, 256);
                worst = d > worst ? d : worst;
            }
    return worst;
}

/* The largest distance over the observers, inputs a and b. */
static double experiment(struct program *p, uint32_t id, const struct gate_ops *replaced, int bits,
                         int cheats, uint64_t a, uint64_t b)
{
    static struct sight va[RUNS], vb[RUNS];
    double worst = 0;
    for (unsigned observer = 0; observer < 3; observer++) {
        struct experiment x = { .program = p, .id = id, .replaced = replaced, .bits = bits,
                                .cheats = cheats, .observer = observer,
                                .fixed_key = check_random(&state) };
        for (int r = 0; r < runs; r++) {
            observe(&x, a, &va[r]);
            observe(&x, b, &vb[r]);
            CHECK_EQ(va[r].words, vb[r].words);
        }
        double d = worst_distance(va, vb);
        worst = d > worst ? d : worst;
    }
    return worst;
}

static const double limit = 9;      /* standard deviations; some 10^5 tests are made */

static double gate_experiment(enum gate_kind kind, const struct gate_ops *replaced, int cheats)
{
    struct program *p = program_new(proto);
    int bits = kind == GATE_AND || kind == GATE_B2A;
    enum value_kind reads = bits ? VALUE_BITS
                          : kind == GATE_SIGN || kind == GATE_INJECT || kind == GATE_AUTH
                          ? VALUE_SHARE : VALUE_SUM;
    uint32_t x = program_external(p, reads, 1), y = program_external(p, VALUE_BITS, 1);
    switch (kind) {
    case GATE_RESHARE: gate_reshare(p, x); break;
    case GATE_TRUNC: gate_trunc(p, x, 14); break;
    case GATE_RELU: gate_relu(p, x, 14, 8); break;
    case GATE_SIGN: gate_sign(p, x, 40); break;
    case GATE_AND: gate_and(p, x, y); break;
    case GATE_INJECT: gate_inject_into(p, x, y, program_value(p, VALUE_SHARE, 1), 0); break;
    case GATE_AUTH: gate_auth(p, x); break;
    default: gate_b2a(p, x);
    }
    CHECK_EQ(program_check(p, NULL), 0);
    double d = bits ? experiment(p, 0, replaced, 1, cheats, 0, 1)
                    : experiment(p, 0, replaced, 0, cheats, 5 << 14, (uint64_t)-7 << 14);
    program_free(p);
    return d;
}

static void views(int cheats)
{
    static const struct { enum gate_kind kind; const char *name; } gates[] = {
        { GATE_RESHARE, "reshare" }, { GATE_TRUNC, "trunc" }, { GATE_RELU, "relu" },
        { GATE_SIGN, "sign" }, { GATE_AND, "and" }, { GATE_B2A, "b2a" },
        { GATE_INJECT, "inject" }, { GATE_AUTH, "auth" },
    };
    for (int i = 0; i < 8; i++) {
        if (proto->gate[gates[i].kind] == NULL)
            continue;
        double d = gate_experiment(gates[i].kind, NULL, cheats);
        printf("# %-8s largest distance %.1f (allowed %.0f)\n", gates[i].name, d, limit);
        CHECK(d < limit);
    }
}

static void views_are_alike(void)
{
    views(0);
}

static void views_of_cheats_are_alike(void)
{
    views(1);
}

/* ---- controls: one mask left out ---- */

static const struct gate_ops *original;

/* A mask of the dealer's message to role 2: of the item at `byte` that round `round` sends. */
struct mask {
    const char *name;
    enum gate_kind kind;
    unsigned round, use, byte, block;
    int bits;                   /* the item is a plane */
};

static struct mask off;

/* Runs the real round, then takes one mask off: the item is replaced by itself plus F(k_1, use), as
 * if the mask had not been drawn. */
static void unmask(struct step *s)
{
    original->rounds[off.round].run(s);
    if (s->role != 0 || s->out[2] == NULL)
        return;
    uint64_t mask, item;
    prf_again(&s->keys->pair[(1u + s->gate->turn) % 3], s->id, off.use, off.block, &mask, 8);
    memcpy(&item, s->out[2] + off.byte, 8);
    item = off.bits ? item ^ mask : item + mask;
    memcpy(s->out[2] + off.byte, &item, 8);
}

static void control(struct mask mask)
{
    struct round rounds[8];
    off = mask;
    original = proto->gate[mask.kind];
    memcpy(rounds, original->rounds, original->nround * sizeof *rounds);
    rounds[mask.round].run = unmask;
    struct gate_ops broken = *original;
    broken.rounds = rounds;
    double d = gate_experiment(mask.kind, &broken, 0);
    printf("# without the mask of %s: %.1f\n", mask.name, d);
    CHECK(d > limit);
}

/* A product sent without its zero sharing. */
static void reshare_bare(struct step *s)
{
    memcpy(s->z, s->x[0], s->gate->n * sizeof *s->z);
    memcpy(s->out[(s->role + 2) % 3], s->z, s->gate->n * sizeof *s->z);
}

static void missing_masks_are_seen(void)
{
    control((struct mask){ "trunc's part", GATE_TRUNC, 0, USE_PART, 0, 0, 0 });
    control((struct mask){ "relu's part", GATE_RELU, 0, USE_PART, 0, 0, 0 });
    struct round rounds[2];
    memcpy(rounds, proto->gate[GATE_RESHARE]->rounds, sizeof rounds);
    rounds[0].run = reshare_bare;
    struct gate_ops broken = *proto->gate[GATE_RESHARE];
    broken.rounds = rounds;
    double d = gate_experiment(GATE_RESHARE, &broken, 0);
    printf("# reshare without the zero sharing: %.1f\n", d);
    CHECK(d > limit);
}

/* n = 1: a plane is a word; planes of the chain follow the part and the wrap. A carry that tells
 * the inputs apart is one of a bit above those that both have as zeros. */
static void masks_of_the_proved_are_seen(void)
{
    enum { CARRY = 16 };
    control((struct mask){ "trunc's part", GATE_TRUNC, 1, USE_PART, 0, 0, 0 });
    control((struct mask){ "trunc's carry", GATE_TRUNC, 1, USE_CHAIN, 16 + 8 * CARRY, CARRY, 1 });
    control((struct mask){ "relu's part", GATE_RELU, 1, USE_PART, 0, 0, 0 });
    control((struct mask){ "relu's carry", GATE_RELU, 1, USE_CHAIN, 16 + 8 * CARRY, CARRY, 1 });
    control((struct mask){ "sign's carry", GATE_SIGN, 0, USE_CHAIN, 8 * 17, 17, 1 });
    control((struct mask){ "b2a's beta", GATE_B2A, 0, USE_COIN, 0, 0, 0 });
}

/* A value sent without its zero sharing. */
static void pair_bare(struct step *s)
{
    wide part;
    original->rounds[0].run(s);
    mac_load(&part, s->x[0], s->stride[0], 1);
    memcpy(s->out[(s->role + 2) % 3], &part, sizeof part);
}

static void masks_of_the_pairs_are_seen(void)
{
    enum { CARRY = 16 };
    struct round rounds[2];
    control((struct mask){ "trunc's carry", GATE_TRUNC, 1, USE_CHAIN, 16 + 8 * CARRY, CARRY, 1 });
    control((struct mask){ "inject's product", GATE_INJECT, 0, USE_MAC_BIT, 0, 0, 0 });
    original = proto->gate[GATE_RESHARE];
    memcpy(rounds, original->rounds, sizeof rounds);
    rounds[0].run = pair_bare;
    struct gate_ops broken = *original;
    broken.rounds = rounds;
    double d = gate_experiment(GATE_RESHARE, &broken, 0);
    printf("# reshare without the zero sharing: %.1f\n", d);
    CHECK(d > limit);
}

/* ---- every byte that leaves was written by the gate ---- */

static void lockstep_random(struct lockstep *l, struct keys keys[3], uint64_t seed)
{
    const struct gate *g = &l->program->gate[l->id];
    memset(keys, 0, 3 * sizeof *keys);
    for (unsigned a = 0; a < 3; a++) {
        uint8_t key[PRF_KEY];
        for (int i = 0; i < PRF_KEY; i++)
            key[i] = (uint8_t)check_random(&seed);
        prf_init(&keys[a].pair[(a + 1) % 3], key);
        prf_init(&keys[(a + 1) % 3].pair[a], key);
        l->keys[a] = &keys[a];
        for (int k = 0; k < 2 && g->in[k] != NO_VALUE; k++) {
            size_t words = l->program->value[g->in[k]].words;
            l->x[a][k] = calloc(words + 8, 8);
            for (size_t i = 0; i < words; i++)
                l->x[a][k][i] = check_random(&seed);
        }
    }
}

/* The same gate on the same inputs in memory that was full of zeros, and of ones. */
static unsigned differing_messages(struct program *p)
{
    struct lockstep l[2] = { { .program = p }, { .program = p, .fill = 0xff } };
    unsigned differ = 0;
    for (int i = 0; i < 2; i++) {
        struct keys keys[3];
        lockstep_random(&l[i], keys, 4711);
        lockstep_run(&l[i]);
        for (unsigned a = 0; a < 3; a++)
            for (unsigned b = 0; b < 3; b++)
                if (a != b)
                    prf_fini(&keys[a].pair[b]);
    }
    for (unsigned s = 0; s < l[0].steps; s++)
        for (unsigned a = 0; a < 3; a++)
            for (unsigned b = 0; b < 3; b++)
                differ += l[0].bytes[s][a][b] > 0 &&
                          memcmp(l[0].message[s][a][b], l[1].message[s][a][b],
                                 l[0].bytes[s][a][b]) != 0;
    for (int i = 0; i < 2; i++) {
        for (unsigned a = 0; a < 3; a++)
            for (int k = 0; k < 2; k++)
                free(l[i].x[a][k]);
        lockstep_clear(&l[i]);
    }
    return differ;
}

static void no_old_memory_leaves(void)
{
    static const uint32_t sizes[] = { 1, 2, 3, 5, 63, 65, 130, 511, 513, 700 };
    for (int i = 0; i < 10; i++)
        for (int kind = 0; kind < 8; kind++) {
            struct program *p = program_new(proto);
            uint32_t n = sizes[i], sum = program_external(p, VALUE_SUM, n);
            uint32_t share = program_external(p, VALUE_SHARE, n);
            uint32_t bits = program_external(p, VALUE_BITS, n);
            switch (kind) {
            case 0: gate_reshare(p, sum); break;
            case 1: gate_trunc(p, sum, 14); break;
            case 2: gate_trunc(p, sum, 20); break;
            case 3: gate_relu(p, sum, 14, 18); break;
            case 4: gate_relu(p, share, 0, 40); break;
            case 5: gate_sign(p, share, 27); break;
            case 6: gate_and(p, bits, bits); break;
            default: gate_b2a(p, bits);
            }
            CHECK_EQ(differing_messages(p), 0);
            program_free(p);
        }
}

/* ---- whole runs: lengths and order ---- */

struct trace {
    uint64_t hash;
    unsigned messages;
};

static void see(void *ctx, unsigned from, unsigned to, const struct message *m, uint64_t now)
{
    struct trace *t = ctx;
    const uint64_t field[] = { from, to, m->type, m->stream, m->seq, m->n, m->depth, now };
    for (unsigned i = 0; i < 8; i++)
        t->hash = (t->hash ^ field[i]) * 0x100000001b3u;
    t->messages++;
}

static struct trace transcript(int64_t value)
{
    struct trace trace = { 1, 0 };
    struct program *p = program_new(proto);
    uint32_t x = program_external(p, VALUE_SHARE, 200);
    uint32_t a = gate_auth(p, x), y = gate_relu(p, gate_mul(p, a, a), 14, 30);
    program_keep(p, gate_reshare(p, gate_mul(p, gate_relu(p, a, 0, 40), y)));
    program_close(p);
    struct trial t = { .program = p, .options = { .seed = 3, .latency_ns = 1000, .jitter_ns = 500,
                       .bits_per_second = 1000000, .ctx = &trace, .see = see } };
    uint64_t in[200];
    for (int i = 0; i < 200; i++)
        in[i] = (uint64_t)(value * i);
    trial_input(&t, x, in, NULL);
    CHECK_EQ(trial_run(&t), 0);
    trial_free(&t);
    program_free(p);
    return trace;
}

static void lengths_and_order_are_public(void)
{
    struct trace a = transcript(0), b = transcript(-731), c = transcript(4000);
    CHECK(a.messages > 20);
    CHECK(a.hash == b.hash && b.hash == c.hash);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(views_are_alike);
    CASE(missing_masks_are_seen);
    CASE(no_old_memory_leaves);
    CASE(lengths_and_order_are_public);
    proto = &protocol_syrep;
    runs = RUNS / 3;                /* many more words */
    printf("# %s\n", proto->name);
    CASE(views_are_alike);
    CASE(views_of_cheats_are_alike);
    CASE(masks_of_the_proved_are_seen);
    CASE(no_old_memory_leaves);
    CASE(lengths_and_order_are_public);
    proto = &protocol_syrep_mac;
    printf("# %s\n", proto->name);
    CASE(views_are_alike);
    CASE(views_of_cheats_are_alike);
    CASE(masks_of_the_pairs_are_seen);
    CASE(no_old_memory_leaves);
    CASE(lengths_and_order_are_public);
    return check_done();
}
