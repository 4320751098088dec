/*
 * mac.h: `sy-rep-ring-mac`: three parties, one of them malicious, security with abort, by MACs.
 *
 * SPDZ-wise replicated sharing modulo 2^(k+s), k = s = 64 (Abspoel, Dalskov, Escudero, Nof, `An
 * efficient passive-to-active compiler for honest-majority MPC over rings', ACNS 2021, after Chida
 * et al., CRYPTO 2018). R = Z_{2^128}. The key is alpha = alpha_0 + alpha_1 + alpha_2 in R with
 * alpha_j = F(k_j) < 2^64. A value x modulo 2^64 is held as
 *
 *     [X], [alpha X]      both replicated over R (replicated.h), X = x modulo 2^64,
 *
 * with upper words of X that mean nothing. Clients share modulo 2^64: their words, with zeros
 * above, are shares of such an X, and GATE_AUTH makes [alpha X]. Weights have no MAC: a product
 * needs but one, (x w, (alpha x) w). A bit stays in replicated form; share j of one is known to
 * two parties and multiplies a pair by a product of two messages (mac_bit.c).
 *
 * The check (mac_check.c). Every pair that a product made is entered, when it is made, into
 *
 *     T = sum rho_i x_i,   M = sum rho_i m_i,      rho_i uniform in R, shared by PRF words,
 *
 * as products of replicated sharings, of which each party keeps but its part of the two sums. At
 * the end [T] is reshared and V = M - alpha T must be zero. Nobody ever knows a rho_i or T.
 *
 * Why the coefficients stay secret (and have 128 bits). Let pair i carry what was added to it in
 * its own product, f_i = d'_i - alpha d_i (d_i to the value, d'_i to the MAC). Products with
 * secrets carry defects on, so that delta_i = m_i - alpha x_i = f_i + sum_{j<i} c_ij delta_j with
 * secret c_ij, and V = sum rho_i delta_i. A cheat who knows rho sees by the abort whether this
 * secret sum is 0: with d_1 = 2^127 and rho_1 even, rho_2 odd it is the lowest bit of a factor
 * (the selective failure of Z_{2^128}, which has no counterpart in a field). With secret uniform
 * rho, V is uniform in the ideal of all delta_i, which is that of all f_i, since the c_ij make a
 * triangle with ones on its diagonal: 2^v R, v the least valuation of the f_i, that is of numbers
 * which alpha and the cheat's own choice determine. V is simulated without any secret, so
 * an abort tells nothing. Stages that are settled later have a V of their own, with fresh rho,
 * and defects of earlier ones among their c_ij delta_j. It is not shown: parties claim it, claims
 * are compared once, at the end, and they differ already for the V in which a cheat is entered
 * first, but for the probability below.
 *
 * Soundness. Let d_i not be 0 modulo 2^64, of valuation u <= 63. alpha has 64 bits that the cheat
 * does not know, so f_i has valuation u + t or more with probability 2^-t (t <= 64); then V,
 * whatever was added to it later, is 0 with probability at most 2^-(128 - u - t). All in all
 *
 *     sum_{t < 64} 2^-(t+1) 2^-(128-u-t) + 2^-64  <=  64 2^-66 + 2^-64  <  2^-59.
 *
 * (An error of values above 2^64, u >= 64, is none: those words mean nothing. It is missed with
 * probability (s + 2) / 2^(s+1), s = 128 - u, and 2^-s in a tag, as tests/test_mac.c counts.)
 *
 * What follows from low words only (shifts, bits) forgets errors above them, which are none, and
 * the pair before the shift stays entered. Boolean gates, and bits that D deals, are proved
 * (syrep.h).
 *
 * Before the check nothing that is received depends on a secret: every message is masked by a PRF
 * word whose key the receiver lacks.
 */
#ifndef OB_PROTO_MAC_H
#define OB_PROTO_MAC_H

#include "proto/replicated.h"

__extension__ typedef unsigned __int128 wide;

enum { MAC_CHUNK = 256 };       /* wide elements per pass: 4 KB */

/* Planes of a SHARE: 4 item + 2 (high word) + share; so the first two are a sharing modulo 2^64
 * as in replicated.h. Of a SUM: 2 item + (high word). */
enum mac_item { MAC_VALUE, MAC_TAG };

/* Randomness of gates; each use of a kind counts up. */
enum mac_use {
    USE_MAC_KEY = 0x200,
    USE_MAC_ZERO = 0x210,       /* + number: zero sharings */
    USE_MAC_BIT = 0x220,        /* + 2 number + item: shares of products by bits */
    USE_MAC_RHO = 0x240         /* + number: coefficients of the check */
};

/* A pair in memory: eight planes as in a SHARE. */
struct mac_planes {
    uint64_t *words;
    size_t stride;
};

/* Elements of a pair at this role: by item and share. */
struct mac_pair {
    wide x[2][2][MAC_CHUNK];
};

static inline struct mac_planes mac_operand(const struct step *s, unsigned k)
{
    return (struct mac_planes){ (uint64_t *)(uintptr_t)s->x[k], s->stride[k] };
}

static inline struct mac_planes mac_result(const struct step *s)
{
    return (struct mac_planes){ s->z, s->z_stride };
}

