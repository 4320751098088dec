/*
 * test_semi2k_deal.c: deals of gates, by straight rows and by silent extensions, from what the two
 * parties hold afterwards: whatever is taken is what its choice names of what is given, triples
 * multiply, choices and pads look random, and no word of a message is there twice.
 */
#include "tests/chain.h"
#include "tests/check.h"
#include "tests/sharings.h"

#include "proto/rlwe.h"
#include "proto/semi2k.h"

static uint64_t state = 2026;
static struct chain chain;
static struct keys keys[LINK_PARTIES];

/* What a deal is for. */
struct job {
    const struct protocol *proto;
    unsigned kind;                  /* RELU, AND or MUL */
    uint32_t n;
    uint8_t turn;
    uint32_t message;               /* of trees: a bit of it flips; 0: none does */
};

/* ---- running ---- */

static void job_gate(struct program *p, const struct job *j)
{
    enum value_kind kind = j->kind == GATE_AND ? VALUE_BITS : j->kind == GATE_MUL ? VALUE_SHARE
                         : VALUE_SUM;
    uint32_t x = program_external(p, kind, j->n), y = program_external(p, kind, j->n);
    p->turn = j->turn;
    if (j->kind == GATE_AND)
        gate_and(p, x, y);
    else if (j->kind == GATE_MUL)
        gate_mul(p, x, y);
    else
        gate_relu(p, x, 12, 18);
}

static void flip_bit(struct chain *c, struct chain_message *m)
{
    const struct job *j = c->ctx;
    if (j->message != 0 && c->program->gate[m->gate].kind == GATE_DEAL && m->step == 1)
        m->data[j->message % m->n] ^= 4;
}

static struct program *job_run(const struct job *j)
{
    struct eye nobody = { NOBODY, 1, state };
    struct program *p = program_new(j->proto);
    job_gate(p, j);
    CHECK_EQ(program_check(p, NULL), 0);
    memset(&chain, 0, sizeof chain);
    chain = (struct chain){ .program = p, .keys = keys, .sent = flip_bit, .ctx = (void *)j,
                            .fill = 0x5a };
    sharing_keys(j->proto, &nobody, keys);
    for (uint32_t v = 0; v < 2; v++)
        for (unsigned party = 0; party < 2; party++) {
            chain.value[party][v] = calloc(p->value[v].words, 8);
            for (size_t i = 0; i < p->value[v].words; i++)
                chain.value[party][v][i] = check_random(&nobody.rest);
        }
    CHECK_EQ(chain_run(&chain), 0);
    state = nobody.rest;
    return p;
}

static void job_end(const struct job *j, struct program *p)
{
    for (uint32_t v = 0; v < 2; v++)
        for (unsigned party = 0; party < 2; party++)
            free(chain.value[party][v]);
    chain_clear(&chain);
    sharing_keys_end(j->proto, keys);
    program_free(p);
}

static uint32_t deal_gate(const struct program *p)
{
    uint32_t g = 0;
    while (p->gate[g].kind != GATE_DEAL)
        g++;
    return g;
}

/* ---- judging ---- */

static unsigned bit(const uint64_t *plane, size_t i)
{
    return plane[i / 64] >> i % 64 & 1;
}

/* Broken and biased things of a deal. */
struct verdict {
    size_t broken, ones, bits, same;
};

static void judge_words(struct verdict *v, const uint64_t *give, const uint64_t *take,
                        const struct deal *g, const struct deal *t, unsigned words, size_t n)
{
    for (unsigned j = 0; j < words; j++)
        for (size_t i = 0; i < n; i++) {
            const uint64_t *pad = give + g->give_words + 2 * j * 64 * g->plane + i;
            unsigned c = bit(take + t->take_choices + j * t->plane, i);
            v->broken += take[t->take_words + j * 64 * t->plane + i] != pad[c * 64 * g->plane];
            v->same += pad[0] == pad[64 * g->plane];
            v->ones += c;
            v->bits++;
        }
}

static void judge_tables(struct verdict *v, const uint64_t *give, const uint64_t *take,
                         const struct deal *g, const struct deal *t, size_t n)
{
    size_t at = 0, own = 0, digit = 0, plane = g->plane;
    for (unsigned b = 0; b < g->need.blocks.count; b++) {
        unsigned k = g->need.blocks.bits[b], entry = b == 0 ? 1 : 2;
        for (size_t i = 0; i < n; i++) {
            unsigned e = 0;
            for (unsigned d = 0; d < k; d++) {
                unsigned c = bit(take + t->take_digits + (digit + d) * plane, i);
                e |= c << d;
                v->ones += c;
                v->bits++;
            }
            for (unsigned w = 0; w < entry; w++)
                v->broken += bit(take + t->take_tables + (own + w) * plane, i) !=
                             bit(give + g->give_tables + (at + e * entry + w) * plane, i);
        }
        at += (size_t)entry << k;
        own += entry;
        digit += k;
    }
}

