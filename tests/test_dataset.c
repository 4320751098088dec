/* Reading of data sets: each form, and what is refused. Pictures are written by the test itself
 * (PNG from its definition, JPEG by FFmpeg's encoder). */
#include <libavcodec/avcodec.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/acted.h"
#include "nn/actor.h"
#include "nn/dataset.h"
#include "nn/picture_file.h"
#include "tests/check.h"

enum { SIDE = 4, PIXELS = SIDE * SIDE };

static void begin(struct dataset *d, unsigned classes)
{
    struct network net;
    network_init(&net, SIDE, SIDE, 1);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = classes }, NULL);
    snprintf(net.class_name[0], FIXED_NAME, "angry");
    snprintf(net.class_name[1], FIXED_NAME, "happy");
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(dataset_init(d, &net, NULL), 0);
}

static const char row_a[] = "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 255";
static const char row_b[] = "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0";

static int csv(struct dataset *d, const char *text, struct err *e)
{
    begin(d, 3);
    return dataset_csv_parse(d, (const uint8_t *)text, strlen(text), "x.csv", e);
}

static void csv_as_distributed(void)
{
    static const char *const forms[] = {
        "emotion,pixels,Usage\n0,%s,Training\n2,%s,PublicTest\n",
        "emotion,pixels,Usage\r\n0,%s,Training\r\n2,%s,PublicTest\r\n",
        "emotion, Usage, pixels\n0,Training,%s\n2,PublicTest,%s",
        "\xef\xbb\xbf\"emotion\",\"pixels\",\"Usage\"\n\"0\",\"%s\",\"Training\"\n\n"
        "2,%s ,PublicTest\n",
    };
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        struct dataset d;
        struct err e = { 0 };
        char text[400];
        const char *at = strstr(forms[k], "%s");    /* both places, without a variable format */
        const char *second = strstr(at + 2, "%s");
        snprintf(text, sizeof text, "%.*s%s%.*s%s%s", (int)(at - forms[k]), forms[k], row_a,
                 (int)(second - at - 2), at + 2, row_b, second + 2);
        CHECK(dataset_csv_likely((const uint8_t *)text, strlen(text)));
        CHECK_EQ(csv(&d, text, &e), 0);
        CHECK_EQ(d.n, 2);
        CHECK(d.item[0].label == 0 && d.item[0].split == SPLIT_TRAIN);
        CHECK(d.item[1].label == 2 && d.item[1].split == SPLIT_PUBLIC);
        CHECK(dataset_pixels(&d, 0)[15] == 255 && dataset_pixels(&d, 0)[3] == 3);
        CHECK(dataset_pixels(&d, 1)[0] == 15 && dataset_pixels(&d, 1)[15] == 0);
        dataset_fini(&d);
    }
}

static void csv_without_usage(void)
{
    struct dataset d;
    struct err e = { 0 };
    char text[200];
    snprintf(text, sizeof text, "emotion,pixels\n1,%s\n", row_a);
    CHECK_EQ(csv(&d, text, &e), 0);
    CHECK(d.n == 1 && d.item[0].label == 1 && d.item[0].split == SPLIT_TRAIN);
    dataset_fini(&d);
}

