/*
 * protocol.h: what a security setting is: one const table.
 *
 * Gates are written as tables of rounds. A round does local work - it reads the messages of the
 * round before and leaves its own - and says how many bytes it leaves for whom. Nothing in it waits,
 * touches a socket, a clock or shared memory: the engine calls it on a worker thread when what it
 * needs is there, and wipes what it leaves on the stack. Formulas are written in roles; role r of
 * a gate is party (r + turn) mod parties.
 *
 * A protocol without a RELU of its own (NULL) gets one composed of the others (compose.h); a program
 * that needs another gate which the protocol lacks is refused. Operations of clients (sharing an
 * input, joining an output) are functions of the table too.
 */
#ifndef OB_PROTO_PROTOCOL_H
#define OB_PROTO_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/keys.h"
#include "proto/program.h"

/* What a round sees. All memory is this gate's alone while the round runs. */
struct step {
    const struct program *program;
    const struct gate *gate;
    uint32_t id;                        /* the gate's number: its place in the randomness */
    unsigned self, role;
    unsigned level;                     /* counts the repetitions of a repeated round */
    const uint64_t *x[3];               /* the values read: plane k at x[.] + k * stride[.] */
    size_t stride[3];
    uint64_t *z;                        /* the value made, from its first element on */
    size_t z_stride;
    uint8_t *scratch;                   /* lives from the first round to the last */
    const uint8_t *in[LINK_PARTIES];    /* by role: what came; NULL if nothing was due */
    uint8_t *out[LINK_PARTIES];         /* by role: what goes; NULL if nothing is due */
    const struct keys *keys;
};

struct round {
    const char *name;
    void (*run)(struct step *s);
    /* Bytes that this round leaves, by roles; NULL: nothing for anybody. */
    size_t (*bytes)(const struct gate *g, unsigned level, unsigned from, unsigned to);
    /* How often the round is repeated; NULL: once. May be 0. */
    unsigned (*times)(const struct gate *g);
};

struct gate_ops {
    const char *name;
    const struct round *rounds;
    unsigned nround;
    size_t (*scratch)(const struct program *p, const struct gate *g);   /* bytes; NULL: none */
};

enum { PROTOCOL_MALICIOUS = 1 };

struct protocol {
    const char *name;
    unsigned parties;
    unsigned flags;
    unsigned planes[VALUE_KINDS];       /* words (or bit planes) per element at a party */
    const struct gate_ops *gate[GATE_KINDS];

    /* Does this plane of this party take a public constant that is added to a sharing? */
    int (*takes_constant)(unsigned party, unsigned plane);

    /* The packed right operand of GATE_LINEAR, from a plain sharing of the kernel matrix; pack
     * gives 0, or ERR_FAILED without memory. */
    size_t (*weight_words)(const struct geometry *g);
    int (*weight_pack)(uint64_t *packed, const uint64_t *share, const struct geometry *g);

    /* Input: the owner makes one message for each party; the party makes its sharing of it.
     * split draws fresh randomness and wipes it; 0 or ERR_FAILED. */
    size_t (*input_bytes)(size_t n, unsigned party);
    int (*input_split)(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e);
    void (*input_join)(uint64_t *share, const uint8_t *in, size_t n, unsigned party);

    /* Output: each party gives its piece (planes * words bytes of the value); the owner joins
     * them, and finds out whether they fit together: 0 or ERR_ABORT. words counts the words of a
     * plane: n for SHARE, KERNEL_PLANE(n) for BITS. */
    int (*output_join)(uint64_t *x, const uint64_t *const piece[], size_t words,
                       enum value_kind kind, struct err *e);
};

extern const struct protocol protocol_replicated;

/* By its public name ("replicated-ring"); NULL when there is no such protocol. */
const struct protocol *protocol_find(const char *name);
const struct protocol *protocol_at(unsigned i);     /* for listings; NULL past the end */

/* Memory of a value at a party: words of one plane, and in all. */
size_t value_stride(const struct protocol *p, enum value_kind kind, size_t n);
size_t value_words(const struct protocol *p, enum value_kind kind, size_t n);

/* The ops of a gate: the protocol's, or the common local ones. */
const struct gate_ops *gate_ops(const struct protocol *p, const struct gate *g);

/* A gate's steps in all, and which round and level step s is. */
unsigned gate_steps(const struct gate_ops *ops, const struct gate *g);
const struct round *gate_round(const struct gate_ops *ops, const struct gate *g, unsigned s,
                               unsigned *level);

/* Bytes that step s leaves from one party for another. */
size_t gate_bytes(const struct protocol *p, const struct gate *g, unsigned s, unsigned from,
                  unsigned to);

static inline unsigned gate_role(const struct protocol *p, const struct gate *g, unsigned party)
{
    return (party + p->parties - g->turn % p->parties) % p->parties;
}

static inline unsigned gate_party(const struct protocol *p, const struct gate *g, unsigned role)
{
    return (role + g->turn) % p->parties;
}

#endif
