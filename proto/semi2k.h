/*
 * semi2k.h: what the files of the protocols `semi2k`, `semi2k-silent` and `semi2k-owner` share: two
 * parties, one of them corrupted and semi-honest. In the silent form most rows of deals grow out of
 * few (silent.h).
 *
 * Sharing: x = x_0 + x_1 modulo 2^64, b = b_0 ^ b_1; role r holds x_r, b_r. What does not depend on
 * the clip is made by deals (program.h): GATE_SETUP exchanges 128 base transfers each way and keys
 * of ring-LWE; GATE_DEAL makes random oblivious transfers (ot.h) and cuts them to pads;
 * GATE_DEAL_LINEAR makes a random A = A_0 + A_1 and shares of C = A * W by ring-LWE (rlwe.h,
 * pack.h).
 *
 *   linear maps     D = X - A is opened once for a layer's input; z_r = D * w_r + c_r + bias_r
 *   truncation      v' = v + 2^62 = v'_0 + v'_1 < 2^63, wrap = msb(v'_0) OR msb(v'_1):
 *                   v >> f (+ {0, 1}) = (v'_0 >> f) + (v'_1 >> f) - 2^(64-f) wrap - 2^(62-f) + 1,
 *                   msb AND msb by one correlated transfer modulo 2^f
 *   sign            of the m low bits A, B of the two truncated shares (the wrap does not reach
 * them):
 *                   A[m-1] ^ B[m-1] ^ carry, carry = [A' > NOT B'] of the lower m - 1 bits: role 1
 *                   looks up (A_i > e, A_i = e) at e = NOT B_i in masked tables of role 0, for
 * blocks of
 *                   at most 4 bits; a tree (g, p) o (g', p') = (g ^ p g', p p') with bit triples
 *   b v             b_0 v_0 + b_1 (1 - 2 b_0) v_0 + the same with roles changed: a correlated
 * transfer
 *                   each way
 *   b as a word     b_0 + b_1 - 2 b_0 b_1;  x y: 64 correlated transfers each way
 *
 * (CrypTFlow2: D. Rathee et al., CCS 2020; Cheetah: Z. Huang et al., USENIX Security 2022.) A ReLU
 * with truncation takes 4 + ceil(log2 blocks) messages one after another, and at m = 18 280
 * bits of them and 930 bits of deals, by 30 transfers.
 *
 * `semi2k-owner`: party 1 is the model owner's own and knows weights, biases and selections, w_1 =
 * w, w_0 = 0; party 0 gets nothing of them. Linear maps then go one way, whatever the turn of a
 * gate:
 *
 *   deal            A_0 at party 0, who sends Enc(A_0); party 1 answers: C_0 = A_0 w - r, C_1 = r
 *   linear maps     party 0 sends x_0 - A_0; z_1 = (x_0 - A_0 + x_1) w + C_1 + bias, z_0 = C_0
 *
 * (as in Delphi: P. Mishra et al., USENIX Security 2020). That is half of the ciphertexts, answers
 * and opened words, and no product at party 0. Party 1 sees x_0 - A_0 for a fresh uniform A_0 and
 * Enc(A_0); party 0 an answer, which is uniform but for a drowned noise, whatever w is (rlwe.h).
 *
 * Security (semi-honest, one corruption). Opened are x - a for a fresh uniform a, and bits masked
 * by fresh bits of triples. Of a transfer the receiver's flip hides its choice under a random one;
 * what the sender sends, but for one entry, is under pads that the receiver cannot compute (ot.h);
 * and that entry is masked. Ciphertexts hide a_r under ring-LWE; answers are uniform but for a
 * noise that is drowned (rlwe.h). So each view follows from the party's own input and random words.
 * The rounding coin of a truncation is a function of the low bits of a party's own share, as in the
 * other settings (docs/security.md).
 */
#ifndef OB_PROTO_SEMI2K_H
#define OB_PROTO_SEMI2K_H

#include "proto/carry.h"
#include "proto/kernel.h"
#include "proto/ot_form.h"
#include "proto/pack.h"
#include "proto/protocol.h"
#include "proto/silent.h"

/* Uses of a party's own PRF at a gate. */
enum semi2k_use {
    SEMI2K_SEND = 1, SEMI2K_TAKE,   /* setup: transfers in which it sends rows, takes them */
    SEMI2K_KEY,                     /* setup: ring-LWE */
    SEMI2K_TABLE,                   /* masks of table entries */
    SEMI2K_MASK,                    /* A; what is left after an answer */
    SEMI2K_REST,
    SEMI2K_TREE = 16,               /* a deal: + number of an extension */
    SEMI2K_CIPHER = 16,             /* + number of an input polynomial */
    SEMI2K_ANSWER = 1 << 16         /* + number of an answer */
};

static inline unsigned semi2k_party(const struct gate *g, unsigned role)
{
    return (role + g->turn) % 2;
}

/* ---- deals for gates: semi2k_deal.c ---- */

enum { SEMI2K_BLOCK = 4 };          /* most bits of a block */

