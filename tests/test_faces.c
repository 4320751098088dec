/*
 * test_faces.c: from frames to face crops: turning and cropping against direct formulas, aligning
 * and extracting with a detector that is told what to see, the compact form, the contact sheet.
 */
#include "tests/check.h"

#include <math.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/clip_file.h"
#include "nn/extract.h"
#include "nn/font.h"
#include "nn/sheet.h"
#include "nn/video_out.h"

static uint64_t seed = 7;

static struct picture random_picture(uint32_t w, uint32_t h)
{
    struct picture p = { 0 };
    CHECK_EQ(picture_init(&p, w, h, NULL), 0);
    for (size_t k = 0; k < (size_t)w * h * 3; k++)
        p.rgb[k] = (uint8_t)check_random(&seed);
    return p;
}

static const uint8_t *pixel(const struct picture *p, uint32_t x, uint32_t y)
{
    return p->rgb + ((size_t)y * p->w + x) * 3;
}

/* ---- geometry ---- */

/* Bilinear with black outside, as a sum of triangles over all pixels. */
static double triangle_point(const struct picture *p, double x, double y, unsigned c)
{
    double sum = 0;
    for (uint32_t i = 0; i < p->h; i++)
        for (uint32_t j = 0; j < p->w; j++)
            sum += fmax(0, 1 - fabs(x - j)) * fmax(0, 1 - fabs(y - i)) * pixel(p, j, i)[c];
    return sum;
}

static void levelling(void)
{
    struct picture p = random_picture(23, 17), out = { 0 };
    for (double t = -0.7; t < 0.8; t += 0.35) {
        CHECK_EQ(picture_level(&out, &p, t, NULL), 0);
        for (uint32_t y = 0; y < p.h; y++)
            for (uint32_t x = 0; x < p.w; x++) {
                double dx = x - 11.5, dy = y - 8.5;
                double want = triangle_point(&p, 11.5 + cos(t) * dx - sin(t) * dy,
                    8.5 + sin(t) * dx + cos(t) * dy, 1);
                CHECK(fabs(pixel(&out, x, y)[1] - want) <= 0.5001);
            }
        double eye[2][2] = { { 3, 4 }, { 3 + 10 * cos(t), 4 + 10 * sin(t) } }, to[2][2];
        picture_level_point(to[0], eye[0], &p, t);
        picture_level_point(to[1], eye[1], &p, t);
        CHECK(fabs(to[0][1] - to[1][1]) < 1e-9 && fabs(to[1][0] - to[0][0] - 10) < 1e-9);
    }
    picture_fini(&p);
    picture_fini(&out);
}

/* Keys' kernel with a = -0.75, as a function of distance. */
static double keys(double d)
{
    d = fabs(d);
    return d < 1 ? 1.25 * d * d * d - 2.25 * d * d + 1
        : d < 2 ? -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3 : 0;
}

/* A crop's pixel: the kernel over pixels whose indices stop at the crop's edges. */
static double crop_point(const struct picture *p, const uint32_t box[4], unsigned edge, unsigned x,
    unsigned y)
{
    double at_x = (x + 0.5) * (box[2] - box[0]) / edge - 0.5, sum[3] = { 0 };
    double at_y = (y + 0.5) * (box[3] - box[1]) / edge - 0.5;
    for (int i = (int)floor(at_y) - 3; i <= floor(at_y) + 3; i++)
        for (int j = (int)floor(at_x) - 3; j <= floor(at_x) + 3; j++) {
            int cx = (int)fmin(fmax(j, 0), box[2] - box[0] - 1.0);
            int cy = (int)fmin(fmax(i, 0), box[3] - box[1] - 1.0);
            for (unsigned c = 0; c < 3; c++)
                sum[c] += keys(at_x - j) * keys(at_y - i)
                    * pixel(p, box[0] + (uint32_t)cx, box[1] + (uint32_t)cy)[c];
        }
    for (unsigned c = 0; c < 3; c++)
        sum[c] = fmin(fmax(rint(sum[c]), 0), 255);
    return 0.299 * sum[0] + 0.587 * sum[1] + 0.114 * sum[2];
}

