/*
 * protocol.h: what a security setting is: one const table.
 *
 * Gates are written as tables of rounds. A round does local work - it reads the messages of the
 * round before and leaves its own - and says how many bytes it leaves for whom. Nothing in it
 * waits, touches a socket, a clock or shared memory: the engine calls it on a worker thread when
 * what it needs is there, and wipes what it leaves on the stack. Formulas are written in roles;
 * role r of a gate is party (r + turn) mod parties.
 *
 * A protocol without a RELU of its own (NULL) gets one composed of the others (compose.h); a
 * program that needs another gate which the protocol lacks is refused. Operations of clients
 * (sharing an input, joining an output) are functions of the table too.
 *
 * Where the adversary is malicious, a round also states what it holds to be true: claim() names
 * bytes that another party must hold as well, and the last gate (check.c) compares all claims of
 * each pair before any output leaves. A round that finds evidence of cheating by itself sets
 * step.err. What a proof needs of a gate stays in its record until the proof is done.
 */
#ifndef OB_PROTO_PROTOCOL_H
#define OB_PROTO_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/claim.h"
#include "proto/keys.h"
#include "proto/program.h"

/* What a round sees. All memory is this gate's alone while the round runs. */
struct step {
    const struct program *program;
    const struct gate *gate;
    uint32_t id;                        /* the gate's number: its place in the randomness */
    unsigned self, role;
    unsigned level;                     /* counts the repetitions of a repeated round */
    const uint64_t *x[4];               /* the values read: plane k at x[.] + k * stride[.] */
    size_t stride[4];
    uint64_t *z;                        /* the value made, from its first element on */
    size_t z_stride;
    uint8_t *scratch;                   /* lives from the first round to the last */
    const uint8_t *in[LINK_PARTIES];    /* by role: what came; NULL if nothing was due */
    uint8_t *out[LINK_PARTIES];         /* by role: what goes; NULL if nothing is due */
    const struct keys *keys;
    unsigned number;                    /* of this step within the gate */
    uint8_t *record;                    /* kept until it is settled; NULL unless ops->record */
    uint8_t *const *records;            /* of all gates, by number, and the values that are kept: */
    uint64_t *const *values;            /* for proofs */
    struct claims claims;               /* what this step has claimed */
    const struct claims *claimed;       /* what all gates before have: the last gate's alone */
    struct err err;                     /* set it (ERR_ABORT) to end the job: somebody cheated */
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
    /* Bytes that party `self` keeps until they are settled (zeroed at first); NULL: none. */
    size_t (*record)(const struct program *p, const struct gate *g, unsigned self);
};

enum {
    PROTOCOL_MALICIOUS = 1,     /* with abort: programs end with GATE_CHECK */
    /* A sharing gives its roles different parts, so it belongs to the turn of the gate that made
     * it: a gate's operands have its own turn, GATE_TURN goes from one to another, and clients
     * share what all frames read once for each turn. */
    PROTOCOL_TURNED = 2,
    /* Party 1 is the model owner's own: it gets the model in the clear, and the others nothing. */
    PROTOCOL_OWNED = 4
};

/* Whose an input is: Alice's clip, or what Bob gives with his model (weights, biases, frame
 * selections). */
enum owner { OWNER_CLIP, OWNER_MODEL, OWNERS };

/* Input: the owner makes one message for each role; the role makes its sharing of it.
 * split draws fresh randomness and wipes it; 0 or ERR_FAILED. (client.h does it for all turns.) */
struct sharing {
    size_t (*bytes)(size_t n, unsigned role);
    int (*split)(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e);
    void (*join)(uint64_t *share, const uint8_t *in, size_t n, unsigned role);
};

struct prove_source;

struct protocol {
    const char *name;
    const char *verified;       /* how, in a word ("claims"); NULL: semi-honest */
    unsigned parties;
    unsigned flags;
    unsigned slice;             /* elements of a gate of a layer that serve best; 0: no matter */
    unsigned group;             /* frames that serve best together; 0: no matter */
    unsigned products;          /* that a party makes for each one of a linear map, at most */
    unsigned planes[VALUE_KINDS];       /* words (or bit planes) per element at a party */
    /* Where a SHARE element has two words, the high one stands so many planes behind the low one,
     * and 2 wide planes make a group; 0: one word. */
    unsigned wide;
    unsigned shown;             /* the first planes of SHARE, which an output takes; 0: all */
    const struct gate_ops *gate[GATE_KINDS];

    /* Does this plane of this role take a public constant that is added to a sharing? */
    int (*takes_constant)(unsigned role, unsigned plane);

