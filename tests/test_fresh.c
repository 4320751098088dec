/*
 * test_fresh.c: what a gate sends and makes does not hang on what memory held before. Blocks of an
 * arena keep the contents of their last use, so a word that a round leaves as it was would carry
 * somebody's share to another party. Every gate runs twice with the same keys and operands, on
 * memory of zeros and on memory of ones; all messages and results must be equal to the byte.
 */
#include "tests/check.h"

#include <stdlib.h>

/* lockstep.h fills messages and scratch, and takes results from calloc: those are filled here. */
static int fill;

static void *filled_new(size_t count, size_t size)
{
    size_t n = (count * size + 63) / 64 * 64;
    void *p = aligned_alloc(64, n);
    return p == NULL ? NULL : memset(p, fill, n);
}

#define calloc filled_new
#include "tests/lockstep.h"
#undef calloc

#include <inttypes.h>

static uint64_t state = 31337;

/* One gate of the kind on n elements; NULL where there is none such. */
static struct program *one_gate(const struct protocol *proto, enum gate_kind kind, uint32_t n,
                                unsigned shift, unsigned width)
{
    const struct geometry g = { .h = n, .w = 3, .c = 2, .kh = 2, .kw = 2, .sh = 1, .sw = 1,
                                .top = 1, .oh = n, .ow = 2, .oc = kind == GATE_SUMPOOL ? 2 : 3 };
    struct program *p = program_new(proto);
    p->turn = (uint8_t)(n % proto->parties);
    uint32_t sum = program_external(p, VALUE_SUM, n), share = program_external(p, VALUE_SHARE, n);
    uint32_t bits = program_external(p, VALUE_BITS, n);
    uint32_t image = program_external(p, VALUE_SHARE, geometry_in(&g));
    uint32_t weight = program_external_weight(p, &g);
    struct map *m = map_new(p, n, n, n);
    for (uint32_t i = 0; i < n; i += 2)
        map_term(m, i, n - 1 - i, 1);
    switch (kind) {
    case GATE_AFFINE: gate_affine(p, share, NO_VALUE, m); break;
    case GATE_BITMAP: gate_bitmap(p, bits, NO_VALUE, m); break;
    case GATE_SUMPOOL: gate_sumpool(p, &g, image); break;
    case GATE_LINEAR: gate_linear(p, &g, image, weight, NO_VALUE, 0, 2 * n); break;
    case GATE_MUL: gate_mul(p, share, share); break;
    case GATE_RESHARE: gate_reshare(p, sum); break;
    case GATE_TRUNC: gate_trunc(p, sum, shift); break;
    case GATE_RELU: gate_relu(p, shift == 0 ? share : sum, shift, width); break;
    case GATE_SIGN: gate_sign(p, share, width); break;
    case GATE_AND: gate_and(p, bits, bits); break;
    case GATE_INJECT: gate_inject_into(p, share, bits, program_value(p, VALUE_SHARE, n), 0); break;
    case GATE_AUTH: gate_auth(p, share); break;
    case GATE_TURN:
        if (proto->gate[GATE_TURN] == NULL)
            break;
        p->turn = (uint8_t)((n + shift + 1) % proto->parties);
        gate_turn_into(p, share, program_value(p, VALUE_SHARE, n), 0);
        break;
    default: gate_b2a(p, bits);
    }
    CHECK_EQ(program_check(p, NULL), 0);
    if (p->ngate == 0) {
        program_free(p);
        return NULL;
    }
    return p;
}

static void play(struct lockstep *l, struct keys *keys, uint64_t seed, int with)
{
    const struct gate *g = &l->program->gate[0];
    unsigned parties = l->program->proto->parties;
    l->fill = fill = with;
    for (unsigned a = 0; a < parties; a++) {
        l->keys[a] = &keys[a];
        for (unsigned b = 0; b < parties; b++) {
            uint8_t key[PRF_KEY] = { (uint8_t)(a + b), (uint8_t)seed };
            uint8_t three[PRF_KEY] = { (uint8_t)(16 + b), (uint8_t)seed };
            if (a == b)
                continue;
            prf_init(&keys[a].pair[b], key);
            prf_init(&keys[a].without[b], three);
        }
        for (int k = 0; k < 3; k++) {
            if (g->in[k] == NO_VALUE)
                continue;
            size_t words = l->program->value[g->in[k]].words;
            l->x[a][k] = filled_new(words + 8, 8);
            for (size_t i = 0; i < words; i++)
                l->x[a][k][i] = check_random(&seed);
        }
    }
    lockstep_run(l);
    for (unsigned a = 0; a < parties; a++) {
        for (unsigned b = 0; b < parties; b++)
            if (a != b) {
                prf_fini(&keys[a].pair[b]);
                prf_fini(&keys[a].without[b]);
            }
        for (int k = 0; k < 3; k++)
            free(l->x[a][k]);
    }
}