static void cropping(void)
{
    static const uint32_t boxes[][4] = { { 0, 0, 90, 70 }, { 10, 20, 58, 68 }, { 3, 5, 15, 13 },
        { 89, 69, 90, 70 } };
    struct picture p = random_picture(90, 70);
    uint8_t grey[48 * 48], all[90 * 70];
    for (size_t k = 0; k < sizeof boxes / sizeof *boxes; k++) {
        const uint32_t *b = boxes[k];
        picture_crop_grey(grey, 48, &p, b[0], b[1], b[2], b[3]);
        for (unsigned i = 0; i < 48 * 48; i++)
            CHECK(fabs(grey[i] - crop_point(&p, b, 48, i % 48, i / 48)) < 0.51);
    }
    picture_grey(all, &p);      /* the second box is 48 x 48: its crop is the picture itself */
    picture_crop_grey(grey, 48, &p, 10, 20, 58, 68);
    for (unsigned i = 0; i < 48 * 48; i++)
        CHECK_EQ(grey[i], all[(20 + i / 48) * 90 + 10 + i % 48]);
    picture_fini(&p);
}

/* Where the top left pixel and its right neighbour go. */
static void turning(void)
{
    static const struct { unsigned quarters; int mirror; uint32_t a[2], b[2]; } turns[] = {
        { 0, 0, { 0, 0 }, { 1, 0 } }, { 1, 0, { 3, 0 }, { 3, 1 } },
        { 2, 0, { 6, 3 }, { 5, 3 } }, { 3, 0, { 0, 6 }, { 0, 5 } },
        { 0, 1, { 6, 0 }, { 5, 0 } }, { 1, 1, { 3, 6 }, { 3, 5 } },
        { 2, 1, { 0, 3 }, { 1, 3 } }, { 3, 1, { 0, 0 }, { 0, 1 } },
    };
    struct picture p = random_picture(7, 4), out = { 0 };
    for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
        CHECK_EQ(picture_turn(&out, &p, turns[k].quarters, turns[k].mirror, NULL), 0);
        CHECK(out.w == (turns[k].quarters % 2 ? 4 : 7) && out.h == (turns[k].quarters % 2 ? 7 : 4));
        CHECK(memcmp(pixel(&out, turns[k].a[0], turns[k].a[1]), pixel(&p, 0, 0), 3) == 0);
        CHECK(memcmp(pixel(&out, turns[k].b[0], turns[k].b[1]), pixel(&p, 1, 0), 3) == 0);
    }
    struct err e = { 0 };
    CHECK_EQ(picture_init(&p, 0, 5, &e), ERR_INPUT);
    CHECK_EQ(picture_init(&p, 8193, 5, &e), ERR_INPUT);
    picture_fini(&p);
    picture_fini(&out);
}

/* ---- a detector that sees what it is told ---- */

struct puppet {
    struct detector base;
    unsigned runs;
    struct faces see[2];            /* in turn; the second for levelled frames */
    int by_brightness;              /* a frame's first pixel decides instead: above 128, a face */
};

static int puppet_run(struct detector *d, const struct picture *p, struct faces *out, struct err *e)
{
    struct puppet *s = (struct puppet *)(void *)d;
    (void)e;
    *out = s->see[s->by_brightness ? 0 : s->runs % 2];
    if (s->by_brightness && p->rgb[0] < 128)
        out->n = 0;
    s->runs++;
    return 0;
}

static void puppet_close(struct detector *d)
{
    (void)d;
}

static const struct detector_ops puppet_ops = { "puppet", puppet_run, puppet_close };

static struct face face(double x, double y, double w, double h, double confidence, double tilt)
{
    struct face f = { x, y, x + w, y + h, confidence, 2, { { x + w / 3, y + h / 3 } } };
    f.mark[MARK_RIGHT_EYE][0] = f.mark[MARK_LEFT_EYE][0] + w / 3 * cos(tilt);
    f.mark[MARK_RIGHT_EYE][1] = f.mark[MARK_LEFT_EYE][1] + w / 3 * sin(tilt);
    return f;
}

static struct aligned align(struct puppet *s, const struct picture *p)
{
    struct aligned a;
    struct picture turned = { 0 };
    s->base.ops = &puppet_ops;
    CHECK_EQ(align_frame(&a, &s->base, p, 0.98, &turned, NULL), 0);
    picture_fini(&turned);
    return a;
}

