/*
 * emotion_maps.h: the linear maps of the published network for seven frames of 97.
 */
#ifndef OB_TESTS_EMOTION_MAPS_H
#define OB_TESTS_EMOTION_MAPS_H

#include "proto/geometry.h"

enum { EMOTION_MAPS = 9 };

static inline struct geometry emotion_conv(uint32_t edge, uint32_t channels, uint32_t window,
                                           uint32_t filters)
{
    uint32_t out = edge - window + 1;
    return (struct geometry){ .h = edge, .w = edge, .c = channels, .kh = window, .kw = window,
                              .sh = 1, .sw = 1, .oh = out, .ow = out, .oc = filters };
}

/* Name, shape and frames (0: the selection) of map i. */
static inline const char *emotion_map(unsigned i, struct geometry *g, uint32_t *frames)
{
    static const char *const name[EMOTION_MAPS] = {
        "selection", "conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "fc3"
    };
    const struct geometry map[EMOTION_MAPS] = {
        geometry_dense(7, 97, 2304), emotion_conv(48, 1, 5, 64), emotion_conv(20, 64, 3, 64),
        emotion_conv(18, 64, 3, 64), emotion_conv(7, 64, 3, 128), emotion_conv(5, 128, 3, 128),
        geometry_dense(1, 128, 1024), geometry_dense(1, 1024, 1024), geometry_dense(1, 1024, 7)
    };
    *g = map[i];
    *frames = i == 0 ? 0 : 7;
    return name[i];
}

#endif
