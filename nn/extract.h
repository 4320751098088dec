/*
 * extract.h: all of a film's face crops, and what became of every frame that was looked at.
 */
#ifndef OB_NN_EXTRACT_H
#define OB_NN_EXTRACT_H

#include "nn/align.h"
#include "nn/video_in.h"
#include "nn/video_text.h"

enum { EXTRACT_FRAMES_MAX = 50000 };

/* A frame that was looked at. */
struct extract_frame {
    struct video_frame at;
    enum align_verdict verdict;
    unsigned faces;
    double confidence, radians;
    double box[4];              /* x, y, width, height in the frame; zeros without a face */
};

struct extract {
    struct extract_frame *frame;
    uint8_t *crop;              /* ALIGN_PIXELS for each frame; zeros where none was taken */
    uint32_t n, room;
    uint32_t decoded;           /* frames of the film */
    uint32_t taken, several;    /* of n: taken; with more than one face */
};

struct extract_options {
    struct detector *detector;
    uint32_t every;             /* frames 0, every, 2 every, .. are looked at */
    double least;               /* confidence above which a face counts */
    int partial;                /* a damaged film is taken as far as it goes */
    void *ctx;
    /* Told of each frame that was looked at; may be NULL. */
    void (*look)(void *ctx, const struct picture *p, const struct extract_frame *f,
        const uint8_t *crop);
    void (*progress)(void *ctx, const struct extract *x, double part);
};

/* Reads v to its end. ERR_INPUT for a film that is damaged, too long, or has no frame. */
int extract_run(struct extract *x, struct video_in *v, const struct extract_options *o,
    struct err *e);

/* Wipes and frees. */
void extract_fini(struct extract *x);

/* The crops as a clip. fill: a frame without a crop gets that of the last frame before it that has
 * one (at the beginning, that of the first), so that the clip has a frame for each that was looked
 * at; else it is left out. The rule needs no frame that is still to come: films that are taken
 * frame by frame (src/film.h) have the same. ERR_INPUT when no frame has a crop. */
int extract_video(struct video *out, const struct extract *x, int fill, struct err *e);

#endif
