/*
 * mac_bit.c: products of pairs by bits.
 *
 * Share j of a bit b = b_0 ^ b_1 ^ b_2 is known to roles j and j - 1, as words that both hold the
 * same. For replicated e the product p = e b_j is (e_j + e_{j+1}) b_j at role j plus e_{j-1} b_j
 * at role j - 1; with p_{j+1} = F(k_{j+1}), p_{j-1} = F(k_{j-1}) these two leave for each other
 * what is missing of p_j: two elements where a reshared product has three. For tag and value, 64
 * bytes. Where the value of e is a single share some of them are known without a message (enum
 * mac_form).
 *
 * INJECT  q = x (b_0 ^ b_1 ^ b_2):   q <- q + (x - 2 q) b_j for j = 0, 1, 2, from q = 0
 * B2A     the same for the constant x = 1 as share 0: 32 + 64 + 64 bytes.
 *
 * Three rounds each. An error of a role is added to p, which is entered into the check with q
 * before the next product is: the next one could cancel it again, if b_j were guessed right, and
 * the abort would tell. A role may also multiply by a bit of its own choice: that adds a multiple
 * of what it holds of e.
 *
 * Security before the check: role j - 1 lacks k_{j+1}, role j lacks k_{j-1}.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/mac.h"

/* x[i] = (x[i] + more[i]) b: what this role knows of e b_j. */
static void bit_part(const struct step *s, const struct mac_bit *b, const wide e[2][MAC_CHUNK],
                     size_t first, size_t n, wide *part)
{
    wide more = s->role == b->j ? ~(wide)0 : 0;
    for (size_t i = 0; i < n; i++) {
        wide bit = (b->bit[(first + i) / 64] >> (i % 64)) & 1;
        part[i] = (e[0][i] + (e[1][i] & more)) & -bit;
    }
}

/* v's share += F(k_of), which is also taken from `part`. */
static void bit_drawn(const struct step *s, const struct mac_bit *b, struct mac_planes v,
                      unsigned item, unsigned of, size_t first, size_t n, wide *part)
{
    wide mask[MAC_CHUNK];
    mac_draw(s, of, USE_MAC_BIT + 2 * b->number + item, first, mask, n);
    for (size_t i = 0; i < n; i++) {
        mask[i] <<= b->zeros;
        part[i] -= mask[i];
    }
    mac_add(v, item, of == s->role ? 0 : 1, first, mask, n);
}

/* Does role `from` leave anything of this item? */
static int bit_leaves(const struct mac_bit *b, unsigned item, unsigned from)
{
    if (from == (b->j + 1) % 3)
        return 0;
    return item == MAC_TAG || b->form == MAC_BOTH || (b->form == MAC_ONE && from == b->j);
}

size_t mac_bit_bytes(const struct mac_bit *b, size_t n, unsigned from, unsigned to)
{
    unsigned items = bit_leaves(b, MAC_VALUE, from) + bit_leaves(b, MAC_TAG, from);
    if (from == (b->j + 1) % 3 || to != mac_bit_other(b->j, from))
        return 0;
    return items * n * mac_bytes(b->zeros);
}

/* One item of a chunk; `out` is that item's part of the message. */
static void bit_send(const struct step *s, const struct mac_bit *b, struct mac_planes v,
                     const wide e[2][MAC_CHUNK], unsigned item, size_t first, size_t n,
                     uint8_t *out)
{
    wide part[MAC_CHUNK] = { 0 };
    unsigned up = (b->j + 1) % 3, down = (b->j + 2) % 3;
    if (s->role != up)
        bit_part(s, b, e, first, n, part);
    if (item == MAC_VALUE && b->form == MAC_NONE && s->role == down)
        for (size_t i = 0; i < n; i++)      /* the share that it knows is its second one */
            part[i] = e[1][i] & -(wide)((b->bit[(first + i) / 64] >> (i % 64)) & 1);
    if (s->role != down && bit_leaves(b, item, b->j))
        bit_drawn(s, b, v, item, up, first, n, part);
    if (s->role != b->j && bit_leaves(b, item, down))
        bit_drawn(s, b, v, item, down, first, n, part);
    if (s->role == up)
        return;
    mac_add(v, item, s->role == b->j ? 0 : 1, first, part, n);
    if (bit_leaves(b, item, s->role))
        mac_pack(out + first * mac_bytes(b->zeros), part, n, b->zeros);
}

/* Where the tags begin in the message from a role. */
static size_t bit_tags(const struct mac_bit *b, size_t n, unsigned from)
{
    return bit_leaves(b, MAC_VALUE, from) ? n * mac_bytes(b->zeros) : 0;
}

