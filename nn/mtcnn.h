/*
 * mtcnn.h: multi-task cascaded face detection (Zhang, Zhang, Li and Qiao, 2016) as the Python
 * package mtcnn 1.0.0 computes it.
 *
 * Three stages: P-Net proposes boxes over a pyramid of the picture, R-Net thins them out, O-Net
 * decides and finds five landmarks. This file is the cascade; mtcnn_net.h the networks,
 * mtcnn_scale.h the resampling, mtcnn_box.h what is done with boxes, mtcnn_weights.h the files.
 */
#ifndef OB_NN_MTCNN_H
#define OB_NN_MTCNN_H

#include "nn/detect.h"
#include "nn/mtcnn_box.h"
#include "nn/mtcnn_weights.h"

enum { MTCNN_LEVELS = 40 };

/* A detector with the three networks of `w`, which it copies. NULL with *e filled. */
struct detector *mtcnn_open(const struct mtcnn_weights w[static MTCNN_NETS], struct err *e);

/* What came out of each stage, for tests: after P-Net and R-Net as square boxes, before their
 * rounding. Boxes are borrowed until the next run. d is one that mtcnn_open gave. */
const struct boxes *mtcnn_stage(const struct detector *d, unsigned stage);

/* Scales of the pyramid for a picture of w x h; how many. */
unsigned mtcnn_scales(double scale[static MTCNN_LEVELS], uint32_t w, uint32_t h);

#endif
