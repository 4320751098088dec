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

/* What became of a film's frames. */
struct clip_seen {
    uint32_t decoded;           /* frames of the film */
    uint32_t looked, several;   /* of these, looked at; of these, with more than one face */
    uint32_t verdict[ALIGN_VERDICTS];
};

/* Whether the path is that of a pipe, or "-", the standard input: what is read there is gone. */
int clip_is_pipe(const char *path);

/* Whether the file holds a film or a picture rather than a clip, as far as its first bytes say; 0
 * when it cannot be read. Pipes hold films, and nothing is read from them here. */
int clip_is_film(const char *path);

/* The faces of a film, decoded frame by frame: a clip of all frames that are looked at. One without
 * a face gets the crop of the last before it that has one, at the beginning that of the first;
 * ERR_INPUT when fewer than half have one. The same clip as that of film.h. */
int clip_take_film(struct video *v, const struct clip_source *s, const char *path, struct err *e);

/* Either, from a file. */
int clip_take(struct video *v, const struct clip_source *s, const char *path, struct err *e);

void clip_seen(struct clip_seen *s, const struct extract *x);

/* "97 frames, 7 looked at with mtcnn: 6 taken, 1 no face" */
void clip_words(char *text, size_t n, const struct clip_seen *s, const char *detector);

/* ERR_INPUT as soon as more than half of the `frames` that are to be looked at show no face. */
int clip_enough(const struct clip_seen *s, uint32_t frames, const char *path, const char *detector,
    struct err *e);

/* Notes on standard error: frames without a face, and with several. */
void clip_tell(const struct clip_source *s, const struct clip_seen *seen, const char *path);

#endif
