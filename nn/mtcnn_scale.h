/*
 * mtcnn_scale.h: the detector's two ways of resampling, from bytes to floats (v - 127.5) / 128.
 */
#ifndef OB_NN_MTCNN_SCALE_H
#define OB_NN_MTCNN_SCALE_H

#include "nn/picture.h"

/* The whole picture at w x h (not larger than it is): each output pixel is the mean of the area
 * that it covers, border pixels counted by the part that lies in it. out: h * w * 3 floats;
 * scratch: in->w * 3 floats. */
void mtcnn_shrink(float *out, uint32_t w, uint32_t h, const struct picture *in, float *scratch);

/* A box as edge x edge x 3 floats, bilinear: output pixel i lies at
 * y1 / H (H - 1) + i (y2 - y1) / H (H - 1) / (edge - 1), and likewise across; what lies outside the picture is 0. */
void mtcnn_patch(float *out, unsigned edge, const struct picture *in, double x1, double y1,
    double x2, double y2);

#endif
