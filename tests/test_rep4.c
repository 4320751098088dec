/*
 * test_rep4.c: the gates of rep4-ring in lockstep: results against plain integers, what every two
 * parties both know is equal at both, and every change of every message shows as two honest parties
 * that claim different bytes.
 */
#include "tests/check.h"
#include "tests/lockstep.h"

#include <inttypes.h>

#include "proto/kernel.h"

enum { P = 4, MOST = 700 };

static uint64_t state = 4040404;

/* ---- a stage: keys, sharings, one gate ---- */

static struct keys keys[P];

static void keys_fresh(void)
{
    uint8_t key[PRF_KEY];
    uint64_t seed = check_random(&state);
    memset(keys, 0, sizeof keys);
    for (unsigned a = 0; a < P; a++)
        for (unsigned b = 0; b < P; b++) {
            if (a == b)
                continue;
            memset(key, 0, sizeof key);
            memcpy(key, &seed, sizeof seed);
            key[8] = (uint8_t)(1u << a | 1u << b);
            prf_init(&keys[a].pair[b], key);
            key[8] = (uint8_t)(0x80 | b);
            prf_init(&keys[a].without[b], key);
        }
}

static void keys_gone(void)
{
    for (unsigned a = 0; a < P; a++)
        for (unsigned b = 0; b < P; b++)
            if (a != b) {
                prf_fini(&keys[a].pair[b]);
                prf_fini(&keys[a].without[b]);
            }
}

/* A random sharing of `words` words (XOR for bits) in the parties' layout: planes `words` apart.
 * SUM: random pieces, each known to two parties. */
static void share(uint64_t *at[P], const uint64_t *x, size_t words, enum value_kind kind)
{
    for (unsigned p = 0; p < P; p++)
        at[p] = calloc(3 * words + 8, 8);
    for (size_t i = 0; i < words; i++) {
        uint64_t rest = x[i], piece[P][P], part[P];
        for (unsigned j = 0; j < P; j++) {
            part[j] = j < 3 ? check_random(&state) : rest;
            rest = kind == VALUE_BITS ? rest ^ part[j] : rest - part[j];
        }
        rest = x[i];
        for (unsigned a = 0; a < P; a++)
            for (unsigned b = 0; b < a; b++) {
                piece[a][b] = piece[b][a] = a == 3 && b == 2 ? rest : check_random(&state);
                rest -= piece[a][b];
            }
        for (unsigned p = 0; p < P; p++)
            for (unsigned k = 0; k < 3; k++) {
                unsigned j = (p + 1 + k) % P;
                at[p][k * words + i] = kind == VALUE_SUM ? piece[p][j] : part[j];
            }
    }
}

/* What the parties hold together; counts words at which they do not fit together in *bad. */
static void join(uint64_t *x, uint64_t *const at[P], size_t words, enum value_kind kind,
                 unsigned *bad)
{
    memset(x, 0, words * 8);
    for (unsigned a = 0; a < P; a++)
        for (unsigned b = 0; b < P; b++) {
            unsigned there = (b - a - 1) % P, here = (a - b - 1) % P;
            for (size_t i = 0; a != b && kind == VALUE_SUM && i < words; i++) {
                *bad += at[a][there * words + i] != at[b][here * words + i];
                x[i] += a < b ? at[a][there * words + i] : 0;
            }
        }
    for (unsigned j = 0; kind != VALUE_SUM && j < P; j++)
        for (unsigned k = 1; k < P; k++) {
            unsigned p = (j + k) % P, first = (j + 1) % P;
            for (size_t i = 0; i < words; i++) {
                uint64_t w = at[p][(P - 1 - k) * words + i];
                *bad += w != at[first][2 * words + i];
                if (k == 1)
                    x[i] = kind == VALUE_BITS ? x[i] ^ w : x[i] + w;
            }
        }
}

/* The protocol's own view of the same: items that two roles both know, by `common`. */
static unsigned items_differ(const struct lockstep *l, size_t words, enum value_kind kind)
{
    const struct protocol *proto = l->program->proto;
    const struct gate *g = &l->program->gate[l->id];
    unsigned bad = 0;
    for (unsigned a = 0; a < P && kind != VALUE_SUM; a++)
        for (unsigned b = 0; b < P; b++) {
            unsigned ra = gate_role(proto, g, a), rb = gate_role(proto, g, b);
            uint64_t x[MOST], y[MOST];
            for (unsigned i = 0; a != b && i < proto->items(ra, rb); i++) {
                proto->common(x, l->z[a], words, words, kind, ra, rb, i);
                proto->common(y, l->z[b], words, words, kind, rb, ra, i);
                bad += memcmp(x, y, words * 8) != 0;
            }
        }
    return bad;
}

