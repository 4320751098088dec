/*
 * mtcnn_box.h: candidate boxes: sorting, suppressing overlaps, making square.
 */
#ifndef OB_NN_MTCNN_BOX_H
#define OB_NN_MTCNN_BOX_H

#include <stddef.h>

#include "net/base_err.h"

struct box {
    double x1, y1, x2, y2, score;
    double mark[10];                /* O-Net: five x, then five y */
};

struct boxes {
    struct box *box;                /* owned; boxes_fini */
    size_t n, room;
};

enum boxes_measure { BOXES_UNION, BOXES_SMALLER };  /* intersection over union, over smaller area */

/* Appends; ERR_FAILED without memory. */
int boxes_add(struct boxes *b, const struct box *one, struct err *e);
void boxes_fini(struct boxes *b);

/* Best first; equal scores keep their order. At most `most` remain. */
int boxes_sort(struct boxes *b, size_t most, struct err *e);

/* Of sorted boxes, drops each that any better one overlaps by more than the limit, also one that
 * was dropped itself. */
int boxes_suppress(struct boxes *b, double limit, enum boxes_measure measure, struct err *e);

/* Same centre, both sides as long as the longer one. */
void boxes_square(struct boxes *b);

#endif
