/*
 * ot_form.c: forms of oblivious transfer, by passes over 512 elements.
 */
#include "proto/ot_form.h"

#include <string.h>

#include "proto/kernel.h"

enum { CHUNK = 512 };

/* ---- pads ---- */

void ot_pad_words(uint64_t *pad, const struct ot_block *row, const struct ot_block *offset,
                  uint32_t id, size_t first, size_t n)
{
    struct ot_block whole[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        ot_pads(row + i, offset, id, first + i, count, whole);
        for (size_t j = 0; j < count; j++)
            pad[i + j] = whole[j].w[0];
    }
}

void ot_pad_planes(uint64_t *planes, size_t stride, unsigned bits, const struct ot_block *row,
                   const struct ot_block *offset, uint32_t id, size_t first, size_t n)
{
    uint64_t words[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        ot_pad_words(words, row + i, offset, id, first + i, count);
        planes_from_words(planes + i / 64, stride, words, count, 0, bits);
    }
}

/* ---- words ---- */

void ot_word_send(uint64_t *share, uint64_t *correction, const uint64_t *pad0,
                  const uint64_t *pad1, const uint64_t *flip, const uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t differ = (pad0[i] ^ pad1[i]) & (flip != NULL ? -plane_bit(flip, i) : 0);
        uint64_t x0 = pad0[i] ^ differ, x1 = pad1[i] ^ differ;
        correction[i] = x0 + a[i] - x1;
        share[i] = -x0;
    }
}

void ot_word_receive(uint64_t *share, const uint64_t *pad, const uint64_t *choice,
                     const uint64_t *correction, size_t n)
{
    for (size_t i = 0; i < n; i++)
        share[i] = pad[i] + (correction[i] & -plane_bit(choice, i));
}

/* ---- tables ---- */

/* x times a block. */
static struct ot_block block_double(struct ot_block b)
{
    uint64_t over = b.w[1] >> 63;
    return (struct ot_block){ { b.w[0] << 1 ^ (0x87 & -over), b.w[1] << 1 | b.w[0] >> 63 } };
}

void ot_join(struct ot_block *row, size_t stride, unsigned digits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ot_block sum = { { 0 } };
        for (unsigned d = digits; d-- > 0;) {
            sum = block_double(sum);
            sum.w[0] ^= row[d * stride + i].w[0];
            sum.w[1] ^= row[d * stride + i].w[1];
        }
        row[i] = sum;
    }
}

void ot_multiple(struct ot_block *offset, const struct ot_block *delta, unsigned e)
{
    struct ot_block power = *delta;
    memset(offset, 0, sizeof *offset);
    for (; e != 0; e >>= 1, power = block_double(power))
        if ((e & 1) != 0) {
            offset->w[0] ^= power.w[0];
            offset->w[1] ^= power.w[1];
        }
}

void ot_table_pads(uint64_t *pads, size_t stride, unsigned bits, unsigned digits,
                   const struct ot_block *row, const struct ot_block *delta, uint32_t id,
                   size_t first, size_t n)
{
    for (unsigned e = 0; e < 1u << digits; e++) {
        struct ot_block offset;
        ot_multiple(&offset, delta, e);
        ot_pad_planes(pads + e * bits * stride, stride, bits, row, &offset, id, first, n);
    }
}

/* Entry e becomes entry e ^ flip: digit by digit, two entries change places where flip says so. */
static void entries_flip(uint64_t *pads, const uint64_t *flip, unsigned digits, size_t size,
                         size_t words)
{
    for (unsigned d = 0; d < digits; d++)
        for (size_t e = 0; e < (size_t)1 << digits; e++) {
            if ((e >> d & 1) != 0)
                continue;
            uint64_t *p = pads + e * size, *q = pads + (e | (size_t)1 << d) * size;
            for (size_t i = 0; i < size; i += words)
                for (size_t j = 0; j < words; j++) {
                    uint64_t differ = (p[i + j] ^ q[i + j]) & flip[d * words + j];
                    p[i + j] ^= differ;
                    q[i + j] ^= differ;
                }
        }
}

void ot_table_send(uint64_t *pads, const uint64_t *table, const uint64_t *flip, unsigned bits,
                   unsigned digits, size_t words)
{
    entries_flip(pads, flip, digits, bits * words, words);
    xor_words(pads, table, ((size_t)bits << digits) * words);
}

void ot_table_receive(uint64_t *out, uint64_t *message, const uint64_t *choice, unsigned bits,
                      unsigned digits, size_t words)
{
    size_t size = bits * words;
    for (unsigned d = digits; d-- > 0;)
        for (size_t i = 0; i < size << d; i++) {
            uint64_t other = message[i + (size << d)];
            message[i] ^= (message[i] ^ other) & choice[d * words + i % words];
        }
    xor_words(out, message, size);
}

/* ---- triples ---- */

void ot_triples(uint64_t *a, uint64_t *b, uint64_t *c, const uint64_t *choice,
                const struct ot_block *t, const struct ot_block *q, const struct ot_block *delta,
                uint32_t id, size_t first, size_t n)
{
    uint64_t m0[CHUNK / 64], m1[CHUNK / 64], m[CHUNK / 64];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        ot_pad_planes(m0, CHUNK / 64, 1, q + i, NULL, id, first + i, count);
        ot_pad_planes(m1, CHUNK / 64, 1, q + i, delta, id, first + i, count);
        ot_pad_planes(m, CHUNK / 64, 1, t + i, NULL, id, first + i, count);
        for (size_t j = 0; j < KERNEL_PLANE(count); j++) {
            size_t w = i / 64 + j;
            a[w] = choice[w];
            b[w] = m0[j] ^ m1[j];
            c[w] = (a[w] & b[w]) ^ m0[j] ^ m[j];
        }
    }
}
