/*
 * actor_draw.h: the rasteriser of the acting face: from shape, view and light to grey levels.
 */
#ifndef OB_NN_ACTOR_DRAW_H
#define OB_NN_ACTOR_DRAW_H

#include "net/base_err.h"
#include "nn/actor_face.h"

struct view {
    double turn, nod, tilt;     /* radians: about the upright, the level and the viewing axis */
    double x, y, zoom;          /* where the head's middle is in the picture, and how large */
};

struct light {
    double x, y, z;             /* direction towards the light, unit length; y is down, z to us */
    double ambient, key;        /* light from everywhere, and from that direction */
};

struct scene {
    struct face face;
    struct face_shape shape;
    struct view view;
    struct light light;
    double noise;               /* of the camera, in grey levels */
    uint64_t noise_seed;
};

/* Draws size x size grey levels, row by row. ERR_FAILED without memory. */
int scene_draw(const struct scene *s, uint8_t *grey, unsigned size, struct err *e);

#endif
