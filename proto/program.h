/*
 * program.h: a private computation as a list of gates, and the values between them.
 *
 * A program is compiled before anything runs, from public facts alone. It is a dataflow graph: a
 * gate may run as soon as the values that it reads are complete; a value may be made in slices by
 * several gates and is complete when all have finished. Gates are numbered in the order in which
 * they would run one by one; the number is the gate's stream on every link, its place in the
 * randomness, and its priority (the oldest frame comes first). From the same list come the plan
 * (rounds, bytes, memory: cost.h), the digest that parties compare, and the run (engine.h).
 *
 * A gate turns: party `turn` plays role 0, the next ones roles 1, 2, .., so that slices and frames
 * spread unequal roles over the parties.
 *
 * What this is not: it knows no layers (nn/compile.h makes programs of networks) and no sockets.
 */
#ifndef OB_PROTO_PROGRAM_H
#define OB_PROTO_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "proto/geometry.h"

struct protocol;

enum value_kind {
    VALUE_SHARE,    /* n shared ring elements */
    VALUE_SUM,      /* n ring elements as they come out of a product: not yet reshared */
    VALUE_BITS,     /* n shared bits */
    VALUE_WEIGHT,   /* a shared right operand, packed by the protocol for GATE_LINEAR */
    VALUE_DEAL,     /* n words of correlated randomness at each party; the protocol's */
    VALUE_KINDS
};

enum { NO_VALUE = UINT32_MAX };

struct value {
    uint8_t kind;
    uint8_t external;       /* bound from outside (inputs, weights), not made by gates */
    uint8_t keep;           /* an output: lives until the job ends */
    uint8_t turn;           /* of a sharing that belongs to one (PROTOCOL_TURNED); else 0 */
    uint8_t late;           /* external, and may come while the program runs */
    uint32_t n;
    uint32_t makers;        /* gates that make it */
    uint32_t made;          /* elements that those make together */
    uint32_t readers;       /* gates that read it */
    size_t words;           /* of memory at a party */
};

enum gate_kind {
    /* Local for every linear sharing. */
    GATE_AFFINE,    /* z = M (x; y) + c for a public sparse integer M and c (SHARE to SHARE) */
    GATE_BITMAP,    /* the same over bits: XOR and NOT (BITS to BITS) */
    GATE_SUMPOOL,   /* sums over windows of an image (SHARE to SHARE) */
    /* The protocol's. */
    GATE_LINEAR,    /* z = x * W + b: a slice of a convolution or matrix product (to SUM) */
    GATE_MUL,       /* z = x y elementwise (to SUM) */
    GATE_RESHARE,   /* SUM to SHARE */
    GATE_TRUNC,     /* z = floor(x / 2^shift) + {0, 1} (SUM to SHARE) */
    GATE_RELU,      /* z = max(0, floor(x / 2^shift) + {0, 1}) (SUM; SHARE if shift = 0) */
    GATE_SIGN,      /* z = [x < 0] (SHARE to BITS) */
    GATE_AND,       /* z = x y (BITS) */
    GATE_B2A,       /* a bit as a ring element (BITS to SHARE) */
    GATE_INJECT,    /* z = x b for a bit b (SHARE and BITS to SHARE) */
    GATE_AUTH,      /* an outside sharing becomes one that the gates read (SHARE to SHARE) */
    GATE_TURN,      /* a sharing of turn `from` becomes one of the gate's turn (SHARE to SHARE) */
    /* Correlated randomness, in protocols that deal it themselves: made without the inputs, read
     * by the gates that use it up (their in[3]). */
    GATE_SETUP,     /* what all deals of a program build on (to DEAL) */
    GATE_DEAL,      /* for one gate, whose kind is its `shape` (to DEAL) */
    GATE_DEAL_LINEAR,   /* a mask A of a linear map's input, and shares of A * W (to DEAL) */
    GATE_MASK,      /* z = x - A, known to all parties that multiply it (SHARE to SHARE, WEIGHT to
                     * WEIGHT) */
    /* What checks a program of a malicious setting; the value made is a token (BITS, one). */
    GATE_BARRIER,   /* every party has done all gates of a stage: what they sent is fixed */
    GATE_PROVE,     /* the protocol's: proves and verifies records (BITS to BITS) */
    GATE_MACS,      /* the protocol's: verifies what gates have kept of their products */
    GATE_SETTLE,    /* checks of stages are done here: what they needed is given back */
    GATE_CHECK,     /* compares claims; complete when every party has said that all is well */
    GATE_KINDS
};

/* A public sparse matrix by rows, with a constant column; entries of row i are at
 * [row[i], row[i + 1]). coef NULL: all ones; constant NULL: zeros. */
