/*
 * fixed.h: a network lowered to integers: what the private computation evaluates.
 *
 * Activations have `frac` fraction bits everywhere; each linear stage has weights with `shift`
 * fraction bits of its own and is truncated by `shift` bits, so its output has `frac` again.
 * Average pools have become sum pools, their 1/(kh kw) folded into the weights of the next linear
 * stage; batch normalisation is folded too. `struct fixed_net` is public: all parties and both
 * owners hold it, and its bytes go into the plan's digest. `struct fixed_model` adds the weights.
 */
#ifndef OB_NN_FIXED_H
#define OB_NN_FIXED_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "proto/geometry.h"

enum { FIXED_STAGES = 64, FIXED_CLASSES = 64, FIXED_NAME = 24 };

enum stage_kind {
    STAGE_LINEAR = 1,   /* y = x * W + b, truncated by `shift`; then ReLU when `relu` */
    STAGE_SUMPOOL,      /* sums over windows; no padding counted */
    STAGE_MAXPOOL,      /* maxima over windows */
    STAGE_RELU          /* ReLU alone, without a linear map before it */
};

struct stage {
    uint8_t kind;
    uint8_t relu;           /* STAGE_LINEAR: a ReLU follows */
    uint8_t shift;          /* STAGE_LINEAR: fraction bits of the weights, truncated afterwards */
    uint8_t width;          /* proven: every value that the sign circuit of this stage sees (and
                             * every output of the stage) is in [-2^(width-1), 2^(width-1)) */
    uint8_t product_bits;   /* STAGE_LINEAR: |value before truncation| < 2^product_bits <= 2^61 */
    struct geometry g;      /* pools: oc = c */
};

struct fixed_net {
    uint8_t frac;                           /* fraction bits of activations and pixels */
    uint8_t softmax;                        /* 1: approximate softmax and division by the sum */
    uint16_t nstage, nclass;
    struct stage stage[FIXED_STAGES];       /* the last one gives nclass outputs, no ReLU flag:
                                             * the approximate softmax brings its own */
    char class_name[FIXED_CLASSES][FIXED_NAME];
};

struct fixed_model {
    struct fixed_net net;
    /* For stage i of kind STAGE_LINEAR: kernels (depth x oc, row-major, scale 2^shift) and biases
     * (oc, scale 2^(frac + shift)); NULL for other stages. Owned. */
    int64_t *weight[FIXED_STAGES], *bias[FIXED_STAGES];
};

void fixed_model_fini(struct fixed_model *m);       /* wipes and frees the weights */

/* The public part as bytes (little-endian, versioned) and back; read refuses what is not a
 * consistent network (shapes that do not chain, widths or shifts out of range, counts of zero)
 * without ever reading past n. write returns a malloc'd block and its length. */
uint8_t *fixed_net_write(const struct fixed_net *net, size_t *n);
int fixed_net_read(struct fixed_net *net, const uint8_t *p, size_t n, struct err *e);

/* Pixels in [0, 1] to fixed point: round(x 2^frac). The caller has checked the range. */
void fixed_encode(uint64_t *out, const double *x, size_t n, unsigned frac);

/* The fixed-point twin: evaluates the network in the clear on one frame, with the rounding of the
 * private run: truncation gives floor(v / 2^shift) + coin, coin in {0, 1}, and coin = 1 with
 * probability frac(v / 2^shift). `coin` chooses: 0 always floor, 1 always floor + 1 where v is not
 * a multiple, FIXED_NEAREST rounds to nearest.
 * act, when not NULL, receives every stage's output (malloc'd arrays, the caller's to free).
 * out: nclass logits with frac fraction bits. 0, or ERR_INPUT when a value left the range that the
 * network proves (stage and position named). */
enum fixed_rounding { FIXED_FLOOR, FIXED_CEIL, FIXED_NEAREST };
int fixed_twin(const struct fixed_model *m, enum fixed_rounding r, const int64_t *frame,
               int64_t *out, int64_t *act[FIXED_STAGES], struct err *e);

/* The largest magnitudes that frames have brought, by stage: what stands under product_bits, and
 * what stands under width - 1. */
struct fixed_seen {
    uint64_t product[FIXED_STAGES], value[FIXED_STAGES];
};

/* As fixed_twin without act; *seen grows to what this frame brings. */
int fixed_twin_watch(const struct fixed_model *m, enum fixed_rounding r, const int64_t *frame,
                     int64_t *out, struct fixed_seen *seen, struct err *e);

#endif
