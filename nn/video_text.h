/*
 * video_text.h: a clip as the published text holds it: frames of values in [0, 1], and its writer.
 */
#ifndef OB_NN_VIDEO_TEXT_H
#define OB_NN_VIDEO_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

struct video {
    uint32_t frames, h, w, c;
    double *value;          /* [frame][row][column][channel]; owned */
};

/* Zero pixels. ERR_INPUT for zero or too many values, ERR_FAILED without memory. */
int video_init(struct video *v, uint32_t frames, uint32_t h, uint32_t w, uint32_t c,
               struct err *e);

/* Wipes and frees the pixels: they are the video owner's secret. */
void video_fini(struct video *v);

/* The frame's first value, and how many a frame has. */
const double *video_frame(const struct video *v, uint32_t frame);
size_t video_frame_size(const struct video *v);

/* Reads a text whose frames are h x w x c. ERR_INPUT names line and column of what is not a
 * number or not in [0, 1], or the count when it is not a whole number of frames. */
int video_parse(struct video *v, const uint8_t *p, size_t n, const char *name, uint32_t h,
                uint32_t w, uint32_t c, struct err *e);

/* The published text: one value a line with 13 decimals. A malloc'd block (free), *n bytes; NULL
 * without memory. */
char *video_write(const struct video *v, size_t *n);

#endif
