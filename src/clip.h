/*
 * clip.h: Alice's clip in any form: published text, the compact form, or a film in which faces are
 * found first.
 */
#ifndef OB_SRC_CLIP_H
#define OB_SRC_CLIP_H

#include "nn/extract.h"
#include "nn/video_text.h"
#include "src/faces.h"
#include "src/progress.h"

/* The published preprocessing's confidence. */
#define CLIP_CONFIDENCE 0.98

struct clip_source {
    struct faces_wish faces;
    struct progress *progress;  /* NULL: none */
    const char *command;        /* for notes on standard error */
    uint32_t every;             /* frames 0, every, 2 every, .. of films are looked at; 0: all */
};

/* Whether the file holds a film or a picture rather than a clip, as far as its first bytes say; 0
 * when it cannot be read. */
int clip_is_film(const char *path);

/* The faces of a film, decoded frame by frame: a clip of all frames that are looked at. One without
 * a face gets the crop of the nearest that has one; ERR_INPUT when fewer than half have one. */
int clip_take_film(struct video *v, const struct clip_source *s, const char *path, struct err *e);

/* Either, from a file. */
int clip_take(struct video *v, const struct clip_source *s, const char *path, struct err *e);

/* "97 frames, 7 looked at with mtcnn: 6 taken, 1 no face" */
void clip_words(char *text, size_t n, const struct extract *x, const char *detector);

#endif
