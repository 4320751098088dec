/*
 * mac_product.c: products of pairs, and pairs of what has no MAC yet.
 *
 * MUL      additive shares over R of x y and of (alpha x) y: local
 * RESHARE  both under zero sharings, z_i and m_i to role i - 1: 96 bytes in all, one round
 * AUTH     [alpha] [x], reshared: 48 bytes in all, one round
 */
#include <string.h>

#include "proto/mac.h"

void mac_leave(const struct step *s, struct mac_planes v, unsigned item, unsigned number,
               size_t first, wide *part, size_t n, uint8_t *out)
{
    wide mask[MAC_CHUNK];
    mac_zero(s, USE_MAC_ZERO + number, first, mask, n);
    for (size_t i = 0; i < n; i++)
        part[i] += mask[i];
    mac_set(v, item, 0, first, part, n);
    mac_pack(out + first * sizeof *part, part, n, 0);
}

void mac_take(struct mac_planes v, unsigned item, size_t first, size_t n, const uint8_t *in)
{
    wide x[MAC_CHUNK];
    mac_unpack(x, in + first * sizeof *x, n, 0);
    mac_set(v, item, 1, first, x, n);
}

void mac_leave_tag(const struct step *s, struct mac_planes v, unsigned number, size_t first,
                   size_t n, uint8_t *out)
{
    wide alpha[2], x[2][MAC_CHUNK];
    mac_key(s, alpha);
    mac_get(x[0], v, MAC_VALUE, 0, first, n);
    mac_get(x[1], v, MAC_VALUE, 1, first, n);
    for (size_t i = 0; i < n; i++)
        x[0][i] = mac_part(alpha[0], alpha[1], x[0][i], x[1][i]);
    mac_leave(s, v, MAC_TAG, number, first, x[0], n, out);
}

/* ---- MUL ---- */

static void multiply(struct step *s)
{
    struct mac_planes vx = mac_operand(s, 0), vy = mac_operand(s, 1);
    wide x[2][MAC_CHUNK], y[2][MAC_CHUNK];
    for (size_t i = 0, m; i < s->gate->n; i += m) {
        m = mac_min(MAC_CHUNK, s->gate->n - i);
        mac_get(y[0], vy, MAC_VALUE, 0, i, m);
        mac_get(y[1], vy, MAC_VALUE, 1, i, m);
        for (unsigned item = 0; item < 2; item++) {
            mac_get(x[0], vx, item, 0, i, m);
            mac_get(x[1], vx, item, 1, i, m);
            for (size_t k = 0; k < m; k++)
                x[0][k] = mac_part(x[0][k], x[1][k], y[0][k], y[1][k]);
            mac_store(s->z + 2 * item * s->z_stride + i, s->z_stride, x[0], m);
        }
    }
}

static const struct round mul_rounds[] = { { .name = "mul", .run = multiply } };

const struct gate_ops mac_mul = { .name = "mul", .rounds = mul_rounds, .nround = 1 };

/* ---- RESHARE ---- */

void mac_reshare_send(const struct step *s, struct mac_planes v, uint8_t *out)
{
    size_t n = s->gate->n;
    wide part[MAC_CHUNK];
    for (size_t i = 0, m; i < n; i += m) {
        m = mac_min(MAC_CHUNK, n - i);
        for (unsigned item = 0; item < 2; item++) {
            mac_load(part, s->x[0] + 2 * item * s->stride[0] + i, s->stride[0], m);
            mac_leave(s, v, item, item == MAC_VALUE ? MASK_VALUE : MASK_TAG, i, part, m,
                      out + item * n * sizeof *part);
        }
    }
}

void mac_reshare_take(const struct step *s, struct mac_planes v, const uint8_t *in)
{
    size_t n = s->gate->n;
    for (size_t i = 0, m; i < n; i += m) {
        m = mac_min(MAC_CHUNK, n - i);
        mac_take(v, MAC_VALUE, i, m, in);
        mac_take(v, MAC_TAG, i, m, in + n * sizeof(wide));
        mac_enter(s, 0, v, i, m);
    }
}

static size_t reshare_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * 2 * sizeof(wide) : 0;
}

static void reshare_send(struct step *s)
{
    mac_reshare_send(s, mac_result(s), s->out[(s->role + 2) % 3]);
}

static void reshare_receive(struct step *s)
{
    mac_reshare_take(s, mac_result(s), s->in[(s->role + 1) % 3]);
}

static const struct round reshare_rounds[] = {
    { .name = "send", .run = reshare_send, .bytes = reshare_bytes },
    { .name = "receive", .run = reshare_receive },
};

const struct gate_ops mac_reshare = {
    .name = "reshare", .rounds = reshare_rounds, .nround = 2, .record = mac_record
};

/* ---- AUTH ---- */

static size_t auth_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * sizeof(wide) : 0;
}

static void auth_send(struct step *s)
{
    size_t n = s->gate->n;
    for (unsigned k = 0; k < 4; k++)
        memcpy(s->z + k * s->z_stride, s->x[0] + k * s->stride[0], n * sizeof *s->z);
    for (size_t i = 0; i < n; i += MAC_CHUNK)
        mac_leave_tag(s, mac_result(s), MASK_TAG, i, mac_min(MAC_CHUNK, n - i),
                      s->out[(s->role + 2) % 3]);
}

static void auth_receive(struct step *s)
{
    size_t n = s->gate->n;
    for (size_t i = 0, m; i < n; i += m) {
        m = mac_min(MAC_CHUNK, n - i);
        mac_take(mac_result(s), MAC_TAG, i, m, s->in[(s->role + 1) % 3]);
        mac_enter(s, 0, mac_result(s), i, m);
    }
}

static const struct round auth_rounds[] = {
    { .name = "send", .run = auth_send, .bytes = auth_bytes },
    { .name = "receive", .run = auth_receive },
};

const struct gate_ops mac_auth = {
    .name = "auth", .rounds = auth_rounds, .nround = 2, .record = mac_record
};
