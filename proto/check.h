/*
 * check.h: the gates that check a program of a malicious setting, whatever it is.
 *
 * BARRIER  every party tells every other that all gates of a stage are done at its side. Complete
 *          when all have told: from then on no message of those gates can change, and public coins
 *          that depend on nothing may be shown, for checks of this stage alone.
 *
 * SETTLE   waits for the checks of some stages, here; what they needed is given back. Local.
 *
 * CHECK    Let t_ab be the tag of what a claims towards b (claim.h), r and m words of 128 bits
 *          under the key K_ab, fresh for each verifier v, and products those of GF(2^128).
 *          round 1: a sends to each v    s_a(v) = sum over b of  r_ab(v) t_ab + m_ab(v)
 *          round 2: v adds up what came and its own: each m occurs twice, so
 *
 *              sum over a of s_a(v) = sum over pairs of r_ab(v) (t_ab + t_ba)
 *
 *          is 0 if all claims agree. If so v says that all is well, to everybody: the word
 *          F(K_ab; WELL, sender), which only the two ends of a link know, so that nobody can say it
 *          for another. The gate is complete, and the program with it, when everybody has said so.
 *
 * Two rounds, parties (parties - 1) 32 bytes. A party whose sum is not 0 says nothing but
 * ABORT: its word is missing, so no honest party lets any piece of an output go. A cheat that
 * withholds its own word from some stops those alone: abort is selective. Then all checks have
 * passed, and an honest Alice, who needs the pieces of all, has no label.
 *
 * Soundness: if honest a and b hold different tags, r_ab(v) (t_ab + t_ba) is uniform to everybody
 * else, for each honest v by itself. The cheat's s(v) is sent without knowledge of it (what the
 * cheat gets are the s_a of itself as a verifier, under other words), so the sum is 0 with
 * probability 2^-128.
 *
 * What an abort tells: that some claims differ. Which ones is a secret worth keeping: once two
 * honest parties go on with different words, whether their later claims agree may depend on the
 * inputs (has the difference moved a carry?), and the tags themselves as well. Here the cheat
 * learns the sum of all: uniform, if any two honest parties differ; and all honest parties give up,
 * not some. That two of them always differ, if it cheats in a way that matters, is what the gates
 * see to; so that they give up tells nothing about inputs.
 */
#ifndef OB_PROTO_CHECK_H
#define OB_PROTO_CHECK_H

#include "proto/protocol.h"

/* The ops of BARRIER, SETTLE and CHECK; NULL for other kinds. */
const struct gate_ops *check_gate(enum gate_kind kind);

/* s_self(verifier), for the CHECK gate of number `gate`. */
void check_sum(uint8_t out[static CLAIM_TAG], const struct keys *keys, const struct claims *c,
               uint32_t gate, unsigned verifier);

#endif
