/*
 * mac_trunc.h: what the two files of truncation with tags share.
 */
#ifndef OB_PROTO_MAC_TRUNC_H
#define OB_PROTO_MAC_TRUNC_H

#include "proto/mac_statements.h"

enum { BITS = 3 };

/* Numbers of the pairs that are entered; those of the bits count on. */
enum { ENTER_X, ENTER_S, ENTER_BITS };

/* The record: low words of the shares of x; D and E2: carries. Scratch: the three bits (c_f, K
 * c_64, K a) as pairs, their shares 0 and 1 as planes, and msb(B). */
struct trunc {
    size_t n, words;
    uint64_t *x[2], *dealt;
    struct mac_planes bit[BITS];
    uint64_t *share[BITS][2], *top;
};

struct trunc trunc_at(const struct step *s);    /* scratch may be NULL: then the record alone */

/* Products by bits in three phases: by share 1 of each bit, by share 0, and the wrap by msb(B). */
enum phase { PHASE_OWN, PHASE_BIT, PHASE_WRAP };

/* Leaves the products of a phase for the other holder of the share, from out[other] + at on; adds
 * and enters what came from it, in[other] + at. */
void phase_send(const struct step *s, const struct trunc *t, enum phase phase, size_t at);
void phase_take(const struct step *s, const struct trunc *t, enum phase phase, size_t at);
size_t phase_bytes(const struct gate *g, enum phase phase, unsigned from, unsigned to);

/* The planes of share 0 (of dealt carries) or of share 1 (of drawn ones), at a holder of them; and
 * the top bits of n words + offset. */
void bit_shares(const struct step *s, const struct trunc *t, unsigned share);
void top_bits(uint64_t *plane, const uint64_t *x, uint64_t offset, size_t n);

#endif