static void csv_refused(void)
{
    static const struct { const char *text, *says; } bad[] = {
        { "", "header" },
        { "emotion,pixels,Usage\n", "no pictures" },
        { "emotion,Usage\n0,Training\n", "header" },
        { "emotion,pixels,Usage\n3,0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15,Training\n",
          "x.csv:2: expected the number of a class, found '3'" },
        { "emotion,pixels,Usage\n-1,0,Training\n", "x.csv:2" },
        { "emotion,pixels,Usage\n1x,0,Training\n", "found '1x'" },
        { "emotion,pixels,Usage\n,0,Training\n", "x.csv:2" },
        { "emotion,pixels,Usage\n0,0 1 2,Training\n", "3 pixels; expected 16" },
        { "emotion,pixels,Usage\n0,0 1 256 3,Training\n", "found '256 3'" },
        { "emotion,pixels,Usage\n0,0 1 1000 3,Training\n", "found '1000 3'" },
        { "emotion,pixels,Usage\n0,0 1 -2 3,Training\n", "found '-2 3'" },
        { "emotion,pixels,Usage\n0,0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16,Training\n",
          "more pixels" },
        { "emotion,pixels,Usage\n0,0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15,Train\n",
          "found 'Train'" },
        { "emotion,pixels,Usage\n0\n", "fewer fields" },
        { "emotion,pixels,Usage\n\x01\xff,1,Training\n", "found '?" "?'" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        struct dataset d;
        struct err e = { 0 };
        CHECK_EQ(csv(&d, bad[k].text, &e), ERR_INPUT);
        CHECK(strstr(e.text, bad[k].says) != NULL && strstr(e.text, "x.csv") != NULL);
        dataset_fini(&d);
    }
}

static size_t binary(uint8_t out[static 400], unsigned n)
{
    out[0] = (uint8_t)n;
    out[1] = out[2] = out[3] = 0;
    for (unsigned k = 0; k < n; k++) {
        uint8_t *r = out + 4 + k * (2 + PIXELS);
        r[0] = (uint8_t)(k % 3);
        r[1] = (uint8_t)(k % 3);
        memset(r + 2, (int)(10 * k + 1), PIXELS);
    }
    return 4 + n * (2 + PIXELS);
}

static void binary_form(void)
{
    struct dataset d;
    struct err e = { 0 };
    uint8_t p[400];
    size_t n = binary(p, 7);
    begin(&d, 3);
    CHECK_EQ(dataset_bin_parse(&d, p, n, "x.bin", &e), 0);
    CHECK_EQ(d.n, 7);
    CHECK(d.item[4].label == 1 && d.item[4].split == SPLIT_PUBLIC);
    CHECK_EQ(dataset_pixels(&d, 4)[15], 41);
    CHECK_EQ(dataset_count(&d, SPLIT_PRIVATE), 2);
    dataset_fini(&d);
    for (size_t cut = 0; cut < n; cut++) {
        begin(&d, 3);
        CHECK_EQ(dataset_bin_parse(&d, p, cut, "x.bin", &e), ERR_INPUT);
        CHECK(strstr(e.text, "x.bin") != NULL);
        dataset_fini(&d);
    }
    p[4 + 2 * (2 + PIXELS)] = 3;
    begin(&d, 3);
    CHECK_EQ(dataset_bin_parse(&d, p, n, "x.bin", &e), ERR_INPUT);
    CHECK(strstr(e.text, "record 2: class 3") != NULL);
    dataset_fini(&d);
    p[4 + 2 * (2 + PIXELS)] = 0;
    p[5] = 9;
    begin(&d, 3);
    CHECK_EQ(dataset_bin_parse(&d, p, n, "x.bin", &e), ERR_INPUT);
    CHECK(strstr(e.text, "record 0: split 9") != NULL);
    dataset_fini(&d);
}

/* --- pictures --------------------------------------------------------------------------------- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t k = 0; k < n; k++) {
        c ^= p[k];
        for (int b = 0; b < 8; b++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    }
    return ~c;
}

static uint8_t *big_endian(uint8_t *p, uint32_t v)
{
    for (int k = 3; k >= 0; k--)
        *p++ = (uint8_t)(v >> (8 * k));
    return p;
}

static uint8_t *chunk(uint8_t *p, const char *type, const uint8_t *body, size_t n)
{
    uint8_t *start = big_endian(p, (uint32_t)n);
    memcpy(start, type, 4);
    memcpy(start + 4, body, n);
    return big_endian(start + 4 + n, crc32_of(start, n + 4));
}

/* A PNG of `side` x `side` with `channels` 1 (grey) or 3 (RGB), stored without compression. */
static size_t png(uint8_t *out, unsigned side, unsigned channels, const uint8_t *pixel)
{
    uint8_t head[13] = { 0 }, body[4000] = { 0x78, 0x01, 1 }, *at = body + 7;
    size_t row = (size_t)side * channels, raw = side * (row + 1);
    big_endian(head, side);
    big_endian(head + 4, side);
    head[8] = 8;
    head[9] = channels == 1 ? 0 : 2;
    body[3] = (uint8_t)raw;
    body[4] = (uint8_t)(raw >> 8);
    body[5] = (uint8_t)~body[3];
    body[6] = (uint8_t)~body[4];
    for (unsigned y = 0; y < side; y++, at += row + 1)
        memcpy(at + 1, pixel + y * row, row);
    uint32_t a = 1, b = 0;
    for (uint8_t *q = body + 7; q < at; q++) {
        a = (a + *q) % 65521;
        b = (b + a) % 65521;
    }
    big_endian(at, b << 16 | a);
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    uint8_t *p = chunk(out + 8, "IHDR", head, 13);
    p = chunk(p, "IDAT", body, (size_t)(at + 4 - body));
    return (size_t)(chunk(p, "IEND", body, 0) - out);
}

static void grey_pictures_are_taken_as_they_are(void)
{
    uint8_t file[4000], pixel[PIXELS], grey[PIXELS];
    struct err e = { 0 };
    for (unsigned k = 0; k < PIXELS; k++)
        pixel[k] = (uint8_t)(17 * k);
    struct picture_reader *r = picture_reader_new(SIDE, SIDE, &e);
    for (unsigned turn = 0; turn < 2; turn++) {
        size_t n = png(file, SIDE, 1, pixel);
        CHECK_EQ(picture_read(r, grey, file, n, "x.png", &e), 0);
        CHECK(memcmp(grey, pixel, PIXELS) == 0);
    }
    uint8_t plain[9 * 9];
    for (unsigned level = 0; level < 256; level += 5) {     /* and keep their level when scaled */
        memset(plain, (int)level, sizeof plain);
        CHECK_EQ(picture_read(r, grey, file, png(file, 9, 1, plain), "x.png", &e), 0);
        for (unsigned k = 0; k < PIXELS; k++)
            CHECK(abs((int)grey[k] - (int)level) <= 1);
    }
    picture_reader_free(r);
}

/* Grey is 0.299 R + 0.587 G + 0.114 B; a plain colour stays plain at any size. */
static void colour_becomes_grey(void)
{
    static const uint8_t colours[][3] = { { 255, 255, 255 }, { 0, 0, 0 }, { 200, 30, 90 },
                                          { 20, 220, 40 }, { 10, 60, 250 } };
    uint8_t file[4000], pixel[3 * 18 * 18], grey[PIXELS];
    struct err e = { 0 };
    struct picture_reader *r = picture_reader_new(SIDE, SIDE, &e);
    for (size_t c = 0; c < sizeof colours / sizeof *colours; c++)
        for (unsigned side = 3; side <= 18; side += 5) {
            for (unsigned k = 0; k < side * side; k++)
                memcpy(pixel + 3 * k, colours[c], 3);
            double want = 0.299 * colours[c][0] + 0.587 * colours[c][1] + 0.114 * colours[c][2];
            CHECK_EQ(picture_read(r, grey, file, png(file, side, 3, pixel), "x.png", &e), 0);
            for (unsigned k = 0; k < PIXELS; k++)
                CHECK(fabs(grey[k] - want) <= 2.5);
        }
    picture_reader_free(r);
}

/* A JPEG of 16 x 16 of one level, from FFmpeg's encoder; 0 when there is none. */
static size_t jpeg(uint8_t *out, size_t room, uint8_t level)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *c = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (c == NULL)
        return 0;
    c->width = c->height = 16;
    c->pix_fmt = AV_PIX_FMT_YUVJ444P;
    c->time_base = (AVRational){ 1, 1 };
    AVFrame *f = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    f->width = f->height = 16;
    f->format = c->pix_fmt;
    size_t n = 0;
    if (avcodec_open2(c, codec, NULL) == 0 && av_frame_get_buffer(f, 0) == 0) {
        for (int k = 0; k < 3; k++)
            memset(f->data[k], k == 0 ? level : 128, 16 * (size_t)f->linesize[k]);
        if (avcodec_send_frame(c, f) == 0 && avcodec_receive_packet(c, p) == 0 &&
            (size_t)p->size <= room) {
            n = (size_t)p->size;
            memcpy(out, p->data, n);
        }
    }
    av_packet_free(&p);
    av_frame_free(&f);
    avcodec_free_context(&c);
    return n;
}

