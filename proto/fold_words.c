/*
 * fold_words.c: from statements modulo 2^64 to an inner product modulo a random prime.
 *
 *     sum over t of left[t]_g right[t]_g  =  claim_left,g + claim_right,g      mod 2^64, all g
 *
 * No field of two elements sits in the ring, and a ring that has one is 64 times as wide. So, over
 * the integers, with every word taken in [0, 2^64):
 *
 *  1. Subsets. From the seed that is shown after everything is fixed come J = 64 bits beta_gj for
 *     each statement. If some statement is false, the sum over g of beta_gj (left side - right
 *     side) is not 0 mod 2^64 with probability at least 1/2 for each j: all J vanish with
 *     probability 2^-64.
 *  2. Quotients. P knows Q_g = (sum over t of l r - claim_left - claim_right) / 2^64 and shares
 *     q_j = sum over g of beta_gj Q_g as integers: q_j = q_j^LEFT + q_j^RIGHT - 2^159, where
 *     q_j^LEFT has 159 random bits from the key of P and LEFT. |q_j| < 2^64 N for N terms, so
 *     q_j^RIGHT is within N 2^-95 of a distribution that does not depend on q_j; for all j, N =
 *     2^24: 2^-65.
 *  3. The prime. Then RIGHT shows a uniform prime 2^60 < p < 2^61 and J elements theta_j. If the
 *     integer D_j = sum over g of beta_gj (left - right) - 2^64 q_j is not 0, as it is not where
 *     step 1 caught something, |D_j| < 2^225 has at most three prime factors above 2^60, of the
 *     more than 2.6 10^16 that there are: p is none of them but with probability 3 / 2^54.5 <
 *     2^-52.9. Otherwise the sum of theta_j D_j is 0 mod p with probability 1/p.
 *  4. The fold (fold.h), of u = l mod p, w = theta_g r mod p with theta_g = sum over j of theta_j
 *     beta_gj. Claims: sum over g of theta_g claim_g + 2^64 sum over j of theta_j q_j.
 *
 * In all a false statement passes with probability at most 2^-64 + 2^-52.9 + (2 v + 1) / 2^60, v
 * the number of variables: 2^-52.4 for v = 24. p is drawn by trying random odd numbers, as the next
 * prime above a random start would come up in proportion to the gap before it.
 *
 * 21 ns for each term at P and 5 at a verifier, and up to 25 and 20 for each statement, on one core
 * (tests/bench_prove.c); P sends 1.3 KB before the fold.
 *
 * P must know both claims as integers: the carry of claim_left + claim_right is part of Q_g. The
 * source gives it claim_left; claim_right is what is missing.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/prove_impl.h"

enum { BLOCK = 64 };            /* statements that share 64 words of coins */

static const uint64_t middle = (uint64_t)1 << 31;       /* 2^159, in the top word of a share */

size_t words_elements(const struct program *p, const struct gate *g)
{
    size_t n = 0;
    int any = 0;
    struct prove_run run;
    for (unsigned i = 0; prove_run_from(p, g, &i, PROVE_WORDS, &run); i++) {
        n += (size_t)run.terms * run.words;
        any = 1;
    }
    return any ? n + FOLD_DUMMIES : 0;
}

size_t words_claims(const struct program *p, const struct gate *g)
{
    size_t n = 0;
    struct prove_run run;
    for (unsigned i = 0; prove_run_from(p, g, &i, PROVE_WORDS, &run); i++)
        n += run.words;
    return n;
}

/* ---- blocks of statements ---- */

/* Statements [first, first + count) of run `number`: where their terms and claims begin. */
struct block {
    unsigned number;
    struct prove_run run;
    size_t first, count;
    size_t term, claim;
};

/* The next run from b->number on, which begins at `term`; its first block. 0 after the last. */
static int block_of_run(const struct step *s, struct block *b, size_t term)
{
    struct prove_run run;
    do {
        if (!prove_run_from(s->program, s->gate, &b->number, PROVE_WORDS, &run))
            return 0;
    } while (run.words == 0 && ++b->number);
    *b = (struct block){ .number = b->number, .run = run, .term = term, .claim = b->claim };
    b->count = run.words < BLOCK ? run.words : BLOCK;
    return 1;
}

static int block_first(const struct step *s, struct block *b)
{
    *b = (struct block){ .number = 0 };
    return block_of_run(s, b, 0);
}

static int block_next(const struct step *s, struct block *b)
{
    size_t rest = b->run.words - b->first - b->count, rows = b->run.terms;
    b->claim += b->count;
    if (rest == 0) {    /* past the other rows too */
        size_t start = b->term - (rows > 0 ? b->first : 0);
        b->number++;
        return block_of_run(s, b, start + rows * b->run.words);
    }
    b->term += rows > 0 ? b->count : 0;
    b->first += b->count;
    b->count = rest < BLOCK ? rest : BLOCK;
    return 1;
}

