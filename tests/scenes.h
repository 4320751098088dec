/*
 * scenes.h: every kind of gate in a small program, for any protocol: what tests that must hold of
 * all gates loop over. The operands of a scene are external values with a part each (what the test
 * gives them); a SUM is made inside by a product with a shared 1, as it comes out of the protocol.
 *
 * A new kind of gate gets a scene here; scenes_cover() fails until it has one.
 */
#ifndef OB_TESTS_SCENES_H
#define OB_TESTS_SCENES_H

#include "tests/check.h"
#include "tests/held.h"
#include "tests/sharings.h"

#include "proto/compose.h"
#include "proto/protocol.h"

enum scene_part {
    SCENE_SECRET,       /* SHARE: what must stay hidden */
    SCENE_ONE,          /* SHARE of ones */
    SCENE_BITS,         /* BITS: to be hidden */
    SCENE_WEIGHT        /* kernel matrix of SHAREs, to be hidden */
};

enum { SCENE_INPUTS = 6 };

struct scene_input {
    enum scene_part part;
    uint32_t value;
    struct geometry g;              /* WEIGHT */
    unsigned turn;
};

struct scene {
    struct program *program;
    uint32_t n;                     /* elements */
    unsigned turn, from;            /* of the gates; of what TURN reads */
    unsigned inputs;
    struct scene_input input[SCENE_INPUTS];
    uint32_t out;
};

static inline uint32_t scene_value(struct scene *s, enum scene_part part, size_t n)
{
    uint32_t v = program_external(s->program, part == SCENE_BITS ? VALUE_BITS : VALUE_SHARE, n);
    s->input[s->inputs++] = (struct scene_input){ .part = part, .value = v,
                                                  .turn = s->program->turn };
    return part == SCENE_BITS ? v : gate_auth(s->program, v);
}

/* The secret as a SUM. */
static inline uint32_t scene_sum(struct scene *s)
{
    uint32_t x = scene_value(s, SCENE_SECRET, s->n), one = scene_value(s, SCENE_ONE, s->n);
    return gate_mul(s->program, x, one);
}

static inline uint32_t scene_weight(struct scene *s, const struct geometry *g)
{
    uint32_t w = program_external_weight(s->program, g);
    s->input[s->inputs++] = (struct scene_input){ .part = SCENE_WEIGHT, .value = w, .g = *g,
                                                  .turn = s->program->turn };
    return w;
}

/* ---- one function per scene ---- */

static inline uint32_t scene_affine(struct scene *s)
{
    struct map *m = map_new(s->program, 2, s->n, 2);
    map_term(m, 0, s->n / 2, -7);
    map_constant(m, 1, 1);
    return gate_affine(s->program, scene_value(s, SCENE_SECRET, s->n), NO_VALUE, m);
}

static inline uint32_t scene_bitmap(struct scene *s)
{
    struct map *m = map_new(s->program, 2, s->n, 2);
    map_term(m, 0, s->n / 2, 1);
    map_constant(m, 1, 1);
    return gate_bitmap(s->program, scene_value(s, SCENE_BITS, s->n), NO_VALUE, m);
}

static inline uint32_t scene_sumpool(struct scene *s)
{
    const struct geometry g = { .h = s->n + 1, .w = 1, .c = 2, .kh = 2, .kw = 1, .sh = 1, .sw = 1,
                                .oh = s->n, .ow = 1, .oc = 2 };
    return gate_sumpool(s->program, &g, scene_value(s, SCENE_SECRET, geometry_in(&g)));
}

static inline uint32_t scene_linear(struct scene *s)
{
    const struct geometry g = { .h = s->n, .w = 1, .c = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1,
                                .oh = s->n, .ow = 1, .oc = 1 };
    uint32_t x = scene_value(s, SCENE_SECRET, s->n), w = scene_weight(s, &g);
    uint32_t b = scene_value(s, SCENE_SECRET, 1);
    return gate_reshare(s->program, gate_linear(s->program, &g, x, w, b, 0, s->n));
}

static inline uint32_t scene_mul(struct scene *s)
{
    uint32_t x = scene_value(s, SCENE_SECRET, s->n);
    return gate_reshare(s->program, gate_mul(s->program, x, x));
}

static inline uint32_t scene_reshare(struct scene *s)
{
    return gate_reshare(s->program, scene_sum(s));
}

static inline uint32_t scene_trunc(struct scene *s)
{
    return gate_trunc(s->program, scene_sum(s), 14);
}

static inline uint32_t scene_trunc_wide(struct scene *s)
{
    return gate_trunc(s->program, scene_sum(s), 20);
}

static inline uint32_t scene_relu(struct scene *s)
{
    return gate_relu(s->program, scene_sum(s), 14, 8);
}

static inline uint32_t scene_relu_plain(struct scene *s)
{
    return gate_relu(s->program, scene_value(s, SCENE_SECRET, s->n), 0, 22);
}

static inline uint32_t scene_sign(struct scene *s)
{
    return gate_sign(s->program, scene_value(s, SCENE_SECRET, s->n), 40);
}

static inline uint32_t scene_and(struct scene *s)
{
    uint32_t x = scene_value(s, SCENE_BITS, s->n), y = scene_value(s, SCENE_BITS, s->n);
    return gate_and(s->program, x, y);
}