static void jpeg_pictures(void)
{
    uint8_t file[8000], grey[PIXELS];
    struct err e = { 0 };
    struct picture_reader *r = picture_reader_new(SIDE, SIDE, &e);
    for (unsigned level = 3; level < 256; level += 60) {
        size_t n = jpeg(file, sizeof file, (uint8_t)level);
        CHECK(n > 0);
        CHECK_EQ(picture_read(r, grey, file, n, "x.jpg", &e), 0);
        for (unsigned k = 0; k < PIXELS; k++)
            CHECK(abs((int)grey[k] - (int)level) <= 3);
    }
    picture_reader_free(r);
}

static void damaged_pictures(void)
{
    uint8_t file[4000], pixel[PIXELS], grey[PIXELS];
    struct err e = { 0 };
    memset(pixel, 99, sizeof pixel);
    size_t n = png(file, SIDE, 1, pixel);
    struct picture_reader *r = picture_reader_new(SIDE, SIDE, &e);
    for (size_t cut = 0; cut < n - 20; cut++)
        CHECK_EQ(picture_read(r, grey, file, cut, "x.png", &e), ERR_INPUT);
    file[16] = 0x7f;                        /* a width of two thousand millions */
    CHECK_EQ(picture_read(r, grey, file, n, "x.png", &e), ERR_INPUT);
    CHECK(strstr(e.text, "x.png") != NULL);
    CHECK_EQ(picture_read(r, grey, (const uint8_t *)"GIF89a", 6, "x.png", &e), ERR_INPUT);
    n = png(file, SIDE, 1, pixel);          /* and the reader still reads */
    CHECK_EQ(picture_read(r, grey, file, n, "x.png", &e), 0);
    picture_reader_free(r);
}

