/*
 * masked_play.h: runs small programs of `trio` and `quad` gate by gate in lockstep, all values of
 * all parties in reach, with a cheat at one place.
 */
#ifndef OB_TESTS_MASKED_PLAY_H
#define OB_TESTS_MASKED_PLAY_H

#include "proto/masked.h"
#include "tests/check.h"
#include "tests/lockstep.h"

enum { PLAY_VALUES = 16, PLAY_GATES = 8 };

/* One message and what is done to it. Gate PLAY_GATES: every message of `from`. */
struct cheat {
    unsigned gate, step, from, to;
    size_t at;                  /* which byte */
    int kind;                   /* 0 add 1 to the word, 1 add 2^63, 2 flip a bit, 3 random words */
    uint64_t random;
};

struct play {
    struct program *program;
    struct keys keys[LOCKSTEP_PARTIES];
    uint64_t *value[LOCKSTEP_PARTIES][PLAY_VALUES];
    struct lockstep gate[PLAY_GATES];
    const struct cheat *cheat;
    uint64_t seed, hidden;      /* of the keys that the observer has, and of those it lacks */
    unsigned observer;          /* a party */
    unsigned now;               /* the gate that runs */
};

static inline void play_keys_end(struct play *y)
{
    for (unsigned a = 0; a < y->program->proto->parties; a++)
        for (unsigned b = 0; b < y->program->proto->parties; b++)
            if (a != b) {
                prf_fini(&y->keys[a].pair[b]);
                prf_fini(&y->keys[a].without[b]);
            }
}

static inline void play_key(struct prf *k, uint8_t name, uint64_t seed)
{
    uint8_t key[PRF_KEY] = { name };
    memcpy(key + 8, &seed, 8);
    prf_init(k, key);
}

static inline void play_keys(struct play *y)
{
    unsigned n = y->program->proto->parties;
    memset(y->keys, 0, sizeof y->keys);
    for (unsigned a = 0; a < n; a++) {
        y->keys[a].self = a;
        y->keys[a].parties = n;
        for (unsigned b = 0; b < n; b++) {
            unsigned o = y->observer;
            if (a == b)
                continue;
            play_key(&y->keys[a].pair[b], (uint8_t)(1 + (a < b ? 16 * a + b : 16 * b + a)),
                     a == o || b == o ? y->seed : y->hidden);
            play_key(&y->keys[a].without[b], (uint8_t)(128 + b), b == o ? y->hidden : y->seed);
        }
    }
}

/* A value from outside, shared under masks l_1, l_2, w (n words each); bits likewise. */
static inline void play_share(struct play *y, uint32_t v, const uint64_t *x, const uint64_t *mask)
{
    const struct protocol *proto = y->program->proto;
    const struct value *is = &y->program->value[v];
    size_t n = value_stride(proto, (enum value_kind)is->kind, is->n);
    for (unsigned p = 0; p < proto->parties; p++) {
        unsigned role = turn_role(proto, is->turn, p);
        uint64_t *z = y->value[p][v] = calloc(4 * n + 8, 8);
        int bits = is->kind == VALUE_BITS;
        for (size_t i = 0; i < n; i++) {
            uint64_t l1 = mask[i], l2 = mask[n + i], w = mask[2 * n + i];
            uint64_t m = bits ? x[i] ^ l1 ^ l2 : x[i] + l1 + l2;
            uint64_t seen = bits ? x[i] ^ w : x[i] + w;
            z[i] = role == D || role == V ? l1 : m;
            z[n + i] = role == D || role == V ? l2 : role == E1 ? l1 : l2;
            if (proto->parties == 4)
                z[2 * n + i] = role == V ? seen : w;
        }
    }
}

