/*
 * png_out.h: a picture as PNG, by FFmpeg's encoder.
 */
#ifndef OB_NN_PNG_OUT_H
#define OB_NN_PNG_OUT_H

#include <stddef.h>

#include "nn/picture.h"

/* malloc'd (mem_free), *n bytes. NULL with *e filled (ERR_FAILED). */
uint8_t *png_bytes(const struct picture *p, size_t *n, struct err *e);

#endif
