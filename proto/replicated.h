/*
 * replicated.h: what the files of the protocol `replicated-ring` share.
 *
 * Roles of a gate: D = 0 deals, E1 = 1 and E2 = 2 evaluate. x = x_0 + x_1 + x_2; role r holds x_r
 * (plane 0) and x_{r+1} (plane 1), so x_j is known to roles j and j - 1, and these two hold the
 * key k_j. F(k, use) are words of the PRF at this gate.
 */
#ifndef OB_PROTO_REPLICATED_H
#define OB_PROTO_REPLICATED_H

#include "proto/carry.h"
#include "proto/protocol.h"

enum { D = 0, E1 = 1, E2 = 2 };

/* Masks within a gate: every use of randomness has a name of its own. */
enum replicated_use {
    USE_ZERO = 1,       /* zero sharing of ring elements */
    USE_PART,           /* dealt: the truncated part of D */
    USE_COIN,           /* dealt: the mask bit of the sign as a ring element */
    USE_COIN_PART,      /* dealt: their product */
    USE_WRAP,           /* dealt: the top bit of D's part */
    USE_COIN_WRAP,      /* dealt: its product with the mask bit */
    USE_TABLE,          /* dealt: thermometers of the blocks */
    USE_TOP,            /* dealt: the top bit of D's part, as a bit */
    USE_CARRY,          /* shares of the blocks' carries */
    USE_CHOICE,         /* the mask bit of the sign */
    USE_RESULT,         /* shares of the result */
    USE_BIT_ZERO        /* zero sharing of bits; + 1 for each level of a tree */
};

enum { CHUNK = 512 };   /* elements per pass over buffers on the stack */

/* The key of share j at this role, which must hold it. */
static inline const struct prf *share_key(const struct step *s, unsigned j)
{
    unsigned parties = 3;
    unsigned other = j == s->role ? (s->role + parties - 1) % parties : (s->role + 1) % parties;
    return &s->keys->pair[(other + s->gate->turn) % parties];
}

/* out[0 .. n) = words [first, first + n) of F(k_j, use); first is even. */
void draw_words(const struct step *s, unsigned j, uint32_t use, size_t first, uint64_t *out,
                size_t n);

/* As draw_words, but a bit plane of `words` words, planes numbered within the use. */
void draw_plane(const struct step *s, unsigned j, uint32_t use, unsigned plane, uint64_t *out,
                size_t words);

/* z[i] = x[i] + F(k_r, ZERO) - F(k_{r+1}, ZERO): a product made safe to send. */
void mask_sum(const struct step *s, uint64_t *z, const uint64_t *x, size_t n);

/* The packed right operand of LINEAR. */
size_t replicated_weight_words(const struct geometry *g);
int replicated_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                           unsigned role);

/* ---- clients: replicated_client.c, see struct protocol ---- */

int replicated_takes_constant(unsigned role, unsigned plane);
size_t replicated_input_bytes(size_t n, unsigned role);
int replicated_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e);
void replicated_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role);
int replicated_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                           enum value_kind kind, struct err *e);
unsigned replicated_items(unsigned role, unsigned other);
void replicated_common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                       enum value_kind kind, unsigned role, unsigned other, unsigned item);

/* ---- sign circuit (carry.h): replicated_sign.c; the words of a bit are the role's shares ---- */

enum { BLOCK = 4 };     /* most bits of a block */

/* D: thermometers of its part, masked, for E2. bits: `width` planes of the part. */
void sign_deal(const struct step *s, const struct blocks *b, const uint64_t *bits, size_t words,
               uint64_t *out);

/* E1, E2: carries of the blocks from the thermometers (dealt: E2's, in D's message; E1 draws its
 * share into `drawn`, room for all tables) and the bits of their own part; leaves the message for
 * the other evaluator. D: draws its shares. */
void sign_lookup(const struct step *s, const struct blocks *b, const uint64_t *bits,
                 const uint64_t *dealt, uint64_t *drawn, struct tree *t);
size_t sign_lookup_bytes(const struct blocks *b, size_t words, unsigned from, unsigned to);

