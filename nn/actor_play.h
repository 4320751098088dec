/*
 * actor_play.h: what is played when: expression, head movement, blinking and light over a clip.
 */
#ifndef OB_NN_ACTOR_PLAY_H
#define OB_NN_ACTOR_PLAY_H

#include "nn/actor_draw.h"
#include "nn/actor_face.h"

enum {
    PLAY_ANGRY, PLAY_DISGUST, PLAY_FEAR, PLAY_HAPPY, PLAY_SAD, PLAY_SURPRISE, PLAY_NEUTRAL,
    PLAY_EMOTIONS
};

struct play {
    int emotion;
    uint64_t seed;
    unsigned frames;
};

extern const char *const play_name[PLAY_EMOTIONS];

void play_cast(struct play *p, int emotion, uint64_t seed, unsigned frames);

/* The actions of this frame: the emotion's own, as strong as they are now, and a blink. */
void play_act(double act[static ACTIONS], const struct play *p, unsigned frame);

/* Where the head is, given what it does. */
void play_view(struct view *v, const struct play *p, const double act[static ACTIONS],
    unsigned frame);

/* How far the eyes look aside. */
double play_gaze(const struct play *p, unsigned frame);

/* The light on the stage, and the noise of the camera in grey levels. */
void play_light(struct light *l, double *noise, const struct play *p);

#endif
