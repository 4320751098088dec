/*
 * video_bytes.h: the bytes of a film for FFmpeg's demuxers: a descriptor or a block of memory.
 */
#ifndef OB_NN_VIDEO_BYTES_H
#define OB_NN_VIDEO_BYTES_H

#include <libavformat/avformat.h>

#include "net/base_err.h"

struct video_bytes {
    int fd;                     /* -1: memory */
    const uint8_t *p;
    int64_t n, at;
    AVIOContext *io;
};

/* One of the two; ERR_INPUT for what is no regular file or is empty. */
int video_bytes_open(struct video_bytes *b, const char *path, struct err *e);
int video_bytes_take(struct video_bytes *b, const uint8_t *p, size_t n, const char *name,
    struct err *e);
void video_bytes_close(struct video_bytes *b);

#endif