void mac_bit_send(const struct step *s, const struct mac_bit *b, struct mac_planes v,
                  const struct mac_pair *e, size_t first, size_t n, uint8_t *out)
{
    size_t tags = bit_tags(b, s->gate->n, s->role);
    bit_send(s, b, v, e->x[MAC_VALUE], MAC_VALUE, first, n, out);
    bit_send(s, b, v, e->x[MAC_TAG], MAC_TAG, first, n, out + tags);
}

void mac_bit_take(const struct step *s, const struct mac_bit *b, struct mac_planes v, size_t first,
                  size_t n, const uint8_t *in)
{
    wide x[MAC_CHUNK];
    unsigned other = mac_bit_other(b->j, s->role), share = s->role == b->j ? 0 : 1;
    size_t size = mac_bytes(b->zeros);
    if (s->role == (b->j + 1) % 3)
        return;
    for (unsigned item = 0; item < 2; item++) {
        if (!bit_leaves(b, item, other))
            continue;
        size_t at = item == MAC_TAG ? bit_tags(b, s->gate->n, other) : 0;
        mac_unpack(x, in + at + first * size, n, b->zeros);
        mac_add(v, item, share, first, x, n);
    }
}

void mac_constant(const struct step *s, unsigned j, unsigned zeros, struct mac_pair *e, size_t n)
{
    wide alpha[2], one = (wide)1 << zeros;
    mac_key(s, alpha);
    for (unsigned share = 0; share < 2; share++)
        for (size_t i = 0; i < n; i++) {
            e->x[MAC_VALUE][share][i] = (s->role + share) % 3 == j ? one : 0;
            e->x[MAC_TAG][share][i] = alpha[share] << zeros;
        }
}

/* ---- INJECT, B2A ---- */

static int is_b2a(const struct gate *g)
{
    return g->kind == GATE_B2A;
}

/* The product by share j of the gate's bits. */
static struct mac_bit inject_bit(const struct step *s, const struct gate *g, unsigned j)
{
    struct mac_bit b = { .j = j, .number = j, .form = is_b2a(g) && j == 0 ? MAC_NONE : MAC_BOTH };
    unsigned k = is_b2a(g) ? 0 : 1;
    if (s != NULL)
        b.bit = s->x[k] + (s->role == j ? 0 : s->stride[k]);
    return b;
}

static unsigned inject_times(const struct gate *g)
{
    (void)g;
    return 3;
}

static size_t inject_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct mac_bit b = inject_bit(NULL, g, level);
    return mac_bit_bytes(&b, g->n, from, to);
}

/* What came of the product by share j, in elements [first, first + n). */
static void inject_take(const struct step *s, unsigned j, size_t first, size_t n)
{
    struct mac_bit b = inject_bit(s, s->gate, j);
    mac_bit_take(s, &b, mac_result(s), first, n, s->in[mac_bit_other(j, s->role)]);
    mac_enter(s, j, mac_result(s), first, n);
}

/* e = x - 2 q. */
static void inject_factor(const struct step *s, size_t first, size_t n, struct mac_pair *e)
{
    wide q[MAC_CHUNK];
    if (is_b2a(s->gate))
        mac_constant(s, 0, 0, e, n);
    else
        mac_get_pair(e, mac_operand(s, 0), first, n);
    for (unsigned k = 0; k < 4; k++) {
        mac_get(q, mac_result(s), k / 2, k % 2, first, n);
        for (size_t i = 0; i < n; i++)
            e->x[k / 2][k % 2][i] -= 2 * q[i];
    }
}

static void inject_multiply(struct step *s)
{
    struct mac_bit b = inject_bit(s, s->gate, s->level);
    uint8_t *out = s->out[mac_bit_other(s->level, s->role)];
    struct mac_pair e;
    for (unsigned k = 0; k < 8 && s->level == 0; k++)
        memset(s->z + k * s->z_stride, 0, s->gate->n * sizeof *s->z);
    for (size_t i = 0, m; i < s->gate->n; i += m) {
        m = mac_min(MAC_CHUNK, s->gate->n - i);
        if (s->level > 0)
            inject_take(s, s->level - 1, i, m);
        inject_factor(s, i, m, &e);
        mac_bit_send(s, &b, mac_result(s), &e, i, m, out);
    }
}

static void inject_finish(struct step *s)
{
    for (size_t i = 0; i < s->gate->n; i += MAC_CHUNK)
        inject_take(s, 2, i, mac_min(MAC_CHUNK, s->gate->n - i));
}

static const struct round inject_rounds[] = {
    { .name = "multiply", .run = inject_multiply, .bytes = inject_bytes, .times = inject_times },
    { .name = "finish", .run = inject_finish },
};

const struct gate_ops mac_inject = {
    .name = "inject", .rounds = inject_rounds, .nround = 2, .record = mac_record
};

const struct gate_ops mac_b2a = {
    .name = "b2a", .rounds = inject_rounds, .nround = 2, .record = mac_record
};
