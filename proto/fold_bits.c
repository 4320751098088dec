/*
 * fold_bits.c: from statements about bits to an inner product over GF(2^64).
 *
 *     sum over t of left[t]_k right[t]_k  =  claim_left,k + claim_right,k      over GF(2), all k
 *
 * Word s of a run has 64 positions. A run of `words` words is cut into 64 blocks of `columns`
 * words, the last ones filled up with zeros: s = b columns + c. As an element of GF(2^64), word s
 * of what the two sides of the statements differ by is E_bc, which is 0 iff all 64 statements hold;
 * and
 *
 *     sum over c of rho_c (sum over b of D_b E_bc),   rho_c uniform, D_0 = 1, other D_b uniform
 *
 * is 0 with probability at most 2 / 2^64 if some E_bc is not (independent elements, drawn from the
 * seed that is shown after everything is fixed; powers of one element would not do). With u and w
 * the bits themselves this is the statement of the first level of a fold in six variables, the bits
 * of b, where position j of word c weighs rho_c x^j and corner b D_b. After it each column (c, j)
 * of 64 bits is one element; rho_c x^j goes into w; and what is left is an inner product.
 *
 * In all a false statement passes with probability at most (2 + 2 (6 + v)) / 2^64, where v is the
 * number of variables of the elements that are left, at most 2^28 of them: 2^-57.8.
 *
 * Why six variables at once: on the points {0, 1, oo}^6 bits stay bits, so the 729 points of 64
 * positions cost 729 ANDs and some 1300 XORs of words, for 64 terms; folding them one variable at a
 * time would make an element of 64 bits of each two bits first. One core with PCLMULQDQ takes 0.4
 * to 0.5 ns for each position of a term at P and 0.15 at a verifier (tests/bench_prove.c), against
 * some 5 and 1 without. P sends 5.8 KB for this level, and less than 4 KB for all that follow.
 */
#include <string.h>

#include "proto/prove_impl.h"

static size_t columns_of(const struct prove_run *run)
{
    return ((size_t)run->words + GF64_BLOCKS - 1) / GF64_BLOCKS;
}

static size_t row_of(const struct prove_run *run)
{
    return columns_of(run) * GF64_BLOCKS;
}

size_t bits_elements(const struct program *p, const struct gate *g)
{
    size_t n = 0;
    int any = 0;
    struct prove_run run;
    for (unsigned i = 0; prove_run_from(p, g, &i, PROVE_BITS, &run); i++) {
        n += run.terms * row_of(&run);
        any = 1;
    }
    return any ? n + FOLD_DUMMIES : 0;
}

size_t bits_claims(const struct program *p, const struct gate *g)
{
    size_t most = 0;
    struct prove_run run;
    for (unsigned i = 0; prove_run_from(p, g, &i, PROVE_BITS, &run); i++)
        if (row_of(&run) > most)
            most = row_of(&run);
    return most;
}

/* ---- filling ---- */

/* Rows of `words` words become rows of row_of(run). */
static void rows_spread(uint64_t *u, const struct prove_run *run)
{
    size_t row = row_of(run), words = run->words;
    if (u == NULL || row == words)
        return;
    for (size_t t = run->terms; t-- > 0;) {
        memmove(u + t * row, u + t * words, words * sizeof *u);
        memset(u + t * row + words, 0, (row - words) * sizeof *u);
    }
}

/* The weights of columns [first, first + count) of run i; first is even. */
static void columns_draw(const struct prf *weights, unsigned i, size_t first, uint64_t *rho,
                         size_t count)
{
    prf_fill(weights, i, WEIGHT_COLUMN, first / 2, rho, count * sizeof *rho);
}

static size_t columns_now(const struct prove_run *run, size_t first)
{
    size_t rest = columns_of(run) - first;
    return rest < GF64_COLUMNS ? rest : GF64_COLUMNS;
}

/* The sum over c of rho_c times the sum over b of D_b claim_bc. */
static uint64_t claim_of(const struct prf *weights, unsigned i, const struct prove_run *run,
                         const uint64_t *weight, uint64_t *claims)
{
    uint64_t rho[GF64_COLUMNS], sum = 0;
    memset(claims + run->words, 0, (row_of(run) - run->words) * sizeof *claims);
    gf64_bind(claims, columns_of(run), GF64_VARIABLES, weight);
    for (size_t c = 0; c < columns_of(run); c += GF64_COLUMNS) {
        size_t count = columns_now(run, c);
        columns_draw(weights, i, c, rho, count);
        sum ^= gf64_dot(rho, claims + c, count);
    }
    return sum;
}

void bits_weight(const struct prf *weights, uint64_t weight[static GF64_BLOCKS])
{
    prf_fill(weights, 0, WEIGHT_BLOCK, 0, weight, GF64_BLOCKS * sizeof *weight);
    weight[0] = 1;
}

void bits_fill(struct step *s, struct fold *f, enum prove_seat seat, const struct prf *coins,
               const struct prf *weights, uint64_t *claims)
{
    const struct prove_source *source = s->program->proto->source;
    uint64_t weight[GF64_BLOCKS];
    size_t at = 0;
    struct prove_run run;
    bits_weight(weights, weight);
    f->claim = 0;
    for (unsigned i = 0; prove_run_from(s->program, s->gate, &i, PROVE_BITS, &run); i++) {
        uint64_t *u = f->u == NULL ? NULL : f->u + at, *w = f->w == NULL ? NULL : f->w + at;
        source->fill(s, i, seat, coins, u, w, seat == PROVE_PROVER ? NULL : claims);
        rows_spread(u, &run);
        rows_spread(w, &run);
        if (seat != PROVE_PROVER)
            f->claim ^= claim_of(weights, i, &run, weight, claims);
        at += run.terms * row_of(&run);
    }
    f->n = at;
}

/* ---- the first level ---- */

void bits_points(struct step *s, const struct fold *f, const struct prf *weights, uint64_t *h,
                 void *work)
{
    uint64_t rho[GF64_COLUMNS];
    size_t at = 0;
    struct prove_run run;
    memset(h, 0, GF64_POINTS * sizeof *h);
    for (unsigned i = 0; prove_run_from(s->program, s->gate, &i, PROVE_BITS, &run); i++) {
        for (size_t c = 0; c < columns_of(&run); c += GF64_COLUMNS) {
            size_t count = columns_now(&run, c);
            columns_draw(weights, i, c, rho, count);
            gf64_bit_points(h, f->u + at, f->w + at, run.terms, columns_of(&run), c, count, rho,
                            work);
        }
        at += run.terms * row_of(&run);
    }
}

void bits_bind(struct step *s, struct fold *f, const struct prf *weights, const uint64_t *r)
{
    uint64_t rho[GF64_COLUMNS], eq[GF64_BLOCKS];
    size_t at = 0;
    struct prove_run run;
    fold_eq(&f->field, eq, r, GF64_VARIABLES);
    for (unsigned i = 0; prove_run_from(s->program, s->gate, &i, PROVE_BITS, &run); i++) {
        for (size_t c = 0; c < columns_of(&run); c += GF64_COLUMNS) {
            size_t count = columns_now(&run, c);
            columns_draw(weights, i, c, rho, count);
            if (f->u != NULL)
                gf64_bit_bind(f->u + at, run.terms, columns_of(&run), c, count, eq, NULL);
            if (f->w != NULL)
                gf64_bit_bind(f->w + at, run.terms, columns_of(&run), c, count, eq, rho);
        }
        at += run.terms * row_of(&run);
    }
}
