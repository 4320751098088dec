#include "nn/actor_play.h"

#include <math.h>

#include "nn/actor_math.h"

const char *const play_name[PLAY_EMOTIONS] = {
    [PLAY_ANGRY] = "angry", [PLAY_DISGUST] = "disgust", [PLAY_FEAR] = "fear",
    [PLAY_HAPPY] = "happy", [PLAY_SAD] = "sad", [PLAY_SURPRISE] = "surprise",
    [PLAY_NEUTRAL] = "neutral",
};

/* What each emotion does at its height; a neutral face is the face at rest. */
static const double play_action[PLAY_EMOTIONS][ACTIONS] = {
    [PLAY_ANGRY] = {
        [ACT_FROWN] = 0.95, [ACT_LID_RAISE] = 0.44, [ACT_LID_TIGHT] = 0.41,
        [ACT_NOSE_WRINKLE] = 0.93, [ACT_LIP_RAISE] = 0.57, [ACT_TIGHTEN] = 0.51,
        [ACT_JAW_DROP] = 0.37, [ACT_BARE_TEETH] = 1.23, [ACT_HEAD_DOWN] = 0.34,
        [ACT_HEAD_TILT] = 0.11,
    },
    [PLAY_DISGUST] = {
        [ACT_FROWN] = 0.7, [ACT_CHEEK] = 0.3, [ACT_LID_TIGHT] = 0.8, [ACT_NOSE_WRINKLE] = 1.0,
        [ACT_LIP_RAISE] = 0.7, [ACT_CORNER_DOWN] = 0.7, [ACT_CHIN_RAISE] = 0.5,
        [ACT_TIGHTEN] = 0.4, [ACT_EYES_CLOSED] = 0.3, [ACT_HEAD_DOWN] = -0.4,
        [ACT_HEAD_TILT] = 0.2,
    },
    [PLAY_FEAR] = {
        [ACT_INNER_BROW] = 1.13, [ACT_FROWN] = 0.37, [ACT_LID_RAISE] = 0.52,
        [ACT_LIP_RAISE] = 0.67, [ACT_SMILE] = 0.19, [ACT_STRETCH] = 0.75, [ACT_PART] = 1.25,
        [ACT_BARE_TEETH] = 0.81, [ACT_HEAD_DOWN] = -0.32,
    },
    [PLAY_HAPPY] = {
        [ACT_SMILE] = 1.1, [ACT_CHEEK] = 0.9, [ACT_PART] = 0.95, [ACT_LIP_RAISE] = 0.1,
    },
    [PLAY_SAD] = {
        [ACT_INNER_BROW] = 1.10, [ACT_FROWN] = 1.10, [ACT_CHEEK] = 0.31, [ACT_LID_TIGHT] = 0.37,
        [ACT_NOSE_WRINKLE] = 1.10, [ACT_SMILE] = 0.76, [ACT_CORNER_DOWN] = 0.88,
        [ACT_CHIN_RAISE] = 0.21, [ACT_PART] = 0.09, [ACT_JAW_DROP] = 0.14,
        [ACT_BARE_TEETH] = 0.05, [ACT_EYES_CLOSED] = 0.06, [ACT_LOOK_DOWN] = 0.14,
        [ACT_HEAD_DOWN] = 0.65,
    },
    [PLAY_SURPRISE] = {
        [ACT_INNER_BROW] = 1.0, [ACT_OUTER_BROW] = 1.0, [ACT_LID_RAISE] = 1.0,
        [ACT_JAW_DROP] = 0.9,
    },
    [PLAY_NEUTRAL] = { 0 },
};

/* Names of the random numbers of a play. */
enum {
    R_TURN = 1, R_NOD, R_TILT, R_X, R_Y, R_ZOOM, R_STRENGTH, R_GAZE, R_LIGHT_X, R_LIGHT_Y,
    R_AMBIENT, R_KEY, R_NOISE, R_SWAY = 100, R_BLINK = 1000
};

