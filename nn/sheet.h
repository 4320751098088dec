/*
 * sheet.h: a contact sheet: what was found in each frame, and what was rejected and why.
 *
 * A cell shows the frame, small, with the box of its face, the crop beside it, and two lines of
 * words. When there are more frames than cells, every second one is left out, again and again.
 */
#ifndef OB_NN_SHEET_H
#define OB_NN_SHEET_H

#include "nn/extract.h"

struct sheet;

/* NULL without memory. */
struct sheet *sheet_new(struct err *e);
void sheet_free(struct sheet *s);

/* Adds a frame; without memory the cell stays away, and sheet_picture tells. */
void sheet_add(struct sheet *s, const struct picture *p, const struct extract_frame *f,
    const uint8_t *crop);

/* The whole sheet; ERR_FAILED without memory, ERR_INPUT without a cell. */
int sheet_picture(const struct sheet *s, struct picture *out, struct err *e);

#endif
