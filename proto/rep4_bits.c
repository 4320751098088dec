/*
 * rep4_bits.c: AND of bits, bits of ring elements, bits as ring elements.
 *
 * AND     six pieces (x_i ^ x_j) (y_i ^ y_j), whose sum over GF(2) is x y (each square appears
 *         three times), in joint messages. One round, 6 bits.
 * SIGN    s = [x < 0] for |x| < 2^(m-1): x_0 + x_1 is known to roles 2 and 3, x_2 + x_3 to 0 and 1;
 *         the top bit of the sum of the low m bits is A[m-1] ^ B[m-1] ^ carry (rep4_sign.c).
 * B2A     b = l ^ r = l + r - 2 l r, l = b_0 ^ b_1 known to {2, 3}, r = b_2 ^ b_3 to {0, 1}: a
 *         product as in rep4_pair.c. Two rounds, 48 bytes.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/rep4.h"

/* ---- AND ---- */

static struct talk and_talk(const struct gate *g, uint8_t *keep)
{
    return (struct talk){ .joint = rep4_six, .count = 6, .bytes = KERNEL_PLANE(g->n) * 8,
                          .keep = keep };
}

static size_t and_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct talk t = and_talk(g, NULL);
    return rep4_talk_bytes(&t, from, to);
}

static size_t and_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return KEEP_SIX * KERNEL_PLANE(g->n) * 8;
}

static void and_send(struct step *s)
{
    struct talk t = and_talk(s->gate, s->scratch);
    size_t words = KERNEL_PLANE(s->gate->n);
    for (unsigned q = 0; q < 3; q++)
        memset(s->z + q * s->z_stride, 0, words * sizeof *s->z);
    for (size_t w = 0; w < words; w += CHUNK) {
        uint64_t product[3][CHUNK];
        const uint64_t *const piece[3] = { product[0], product[1], product[2] };
        struct span at = { .words = words, .first = w, .bits = 1,
                           .n = words - w < CHUNK ? words - w : CHUNK };
        for (unsigned q = 0; q < 3; q++)
            rep4_and_piece(product[q], q, s->x[0] + w, s->stride[0], s->x[1] + w, s->stride[1],
                           at.n);
        rep4_joint_share_all(s, &t, USE_LEVEL, &at, piece, s->z + w, s->z_stride);
    }
}

static void and_receive(struct step *s)
{
    struct talk t = and_talk(s->gate, s->scratch);
    size_t words = KERNEL_PLANE(s->gate->n);
    struct span all = { .words = words, .n = words, .bits = 1 };
    rep4_talk_claim(s, &t);
    rep4_joint_receive(s, &t, &all, s->z, s->z_stride);
}

static const struct round and_rounds[] = {
    { .name = "send", .run = and_send, .bytes = and_bytes },
    { .name = "receive", .run = and_receive },
};

const struct gate_ops rep4_and = {
    .name = "and", .rounds = and_rounds, .nround = 2, .scratch = and_scratch
};

/* ---- B2A ---- */

static const struct items b2a_items = { .ring = 1, .mult = 1, .factor = -(uint64_t)2 };

static size_t b2a_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return SIDES * rep4_items_layout(g, &b2a_items).bytes + KEEP_CROSS * (size_t)g->n * 8;
}

static size_t b2a_share_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct layout l = rep4_items_layout(g, &b2a_items);
    return rep4_sides_bytes(&l, from, to);
}

static void b2a_share(struct step *s)
{
    struct layout l = rep4_items_layout(s->gate, &b2a_items);
    struct sides d = rep4_sides_at(s, &l, s->scratch);
    struct own x = rep4_own(s->role, s->x[0], s->stride[0]);
    for (size_t i = 0; i < s->gate->n; i++)
        ((uint64_t *)d.own)[i] = plane_bit(x.a, i) ^ plane_bit(x.b, i);
    rep4_sides_send(s, &l, &d);
}

static size_t b2a_multiply_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return rep4_items_bytes(g, from, to);
}

static uint8_t *b2a_keep(const struct step *s)
{
    return s->scratch + SIDES * rep4_items_layout(s->gate, &b2a_items).bytes;
}

static void b2a_multiply(struct step *s)
{
    struct layout l = rep4_items_layout(s->gate, &b2a_items);
    struct sides d = rep4_sides_at(s, &l, s->scratch);
    rep4_sides_receive(s, &l, &d);
    rep4_items_multiply(s, &b2a_items, &d, b2a_keep(s));
}

static void b2a_finish(struct step *s)
{
    rep4_items_finish(s, b2a_keep(s));
}

static const struct round b2a_rounds[] = {
    { .name = "share", .run = b2a_share, .bytes = b2a_share_bytes },
    { .name = "multiply", .run = b2a_multiply, .bytes = b2a_multiply_bytes },
    { .name = "finish", .run = b2a_finish },
};

const struct gate_ops rep4_b2a = {
    .name = "b2a", .rounds = b2a_rounds, .nround = 3, .scratch = b2a_scratch
};

/* ---- SIGN ---- */

static size_t sign_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return g->width * KERNEL_PLANE(g->n) * 8 + rep4_sign_bytes(g, 1);
}

static struct sign sign_of(const struct step *s)
{
    return rep4_sign_at(s->gate, 1, s->scratch + s->gate->width * KERNEL_PLANE(s->gate->n) * 8);
}

static size_t sign_share_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct sign r = rep4_sign_at(g, 1, NULL);
    return rep4_sign_tables_bytes(&r, from, to);
}

static void sign_share(struct step *s)
{
    struct sign r = sign_of(s);
    struct own x = rep4_own(s->role, s->x[0], s->stride[0]);
    uint64_t part[CHUNK], *bits = (uint64_t *)s->scratch;
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        for (size_t k = 0; k < m; k++)
            part[k] = x.a[i + k] + x.b[i + k];
        planes_from_words(bits + i / 64, KERNEL_PLANE(s->gate->n), part, m, 0, s->gate->width);
    }
    rep4_sign_tables(s, &r, bits);
}

static size_t sign_look_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct sign r = rep4_sign_at(g, 1, NULL);
    return rep4_sign_lookup_bytes(&r, from, to);
}

static void sign_look(struct step *s)
{
    struct sign r = sign_of(s);
    rep4_sign_lookup(s, &r, s->z, s->z_stride);
}

static unsigned sign_times(const struct gate *g)
{
    struct sign r = rep4_sign_at(g, 1, NULL);
    return rep4_sign_levels(&r);
}

static size_t sign_tree_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct sign r = rep4_sign_at(g, 1, NULL);
    return rep4_sign_level_bytes(&r, level, from, to);
}

static void sign_tree(struct step *s)
{
    struct sign r = sign_of(s);
    rep4_sign_level(s, &r, s->level);
}

static void sign_finish(struct step *s)
{
    struct sign r = sign_of(s);
    rep4_sign_end(s, &r);
    for (unsigned q = 0; q < 3; q++)
        for (size_t w = 0; w < r.carries.words; w++)
            s->z[q * s->z_stride + w] ^= r.carries.g[q * r.carries.stride + w];
}

static const struct round sign_rounds[] = {
    { .name = "tables", .run = sign_share, .bytes = sign_share_bytes },
    { .name = "lookup", .run = sign_look, .bytes = sign_look_bytes },
    { .name = "level", .run = sign_tree, .bytes = sign_tree_bytes, .times = sign_times },
    { .name = "finish", .run = sign_finish },
};

const struct gate_ops rep4_sign = {
    .name = "sign", .rounds = sign_rounds, .nround = 4, .scratch = sign_scratch
};