/* What the round before level `level` has brought goes into the tree. */
void sign_absorb(const struct step *s, const struct blocks *b, unsigned level, struct tree *t);

/* One level, from what has come to what goes: pairs of blocks become one. Symmetric: role r sends
 * to role r - 1. */
void sign_level(const struct step *s, const struct blocks *b, unsigned level, struct tree *t);
size_t sign_level_bytes(const struct blocks *b, unsigned level, size_t words, unsigned from,
                        unsigned to);

/* zero_plane: out = zero sharing of a bit plane; and_add: out ^= local part of x y, with x and y
 * given as the two shares of this role. */
void zero_plane(const struct step *s, unsigned level, unsigned plane, uint64_t *out, size_t words);
void and_add(uint64_t *out, const uint64_t *x0, const uint64_t *x1, const uint64_t *y0,
             const uint64_t *y1, size_t words);

extern const struct gate_ops replicated_linear, replicated_mul, replicated_reshare;    /* .c */
extern const struct gate_ops replicated_sign, replicated_and, replicated_b2a;   /* _bits.c */
extern const struct gate_ops replicated_trunc, replicated_relu;         /* _trunc.c, _relu.c */

/* ---- bits as ring elements: replicated_bits.c ---- */

/* D: out = b_0 ^ b_1 less F(k_1, COIN), for E2. */
void bit_deal(const struct step *s, const uint64_t *b0, const uint64_t *b1, uint64_t *out);

/* The rounds of B2A that a protocol with statements has as well, and their memory. */
size_t replicated_b2a_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
size_t replicated_b2a_scratch(const struct program *p, const struct gate *g);
void replicated_b2a_join(struct step *s);

/* ---- two summands, D's and the evaluators': replicated_deal.c ---- */

/* What the evaluators hold of a truncated value v = part + C for a chunk of elements: C, known to
 * both, already with its half of the wrap; and their additive shares of D's part with the other
 * half. coin and coin_part only where the gate deals them. */
struct dealt {
    uint64_t c[CHUNK], part[CHUNK], coin[CHUNK], coin_part[CHUNK];
};

/* The message from D to E2: which items it holds, where, and how long it is. */
struct deal_layout {
    size_t part, coin, coin_part, wrap, coin_wrap, tables, bytes;   /* offsets in bytes */
};

struct deal_layout deal_layout(const struct gate *g, int coins, unsigned tables);

/* First round, D. Elements [first, first + n) of its part A (n <= CHUNK); all of it, with `width`
 * bit planes of A >> shift; and its message: the arithmetic items (coin: a bit plane, or NULL). */
void deal_part(const struct step *s, size_t first, size_t n, uint64_t *a);
void deal_bits(const struct step *s, uint64_t *bits, unsigned width, uint64_t *a);
void deal_send(const struct step *s, const struct deal_layout *l, const uint64_t *a,
               const uint64_t *coin, uint8_t *out);

/* First round, E1 and E2: they leave z for each other and keep it in `own` (SUM only). */
void deal_exchange(const struct step *s, uint64_t *own);
size_t deal_bytes(const struct gate *g, const struct deal_layout *l, unsigned from, unsigned to);

/* Second round, E1 and E2: elements [first, first + n) (n <= CHUNK) from what has come. */
void deal_receive(const struct step *s, const struct deal_layout *l, const uint64_t *own,
                  size_t first, size_t n, struct dealt *d);

/* The same where B is known already and stands in d->c. */
void deal_open(const struct step *s, const struct deal_layout *l, size_t first, size_t n,
               struct dealt *d);

/* An exchange by which y = y1 + y2, held by the evaluators as y, gets into replicated form: each
 * leaves y - (its drawn share) for the other; D draws both of its shares. */
void share_send(const struct step *s, uint32_t use, const uint64_t *y, uint64_t *const plane[2],
                uint8_t *out);
void share_receive(const struct step *s, const uint8_t *in, uint64_t *const plane[2]);

/* The same for the result of a gate, as its last exchange. */
void result_send(const struct step *s, const uint64_t *y);
void result_finish(struct step *s);
size_t result_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);

#endif
