/*
 * cascade.h: faces by boosted trees over Haar-like features (Viola and Jones, 2001; Lienhart and
 * Maydt, 2002), with the trained data that Debian's opencv-data packages.
 *
 * The data are two files: frontal faces, and eyes inside of them, from which the tilt of a head is
 * known. Weaker than MTCNN: upright frontal faces only, and boxes of a fixed shape. This header is
 * also the cascade as it is read (cascade_xml.c) and slid over a picture (cascade_scan.c).
 */
#ifndef OB_NN_CASCADE_H
#define OB_NN_CASCADE_H

#include "nn/detect.h"

enum { CASCADE_RECTS = 3, CASCADE_EDGE_MAX = 64 };

/* A weighted sum of pixels in up to three rectangles of the window. */
struct cascade_feature {
    unsigned n;
    struct { uint8_t x, y, w, h; float weight; } rect[CASCADE_RECTS];
};

/* left is taken where the feature is below the threshold. Positive: a later node of the tree; else
 * minus the number of a leaf. */
struct cascade_node {
    int left, right;
    unsigned feature;
    float threshold;
};

struct cascade_tree {
    unsigned node, nnode, leaf, nleaf;  /* first in node[] and leaf[], and how many */
};

/* A window passes when the leaves of trees [first, first + n) add up to the threshold. */
struct cascade_stage {
    unsigned first, n;
    float threshold;
};

struct cascade {
    unsigned w, h;                      /* of the window */
    struct cascade_stage *stage;
    struct cascade_tree *tree;
    struct cascade_node *node;
    float *leaf;
    struct cascade_feature *feature;
    unsigned nstage, ntree, nnode, nleaf, nfeature;
    unsigned room[5];
};

/* Reads OpenCV's XML. ERR_INPUT names the line of what is not understood. */
int cascade_parse(struct cascade *c, const uint8_t *p, size_t n, const char *name,
    struct err *e);
void cascade_fini(struct cascade *c);

/* A place where windows gather. */
struct cascade_find {
    double x, y, w, h;
    unsigned votes;                     /* windows */
};

struct cascade_finds {
    unsigned n;
    struct cascade_find find[FACES_MAX];
};

/* Slides the cascade over grey levels (w x h, rows `pitch` apart) with windows from `least` to
 * `most` pixels wide; windows that are alike are put together, groups below `votes` are dropped.
 * Most votes first. */
int cascade_scan(struct cascade_finds *out, const struct cascade *c, const uint8_t *grey,
    unsigned w, unsigned h, size_t pitch, double least, double most, unsigned votes,
    struct err *e);

/* A detector that owns both cascades (they are emptied, also on failure). */
struct detector *cascade_open(struct cascade *face, struct cascade *eye, struct err *e);

#endif