/* ---- the gates ---- */

struct play {
    enum gate_kind kind;
    unsigned n, shift, width, turn;
    struct program *p;
    struct lockstep l;
    uint64_t x[MOST], y[MOST], z[MOST];
    enum value_kind in, out;
    size_t in_words, out_words;
};

static int64_t small(unsigned width)
{
    return (int64_t)check_random(&state) >> (64 - width);
}

static void operands(struct play *t)
{
    for (unsigned i = 0; i < t->n; i++) {
        t->x[i] = check_random(&state);
        t->y[i] = check_random(&state);
        if (t->kind == GATE_SIGN || t->kind == GATE_RELU)
            t->x[i] = (uint64_t)small(t->width) << t->shift;
        if (t->kind == GATE_TRUNC)
            t->x[i] = (uint64_t)small(62);
    }
}

static void play_new(struct play *t)
{
    struct program *p = t->p = program_new(&protocol_rep4);
    p->turn = (uint8_t)t->turn;
    int bits = t->kind == GATE_AND || t->kind == GATE_B2A;
    t->in = bits ? VALUE_BITS : t->kind == GATE_RESHARE || t->kind == GATE_TRUNC || t->shift > 0
          ? VALUE_SUM : VALUE_SHARE;
    uint32_t x = program_external(p, t->in, t->n), y = program_external(p, t->in, t->n), z;
    switch (t->kind) {
    case GATE_MUL: z = gate_mul(p, x, y); break;
    case GATE_RESHARE: z = gate_reshare(p, x); break;
    case GATE_TRUNC: z = gate_trunc(p, x, t->shift); break;
    case GATE_RELU: z = gate_relu(p, x, t->shift, t->width); break;
    case GATE_SIGN: z = gate_sign(p, x, t->width); break;
    case GATE_AND: z = gate_and(p, x, y); break;
    default: z = gate_b2a(p, x);
    }
    CHECK_EQ(program_check(p, NULL), 0);
    t->out = (enum value_kind)p->value[z].kind;
    t->in_words = value_stride(&protocol_rep4, t->in, t->n);
    t->out_words = value_stride(&protocol_rep4, t->out, t->n);
    operands(t);
    t->l = (struct lockstep){ .program = p };
    keys_fresh();
    for (unsigned a = 0; a < P; a++)
        t->l.keys[a] = &keys[a];
    uint64_t *at[2][P];
    share(at[0], t->x, t->in_words, t->in);
    share(at[1], t->y, t->in_words, t->in);
    for (unsigned a = 0; a < P; a++)
        for (int k = 0; k < 2; k++)
            t->l.x[a][k] = at[k][a];
}

static void play_free(struct play *t)
{
    lockstep_clear(&t->l);
    keys_gone();
    for (unsigned a = 0; a < P; a++)
        for (int k = 0; k < 2; k++)
            free(t->l.x[a][k]);
    program_free(t->p);
}

/* Element i of the result, wrong by how much; the coin of a truncation may be 1. */
static int is_wrong(const struct play *t, unsigned i)
{
    int64_t v = (int64_t)t->x[i] >> t->shift, z = (int64_t)t->z[i];
    uint64_t x = plane_bit(t->x, i), y = plane_bit(t->y, i), b = plane_bit(t->z, i);
    switch (t->kind) {
    case GATE_MUL: return t->z[i] != t->x[i] * t->y[i];
    case GATE_RESHARE: return t->z[i] != t->x[i];
    case GATE_TRUNC: return z != v && z != v + 1;
    case GATE_RELU: return t->shift == 0 ? z != (v < 0 ? 0 : v)
                         : z != (v < 0 ? 0 : v) && z != (v + 1 < 0 ? 0 : v + 1);
    case GATE_SIGN: return b != (t->x[i] >> 63);
    case GATE_AND: return b != (x & y);
    default: return t->z[i] != x;
    }
}

static unsigned wrong(struct play *t, unsigned *bad)
{
    unsigned count = 0;
    join(t->z, t->l.z, t->out_words, t->out, bad);
    for (unsigned i = 0; i < t->n; i++)
        count += is_wrong(t, i) != 0;
    return count;
}

