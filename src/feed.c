#include "src/feed.h"

static void fire(struct timer *t)
{
    struct feed *f = (struct feed *)(void *)((char *)t - offsetof(struct feed, timer));
    f->frame(f->ctx, video_frame(f->video, f->next++));
}

void feed_want(struct feed *f)
{
    uint64_t now = f->host->ops->now(f->host);
    if (f->next == f->video->frames)
        return;
    if (f->next == 0)
        f->began = now;
    uint64_t due = f->began + (uint64_t)((f->next + 1) / f->pace * 1e9);
    f->timer.fire = fire;
    f->host->ops->arm(f->host, &f->timer, due > now ? due - now : 0);
}

void feed_stop(struct feed *f)
{
    if (f->timer.fire != NULL)
        f->host->ops->disarm(f->host, &f->timer);
}
