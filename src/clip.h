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
};

/* Whether these are the bytes of a film or a picture rather than of a clip. */
int clip_is_film(const uint8_t *p, size_t n);

/* Reads a clip. In a film every frame is looked at, and a frame without a face gets the crop of the
 * nearest one that has a face, so that the clip is as long as the film; ERR_INPUT when fewer than
 * half have one. */
int clip_take(struct video *v, const struct clip_source *s, const uint8_t *p, size_t n,
    const char *path, struct err *e);

/* The same from a file. */
int clip_take_file(struct video *v, const struct clip_source *s, const char *path, struct err *e);

/* "97 frames, 7 looked at with mtcnn: 6 taken, 1 no face" */
void clip_words(char *text, size_t n, const struct extract *x, const char *detector);

#endif
