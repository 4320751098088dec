/*
 * align.h: from a frame to an upright grey face crop, as the published preprocessing does it.
 *
 * A face above the least confidence is found; the whole frame is turned about its centre so that
 * the eyes are level; the face is found again, however confidently, its box cut out and brought to
 * 48 x 48 grey levels. A face whose eyes the detector cannot tell is cut out as it stands.
 */
#ifndef OB_NN_ALIGN_H
#define OB_NN_ALIGN_H

#include "nn/detect.h"

enum { ALIGN_EDGE = 48, ALIGN_PIXELS = ALIGN_EDGE * ALIGN_EDGE };

enum align_verdict {
    ALIGN_TAKEN,
    ALIGN_NO_FACE,              /* the detector found nothing */
    ALIGN_DOUBTFUL,             /* only faces at or below the least confidence */
    ALIGN_LOST,                 /* not found again in the levelled frame */
    ALIGN_VERDICTS
};

struct aligned {
    enum align_verdict verdict;
    unsigned faces;             /* above the least confidence */
    double confidence;          /* in the frame as it was, or of the best doubtful one; else 0 */
    double radians;             /* by which the frame was turned back */
    struct face face;           /* as it was found in the frame, if confidence > 0 */
    uint8_t crop[ALIGN_PIXELS]; /* if taken */
};

/* One frame. Of several faces above `least` the largest is taken. turned: scratch, kept between
 * frames (picture_fini in the end). */
int align_frame(struct aligned *a, struct detector *d, const struct picture *p, double least,
    struct picture *turned, struct err *e);

/* "taken", "no face", "doubtful", "lost". */
const char *align_word(enum align_verdict v);

#endif
