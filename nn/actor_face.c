#include "nn/actor_face.h"

#include "nn/actor_math.h"

/* Each trait is uniform between its bounds. */
static const struct { double low, high; } trait_range[TRAITS] = {
    [TRAIT_WIDTH] = { 0.70, 0.80 },
    [TRAIT_HEIGHT] = { 1.00, 1.10 },
    [TRAIT_JAW] = { 0.12, 0.34 },
    [TRAIT_SKIN] = { 0.22, 0.62 },
    [TRAIT_AGE] = { 0.10, 0.70 },
    [TRAIT_HAIR] = { 0.01, 0.16 },
    [TRAIT_HAIRLINE] = { -0.98, -0.74 },
    [TRAIT_PARTING] = { -0.5, 0.5 },
    [TRAIT_FRINGE] = { -0.15, 0.25 },
    [TRAIT_LONG] = { -0.8, 0.8 },
    [TRAIT_TEMPLE] = { 0.02, 0.10 },
    [TRAIT_EYE_X] = { 0.32, 0.37 },
    [TRAIT_EYE_Y] = { -0.26, -0.20 },
    [TRAIT_EYE_WIDTH] = { 0.140, 0.170 },
    [TRAIT_EYE_OPEN] = { 0.034, 0.049 },
    [TRAIT_EYE_SLANT] = { -0.02, 0.02 },
    [TRAIT_IRIS] = { 0.01, 0.12 },
    [TRAIT_BROW_Y] = { -0.455, -0.395 },
    [TRAIT_BROW_ARCH] = { 0.02, 0.07 },
    [TRAIT_BROW_THICK] = { 0.028, 0.048 },
    [TRAIT_BROW_TONE] = { 0.02, 0.10 },
    [TRAIT_NOSE_Y] = { 0.16, 0.24 },
    [TRAIT_NOSE_WIDTH] = { 0.13, 0.18 },
    [TRAIT_NOSE_HEIGHT] = { 0.15, 0.24 },
    [TRAIT_MOUTH_Y] = { 0.49, 0.56 },
    [TRAIT_MOUTH_WIDTH] = { 0.29, 0.36 },
    [TRAIT_LIP_UP] = { 0.035, 0.060 },
    [TRAIT_LIP_LOW] = { 0.050, 0.080 },
    [TRAIT_LIP_TONE] = { 0.45, 0.75 },
    [TRAIT_BEARD] = { -0.8, 0.35 },
    [TRAIT_MOUSTACHE] = { -0.8, 0.35 },
    [TRAIT_GLASSES] = { -0.85, 0.12 },
    [TRAIT_BACKDROP] = { 0.05, 0.75 },
    [TRAIT_SHIRT] = { 0.03, 0.6 },
};

void face_cast(struct face *f, uint64_t seed)
{
    f->seed = seed;
    for (int k = 0; k < TRAITS; k++)
        f->trait[k] = mix(trait_range[k].low, trait_range[k].high, actor_chance(seed, (uint64_t)k));
}

static void pose_head(struct face_shape *s, const double *t, const double *a)
{
    s->head.width = t[TRAIT_WIDTH] + 0.02 * a[ACT_SMILE];
    s->head.height = t[TRAIT_HEIGHT];
    s->head.jaw = t[TRAIT_JAW];
    s->head.chin = 0.16 * a[ACT_JAW_DROP] - 0.02 * a[ACT_CHIN_RAISE];
}

static void pose_eyes(struct face_shape *s, const double *t, const double *a)
{
    double open = 1 - clamp01(a[ACT_EYES_CLOSED]);
    s->eye.x = t[TRAIT_EYE_X];
    s->eye.y = t[TRAIT_EYE_Y];
    s->eye.width = t[TRAIT_EYE_WIDTH];
    s->eye.up = t[TRAIT_EYE_OPEN] * open * (1 + 1.4 * a[ACT_LID_RAISE] - 0.30 * a[ACT_LID_TIGHT]
        - 0.25 * a[ACT_CHEEK] - 0.25 * a[ACT_FROWN] - 0.45 * a[ACT_LOOK_DOWN]);
    s->eye.low = t[TRAIT_EYE_OPEN] * (0.2 + 0.8 * open) * (0.62 + 0.45 * a[ACT_LID_RAISE]
        - 0.40 * a[ACT_LID_TIGHT] - 0.45 * a[ACT_CHEEK]);
    if (s->eye.up < 0)
        s->eye.up = 0;
    if (s->eye.low < -s->eye.up)
        s->eye.low = -s->eye.up;
    s->eye.slant = t[TRAIT_EYE_SLANT] + 0.045 * a[ACT_INNER_BROW] * (1 - a[ACT_OUTER_BROW])
        - 0.02 * a[ACT_FROWN];
    s->eye.gaze_x = 0;
    s->eye.gaze_y = 0.05 * a[ACT_LOOK_DOWN];
    s->eye.iris = 0.078;
}

