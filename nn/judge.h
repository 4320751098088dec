/*
 * judge.h: a model and its fixed-point twin side by side, over many frames and on several threads.
 *
 * The float side runs lots of frames through the BLAS (backprop.h); the twin (fixed.h) computes on
 * 64-bit integers what the private run computes, rounding each truncation to nearest, and notes
 * how large values became. What a thread does depends on the number of threads only.
 */
#ifndef OB_NN_JUDGE_H
#define OB_NN_JUDGE_H

#include "nn/fixed.h"
#include "nn/model.h"

struct judge;

/* Both models are borrowed; fixed may be NULL: no twin. NULL with *e filled. */
struct judge *judge_new(const struct model *m, const struct fixed_model *fixed, unsigned threads,
                        struct err *e);
void judge_free(struct judge *j);           /* NULL is legal */

/* Frame k's h w c values in [0, 1]. Called from several threads at once. */
typedef void judge_frame_fn(void *ctx, size_t k, double *pixels);

/* logits and twin receive n x nclass values each; twin may be NULL. ERR_INPUT when a frame leaves
 * the range that the fixed-point network proves, or a pixel [0, 1]. */
int judge_run(struct judge *j, size_t n, judge_frame_fn *frame, void *ctx, double *logits,
              double *twin, struct err *e);

/* Over all frames so far: the largest magnitudes, and seconds of CPU by side, fetching apart. */
struct judge_account {
    struct fixed_seen seen;
    size_t frames;
    double float_seconds, twin_seconds;
};

void judge_account(const struct judge *j, struct judge_account *a);

#endif
