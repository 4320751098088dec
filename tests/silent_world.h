/*
 * silent_world.h: both ends of a set of trees, from rows that are simply given.
 */
#ifndef OB_TESTS_SILENT_WORLD_H
#define OB_TESTS_SILENT_WORLD_H

#include "proto/silent.h"
#include "tests/ot_world.h"

enum { SILENT_GATE = 3, SILENT_USE = 4 };

struct silent_world {
    const struct silent_set *set;
    struct ot_block delta;
    uint8_t key[PRF_KEY];               /* of the sender's own generator */
    uint64_t *choice;                   /* of the input */
    struct ot_block *input[2];          /* t, q; SILENT_MASK rows more than the set takes */
    struct ot_block *rows[2];
    uint8_t *message;
};

static inline void silent_world_make(struct silent_world *w, const struct silent_set *set,
                                     uint64_t *state)
{
    size_t n = silent_input(set) + SILENT_MASK;
    struct ot_block delta;
    w->set = set;
    w->choice = ot_memory(KERNEL_PLANE(n) * 8);
    ot_random(w->choice, KERNEL_PLANE(n) * 8, state);
    ot_random(&delta, sizeof delta, state);
    ot_random(w->key, sizeof w->key, state);
    for (unsigned end = 0; end < 2; end++) {
        w->input[end] = ot_memory(n * sizeof(struct ot_block));
        w->rows[end] = ot_memory(silent_rows(set) * sizeof(struct ot_block));
    }
    ot_random(w->input[0], n * sizeof(struct ot_block), state);
    for (size_t i = 0; i < n; i++)
        for (unsigned j = 0; j < 2; j++)
            w->input[1][i].w[j] = w->input[0][i].w[j] ^
                                  (plane_bit(w->choice, i) ? delta.w[j] : 0);
    w->message = ot_memory(silent_message_bytes(set));
    w->delta = silent_delta(&delta);
    silent_ready(w->input[0], w->choice, n);
    silent_ready(w->input[1], NULL, n);
}

static inline void silent_world_send(struct silent_world *w, uint32_t id, size_t first, size_t n)
{
    struct prf own;
    struct ot_source source = { &own, SILENT_GATE, SILENT_USE };
    prf_init(&own, w->key);
    silent_send(w->set, id, first, n, w->input[1], &w->delta, &source, w->message,
                w->rows[1] + (first << w->set->depth));
    prf_fini(&own);
}

static inline void silent_world_receive(struct silent_world *w, uint32_t id, size_t first,
                                        size_t n)
{
    silent_receive(w->set, id, first, n, w->input[0], w->message,
                   w->rows[0] + (first << w->set->depth));
}

static inline void silent_world_grow(struct silent_world *w, uint32_t id)
{
    silent_world_send(w, id, 0, w->set->trees);
    silent_world_receive(w, id, 0, w->set->trees);
}

static inline void silent_world_encode(struct silent_world *w, uint32_t id)
{
    for (unsigned end = 0; end < 2; end++)
        silent_encode(w->set, id, 0, silent_rows(w->set), w->input[end], w->rows[end]);
}

/* Rows that are not of the form that silent.h says, under `delta`. */
static inline size_t silent_broken(const struct silent_world *w, const struct ot_block *delta)
{
    size_t broken = 0;
    for (size_t i = 0; i < silent_rows(w->set); i++) {
        struct ot_block t = w->rows[0][i], q = w->rows[1][i];
        uint64_t c = -(t.w[0] & 1);
        broken += (q.w[0] & 1) != 0 || (t.w[0] ^ (c & delta->w[0])) != q.w[0] ||
                  (t.w[1] ^ (c & delta->w[1])) != q.w[1];
    }
    return broken;
}

static inline void silent_world_free(struct silent_world *w)
{
    for (unsigned end = 0; end < 2; end++) {
        free(w->input[end]);
        free(w->rows[end]);
    }
    free(w->choice);
    free(w->message);
}

#endif