struct map {
    uint32_t rows, columns, terms;
    uint32_t *row, *col;
    int64_t *coef, *constant;
    uint32_t room, at;      /* while it is built: terms that fit; the last term's row */
    int failed;
};

struct gate {
    uint8_t kind, turn;
    uint8_t shift;          /* TRUNC, RELU: bits that go; PROVE: see prove_plan */
    uint8_t width;          /* RELU, SIGN: |value seen| < 2^(width - 1); PROVE: see prove_plan;
                             * DEAL_LINEAR: pieces of its longest step */
    uint8_t from;           /* TURN: the turn of what it reads; LINEAR, MASK: frame of a deal */
    uint8_t wall;           /* starts when every gate before it is done here: CHECK */
    uint16_t frame, layer;  /* labels for plan and trace */
    uint32_t in[4];         /* LINEAR: x, W, b (b may be NO_VALUE); others x, y; [3]: a deal */
    uint32_t after;         /* a value that must be complete before this gate starts, or NO_VALUE */
    uint32_t out;
    uint32_t first, n;      /* elements [first, first + n) of out are this gate's */
    uint32_t in_first;      /* LINEAR: the first output position; DEAL: the other gate's n;
                             * DEAL_LINEAR: frames, 0: of a selection; PROVE: the protocol's;
                             * SETTLE: its first operand in held; else where it reads from */
    uint32_t shape;         /* LINEAR, SUMPOOL, DEAL_LINEAR: which geometry; AFFINE, BITMAP: which
                             * map; DEAL: a kind of gate; PROVE: the protocol's; SETTLE: the number
                             * of its operands */
    uint32_t message[2];    /* DEAL_LINEAR: bytes of its two messages */
    uint32_t held_first;    /* DEAL_LINEAR of a selection: its first row in what is held */
};

/* What is run of a program: deals need nothing but the model, so they may be made long before the
 * inputs are there, and what is left later. Numbers stay those of the whole program. */
enum program_part { PART_ALL, PART_DEALS, PART_ONLINE };

/* Gates [first, last), behind a barrier whose token is there when all parties have done them. */
struct stage_span {
    uint32_t first, last, token;
};

struct program {
    const struct protocol *proto;
    struct value *value;
    struct gate *gate;
    struct geometry *geometry;
    struct map *map;
    uint32_t nvalue, ngate, ngeometry, nmap;
    struct stage_span *stage;   /* those that no SETTLE has closed yet */
    uint32_t *held;             /* operands of SETTLE gates */
    uint32_t nstage, nheld;
    uint32_t value_room, gate_room, geometry_room, map_room, stage_room, held_room; /* allocated */
    uint32_t open;              /* the first gate that is in no stage yet */
    uint32_t barrier;           /* the token of the last barrier, or NO_VALUE */
    uint16_t frame, layer;      /* labels that new gates get */
    uint8_t turn;               /* turn that new gates get */
    uint32_t after;             /* what new gates wait for; reset it to NO_VALUE */
    uint32_t deal_after;        /* the same for deals */
    uint32_t setup;             /* the SETUP gate's value, once there is one */
    int failed;                 /* memory ran out or a bad argument: program_check tells */
};

/* ---- building; every function may be called on a program that has failed already ---- */

struct program *program_new(const struct protocol *proto);
void program_free(struct program *p);                   /* NULL is legal */

/* 0, or ERR_FAILED if something went wrong while building. */
int program_check(const struct program *p, struct err *e);

/* Is the gate run in this part? What it reads there, in so many places, of which NO_VALUE says that
 * they are empty: deals alone wait for no frames. */
int gate_in_part(const struct gate *g, enum program_part part);
uint32_t gate_operands(const struct gate *g);
uint32_t gate_operand(const struct program *p, const struct gate *g, enum program_part part,
                      uint32_t i);

/* Is the value bound from outside in this part? Is it a deal, which one part leaves and the other
 * takes (SETUP's value is none)? */
int value_is_bound(const struct value *v, enum program_part part);
int value_is_dealt(const struct program *p, uint32_t value);

/* A new value to be made by gates (slices add up); a value bound from outside. */
uint32_t program_value(struct program *p, enum value_kind kind, size_t n);
uint32_t program_external(struct program *p, enum value_kind kind, size_t n);
uint32_t program_external_weight(struct program *p, const struct geometry *g);
void program_keep(struct program *p, uint32_t value);
void program_late(struct program *p, uint32_t value);   /* of an external one, see engine_supply */

/* One gate each; the result is a new value unless `out` says otherwise. */
uint32_t gate_linear(struct program *p, const struct geometry *g, uint32_t x, uint32_t w,
                     uint32_t b, uint32_t first_position, uint32_t positions);

