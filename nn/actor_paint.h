/*
 * actor_paint.h: what one point of the picture is made of: tone, height and shade.
 *
 * Each part of the face is a function of a point in the face's plane that changes a spot. Height
 * is turned into light and shadow later, by the rasteriser (actor_draw.h).
 */
#ifndef OB_NN_ACTOR_PAINT_H
#define OB_NN_ACTOR_PAINT_H

#include "nn/actor_face.h"

struct spot {
    double tone;        /* how much light the surface gives back, linear, 0..1 */
    double height;      /* above the head's smooth dome, in units of the face's plane */
    double shade;       /* light that reaches it, 1 where nothing is in the way */
    double lit;         /* 1: the light's direction counts; 0: evenly lit (backdrop) */
};

/* 1 in the middle of the head's outline, 0 on it, negative outside. */
double face_inside(const struct face_shape *s, double x, double y);

/* The spot at (x, y); px is the edge of a pixel there, for smooth edges. */
void face_paint(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px);

#endif