    /* Adds public constants to n elements of a SHARE; NULL: takes_constant, which holds for BITS in
     * any case, says it all. */
    void (*add_constants)(const struct step *s, uint64_t *z, size_t stride, const int64_t *constant,
                          size_t n);

    /* What two roles both know of a sharing: so many items an element, the same at both. common
     * computes one item at `role` from its share: `words` words of SHARE or of planes of BITS,
     * planes `stride` apart. NULL: semi-honest, nobody compares. */
    unsigned (*items)(unsigned role, unsigned other);
    void (*common)(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                   enum value_kind kind, unsigned role, unsigned other, unsigned item);

    /* The statements of PROVE gates (prove.h); NULL: the protocol has none. */
    const struct prove_source *source;

    /* Words of correlated randomness that a gate uses up, or that a SETUP or DEAL_LINEAR gate makes
     * (the latter gets its messages' lengths, too); 0: none. NULL: the protocol deals nothing. */
    size_t (*deal_plan)(const struct program *p, struct gate *g);

    /* Adds the gates that check what gates of these stages sent (gate_prove, gate_macs), and holds
     * the values that they need (program_hold). NULL: claims are enough. */
    void (*settle)(struct program *p, const struct stage_span *stage, uint32_t n);

    /* The packed right operand of GATE_LINEAR, from a plain sharing of the kernel matrix at a
     * role; pack gives 0, or ERR_FAILED without memory. */
    size_t (*weight_words)(const struct geometry *g);
    int (*weight_pack)(uint64_t *packed, const uint64_t *share, const struct geometry *g,
                       unsigned role);

    /* By owner; a model is shared as a clip where nothing else is said (protocol_sharing). */
    struct sharing input[OWNERS];

    /* Output: each party gives its piece (value_piece() words of the value); the owner joins
     * them, by role, and finds out whether they fit together: 0 or ERR_ABORT. words counts the
     * words of a plane: n for SHARE, KERNEL_PLANE(n) for BITS. Outputs have turn 0. */
    int (*output_join)(uint64_t *x, const uint64_t *const piece[], size_t words,
                       enum value_kind kind, struct err *e);
};

extern const struct protocol protocol_replicated, protocol_trio, protocol_syrep, protocol_syrep_mac,
    protocol_rep4, protocol_quad, protocol_semi2k, protocol_semi2k_silent,
    protocol_semi2k_owner;

/* By its public name ("replicated-ring"); NULL when there is no such protocol. */
const struct protocol *protocol_find(const char *name);
const struct protocol *protocol_at(unsigned i);     /* for listings; NULL past the end */

/* As protocol_find, with an error that lists what there is (ERR_USAGE). */
const struct protocol *protocol_named(const char *name, struct err *e);

/* Memory of a value at a party: words of one plane, and in all. */
size_t value_stride(const struct protocol *p, enum value_kind kind, size_t n);
size_t value_words(const struct protocol *p, enum value_kind kind, size_t n);

/* The words of a party's piece of an output: the first of the value. */
size_t value_piece(const struct protocol *p, enum value_kind kind, size_t n);

/* The ops of a gate: the protocol's, or the common local ones. */
const struct gate_ops *gate_ops(const struct protocol *p, const struct gate *g);

/* A gate's steps in all, and which round and level step s is. */
unsigned gate_steps(const struct gate_ops *ops, const struct gate *g);
const struct round *gate_round(const struct gate_ops *ops, const struct gate *g, unsigned s,
                               unsigned *level);

/* Does any step of the gate send anything? */
int gate_speaks(const struct protocol *p, const struct gate *g);

/* How many turns clients share for. */
static inline unsigned protocol_turns(const struct protocol *p)
{
    return p->flags & PROTOCOL_TURNED ? p->parties : 1;
}

static inline const struct sharing *protocol_sharing(const struct protocol *p, enum owner of)
{
    return &p->input[p->input[of].bytes != NULL ? of : OWNER_CLIP];
}

/* Bytes that step s leaves from one party for another. */
size_t gate_bytes(const struct protocol *p, const struct gate *g, unsigned s, unsigned from,
                  unsigned to);

static inline unsigned turn_role(const struct protocol *p, unsigned turn, unsigned party)
{
    return (party + p->parties - turn % p->parties) % p->parties;
}

static inline unsigned gate_role(const struct protocol *p, const struct gate *g, unsigned party)
{
    return turn_role(p, g->turn, party);
}

static inline unsigned gate_party(const struct protocol *p, const struct gate *g, unsigned role)
{
    return (role + g->turn) % p->parties;
}

#endif