/* --- folders ---------------------------------------------------------------------------------- */

static char top[200];

static const char *path_of(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void put(const char *name, uint8_t level)
{
    uint8_t file[4000], pixel[PIXELS];
    memset(pixel, level, sizeof pixel);
    size_t n = level == 0 ? 0 : png(file, SIDE, 1, pixel);
    FILE *f = fopen(path_of(name), "wb");
    CHECK(f != NULL && fwrite(file, 1, n, f) == n);
    if (f != NULL)
        fclose(f);
}

static void folder(const char *name)
{
    CHECK_EQ(mkdir(path_of(name), 0700), 0);
}

static void clear(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    CHECK_EQ(system(command), 0);
}

static void folders_begin(void)
{
    const char *where = getenv("TMPDIR");
    snprintf(top, sizeof top, "%s/test_dataset.%d", where != NULL ? where : "/tmp", (int)getpid());
    CHECK_EQ(mkdir(top, 0700), 0);
}

static void folders_of_classes(void)
{
    struct dataset d;
    struct err e = { 0 };
    folders_begin();
    folder("happiness");
    folder("2");
    put("happiness/b.png", 20);
    put("happiness/a.PNG", 10);
    put("happiness/.hidden", 0);
    put("2/x.png", 30);
    CHECK(!dataset_films_likely(top));
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), 0);
    CHECK_EQ(d.n, 3);
    CHECK(d.item[0].label == 2 && dataset_pixels(&d, 0)[0] == 30);
    CHECK(d.item[1].label == 1 && dataset_pixels(&d, 1)[0] == 10);
    CHECK(d.item[2].label == 1 && dataset_pixels(&d, 2)[0] == 20 && d.item[2].split == SPLIT_TRAIN);
    dataset_fini(&d);
    put("2/notes.txt", 0);
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), ERR_INPUT);
    CHECK(strstr(e.text, "notes.txt") != NULL);
    dataset_fini(&d);
    CHECK_EQ(unlink(path_of("2/notes.txt")), 0);
    put("2/y.png", 0);
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), ERR_INPUT);
    CHECK(strstr(e.text, "2/y.png") != NULL);
    dataset_fini(&d);
    clear();
}