static inline uint32_t scene_b2a(struct scene *s)
{
    return gate_b2a(s->program, scene_value(s, SCENE_BITS, s->n));
}

static inline uint32_t scene_auth(struct scene *s)
{
    return scene_value(s, SCENE_SECRET, s->n);
}

static inline uint32_t scene_inject(struct scene *s)
{
    uint32_t x = scene_value(s, SCENE_SECRET, s->n), b = scene_value(s, SCENE_BITS, s->n);
    uint32_t out = program_value(s->program, VALUE_SHARE, s->n);
    gate_inject_into(s->program, x, b, out, 0);
    return out;
}

static inline uint32_t scene_turn(struct scene *s)
{
    s->program->turn = (uint8_t)s->from;
    uint32_t x = scene_value(s, SCENE_SECRET, s->n);
    s->program->turn = (uint8_t)s->turn;
    uint32_t out = program_value(s->program, VALUE_SHARE, s->n);
    gate_turn_into(s->program, x, out, 0);
    return out;
}

static const struct scene_kind {
    const char *name;
    enum gate_kind kind;
    uint32_t (*build)(struct scene *s);
} scenes[] = {
    { "affine", GATE_AFFINE, scene_affine },
    { "bitmap", GATE_BITMAP, scene_bitmap },
    { "sumpool", GATE_SUMPOOL, scene_sumpool },
    { "linear", GATE_LINEAR, scene_linear },
    { "mul", GATE_MUL, scene_mul },
    { "reshare", GATE_RESHARE, scene_reshare },
    { "trunc", GATE_TRUNC, scene_trunc },
    { "trunc of 20", GATE_TRUNC, scene_trunc_wide },
    { "relu", GATE_RELU, scene_relu },
    { "relu of 0", GATE_RELU, scene_relu_plain },
    { "sign", GATE_SIGN, scene_sign },
    { "and", GATE_AND, scene_and },
    { "b2a", GATE_B2A, scene_b2a },
    { "auth", GATE_AUTH, scene_auth },
    { "inject", GATE_INJECT, scene_inject },
    { "turn", GATE_TURN, scene_turn },
};

enum { SCENES = sizeof scenes / sizeof *scenes };

/* Does the protocol have the gate, of its own or composed of others? */
static inline int scene_plays(const struct protocol *proto, const struct scene_kind *k)
{
    const struct gate g = { .kind = (uint8_t)k->kind };
    return k->kind == GATE_RELU || gate_ops(proto, &g) != NULL;
}

/* The scene's program, ended as programs of the protocol are; the caller frees s->program. */
static inline void scene_open(struct scene *s, const struct protocol *proto,
                              const struct scene_kind *k, uint32_t n, unsigned turn, unsigned from)
{
    *s = (struct scene){ .program = program_new(proto), .n = n, .turn = turn, .from = from };
    s->program->turn = (uint8_t)turn;
    s->out = k->build(s);
    program_keep(s->program, s->out);
    program_close(s->program);
    CHECK_EQ(program_check(s->program, NULL), 0);
}

/* Every kind of gate is in some scene; those that check are in the scenes of protocols that have
 * them, deals and MASK in those of protocols that deal, before the gates that use them up. */
static inline void scenes_cover(void)
{
    for (int kind = 0; kind < GATE_KINDS; kind++) {
        int found = kind >= GATE_BARRIER || (kind >= GATE_SETUP && kind <= GATE_MASK);
        for (int i = 0; i < SCENES; i++)
            found |= scenes[i].kind == (enum gate_kind)kind;
        CHECK(found);
        if (!found)
            fprintf(stderr, "gates of kind %d are in no scene: add one to tests/scenes.h\n", kind);
    }
}

/* ---- operands ---- */

/* Memory of an input at every party, of what the clear words (elements; words of a plane) say. */
static inline void scene_bind(const struct scene *s, const struct scene_input *in, struct eye *e,
                              const uint64_t *clear, uint64_t *at[LINK_PARTIES])
{
    const struct protocol *proto = s->program->proto;
    const struct value *v = &s->program->value[in->value];
    size_t n = in->part == SCENE_BITS ? value_stride(proto, VALUE_BITS, v->n) : v->n;
    enum value_kind kind = in->part == SCENE_BITS ? VALUE_BITS : VALUE_SHARE;
    uint64_t *share[LINK_PARTIES];
    for (unsigned p = 0; p < proto->parties; p++)
        share[p] = aligned_alloc(64, (value_words(proto, kind, v->n) * 8 + 127) / 64 * 64);
    enum owner of = held_owner(s->program, in->value);
    if (sharing_make(proto, of, e, in->turn, kind, clear, n, share) != 0)
        exit(1);
    for (unsigned p = 0; p < proto->parties; p++) {
        at[p] = share[p];
        if (in->part != SCENE_WEIGHT)
            continue;
        at[p] = aligned_alloc(64, (v->words * 8 + 127) / 64 * 64);
        CHECK_EQ(proto->weight_pack(at[p], share[p], &in->g, turn_role(proto, in->turn, p)), 0);
        free(share[p]);
    }
}

#endif
