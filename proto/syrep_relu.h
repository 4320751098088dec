/*
 * syrep_relu.h: what a party keeps of a ReLU.
 */
#ifndef OB_PROTO_SYREP_RELU_H
#define OB_PROTO_SYREP_RELU_H

#include "proto/syrep_tree.h"
#include "proto/syrep_trunc.h"

struct kept_relu {
    struct kept_trunc trunc;    /* not used if nothing is truncated */
    struct chain chain;         /* trunc's, or of the low bits of v */
    struct sum_sign sum;
    uint64_t *v[2];             /* shares of v_t */
    uint64_t *b[2];             /* shares of b = [v_t >= 0] */
    uint64_t *beta, *chosen;    /* D, E2: dealt shares of beta and beta (v_0 + v_1) */
    uint64_t *in;               /* E1, E2: the other's part of the result */
};

struct kept_relu kept_relu(const struct step *s);

static inline struct pair relu_value(const struct kept_relu *r)
{
    return (struct pair){ { r->v[0], r->v[1] } };
}

static inline struct pair relu_choice(const struct kept_relu *r)
{
    return (struct pair){ { r->b[0], r->b[1] } };
}

#endif
