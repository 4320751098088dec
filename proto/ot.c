/*
 * ot.c: the extension: streams of leaves folded into columns, columns transposed into rows, 2048
 * rows at a time, so that the columns stay in the first-level cache.
 */
#include "proto/ot_impl.h"

#include <string.h>

#include "proto/kernel.h"

enum {
    ROWS = 128,                         /* rows of a block of a stream */
    CHUNK = 16,                         /* blocks at a time */
    WORDS = CHUNK * ROWS / 64           /* of a column */
};

/* Columns of a chunk, and the sums of one group. */
struct columns {
    _Alignas(64) uint64_t column[OT_KAPPA][WORDS];
    uint64_t sum[OT_FIELD_MAX + 1][WORDS];
};

static size_t blocks_of(size_t n)
{
    return (n + ROWS - 1) / ROWS;
}

size_t ot_state_bytes(unsigned k)
{
    size_t last = ot_groups(k) - 1;
    return sizeof(struct ot_state) +
           ((last << k) + ((size_t)1 << ot_width(k, (unsigned)last))) * sizeof(uint8_t[11][16]);
}

const struct ot_block *ot_delta(const void *state)
{
    return &((const struct ot_state *)state)->delta;
}

size_t ot_message_bytes(unsigned k, size_t n)
{
    return (ot_groups(k) - 1) * blocks_of(n) * (ROWS / 8);
}

/*
 * The columns of group g from `block` on; returns the XOR of all its streams.
 *
 * Streams are added up in pairs, pairs of pairs and so on: sum[j] holds a full subtree of 2^j
 * leaves that waits for its neighbour on the right, which belongs to column j with all its leaves.
 * That makes two additions for each leaf, whatever k is.
 */
static const uint64_t *group_fold(struct columns *c, const struct ot_state *s, unsigned g,
                                  uint32_t id, uint64_t block)
{
    unsigned k = (unsigned)s->field, w = ot_width(k, g);
    uint64_t (*column)[WORDS] = c->column + g * k, now[WORDS];
    memset(column, 0, w * sizeof *column);
    for (size_t x = 0; x < (size_t)1 << w; x++) {
        unsigned j = 0;
        prf_stream(s->leaf[((size_t)g << k) + x], id, 0, block, now, sizeof now);
        for (; (x >> j & 1) != 0; j++)
            for (unsigned i = 0; i < WORDS; i++) {
                column[j][i] ^= now[i];
                now[i] ^= c->sum[j][i];
            }
        memcpy(c->sum[j], now, sizeof now);
    }
    return c->sum[w];
}

/* Columns to n rows, at most a chunk. */
static void rows_store(struct ot_block *rows, const struct columns *c, size_t n)
{
    size_t whole = n / ROWS * ROWS;
    rows_from_planes(rows[0].w, c->column[0], WORDS, whole);
    if (n > whole) {
        struct ot_block last[ROWS];
        rows_from_planes(last[0].w, c->column[0] + whole / 64, WORDS, ROWS);
        memcpy(rows + whole, last, (n - whole) * sizeof *rows);
    }
}

/* n bits of a plane, its padding cleared. */
static void choice_store(uint64_t *choice, const uint64_t *u, size_t n)
{
    memcpy(choice, u, KERNEL_PLANE(n) * sizeof *u);
    if (n % 64 != 0)
        choice[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

static void receive_chunk(struct columns *c, const struct ot_state *s, uint32_t id,
                          uint64_t block, size_t n, uint64_t *choice, uint8_t *message)
{
    uint64_t first[WORDS], d[WORDS];
    size_t bytes = blocks_of(n) * (ROWS / 8);
    memcpy(first, group_fold(c, s, 0, id, block), sizeof first);
    choice_store(choice, first, n);
    for (unsigned g = 1; g < ot_groups((unsigned)s->field); g++, message += bytes) {
        const uint64_t *u = group_fold(c, s, g, id, block);
        for (unsigned i = 0; i < WORDS; i++)
            d[i] = u[i] ^ first[i];
        memcpy(message, d, bytes);
    }
}

static void send_chunk(struct columns *c, const struct ot_state *s, uint32_t id, uint64_t block,
                       size_t n, const uint8_t *message)
{
    unsigned k = (unsigned)s->field;
    uint64_t d[WORDS] = { 0 };
    size_t bytes = blocks_of(n) * (ROWS / 8);
    group_fold(c, s, 0, id, block);
    for (unsigned g = 1; g < ot_groups(k); g++, message += bytes) {
        group_fold(c, s, g, id, block);
        memcpy(d, message, bytes);
        for (unsigned j = g * k; j < g * k + ot_width(k, g); j++) {
            uint64_t mask = -(s->delta.w[j / 64] >> (j % 64) & 1);
            __asm__("" : "+r"(mask));
            for (unsigned i = 0; i < WORDS; i++)
                c->column[j][i] ^= d[i] & mask;
        }
    }
}

void ot_receive(const void *state, uint32_t id, size_t first, size_t n, uint64_t *choice,
                struct ot_block *t, uint8_t *message)
{
    const struct ot_state *s = state;
    struct columns c;
    for (size_t i = 0; i < n; i += CHUNK * ROWS) {
        size_t rows = n - i < CHUNK * ROWS ? n - i : CHUNK * ROWS;
        receive_chunk(&c, s, id, (first + i) / ROWS, rows, choice + i / 64,
                      message + ot_message_bytes((unsigned)s->field, i));
        rows_store(t + i, &c, rows);
    }
}

void ot_send(const void *state, uint32_t id, size_t first, size_t n, const uint8_t *message,
             struct ot_block *q)
{
    const struct ot_state *s = state;
    struct columns c;
    for (size_t i = 0; i < n; i += CHUNK * ROWS) {
        size_t rows = n - i < CHUNK * ROWS ? n - i : CHUNK * ROWS;
        send_chunk(&c, s, id, (first + i) / ROWS, rows,
                   message + ot_message_bytes((unsigned)s->field, i));
        rows_store(q + i, &c, rows);
    }
}
