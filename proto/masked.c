/*
 * masked.c: `trio` and `quad`: the masked form with a dealer, two evaluators and, against one
 * malicious party, a verifier.
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
    .input_bytes = trio_input_bytes,
    .input_split = trio_input_split,
    .input_join = trio_input_join,
    .output_join = trio_output_join,
};

const struct protocol protocol_quad = {
    .name = "quad",
    .verified = "claims",
    .parties = 4,
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
    .input_bytes = quad_input_bytes,
    .input_split = quad_input_split,
    .input_join = quad_input_join,
    .output_join = quad_output_join,
};
