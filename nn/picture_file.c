#include "nn/picture_file.h"

#include <libswscale/swscale.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/video_in.h"

struct picture_reader {
    uint32_t h, w;
    struct picture picture;
    uint8_t *level;             /* of the whole picture, grown as needed */
    size_t room;
    struct SwsContext *scaler;
};

struct picture_reader *picture_reader_new(uint32_t h, uint32_t w, struct err *e)
{
    struct picture_reader *r = mem_new(1, sizeof *r);
    if (r == NULL)
        err_set(e, ERR_FAILED, "no memory to read pictures");
    else
        *r = (struct picture_reader){ .h = h, .w = w };
    return r;
}

void picture_reader_free(struct picture_reader *r)
{
    if (r == NULL)
        return;
    picture_fini(&r->picture);
    mem_free(r->level);
    sws_freeContext(r->scaler);
    mem_free(r);
}

static int is_picture(const uint8_t *p, size_t n)
{
    return (n >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) ||
           (n >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0);
}

/* The file's first frame into r->picture; cameras append smaller ones. */
static int decode(struct picture_reader *r, const uint8_t *p, size_t n, const char *name,
                  struct err *e)
{
    struct video_frame at;
    int got = 0;
    struct video_in *v = video_in_open_bytes(p, n, name, e);
    if (v == NULL)
        return e->code;
    int code = video_in_next(v, &r->picture, &at, &got, e);
    if (code == 0)
        code = video_in_whole(v, e);
    video_in_close(v);
    return code;
}

static int level_room(struct picture_reader *r, size_t n, const char *name, struct err *e)
{
    if (n <= r->room)
        return 0;
    mem_free(r->level);
    r->level = mem_new(n, 1);
    r->room = r->level == NULL ? 0 : n;
    return r->level != NULL ? 0 : err_set(e, ERR_FAILED, "%s: no memory to read it", name);
}

static int scale(struct picture_reader *r, uint8_t *grey, const char *name, struct err *e)
{
    const struct picture *p = &r->picture;
    if (level_room(r, (size_t)p->w * p->h, name, e) != 0)
        return e->code;
    picture_grey(r->level, p);
    r->scaler = sws_getCachedContext(r->scaler, (int)p->w, (int)p->h, AV_PIX_FMT_GRAY8, (int)r->w,
                                     (int)r->h, AV_PIX_FMT_GRAY8, SWS_BICUBIC | SWS_ACCURATE_RND,
                                     NULL, NULL, NULL);
    if (r->scaler == NULL)
        return err_set(e, ERR_INPUT, "%s: %u x %u cannot be scaled", name, p->w, p->h);
    const uint8_t *from[4] = { r->level };
    uint8_t *to[4] = { grey };
    int done = sws_scale(r->scaler, from, (int[4]){ (int)p->w }, 0, (int)p->h, to,
                         (int[4]){ (int)r->w });
    return done == (int)r->h ? 0 : err_set(e, ERR_INPUT, "%s: scaling it failed", name);
}

int picture_read(struct picture_reader *r, uint8_t *grey, const uint8_t *p, size_t n,
                 const char *name, struct err *e)
{
    if (!is_picture(p, n))
        return err_set(e, ERR_INPUT, "%s: no PNG or JPEG picture (%zu bytes)", name, n);
    if (decode(r, p, n, name, e) != 0)
        return e->code;
    if (r->picture.w != r->w || r->picture.h != r->h)
        return scale(r, grey, name, e);
    picture_grey(grey, &r->picture);
    return 0;
}
