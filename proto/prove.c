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
 * LEFT draws by itself what RIGHT shows, and nobody sends it anything before P's last message, so it
 * may run ahead; what it opens waits for that message.
 */
#include "proto/prove.h"

#include <string.h>

#include <openssl/crypto.h>

#include "proto/prove_impl.h"

enum { SEED = PRF_KEY, COINS = 2 * SEED, PRIME = 8 + SEED, OPENED = 16 };
enum { LEVEL = 1 << 16 };       /* blocks of randomness set apart for each level */

/* ---- the plan ---- */

static unsigned bits_take(const struct gate *g, unsigned i)
{
    if (g->width == 0)
        return 0;
    return i == 0 ? GF64_VARIABLES : fold_take(g->width - 1u, i - 1);
}

/* Variables of level i of the words; level 0 has none, it is the quotients'. */
static unsigned words_take(const struct gate *g, unsigned i)
{
    return g->shift == 0 || i == 0 ? 0 : fold_take(g->shift - 1u, i - 1);
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

/* Bytes of P's message of level i, of RIGHT's answer, and of all that RIGHT shows. */
static size_t said_bytes(const struct gate *g, unsigned i)
{
    size_t points = fold_points_of(bits_take(g, i)) - 1 + fold_points_of(words_take(g, i)) - 1;
    return points * 8 + (g->shift > 0 && i == 0 ? WORDS_QUOTIENTS : 0);
}

static size_t answer_bytes(const struct gate *g, unsigned i)
{
    return (bits_take(g, i) + words_take(g, i)) * (size_t)8 +
           (g->shift > 0 && i == 0 ? PRIME : 0);
}

static size_t shown_bytes(const struct gate *g)
{
    size_t n = prove_levels(g) > 0 ? COINS : 0;
    for (unsigned i = 0; i < prove_levels(g); i++)
        n += answer_bytes(g, i);
    return n;
}

/* ---- memory ---- */

/* At the start of the scratch memory. */
struct prove {
    struct fold bits, words;
    uint64_t *bits_claim, *words_claim, *point;
    void *work;
    uint8_t *shown;             /* by RIGHT: as P saw it, as the verifiers drew it */
    size_t nshown;
    uint8_t *quotient;          /* this seat's shares: P: LEFT's */
    uint64_t r_bits[GF64_VARIABLES], r_words[FOLD_TAKE], theta[WORDS_IDENTITIES];
};

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

static struct prove *prove_of(const struct step *s)
{
    return (struct prove *)s->scratch;
}

static void cheated(struct step *s, unsigned seat, const char *what)
{
    err_set(&s->err, ERR_ABORT, "party %u %s", gate_party(s->program->proto, s->gate, seat), what);
}

/* ---- coins ---- */

static void shown_add(struct prove *v, const void *p, size_t n)
{
    memcpy(v->shown + v->nshown, p, n);
    v->nshown += n;
}

static void prove_coins(struct step *s)
{
    struct prove *v = prove_of(s);
    uint8_t coins[COINS];
    memset(v, 0, sizeof *v);
    prove_lay(v, s->scratch, s->program, s->gate);
    if (s->role == PROVE_RIGHT)
        v->bits.u = v->words.u = NULL;
    if (s->role == PROVE_LEFT)
        v->bits.w = v->words.w = NULL;
    if (s->role == PROVE_PROVER || prove_levels(s->gate) == 0)
        return;
    prf_fill(prove_key(s, PROVE_PROVER ^ PROVE_RIGHT ^ PROVE_LEFT ^ s->role), s->id, USE_COINS, 0,
             coins, sizeof coins);
    shown_add(v, coins, sizeof coins);
    if (s->role == PROVE_RIGHT)
        memcpy(s->out[PROVE_PROVER], coins, sizeof coins);
}

static size_t coins_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == PROVE_RIGHT && to == PROVE_PROVER && prove_levels(g) > 0 ? COINS : 0;
}

/* ---- P speaks ---- */

/* The statements, from the source. */
static void statements_fill(struct step *s, struct prove *v, const struct prf *weights)
{
    struct prf coins;
    prf_init(&coins, v->shown);
    if (s->gate->width > 0)
        bits_fill(s, &v->bits, (enum prove_seat)s->role, &coins, weights, v->bits_claim);
    if (s->gate->shift > 0)
        words_fill(s, &v->words, (enum prove_seat)s->role, &coins, v->words_claim);
    prf_fini(&coins);
}

