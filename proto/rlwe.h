/*
 * rlwe.h: encryption of polynomials that another party multiplies by polynomials of its own.
 *
 * Scheme: BFV (J. Fan, F. Vercauteren, ePrint 2012/144) with a secret key, over
 * R_q = Z_q[X]/(X^N + 1), for plaintexts modulo t = 2^64, used as in Cheetah (Z. Huang, W. Lu,
 * C. Hong, J. Ding, USENIX Security 2022). With s ternary and e small (centred binomial of 21 bits
 * each side, standard deviation 3.24):
 *
 *     Enc(m) = (b, a),  b = -a s + e + round(q m / t),  a from a seed
 *
 * The other party has weights w in Z_t as polynomials with centred coefficients, and answers
 *
 *     sum over k of Enc(m_k) w_k  +  (pk_b u, pk_a u + e_1)  -  round(q r / t)  +  flood
 *
 * with u ternary and a mask r, and on every coefficient of the b part an integer uniform among
 * 2^(F+1) about 0. Then it switches to q' = p_0 p_1 and sends the whole a part and those
 * coefficients of the b part that are results. Decryption gives the coefficients of sum m_k w_k - r
 * modulo t.
 *
 * Parameters
 *
 *     N      8192
 *     q      p_0 .. p_4, primes of 42, 42, 40, 40, 40 bits, all 1 mod 4 N: log2 q = 204.0
 *     q'     p_0 p_1: log2 q' = 84.0
 *     F      134
 *     bytes  208,912 for a ciphertext (16 of them the seed); an answer: 86,016 + 10.5 a result
 *
 * The homomorphic encryption standard (2018) allows log2 q <= 218 for 128 bits at N = 8192 with a
 * ternary secret and deviation 3.2; the guidelines of 2024 (J.-P. Bossuat et al., ePrint 2024/463)
 * are a little stricter, and 204 leaves room for that.
 *
 * What the key's owner learns. He knows s, e_k and m_k. The a part is masked by pk_a u + e_1: a
 * ring-LWE sample in u, so pseudorandom because pk_a is uniform, which is why its seed is the
 * choice of neither party (a dishonest owner's pk_a = 0 would leave sum a_k w_k, and so w). Without
 * that, the sum would be public but for w. Given the a part, a coefficient of the b part is
 * determined by the result and by what decryption finds besides:
 *
 *     noise = sum w_k (e_k + d_k) + pk_e u + s e_1 + d_r + flood
 *
 * (d: what rounding added, at most 1/2). Each m_k is uniform or 0 and q is odd, so d_k is uniform
 * or 0, and e_k + d_k has variance at most 21/2 + 1/12. For K products with |w| <= 2^63 the sum has
 * deviation at most 3.253 sqrt(N K) 2^63, which is 2^74.2 for K = 64; the other terms are below
 * 2^30. A uniform flood that is moved by delta has statistical distance |delta| / 2^(F+1) from
 * itself, on average at most 2^74.2 / 2^135 = 2^-60.8, and 1.5 million results of a job in one
 * direction give 2^-40.3. (Weights that are shares are uniform, which makes it 2^-41.1; the
 * distance grows as the root of K.) The flood is also the second error of the encryption of zero.
 * Coefficients that are no results carry cross terms of w and are never sent. Switching the modulus
 * works on the one form of residues after the flood, so it tells nothing new.
 *
 * Why decryption is right. Before the switch the noise is below 2^134 + 2^77.5: e is a sum of 42
 * halves of signs, so Hoeffding's inequality gives 9.4 deviations but for 2^-41 a job; |sum w_k
 * d_k| <= 2^81 in any case. The switch divides it by q / q' = 2^120.0 and adds at most 0.51
 * (1 + sum |s_i|), below 2^12.1 and mostly some 2^7. The brink is q' / 2t = 2^19, so the margin is
 * at least 4.6 bits, and mostly 4.98.
 *
 * round(q m / t) modulo p: q m - t round(q m / t) is the centred residue of q m modulo t, and q is
 * 0 modulo p, so it is -[q m]_t / t modulo p: exact, with words of 64 bits alone.
 *
 * Randomness. A coefficient of a is 128 bits modulo p (2^-86 from uniform), as nothing may depend
 * on how often a draw is refused: the seed of a is public, but what it is drawn from is not.
 * Ternary numbers are 2^-64 from uniform. Nothing branches on or indexes by secrets.
 *
 * Time, one core with AVX2 (tests/bench_rlwe): encrypt 0.28 ms, load 0.14, a weight 0.10, a product
 * 0.02, an answer with N results 0.5, its decryption 0.12.
 *
 * Memory is the caller's, in words of 64 bits, best aligned to 32 bytes. What is loaded,
 * transformed or summed holds doubles (ntt.h) and is for the functions below alone.
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
    RLWE_TABLES = 2 * RLWE_POLY,                /* words of the tables */
    RLWE_CIPHER = 2 * RLWE_POLY,                /* words of a loaded ciphertext */
    RLWE_SUM = RLWE_CIPHER,                     /* words of a sum of products */
    RLWE_SCRATCH = RLWE_POLY + 6 * RLWE_N,      /* words that each function below works in */
    RLWE_SEED = 16,
    RLWE_CIPHER_BYTES = RLWE_SEED + RLWE_N / 8 * 204,
    RLWE_PRODUCTS = 256,        /* in one sum, at most */
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

/* Roots of unity and what goes with them: the same for everybody, made in some milliseconds. */
void rlwe_tables(void *tables);

/* A secret key (RLWE_POLY words), and the public key's b part as a message (RLWE_CIPHER_BYTES),
 * whose a part comes from `seed`, which both ends know and neither chose. */
void rlwe_keygen(void *secret, uint8_t *public, const void *tables,
                 const uint8_t seed[static RLWE_SEED], const struct rlwe_source *source,
                 void *scratch);

/* m: RLWE_N words. */
void rlwe_encrypt(uint8_t *message, const uint64_t *m, const void *secret, const void *tables,
                  const struct rlwe_source *source, void *scratch);

/* A ciphertext, or a public key with the agreed seed in place of its own (NULL: its own). Every
 * message of this length is one. */
void rlwe_load(void *cipher, const uint8_t *message, const uint8_t *seed, const void *tables);

/* A weight polynomial for rlwe_multiply: RLWE_POLY words. */
void rlwe_plain(void *weight, const uint64_t *w, const void *tables);

/* sum += cipher * weight. sum begins with zeros. */
void rlwe_multiply(void *sum, const void *cipher, const void *weight);

/* Bytes of an answer with n results; the answer with mask r[i] at coefficient at[i]. Uses up
 * sum. */
size_t rlwe_answer_bytes(size_t n);
void rlwe_answer(uint8_t *message, void *sum, const void *public, const uint32_t *at,
                 const uint64_t *r, size_t n, const void *tables,
                 const struct rlwe_source *source, void *scratch);

/* The results. Returns the least margin, in 2^-20 of the distance at which a result is wrong:
 * 2^20 - 1 without noise, 0 at the brink. */
uint64_t rlwe_decrypt(uint64_t *m, const uint8_t *message, const uint32_t *at, size_t n,
                      const void *secret, const void *tables, void *scratch);

#endif