/* The low words of one share of one item; the high ones stand 2 stride behind. */
static inline uint64_t *mac_low(struct mac_planes v, unsigned item, unsigned share)
{
    return v.words + (4 * item + share) * v.stride;
}

static inline size_t mac_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- words: mac_word.c ---- */

/* n elements from or to low words, whose high ones stand `far` words behind. */
void mac_load(wide *x, const uint64_t *low, size_t far, size_t n);
void mac_store(uint64_t *low, size_t far, const wide *x, size_t n);

/* Elements [first, first + n), n <= MAC_CHUNK, of one share of one item, or of all. */
void mac_get(wide *x, struct mac_planes v, unsigned item, unsigned share, size_t first, size_t n);
void mac_set(struct mac_planes v, unsigned item, unsigned share, size_t first, const wide *x,
             size_t n);
void mac_add(struct mac_planes v, unsigned item, unsigned share, size_t first, const wide *x,
             size_t n);
void mac_get_pair(struct mac_pair *p, struct mac_planes v, size_t first, size_t n);

/* Elements on the wire, where the lowest `zeros` bits of each are zero and do not travel. */
size_t mac_bytes(unsigned zeros);       /* of one */
void mac_pack(uint8_t *out, const wide *x, size_t n, unsigned zeros);
void mac_unpack(wide *x, const uint8_t *in, size_t n, unsigned zeros);

/* Elements [first, first + n) of F(k_j, use), n <= MAC_CHUNK; and of F(k_r) - F(k_{r+1}). */
void mac_draw(const struct step *s, unsigned j, uint32_t use, size_t first, wide *out, size_t n);
void mac_zero(const struct step *s, uint32_t use, size_t first, wide *out, size_t n);

/* alpha_r and alpha_{r+1}. */
void mac_key(const struct step *s, wide alpha[static 2]);

/* out[i] = this role's part of x y, from its two shares of each. */
static inline wide mac_part(wide x0, wide x1, wide y0, wide y1)
{
    return x0 * (y0 + y1) + x1 * y0;
}

/* ---- products: mac_product.c ---- */

/* This role's parts of elements of one item, masked (by zero sharing `number` of the gate), go into
 * share 0 and into `out`, which role r - 1 gets; what came from role r + 1 is share 1. */
enum mac_masked { MASK_VALUE, MASK_TAG, MASK_SHIFTED, MASK_CHECK };

void mac_leave(const struct step *s, struct mac_planes v, unsigned item, unsigned number,
               size_t first, wide *part, size_t n, uint8_t *out);
void mac_take(struct mac_planes v, unsigned item, size_t first, size_t n, const uint8_t *in);

/* The tag of elements whose value stands in v: its part of alpha x is left (n of one chunk). */
void mac_leave_tag(const struct step *s, struct mac_planes v, unsigned number, size_t first,
                   size_t n, uint8_t *out);

/* A SUM becomes a pair: what a role leaves for r - 1, 32 bytes an element; what it gets. */
void mac_reshare_send(const struct step *s, struct mac_planes v, uint8_t *out);
void mac_reshare_take(const struct step *s, struct mac_planes v, const uint8_t *in);

/* ---- the check: mac_check.c ---- */

/* Every gate that enters pairs keeps its part of T and M first in its record. */
enum { MAC_RECORD = 2 * sizeof(wide) };

size_t mac_record(const struct program *p, const struct gate *g, unsigned self);
void mac_enter(const struct step *s, unsigned number, struct mac_planes v, size_t first, size_t n);

/* ---- products by one share of a bit: mac_bit.c ---- */

/* Which messages the value item of a product by share j needs. */
enum mac_form {
    MAC_BOTH,       /* from both holders of share j */
    MAC_ONE,        /* from role j alone: the value is a share j + 1 alone */
    MAC_NONE        /* none: the value is a share j alone, and so is the product */
};

struct mac_bit {
    unsigned j;                 /* whose share of the bit */
    unsigned number;            /* of the product, within the gate */
    unsigned zeros;             /* low bits of all elements that are zero */
    enum mac_form form;
    const uint64_t *bit;        /* the plane of share j; not read by role j + 1 */
};

/* v += e b_j for a chunk: what this role knows of it, and what it leaves in the message of n_all
 * elements to the other holder; and what came from that one is added. */
void mac_bit_send(const struct step *s, const struct mac_bit *b, struct mac_planes v,
                  const struct mac_pair *e, size_t first, size_t n, uint8_t *out);
void mac_bit_take(const struct step *s, const struct mac_bit *b, struct mac_planes v, size_t first,
                  size_t n, const uint8_t *in);
size_t mac_bit_bytes(const struct mac_bit *b, size_t n, unsigned from, unsigned to);

/* Role j sends to role j - 1 and the other way round; who of the two (or neither) is `role`. */
static inline unsigned mac_bit_other(unsigned j, unsigned role)
{
    return role == j ? (j + 2) % 3 : j;
}

/* The constant 2^zeros as share j alone, with its tag. */
void mac_constant(const struct step *s, unsigned j, unsigned zeros, struct mac_pair *e, size_t n);

extern const struct gate_ops mac_linear, mac_mul, mac_reshare, mac_auth;
extern const struct gate_ops mac_trunc, mac_inject, mac_b2a, mac_macs;

/* Is what the gate makes under the check of all MACs? */
int mac_enters(const struct program *p, const struct gate *g);

#endif
