/*
 * canvas.h: what charts are drawn on: an SVG text, or a picture for PNG.
 *
 * Both have the same coordinates, one unit a pixel, and the same colours; a PNG has the small
 * letters of nn/font.h and no smoothing.
 */
#ifndef OB_SRC_CANVAS_H
#define OB_SRC_CANVAS_H

#include <stdint.h>
#include <stdio.h>

#include "nn/picture.h"

enum canvas_place { CANVAS_START, CANVAS_MIDDLE, CANVAS_END };   /* which point of a text is at x */

struct canvas {
    const struct canvas_ops *ops;
    FILE *f;                    /* of an SVG */
    struct picture picture;     /* of a PNG */
};

/* Colours: 0xrrggbb. */
struct canvas_ops {
    void (*line)(struct canvas *c, const double from[2], const double to[2], unsigned wide,
                 uint32_t colour);
    void (*box)(struct canvas *c, const double at[2], const double size[2], uint32_t colour);
    void (*dot)(struct canvas *c, const double at[2], double radius, uint32_t colour);
    /* y is the base line; `up`: turned to read upwards, and then x is it. */
    void (*text)(struct canvas *c, const double at[2], enum canvas_place place, int up,
                 const char *text);
};

/* White. The SVG is begun on f, which canvas_end ends; no error. */
void canvas_svg(struct canvas *c, unsigned w, unsigned h, FILE *f);
int canvas_png(struct canvas *c, unsigned w, unsigned h, struct err *e);

/* The end of the SVG; a PNG goes to f. */
int canvas_end(struct canvas *c, FILE *f, struct err *e);

#endif
