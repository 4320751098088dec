/*
 * silent_check.c: the check of leaves. The choices are bit 0 of the receiver's rows, so that their
 * hash is that of column 0.
 */
#include "proto/silent.h"

#include <sodium.h>

#include "proto/kernel.h"
#include "proto/ot_impl.h"

/* The hash of n rows, and of the mask on top. */
static void rows_hash(uint64_t hash[static OT_KAPPA], const struct ot_block *rows, size_t n,
                      const struct ot_block *mask, const uint8_t *coin)
{
    uint64_t hidden[OT_KAPPA];
    ot_rows_hash(hash, rows, n, coin);
    ot_rows_hash(hidden, mask, SILENT_MASK, coin);
    xor_words(hash, hidden, OT_KAPPA);
}

static void digest(uint8_t out[static SILENT_ANSWER], const uint64_t hash[static OT_KAPPA])
{
    crypto_generichash(out, SILENT_ANSWER, (const uint8_t *)hash, OT_KAPPA * sizeof *hash, NULL, 0);
}

uint64_t silent_prove(uint8_t expected[static SILENT_ANSWER], const struct ot_block *t, size_t n,
                      const struct ot_block mask[static SILENT_MASK],
                      const uint8_t coin[static PRF_KEY])
{
    uint64_t hash[OT_KAPPA];
    rows_hash(hash, t, n, mask, coin);
    digest(expected, hash);
    return hash[0];
}

void silent_answer(uint8_t answer[static SILENT_ANSWER], uint64_t u, const struct ot_block *q,
                   const struct ot_block *delta, size_t n,
                   const struct ot_block mask[static SILENT_MASK],
                   const uint8_t coin[static PRF_KEY])
{
    uint64_t hash[OT_KAPPA];
    rows_hash(hash, q, n, mask, coin);
    for (unsigned j = 0; j < OT_KAPPA; j++)
        hash[j] ^= u & -(delta->w[j / 64] >> (j % 64) & 1);
    digest(answer, hash);
}
