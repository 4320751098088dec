/*
 * augment.h: a picture, changed a little: mirrored, turned, zoomed, shifted, lit differently.
 */
#ifndef OB_NN_AUGMENT_H
#define OB_NN_AUGMENT_H

#include <stdint.h>

#include "nn/chance.h"

struct augment {
    int flip;               /* mirror every second picture */
    double shift;           /* up to so many pixels, both ways */
    double rotate;          /* up to so many degrees, both ways */
    double zoom;            /* by a factor of 1 - zoom to 1 + zoom */
    double brightness;      /* contrast by 1 - b to 1 + b, level by -b to b of the full range */
};

/* out = the h x w picture / 255 after the changes that c draws; what comes in from outside repeats
 * the edge. */
void augment_draw(const struct augment *a, struct chance c, float *out, const uint8_t *grey,
                  uint32_t h, uint32_t w);

/* out = the picture / 255, unchanged. */
void augment_none(float *out, const uint8_t *grey, uint32_t h, uint32_t w);

#endif
