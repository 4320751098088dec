/*
 * rep4.h: what the files of the protocol `rep4-ring` share.
 *
 * x = x_0 + x_1 + x_2 + x_3 mod 2^64 (XOR for bits), P_j misses x_j. Planes are cyclic: plane k at
 * role r is x_{r+1+k}, and of a SUM the piece that r knows together with role r + 1 + k. (Indices
 * are modulo 4.) So planes are the same at a party whatever the turn: a turn only renames shares,
 * and what was made under one turn may be read under another.
 *
 * Joint messages. A value v that two roles know becomes a sharing with two shares other than zero:
 *
 *     x_to = F(K, use), K the key that `to` lacks;      x_other = v - F
 *
 * `from` sends v - F to `to`, which is masked by a fresh word under a key that it lacks; `other`,
 * the fourth role, draws F. In the next step `to` claims what came towards `backup`, and `backup`
 * claims towards `to` what it would have sent itself. If `from` sends anything else, the two
 * honest roles state different bytes; if `backup` or `to` states anything else, it stops the
 * program and learns nothing.
 */
#ifndef OB_PROTO_REP4_H
#define OB_PROTO_REP4_H

#include "proto/carry.h"
#include "proto/protocol.h"

enum { ROLES = 4, CHUNK = 512 };    /* CHUNK: elements per pass over buffers on the stack */

/* Masks within a gate: a list of joint messages takes as many numbers as it has messages. */
enum rep4_use {
    USE_RESHARE = 0x10, USE_SUMMAND = 0x20, USE_ITEM = 0x30, USE_WRAP = 0x34, USE_PIECE = 0x38,
    USE_TABLE = 0x40, USE_LOOKUP = 0x44,
    USE_LEVEL = 0x100       /* + 8 for each level of a tree */
};

struct joint {
    uint8_t from, backup, to, other;
};

/* The joint messages of one step, all of the same length. `keep` lives in the gate's scratch: what
 * this role would have sent as backup, one message after another. */
struct talk {
    const struct joint *joint;
    unsigned count;
    size_t bytes;
    uint8_t *keep;
};

/* All six pairs: one piece of a product each. The four pairs of one of {0, 1} and one of {2, 3};
 * the same before truncation, towards {2, 3}. The pairs {2, 3} and {0, 1}. */
extern const struct joint rep4_six[6], rep4_cross[4], rep4_summand[4], rep4_side[2];

enum { KEEP_SIX = 2, KEEP_CROSS = 1, KEEP_SUMMAND = 2 };    /* messages to keep, at most */

/* Where share j, or the piece known with role j, is at this role. */
static inline unsigned rep4_plane(unsigned role, unsigned j)
{
    return (j - role - 1) % ROLES;
}

/* out = bytes of the mask that all roles but `without` can draw, from block `block` on. */
void rep4_mask(const struct step *s, unsigned without, uint32_t use, size_t block, void *out,
               size_t n);

size_t rep4_talk_bytes(const struct talk *t, unsigned from, unsigned to);

/* Where this role leaves message k: in a message or in `keep`; NULL if it does not know it. */
uint8_t *rep4_talk_place(const struct step *s, const struct talk *t, unsigned k);

/* The claims about the messages of the step before. */
void rep4_talk_claim(struct step *s, const struct talk *t);

/* A part of a vector: elements [first, first + n), n <= CHUNK, first even, of item `item` of a
 * message whose items have `words` words each; sums, or XOR for bits. */
struct span {
    size_t words, first, n;
    unsigned item;
    int bits;
};

/* The part of message k of t for `value` (read if this role knows it), masked under `use` + k; what
 * follows for the shares is added to z, whose planes are z_stride apart. */
void rep4_joint_share(const struct step *s, const struct talk *t, unsigned k, uint32_t use,
                      const struct span *at, const uint64_t *value, uint64_t *z, size_t z_stride);

/* rep4_joint_share for all messages; piece[q] is what this role knows with role r + 1 + q. */
void rep4_joint_share_all(const struct step *s, const struct talk *t, uint32_t use,
                          const struct span *at, const uint64_t *const piece[3], uint64_t *z,
                          size_t z_stride);

/* The part of what came for this role is added to z. */
void rep4_joint_receive(const struct step *s, const struct talk *t, const struct span *at,
                        uint64_t *z, size_t z_stride);

/* ---- values known to {2, 3} (left) and values known to {0, 1} (right): rep4_pair.c ---- */

/* The two shares that this role's pair knows both of, of planes `stride` apart. */
struct own {
    const uint64_t *a, *b;
};

static inline struct own rep4_own(unsigned role, const uint64_t *x, size_t stride)
{
    unsigned j = role < 2 ? 2 : 0;
    return (struct own){ x + rep4_plane(role, j) * stride, x + rep4_plane(role, j + 1) * stride };
}

