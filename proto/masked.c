/*
 * masked.c: `trio` and `quad`: the masked form with a dealer, two evaluators and, against one
 * malicious party, a verifier. One engine: trio is quad without the verifier and without what
 * concerns it.
 *
 *     x = m - l_1 - l_2      m at E1 and E2; l_j at D and Ej; quad: V has both l, and x~ = x + w,
 *                            where w is known to all but V
 *
 * Trio: ASTRA (Chaudhari, Choudhury, Patra, Suresh, CCSW 2019) and its successors. Quad: the family
 * of SWIFT, Tetrad and Quad (Koti, Pancholi, Patra, Suresh; Harth-Kitzerow, Wang, Rajat, Carle,
 * Annavaram). D is P0 of the papers in trio and P3 in quad, V is P0 in quad: the dealer has the
 * same number in both, and the verifier comes last.
 *
 * A product is opened to E1 and E2 under a mask R that D knows (masked_open.c): one exchange of an
 * element each way, whatever the length of an inner product. A truncation, a ReLU, a look-up are
 * inner products of what E1 and E2 know (from what was opened) with what D knows (of R, before
 * anything runs): D deals shares of its side, E1 and E2 do the rest. D never waits for anybody, and
 * only the exchanges of E1 and E2 are rounds.
 *
 * Privacy (one corrupted party, perfect given the PRF). D receives nothing. E1 lacks K_2 and E2
 * lacks K_1: whatever E2 or D sends to E1 has a fresh word of K_2 on it, whatever E1 or D sends to
 * E2 one of K_1. V lacks K_W, and all that it receives (HINT, REPORT, v + w in a change of turn)
 * has a fresh word of K_W on it. This holds word for word, whatever the sender's peers have sent it
 * before: a cheat's errors change what is masked, never the mask. So each view is uniform words, in
 * quad also that of a cheat before it is found out. The coins of truncation are functions of R
 * (known to D and V) and of c' (known to E1 and E2); the functionality is the network with these
 * coins (docs/security.md).
 *
 * Against a cheat (quad). The order of messages is that of the program. Take the first that is not
 * as it should be; everything that honest parties computed before it is right. It is found out by a
 * claim (claim.h) of two others, on equal bytes or not, so with a probability that does not hang on
 * any secret:
 *
 *     from, to    message                 found out by the claim of    on
 *     E1, E2      exchange                E2 and V                     AUDIT
 *     E2, E1      exchange                E1 and V                     AUDIT
 *     E2, V       REPORT                  E1 and V                     REPORT
 *     D, E2       DEALT                   E2 and V                     DEALT
 *     D, V        HINT                    E1 and V, E2 and V           AUDIT
 *     change of turn                      see masked_turn.c
 *
 * AUDIT has an entry for every word that is exchanged: E1 and E2 put in what they got by it (m + w,
 * or e + s), V what it computes from x~, L, REPORT and HINT, without a word of the exchange. An
 * error of any kind in the word is the same error in the entry, and an error in HINT is one in V's.
 * DEALT and REPORT are compared as they are, padding included. V sends nothing: it can but make
 * the others stop. D claims in changes of turn alone.
 *
 * What E1, E2 and V claim is known to V and to them anyway or hidden by w or s, so comparing tags
 * tells a cheat nothing: it knows what the honest side of its own claims holds.
 *
 * Claims are made in the last step of each gate and compared at the end of the program (check.h),
 * before any output; until then nothing is opened that is not masked.
 */
#include "proto/masked.h"

/* E1 and E2 add a constant to m, V to x~. */
static int takes_constant(unsigned role, unsigned plane)
{
    return role == V ? plane == 2 : role != D && plane == 0;
}

const struct protocol protocol_trio = {
    .name = "trio",
    .parties = 3,
    .products = 2,
    .flags = PROTOCOL_TURNED,
    .planes = { [VALUE_SHARE] = 2, [VALUE_SUM] = 1, [VALUE_BITS] = 2, [VALUE_WEIGHT] = 2 },
    .gate = {
        [GATE_LINEAR] = &masked_linear,
        [GATE_MUL] = &masked_mul,
        [GATE_RESHARE] = &masked_reshare,
        [GATE_TRUNC] = &masked_trunc,
        [GATE_RELU] = &masked_relu,
        [GATE_SIGN] = &masked_sign,
        [GATE_AND] = &masked_and,
        [GATE_B2A] = &masked_b2a,
        [GATE_TURN] = &trio_turn,
    },
    .takes_constant = takes_constant,
    .weight_words = masked_weight_words,
    .weight_pack = trio_weight_pack,
    .input = { { trio_input_bytes, trio_input_split, trio_input_join } },
    .output_join = trio_output_join,
};

const struct protocol protocol_quad = {
    .name = "quad",
    .verified = "claims",
    .parties = 4,
    .products = 3,
    .flags = PROTOCOL_TURNED | PROTOCOL_MALICIOUS,
    .planes = { [VALUE_SHARE] = 3, [VALUE_SUM] = 2, [VALUE_BITS] = 3, [VALUE_WEIGHT] = 2 },
    .gate = {
        [GATE_LINEAR] = &masked_linear,
        [GATE_MUL] = &masked_mul,
        [GATE_RESHARE] = &masked_reshare,
        [GATE_TRUNC] = &masked_trunc,
        [GATE_RELU] = &masked_relu,
        [GATE_SIGN] = &masked_sign,
        [GATE_AND] = &masked_and,
        [GATE_B2A] = &masked_b2a,
        [GATE_TURN] = &quad_turn,
    },
    .takes_constant = takes_constant,
    .items = masked_items,
    .common = masked_common,
    .weight_words = masked_weight_words,
    .weight_pack = quad_weight_pack,
    .input = { { quad_input_bytes, quad_input_split, quad_input_join } },
    .output_join = quad_output_join,
};
