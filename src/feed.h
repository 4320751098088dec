/*
 * feed.h: the frames of a clip as a camera would give them: so many a second, beginning when the
 * first is wanted. For trying what streaming is worth with a clip that is there already.
 */
#ifndef OB_SRC_FEED_H
#define OB_SRC_FEED_H

#include "net/link.h"
#include "nn/video_text.h"

struct feed {
    /* The caller's. */
    struct host *host;
    const struct video *video;      /* borrowed */
    double pace;                    /* frames a second */
    void *ctx;
    void (*frame)(void *ctx, const double *values);     /* on the loop thread, in order */

    /* Its own. */
    uint64_t began;
    uint32_t next;
    struct timer timer;
};

/* The next frame is wanted: one for each call, as many as there are. */
void feed_want(struct feed *f);

/* No frame comes any more; legal before the first was wanted. */
void feed_stop(struct feed *f);

#endif
