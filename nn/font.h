/*
 * font.h: captions: letters of 5 x 7 pixels, for pictures that are made here.
 */
#ifndef OB_NN_FONT_H
#define OB_NN_FONT_H

#include "nn/picture.h"

enum { FONT_WIDTH = 6, FONT_HEIGHT = 8 };       /* with the gap to the next */

/* Writes text (capitals for letters; what has no shape is a gap), its top left corner at x, y;
 * what does not fit into the picture is cut off. */
void font_write(struct picture *p, uint32_t x, uint32_t y, const char *text,
    const uint8_t colour[static 3]);

#endif
