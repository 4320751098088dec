/*
 * picture.h: a colour picture in memory, and what is done with it on the way to a face crop.
 *
 * The geometry is that of the published preprocessing: rotation about the centre with bilinear
 * sampling and black outside, then a crop that bicubic interpolation (a = -0.75, no smoothing
 * beforehand, edges repeated) brings to a square, then grey by the weights of BT.601.
 */
#ifndef OB_NN_PICTURE_H
#define OB_NN_PICTURE_H

#include <stdint.h>

#include "net/base_err.h"

struct picture {
    uint32_t w, h;
    uint8_t *rgb;               /* h rows of w red, green, blue bytes; owned */
};

enum { PICTURE_EDGE_MAX = 8192 };

/* Black. An existing block of the same size is kept. ERR_INPUT for an edge of 0 or above
 * PICTURE_EDGE_MAX, ERR_FAILED without memory. */
int picture_init(struct picture *p, uint32_t w, uint32_t h, struct err *e);

/* Wipes and frees: a frame is its owner's secret. */
void picture_fini(struct picture *p);

/* out: `in` turned about its centre so that a line at `radians` (from left to right, clockwise on
 * the screen) becomes level. out is initialised here to the size of in. */
int picture_level(struct picture *out, const struct picture *in, double radians, struct err *e);

/* The same turn for a point. */
void picture_level_point(double to[2], const double from[2], const struct picture *p,
    double radians);

/* in turned by quarter turns clockwise (0 to 3), mirrored left to right first if `mirror`. */
int picture_turn(struct picture *out, const struct picture *in, unsigned quarters, int mirror,
    struct err *e);

/* Pixels x0 <= x < x1, y0 <= y < y1 (in the picture, not empty) as edge x edge grey levels. */
void picture_crop_grey(uint8_t *grey, unsigned edge, const struct picture *in, uint32_t x0,
    uint32_t y0, uint32_t x1, uint32_t y1);

/* Grey levels of the whole picture, w x h bytes. */
void picture_grey(uint8_t *grey, const struct picture *in);

#endif