static void folders_of_splits(void)
{
    static const struct { const char *name; unsigned split; } splits[] = {
        { "train", SPLIT_TRAIN }, { "Validation", SPLIT_HELD }, { "test", SPLIT_PUBLIC },
        { "PrivateTest", SPLIT_PRIVATE },
    };
    struct dataset d;
    struct err e = { 0 };
    folders_begin();
    for (size_t k = 0; k < 4; k++) {
        char name[100];
        folder(splits[k].name);
        snprintf(name, sizeof name, "%s/Angry", splits[k].name);
        folder(name);
        snprintf(name, sizeof name, "%s/Angry/p.png", splits[k].name);
        put(name, (uint8_t)(splits[k].split + 1));
    }
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), 0);
    CHECK_EQ(d.n, 4);
    for (size_t k = 0; k < d.n; k++)
        CHECK(d.item[k].split + 1 == dataset_pixels(&d, k)[0] && d.item[k].label == 0);
    dataset_fini(&d);
    folder("test/confused");
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), ERR_INPUT);
    CHECK(strstr(e.text, "'confused' is no class") != NULL);
    dataset_fini(&d);
    clear();
    folders_begin();
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), ERR_INPUT);
    CHECK(strstr(e.text, "no pictures") != NULL);
    dataset_fini(&d);
    clear();
    begin(&d, 3);
    CHECK_EQ(dataset_read(&d, top, &e), ERR_INPUT);
    CHECK_EQ(dataset_read(&d, "/dev/null", &e), ERR_INPUT);
    dataset_fini(&d);
}

/* --- films ------------------------------------------------------------------------------------ */

/* Stands in for finding faces: two per film, of levels that go up from film to film. */
static int two_faces(void *self, const char *path, uint32_t h, uint32_t w,
                     int (*take)(void *context, const uint8_t *grey, struct err *e), void *context,
                     struct err *e)
{
    uint8_t grey[PIXELS];
    (void)path;
    CHECK(h == SIDE && w == SIDE);
    for (unsigned k = 0; k < 2; k++) {
        memset(grey, *(int *)self + (int)k, PIXELS);
        int code = take(context, grey, e);
        if (code != 0)
            return code;
    }
    ++*(int *)self;
    return 0;
}

static void names_of_films(void)
{
    static const struct { const char *name; int result; unsigned label, actor; } names[] = {
        { "02-01-05-01-01-01-07.mp4", 1, 0, 7 }, { "01-02-03-01-02-01-24.mp4", 1, 1, 24 },
        { "02-01-02-01-01-01-07.mp4", 0, 0, 0 }, { "03-01-03-01-01-01-07.wav", 0, 0, 0 },
        { "02-01-06-01-01-01-07.mp4", -1, 0, 0 }, { "02-01-09-01-01-01-07.mp4", -1, 0, 0 },
        { "02-01-05-01-01-01-00.mp4", -1, 0, 0 }, { "02-01-05-01-01-01.mp4", -1, 0, 0 },
        { "02-01-05-01-01-01-07", -1, 0, 0 }, { "2-01-05-01-01-01-07.mp4", -1, 0, 0 },
        { "", -1, 0, 0 }, { "holiday.mp4", -1, 0, 0 },
    };
    struct dataset d;
    begin(&d, 3);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct dataset_item item = { 0 };
        CHECK_EQ(dataset_ravdess(&d, names[k].name, &item), names[k].result);
        CHECK(names[k].result < 1 ||
              (item.label == names[k].label && item.actor == names[k].actor));
    }
    dataset_fini(&d);
}

static void folders_of_films(void)
{
    struct dataset d;
    struct err e = { 0 };
    int level = 1;
    struct film_reader reader = { two_faces, &level };
    folders_begin();
    folder("Actor_01");
    folder("Actor_02");
    put("Actor_02/02-01-03-01-01-01-02.mp4", 0);
    put("Actor_01/02-01-05-01-01-01-01.mp4", 0);
    put("Actor_01/02-01-02-01-01-01-01.mp4", 0);
    CHECK(dataset_films_likely(top) && dataset_films_likely(path_of("Actor_02")));
    CHECK(!dataset_films_likely(path_of("Actor_03")));
    begin(&d, 3);
    CHECK_EQ(dataset_films_read(&d, top, &reader, &e), 0);
    CHECK_EQ(d.n, 4);
    CHECK(d.item[0].label == 0 && d.item[1].actor == 1 && dataset_pixels(&d, 1)[3] == 2);
    CHECK(d.item[2].label == 1 && d.item[3].actor == 2 && dataset_pixels(&d, 3)[3] == 3);
    dataset_fini(&d);
    put("Actor_01/holiday.mp4", 0);
    begin(&d, 3);
    CHECK_EQ(dataset_films_read(&d, top, &reader, &e), ERR_INPUT);
    CHECK(strstr(e.text, "holiday.mp4") != NULL);
    dataset_fini(&d);
    clear();
}

