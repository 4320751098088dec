/*
 * fold.h: one prover shows two verifiers an inner product: what all folding proofs have in common.
 *
 *     sum over i < n of u_i w_i  =  claim_LEFT + claim_RIGHT          (in a field K)
 *
 * The prover P knows u and w; LEFT knows u and claim_LEFT, RIGHT knows w and claim_RIGHT. (Boneh,
 * Boyle, Corrigan-Gibbs, Gilboa, Ishai: Zero-knowledge proofs on secret-shared data, CRYPTO 2019;
 * Boyle, Gilboa, Ishai, Nof: Practical fully secure three-party computation, CCS 2019.)
 *
 * A level takes k variables. Cut u and w into 2^k blocks of m, padded with zeros; they are the
 * corners of m multilinear polynomials in X_1 .. X_k each, and
 *
 *     H(X) = sum over i < m of U_i(X) W_i(X),   sum over corners b of D_b H(b) = claim,   D_0 = 1
 *
 * (all D_b = 1 but at the first level of a proof about bits). P shares the 3^k - 1 values of H on
 * the points {0, 1, oo}^k (gf64.h) other than the corner 0, whose value the equation gives: LEFT
 * draws its shares from the key of P and LEFT, RIGHT is sent the rest. Then RIGHT shows r in K^k,
 * drawn from the key of the verifiers, which P lacks; the claim becomes H(r), linear in the shares;
 * u becomes U(r), w becomes W(r), of length m. When one element is left, LEFT shows RIGHT u* and
 * its claim: u* w* = claim_LEFT + claim_RIGHT?
 *
 * Sound: if the statement of a level is false, then whatever P shares differs, as a polynomial,
 * from H; both have degree 2 in each variable, so they agree at r with probability at most 2 k /
 * |K| (Schwartz, Zippel), and otherwise the statement of the next level is false. In all 2 v / |K|
 * for v variables. P learns r only when its shares of that level are with RIGHT.
 *
 * Zero knowledge: RIGHT's shares are uniform, LEFT gets none. u* would tell RIGHT something of u,
 * and whether a wrong u* passes would tell LEFT something of w*. So the vectors end with two more
 * elements, u = (.., d, 0) and w = (.., 0, e), d drawn from the key of P and LEFT, e from that of P
 * and RIGHT: they add nothing to the claim, whatever P does, and make u* and w* uniform, as their
 * coefficient, a product of factors r_j and 1 - r_j, is not 0: P takes no challenge of 0 or 1.
 * (It must see to that itself: RIGHT knows the key that challenges come from, and has a part in
 * making it.) claim_LEFT follows from u*, w* and claim_RIGHT.
 */
#ifndef OB_PROTO_FOLD_H
#define OB_PROTO_FOLD_H

#include "proto/field.h"

enum {
    FOLD_TAKE = 4,              /* variables of a level */
    FOLD_FIRST = 2,             /* of the first and longest one of a long proof: each of n elements
                                 * costs 3^k / 2^k products there */
    FOLD_DUMMIES = 2,
    FOLD_ROOM = 16              /* elements of memory after the n of a vector: padding */
};

/* A proof at one seat. */
struct fold {
    struct field field;
    uint64_t *u, *w;            /* NULL where the seat does not know it */
    size_t n;                   /* elements that are left */
    uint64_t claim;             /* this verifier's share */
};

/* Variables of a vector of n elements; how many of v are taken at level i (the last ones take
 * FOLD_TAKE), and how many levels there are. */
unsigned fold_variables(size_t n);
unsigned fold_take(unsigned v, unsigned i);
unsigned fold_levels(unsigned v);

/* Points of k variables: 3^k. */
unsigned fold_points_of(unsigned k);

/* P: the values of H on all points of k variables. */
void fold_points(struct fold *f, uint64_t *h, unsigned k);

/* A verifier: its share of the claim, from its shares of the points (h[0] is not read); weight: the
 * D_b, or NULL for ones. h is overwritten. */
void fold_claim(struct fold *f, uint64_t *h, const uint64_t *weight, const uint64_t *r, unsigned k);

/* Everybody: u and w at r. */
void fold_bind(struct fold *f, const uint64_t *r, unsigned k);

/* eq[b] = the product over j of r_j where bit j of b is set, 1 - r_j where not: 2^k values. */
void fold_eq(const struct field *f, uint64_t *eq, const uint64_t *r, unsigned k);

#endif
