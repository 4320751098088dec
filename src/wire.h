/*
 * wire.h: the messages between parties and clients, and what they may look like.
 *
 *   Alice -> party          ASK, INPUT, ABORT
 *   party -> Alice          TERMS or REFUSE, INPUT_DONE, PROGRESS (party 0), SCORES, LABEL, ABORT
 *   Bob   -> party          MODEL, TENSOR, MODEL_USE, ABORT
 *   party -> Bob            MODEL_OK or REFUSE, TENSOR_DONE, MODEL_READY, MODEL_DONE, ABORT
 *   Bob   -> party          ASK (to prepare), BEGIN, ABORT
 *   party -> Bob            TERMS or REFUSE, PROGRESS (party 0), PREPARED, ABORT
 *   party -> party          LIMITS, JOB, CHUNK, HELD, GATE, ABORT
 *
 * Each message carries the number of its job (or upload) in its head. Control messages start with
 * the version of this format and are at most WIRE_CONTROL_MAX bytes; INPUT, TENSOR, LABEL, SCORES
 * and GATE are bare words whose length both ends know beforehand. Parsing never reads past the end
 * and refuses whatever is not exactly one message; texts come out printable.
 *
 * Only GATE uses streams other than 0, beside TENSOR and INPUT, whose stream is the number of the
 * tensor and of the clip's chunk.
 */
#ifndef OB_SRC_WIRE_H
#define OB_SRC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "net/link.h"
#include "nn/chunks.h"
#include "nn/fixed.h"
#include "proto/client.h"
#include "proto/protocol.h"

enum {
    WIRE_VERSION = 5,
    WIRE_CONTROL_MAX = 65536,
    WIRE_NAME = 64,             /* of models and protocols, with the zero byte */
    WIRE_TEXT = 400,            /* of errors, with the zero byte */
    WIRE_ID = 16,
    WIRE_DIGEST = 32,
    WIRE_SELECTIONS = 64,
    WIRE_TENSORS = 2 * FIXED_STAGES + WIRE_SELECTIONS,
    WIRE_AHEAD = 4              /* chunks of a clip on their way of which Alice has not heard */
};

/* Serial numbers of items stay below this. */
#define WIRE_SERIALS (UINT64_C(1) << 32)

enum wire_type {
    WIRE_ASK = 1, WIRE_TERMS, WIRE_REFUSE, WIRE_INPUT, WIRE_INPUT_DONE, WIRE_SCORES, WIRE_LABEL,
    WIRE_ABORT,
    WIRE_MODEL, WIRE_MODEL_OK, WIRE_TENSOR, WIRE_TENSOR_DONE, WIRE_MODEL_READY, WIRE_MODEL_USE,
    WIRE_MODEL_DONE,
    WIRE_JOB, WIRE_GATE,
    WIRE_PROGRESS,
    WIRE_BEGIN, WIRE_PREPARED,
    WIRE_CHUNK, WIRE_HELD,
    WIRE_LIMITS,
    WIRE_TYPES
};

/* Who sends a message to whom. */
enum wire_way { WIRE_TO_CLIENT = 1, WIRE_FROM_CLIENT = 2, WIRE_PEERS = 4 };

/* Alice wants a clip of this shape classified; or Bob wants correlated randomness made for clips of
 * so many frames (0: of the only length that the model serves; no shape then, nothing revealed). */
struct wire_ask {
    char model[WIRE_NAME], protocol[WIRE_NAME];
    uint32_t frames, h, w, c;
    uint8_t reveal, prepare;
};

/* What a party would do: public, and the same at every party to the byte. */
struct wire_terms {
    uint8_t version[WIRE_ID];           /* of the model */
    uint8_t reveal;
    uint32_t selected;
    struct chunks chunks;               /* in which the clip is to come */
    uint8_t digest[WIRE_DIGEST];        /* of the plan */
    uint32_t rounds;
    uint8_t parties;
    uint64_t sent[LINK_PARTIES];        /* bytes that each party will send */
    const uint8_t *net;                 /* fixed_net_write; borrowed */
    uint32_t nnet;
};

/* REFUSE and ABORT. */
struct wire_fault {
    uint8_t code;                       /* an err_code, never 0 */
    char text[WIRE_TEXT];
};

/* A party is ready. What goes to each peer differs: */
struct wire_job {
    uint8_t digest[WIRE_DIGEST], nonce[KEYS_NONCE];
    uint8_t part[LINK_PARTIES][KEYS_PART];  /* to the keys of three that both hold, by the party
                                             * that lacks the key; zeros elsewhere */
    uint8_t input[CLIENT_MARK], model[CLIENT_MARK];     /* of what both know of them (client.h);
                                         * the model's is zeros while some of it is not here yet */
    /* Of stored randomness: the item that it would use (0: none); or the first number that is free
     * for the one to be made. The tag tells items of different runs apart. */
    uint64_t serial;
    uint8_t tag[WIRE_ID];
};

/* An item of correlated randomness is stored at this party. */
struct wire_prepared {
    uint64_t serial, bytes;
};

/* CHUNK: a later chunk of the clip is here. HELD: a tensor of the job's model is, which was not
 * whole at one of the two parties when they said JOB. Both where the adversary is malicious, and
 * once all have said JOB. (INPUT_DONE says of one chunk after another, in their order, that it is
 * here and that another may come; of the last one, that what the job reads of the model is here as
 * well.) */
