/*
 * picture.h: a PNG or JPEG file in memory, as grey levels of a wanted size.
 *
 * Decoded by FFmpeg's libraries, made grey as luma (Rec. 601, full range), scaled bicubically.
 */
#ifndef OB_NN_PICTURE_H
#define OB_NN_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

enum { PICTURE_EDGE_MAX = 8192 };

struct picture_reader;

/* A reader keeps decoders between pictures. NULL with *e filled. */
struct picture_reader *picture_reader_new(uint32_t h, uint32_t w, struct err *e);
void picture_reader_free(struct picture_reader *r);

/* Fills grey with h x w levels. ERR_INPUT names the file and what is wrong with it. */
int picture_read(struct picture_reader *r, uint8_t *grey, const uint8_t *p, size_t n,
                 const char *name, struct err *e);

#endif