/* Where the protocol deals, gate_linear brings a deal of its own; these share one (elsewhere
 * nothing is added: NO_VALUE and x itself come back). A deal of a linear map for so many frames,
 * whose weights are w; of the frame selection (g: as for gate_linear), where the mask is the
 * video's and the selection, from row `first` on, is held. x - A of the frame's part of a deal; then
 * gate_linear_dealt in place of gate_linear. */
uint32_t gate_deal_linear(struct program *p, const struct geometry *g, uint32_t w, uint32_t frames);
uint32_t gate_deal_selection(struct program *p, const struct geometry *g, uint32_t selection,
                             uint32_t first);
uint32_t gate_mask(struct program *p, uint32_t x, uint32_t deal, uint32_t frame);
uint32_t gate_linear_dealt(struct program *p, const struct geometry *g, uint32_t x, uint32_t w,
                           uint32_t b, uint32_t first_position, uint32_t positions, uint32_t deal,
                           uint32_t frame);
uint32_t gate_mul(struct program *p, uint32_t x, uint32_t y);
uint32_t gate_and(struct program *p, uint32_t x, uint32_t y);
uint32_t gate_sign(struct program *p, uint32_t x, unsigned width);
uint32_t gate_b2a(struct program *p, uint32_t x);
uint32_t gate_auth(struct program *p, uint32_t x);      /* x itself where there is no such gate */
uint32_t gate_sumpool(struct program *p, const struct geometry *g, uint32_t x);
uint32_t gate_trunc(struct program *p, uint32_t x, unsigned shift);
uint32_t gate_reshare(struct program *p, uint32_t x);
uint32_t gate_relu(struct program *p, uint32_t x, unsigned shift, unsigned width);

/* x, of whichever turn, as elements [first, first + n(x)) of a value of the program's turn. A
 * protocol whose sharings belong to no turn has no such gate. */
void gate_turn_into(struct program *p, uint32_t x, uint32_t out, uint32_t first);

/*
 * What checks a program, by stages, for protocols that prove what they sent; others need none of it
 * but program_close.
 *
 * program_stage ends a stage: all gates since the last one, proofs apart, get a barrier. It costs
 * one round that nothing but proofs waits for. program_settle adds the checks of all stages since
 * the last one; they run beside what comes after, and memory that they need is kept until they are
 * done. Gives a token that says so, or NO_VALUE if there is nothing to settle. A gate that sends a
 * product is settled together with what made the product.
 *
 * program_close settles what is left and adds the last gate: nothing for a semi-honest protocol.
 */
void program_stage(struct program *p);
uint32_t program_settle(struct program *p);
void program_close(struct program *p);

/* For a protocol's `settle`: gates that check, x of which is a barrier's token; `first` and `shape`
 * (the gate's in_first and shape) say to the protocol what is proved; values that they need. */
uint32_t gate_prove(struct program *p, uint32_t token, uint32_t first, uint32_t shape);
uint32_t gate_macs(struct program *p, uint32_t token);
void program_hold(struct program *p, uint32_t value);

/* z = x b, as elements [first, first + n(x)) of an existing value. */
void gate_inject_into(struct program *p, uint32_t x, uint32_t b, uint32_t out, uint32_t first);

/* The same three, writing elements [first, first + n(x)) of an existing value. */
void gate_trunc_into(struct program *p, uint32_t x, unsigned shift, uint32_t out, uint32_t first);
void gate_reshare_into(struct program *p, uint32_t x, uint32_t out, uint32_t first);
void gate_relu_into(struct program *p, uint32_t x, unsigned shift, unsigned width, uint32_t out,
                    uint32_t first);

/* Sparse public maps: begin, then for each row its terms and constant, then the gate (before the
 * next map is begun). A term out of place fails the program with the gate. The same
 * calls build maps over ring elements and over bits (coefficients are then ones and constants
 * bits). Columns count the elements of x, then those of y (NO_VALUE: none). */
struct map *map_new(struct program *p, uint32_t rows, uint32_t columns, size_t terms);
void map_term(struct map *m, uint32_t row, uint32_t column, int64_t coef);  /* rows ascending */
void map_constant(struct map *m, uint32_t row, int64_t constant);
uint32_t gate_affine(struct program *p, uint32_t x, uint32_t y, struct map *m);
uint32_t gate_bitmap(struct program *p, uint32_t x, uint32_t y, struct map *m);

/* SHA-256 over everything that the parties must agree on; over what the deals depend on alone,
 * which is the same for programs that differ only in what they do with them. */
void program_digest(const struct program *p, uint8_t digest[static 32]);
void program_deals_digest(const struct program *p, uint8_t digest[static 32]);

#endif
