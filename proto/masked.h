/*
 * masked.h: what the files of the protocols `trio` and `quad` share.
 *
 * Roles of a gate: D = 0 deals, E1 = 1 and E2 = 2 evaluate, V = 3 verifies (quad alone).
 *
 *     x = m - l_1 - l_2,  L = l_1 + l_2;   quad: w and x~ = x + w as well
 *
 *     role   plane 0   1     2 (quad)      keys: K_1 of D, E1, V      masks l_1
 *     D      l_1       l_2   w                   K_2 of D, E2, V            l_2
 *     E1     m         l_1   w                   K_W of D, E1, E2 (quad)    w and what V sees
 *     E2     m         l_2   w
 *     V      l_1       l_2   x~
 *
 * Bits likewise with XOR. In trio a pair of parties holds K_1 or K_2. F(K, use) are words of the
 * PRF at this gate.
 *
 * A gate moves four strings, and what E1 and E2 exchange (masked.c says why this is enough):
 *
 *     DEALT    D to E2, under K_1: E1 draws its part; V makes it too and claims it with E2
 *     HINT     D to V, under K_W (quad)
 *     REPORT   E2 to V, under K_W; E1 makes it too and claims it with V (quad)
 *     AUDIT    nobody sends it: E1 and E2 make it of what they evaluated, V of what it knows; each
 *              of the two claims it with V (quad)
 */
#ifndef OB_PROTO_MASKED_H
#define OB_PROTO_MASKED_H

#include "proto/carry.h"
#include "proto/kernel.h"
#include "proto/protocol.h"

enum { D, E1, E2, V };

/* The keys, by the mask that they make. */
enum mask { L1, L2, W };

/* Masks within a gate: every use of randomness has a name of its own. One name may stand for
 * words under several keys. */
enum masked_use {
    USE_RHO = 1,        /* L1, L2: of an opened product */
    USE_NEW,            /* L1: mask of a reshared product;  W: its w */
    USE_BLIND,          /* W: of the check of an opened product */
    USE_RESULT,         /* L1, L2, W: of a result */
    USE_PART,           /* L1: dealt, the part of D of a value */
    USE_COIN,           /* L1: dealt, the mask bit of the sign as a ring element */
    USE_COIN_PART,      /* L1: dealt, their product */
    USE_WRAP,           /* L1: dealt, the top bit of R */
    USE_COIN_WRAP,      /* L1: dealt, its product with the mask bit */
    USE_SEEN,           /* W: reported, the part of E1 and E2 */
    USE_SEEN_BIT,       /* W: reported, the opened bit as a ring element */
    USE_SEEN_PART,      /* W: reported, their product */
    USE_SEEN_WRAP,      /* W: reported, the top bit of what was opened */
    USE_SEEN_BIT_WRAP,  /* W: reported, its product with the opened bit */
    USE_TABLE,          /* L1: dealt, thermometers of the blocks */
    USE_SELECT,         /* W: reported, which entry is looked up */
    USE_CARRY,          /* L1, L2, W: carries of the blocks */
    USE_AND_RHO,        /* L1, L2: of an opened AND */
    USE_AND_NEW,        /* L1: mask of its result;  W: its w */
    USE_AND_BLIND,      /* W: of its check */
    USE_SIGN,           /* L1, W: of a sign as a result */
    USE_PIECE           /* L1, L2, W: of a sharing that changes its turn */
};

enum { CHUNK = 512 };   /* elements per pass over buffers on the stack */

static inline int is_quad(const struct step *s)
{
    return s->program->proto->parties == 4;
}

static inline int is_evaluator(const struct step *s)
{
    return s->role == E1 || s->role == E2;
}

/* The mask that this evaluator holds, and the role of the other one. */
static inline enum mask own_mask(const struct step *s)
{
    return s->role == E1 ? L1 : L2;
}

static inline unsigned partner(const struct step *s)
{
    return E1 + E2 - s->role;
}

/* How many elements the chunk from i on has. */
static inline size_t chunk_at(const struct step *s, size_t i)
{
    return s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
}

static inline uint64_t *plane_of(const struct step *s, unsigned k)
{
    return s->z + k * s->z_stride;
}

/* The third plane of the result, or of operand k, which there is in quad alone: NULL in trio. */
static inline uint64_t *last_of(const struct step *s)
{
    return is_quad(s) ? plane_of(s, 2) : NULL;
}

static inline const uint64_t *last_operand(const struct step *s, int k)
{
    return is_quad(s) ? s->x[k] + 2 * s->stride[k] : NULL;
}

/* out[0 .. n) = words [first, first + n) of F(K, use); first is even. Likewise a bit plane of
 * `words` words, planes numbered within the use; and numbers of `size` bytes, first * size a
 * multiple of 16, as words. */
void mask_words(const struct step *s, enum mask k, uint32_t use, size_t first, uint64_t *out,
                size_t n);
void mask_plane(const struct step *s, enum mask k, uint32_t use, unsigned plane, uint64_t *out,
                size_t words);
void mask_wraps(const struct step *s, enum mask k, uint32_t use, size_t size, size_t first,
                uint64_t *out, size_t n);

/* ---- strings: masked_string.c ---- */

enum { DEALT, HINT, REPORT, AUDIT, STRINGS };

/* What a string holds: words of 8 bytes, one of each kind for every element; then wraps of
 * wrap_bytes(shift); then bit planes. */
