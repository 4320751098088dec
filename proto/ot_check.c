/*
 * ot_check.c: the universal hash of rows that convicts a receiver of mixed choices. Rows are turned
 * back into columns, 512 at a time.
 */
#include "proto/ot_impl.h"

#include <string.h>

#include "proto/gf64.h"
#include "proto/kernel.h"

enum { CHUNK = 8 };     /* blocks of 64 rows */

/* Coefficients of `count` blocks from the even number `block` on, of `blocks` in all. */
static void coefficients(uint64_t a[static CHUNK], const uint8_t *coin, size_t block, size_t count,
                         size_t blocks)
{
    prf_expand(coin, block, a, count);
    if (block + count == blocks)
        a[count - 1] = 1;
}

/* hash[j] ^= the sum of a_b times word b of column j, for n <= 64 CHUNK rows. */
static void columns_hash(uint64_t hash[static OT_KAPPA], const uint64_t *a,
                         const struct ot_block *rows, size_t n)
{
    uint64_t half[64 * CHUNK], planes[64][CHUNK];
    for (unsigned h = 0; h < 2; h++) {
        for (size_t i = 0; i < n; i++)
            half[i] = rows[i].w[h];
        planes_from_words(planes[0], CHUNK, half, n, 0, 64);
        for (unsigned j = 0; j < 64; j++)
            hash[64 * h + j] ^= gf64_dot(a, planes[j], n / 64);
    }
}

void ot_rows_hash(uint64_t hash[static OT_KAPPA], const struct ot_block *rows, size_t n,
                  const uint8_t coin[static PRF_KEY])
{
    uint64_t a[CHUNK];
    memset(hash, 0, OT_KAPPA * sizeof *hash);
    for (size_t b = 0; b < n / 64; b += CHUNK) {
        size_t count = n / 64 - b < CHUNK ? n / 64 - b : CHUNK;
        coefficients(a, coin, b, count, n / 64);
        columns_hash(hash, a, rows + 64 * b, 64 * count);
    }
}

void ot_prove(uint64_t proof[static OT_PROOF], const uint64_t *choice, const struct ot_block *t,
              size_t n, const uint8_t coin[static PRF_KEY])
{
    uint64_t a[CHUNK];
    proof[0] = 0;
    for (size_t b = 0; b < n / 64; b += CHUNK) {
        size_t count = n / 64 - b < CHUNK ? n / 64 - b : CHUNK;
        coefficients(a, coin, b, count, n / 64);
        proof[0] ^= gf64_dot(a, choice + b, count);
    }
    ot_rows_hash(proof + 1, t, n, coin);
}

int ot_verify(const uint64_t proof[static OT_PROOF], const struct ot_block *q,
              const struct ot_block *delta, size_t n, const uint8_t coin[static PRF_KEY])
{
    uint64_t hash[OT_KAPPA], differ = 0;
    ot_rows_hash(hash, q, n, coin);
    for (unsigned j = 0; j < OT_KAPPA; j++)
        differ |= hash[j] ^ proof[1 + j] ^ (proof[0] & -(delta->w[j / 64] >> (j % 64) & 1));
    return differ == 0 ? 0 : -1;
}
