/*
 * silent.c: the sets of parameters, and the code.
 */
#include "proto/silent.h"

#include <string.h>

#include "proto/kernel.h"
#include "proto/silent_impl.h"

/* ---- sets ---- */

/* By size; tests/test_silent_sets.c estimates their security. */
static const struct silent_set sets[] = {
    { 20000, 2048, 7 },
    { 46000, 4096, 8 },
    { 106000, 8192, 9 },
    { 200000, 8192, 10 },
};

const struct silent_set *silent_set_at(unsigned i)
{
    return i < sizeof sets / sizeof sets[0] ? &sets[i] : NULL;
}

const struct silent_set *silent_set(size_t n)
{
    size_t i = 0, last = sizeof sets / sizeof sets[0] - 1;
    while (i < last && silent_rows(&sets[i]) - silent_input(&sets[i]) < n)
        i++;
    return &sets[i];
}

/* ---- the public generator ---- */

/* The key has the first 128 bits of the fraction of e. */
void silent_schedule(uint8_t schedule[static 11][16])
{
    static const uint8_t key[PRF_KEY] = { 0xb7, 0xe1, 0x51, 0x62, 0x8a, 0xed, 0x2a, 0x6a,
                                          0xbf, 0x71, 0x58, 0x80, 0x9c, 0xf4, 0xf3, 0xc7 };
    prf_schedule(schedule, key);
}

/* ---- choices as bits of rows ---- */

void silent_ready(struct ot_block *rows, const uint64_t *choice, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rows[i].w[0] = (rows[i].w[0] & ~(uint64_t)1) | (choice != NULL ? plane_bit(choice, i) : 0);
}

void silent_choices(uint64_t *choice, const struct ot_block *t, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (size_t j = i; j < n && j < i + 64; j++)
            word |= (t[j].w[0] & 1) << (j - i);
        choice[i / 64] = word;
    }
}

/* ---- the code ---- */

enum { CHUNK = 64, DRAWN = CHUNK * SILENT_LOCAL };      /* rows, and words for their columns */

typedef uint64_t row_vector __attribute__((vector_size(sizeof(struct ot_block))));

static inline row_vector row_load(const struct ot_block *row)
{
    row_vector v;
    memcpy(&v, row, sizeof v);
    return v;
}

/* Bits 32 and up of word * k are the column: the words are public, and so is where this looks. */
static void chunk_encode(struct ot_block *rows, const struct ot_block *input, uint32_t k,
                         const uint32_t drawn[static DRAWN])
{
    for (size_t i = 0; i < CHUNK; i++) {
        row_vector sum = row_load(&rows[i]);
#pragma GCC unroll 10
        for (size_t j = 0; j < SILENT_LOCAL; j++)
            sum ^= row_load(&input[(uint64_t)drawn[i * SILENT_LOCAL + j] * k >> 32]);
        memcpy(&rows[i], &sum, sizeof sum);
    }
}

void silent_encode(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                   const struct ot_block *input, struct ot_block *rows)
{
    _Alignas(16) uint8_t public[11][16];
    uint32_t drawn[DRAWN];
    silent_schedule(public);
    for (size_t i = first; i < first + n; i += CHUNK) {
        prf_stream(public, id, SILENT_CODE, i / 4 * SILENT_LOCAL, drawn, sizeof drawn);
        chunk_encode(rows + (i - first), input, s->k, drawn);
    }
}
