/*
 * actor_face.h: who acts and what the face does: from traits and actions to geometry.
 *
 * A face is a vector of traits, fixed for the clip, drawn from its seed. What it does is a vector
 * of actions, named after the muscles' action units (FACS), each from 0 (at rest) to about 1. Both
 * together give the shape: where the parts of the face are in this frame.
 *
 * The face's own plane has x to the right and y down, origin between the eyes and the nose tip; 1
 * is half the edge of the picture. Nothing here knows of pixels: see actor_paint.h, actor_draw.h.
 */
#ifndef OB_NN_ACTOR_FACE_H
#define OB_NN_ACTOR_FACE_H

#include <stdint.h>

enum trait {
    TRAIT_WIDTH, TRAIT_HEIGHT, TRAIT_JAW, TRAIT_SKIN, TRAIT_AGE,
    TRAIT_HAIR, TRAIT_HAIRLINE, TRAIT_PARTING, TRAIT_FRINGE, TRAIT_LONG, TRAIT_TEMPLE,
    TRAIT_EYE_X, TRAIT_EYE_Y, TRAIT_EYE_WIDTH, TRAIT_EYE_OPEN, TRAIT_EYE_SLANT, TRAIT_IRIS,
    TRAIT_BROW_Y, TRAIT_BROW_ARCH, TRAIT_BROW_THICK, TRAIT_BROW_TONE,
    TRAIT_NOSE_Y, TRAIT_NOSE_WIDTH, TRAIT_NOSE_HEIGHT,
    TRAIT_MOUTH_Y, TRAIT_MOUTH_WIDTH, TRAIT_LIP_UP, TRAIT_LIP_LOW, TRAIT_LIP_TONE,
    TRAIT_BEARD, TRAIT_MOUSTACHE, TRAIT_GLASSES,        /* absent when not positive */
    TRAIT_BACKDROP, TRAIT_SHIRT,
    TRAITS
};

enum action {
    ACT_INNER_BROW, ACT_OUTER_BROW, ACT_FROWN, ACT_LID_RAISE, ACT_CHEEK, ACT_LID_TIGHT,
    ACT_NOSE_WRINKLE, ACT_LIP_RAISE, ACT_SMILE, ACT_CORNER_DOWN, ACT_CHIN_RAISE, ACT_STRETCH,
    ACT_TIGHTEN, ACT_PART, ACT_JAW_DROP, ACT_BARE_TEETH, ACT_EYES_CLOSED, ACT_LOOK_DOWN,
    ACT_HEAD_DOWN, ACT_HEAD_TILT,
    ACTIONS
};

struct face {
    uint64_t seed;
    double trait[TRAITS];
};

/* Half faces are mirror images: x of an eye, brow or fold is that of the right half. */
struct face_shape {
    struct { double width, height, jaw, chin; } head;
    struct { double x, y, width, up, low, slant, gaze_x, gaze_y, iris; } eye;
    struct { double x0, x1, y0, y1, arch, thick; } brow;
    struct { double y, width, wing, height; } nose;
    struct { double y, width, corner, up, low, lip_up, lip_low, teeth_up, teeth_low; } mouth;
    struct { double cheek, smile, forehead, frown, root, crow, chin, bag; } fold;
};

/* Draws the traits of the face with this seed. */
void face_cast(struct face *f, uint64_t seed);

/* The shape that the face has when it does these actions. */
void face_pose(struct face_shape *s, const struct face *f, const double act[static ACTIONS]);

#endif
