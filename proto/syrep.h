/*
 * syrep.h: what the files of the protocol `sy-rep-ring` share: how a gate states what it sent.
 *
 * Sharing, roles and keys are those of replicated.h. A prover in role i holds share i with role i -
 * 1 (LEFT) and share i + 1 with role i + 1 (RIGHT): its plane 0 is LEFT's plane 1, its plane 1 is
 * RIGHT's plane 0. The same holds for the keys k_i and k_{i+1}.
 */
#ifndef OB_PROTO_SYREP_H
#define OB_PROTO_SYREP_H

#include "proto/kernel.h"
#include "proto/prove.h"
#include "proto/replicated.h"

/* Uses of randomness beyond those of replicated.h; the last two are of coins. */
enum syrep_use { USE_CHAIN = 0x100, USE_CHOSEN, USE_OUTPUT, USE_RHO, USE_SIGMA };

/* One seat's part of one run of statements of one gate. */
struct view {
    struct step at;             /* the gate's: program, gate, id, role, keys, record, values */
    enum prove_seat seat;
    unsigned prover;            /* the role that proves */
    const struct prf *coins;
    size_t words;               /* of the run */
    uint64_t *left, *right;     /* [terms][words], NULL where the seat does not know it */
    uint64_t *claim;            /* its own; the prover's: the left one of words, NULL of bits */
};

/* What a kind of gate has to prove, by the role that proves. */
struct statements {
    unsigned (*runs)(const struct program *p, const struct gate *g, unsigned prover);
    struct prove_run (*run)(const struct program *p, const struct gate *g, unsigned prover,
                            unsigned i);
    void (*fill)(struct view *v, unsigned i);
};

extern const struct statements syrep_reshare_statements, syrep_and_statements;     /* _mul.c */
extern const struct statements syrep_trunc_statements;                         /* _trunc.c */
extern const struct statements syrep_sign_statements;                          /* _sign.c */
extern const struct statements syrep_relu_statements;                          /* _relu.c */
extern const struct statements syrep_b2a_statements;                           /* _bits.c */

extern const struct gate_ops syrep_trunc, syrep_sign, syrep_b2a, syrep_relu;

extern const struct prove_source syrep_source;                                  /* _prove.c */
void syrep_settle(struct program *p, const struct stage_span *stage, uint32_t n);

/* What a stage's gates of the kinds `readers` read, and those of `makers` make, is there until it
 * is settled; sets of bits 1 << kind. */
void syrep_hold(struct program *p, const struct stage_span *s, uint32_t readers, uint32_t makers);

/* Proofs of everybody, in batches, of the statements of a stage's gates. */
void syrep_prove_gates(struct program *p, const struct stage_span *s);

/* Are there statements about all that the gate sends? */
int syrep_states(const struct program *p, const struct gate *g);

/* ---- values, shares and words of a view: syrep_prove.c ---- */

/* A shared object at one party: its two planes. */
struct pair {
    const uint64_t *plane[2];
};

/* A kept value, from element (or word of planes) `first` on. */
struct pair kept(const struct step *s, uint32_t value, size_t first);

/* The step as gate g would see it at this party. */
struct step step_at(const struct step *s, const struct gate *g);

/* Words (or words of a plane) of F(k_j, use) that were drawn when the gate ran. */
void redraw_words(const struct step *s, unsigned j, uint32_t use, size_t first, uint64_t *out,
                  size_t n);
void redraw_plane(const struct step *s, unsigned j, uint32_t use, unsigned plane, uint64_t *out,
                  size_t words);

/* The same for words [first, first + words) of a plane of the gate's elements, for the first time
 * and again; first is even. */
void draw_part(const struct step *s, unsigned j, uint32_t use, unsigned plane, size_t first,
               uint64_t *out, size_t words);
void redraw_part(const struct step *s, unsigned j, uint32_t use, unsigned plane, size_t first,
                 uint64_t *out, size_t words);

/* Words [at, at + n) of term t: x is the left factor, y the right one. */
void view_term(struct view *v, unsigned t, size_t at, struct pair x, struct pair y, size_t n);

/* Does this seat state the left claim? LEFT does, and the prover for statements about words. */
static inline int claims_left(const struct view *v)
{
    return v->seat != PROVE_RIGHT;
}

/* Where the words of the left (right) factor of term t go, or NULL if the seat knows it not. */
static inline uint64_t *view_left(const struct view *v, unsigned t)
{
    return v->left == NULL ? NULL : v->left + t * v->words;
}