/* A message of a pair: words first (ring elements or planes of bits), then small elements, which
 * are needed modulo 2^(8 size). */
struct layout {
    size_t words, small, bytes;
    unsigned size;              /* 2 or 4; 0 if small = 0 */
    int bits;
    uint32_t use, use_small;    /* for words and small elements; + 1 on the right */
};

/* Both sides in shared form: left = share[0] + share[1], right = share[2] + share[3]; NULL for the
 * share that this role misses. own: where a role that knows a side puts its values. */
struct sides {
    const uint8_t *share[ROLES];
    uint8_t *own, *mask;
};

enum { SIDES = 3 };             /* messages of memory that sides take */

struct sides rep4_sides_at(const struct step *s, const struct layout *l, uint8_t *memory);
size_t rep4_sides_bytes(const struct layout *l, unsigned from, unsigned to);
void rep4_sides_send(struct step *s, const struct layout *l, const struct sides *d);
/* In the next step: claims, and what came takes its place in d->share. */
void rep4_sides_receive(struct step *s, const struct layout *l, struct sides *d);

/* What is shared of each element, and what comes of it: y = left_free + right_free + factor sum
 * over i < mult of left_i right_i + 2^(64 - f) sum over i < wraps of small left_i right_i. */
struct items {
    unsigned ring, mult, wraps, free;
    uint64_t factor;
};

struct layout rep4_items_layout(const struct gate *g, const struct items *i);

/* Small elements [at, at + n) of the own side, where there are any. */
void rep4_small_put(const struct layout *l, uint8_t *own, size_t at, const uint64_t *x, size_t n);

/* The last two steps: four joint messages, and the shares of y in s->z. keep: 8 bytes for each
 * element. */
size_t rep4_items_bytes(const struct gate *g, unsigned from, unsigned to);
void rep4_items_multiply(struct step *s, const struct items *i, const struct sides *d,
                         uint8_t *keep);
void rep4_items_finish(struct step *s, uint8_t *keep);

/* ---- two summands and exact truncation: rep4_trunc.c ---- */

/* v + 2^62 = A + B, A known to roles 2 and 3, B to 0 and 1: this role's summand, in two steps.
 * Without a shift A = x_0 + x_1, B = x_2 + x_3, and nothing is sent. keep: 16 bytes an element. */
size_t rep4_summand_bytes(const struct gate *g, unsigned from, unsigned to);
void rep4_summand_send(struct step *s, uint64_t *part, uint8_t *keep);
void rep4_summand_receive(struct step *s, uint64_t *part, uint8_t *keep);

/* v[k] = this role's summand of the truncated value, top[k] = the top bit of A or B, n <= CHUNK. */
void rep4_summand_shift(const struct step *s, const uint64_t *part, size_t n, uint64_t *v,
                        uint64_t *top);

/* ---- sign circuit: rep4_sign.c ---- */

/* Carries of the blocks: g and p of `count` blocks, each three planes of shares `stride` apart. */
struct carries {
    uint64_t *g, *p;
    size_t words, stride;
};

struct sign {
    struct blocks blocks;
    struct layout tables;
    uint8_t *sides;             /* SIDES messages */
    struct carries carries;
    uint8_t *keep;
    int top;                    /* the top bits of the summands are shared, too */
};

/* With memory NULL, only sizes are valid. */
struct sign rep4_sign_at(const struct gate *g, int top, uint8_t *memory);
size_t rep4_sign_bytes(const struct gate *g, int top);       /* of memory */

/* `width` bit planes of this role's summand, KERNEL_PLANE(n) words apart. */
void rep4_sign_tables(struct step *s, const struct sign *r, const uint64_t *bits);
size_t rep4_sign_tables_bytes(const struct sign *r, unsigned from, unsigned to);
/* top: gets the shares of the top bit, planes `stride` apart, where they are shared. */
void rep4_sign_lookup(struct step *s, const struct sign *r, uint64_t *top, size_t stride);
size_t rep4_sign_lookup_bytes(const struct sign *r, unsigned from, unsigned to);
void rep4_sign_level(struct step *s, const struct sign *r, unsigned level);
size_t rep4_sign_level_bytes(const struct sign *r, unsigned level, unsigned from, unsigned to);
unsigned rep4_sign_levels(const struct sign *r);
/* What the last level brought; then the carry is r->carries.g. */
void rep4_sign_end(struct step *s, const struct sign *r);

/* out = the piece of x y that this role knows with role r + 1 + q; shares are planes. */
void rep4_and_piece(uint64_t *out, unsigned q, const uint64_t *x, size_t x_stride,
                    const uint64_t *y, size_t y_stride, size_t words);

extern const struct gate_ops rep4_and, rep4_sign, rep4_b2a;         /* rep4_bits.c */
extern const struct gate_ops rep4_trunc, rep4_relu;                 /* rep4_trunc.c, _relu.c */

#endif