/* The largest face that counts is taken; its box in the levelled frame is what is cut out. */
static void the_largest_is_taken(void)
{
    const double tilt = 0.2;
    struct picture p = random_picture(100, 80), turned = { 0 };
    struct puppet s = { .see = { { 4, { face(5, 5, 70, 60, 0.97, 0), face(10, 10, 20, 20, 0.999, 0),
        face(30, 20, 40, 40, 0.99, tilt), face(60, 50, 10, 10, 1, 0) } } } };
    double middle[2] = { 50, 40 }, at[2];
    uint8_t crop[ALIGN_PIXELS];
    picture_level_point(at, middle, &p, tilt);
    s.see[1] = (struct faces){ 2, { face(0, 0, 20, 20, 1, 0),
        face(floor(at[0]) - 15, floor(at[1]) - 15, 30.3, 29.6, 0.995, 0) } };
    struct aligned a = align(&s, &p);
    CHECK_EQ(a.verdict, ALIGN_TAKEN);
    CHECK(a.faces == 3 && a.confidence == 0.99 && fabs(a.radians - tilt) < 1e-9);
    CHECK(a.face.x1 == 30 && s.runs == 2);
    uint32_t x = (uint32_t)floor(at[0]) - 15, y = (uint32_t)floor(at[1]) - 15;
    picture_level(&turned, &p, tilt, NULL);
    picture_crop_grey(crop, ALIGN_EDGE, &turned, x, y, x + 30, y + 30);
    CHECK(memcmp(crop, a.crop, sizeof crop) == 0);
    picture_fini(&p);
    picture_fini(&turned);
}

static void verdicts(void)
{
    struct picture p = random_picture(60, 60);
    struct puppet none = { .runs = 0 };
    CHECK_EQ(align(&none, &p).verdict, ALIGN_NO_FACE);
    struct puppet doubt = { .see = { { 2, { face(1, 1, 30, 30, 0.98, 0), face(5, 5, 9, 9, 0.5, 0)
        } } } };
    struct aligned a = align(&doubt, &p);
    CHECK(a.verdict == ALIGN_DOUBTFUL && a.confidence == 0.98 && a.faces == 0);
    struct puppet lost = { .see = { { 1, { face(10, 10, 30, 30, 0.99, 0.1) } },
        { 1, { face(10, 10, 30, 30, 0.85, 0) } } } };
    a = align(&lost, &p);       /* that it is a face was known */
    CHECK(a.verdict == ALIGN_TAKEN && a.confidence == 0.99);
    lost.see[1].n = 0;
    CHECK_EQ(align(&lost, &p).verdict, ALIGN_LOST);
    lost.see[1] = (struct faces){ 1, { face(40, 40, 15, 15, 1, 0) } };
    CHECK_EQ(align(&lost, &p).verdict, ALIGN_LOST);
    struct puppet blind = { .see = { { 1, { face(50, 55, 30, 30, 0.99, 0) } } } };
    blind.see[0].face[0].marks = 0;         /* over the edge, and without eyes */
    a = align(&blind, &p);
    CHECK(a.verdict == ALIGN_TAKEN && blind.runs == 1 && a.radians == 0);
    CHECK(strcmp(align_word(ALIGN_LOST), "lost") == 0);
    picture_fini(&p);
}

/* ---- a film ---- */

static char folder[] = "/tmp/obscura-test-XXXXXX";

/* Frames that are bright where the bit of `mask` is set. */
static void make_film(const char *path, unsigned n, unsigned mask)
{
    static uint8_t grey[64 * 64];
    struct video_out *v = video_out_new(path, 64, 64, 30, NULL);
    CHECK(v != NULL);
    for (unsigned k = 0; v != NULL && k < n; k++) {
        memset(grey, mask >> k & 1 ? 200 : 40, sizeof grey);
        CHECK_EQ(video_out_add(v, grey, NULL), 0);
    }
    CHECK(v != NULL && video_out_finish(v, NULL) == 0);
    video_out_free(v);
}

static int extract_film(struct extract *x, const char *path, unsigned every, struct sheet *sheet,
    struct err *e);

static void on_look(void *ctx, const struct picture *p, const struct extract_frame *f,
    const uint8_t *crop)
{
    if (ctx != NULL)
        sheet_add(ctx, p, f, crop);
}

