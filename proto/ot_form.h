/*
 * ot_form.h: what gates make of rows (ot.h): pads as words and bit planes, correlated transfers of
 * words, look-up in a table, bit triples. Pure functions over many elements at a time.
 *
 * Rows are made before their use is known, with random choices. A pad is kept in place of its row,
 * cut to the bits that will be needed. Later the receiver, who wants the choice b and has the
 * random c, sends flip = b ^ c, which c masks; the sender takes its pads in the order of flip.
 *
 * The sender's two pads of a row are H(q) and H(q ^ delta), the receiver's is H(t). `offset` is
 * NULL, or delta, or a multiple of it; (id, first + i) is the tweak of element i (ot_pads), and
 * nothing under one delta may use a tweak twice.
 *
 * Planes: bits of n elements, KERNEL_PLANE(n) words each; `stride` is the distance of two planes in
 * words. No function branches on or indexes by what it works on; numbers of entries, digits and
 * bits are public.
 */
#ifndef OB_PROTO_OT_FORM_H
#define OB_PROTO_OT_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "proto/ot.h"

/* ---- pads ---- */

/* The low words of pads; a transfer in Z_2^w uses them mod 2^w. */
void ot_pad_words(uint64_t *pad, const struct ot_block *row, const struct ot_block *offset,
                  uint32_t id, size_t first, size_t n);

/* The low `bits` <= 64 bits of pads as planes; their padding is zero. */
void ot_pad_planes(uint64_t *planes, size_t stride, unsigned bits, const struct ot_block *row,
                   const struct ot_block *offset, uint32_t id, size_t first, size_t n);

/* ---- correlated transfer of words ---- */

/*
 * The sender has a, the receiver b; the sum of both shares is b a modulo 2^64. With the sender's
 * pads in the order x_0, x_1 that flip says, and x_b the receiver's pad:
 *
 *     correction = x_0 + a - x_1;  shares -x_0 and x_b + b correction
 *
 * To the receiver, who lacks one of the pads, the correction is uniform. A product modulo 2^w needs
 * only the low w bits of all words. flip NULL: the choice stays random.
 */
void ot_word_send(uint64_t *share, uint64_t *correction, const uint64_t *pad0,
                  const uint64_t *pad1, const uint64_t *flip, const uint64_t *a, size_t n);
void ot_word_receive(uint64_t *share, const uint64_t *pad, const uint64_t *choice,
                     const uint64_t *correction, size_t n);

/* ---- transfer of one entry of a table ---- */

enum { OT_DIGITS = 4 };     /* a table has 2^digits entries of at most 64 bits */

/*
 * Rows become one row over GF(2^128) = GF(2)[x] / (x^128 + x^7 + x^2 + x + 1):
 *
 *     row[i] = sum over d < digits of x^d row[d stride + i]
 *
 * at both ends. With c the number whose digit d is the choice of row d stride + i,
 *
 *     q = t ^ c delta     (c and delta multiplied as elements)
 *
 * so that the pad of entry e is H(q ^ e delta), and the receiver has that of entry c. Every entry
 * has an input of its own to H, so no pads of several entries cancel (as XORs of pads for each
 * digit would), and all but one input is off by a non-zero multiple of delta. The choices
 * of digit d are a plane if stride is a multiple of 64. Digits use up `digits` tweaks and hash one:
 * that of the first digit.
 */
void ot_join(struct ot_block *row, size_t stride, unsigned digits, size_t n);

/* The offset of entry e < 2^OT_DIGITS. */
void ot_multiple(struct ot_block *offset, const struct ot_block *delta, unsigned e);

/* The sender's pads of joined rows: the plane of bit j of entry e is at (e bits + j) stride. The
 * receiver's, `bits` planes, come from ot_pad_planes without an offset. */
void ot_table_pads(uint64_t *pads, size_t stride, unsigned bits, unsigned digits,
                   const struct ot_block *row, const struct ot_block *delta, uint32_t id,
                   size_t first, size_t n);

/* pads become what the sender sends: entry e is table[e] ^ pad[e ^ flip], flip by element. All
 * planes have `words` words and no gaps: entries as above, `digits` planes of flip. */
void ot_table_send(uint64_t *pads, const uint64_t *table, const uint64_t *flip, unsigned bits,
                   unsigned digits, size_t words);

/* out, `bits` planes, comes in as the receiver's pads and becomes entry `choice`. Takes the message
 * as its working memory. */
void ot_table_receive(uint64_t *out, uint64_t *message, const uint64_t *choice, unsigned bits,
                      unsigned digits, size_t words);

/* ---- bit triples ---- */

/*
 * Planes a, b, c of XOR shares with (a_0 ^ a_1)(b_0 ^ b_1) = c_0 ^ c_1, from one row in each
 * direction and no message: with one-bit pads m_0, m_1 of the row that this party sends and m of
 * the one that it receives,
 *
 *     a = its choice,  b = m_0 ^ m_1,  c = a b ^ m_0 ^ m
 *
 * choice and t are of the received rows, q and delta of the sent ones.
 */
void ot_triples(uint64_t *a, uint64_t *b, uint64_t *c, const uint64_t *choice,
                const struct ot_block *t, const struct ot_block *q, const struct ot_block *delta,
                uint32_t id, size_t first, size_t n);

#endif