/* beta_gj is bit g of subset[j]. Public. */
static void subsets_draw(const struct prf *weights, const struct block *b,
                         uint64_t subset[static WORDS_IDENTITIES])
{
    prf_fill(weights, b->number, WEIGHT_SUBSET, b->first / BLOCK * 32, subset,
             WORDS_IDENTITIES * sizeof *subset);
}

void words_fill(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *coins,
                uint64_t *claims)
{
    const struct prove_source *source = s->program->proto->source;
    size_t at = 0;
    struct prove_run run;
    for (unsigned i = 0; prove_run_from(s->program, s->gate, &i, PROVE_WORDS, &run); i++) {
        source->fill(s, i, seat, coins, f->u == NULL ? NULL : f->u + at,
                     f->w == NULL ? NULL : f->w + at, claims);
        at += (size_t)run.terms * run.words;
        claims += run.words;
    }
    f->n = at;
    f->claim = 0;
}

/* ---- quotients ---- */

/* Q_g of a block, as signed numbers; zeros after its last. */
static void block_quotients(const struct fold *f, const struct block *b, const uint64_t *claims,
                            unsigned __int128 q[static BLOCK])
{
    memset(q, 0, BLOCK * sizeof *q);
    for (size_t g = 0; g < b->count; g++) {
        const uint64_t *l = f->u + b->term + g, *r = f->w + b->term + g;
        uint64_t low = 0;
        unsigned __int128 high = 0;
        for (size_t t = 0; t < b->run.terms; t++, l += b->run.words, r += b->run.words) {
            unsigned __int128 sum = (unsigned __int128)*l * *r + low;
            low = (uint64_t)sum;
            high += (uint64_t)(sum >> 64);
        }
        /* left + right = low, or low + 2^64 if left > low: the borrow of low - left */
        uint64_t borrow = (uint64_t)(((unsigned __int128)low - claims[b->claim + g]) >> 64) & 1;
        q[g] = high - borrow;
    }
}

/* A number as a + 2^48 b, 0 <= a < 2^48: halves of a block's numbers add up without carries. */
typedef uint64_t halves __attribute__((vector_size(16)));

static const uint64_t low48 = ((uint64_t)1 << 48) - 1;

/* sum[j] += the sum over g of beta_gj q[g], by tables of the sums of four; subsets are public. */
static void subsets_add(unsigned __int128 sum[static WORDS_IDENTITIES],
                        const unsigned __int128 q[static BLOCK],
                        const uint64_t subset[static WORDS_IDENTITIES])
{
    halves part[WORDS_IDENTITIES] = { 0 };
    for (unsigned g = 0; g < BLOCK; g += 4) {
        halves table[16] = { 0 };
        for (unsigned i = 0; i < 4; i++) {
            const halves one = { (uint64_t)q[g + i] & low48, (uint64_t)(q[g + i] >> 48) };
            for (unsigned k = 0; k < 1u << i; k++)
                table[(1u << i) + k] = table[k] + one;
        }
        for (unsigned j = 0; j < WORDS_IDENTITIES; j++)
            part[j] += table[subset[j] >> g & 15];
    }
    for (unsigned j = 0; j < WORDS_IDENTITIES; j++)
        sum[j] += part[j][0] + ((unsigned __int128)(__int128)(int64_t)part[j][1] << 48);
}

/* The 160 bits at p; LEFT's have 159. */
static void share_get(const uint8_t *p, uint64_t word[static 3])
{
    word[2] = 0;
    memcpy(word, p, WORDS_QUOTIENT);
}

static void share_draw(const uint8_t *p, uint64_t word[static 3])
{
    share_get(p, word);
    word[2] &= middle - 1;
}

/* q + 2^159 - share, which is positive: 160 bits. */
static void share_rest(uint8_t *out, unsigned __int128 q, const uint64_t share[static 3])
{
    uint64_t word[3], sign = 0 - (uint64_t)(q >> 127);
    unsigned __int128 low = (unsigned __int128)share[1] << 64 | share[0], rest = q - low;
    word[0] = (uint64_t)rest;
    word[1] = (uint64_t)(rest >> 64);
    /* the borrow of q - low, from their top bits */
    uint64_t borrow = (uint64_t)((((~q & low) | ((~q | low) & rest))) >> 127);
    word[2] = sign + middle - share[2] - borrow;
    memcpy(out, word, WORDS_QUOTIENT);
}

