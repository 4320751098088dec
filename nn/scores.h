/*
 * scores.h: from logits to scores and the label: the tail of the computation, in double.
 *
 * The private run does the same on shares; this is its twin and the float reference's last step.
 */
#ifndef OB_NN_SCORES_H
#define OB_NN_SCORES_H

#include <stddef.h>

/* y_i = r_i / S with r_i = ReLU(u_i), S = sum r_i; 1/n each when S = 0. y may be u. */
void softmax_approx(double *y, const double *u, size_t n);

/* y_i = exp(u_i) / sum exp(u_j). y may be u. */
void softmax_exact(double *y, const double *u, size_t n);

/* Sums over the frames: logits is frames x n; with softmax != 0 each frame goes through the
 * approximate softmax first. */
void scores_sum(double *scores, const double *logits, size_t frames, size_t n, int softmax);

/* The index of the largest score; the lowest one on a tie. */
size_t scores_label(const double *scores, size_t n);

#endif