static inline void play_input(struct play *y, uint32_t v, const uint64_t *x, uint64_t *state)
{
    const struct value *is = &y->program->value[v];
    size_t n = value_stride(y->program->proto, (enum value_kind)is->kind, is->n);
    uint64_t *mask = malloc(3 * n * 8);
    for (size_t i = 0; i < 3 * n; i++)
        mask[i] = check_random(state);
    play_share(y, v, x, mask);
    free(mask);
}

/* A weight: the first words of x as a kernel matrix, shared and packed. */
static inline void play_weight(struct play *y, uint32_t v, const uint64_t *x, uint64_t *state)
{
    const struct protocol *proto = y->program->proto;
    const struct geometry *g = &y->program->geometry[0];
    uint8_t kind = y->program->value[v].kind;
    y->program->value[v].kind = VALUE_SHARE;
    play_input(y, v, x, state);
    y->program->value[v].kind = kind;
    for (unsigned p = 0; p < proto->parties; p++) {
        uint64_t *share = y->value[p][v];
        uint64_t *packed = aligned_alloc(64, (proto->weight_words(g) + 8) / 8 * 64);
        CHECK_EQ(proto->weight_pack(packed, share, g,
                                    turn_role(proto, y->program->value[v].turn, p)), 0);
        free(share);
        y->value[p][v] = packed;
    }
}

static inline void play_tamper(void *ctx, unsigned step, unsigned from, unsigned to, void *message,
                               size_t n)
{
    const struct play *y = ctx;
    const struct cheat *c = y->cheat;
    uint64_t w = 0, state = c->random + step * 16 + to;
    size_t at = c->at / 8 * 8, m = n - at < 8 ? n - at : 8;
    if (from != c->from || (c->gate != PLAY_GATES && (c->gate != y->now || c->step != step ||
                                                      c->to != to)))
        return;
    if (c->kind == 3) {
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)message)[i] ^= (uint8_t)check_random(&state);
        return;
    }
    memcpy(&w, (uint8_t *)message + at, m);
    w = c->kind == 0 ? w + 1 : c->kind == 1 ? w ^ (uint64_t)1 << (8 * m - 1)
                     : w ^ (uint64_t)1 << c->random % (8 * m);
    memcpy((uint8_t *)message + at, &w, m);
}

/* Runs all gates in order; claims add up, and stand in the last gate's lockstep. */
static inline void play_run(struct play *y, const struct cheat *cheat)
{
    const struct program *p = y->program;
    unsigned parties = p->proto->parties;
    y->cheat = cheat;
    play_keys(y);       /* a key draws every word once */
    for (y->now = 0; y->now < p->ngate; y->now++) {
        struct lockstep *l = &y->gate[y->now];
        const struct gate *g = &p->gate[y->now];
        *l = (struct lockstep){ .program = p, .id = y->now, .ctx = y,
                                .tamper = cheat == NULL ? NULL : play_tamper, .fill = 0x5a };
        for (unsigned a = 0; a < parties; a++) {
            l->keys[a] = &y->keys[a];
            for (int k = 0; k < 3; k++)
                l->x[a][k] = g->in[k] == NO_VALUE ? NULL : y->value[a][g->in[k]];
            if (y->now > 0)
                l->claims[a] = y->gate[y->now - 1].claims[a];
        }
        lockstep_run(l);
        for (unsigned a = 0; a < parties; a++)
            y->value[a][g->out] = l->z[a];
    }
    play_keys_end(y);
}

static inline const struct lockstep *play_last(const struct play *y)
{
    return &y->gate[y->program->ngate - 1];
}

/* Results go; inputs stay for another run. */
static inline void play_again(struct play *y)
{
    for (unsigned i = 0; i < y->program->ngate; i++)
        lockstep_clear(&y->gate[i]);
}

static inline void play_end(struct play *y)
{
    play_again(y);
    for (unsigned a = 0; a < y->program->proto->parties; a++)
        for (uint32_t v = 0; v < y->program->nvalue; v++)
            if (y->program->value[v].external)
                free(y->value[a][v]);
    program_free(y->program);
}

#endif