struct string {
    uint8_t words, wraps;
    uint16_t planes;
};

struct strings {
    struct string is[STRINGS];
    size_t n, words, wrap;      /* elements, words of a plane, bytes of a wrap */
    uint8_t *at[STRINGS];       /* where this role has it in this step */
    uint8_t *rest;              /* scratch behind the strings, aligned */
};

/* Lays them out for a gate; at a step (s may be NULL: sizes alone) with their places. In the step
 * where D deals, its strings are its messages; V reads the report in the step `audit`. */
struct strings strings_of(const struct gate *g, const struct string is[static STRINGS],
                          const struct step *s);
size_t strings_scratch(const struct program *p, const struct strings *l);   /* bytes until rest */

uint64_t *string_words(const struct strings *l, unsigned string, unsigned k);
uint8_t *string_wraps(const struct strings *l, unsigned string, unsigned k);
uint64_t *string_plane(const struct strings *l, unsigned string, unsigned k);

/* wraps[first .. first + n) of an item: words written or read modulo 2^(8 l->wrap). */
void wraps_put(const struct strings *l, unsigned string, unsigned k, size_t first,
               const uint64_t *x, size_t n);
void wraps_get(const struct strings *l, unsigned string, unsigned k, size_t first, uint64_t *x,
               size_t n);

/* Bytes of messages: of the step where D deals and E1, E2 exchange something; where they
 * exchange; where E2 reports. */
size_t strings_deal(const struct strings *l, size_t exchanged, unsigned from, unsigned to);
size_t strings_exchange(size_t n, unsigned from, unsigned to);
size_t strings_reported(const struct strings *l, unsigned from, unsigned to);

/* The step after D has dealt: E2 and V keep what came. */
void strings_keep(const struct step *s, const struct strings *l);

/* E2 sends its report. The last step of every gate of a malicious setting: the claims. */
void strings_report(const struct step *s, const struct strings *l);
void strings_claim(struct step *s, const struct strings *l);

/* ---- opening a product, sharing a result: masked_open.c ---- */

/* c = z + R of elements [first, first + n): z a SUM, R = rho_1 + rho_2 - Gamma. E1 and E2 exchange
 * (own: n words kept until c is there) and have c; D and V have R. Word 0 of HINT and of AUDIT. */
void open_send(const struct step *s, uint64_t *own);
void open_receive(const struct step *s, const struct strings *l, const uint64_t *own, size_t first,
                  size_t n, uint64_t *c);
void open_mask(const struct step *s, const struct strings *l, size_t first, size_t n, uint64_t *r);

/* The result y = y_1 + y_2 of E1 and E2, word `item` of HINT and AUDIT. E1, E2: exchange, and
 * finish. D and V, for elements [first, first + n) (n <= CHUNK): seen is, at D, what the masks of
 * the report amount to in y; at V, what y would be if nothing in the report were masked. */
void opened_send(const struct step *s, const uint64_t *y);
size_t opened_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
void opened_receive(const struct step *s, const struct strings *l, unsigned item);
void share_mask(const struct step *s, const struct strings *l, unsigned item, size_t first,
                 size_t n, const uint64_t *seen);

/* ---- a truncated value in parts, and items of strings: masked_deal.c ---- */

/* R becomes P, and its top bit T; c (without its offset of 2^62) becomes C, and N. */
void part_of_mask(const struct gate *g, uint64_t *r, uint64_t *top, size_t n);
void part_of_opened(const struct gate *g, uint64_t *c, uint64_t *low, size_t n);

/* Elements [first, first + n) (n <= CHUNK) of item k. D and V: value - F(K_1) is DEALT. E1 and E2:
 * their parts of it. */
void deal_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, const uint64_t *value, size_t n);
void deal_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, const uint64_t *value, size_t n);
void dealt_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                 size_t first, uint64_t *out, size_t n);
void dealt_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                 size_t first, uint64_t *out, size_t n);

/* E1 and E2: value + F(K_W) is REPORTed. D has the mask of it, V has seen the sum. */
void report_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                  size_t first, const uint64_t *value, size_t n);
void report_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                  size_t first, const uint64_t *value, size_t n);
void seen_words(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, uint64_t *out, size_t n);
void seen_wraps(const struct step *s, const struct strings *l, unsigned k, uint32_t use,
                size_t first, uint64_t *out, size_t n);

/* ---- gates ---- */

extern const struct gate_ops masked_linear, masked_mul;                     /* _linear.c */
extern const struct gate_ops masked_reshare, masked_b2a;                    /* _reshare.c */
extern const struct gate_ops masked_and;                                    /* _and.c */
extern const struct gate_ops masked_trunc, masked_sign, masked_relu;
extern const struct gate_ops trio_turn, quad_turn;                          /* _turn.c */

size_t masked_weight_words(const struct geometry *g);
int trio_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                     unsigned role);
int quad_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                     unsigned role);

/* ---- clients: masked_client.c ---- */

unsigned masked_items(unsigned role, unsigned other);
void masked_common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                   enum value_kind kind, unsigned role, unsigned other, unsigned item);
size_t trio_input_bytes(size_t n, unsigned role);
size_t quad_input_bytes(size_t n, unsigned role);
int trio_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e);
int quad_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e);
void trio_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role);
void quad_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role);
int trio_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                     enum value_kind kind, struct err *e);
int quad_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                     enum value_kind kind, struct err *e);

#endif