static const double pi = 3.14159265358979323846;

static double play_uniform(const struct play *p, unsigned name, double low, double high)
{
    return mix(low, high, actor_chance(p->seed, name));
}

/* A slow movement around 0 with an amplitude of about 1; `name` picks its phases. */
static double play_sway(const struct play *p, unsigned name, double frame)
{
    double a = actor_chance(p->seed, R_SWAY + 2 * name);
    double b = actor_chance(p->seed, R_SWAY + 2 * name + 1);
    return 0.7 * sin(2 * pi * (frame / 131 + a)) + 0.4 * sin(2 * pi * (frame / 53 + b));
}

void play_cast(struct play *p, int emotion, uint64_t seed, unsigned frames)
{
    *p = (struct play){ .emotion = emotion, .seed = seed, .frames = frames };
}

/* Onset, apex and decay, and a little life in between. */
static double play_strength(const struct play *p, unsigned frame)
{
    double t = p->frames == 1 ? 0.5 : (double)frame / (p->frames - 1);
    double held = smooth(-0.06, 0.13, t) * smooth(1.08, 0.88, t);
    double peak = play_uniform(p, R_STRENGTH, 0.92, 1.06);
    return peak * (0.30 + 0.70 * held) * (1 + 0.05 * play_sway(p, R_STRENGTH, 3.0 * frame));
}

/* How far a blink has closed the eyes: one about every 75 frames, seven frames long. */
static double play_blink(const struct play *p, unsigned frame)
{
    unsigned turn = frame / 75;
    double at = 75.0 * turn + 8 + 58 * actor_chance(p->seed, R_BLINK + turn);
    double d = (frame - at) / 3.5;
    return smooth(1, 0.25, d < 0 ? -d : d);
}

void play_act(double act[static ACTIONS], const struct play *p, unsigned frame)
{
    double strength = play_strength(p, frame);
    for (int k = 0; k < ACTIONS; k++)
        act[k] = strength * play_action[p->emotion][k];
    act[ACT_EYES_CLOSED] = clamp01(act[ACT_EYES_CLOSED] + play_blink(p, frame));
}

void play_view(struct view *v, const struct play *p, const double act[static ACTIONS],
    unsigned frame)
{
    *v = (struct view){
        .turn = play_uniform(p, R_TURN, -0.14, 0.14) + 0.07 * play_sway(p, R_TURN, frame),
        .nod = play_uniform(p, R_NOD, -0.05, 0.05) + 0.04 * play_sway(p, R_NOD, frame)
            + 0.25 * act[ACT_HEAD_DOWN],
        .tilt = play_uniform(p, R_TILT, -0.05, 0.05) + 0.03 * play_sway(p, R_TILT, frame)
            + 0.2 * act[ACT_HEAD_TILT] * (p->seed & 1 ? 1 : -1),
        .x = play_uniform(p, R_X, -0.03, 0.03) + 0.02 * play_sway(p, R_X, frame),
        .y = play_uniform(p, R_Y, -0.04, 0.04) + 0.02 * play_sway(p, R_Y, frame),
        .zoom = play_uniform(p, R_ZOOM, 0.92, 1.04) * (1 + 0.015 * play_sway(p, R_ZOOM, frame)),
    };
}

double play_gaze(const struct play *p, unsigned frame)
{
    return 0.012 * play_sway(p, R_GAZE, frame);
}

void play_light(struct light *l, double *noise, const struct play *p)
{
    double x = play_uniform(p, R_LIGHT_X, -0.7, 0.7), y = play_uniform(p, R_LIGHT_Y, -0.7, -0.2);
    double length = sqrt(1 + x * x + y * y);
    *l = (struct light){ .x = x / length, .y = y / length, .z = 1 / length,
        .ambient = play_uniform(p, R_AMBIENT, 0.25, 0.45),
        .key = play_uniform(p, R_KEY, 0.7, 1.0) };
    *noise = play_uniform(p, R_NOISE, 1.0, 3.0);
}
