/*
 * rlwe.h: encryption of polynomials that another party multiplies by polynomials of its own.
 *
 * Scheme: BFV (J. Fan, F. Vercauteren, ePrint 2012/144) with a secret key, over
 * R_q = Z_q[X]/(X^N + 1), for plaintexts modulo t = 2^64, used as in Cheetah (Z. Huang, W. Lu, C. Hong,
 * J. Ding, USENIX
 * Security 2022). With s ternary and e small (centred binomial, standard deviation 3.24):
 *
 *     Enc(m) = (b, a),  b = -a s + e + round(q m / t),  a from a seed
 *
 * The other party has weights w in Z_t as polynomials with centred coefficients, and answers
 *
 *     sum over k of Enc(m_k) w_k  +  (pk_b u + e_2, pk_a u + e_1)  -  round(q r / t)  +  flood
 *
 * with a fresh encryption of zero (without it the `a` part, sum of a_k w_k for public a_k, would
 * give w away), a mask r, and on every coefficient an integer uniform in [-2^F, 2^F) that drowns
 * what the noise tells of w. Then it switches to q' = p_0 p_1 and sends the whole `a` part and
 * those coefficients of the `b` part that are results; others would tell more of w. Decryption
 * gives the coefficients of sum m_k w_k - r modulo t.
 *
 * Parameters: N = 8192, q = p_0 .. p_4 of 42 + 42 + 40 + 40 + 40 bits, all 1 mod 2 N. log2 q = 204
 * is below the 218 that the homomorphic encryption standard allows for 128 bits at N = 8192 with a
 * ternary secret.
 *
 * Noise. A product with |w| <= 2^63 adds a sum of N terms e w: standard deviation 3.24 2^63 /
 * sqrt(3) sqrt(8192) = 2^70.4 for uniform w; 64 of them 2^73.4, and 2^77 is 12 deviations. F = 134:
 * the statistical distance that a coefficient adds is at most E|noise| / 2^F < 2^-60.9, for 1.5
 * million coefficients 2^-40.4. Decryption is right while |noise| + 2^F < q / 2t = 2^138.9: a
 * margin of 4.9 bits. After the switch a coefficient has a noise of 2^134 q' / q = 2^14 and that of
 * rounding, some sqrt(N) / 3, under q' / 2t = 2^18.9: 4.9 bits again.
 *
 * round(q m / t) modulo p: q m - t round(q m / t) is the centred residue [q m]_t, and q is 0 modulo
 * p, so it is -[q m]_t / t modulo p, with words of 64 bits alone.
 *
 * Memory is the caller's. Nothing branches on or indexes by secrets.
 */
#ifndef OB_PROTO_RLWE_H
#define OB_PROTO_RLWE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/prf.h"

enum {
    RLWE_N = 8192,
    RLWE_PRIMES = 5,            /* of q; the first two are those of q' */
    RLWE_KEPT = 2,
    RLWE_POLY = RLWE_PRIMES * RLWE_N,           /* words of a polynomial modulo q */
    RLWE_TABLES = 4 * RLWE_POLY,                /* words of the tables */
    RLWE_CIPHER = 2 * RLWE_POLY,                /* words of a loaded ciphertext */
    RLWE_SUM = 2 * RLWE_CIPHER,                 /* words of a sum of products */
    RLWE_SCRATCH = 2 * RLWE_CIPHER,             /* words that each function below works in */
    RLWE_SEED = 16,
    RLWE_CIPHER_BYTES = RLWE_SEED + RLWE_N / 8 * 204,
    RLWE_FLOOD = 134
};

/* Where a function draws: from block `block` on of (gate, use) of a party's own PRF; it takes at
 * most RLWE_DRAW blocks. */
struct rlwe_source {
    const struct prf *own;
    uint32_t gate, use;
    uint64_t block;
};

enum { RLWE_DRAW = 4 * RLWE_N };

/* Roots of unity and what goes with them. */
void rlwe_tables(uint64_t tables[static RLWE_TABLES]);

/* A secret key (RLWE_POLY words), and the public key's b part as a message (RLWE_CIPHER_BYTES),
 * whose a part comes from `seed`, which both ends know and neither chose. */
void rlwe_keygen(uint64_t *secret, uint8_t *public, const uint64_t *tables,
                 const uint8_t seed[static RLWE_SEED], const struct rlwe_source *source,
                 uint64_t *scratch);

/* m: RLWE_N words. */
void rlwe_encrypt(uint8_t *message, const uint64_t *m, const uint64_t *secret,
                  const uint64_t *tables, const struct rlwe_source *source, uint64_t *scratch);

/* A ciphertext, or a public key with the agreed seed in place of its own (NULL: its own). */
void rlwe_load(uint64_t *cipher, const uint8_t *message, const uint8_t *seed,
               const uint64_t *tables);

/* A weight polynomial for rlwe_multiply: RLWE_POLY words. */
void rlwe_plain(uint64_t *weight, const uint64_t *w, const uint64_t *tables);

/* sum += cipher * weight; at most 2^20 times. sum begins with zeros. */
void rlwe_multiply(uint64_t *sum, const uint64_t *cipher, const uint64_t *weight);

/* Bytes of an answer with n results; the answer with mask r[i] at coefficient at[i]. Uses up sum.
 * */
size_t rlwe_answer_bytes(size_t n);
void rlwe_answer(uint8_t *message, uint64_t *sum, const uint64_t *public, const uint32_t *at,
                 const uint64_t *r, size_t n, const uint64_t *tables,
                 const struct rlwe_source *source, uint64_t *scratch);

/* The results. Returns the least margin, in 2^-20 of the distance at which a result is wrong: 2^20
 * without noise, 0 at the brink. */
uint64_t rlwe_decrypt(uint64_t *m, const uint8_t *message, const uint32_t *at, size_t n,
                      const uint64_t *secret, const uint64_t *tables, uint64_t *scratch);

#endif
