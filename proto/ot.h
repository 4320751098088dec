/*
 * ot.h: oblivious transfer rows, many from a few: SoftSpoken (L. Roy, CRYPTO 2022) over F_2^k.
 *
 * A row is one correlated transfer of 128 bits. The receiver holds a random bit c and t, the
 * sender q and one secret Delta for all rows of this direction:
 *
 *     q = t ^ c Delta
 *
 * Hashed, a row is a random transfer: pads H(q) and H(q ^ Delta), of which the receiver can
 * compute H(t) alone. ot_form.h builds on it what gates use; ot_base.h has the 128 transfers by
 * public keys that all starts from.
 *
 * Setup (two messages, one direction). Delta is cut into groups of k bits (the last one may be
 * smaller). For each group the receiver of rows grows a tree of 2^k leaf keys, of which the sender
 * gets all but number Delta_g: at each level the two XORs of the left and of the right children
 * go through one base transfer, of which the sender takes the one off its path (GGM puncturing).
 * The first level's children are the keys of the base transfer themselves.
 *
 * Extension (one message). Leaf x of a group stands for a stream of bits r_x, one for each row. The
 * receiver has u = the XOR of all r_x, and V_j = the XOR of those with bit j of x set, j < k. The
 * sender, with leaf x under x ^ Delta_g (so the missing one is number 0), computes the same sums
 *
 *     W_j = the XOR of r_x with bit j of x ^ Delta_g set = V_j ^ Delta_gj u
 *
 * The u of group 0 is the choice c; for every other group the receiver sends d = u ^ c, and the
 * sender adds Delta_gj d to W_j. The columns V and W are transposed into rows. (That the first u is
 * the choice is the paper's own construction of a subspace VOLE for the repetition code: u is
 * uniform, because the missing leaf is, and the check below covers it like any other.)
 *
 * Cost: 128 / k - 1 bits for each row, and 2^k 128 / k bits of AES at both ends. k = 4 is the
 * choice for fast networks; k = 8 halves the bytes for eight times the AES.
 *
 * Order. Rows are numbered by (id, row); the stream of a leaf is AES at counter (id, row / 128), so
 * calls may come in any order, and rows asked for twice are the same rows: the caller never does.
 *
 * Security. Semi-honest: AES is a PRF, base transfers are secure. Malicious sender: it may make a
 * tree that is inconsistent; the check that every setup carries (the paper's PPRF check) catches
 * it, but for a guess of bits of Delta that is paid for by the risk of being caught. Malicious
 * receiver: it may send different choices to different groups; ot_prove and ot_verify catch it with
 * 1 - 2^-64, but for guesses of groups of Delta, each paid for in the same way. Semi-honest
 * settings leave them out. No function branches on or indexes by Delta, choices, rows or keys.
 *
 * What is on the stack stays under 48 KB; the engine wipes it.
 */
#ifndef OB_PROTO_OT_H
#define OB_PROTO_OT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/prf.h"

enum {
    OT_KAPPA = 128,
    OT_FIELD = 4,           /* field bits, unless there is a reason: 1 .. OT_FIELD_MAX */
    OT_FIELD_MAX = 8,
    OT_SESSION = 32,        /* bytes that name job, parties and direction, like no other setup */
    OT_OFFER = OT_KAPPA * 64,               /* bytes of the messages of a setup */
    OT_TREES = (OT_KAPPA + 1) * 32,
    OT_ANSWER = 32 + OT_TREES,
    OT_PROOF = 1 + OT_KAPPA                 /* words of a proof of consistency */
};

struct ot_block {           /* 128 bits: bit j of a row is bit j % 64 of w[j / 64] */
    uint64_t w[2];
};

/* ---- state: flat memory of the caller, 64-byte aligned; secret ---- */

size_t ot_state_bytes(unsigned k);

/* At the end that sends rows. */
const struct ot_block *ot_delta(const void *state);

/* ---- setup ---- */

/* What one end draws comes from the stream (gate, use) of its own PRF. Both ends of one direction
 * may share numbers, as their PRFs are different; the two directions may not. */
struct ot_source {
    const struct prf *own;
    uint32_t gate, use;
};

/* The first message, from the sender of rows to the receiver. */
void ot_offer(uint8_t offer[static OT_OFFER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source);

/* The receiver's state and answer; -1: the offer is not one that an honest sender makes. */
int ot_answer(void *state, uint8_t answer[static OT_ANSWER], unsigned k,
              const uint8_t offer[static OT_OFFER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source);

/* The sender's state, from its own offer and the answer; -1: not one of an honest receiver. */
int ot_accept(void *state, unsigned k, const uint8_t offer[static OT_OFFER],
              const uint8_t answer[static OT_ANSWER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source);

/* ---- extension ---- */

/* Bytes of the message for n rows. */
size_t ot_message_bytes(unsigned k, size_t n);

/* n rows from number `first` (a multiple of 128) of `id`. The receiver's side leaves the message;
 * choice is a plane of KERNEL_PLANE(n) words, its padding zero. Both ends cut what they need into
 * calls alike: each call has a message of its own. Fewer than 2048 rows take the time of 2048. */
void ot_receive(const void *state, uint32_t id, size_t first, size_t n, uint64_t *choice,
                struct ot_block *t, uint8_t *message);
void ot_send(const void *state, uint32_t id, size_t first, size_t n, const uint8_t *message,
             struct ot_block *q);

/* ---- the check against a malicious receiver ---- */

/*
 * A universal hash of all columns: with independent elements a_b of GF(2^64), one for each block b
 * of 64 rows,
 *
 *     u = sum a_b c_b,  v_j = sum a_b t_bj,  w_j = sum a_b q_bj;  w_j = v_j + Delta_j u for all j
 *
 * where x_b is the b-th word of a column. The last block has the coefficient 1: its rows mask the
 * proof and may serve nothing else. n is a multiple of 64; the coin is tossed after ot_receive's
 * message has arrived, and known to nobody before. The receiver sends the proof.
 */
void ot_prove(uint64_t proof[static OT_PROOF], const uint64_t *choice, const struct ot_block *t,
              size_t n, const uint8_t coin[static PRF_KEY]);
int ot_verify(const uint64_t proof[static OT_PROOF], const struct ot_block *q,
              const struct ot_block *delta, size_t n, const uint8_t coin[static PRF_KEY]);

/* ---- rows to pads ---- */

/*
 * pad[i] = H(row[i] ^ offset; id, first + i), where offset NULL is zero, and
 *
 *     H(x; id, row) = P(P(x) ^ tweak) ^ P(x),  tweak = le64(row) || le32(id) || 0
 *
 * with P = AES-128 under a fixed key. This TMMO is tweakable circular correlation robust in the
 * ideal-permutation model (C. Guo, J. Katz, X. Wang, Y. Yu, S&P 2020): under one Delta, no
 * (id, row) may be hashed for two purposes. Cost: two AES blocks.
 */
void ot_pads(const struct ot_block *row, const struct ot_block *offset, uint32_t id,
             size_t first, size_t n, struct ot_block *pad);

#endif
