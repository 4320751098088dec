/*
 * prove_say.c: one level of GATE_PROVE (prove.h): what P says, what RIGHT answers, and what all
 * make of it, for statements of both kinds at once.
 */
#include <string.h>

#include "proto/prove_impl.h"

enum { LEVEL = 1 << 16 };       /* blocks of randomness set apart for each level */

static void cheated(struct step *s, unsigned seat, const char *what)
{
    err_set(&s->err, ERR_ABORT, "party %u %s", gate_party(s->program->proto, s->gate, seat), what);
}

void shown_add(struct prove *v, const void *p, size_t n)
{
    memcpy(v->shown + v->nshown, p, n);
    v->nshown += n;
}

/* ---- P speaks ---- */

/* The statements, from the source. */
void statements_fill(struct step *s, struct prove *v, const struct prf *weights)
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
        field_draw(&f->field, prove_key_of(s, PROVE_PROVER, PROVE_LEFT), s->id, use, 0, &dummy, 1);
        f->u[f->n] = dummy;
        f->u[f->n + 1] = 0;
    }
    if (f->w != NULL) {
        field_draw(&f->field, prove_key_of(s, PROVE_PROVER, PROVE_RIGHT), s->id, use, 0, &dummy, 1);
        f->w[f->n] = 0;
        f->w[f->n + 1] = dummy;
    }
    f->n += FOLD_DUMMIES;
}

/* What the answer of level i makes of the statements. */
void levels_bind(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
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

void prove_say(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
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

size_t answer_bytes(const struct gate *g, unsigned i)
{
    return (bits_take(g, i) + words_take(g, i)) * (size_t)8 +
           (g->shift > 0 && i == 0 ? PROVE_PRIME : 0);
}

/* What RIGHT shows at level i, as both verifiers draw it. */
void answer_make(struct step *s, struct prove *v, unsigned i, uint8_t *out)
{
    const struct prf *key = prove_key_of(s, PROVE_LEFT, PROVE_RIGHT);
    uint64_t r[GF64_VARIABLES];
    unsigned k = bits_take(s->gate, i);
    field_draw(&v->bits.field, key, s->id, USE_R_BITS, (uint64_t)i * LEVEL, r, k);
    memcpy(out, r, k * sizeof *r);
    out += k * sizeof *r;
    if (s->gate->shift > 0 && i == 0) {
        uint64_t p = words_prime(key, s->id);
        memcpy(out, &p, sizeof p);
        prf_fill(key, s->id, USE_THETA, 0, out + sizeof p, PROVE_SEED);
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

/* A challenge of 0 or 1 takes the place of a dummy out of what is opened: RIGHT, which knows the
 * key that makes the challenges and has a part in it, may look for such a job. None is used; honest
 * draws have one with probability about 2^-48 a job. The first level of bits has no dummies yet. */
static int challenges_hide(const struct field *f, const uint64_t *r, unsigned k)
{
    int hide = 1;
    for (unsigned j = 0; j < k; j++)
        hide &= r[j] != 0 && r[j] != field_one(f);
    return hide;
}

/* Everybody: the answer of level i, as P received it or the verifiers drew it. */
void answer_take(struct step *s, struct prove *v, unsigned i, const uint8_t *in)
{
    unsigned k = bits_take(s->gate, i);
    int bad = 0;
    shown_add(v, in, answer_bytes(s->gate, i));
    memcpy(v->r_bits, in, k * sizeof *v->r_bits);
    in += k * sizeof *v->r_bits;
    if (i > 0)
        bad = !challenges_hide(&v->bits.field, v->r_bits, k);
    if (s->gate->shift > 0 && i == 0)
        bad |= prime_take(v, in) != 0;
    k = words_take(s->gate, i);
    memcpy(v->r_words, in, k * sizeof *v->r_words);
    if (bad || !field_holds(&v->words.field, v->r_words, k) ||
        !challenges_hide(&v->words.field, v->r_words, k))
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
void levels_claim(struct step *s, struct prove *v, unsigned i, const struct prf *weights)
{
    const uint8_t *in = s->in[PROVE_PROVER];
    uint64_t weight[GF64_BLOCKS];
    unsigned k = bits_take(s->gate, i);
    if (k > 0) {
        points_take(s, &v->bits.field, USE_SHARE_BITS, i, v->point, k, &in);
        if (i == 0)
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
