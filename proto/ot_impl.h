/*
 * ot_impl.h: the state of one end, how it grows out of base transfers, and the hash of rows that
 * checks compare. Private to ot*.c, silent*.c and their tests.
 */
#ifndef OB_PROTO_OT_IMPL_H
#define OB_PROTO_OT_IMPL_H

#include "proto/ot.h"

struct ot_state {
    struct ot_block delta;      /* the sender's; zero at the receiver's end */
    uint64_t field;             /* k */
    uint64_t padding[5];
    uint8_t leaf[][11][16];     /* key schedules; those of group g from g 2^k on */
};

/* Groups, and the bits of Delta in one of them, which begin at bit g k. */
static inline unsigned ot_groups(unsigned k)
{
    return (OT_KAPPA + k - 1) / k;
}

static inline unsigned ot_width(unsigned k, unsigned g)
{
    return OT_KAPPA - g * k < k ? OT_KAPPA - g * k : k;
}

/* key[i] is the pair of base transfer i; the other end knows the one that it chose by NOT bit i of
 * Delta. The words go from one to the other; -1: the trees are not ones of an honest end. */
void ot_plant(struct ot_state *s, unsigned k, uint8_t words[static OT_TREES],
              const uint8_t key[static OT_KAPPA][2][PRF_KEY]);
int ot_puncture(struct ot_state *s, unsigned k, const struct ot_block *delta,
                const uint8_t words[static OT_TREES],
                const uint8_t known[static OT_KAPPA][PRF_KEY]);

/* hash[j] = the sum of a_b times block b of column j: v_j of ot_prove. n is a multiple of 64. */
void ot_rows_hash(uint64_t hash[static OT_KAPPA], const struct ot_block *rows, size_t n,
                  const uint8_t coin[static PRF_KEY]);

#endif
