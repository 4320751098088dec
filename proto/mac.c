/*
 * mac.c: the table of `sy-rep-ring-mac`: see mac.h for what it is and why it is secure. Files:
 *
 *     mac_product.c   products, resharing, tags of outside values
 *     mac_linear.c    convolutions, dense layers
 *     mac_bit.c       products by bits: INJECT, B2A
 *     mac_trunc.c     truncation (its bits: mac_trunc_bits.c)
 *     mac_check.c     the check
 *     mac_word.c      elements of two words
 *
 * Signs, ANDs and the carries of truncations are those of `sy-rep-ring`, with their proofs. A
 * ReLU is composed of TRUNC, SIGN and INJECT (compose.c): per element over all parties 372 bytes
 * for f <= 16, 3 (m - 1) bits and 3 for each AND of the sign, and 192 bytes.
 */
#include "proto/mac.h"

#include <string.h>

#include "proto/kernel.h"
#include "proto/mac_statements.h"

/* A constant c is c in share 0 of the value and c alpha_j in every share of the tag. */
static void add_constants(const struct step *s, uint64_t *z, size_t stride, const int64_t *constant,
                          size_t n)
{
    struct mac_planes v = { z, stride };
    wide alpha[2], x[MAC_CHUNK];
    mac_key(s, alpha);
    for (size_t i = 0, m; i < n; i += m) {
        m = mac_min(MAC_CHUNK, n - i);
        for (unsigned p = 0; p < 4; p++) {
            wide one = p / 2 == MAC_TAG ? alpha[p % 2] : (s->role + p) % 3 == 0;
            for (size_t k = 0; k < m; k++)
                x[k] = (wide)(__int128)constant[i + k] * one;
            mac_add(v, p / 2, p % 2, i, x, m);
        }
    }
}

/* ---- clients: words as in replicated_client.c, with zeros above and no tags ---- */

static void input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    replicated_input_join(share, in, n, role);
    memset(share + 2 * n, 0, 6 * n * sizeof *share);
}

/* Low and high words of values and tags; of bits there is one item, which stands for all. */
static unsigned items(unsigned role, unsigned other)
{
    return role != other ? 4 : 0;
}

static void common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                   enum value_kind kind, unsigned role, unsigned other, unsigned item)
{
    unsigned plane = kind == VALUE_BITS ? 0 : 2 * item;
    replicated_common(out, share + plane * stride, stride, words, kind, role, other, 0);
}

/* The two shares one above the other: [w_i ; w_{i+1}]. */
static int weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                       unsigned role)
{
    (void)role;
    gemm_pack(packed, share, g->oc, 2 * geometry_depth(g), g->oc);
    return 0;
}

/* ---- checks of a program: all MACs of the stages, beside proofs of their bits ---- */

static void settle(struct program *p, const struct stage_span *stage, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t id = stage[i].first; id < stage[i].last; id++) {
            const struct gate *g = &p->gate[id];
            if (gate_speaks(p->proto, g) && !mac_enters(p, g) && !syrep_states(p, g))
                p->failed = 1;          /* nothing would check what it sends */
        }
        /* the bits that statements speak of */
        syrep_hold(p, &stage[i], 1u << GATE_AND | 1u << GATE_SIGN, 1u << GATE_AND);
    }
    gate_macs(p, stage[n - 1].token);
    for (uint32_t i = 0; i < n; i++)
        syrep_prove_gates(p, &stage[i]);
}

const struct protocol protocol_syrep_mac = {
    .name = "sy-rep-ring-mac",
    .verified = "MACs",
    .parties = 3,
    .flags = PROTOCOL_MALICIOUS,
    .products = 8,
    .planes = { [VALUE_SHARE] = 8, [VALUE_SUM] = 4, [VALUE_BITS] = 2, [VALUE_WEIGHT] = 2 },
    .wide = 2,
    .shown = 2,
    .gate = {
        [GATE_LINEAR] = &mac_linear,
        [GATE_MUL] = &mac_mul,
        [GATE_RESHARE] = &mac_reshare,
        [GATE_AUTH] = &mac_auth,
        [GATE_TRUNC] = &mac_trunc,
        [GATE_SIGN] = &syrep_sign,
        [GATE_AND] = &replicated_and,
        [GATE_B2A] = &mac_b2a,
        [GATE_INJECT] = &mac_inject,
        [GATE_PROVE] = &prove_ops,
        [GATE_MACS] = &mac_macs,
    },
    .takes_constant = replicated_takes_constant,
    .add_constants = add_constants,
    .items = items,
    .common = common,
    .source = &syrep_source,
    .settle = settle,
    .weight_words = replicated_weight_words,
    .weight_pack = weight_pack,
    .input = { { replicated_input_bytes, replicated_input_split, input_join } },
    .output_join = replicated_output_join,
};
