/*
 * prove.c: GATE_PROVE's steps (prove.h): who says what when, for statements of both kinds at once.
 *
 *     step 0               RIGHT -> P     seeds of the source's coins and of the weights
 *     step 1 + 2 i         P -> RIGHT     bits: its shares of the points of level i
 *                                         words: i = 0 shares of quotients, then of points
 *     step 2 + 2 i         RIGHT -> P     bits: r of level i
 *                                         words: i = 0 the prime and the seed of theta, then r
 *     then                 P -> LEFT      everything that RIGHT showed
 *                          LEFT -> RIGHT  u* and claim_LEFT of both kinds
 *
 * LEFT draws by itself what RIGHT shows, and nobody sends it anything before P's last message, so
 * it may run ahead; what it opens waits for that message.
 */
#include "proto/prove.h"

#include <string.h>

#include <openssl/crypto.h>

#include "proto/prove_impl.h"

enum { OPENED = 16 };           /* bytes of u* and a claim */

/* ---- the plan ---- */

int prove_run_from(const struct program *p, const struct gate *g, unsigned *i,
                   enum prove_kind kind, struct prove_run *run)
{
    for (; *i < p->proto->source->runs(p, g); ++*i) {
        struct prove_run r = p->proto->source->run(p, g, *i);
        if (r.kind == kind) {
            *run = r;
            return 1;
        }
    }
    return 0;
}

static unsigned prove_levels(const struct gate *g)
{
    unsigned bits = g->width == 0 ? 0 : 1 + fold_levels(g->width - 1u);
    unsigned words = g->shift == 0 ? 0 : 1 + fold_levels(g->shift - 1u);
    return bits > words ? bits : words;
}

void prove_plan(const struct program *p, struct gate *g)
{
    if (p->proto->source == NULL)
        return;
    size_t bits = bits_elements(p, g), words = words_elements(p, g);
    g->width = (uint8_t)(bits == 0 ? 0 : 1 + fold_variables(bits));
    g->shift = (uint8_t)(words == 0 ? 0 : 1 + fold_variables(words));
}

/* Bytes of P's message of level i, and of all that RIGHT shows. */
static size_t said_bytes(const struct gate *g, unsigned i)
{
    size_t points = fold_points_of(bits_take(g, i)) - 1 + fold_points_of(words_take(g, i)) - 1;
    return points * 8 + (g->shift > 0 && i == 0 ? WORDS_QUOTIENTS : 0);
}

static size_t shown_bytes(const struct gate *g)
{
    size_t n = prove_levels(g) > 0 ? PROVE_COINS : 0;
    for (unsigned i = 0; i < prove_levels(g); i++)
        n += answer_bytes(g, i);
    return n;
}

/* ---- memory ---- */

/* Takes n bytes of the memory; without memory, only counts them. */
static void *part(uint8_t *memory, size_t *at, size_t n)
{
    void *p = memory == NULL ? NULL : memory + *at;
    *at += (n + 63) / 64 * 64;
    return p;
}

static size_t prove_lay(struct prove *v, uint8_t *memory, const struct program *p,
                        const struct gate *g)
{
    size_t bits = bits_elements(p, g), words = words_elements(p, g), at = 0;
    size_t bits_bytes = bits == 0 ? 0 : (bits + FOLD_ROOM) * 8;
    size_t words_bytes = words == 0 ? 0 : (words + FOLD_ROOM) * 8;
    part(memory, &at, sizeof *v);
    v->bits.u = part(memory, &at, bits_bytes);
    v->bits.w = part(memory, &at, bits_bytes);
    v->words.u = part(memory, &at, words_bytes);
    v->words.w = part(memory, &at, words_bytes);
    v->bits_claim = part(memory, &at, bits_claims(p, g) * 8);
    v->words_claim = part(memory, &at, words_claims(p, g) * 8);
    v->point = part(memory, &at, 2 * GF64_POINTS * 8);
    v->work = part(memory, &at, GF64_WORK);
    v->shown = part(memory, &at, shown_bytes(g));
    v->quotient = part(memory, &at, WORDS_QUOTIENTS);
    return at;
}

static size_t prove_scratch(const struct program *p, const struct gate *g)
{
    struct prove v;
    return prove_lay(&v, NULL, p, g);
}

/* ---- coins ---- */

static void prove_coins(struct step *s)
{
    struct prove *v = prove_of(s);
    uint8_t coins[PROVE_COINS];
    memset(v, 0, sizeof *v);
    prove_lay(v, s->scratch, s->program, s->gate);
    if (s->role == PROVE_RIGHT)
        v->bits.u = v->words.u = NULL;
    if (s->role == PROVE_LEFT)
        v->bits.w = v->words.w = NULL;
    if (s->role == PROVE_PROVER || prove_levels(s->gate) == 0)
        return;
    prf_fill(prove_key_of(s, PROVE_LEFT, PROVE_RIGHT), s->id, USE_COINS, 0, coins, sizeof coins);
    shown_add(v, coins, sizeof coins);
    if (s->role == PROVE_RIGHT)
        memcpy(s->out[PROVE_PROVER], coins, sizeof coins);
}

static size_t coins_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == PROVE_RIGHT && to == PROVE_PROVER && prove_levels(g) > 0 ? PROVE_COINS : 0;
}

/* ---- levels ---- */