/* The two elements that hide u* and w* (fold.h). */
static void dummies_add(struct step *s, struct fold *f, uint32_t use)
{
    uint64_t dummy;
    if (f->u != NULL) {
        field_draw(&f->field, prove_key(s, PROVE_LEFT ^ s->role), s->id, use, 0, &dummy, 1);
        f->u[f->n] = dummy;
        f->u[f->n + 1] = 0;
    }
    if (f->w != NULL) {
        field_draw(&f->field, prove_key(s, PROVE_RIGHT ^ s->role), s->id, use, 0, &dummy, 1);
        f->w[f->n] = 0;
        f->w[f->n + 1] = dummy;
    }
    f->n += FOLD_DUMMIES;
}

/* What the answer of level i makes of the statements. */
static void levels_bind(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
{
    if (s->gate->width > 0 && i == 0) {
        bits_bind(s, &v->bits, weights, v->r_bits);
        dummies_add(s, &v->bits, USE_DUMMY_BITS);
    } else if (bits_take(s->gate, i) > 0) {
        fold_bind(&v->bits, v->r_bits, bits_take(s->gate, i));
    }
    if (s->gate->shift > 0 && i == 0) {
        words_bind(s, &v->words, weights, v->theta);
        dummies_add(s, &v->words, USE_DUMMY_WORDS);
    } else if (words_take(s->gate, i) > 0) {
        fold_bind(&v->words, v->r_words, words_take(s->gate, i));
    }
}

/* RIGHT's shares of the points h of level i (but the first). */
static uint8_t *points_send(struct step *s, const struct field *f, uint32_t use, unsigned i,
                            const uint64_t *h, unsigned k, uint8_t *out)
{
    uint64_t *share = prove_of(s)->point + GF64_POINTS;
    unsigned n = fold_points_of(k) - 1;
    field_draw(f, prove_key(s, PROVE_LEFT), s->id, use, (uint64_t)i * LEVEL, share, n);
    for (unsigned p = 0; p < n; p++)
        share[p] = field_sub(f, h[p + 1], share[p]);
    memcpy(out, share, n * sizeof *share);
    return out + n * sizeof *share;
}

static void prove_speak(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
{
    uint8_t *out = s->out[PROVE_RIGHT];
    unsigned k = bits_take(s->gate, i);
    if (k > 0) {
        if (i == 0)
            bits_points(s, &v->bits, weights, v->point, v->work);
        else
            fold_points(&v->bits, v->point, k);
        out = points_send(s, &v->bits.field, USE_SHARE_BITS, i, v->point, k, out);
    }
    if (s->gate->shift > 0 && i == 0) {
        prf_fill(prove_key(s, PROVE_LEFT), s->id, USE_QUOTIENT, 0, v->quotient, WORDS_QUOTIENTS);
        words_quotients(s, &v->words, weights, v->words_claim, v->quotient, out);
    }
    k = words_take(s->gate, i);
    if (k > 0) {
        fold_points(&v->words, v->point, k);
        points_send(s, &v->words.field, USE_SHARE_WORDS, i, v->point, k, out);
    }
}

/* ---- RIGHT answers ---- */

/* What RIGHT shows at level i, as both verifiers draw it. */
static void answer_make(struct step *s, struct prove *v, unsigned i, uint8_t *out)
{
    const struct prf *key = prove_key(s, s->role ^ PROVE_LEFT ^ PROVE_RIGHT);
    uint64_t r[GF64_VARIABLES];
    unsigned k = bits_take(s->gate, i);
    field_draw(&v->bits.field, key, s->id, USE_R_BITS, (uint64_t)i * LEVEL, r, k);
    memcpy(out, r, k * sizeof *r);
    out += k * sizeof *r;
    if (s->gate->shift > 0 && i == 0) {
        uint64_t p = words_prime(key, s->id);
        memcpy(out, &p, sizeof p);
        prf_fill(key, s->id, USE_THETA, 0, out + sizeof p, SEED);
    }
    k = words_take(s->gate, i);
    field_draw(&v->words.field, key, s->id, USE_R_WORDS, (uint64_t)i * LEVEL, r, k);
    memcpy(out, r, k * sizeof *r);
}

/* The prime and theta; a prover that trusts no one uses only what it can compute with. */
static int prime_take(struct prove *v, const uint8_t *in)
{
    uint64_t p;
    struct prf seed;
    memcpy(&p, in, sizeof p);
    if (p >> 60 != 1 || (p & 1) == 0)
        return -1;
    fp61_init(&v->words.field.prime, p);
    prf_init(&seed, in + sizeof p);
    field_draw(&v->words.field, &seed, 0, USE_THETA, 0, v->theta, WORDS_IDENTITIES);
    prf_fini(&seed);
    return 0;
}

/* Everybody: the answer of level i, as P received it or the verifiers drew it. */
static void answer_take(struct step *s, struct prove *v, unsigned i, const uint8_t *in)
{
    unsigned k = bits_take(s->gate, i);
    int bad = 0;
    shown_add(v, in, answer_bytes(s->gate, i));
    memcpy(v->r_bits, in, k * sizeof *v->r_bits);
    in += k * sizeof *v->r_bits;
    if (s->gate->shift > 0 && i == 0)
        bad = prime_take(v, in) != 0;
    k = words_take(s->gate, i);
    memcpy(v->r_words, in, k * sizeof *v->r_words);
    if (bad || !field_holds(&v->words.field, v->r_words, k))
        cheated(s, PROVE_RIGHT, "showed a challenge of a proof that is none");
}

/* A verifier's shares of the points of a level: drawn, or received at *in. */
static void points_take(struct step *s, const struct field *f, uint32_t use, unsigned i,
                        uint64_t *h, unsigned k, const uint8_t **in)
{
    unsigned n = fold_points_of(k) - 1;
    if (s->role == PROVE_LEFT) {
        field_draw(f, prove_key(s, PROVE_PROVER), s->id, use, (uint64_t)i * LEVEL, h + 1, n);
        return;
    }
    memcpy(h + 1, *in, n * sizeof *h);
    *in += n * sizeof *h;
    if (!field_holds(f, h + 1, n))
        cheated(s, PROVE_PROVER, "sent a share of a proof that is none");
}

/* A verifier: claims after level i. */
static void levels_claim(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
{
    const uint8_t *in = s->in[PROVE_PROVER];
    uint64_t weight[GF64_BLOCKS];
    unsigned k = bits_take(s->gate, i);
    if (k > 0) {
        points_take(s, &v->bits.field, USE_SHARE_BITS, i, v->point, k, &in);
        bits_weight(weights, weight);
        fold_claim(&v->bits, v->point, i == 0 ? weight : NULL, v->r_bits, k);
    }
    if (s->gate->shift > 0 && i == 0) {
        if (s->role == PROVE_LEFT)
            prf_fill(prove_key(s, PROVE_PROVER), s->id, USE_QUOTIENT, 0, v->quotient,
                     WORDS_QUOTIENTS);
        else
            memcpy(v->quotient, in, WORDS_QUOTIENTS);
        words_claim(s, &v->words, (enum prove_seat)s->role, weights, v->words_claim, v->theta,
                    v->quotient);
    }
    k = words_take(s->gate, i);
    if (k > 0) {
        points_take(s, &v->words.field, USE_SHARE_WORDS, i, v->point, k, &in);
        fold_claim(&v->words, v->point, NULL, v->r_words, k);
    }
}

/* ---- levels ---- */

static void level_speak(struct step *s, struct prove *v, unsigned i)
{
    struct prf weights;
    if (s->role == PROVE_PROVER && i == 0)
        shown_add(v, s->in[PROVE_RIGHT], COINS);
    if (s->role == PROVE_PROVER && i > 0)
        answer_take(s, v, i - 1, s->in[PROVE_RIGHT]);
    prf_init(&weights, v->shown + SEED);
    if (i == 0)
        statements_fill(s, v, &weights);
    prf_fini(&weights);
    prf_init(&weights, v->shown + SEED);    /* its columns are drawn again */
    if (i > 0)
        levels_bind(s, v, i - 1, &weights);
    if (s->role == PROVE_PROVER)
        prove_speak(s, v, i, &weights);
    prf_fini(&weights);
}

static void level_answer(struct step *s, struct prove *v, unsigned i)
{
    struct prf weights;
    uint8_t answer[GF64_VARIABLES * 8 + PRIME + FOLD_TAKE * 8];
    if (s->role == PROVE_PROVER)
        return;
    prf_init(&weights, v->shown + SEED);
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
    prf_init(&weights, v->shown + SEED);
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
