/*
 * syrep.c: `sy-rep-ring`: three parties, one of them corrupted and malicious; with abort.
 *
 * Sharing and products are those of `replicated-ring` (replicated.c; Araki, Furukawa, Lindell, Nof,
 * Ohara, CCS 2016). It is run as it is, with every message masked; stage by stage, behind a barrier
 * each and before any output, each party proves to the two others that every message of it was
 * computed as it should (Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai, CRYPTO 2019; Boyle, Gilboa,
 * Ishai, Nof, CCS 2019: all that a party computes with is known to one of the two others as well,
 * so what is to be shown is an inner product of one vector that LEFT knows and one that RIGHT
 * knows). Files:
 *
 *     syrep_mul.c     products of words and bits; reshare     syrep_sign.c    sign
 *     syrep_linear.c  convolutions, dense layers              syrep_tree.c    its tree of ANDs
 *     syrep_trunc.c   truncation                              syrep_relu.c    ReLU
 *     syrep_chain.c   its carries                             syrep_bits.c    bits as ring elements
 *     syrep_prove.c   which statements a proof is about; the checks of stages
 *     prove.c         the proofs
 *
 * A value before resharing (SUM) is never worked on but linearly: what each party sends of it
 * is shown as it stands, by random projections (LINEAR) or element by element (MUL), and everything
 * else starts from replicated shares. So truncation, which `replicated-ring` starts from the sum,
 * costs a round more here.
 *
 * What each party holds is fixed when it is sent. Share x_j is known to roles j - 1 and j. A prover
 * i sent x_i to LEFT and received x_{i+1} from RIGHT: so LEFT knows x_i as it was sent, RIGHT
 * x_{i+1} as it sent it, and the two honest ones hold the same x_{i-1}. The sharing that they hold
 * together is well defined whatever i did, and the statements speak of it.
 *
 * Security. Two claims, of which the proofs' own is in prove.h.
 *
 *  1. Until the proofs are through, a corrupted party learns nothing, whatever it sends. Every
 *     message that it receives is masked by a word that is drawn for this one use with the key
 *     that it lacks, the one of the two honest parties:
 *
 *         reshare, AND, send     role i to i - 1     F(k_i) - F(k_{i+1})      i - 1 lacks k_{i+1}
 *         deal, choose           D to E2             F(k_1)                   E2 lacks k_1
 *         leaves, join, inject   E1 to E2            F(k_1)                   E2 lacks k_1
 *                                E2 to E1            F(k_0)                   E1 lacks k_0
 *
 *     so its view is uniform, given what it knew before; what it sends wrongly changes what the
 *     honest parties hold by a difference that it can compute itself (the right message is a
 *     function of its own shares and keys).
 *  2. So whether a statement of it is false is a function of its own view: an abort tells it
 *     nothing (no selective failure). If one is false, the honest verifiers abort but with
 *     probability 2^-51: 2^-52.4 for words (fold_words.c), and with the projections of linear
 *     layers (syrep_linear.c) 2^-51.7. GATE_CHECK, which no output precedes, needs the word of
 *     every party.
 *  3. Stages are proved while later ones run. Coins are fresh for each proof, so they tell nothing
 *     of those to come; and by the above what the honest parties hold is well defined and masked
 *     whether or not an earlier stage was wrong, so 1 and 2 hold for the later ones as well.
 *
 * Clients: as in `replicated-ring`; every share of an output comes from both of its holders. What
 * two roles hold of an input they compare before the job, by marks (client.h) made with `common`.
 */
#include "proto/syrep.h"

const struct protocol protocol_syrep = {
    .name = "sy-rep-ring",
    .verified = "proofs",
    .parties = 3,
    .products = 2,
    .flags = PROTOCOL_MALICIOUS,
    .group = 20,                        /* proofs of more statements at once take less for each */
    .planes = { [VALUE_SHARE] = 2, [VALUE_SUM] = 1, [VALUE_BITS] = 2, [VALUE_WEIGHT] = 2 },
    .gate = {
        [GATE_LINEAR] = &replicated_linear,
        [GATE_MUL] = &replicated_mul,
        [GATE_RESHARE] = &replicated_reshare,
        [GATE_TRUNC] = &syrep_trunc,
        [GATE_RELU] = &syrep_relu,
        [GATE_SIGN] = &syrep_sign,
        [GATE_AND] = &replicated_and,
        [GATE_B2A] = &syrep_b2a,
        [GATE_PROVE] = &prove_ops,
    },
    .takes_constant = replicated_takes_constant,
    .items = replicated_items,
    .common = replicated_common,
    .source = &syrep_source,
    .settle = syrep_settle,
    .weight_words = syrep_weight_words,
    .weight_pack = syrep_weight_pack,
    .input = { { replicated_input_bytes, replicated_input_split, replicated_input_join } },
    .output_join = replicated_output_join,
};
