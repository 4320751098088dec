/*
 * video_bytes.h: the bytes of a film for FFmpeg's demuxers: a file, a pipe or a block of memory.
 *
 * Of a pipe nothing can be read twice or out of order: demuxers are told so, and what they ask for
 * all the same is noted. Whoever waits for its bytes can be stopped from another thread.
 */
#ifndef OB_NN_VIDEO_BYTES_H
#define OB_NN_VIDEO_BYTES_H

#include <libavformat/avformat.h>

#include "net/base_err.h"

struct video_bytes {
    int fd;                     /* -1: memory */
    int piped;                  /* n is not known, and there is no way back */
    int stop;                   /* of a pipe: an eventfd, readable as soon as nobody is to wait */
    int jumped;                 /* of a pipe: bytes were asked for out of order, in vain */
    const uint8_t *p;
    int64_t n, at;
    AVIOContext *io;
};

/* One of the two; ERR_INPUT for what is neither a regular file nor a pipe, or is empty. "-" is the
 * standard input. A pipe's writer is not waited for here. */
int video_bytes_open(struct video_bytes *b, const char *path, struct err *e);
int video_bytes_take(struct video_bytes *b, const uint8_t *p, size_t n, const char *name,
    struct err *e);

/* The error of what has no bytes. */
int video_bytes_none(const char *name, struct err *e);

/* Whoever waits for a pipe's bytes, or will, gets an error. From any thread. */
void video_bytes_stop(const struct video_bytes *b);

void video_bytes_close(struct video_bytes *b);

#endif
