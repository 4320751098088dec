/*
 * picture_file.h: a PNG or JPEG file in memory, as grey levels of a wanted size.
 *
 * Decoded as films are (video_in.h), within the same limits; made grey as faces are (picture.h);
 * scaled bicubically with smoothing.
 */
#ifndef OB_NN_PICTURE_FILE_H
#define OB_NN_PICTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

struct picture_reader;

/* A reader keeps its memory between pictures. NULL with *e filled. */
struct picture_reader *picture_reader_new(uint32_t h, uint32_t w, struct err *e);
void picture_reader_free(struct picture_reader *r);

/* Fills grey with h x w levels. ERR_INPUT names the file and what is wrong with it. */
int picture_read(struct picture_reader *r, uint8_t *grey, const uint8_t *p, size_t n,
                 const char *name, struct err *e);

#endif