static void honest(enum gate_kind kind, unsigned n, unsigned shift, unsigned width)
{
    for (unsigned turn = 0; turn < P; turn++) {
        struct play t = { .kind = kind, .n = n, .shift = shift, .width = width, .turn = turn };
        unsigned bad = 0;
        play_new(&t);
        lockstep_run(&t.l);
        CHECK_EQ(wrong(&t, &bad), 0);
        CHECK_EQ(bad, 0);
        CHECK_EQ(items_differ(&t.l, t.out_words, t.out), 0);
        CHECK(lockstep_agree(&t.l));
        CHECK_EQ(t.l.err.code, 0);
        play_free(&t);
    }
}

static const unsigned sizes[] = { 1, 2, 63, 65, 512, 700 };

static void products(void)
{
    for (unsigned k = 0; k < 6; k++) {
        honest(GATE_MUL, sizes[k], 0, 0);
        honest(GATE_RESHARE, sizes[k], 0, 0);
    }
}

static void bits(void)
{
    for (unsigned k = 0; k < 6; k++) {
        honest(GATE_AND, sizes[k], 0, 0);
        honest(GATE_B2A, sizes[k], 0, 0);
    }
}

static void truncation(void)
{
    static const unsigned shifts[] = { 1, 7, 15, 16, 17, 32 };
    for (unsigned k = 0; k < 6; k++)
        for (unsigned s = 0; s < 6; s++)
            honest(GATE_TRUNC, sizes[k], shifts[s], 0);
}

static void signs(void)
{
    for (unsigned width = 3; width <= 62; width++)
        honest(GATE_SIGN, sizes[width % 6], 0, width);
}

static void relu(void)
{
    for (unsigned width = 3; width <= 62; width += width < 30 ? 1 : 5) {
        honest(GATE_RELU, sizes[width % 6], 0, width);
        if (width <= 46)
            honest(GATE_RELU, sizes[(width + 1) % 6], width % 2 == 0 ? 14 : 16, width);
        if (width <= 30)
            honest(GATE_RELU, sizes[(width + 2) % 6], 32, width);
    }
}

/* ---- cheating ---- */

enum change { ADD_ONE, ADD_TOP, FLIP_BIT, CHANGES };

static struct {
    long countdown;             /* messages until the one that is changed; -1: none */
    enum change change;
} tamper;

static void tamper_message(void *message, size_t n)
{
    if (tamper.countdown-- != 0)
        return;
    uint8_t *p = message;
    size_t at = check_random(&state) % (n / 8 + (n % 8 > 0)) * 8;
    size_t size = n - at < 8 ? n - at : 8;
    uint64_t w = 0;
    memcpy(&w, p + at, size);
    if (tamper.change == ADD_ONE)
        w += 1;
    else if (tamper.change == ADD_TOP)
        w += (uint64_t)1 << (8 * size - 1);
    else
        w ^= (uint64_t)1 << check_random(&state) % (8 * size);
    memcpy(p + at, &w, size);
}

/* Who sends message `number` of the gate, in the order of lockstep_run; P: none. */
static unsigned sender(const struct lockstep *l, long number)
{
    for (unsigned s = 0; s < l->steps; s++)
        for (unsigned p = 0; p < P; p++)
            for (unsigned q = 0; q < P; q++)
                if (l->bytes[s][p][q] > 0 && number-- == 0)
                    return p;
    return P;
}

/* Do any two parties other than the cheat claim different bytes? */
static int honest_disagree(const struct lockstep *l, unsigned cheat)
{
    for (unsigned p = 0; p < P; p++)
        for (unsigned q = 0; q < p; q++)
            if (p != cheat && q != cheat &&
                memcmp(l->claims[p].tag[q], l->claims[q].tag[p], CLAIM_TAG) != 0)
                return 1;
    return 0;
}

/* Changes each message of the gate in each way, one at a time; how many there were. */
static long cheat(enum gate_kind kind, unsigned n, unsigned shift, unsigned width, unsigned turn)
{
    long number = 0;
    for (unsigned from = 0; from < P; number++)
        for (tamper.change = 0; tamper.change < CHANGES; tamper.change++) {
            struct play t = { .kind = kind, .n = n, .shift = shift, .width = width, .turn = turn };
            play_new(&t);
            t.l.sent = tamper_message;
            tamper.countdown = number;
            lockstep_run(&t.l);
            from = sender(&t.l, number);
            if (from < P)
                CHECK(honest_disagree(&t.l, from));
            else
                CHECK(lockstep_agree(&t.l));
            play_free(&t);
        }
    return number - 1;
}

