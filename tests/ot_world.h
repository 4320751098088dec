/*
 * ot_world.h: both ends of one direction, grown from base transfers that are simply given.
 */
#ifndef OB_TESTS_OT_WORLD_H
#define OB_TESTS_OT_WORLD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/kernel.h"
#include "proto/ot_impl.h"
#include "tests/check.h"

struct ot_world {
    struct ot_state *sender, *receiver;
    struct ot_block delta;
    uint8_t key[OT_KAPPA][2][PRF_KEY], known[OT_KAPPA][PRF_KEY], words[OT_TREES];
};

static inline void *ot_memory(size_t n)
{
    void *p = aligned_alloc(64, (n + 63) / 64 * 64);
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memset(p, 0x5b, (n + 63) / 64 * 64);
    return p;
}

static inline void ot_random(void *out, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = check_random(state);
        memcpy((uint8_t *)out + i, &r, n - i < 8 ? n - i : 8);
    }
}

static inline unsigned ot_bit(const struct ot_block *b, unsigned i)
{
    return b->w[i / 64] >> (i % 64) & 1;
}

/* Keys and Delta; the receiver's trees. */
static inline void ot_world_plant(struct ot_world *w, unsigned k, uint64_t *state)
{
    w->sender = ot_memory(ot_state_bytes(k));
    w->receiver = ot_memory(ot_state_bytes(k));
    ot_random(w->key, sizeof w->key, state);
    ot_random(&w->delta, sizeof w->delta, state);
    for (unsigned i = 0; i < OT_KAPPA; i++)
        memcpy(w->known[i], w->key[i][!ot_bit(&w->delta, i)], PRF_KEY);
    ot_plant(w->receiver, k, w->words, (const uint8_t (*)[2][PRF_KEY])w->key);
}

static inline int ot_world_puncture(struct ot_world *w, unsigned k)
{
    return ot_puncture(w->sender, k, &w->delta, w->words, (const uint8_t (*)[PRF_KEY])w->known);
}

static inline void ot_world_make(struct ot_world *w, unsigned k, uint64_t *state)
{
    ot_world_plant(w, k, state);
    if (ot_world_puncture(w, k) != 0) {
        fprintf(stderr, "the trees of a world are refused\n");
        exit(1);
    }
}

static inline void ot_world_free(struct ot_world *w)
{
    free(w->sender);
    free(w->receiver);
}

/* n rows at both ends. */
struct ot_rows {
    size_t n;
    uint64_t *choice;
    struct ot_block *t, *q;
    uint8_t *message;
};

static inline void ot_rows_take(struct ot_rows *r, unsigned k, size_t n)
{
    r->n = n;
    r->choice = ot_memory(KERNEL_PLANE(n) * 8);
    r->t = ot_memory(n * sizeof *r->t);
    r->q = ot_memory(n * sizeof *r->q);
    r->message = ot_memory(ot_message_bytes(k, n));
}

static inline void ot_rows_run(struct ot_rows *r, const struct ot_world *w, uint32_t id,
                               size_t first)
{
    ot_receive(w->receiver, id, first, r->n, r->choice, r->t, r->message);
    ot_send(w->sender, id, first, r->n, r->message, r->q);
}

static inline void ot_rows_free(struct ot_rows *r)
{
    free(r->choice);
    free(r->t);
    free(r->q);
    free(r->message);
}

#endif