/* The eyes are posed before: brows do not come down over them. */
static void pose_brows(struct face_shape *s, const double *t, const double *a)
{
    double y = t[TRAIT_BROW_Y] + 0.03 * a[ACT_CHEEK] * a[ACT_SMILE];
    s->brow.x0 = 0.15 - 0.05 * a[ACT_FROWN] + 0.01 * a[ACT_INNER_BROW];
    s->brow.x1 = 0.56;
    double oblique = a[ACT_INNER_BROW] * a[ACT_FROWN];
    s->brow.y0 = y - 0.15 * a[ACT_INNER_BROW] + 0.13 * a[ACT_FROWN] + 0.05 * a[ACT_NOSE_WRINKLE]
        - 0.09 * oblique;
    if (s->brow.y0 > s->eye.y - 0.08)
        s->brow.y0 = s->eye.y - 0.08;
    s->brow.y1 = y + 0.05 - 0.13 * a[ACT_OUTER_BROW] + 0.01 * a[ACT_FROWN] + 0.05 * oblique;
    s->brow.arch = t[TRAIT_BROW_ARCH] + 0.05 * a[ACT_OUTER_BROW] - 0.04 * a[ACT_FROWN];
    s->brow.thick = t[TRAIT_BROW_THICK];
}

static void pose_nose(struct face_shape *s, const double *t, const double *a)
{
    s->nose.y = t[TRAIT_NOSE_Y] - 0.04 * a[ACT_NOSE_WRINKLE] - 0.015 * a[ACT_SMILE];
    s->nose.width = t[TRAIT_NOSE_WIDTH];
    s->nose.wing = t[TRAIT_NOSE_WIDTH] * (1 + 0.18 * a[ACT_SMILE] + 0.15 * a[ACT_NOSE_WRINKLE]);
    s->nose.height = t[TRAIT_NOSE_HEIGHT];
}

static void pose_mouth(struct face_shape *s, const double *t, const double *a)
{
    double drop = a[ACT_JAW_DROP], part = a[ACT_PART];
    double snarl = a[ACT_LIP_RAISE] * a[ACT_NOSE_WRINKLE];
    s->mouth.y = t[TRAIT_MOUTH_Y] - 0.03 * a[ACT_SMILE] - 0.03 * a[ACT_CHIN_RAISE] - 0.07 * snarl;
    s->mouth.width = t[TRAIT_MOUTH_WIDTH] * (1 + 0.36 * a[ACT_SMILE] + 0.25 * a[ACT_STRETCH]
        - 0.30 * drop * (1 - a[ACT_STRETCH]) - 0.12 * a[ACT_TIGHTEN]);
    s->mouth.corner = 0.15 * a[ACT_SMILE] - 0.14 * a[ACT_CORNER_DOWN]
        - 0.03 * a[ACT_CHIN_RAISE];
    s->mouth.up = 0.045 * part + 0.05 * a[ACT_LIP_RAISE] + 0.06 * drop + 0.03 * a[ACT_BARE_TEETH];
    s->mouth.low = 0.07 * part + 0.30 * drop + 0.07 * a[ACT_BARE_TEETH];
    s->mouth.lip_up = t[TRAIT_LIP_UP] * (1 - 0.30 * a[ACT_SMILE] - 0.6 * a[ACT_TIGHTEN]
        - 0.25 * a[ACT_STRETCH] - 0.3 * a[ACT_BARE_TEETH]);
    s->mouth.lip_low = t[TRAIT_LIP_LOW] * (1 - 0.25 * a[ACT_SMILE] - 0.6 * a[ACT_TIGHTEN]
        - 0.25 * a[ACT_STRETCH] + 0.3 * a[ACT_CHIN_RAISE] - 0.3 * a[ACT_BARE_TEETH]);
    s->mouth.teeth_up = 0.085 * (0.35 * part + a[ACT_SMILE] * part + a[ACT_LIP_RAISE]
        + a[ACT_BARE_TEETH]);
    s->mouth.teeth_low = 0.07 * a[ACT_BARE_TEETH] + 0.04 * a[ACT_STRETCH];
}

static void pose_folds(struct face_shape *s, const double *t, const double *a)
{
    double age = t[TRAIT_AGE];
    s->fold.cheek = a[ACT_CHEEK];
    s->fold.smile = 0.25 * age + 0.7 * a[ACT_SMILE] + 0.6 * a[ACT_LIP_RAISE]
        + 0.4 * a[ACT_NOSE_WRINKLE] + 0.3 * a[ACT_BARE_TEETH] + 0.2 * a[ACT_CORNER_DOWN]
        + 0.4 * a[ACT_LIP_RAISE] * a[ACT_NOSE_WRINKLE];
    s->fold.forehead = (0.3 + 0.7 * age) * (0.6 * a[ACT_INNER_BROW] + 0.5 * a[ACT_OUTER_BROW]);
    s->fold.frown = 0.1 * age + 0.9 * a[ACT_FROWN];
    s->fold.root = a[ACT_NOSE_WRINKLE];
    s->fold.crow = (0.3 + 0.7 * age) * a[ACT_CHEEK];
    s->fold.chin = a[ACT_CHIN_RAISE];
    s->fold.bag = 0.3 * age + 0.5 * a[ACT_CHEEK] + 0.3 * a[ACT_LID_TIGHT];
}

void face_pose(struct face_shape *s, const struct face *f, const double act[static ACTIONS])
{
    pose_head(s, f->trait, act);
    pose_eyes(s, f->trait, act);
    pose_brows(s, f->trait, act);
    pose_nose(s, f->trait, act);
    pose_mouth(s, f->trait, act);
    pose_folds(s, f->trait, act);
}
