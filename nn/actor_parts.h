/*
 * actor_parts.h: the parts of a face, each painted onto a spot of skin (actor_paint.h).
 *
 * All take the point (x, y) in the face's plane; px is the edge of a pixel there.
 */
#ifndef OB_NN_ACTOR_PARTS_H
#define OB_NN_ACTOR_PARTS_H

#include "nn/actor_paint.h"

void part_folds(struct spot *p, const struct face_shape *s, double x, double y);
void part_nose(struct spot *p, const struct face_shape *s, double x, double y);
void part_beard(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y);
void part_mouth(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px);
void part_eye(struct spot *p, const struct face *f, const struct face_shape *s, double x, double y,
    double px);
void part_brow(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px);
void part_glasses(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px);

#endif