static void level_speak(struct step *s, struct prove *v, unsigned i)
{
    struct prf weights;
    if (s->role == PROVE_PROVER && i == 0)
        shown_add(v, s->in[PROVE_RIGHT], PROVE_COINS);
    if (s->role == PROVE_PROVER && i > 0)
        answer_take(s, v, i - 1, s->in[PROVE_RIGHT]);
    prf_init(&weights, v->shown + PROVE_SEED);
    if (i == 0)
        statements_fill(s, v, &weights);
    else
        levels_bind(s, v, i - 1, &weights);
    if (s->role == PROVE_PROVER)
        prove_say(s, v, i, &weights);
    prf_fini(&weights);
}

static void level_answer(struct step *s, struct prove *v, unsigned i)
{
    struct prf weights;
    uint8_t answer[GF64_VARIABLES * 8 + PROVE_PRIME + FOLD_TAKE * 8];
    if (s->role == PROVE_PROVER)
        return;
    prf_init(&weights, v->shown + PROVE_SEED);
    answer_make(s, v, i, answer);
    answer_take(s, v, i, answer);
    levels_claim(s, v, i, &weights);
    if (s->out[PROVE_PROVER] != NULL)
        memcpy(s->out[PROVE_PROVER], answer, answer_bytes(s->gate, i));
    prf_fini(&weights);
}

static void prove_level(struct step *s)
{
    if (s->level % 2 == 0)
        level_speak(s, prove_of(s), s->level / 2);
    else
        level_answer(s, prove_of(s), s->level / 2);
}

static size_t level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    if (from == PROVE_PROVER && to == PROVE_RIGHT && level % 2 == 0)
        return said_bytes(g, level / 2);
    return from == PROVE_RIGHT && to == PROVE_PROVER && level % 2 == 1 ? answer_bytes(g, level / 2)
                                                                       : 0;
}

static unsigned level_times(const struct gate *g)
{
    return 2 * prove_levels(g);
}

/* ---- the end ---- */

/* P tells LEFT what it was shown; the verifiers come to one element. */
static void prove_confirm(struct step *s)
{
    struct prove *v = prove_of(s);
    unsigned levels = prove_levels(s->gate);
    struct prf weights;
    if (levels == 0)
        return;
    if (s->role == PROVE_PROVER) {
        answer_take(s, v, levels - 1, s->in[PROVE_RIGHT]);
        memcpy(s->out[PROVE_LEFT], v->shown, shown_bytes(s->gate));
        return;
    }
    prf_init(&weights, v->shown + PROVE_SEED);
    levels_bind(s, v, levels - 1, &weights);
    prf_fini(&weights);
}

static size_t confirm_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == PROVE_PROVER && to == PROVE_LEFT ? shown_bytes(g) : 0;
}

static void prove_open(struct step *s)
{
    struct prove *v = prove_of(s);
    uint64_t open[4] = { 0 };
    unsigned n = 0;
    if (s->role != PROVE_LEFT || prove_levels(s->gate) == 0)
        return;
    int same = CRYPTO_memcmp(s->in[PROVE_PROVER], v->shown, shown_bytes(s->gate)) == 0;
    if (!same)
        err_set(&s->err, ERR_ABORT, "party %u showed party %u other coins than were drawn, or the "
                "latter says so", gate_party(s->program->proto, s->gate, PROVE_RIGHT),
                gate_party(s->program->proto, s->gate, PROVE_PROVER));
    if (s->gate->width > 0) {
        open[n++] = v->bits.u[0];
        open[n++] = v->bits.claim;
    }
    if (s->gate->shift > 0) {
        open[n++] = v->words.u[0];
        open[n++] = v->words.claim;
    }
    if (!same)
        memset(open, 0, sizeof open);
    memcpy(s->out[PROVE_RIGHT], open, n * sizeof *open);
}

static size_t open_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    if (from != PROVE_LEFT || to != PROVE_RIGHT)
        return 0;
    return (g->width > 0 ? OPENED : 0) + (g->shift > 0 ? OPENED : 0);
}

/* u* w* = claim_LEFT + claim_RIGHT? */
static int fold_holds(const struct fold *f, const uint8_t *in)
{
    uint64_t open[2];
    memcpy(open, in, sizeof open);
    return field_holds(&f->field, open, 2) && f->n == 1 &&
           field_mul(&f->field, open[0], f->w[0]) == field_add(&f->field, open[1], f->claim);
}

static void prove_finish(struct step *s)
{
    struct prove *v = prove_of(s);
    const uint8_t *in = s->in[PROVE_LEFT];
    int holds = 1;
    memset(s->z, 0, value_words(s->program->proto, VALUE_BITS, 1) * sizeof *s->z);
    if (s->role != PROVE_RIGHT)
        return;
    if (s->gate->width > 0) {
        holds &= fold_holds(&v->bits, in);
        in += OPENED;
    }
    if (s->gate->shift > 0)
        holds &= fold_holds(&v->words, in);
    if (!holds)
        err_set(&s->err, ERR_ABORT, "party %u could not prove that it computed what it sent (or "
                "party %u spoilt the proof)", gate_party(s->program->proto, s->gate, PROVE_PROVER),
                gate_party(s->program->proto, s->gate, PROVE_LEFT));
}

static const struct round prove_rounds[] = {
    { .name = "coins", .run = prove_coins, .bytes = coins_bytes },
    { .name = "level", .run = prove_level, .bytes = level_bytes, .times = level_times },
    { .name = "confirm", .run = prove_confirm, .bytes = confirm_bytes },
    { .name = "open", .run = prove_open, .bytes = open_bytes },
    { .name = "finish", .run = prove_finish },
};

const struct gate_ops prove_ops = {
    .name = "prove", .rounds = prove_rounds, .nround = 5, .scratch = prove_scratch
};