static void judge_triples(struct verdict *v, const uint64_t *x, const uint64_t *y,
                          const struct deal *d, const struct deal *o, size_t n)
{
    for (unsigned j = 0; j < d->need.triples; j++)
        for (size_t i = 0; i < n; i++) {
            unsigned clear[3];
            for (unsigned k = 0; k < 3; k++)
                clear[k] = bit(x + d->triples + (3 * j + k) * d->plane, i) ^
                           bit(y + o->triples + (3 * j + k) * o->plane, i);
            v->broken += (clear[0] & clear[1]) != clear[2];
            for (unsigned k = 0; k < 2; k++, v->bits += 2)
                v->ones += bit(x + d->triples + (3 * j + k) * d->plane, i) +
                           bit(y + o->triples + (3 * j + k) * o->plane, i);
        }
}

static struct verdict judge(const struct program *p, const struct job *j)
{
    const struct gate *g = &p->gate[deal_gate(p)];
    struct need need = semi2k_need(g->shape, g->shift, g->width);
    struct verdict v = { 0 };
    const uint64_t *part[2];
    struct deal d[2];
    for (unsigned r = 0; r < 2; r++) {
        part[r] = chain.value[gate_party(j->proto, g, r)][g->out];
        d[r] = semi2k_deal_at(&need, g->in_first, r);
    }
    for (unsigned r = 0; r < 2; r++)
        judge_words(&v, part[r], part[1 - r], &d[r], &d[1 - r], need.words[r], j->n);
    judge_tables(&v, part[0], part[1], &d[0], &d[1], j->n);
    judge_triples(&v, part[0], part[1], &d[0], &d[1], j->n);
    return v;
}

static void looks_dealt(const struct verdict *v)
{
    double half = (double)v->bits / 2, six = 6 * __builtin_sqrt((double)v->bits / 4);
    CHECK_EQ(v->broken, 0);
    CHECK_EQ(v->same, 0);
    CHECK(v->bits > 0 && (double)v->ones > half - six && (double)v->ones < half + six);
}

/* ---- messages ---- */

static int block_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ot_block));
}

/* Blocks that are in the deal's messages of a step more than once. */
static size_t repeated(uint32_t gate, unsigned step)
{
    size_t n = 0, again = 0;
    for (unsigned i = 0; i < chain.messages; i++)
        n += chain.message[i].gate == gate && chain.message[i].step == step
                 ? chain.message[i].n / sizeof(struct ot_block) : 0;
    struct ot_block *all = malloc((n + 1) * sizeof *all), *at = all;
    for (unsigned i = 0; i < chain.messages; i++)
        if (chain.message[i].gate == gate && chain.message[i].step == step) {
            memcpy(at, chain.message[i].data, chain.message[i].n);
            at += chain.message[i].n / sizeof *at;
        }
    qsort(all, n, sizeof *all, block_order);
    for (size_t i = 1; i < n; i++)
        again += block_order(&all[i - 1], &all[i]) == 0;
    free(all);
    return again;
}

static size_t bytes_of(uint32_t gate)
{
    size_t n = 0;
    for (unsigned i = 0; i < chain.messages; i++)
        n += chain.message[i].gate == gate ? chain.message[i].n : 0;
    return n;
}

/* A deal of both settings, whose silent form has so many messages and at most so many bytes for
 * one byte of the other. */
static void both_settings(struct job j, unsigned messages, double ratio)
{
    size_t bytes[2];
    for (unsigned silent = 0; silent < 2; silent++) {
        j.proto = silent ? &protocol_semi2k_silent : &protocol_semi2k;
        struct program *p = job_run(&j);
        struct verdict v = judge(p, &j);
        uint32_t gate = deal_gate(p);
        unsigned sent = 0;
        looks_dealt(&v);
        for (unsigned step = 0; silent && step < 2; step++)
            CHECK_EQ(repeated(gate, step), 0);
        bytes[silent] = bytes_of(gate);
        for (unsigned i = 0; i < chain.messages; i++)
            sent += chain.message[i].gate == gate;
        CHECK_EQ(sent, silent ? messages : 2);
        job_end(&j, p);
    }
    printf("# %u elements: %zu and %zu bytes\n", j.n, bytes[0], bytes[1]);
    CHECK((double)bytes[1] <= ratio * (double)bytes[0]);
}

