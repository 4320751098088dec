/*
 * clip_file.h: a clip of grey levels in the project's own compact form: a byte for each pixel.
 *
 * "OBCLIP1\n"; u64 length of the file; u32 frames, height, width, channels; the pixels as the text
 * has them (video_text.h), times 255; SHA-256 of all that. Little-endian.
 */
#ifndef OB_NN_CLIP_FILE_H
#define OB_NN_CLIP_FILE_H

#include "nn/video_text.h"

/* Whether the bytes begin as such a file. */
int clip_file_likely(const uint8_t *p, size_t n);

/* ERR_INPUT names what is wrong, a digest that does not fit included. */
int clip_file_parse(struct video *v, const uint8_t *p, size_t n, const char *name,
    struct err *e);

/* malloc'd (mem_free; wipe it first), *n bytes; NULL without memory. Values are rounded to
 * 1/255. */
uint8_t *clip_file_bytes(const struct video *v, size_t *n);

#endif
