/*
 * actor.h: an acting face, drawn frame by frame: a clip without anybody's face in it.
 *
 * The seed casts the actor (face, hair, glasses, light, how the head moves and when it blinks);
 * the emotion is what is played: it sets in, holds, and fades towards the end of the clip. The
 * same (emotion, seed, frames) gives the same pictures. No picture of a real person was used to
 * make it and none is needed: the face is geometry (actor_face.h) with paint (actor_paint.h) and
 * light (actor_draw.h).
 */
#ifndef OB_NN_ACTOR_H
#define OB_NN_ACTOR_H

#include <stdint.h>

#include "net/base_err.h"

enum { ACTOR_EMOTIONS = 7, ACTOR_FRAMES = 97, ACTOR_RATE = 30, ACTOR_EDGE_MAX = 2048,
       ACTOR_FRAMES_MAX = 10000 };

struct actor;

/* The number of an emotion in the classes' order (angry, disgust, fear, happy, sad, surprise,
 * neutral), or -1. */
int actor_emotion(const char *name);

/* Its name, or NULL when there is no such emotion. */
const char *actor_emotion_name(int emotion);

/* An actor for a clip of `frames` frames; NULL with *e filled for an unknown emotion (ERR_USAGE),
 * a number of frames that is 0 or above ACTOR_FRAMES_MAX (ERR_USAGE), or no memory. */
struct actor *actor_new(int emotion, uint64_t seed, unsigned frames, struct err *e);
void actor_free(struct actor *a);

/* Draws frame `frame` as size x size grey levels, row by row, size from 1 to ACTOR_EDGE_MAX.
 * ERR_USAGE for a frame or size out of range, ERR_FAILED without memory. */
int actor_draw(const struct actor *a, unsigned frame, uint8_t *grey, unsigned size,
    struct err *e);

#endif