static int extract_film(struct extract *x, const char *path, unsigned every, struct sheet *sheet,
    struct err *e)
{
    struct puppet s = { .base = { &puppet_ops }, .by_brightness = 1,
        .see = { { 1, { face(20, 20, 20, 20, 1, 0) } } } };
    struct extract_options o = { .detector = &s.base, .every = every, .least = 0.98, .ctx = sheet,
        .look = on_look };
    struct video_in *v = video_in_open(path, e);
    int code = v != NULL ? extract_run(x, v, &o, e) : e->code;
    video_in_close(v);
    return code;
}

static void films(void)
{
    char path[200];
    struct extract x;
    struct video v;
    struct err e = { 0 };
    snprintf(path, sizeof path, "%s/film.mp4", folder);
    make_film(path, 12, 0x6d6);         /* frames 1 2 4 6 7 9 10 are bright */
    CHECK_EQ(extract_film(&x, path, 1, NULL, &e), 0);
    CHECK(x.decoded == 12 && x.n == 12 && x.taken == 7 && x.several == 0);
    CHECK(x.frame[0].verdict == ALIGN_NO_FACE && x.frame[1].verdict == ALIGN_TAKEN);
    CHECK(fabs(x.frame[6].at.seconds - 0.2) < 1e-3 && x.frame[6].box[2] == 20);
    CHECK(extract_video(&v, &x, 0, &e) == 0 && v.frames == 7 && v.h == 48);
    video_fini(&v);
    CHECK(extract_video(&v, &x, 1, &e) == 0 && v.frames == 12);
    for (unsigned k = 0; k < 12; k++)
        CHECK(fabs(video_frame(&v, k)[0] * 255 - 200) < 6);
    video_fini(&v);
    extract_fini(&x);
    CHECK_EQ(extract_film(&x, path, 3, NULL, &e), 0);       /* 0 3 6 9 */
    CHECK(x.n == 4 && x.decoded == 12 && x.frame[3].at.index == 9 && x.taken == 2);
    extract_fini(&x);
    make_film(path, 3, 0);
    CHECK_EQ(extract_film(&x, path, 1, NULL, &e), 0);
    CHECK_EQ(extract_video(&v, &x, 1, &e), ERR_INPUT);
    extract_fini(&x);
    unlink(path);
}

/* A crop of frame k is filled with k, so that it can be told which stands in. */
static void filling(void)
{
    static const char pattern[] = ".x..x....x.";
    struct extract x = { .n = sizeof pattern - 1, .taken = 3 };
    static const unsigned stands_in[] = { 1, 1, 1, 1, 4, 4, 4, 4, 4, 9, 9 };
    struct video v;
    x.frame = mem_new(x.n, sizeof *x.frame);
    x.crop = mem_new(x.n, ALIGN_PIXELS);
    x.room = x.n;
    for (unsigned k = 0; k < x.n; k++) {
        x.frame[k].verdict = pattern[k] == 'x' ? ALIGN_TAKEN : ALIGN_LOST;
        memset(x.crop + (size_t)k * ALIGN_PIXELS, (int)k, ALIGN_PIXELS);
    }
    CHECK_EQ(extract_video(&v, &x, 1, NULL), 0);
    for (unsigned k = 0; k < x.n; k++)
        CHECK(video_frame(&v, k)[5] == stands_in[k] / 255.0);
    video_fini(&v);
    extract_fini(&x);
}

/* ---- the sheet ---- */

static unsigned count_colour(const struct picture *p, const uint8_t colour[3])
{
    unsigned n = 0;
    for (size_t k = 0; k < (size_t)p->w * p->h; k++)
        n += memcmp(p->rgb + 3 * k, colour, 3) == 0;
    return n;
}

