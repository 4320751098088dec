/*
 * face_film.c: films of drawn faces for tests/frames.sh: face_film KIND FILE.
 *
 *   one     a face in a room        two      two faces side by side
 *   none    a room                  large    one, 3840 x 2160
 *   wide    one, 640 x 360, longer  uneven  one, at an uneven rate
 *   sideways one, lying on its side
 *   turned  the same, and the file says how it is to be turned
 */
#include "nn/actor.h"
#include "tests/film_make.h"

enum { W = 320, H = 240, FACE = 180, FRAMES = 6, WIDE_FRAMES = 40, LARGE_W = 3840,
       LARGE_H = 2160, LARGE = 1000 };

static uint8_t faces[2][LARGE * LARGE];
static unsigned drawn;          /* edge of the faces that are there */

static void draw(unsigned edge)
{
    for (int k = 0; k < 2; k++) {
        struct actor *a = actor_new(k == 0 ? 3 : 6, 40 + (uint64_t)k, 30, NULL);
        CHECK(a != NULL && actor_draw(a, 15, faces[k], edge, NULL) == 0);
        actor_free(a);
    }
    drawn = edge;
}

/* Face k at x, y, or a room that grows lighter to the right. */
static uint8_t stage(int x, int y, int left, int top, int k, int w)
{
    int edge = (int)drawn;
    if (x >= left && x < left + edge && y >= top && y < top + edge)
        return faces[k][(y - top) * edge + x - left];
    return (uint8_t)(100 + 60 * x / w);
}

static uint8_t none(const struct film_plan *f, unsigned frame, int x, int y)
{
    (void)frame, (void)y;
    return (uint8_t)(100 + 60 * x / f->w);
}

static uint8_t one(const struct film_plan *f, unsigned frame, int x, int y)
{
    return stage(x, y, (f->w - (int)drawn) / 2 + (int)frame, (f->h - (int)drawn) / 2, 0, f->w);
}

static uint8_t two(const struct film_plan *f, unsigned frame, int x, int y)
{
    int half = f->w / 2, k = x >= half;
    return stage(x - k * half, y, (half - (int)drawn) / 2 + (int)frame, (f->h - (int)drawn) / 2, k,
        half);
}

/* Upright when it is turned by a quarter clockwise. */
static uint8_t sideways(const struct film_plan *f, unsigned frame, int x, int y)
{
    struct film_plan upright = { .w = f->h, .h = f->w };
    return one(&upright, frame, f->h - 1 - y, x);
}

int main(int argc, char **argv)
{
    static const int64_t uneven[FRAMES] = { 0, 1, 5, 6, 20, 21 };
    static const int32_t quarter[9] = { 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30 };
    if (argc != 3)
        return 2;
    const char *kind = argv[1];
    struct film_plan f = { argv[2], W, H, FRAMES, NULL, NULL, one };
    int large = strcmp(kind, "large") == 0, lies = strcmp(kind, "sideways") == 0;
    draw(large ? LARGE : FACE);
    if (large)
        f = (struct film_plan){ argv[2], LARGE_W, LARGE_H, 2, NULL, NULL, one };
    else if (strcmp(kind, "wide") == 0)
        f = (struct film_plan){ argv[2], 640, 360, WIDE_FRAMES, NULL, NULL, one };
    else if (strcmp(kind, "two") == 0)
        f = (struct film_plan){ argv[2], 2 * W, H, FRAMES, NULL, NULL, two };
    else if (strcmp(kind, "none") == 0)
        f.grey = none;
    else if (strcmp(kind, "uneven") == 0)
        f.pts = uneven;
    else if (lies || strcmp(kind, "turned") == 0)
        f = (struct film_plan){ argv[2], H, W, FRAMES, NULL, lies ? NULL : quarter, sideways };
    film_make(&f);
    return check_bad != 0;
}