static inline uint64_t *view_right(const struct view *v, unsigned t)
{
    return v->right == NULL ? NULL : v->right + t * v->words;
}

/* The words of `shared` that make the left (right) factor at this seat, which must know it. */
static inline const uint64_t *left_of(const struct view *v, struct pair shared)
{
    return shared.plane[v->seat == PROVE_LEFT];
}

static inline const uint64_t *right_of(const struct view *v, struct pair shared)
{
    return shared.plane[v->seat == PROVE_PROVER];
}

/* ---- products: syrep_mul.c ---- */

/* One plane of an AND, words [at, at + words) of the run: the prover's share of z is x_i y_i ^
 * x_i y_{i+1} ^ x_{i+1} y_i ^ its share of `plus` (planes may be NULL) ^ its two words of the zero
 * sharing (level, plane). */
void and_statement(struct view *v, size_t at, struct pair x, struct pair y, struct pair z,
                   struct pair plus, unsigned level, unsigned plane, size_t words);

/* Runs for what RESHARE and TRUNC sent of their operand: one if a MUL made it, else none. */
unsigned sent_runs(const struct program *p, const struct gate *g);
struct prove_run sent_run(const struct gate *g);
void sent_fill(struct view *v, struct pair sent);

/* The gate that made the SUM which g reads. */
const struct gate *maker(const struct program *p, const struct gate *g);

/* The shares that RESHARE or TRUNC gate `g` made of its operand, at this party. */
struct pair sent_shares(const struct step *s, const struct gate *g);

/* ---- carries of x_0 + x_1: syrep_chain.c ---- */

enum { TRUNC_CARRIES = 64 };    /* of a truncation: c_1 .. c_64 */

struct chain {
    struct pair x;              /* at D the summands; at E2 plane 1 is x_0, at E1 plane 0 is x_1 */
    uint64_t offset;            /* added to x_0 */
    unsigned count;
    const uint64_t *dealt;      /* D, E2: count planes */
};

/* D: the carries c_1 .. c_count, masked, for E2. */
void chain_deal(const struct step *s, const struct chain *c, uint64_t *dealt);

/* D's statements that they were dealt as they are. */
struct prove_run chain_run(const struct gate *g, unsigned count);
void chain_fill(struct view *v, const struct chain *c);

/* The dealt (left) or drawn share of carry c_{j+1}, as words 0 and 1, of elements [first, ..). */
void carry_words(const struct view *v, const struct chain *c, int left, unsigned j, size_t first,
                 size_t n, uint64_t *out);

/* ---- words that D dealt: syrep_bits.c ---- */

/* Is this seat's share of a dealt item the dealt one (at D, E2) or the drawn one (D, E1)? */
static inline int states_dealt(const struct view *v)
{
    return v->prover == D ? claims_left(v) : v->prover == E2;
}

/* That share of words [first, first + n) of an item, all of whose dealt words are at `dealt`. */
void item_words(const struct view *v, const uint64_t *dealt, uint32_t use, size_t first, size_t n,
                uint64_t *out);

/* What E1 and E2 leave for each other under F(k, mask) has, in `terms` terms, a claim that D knows,
 * mask - item. D states it, and so does E1 of its own; E2 finds the other one from the rest. */
static inline int claims_mask(const struct view *v)
{
    return v->at.role == D || v->seat == PROVE_PROVER;
}

void mask_claim(struct view *v, unsigned terms, const uint64_t *dealt, uint32_t item,
                uint32_t mask);

/* ---- a bit that D knows, as a ring element: syrep_bits.c ---- */

/* The statement that D dealt b as bit_deal does. dealt: at D and E2. */
void bit_deal_fill(struct view *v, struct pair b, const uint64_t *dealt);

/* ---- linear maps by projections: syrep_linear.c ---- */

enum { PROJECTIONS = 128 };

/* The LINEAR gate whose product g sent (RESHARE, TRUNC), or NULL. */
const struct gate *linear_of(const struct program *p, const struct gate *g);

/* The run that shows all that was sent of products with one weight, of which g sent the first. */
struct prove_run linear_run(const struct program *p, const struct gate *g);
void linear_fill(struct view *v, struct err *e);

/* Packed as in replicated.h; behind it the two plain shares. */
size_t syrep_weight_words(const struct geometry *g);
int syrep_weight_pack(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                      unsigned role);

#endif