struct wire_mark {
    uint32_t number;
    uint8_t mark[CLIENT_MARK];          /* of what both know of it (client.h) */
};

/* What a party's operator allows a job; the first message on a link between parties, once. All jobs
 * keep to the least of what all parties allow. */
struct wire_limits {
    uint64_t memory;                    /* bytes, never 0 */
    uint32_t window;                    /* frames in flight; 0: what the memory allows */
};

struct wire_selection {
    uint32_t frames, selected;
    struct chunks chunks;
};

/* How far a job is at a party; public, as the plan is. */
struct wire_progress {
    uint32_t done, gates;               /* done < gates */
    uint32_t rounds;
    uint64_t sent;                      /* bytes, by this party to its peers */
    uint16_t frame, layer;              /* of the oldest gate that is not done */
};

/* Bob's model without its secrets. */
struct wire_model {
    char name[WIRE_NAME], protocol[WIRE_NAME];
    uint8_t version[WIRE_ID];
    uint8_t reveal;
    uint16_t nselection;
    struct wire_selection selection[WIRE_SELECTIONS];
    const uint8_t *net;
    uint32_t nnet;
};

/* Payloads, as blocks of the arena; NULL without memory or when a text does not fit. */
uint8_t *wire_ask_pack(struct arena *a, const struct wire_ask *m, size_t *n);
uint8_t *wire_terms_pack(struct arena *a, const struct wire_terms *m, size_t *n);
uint8_t *wire_fault_pack(struct arena *a, const struct wire_fault *m, size_t *n);
uint8_t *wire_job_pack(struct arena *a, const struct wire_job *m, size_t *n);
uint8_t *wire_model_pack(struct arena *a, const struct wire_model *m, size_t *n);
uint8_t *wire_progress_pack(struct arena *a, const struct wire_progress *m, size_t *n);
uint8_t *wire_prepared_pack(struct arena *a, const struct wire_prepared *m, size_t *n);
uint8_t *wire_mark_pack(struct arena *a, const struct wire_mark *m, size_t *n);
uint8_t *wire_limits_pack(struct arena *a, const struct wire_limits *m, size_t *n);

/* 0, or ERR_ABORT when the bytes are not such a message. What is borrowed lives as long as p. */
int wire_ask_parse(struct wire_ask *m, const uint8_t *p, size_t n, struct err *e);
int wire_terms_parse(struct wire_terms *m, const uint8_t *p, size_t n, struct err *e);
int wire_fault_parse(struct wire_fault *m, const uint8_t *p, size_t n, struct err *e);
int wire_job_parse(struct wire_job *m, const uint8_t *p, size_t n, struct err *e);
int wire_model_parse(struct wire_model *m, const uint8_t *p, size_t n, struct err *e);
int wire_progress_parse(struct wire_progress *m, const uint8_t *p, size_t n, struct err *e);
int wire_prepared_parse(struct wire_prepared *m, const uint8_t *p, size_t n, struct err *e);
int wire_mark_parse(struct wire_mark *m, const uint8_t *p, size_t n, struct err *e);
int wire_limits_parse(struct wire_limits *m, const uint8_t *p, size_t n, struct err *e);

/* Of what all nodes of a setting must have in common before any job, for the hello: the protocol,
 * how many parties there are, and these messages. ERR_FAILED when it cannot be computed. */
int wire_digest(uint8_t digest[static WIRE_DIGEST], const struct protocol *proto, struct err *e);

/* Is this a control message that may come this way with this length? 0, or ERR_ABORT. For INPUT,
 * TENSOR, LABEL, SCORES and GATE only the way is checked. */
int wire_allowed(const struct message *head, unsigned way, struct err *e);
int wire_is_bulk(uint8_t type);
const char *wire_type_name(uint8_t type);

/* A message of the kind, sent; the payload is taken. 0 or ERR_PEER. */
int wire_send(struct host *h, unsigned node, uint8_t type, uint64_t job, uint8_t *data, size_t n);

/* A REFUSE or ABORT with this error; ERR_FAILED when there was no memory for it. */
int wire_send_fault(struct host *h, struct arena *a, unsigned node, uint8_t type, uint64_t job,
                    const struct err *e);

/* For a role whose link to a party is gone: fills *e with the host's reason, so that it names the
 * party, and gives the code. A reason that is neither ERR_ABORT nor ERR_USAGE becomes ERR_PEER. */
int wire_lost(struct err *e, unsigned party, const struct err *why);

/* ---- the tensors of a model, by number: in the order in which a job reads them ---- */

enum tensor_kind { TENSOR_WEIGHT, TENSOR_BIAS, TENSOR_SELECTION };

struct tensor {
    uint8_t kind;
    uint16_t index;         /* the stage, or the selection */
    uint16_t turns;         /* that it is shared for */
    size_t n;               /* elements */
    struct geometry g;      /* TENSOR_WEIGHT */
};

/* The number of tensors; 0 when one is empty or too large for a message. */
unsigned wire_tensors(struct tensor t[static WIRE_TENSORS], const struct protocol *proto,
                      const struct fixed_net *net, unsigned nselection,
                      const struct wire_selection *selection);

#endif