static void every_change_is_seen(void)
{
    for (unsigned turn = 0; turn < P; turn++) {
        CHECK_EQ(cheat(GATE_RESHARE, 5, 0, 0, turn), 6);
        CHECK_EQ(cheat(GATE_AND, 70, 0, 0, turn), 6);
        CHECK_EQ(cheat(GATE_B2A, 5, 0, 0, turn), 2 + 4);
        CHECK_EQ(cheat(GATE_TRUNC, 5, 14, 0, turn), 4 + 2 + 4);
        CHECK_EQ(cheat(GATE_TRUNC, 3, 20, 0, turn), 4 + 2 + 4);
        CHECK_EQ(cheat(GATE_SIGN, 5, 0, 20, turn), 2 + 4 + 3 * 6);
        CHECK_EQ(cheat(GATE_RELU, 5, 0, 8, turn), 2 + 4 + 2 * 6 + 2 + 4);
        CHECK_EQ(cheat(GATE_RELU, 66, 14, 18, turn), 4 + 2 + 4 + 3 * 6 + 2 + 4);
    }
}

/* A cheat that computes with a wrong share is seen, or has done nothing to the others. */
static void wrong_shares_are_seen_or_idle(void)
{
    static const struct {
        enum gate_kind kind;
        unsigned shift, width;
    } gate[] = { { GATE_RESHARE, 0, 0 }, { GATE_AND, 0, 0 }, { GATE_B2A, 0, 0 },
                 { GATE_TRUNC, 14, 0 }, { GATE_SIGN, 0, 12 }, { GATE_RELU, 14, 12 },
                 { GATE_RELU, 0, 30 } };
    unsigned seen = 0;
    for (unsigned g = 0; g < 7; g++)
        for (unsigned cheat = 0; cheat < P; cheat++)
            for (unsigned k = 0; k < 3; k++) {
                struct play t = { .kind = gate[g].kind, .n = 9, .shift = gate[g].shift,
                                  .width = gate[g].width, .turn = cheat ^ k };
                unsigned bad = 0;
                play_new(&t);
                t.l.x[cheat][0][k * t.in_words] ^= check_random(&state) | 1;
                lockstep_run(&t.l);
                int caught = honest_disagree(&t.l, cheat);
                seen += caught != 0;
                uint64_t *mine = t.l.z[cheat];
                if (!caught) {      /* the honest three hold every share at least twice */
                    for (unsigned q = 0; q < 3; q++) {
                        unsigned j = (cheat + 1 + q) % P, p = (j + 1) % P;
                        p = p == cheat ? (j + 2) % P : p;
                        memcpy(mine + q * t.out_words,
                               t.l.z[p] + (j + P - p - 1) % P * t.out_words, t.out_words * 8);
                    }
                    CHECK_EQ(wrong(&t, &bad), 0);
                    CHECK_EQ(bad, 0);
                }
                play_free(&t);
            }
    CHECK(seen > 40);
}

/* ---- clients ---- */

static void inputs_and_outputs(void)
{
    const struct protocol *proto = &protocol_rep4;
    for (unsigned k = 0; k < 6; k++) {
        unsigned n = sizes[k];
        uint64_t x[MOST], y[MOST], *piece[P];
        uint8_t *message[P];
        struct err e = { 0 };
        for (unsigned i = 0; i < n; i++)
            x[i] = check_random(&state);
        for (unsigned p = 0; p < P; p++)
            message[p] = malloc(proto->input[OWNER_CLIP].bytes(n, p));
        CHECK_EQ(proto->input[OWNER_CLIP].split(message, x, n, &e), 0);
        for (unsigned p = 0; p < P; p++) {
            piece[p] = malloc(3 * n * 8);
            proto->input[OWNER_CLIP].join(piece[p], message[p], n, p);
        }
        CHECK_EQ(proto->output_join(y, (const uint64_t *const *)piece, n, VALUE_SHARE, &e), 0);
        CHECK_EQ(memcmp(x, y, n * 8), 0);
        for (unsigned p = 0; p < P; p++)
            for (unsigned q = 0; q < 3; q++) {
                piece[p][q * n + n / 2] ^= 1;
                CHECK_EQ(proto->output_join(y, (const uint64_t *const *)piece, n, VALUE_SHARE, &e),
                         ERR_ABORT);
                piece[p][q * n + n / 2] ^= 1;
            }
        for (unsigned p = 0; p < P; p++) {
            free(message[p]);
            free(piece[p]);
        }
    }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(products);
    CASE(bits);
    CASE(truncation);
    CASE(signs);
    CASE(relu);
    CASE(every_change_is_seen);
    CASE(wrong_shares_are_seen_or_idle);
    CASE(inputs_and_outputs);
    return check_done();
}
