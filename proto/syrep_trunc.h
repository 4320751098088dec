/*
 * syrep_trunc.h: truncation with statements, for the gates that begin with one.
 */
#ifndef OB_PROTO_SYREP_TRUNC_H
#define OB_PROTO_SYREP_TRUNC_H

#include "proto/syrep.h"

/* What a party keeps: shares of x; D and E2 what was dealt; E1 and E2 what the other one sent. */
struct kept_trunc {
    uint64_t *x[2], *in;
    uint8_t *dealt;
    struct deal_layout layout;
    struct chain chain;
};

struct kept_trunc kept_trunc(const struct gate *g, const uint8_t *record);
size_t kept_trunc_bytes(const struct gate *g, unsigned role);

/* First round: x is reshared. Second: D deals; `part` is room for n words. Third: E1's and E2's
 * additive shares y of v_t, to be exchanged under USE_RESULT; what comes goes into `in`. */
void trunc_send(const struct step *s, struct kept_trunc *r);
size_t trunc_send_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
void trunc_deal(const struct step *s, struct kept_trunc *r, uint64_t *part);
size_t trunc_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to);
void trunc_join(const struct step *s, struct kept_trunc *r, uint64_t *y);

/* C of n words B. */
void trunc_common(const struct gate *g, const uint64_t *b, size_t n, uint64_t *c);

/* Statements of all that, without what was sent of x. */
unsigned trunc_runs(unsigned prover);
struct prove_run trunc_run(const struct gate *g, unsigned prover, unsigned i);
void trunc_fill(struct view *v, unsigned i);

#endif