/* --- holding out ------------------------------------------------------------------------------ */

static void holding_out(void)
{
    struct dataset d, other;
    struct err e = { 0 };
    begin(&d, 3);
    begin(&other, 3);
    for (unsigned k = 0; k < 4000; k++) {
        uint8_t grey[PIXELS];
        memset(grey, (int)(k % 250), PIXELS);       /* copies of each other, and of other actors */
        grey[0] = (uint8_t)(k / 250 % 8);
        struct dataset_item item = { .split = k % 100 == 0 ? SPLIT_PUBLIC : SPLIT_TRAIN };
        item.actor = k >= 2000 ? 1 + k % 40 : DATASET_NOBODY;
        CHECK_EQ(dataset_add(&d, grey, item, &e), 0);
        CHECK_EQ(dataset_add(&other, grey, item, &e), 0);
    }
    CHECK_EQ(dataset_fingerprint(&d), dataset_fingerprint(&other));
    dataset_hold_out(&d, 0.25, 7);
    CHECK(dataset_fingerprint(&d) != dataset_fingerprint(&other));
    dataset_hold_out(&other, 0.25, 7);
    CHECK_EQ(dataset_fingerprint(&d), dataset_fingerprint(&other));
    CHECK_EQ(dataset_count(&d, SPLIT_PUBLIC), 40);
    size_t held = dataset_count(&d, SPLIT_HELD);
    CHECK(held > 500 && held < 1500);
    for (unsigned a = 0; a < 4000; a++)
        for (unsigned b = a + 1; b < 4000; b++) {
            const struct dataset_item *x = &d.item[a], *y = &d.item[b];
            int one = x->actor == y->actor &&
                      (x->actor != DATASET_NOBODY ||
                       memcmp(dataset_pixels(&d, a), dataset_pixels(&d, b), PIXELS) == 0);
            if (one && x->split != SPLIT_PUBLIC && y->split != SPLIT_PUBLIC && x->split != y->split)
                CHECK(0);
        }
    dataset_fini(&d);
    dataset_fini(&other);
}

static void labels_that_do_not_exist(void)
{
    struct dataset d;
    struct err e = { 0 };
    const uint8_t grey[PIXELS] = { 0 };
    begin(&d, 3);
    CHECK_EQ(dataset_add(&d, grey, (struct dataset_item){ .label = 3 }, &e), ERR_INPUT);
    CHECK(dataset_class(&d, "HAPPY") == 1 && dataset_class(&d, "anger") == 0);
    CHECK(dataset_class(&d, "1") == 1 && dataset_class(&d, "3") < 0 && dataset_class(&d, "") < 0);
    dataset_fini(&d);
    struct network net;
    network_init(&net, SIDE, SIDE, 3);
    CHECK_EQ(dataset_init(&d, &net, &e), ERR_INPUT);
}

/* Faces for training and for holding out are different people, and nobody's below ACTED_FREE. */
static void acted_faces(void)
{
    uint8_t a[48 * 48], b[48 * 48];
    struct err e = { 0 };
    CHECK_EQ(acted_draw(a, 48, 1, 3, 0, &e), 0);
    CHECK_EQ(acted_draw(b, 48, 1, 3, 0, &e), 0);
    CHECK(memcmp(a, b, sizeof a) == 0);
    CHECK_EQ(acted_draw(b, 48, 1, 3, 1, &e), 0);
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK_EQ(acted_draw(b, 48, 2, 3, 0, &e), 0);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

int main(void)
{
    CASE(csv_as_distributed);
    CASE(csv_without_usage);
    CASE(csv_refused);
    CASE(binary_form);
    CASE(grey_pictures_are_taken_as_they_are);
    CASE(colour_becomes_grey);
    CASE(jpeg_pictures);
    CASE(damaged_pictures);
    CASE(folders_of_classes);
    CASE(folders_of_splits);
    CASE(names_of_films);
    CASE(folders_of_films);
    CASE(holding_out);
    CASE(labels_that_do_not_exist);
    CASE(acted_faces);
    return check_done();
}