/* What a gate needs, for each element: transfers of table entries from role 0 to role 1, transfers
 * of words by sender, triples. */
struct need {
    struct blocks blocks;           /* count 0: no tables */
    unsigned digits, words[2], triples;
};

struct need semi2k_need(unsigned kind, unsigned shift, unsigned width);

/* Words of a bit plane in a deal for n elements: of a multiple of 128. */
static inline size_t semi2k_plane(size_t n)
{
    return (n + 127) / 128 * 2;
}

/* Where things lie in a deal at a role, in words. Tables: see ot_table_pads, block after block. */
struct deal {
    struct need need;
    size_t plane;
    size_t give_tables, give_words;             /* words: pads 0 and 1 of each transfer */
    size_t take_tables, take_digits, take_words, take_choices;
    size_t triples;                             /* a, b, c of each */
    size_t end;
};

struct deal semi2k_deal_at(const struct need *need, size_t n, unsigned role);

/* Bits of an entry of block i. */
static inline unsigned semi2k_entry(unsigned i)
{
    return i == 0 ? 1 : 2;
}

extern const struct gate_ops semi2k_deal, semi2k_deal_silent;
extern const struct gate_ops semi2k_setup_both, semi2k_setup_owner;             /* semi2k_setup.c */
extern const struct gate_ops semi2k_deal_linear_both, semi2k_deal_linear_owner; /* .._linear.c */

/* ---- the rows of a deal: semi2k_rows.c ---- */

struct rows {                       /* in one direction */
    const struct silent_set *set;   /* of parameters; NULL: the rows are SoftSpoken's */
    size_t n, trees;
    size_t input;                   /* rows that go into trees */
};

struct rows semi2k_rows(size_t n, int silent);

/* Bytes of a message of who takes them, then of one of who gives them. */
size_t semi2k_rows_asked(const struct rows *r);
size_t semi2k_rows_told(const struct rows *r);

/* The input, in the steps that leave the first message and take it. */
void semi2k_rows_ask(struct ot_block *input, const struct step *s, const struct rows *r);
void semi2k_rows_hear(struct ot_block *input, const struct step *s, const struct rows *r);

/* Rows [first, first + n), multiples of 128, `first` of 2048; at the end there must be room for
 * a whole tree. Without a set they leave and take the first message, with one the second. */
void semi2k_rows_take(struct ot_block *t, uint64_t *choice, const struct step *s,
                      const struct rows *r, const struct ot_block *input, size_t first, size_t n);
void semi2k_rows_give(struct ot_block *q, const struct step *s, const struct rows *r,
                      const struct ot_block *input, size_t first, size_t n);

/* Under which this party gives. */
struct ot_block semi2k_rows_delta(const struct step *s);

/* The words of SETUP's value. */
struct setup_at {
    size_t give, take, tables, secret, public, end;
};

struct setup_at semi2k_setup_at(void);

/* Bytes of DEAL_LINEAR's messages and words of its value; 0: the layer does not fit. */
size_t semi2k_linear_plan(const struct program *p, struct gate *g);

/* ---- bits of two summands: semi2k_sign.c ---- */

/* The memory of a sign: planes of plane words. */
struct sign {
    struct deal deal;
    const uint64_t *dealt;
    uint64_t *bits;                 /* width planes of the own summand */
    uint64_t *g, *p;                /* count planes each */
    uint64_t *open;                 /* d and e of every AND of a level */
    uint64_t *table;
};

size_t semi2k_sign_words(const struct need *need, size_t n);
struct sign semi2k_sign_at(const struct step *s, uint64_t *memory);

/* The steps: each takes what came, leaves what goes. choose: role 1's flips. */
size_t semi2k_flip_bytes(const struct gate *g);
size_t semi2k_table_bytes(const struct gate *g);
size_t semi2k_open_bytes(const struct gate *g, unsigned level);
unsigned semi2k_levels(const struct gate *g);
void semi2k_choose(const struct step *s, struct sign *t, uint64_t *out);
void semi2k_tables(const struct step *s, struct sign *t, const uint64_t *in, uint64_t *out);
void semi2k_look(const struct step *s, struct sign *t, const uint64_t *in);
void semi2k_level(const struct step *s, struct sign *t, unsigned level, uint64_t *out);
void semi2k_join(const struct step *s, struct sign *t, unsigned level, const uint64_t *in);
void semi2k_sign_bit(const struct step *s, const struct sign *t, uint64_t *out);

/* z = c ^ d b ^ e a (^ d e at role 0) of one AND: planes of `words`. */
void semi2k_and_open(uint64_t *d, uint64_t *e, const uint64_t *x, const uint64_t *y,
                     const uint64_t *triple, size_t plane, size_t words);
void semi2k_and_close(uint64_t *z, const uint64_t *d, const uint64_t *e, const uint64_t *their_d,
                      const uint64_t *their_e, const uint64_t *triple, size_t plane, size_t words,
                      unsigned role);

extern const struct gate_ops semi2k_sign, semi2k_and, semi2k_trunc, semi2k_relu, semi2k_b2a,
    semi2k_inject, semi2k_mul;

#endif
