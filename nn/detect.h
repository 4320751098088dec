/*
 * detect.h: faces in a picture, behind one small interface.
 *
 * Two detectors: `mtcnn` (mtcnn.h), three small networks whose weights the user obtains, and
 * `cascade` (cascade.h), boosted trees whose data Debian packages. A detector holds scratch memory
 * and belongs to one thread.
 */
#ifndef OB_NN_DETECT_H
#define OB_NN_DETECT_H

#include <stddef.h>

#include "nn/picture.h"

enum { FACES_MAX = 256 };
enum { MARK_LEFT_EYE, MARK_RIGHT_EYE, MARK_NOSE, MARK_MOUTH_LEFT, MARK_MOUTH_RIGHT, FACE_MARKS };

/* A face, in pixels of the picture. Left and right are the viewer's. */
struct face {
    double x1, y1, x2, y2;          /* inside the picture */
    double confidence;              /* 0 to 1 */
    unsigned marks;                 /* how many of mark[] are known: 0, 2 (the eyes) or 5 */
    double mark[FACE_MARKS][2];     /* x, y */
};

struct faces {
    unsigned n;                     /* most confident first */
    struct face face[FACES_MAX];
};

struct detector;

struct detector_ops {
    const char *name;
    int (*run)(struct detector *d, const struct picture *p, struct faces *out, struct err *e);
    void (*close)(struct detector *d);
};

/* The first member of every detector's own structure. */
struct detector {
    const struct detector_ops *ops;
};

/* All faces, doubtful ones too: the caller looks at the confidence. ERR_FAILED without memory. */
static inline int detector_run(struct detector *d, const struct picture *p, struct faces *out,
    struct err *e)
{
    return d->ops->run(d, p, out, e);
}

static inline const char *detector_name(const struct detector *d)
{
    return d->ops->name;
}

/* NULL is legal. */
static inline void detector_close(struct detector *d)
{
    if (d != NULL)
        d->ops->close(d);
}

#endif
