#include "proto/syrep.h"

extern const struct gate_ops syrep_stub;
const struct protocol protocol_syrep = {
    .name = "sy-rep-ring",
    .verified = "proofs",
    .parties = 3,
    .flags = PROTOCOL_MALICIOUS,
    .planes = { [VALUE_SHARE] = 2, [VALUE_SUM] = 1, [VALUE_BITS] = 2, [VALUE_WEIGHT] = 2 },
    .gate = {
        [GATE_LINEAR] = &replicated_linear,
        [GATE_MUL] = &replicated_mul,
        [GATE_RESHARE] = &replicated_reshare,
        [GATE_TRUNC] = &syrep_trunc,
        [GATE_SIGN] = &syrep_sign,
        [GATE_AND] = &replicated_and,
        [GATE_B2A] = &syrep_b2a,
        [GATE_PROVE] = &syrep_stub,
    },
    .takes_constant = replicated_takes_constant,
    .items = replicated_items,
    .common = replicated_common,
    .close = syrep_close,
    .weight_words = syrep_weight_words,
    .weight_pack = syrep_weight_pack,
    .input_bytes = replicated_input_bytes,
    .input_split = replicated_input_split,
    .input_join = replicated_input_join,
    .output_join = replicated_output_join,
};