/* How many messages differ. */
static unsigned difference(const struct lockstep *a, const struct lockstep *b)
{
    const struct value *out = &a->program->value[a->program->gate[0].out];
    unsigned bad = 0, parties = a->program->proto->parties;
    for (unsigned s = 0; s < a->steps; s++)
        for (unsigned p = 0; p < parties; p++)
            for (unsigned q = 0; q < parties; q++)
                if (a->bytes[s][p][q] > 0 && memcmp(a->message[s][p][q], b->message[s][p][q],
                                                    a->bytes[s][p][q]) != 0)
                    bad++;
    for (unsigned p = 0; p < parties; p++)
        bad += memcmp(a->z[p], b->z[p], out->words * 8) != 0;
    return bad;
}

/* Plays gate 0 on both kinds of memory; how many messages and results differ. */
static unsigned plays_differ(const struct program *p, const struct gate_ops *replaced)
{
    static struct keys keys[LOCKSTEP_PARTIES];
    struct lockstep zeros = { .program = p, .replaced = replaced }, ones = zeros;
    uint64_t seed = check_random(&state);
    play(&zeros, keys, seed, 0);
    play(&ones, keys, seed, 0xff);
    unsigned bad = difference(&zeros, &ones);
    lockstep_clear(&zeros);
    lockstep_clear(&ones);
    return bad;
}

static void gate_is_fresh(const struct protocol *proto, enum gate_kind kind, uint32_t n,
                          unsigned shift, unsigned width)
{
    struct program *p = one_gate(proto, kind, n, shift, width);
    if (p == NULL)
        return;
    if (p->gate[0].kind == GATE_SETUP && n > 1) {   /* the same for any gate */
        program_free(p);
        return;
    }
    unsigned bad = plays_differ(p, NULL);
    if (bad > 0)
        fprintf(stderr, "%s of %u elements, shift %u, width %u: %u messages or results hold old"
                " memory\n", gate_ops(proto, &p->gate[0])->name, n, shift, width, bad);
    CHECK_EQ(bad, 0);
    program_free(p);
}

/* Kinds that not every protocol has. */
static int lacks(const struct protocol *proto, int kind)
{
    return (kind == GATE_INJECT || kind == GATE_AUTH) && proto->gate[kind] == NULL;
}

static void messages_hold_no_old_memory(void)
{
    static const uint32_t sizes[] = { 1, 2, 3, 5, 63, 64, 65, 127, 129, 511, 512, 513, 1027 };
    static const unsigned shifts[] = { 0, 1, 15, 16, 17, 32 }, widths[] = { 3, 4, 8, 17, 30 };
    const struct protocol *proto;
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++)
        for (int kind = 0; kind < GATE_KINDS; kind++)
            for (unsigned k = 0; k < 13; k++)
                for (unsigned s = 0; s < 6; s++)
                    for (unsigned w = 0; w < 5; w++) {
                        int shifted = kind == GATE_TRUNC || kind == GATE_RELU || kind == GATE_TURN;
                        int wide = kind == GATE_RELU || kind == GATE_SIGN;
                        if (lacks(proto, kind) || (!shifted && s > 0) || (!wide && w > 0) ||
                            (kind == GATE_TRUNC && shifts[s] == 0))
                            continue;
                        if (kind == GATE_RELU && (k + s + w) % check_times(5, 1) != 0)
                            continue;   /* each size with each shift, and with each width */
                        gate_is_fresh(proto, (enum gate_kind)kind, sizes[k], shifts[s], widths[w]);
                    }
}

static void sign_of_the_widest(void)
{
    const struct protocol *proto;
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++)
        for (uint32_t n = 1; n < 200; n += 63) {
            gate_is_fresh(proto, GATE_SIGN, n, 0, 62);
            gate_is_fresh(proto, GATE_RELU, n, 0, 62);
            gate_is_fresh(proto, GATE_RELU, n, 32, 30);
        }
}

/* Controls: a byte of a message, a word of scratch and a word of the result that are left as they
 * were. */
static int gap;

static void leave_gap(struct step *s)
{
    for (unsigned to = 0; to < 3; to++)
        if (s->out[to] != NULL)
            memset(s->out[to], 0, 8 - (gap == 1));
    if (gap != 3)
        memset(s->z, 0, s->gate->n * 8);
    if (gap == 2)
        memcpy(s->z, s->scratch, 8);
}

static size_t eight_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return to == (from + 1) % 3 ? 8 : 0;
}

static size_t some_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    (void)g;
    return 64;
}

static void gaps_are_seen(void)
{
    static const struct round rounds[] = { { .name = "gap", .run = leave_gap,
                                             .bytes = eight_bytes } };
    static const struct gate_ops ops = { .name = "gap", .rounds = rounds, .nround = 1,
                                         .scratch = some_scratch };
    struct program *p = one_gate(&protocol_replicated, GATE_MUL, 5, 0, 0);
    for (gap = 0; gap < 4; gap++)
        CHECK_EQ(plays_differ(p, &ops), gap == 0 ? 0 : 3);
    program_free(p);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(messages_hold_no_old_memory);
    CASE(sign_of_the_widest);
    CASE(gaps_are_seen);
    return check_done();
}