void words_quotients(struct step *s, const struct fold *f, const struct prf *weights,
                     const uint64_t *claims, const uint8_t *share, uint8_t *out)
{
    unsigned __int128 sum[WORDS_IDENTITIES] = { 0 }, q[BLOCK];
    uint64_t subset[WORDS_IDENTITIES], word[3];
    struct block b;
    for (int more = block_first(s, &b); more; more = block_next(s, &b)) {
        subsets_draw(weights, &b, subset);
        block_quotients(f, &b, claims, q);
        subsets_add(sum, q, subset);
    }
    for (unsigned j = 0; j < WORDS_IDENTITIES; j++) {
        share_draw(share + j * WORDS_QUOTIENT, word);
        share_rest(out + j * WORDS_QUOTIENT, sum[j], word);
    }
}

/* ---- weights ---- */

/* Sums of eight theta_j R^3 at a time, below 8 p. Public. */
struct sums {
    uint64_t of[8][256];
};

static void sums_make(struct sums *sums, const uint64_t *theta)
{
    for (unsigned k = 0; k < 8; k++) {
        sums->of[k][0] = 0;
        for (unsigned i = 0; i < 8; i++)
            for (unsigned v = 0; v < 1u << i; v++)
                sums->of[k][(1u << i) + v] = sums->of[k][v] + theta[8 * k + i];
    }
}

/* theta_g R^2 for the statements of a block. */
static void block_weights(const struct fp61 *p, const struct prf *weights, const struct block *b,
                          const struct sums *sums, uint64_t out[static BLOCK])
{
    uint64_t subset[WORDS_IDENTITIES], chosen[BLOCK];
    subsets_draw(weights, b, subset);
    planes_from_words(chosen, 1, subset, WORDS_IDENTITIES, 0, BLOCK);
    for (size_t g = 0; g < b->count; g++) {
        unsigned __int128 sum = 0;
        for (unsigned k = 0; k < 8; k++)
            sum += sums->of[k][chosen[g] >> 8 * k & 255];
        out[g] = fp61_reduce_one(p, sum);
    }
}

/* ---- claims ---- */

/* A share of a quotient, times R mod p. */
static uint64_t share_element(const struct fp61 *p, const uint64_t word[static 3])
{
    uint64_t a = fp61_add(p, fp61_mul(p, word[0], p->power[2]), fp61_mul(p, word[1], p->power[3]));
    return fp61_add(p, a, fp61_mul(p, word[2], p->power[4]));
}

static uint64_t quotient_claim(const struct fp61 *p, enum prove_seat seat, const uint64_t *theta,
                               const uint8_t *share)
{
    const uint64_t offset[3] = { 0, 0, middle };
    uint64_t sum = 0, word[3];
    for (unsigned j = 0; j < WORDS_IDENTITIES; j++) {
        if (seat == PROVE_LEFT)
            share_draw(share + j * WORDS_QUOTIENT, word);
        else
            share_get(share + j * WORDS_QUOTIENT, word);
        uint64_t q = share_element(p, word);
        if (seat == PROVE_RIGHT)
            q = fp61_sub(p, q, share_element(p, offset));
        sum = fp61_add(p, sum, fp61_mul(p, q, fp61_mul(p, theta[j], 1)));   /* 2^64 theta q R */
    }
    return sum;
}

void words_claim(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *weights,
                 const uint64_t *claims, const uint64_t *theta, const uint8_t *share)
{
    const struct fp61 *p = &f->field.prime;
    struct sums sums;
    uint64_t weight[BLOCK];
    struct block b;
    sums_make(&sums, theta);
    f->claim = quotient_claim(p, seat, theta, share);
    for (int more = block_first(s, &b); more; more = block_next(s, &b)) {
        block_weights(p, weights, &b, &sums, weight);
        for (size_t g = 0; g < b.count; g++)
            f->claim = fp61_add(p, f->claim, fp61_mul(p, claims[b.claim + g], weight[g]));
    }
}

void words_bind(struct step *s, struct fold *f, const struct prf *weights, const uint64_t *theta)
{
    const struct fp61 *p = &f->field.prime;
    struct sums sums;
    uint64_t weight[BLOCK];
    struct block b;
    for (size_t i = 0; f->u != NULL && i < f->n; i++)
        f->u[i] = fp61_from_word(p, f->u[i]);
    if (f->w == NULL)
        return;
    sums_make(&sums, theta);
    for (int more = block_first(s, &b); more; more = block_next(s, &b)) {
        block_weights(p, weights, &b, &sums, weight);
        for (size_t t = 0; t < b.run.terms; t++)
            for (size_t g = 0; g < b.count; g++) {
                uint64_t *w = f->w + b.term + t * b.run.words + g;
                *w = fp61_mul(p, *w, weight[g]);
            }
    }
}

/* ---- the prime ---- */

uint64_t words_prime(const struct prf *key, uint32_t gate)
{
    for (uint64_t i = 0;; i++) {
        uint64_t p;
        prf_fill(key, gate, USE_PRIME, i, &p, sizeof p);
        p = (uint64_t)1 << 60 | p >> 4 | 1;
        if (fp61_is_prime(p))
            return p;
    }
}