static void sheets(void)
{
    static const uint8_t green[3] = { 96, 220, 96 }, red[3] = { 255, 96, 80 };
    char path[200];
    struct extract x;
    struct picture out = { 0 };
    struct err e = { 0 };
    struct sheet *s = sheet_new(NULL);
    CHECK_EQ(sheet_picture(s, &out, &e), ERR_INPUT);
    snprintf(path, sizeof path, "%s/film.mp4", folder);
    make_film(path, 7, 0x7f);
    CHECK_EQ(extract_film(&x, path, 1, s, &e), 0);
    extract_fini(&x);
    CHECK_EQ(sheet_picture(s, &out, &e), 0);
    CHECK(out.w > 5 * 200 && out.h > 2 * 100 && out.h < 500);
    CHECK(count_colour(&out, green) > 7 * 150 && count_colour(&out, red) == 0);
    make_film(path, 1, 0);
    CHECK_EQ(extract_film(&x, path, 1, s, &e), 0);
    CHECK_EQ(sheet_picture(s, &out, &e), 0);
    CHECK(count_colour(&out, red) > 20);
    extract_fini(&x);
    sheet_free(s);
    picture_fini(&out);
    unlink(path);
}

static void long_sheets(void)
{
    struct picture p = random_picture(40, 90), out = { 0 };
    struct extract_frame f = { .verdict = ALIGN_TAKEN, .confidence = 1, .box = { -5, -5, 60, 60 } };
    uint8_t crop[ALIGN_PIXELS] = { 0 };
    struct sheet *s = sheet_new(NULL);
    for (f.at.index = 0; f.at.index < 1700; f.at.index++)
        sheet_add(s, &p, &f, crop);
    CHECK_EQ(sheet_picture(s, &out, NULL), 0);
    CHECK(out.h <= PICTURE_EDGE_MAX && out.w <= PICTURE_EDGE_MAX);
    sheet_free(s);
    picture_fini(&p);
    picture_fini(&out);
}

/* A letter that is known: the T is a bar and a stem; and nothing is written outside. */
static void letters(void)
{
    static const uint8_t white[3] = { 255, 255, 255 };
    struct picture p = { 0 };
    CHECK_EQ(picture_init(&p, 8, 9, NULL), 0);
    font_write(&p, 1, 1, "t", white);
    for (uint32_t y = 0; y < 9; y++)
        for (uint32_t x = 0; x < 8; x++)
            CHECK_EQ(pixel(&p, x, y)[0] == 255, (y == 1 && x >= 1 && x <= 5)
                || (x == 3 && y >= 1 && y <= 7));
    font_write(&p, 5, 6, "WWW\xff~", white);
    picture_fini(&p);
}

/* ---- the compact form ---- */

static void bad_clip(const uint8_t *p, size_t n, const char *words)
{
    struct video v;
    struct err e = { 0 };
    CHECK_EQ(clip_file_parse(&v, p, n, "a.obc", &e), ERR_INPUT);
    CHECK(strstr(e.text, "a.obc") != NULL && strstr(e.text, words) != NULL && v.value == NULL);
}

static void compact_clips(void)
{
    struct video v, back;
    size_t n;
    CHECK_EQ(video_init(&v, 3, 48, 48, 1, NULL), 0);
    for (size_t k = 0; k < 3 * 48 * 48; k++)
        v.value[k] = (double)(check_random(&seed) % 256) / 255.0;
    uint8_t *p = clip_file_bytes(&v, &n);
    CHECK(p != NULL && n == 8 + 8 + 16 + 3 * 48 * 48 + 32 && memcmp(p, "OBCLIP1\n", 8) == 0);
    CHECK(p[16] == 3 && p[20] == 48 && p[32] == lrint(v.value[0] * 255));
    CHECK_EQ(clip_file_parse(&back, p, n, "x", NULL), 0);
    CHECK(back.frames == 3 && memcmp(back.value, v.value, 3 * 48 * 48 * sizeof(double)) == 0);
    video_fini(&back);
    for (size_t k = 0; k < n; k += k < 40 ? 1 : 577)
        bad_clip(p, k, k < 8 ? "OBCLIP1" : "complete");
    for (size_t k = 0; k < n; k += 311) {
        p[k] ^= 4;
        bad_clip(p, n, "a.obc");
        p[k] ^= 4;
    }
    p[n - 1] ^= 1;
    bad_clip(p, n, "SHA-256");
    mem_free(p);
    video_fini(&v);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    CASE(levelling);
    CASE(cropping);
    CASE(turning);
    CASE(the_largest_is_taken);
    CASE(verdicts);
    CASE(films);
    CASE(filling);
    CASE(sheets);
    CASE(long_sheets);
    CASE(letters);
    CASE(compact_clips);
    rmdir(folder);
    return check_done();
}
