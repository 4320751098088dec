/*
 * ot_base.h: base oblivious transfers by public keys: the endemic transfer of D. Masny and
 * P. Rindal (CCS 2019) over the group ristretto255, of prime order with generator G.
 *
 * For transfer number i the receiver with choice c draws a scalar x and a random element r_(1-c):
 *
 *     r_c = x G - H(session, i, c, r_(1-c))                offers (r_0, r_1)
 *     the sender draws one scalar y for all, and answers y G
 *     key_b = KDF(session, i, b, r_0, r_1, y G, y (r_b + H(session, i, b, r_(1-b))))
 *     key_c = KDF(session, i, c, r_0, r_1, y G, x (y G))
 *
 * Both r are uniform whatever c is. Of the two elements r_b + H(.., r_(1-b)) the receiver can know
 * the logarithm of one at most, for a random oracle H; the other key is a Diffie-Hellman secret.
 * Secure against malicious ends under computational Diffie-Hellman in the random oracle model:
 * each end can influence keys, but the receiver learns one of them. Refused are encodings that are
 * not of the group, the neutral element, and r_0 = r_1.
 *
 * H is BLAKE2b-512 mapped to the group, KDF is BLAKE2b-512 cut to 16 bytes, both of
 * label || session || le32(i) || b || ..; the two labels differ. Cost: 2 (receiver) and 2 (sender)
 * multiplications for each transfer, 64 bytes, and 32 bytes for all. No branch and no index
 * depends on a choice.
 */
#ifndef OB_PROTO_OT_BASE_H
#define OB_PROTO_OT_BASE_H

#include "proto/ot.h"

enum { OT_POINT = 32, OT_BASE_DRAW = 128 };     /* bytes drawn for a transfer */

/* The receiver's offer for n transfers; bit i of the plane `choice` is the i-th choice. Draws from
 * block 8 i of the source for transfer i. */
void ot_base_offer(uint8_t (*offer)[2][OT_POINT], const uint64_t *choice, size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source);

/* The sender's keys and its answer y G; -1: refused. Draws 64 bytes at block 0. */
int ot_base_answer(uint8_t (*key)[2][PRF_KEY], uint8_t answer[static OT_POINT],
                   const uint8_t (*offer)[2][OT_POINT], size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source);

/* The receiver's keys, from its own offer, the answer and what it drew; -1: refused. */
int ot_base_accept(uint8_t (*key)[PRF_KEY], const uint8_t (*offer)[2][OT_POINT],
                   const uint8_t answer[static OT_POINT], const uint64_t *choice, size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source);

#endif