static void small_deals(void)
{
    both_settings((struct job){ .kind = GATE_RELU, .n = 131, .turn = 0 }, 2, 1);
    both_settings((struct job){ .kind = GATE_MUL, .n = 64, .turn = 1 }, 2, 1);
    both_settings((struct job){ .kind = GATE_AND, .n = 20000, .turn = 1 }, 2, 1);
}

/* One direction silent, the other straight; both; an end that is no whole tree. */
static void deals_of_one_extension(void)
{
    both_settings((struct job){ .kind = GATE_RELU, .n = 2500, .turn = 1 }, 3, 0.9);
    both_settings((struct job){ .kind = GATE_AND, .n = 40001, .turn = 0 }, 4, 0.85);
    both_settings((struct job){ .kind = GATE_RELU, .n = 12345, .turn = 0 }, 4, 0.55);
    both_settings((struct job){ .kind = GATE_MUL, .n = 4000, .turn = 1 }, 4, 0.37);
}

/* More rows than the largest set has. */
static void deals_of_two_extensions(void)
{
    both_settings((struct job){ .kind = GATE_RELU, .n = 330000, .turn = 1 }, 4, 0.1);
}

/* ---- where party 1 holds the model ---- */

static int all_zeros(const uint64_t *x, size_t n)
{
    uint64_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= x[i];
    return any == 0;
}

/* Transfers go both ways as ever; keys of ring-LWE are party 0's, and party 1 has the public one. */
static void keys_of_one_party(void)
{
    struct job j = { .proto = &protocol_semi2k_owner, .kind = GATE_RELU, .n = 131 };
    struct program *p = job_run(&j);
    struct verdict v = judge(p, &j);
    struct setup_at at = semi2k_setup_at();
    uint32_t setup = p->gate[0].out;
    looks_dealt(&v);
    CHECK_EQ(p->gate[0].kind, GATE_SETUP);
    for (unsigned i = 0; i < chain.messages; i++) {
        const struct chain_message *m = &chain.message[i];
        if (m->gate == 0 && m->step == 0)
            CHECK_EQ(m->n, OT_OFFER + (m->from == 0 ? RLWE_CIPHER_BYTES : 0));
    }
    for (unsigned party = 0; party < 2; party++) {
        const uint64_t *z = chain.value[party][setup];
        CHECK_EQ(all_zeros(z + at.secret, at.public - at.secret), party == 1);
        CHECK_EQ(all_zeros(z + at.public, at.end - at.public), party == 0);
    }
    job_end(&j, p);
}

/* ---- the choice of sets ---- */

static void cheapest_rows(void)
{
    size_t before = 0;
    for (size_t n = 128; n < 40000000; n += n / 7 / 128 * 128 + 128) {
        struct rows r = semi2k_rows(n, 1), straight = semi2k_rows(n, 0);
        size_t bytes = semi2k_rows_asked(&r) + semi2k_rows_told(&r);
        CHECK(straight.set == NULL && semi2k_rows_told(&straight) == 0);
        CHECK_EQ(semi2k_rows_asked(&straight), n * 31 / 8);
        CHECK(bytes <= n * 31 / 8);
        CHECK(bytes >= before);
        before = bytes;
        if (r.set == NULL)
            continue;
        size_t full = (size_t)r.set->trees << r.set->depth, times = (n + full - 1) / full;
        CHECK(r.trees << r.set->depth >= n && (r.trees - 1) << r.set->depth < n);
        CHECK_EQ(r.input, times * r.set->k + r.trees * r.set->depth);
    }
    CHECK(before < 40000000 / 3);
}

/* ---- control ---- */

static void wrong_trees_are_seen(void)
{
    struct job j = { &protocol_semi2k_silent, GATE_AND, 40000, 0, 1234 };
    struct program *p = job_run(&j);
    struct verdict v = judge(p, &j);
    printf("# with a wrong bit in each message of trees: %zu of %u triples broken\n", v.broken,
           j.n);
    CHECK(v.broken > 20);
    job_end(&j, p);
}

int main(void)
{
    CASE(cheapest_rows);
    CASE(small_deals);
    CASE(deals_of_one_extension);
    CASE(deals_of_two_extensions);
    CASE(keys_of_one_party);
    CASE(wrong_trees_are_seen);
    return check_done();
}
