/*
 * video_in.h: a film or a picture, decoded frame by frame by FFmpeg's libraries.
 *
 * Frames come as RGB in the order of display, upright (rotation and mirroring by metadata are
 * honoured), in their own sizes; a variable frame rate shows in their times. One frame is held at a
 * time. The input is hostile until shown otherwise: the libraries get bytes, never a name or an
 * address, demuxers that open further files are not allowed, one thread decodes, and sizes and
 * numbers are bounded.
 */
#ifndef OB_NN_VIDEO_IN_H
#define OB_NN_VIDEO_IN_H

#include <stddef.h>
#include <stdint.h>

#include "nn/picture.h"

enum { VIDEO_IN_FRAMES_MAX = 1000000 };

/* The most pixels a frame may have: 8K. */
#define VIDEO_IN_PIXELS_MAX ((int64_t)8192 * 4320)

struct video_in;

struct video_frame {
    uint32_t index;             /* from 0, every decoded frame counted */
    double seconds;             /* from the first frame; NAN where the file does not say */
};

/* From a file, or from bytes that must stay until video_in_close. NULL with *e filled: ERR_INPUT
 * says what the file is not. The path may be that of a pipe, or "-", the standard input: then the
 * call waits for the first frames' bytes, and only what can be read from front to back is a film
 * (Matroska, MPEG-TS, AVI, ..; not mp4 with its index at the end). */
struct video_in *video_in_open(const char *path, struct err *e);
struct video_in *video_in_open_bytes(const uint8_t *p, size_t n, const char *name,
    struct err *e);

/* The next frame. *got is 0 at the end of what can be decoded. p NULL: the frame is passed over
 * without being converted. ERR_INPUT for a frame beyond the limits. */
int video_in_next(struct video_in *v, struct picture *p, struct video_frame *f, int *got,
    struct err *e);

/* After the end: 0 when the file was whole, else ERR_INPUT and what is damaged or missing. */
int video_in_whole(const struct video_in *v, struct err *e);

/* How far the reader is, 0 to 1: of the frames where their number is known, else of the bytes; 0
 * in a pipe that does not say. */
double video_in_part(const struct video_in *v);

/* Ends a wait for a pipe's bytes, now or later: the film ends there, and is not whole. From any
 * thread while v is open; of other films nothing is ended. */
void video_in_stop(const struct video_in *v);

/* NULL is legal. */
void video_in_close(struct video_in *v);

#endif
