/*
 * test_video_in.c: films and pictures made here with FFmpeg's encoders come back frame by frame,
 * upright and in time, also through pipes; what is damaged, too large, or no film is told.
 */
#include "tests/check.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/png_out.h"
#include "nn/video_in.h"
#include "tests/film_make.h"

static char folder[] = "/tmp/obscura-test-XXXXXX";

static const char *place(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void put(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

/* Corners of four grey levels, clockwise from the top left: 40, 100, 160, 220; less 1 a frame. */
static uint8_t corners(const struct film_plan *f, unsigned frame, int x, int y)
{
    int right = x >= f->w / 2, below = y >= f->h / 2;
    return (uint8_t)(40 + 60 * (below ? 3 - right : right) - (int)(frame % 30));
}

/* The corner level (0 to 3) in a corner of a picture, clockwise from the top left; -1: none. */
static int corner_of(const struct picture *p, unsigned which, unsigned frame)
{
    uint32_t x = which == 1 || which == 2 ? p->w * 3 / 4 : p->w / 4;
    uint32_t y = which >= 2 ? p->h * 3 / 4 : p->h / 4;
    const uint8_t *v = p->rgb + ((size_t)y * p->w + x) * 3;
    int level = v[0] - 40 + (int)(frame % 30), k = (level + 30) / 60;
    if (abs(v[0] - v[1]) > 3 || abs(v[1] - v[2]) > 3 || abs(level - 60 * k) > 8)
        return -1;
    return k;
}

/* Reads a film whole; its frames must have this size and the corners in this order. How far it is,
 * said in the end, is at least `part`. */
static void expect_part(const char *path, uint32_t w, uint32_t h, unsigned n, const int order[4],
                        double part)
{
    struct picture p = { 0 };
    struct video_frame f;
    struct err e = { 0 };
    int got = 1;
    unsigned k = 0;
    struct video_in *v = video_in_open(path, &e);
    CHECK(v != NULL);
    for (; v != NULL && video_in_next(v, &p, &f, &got, &e) == 0 && got; k++) {
        CHECK_EQ(f.index, k);
        CHECK_EQ(p.w, w);
        CHECK_EQ(p.h, h);
        for (unsigned i = 0; i < 4; i++)
            CHECK_EQ(corner_of(&p, i, k), order[i]);
    }
    CHECK_EQ(k, n);
    CHECK(v != NULL && video_in_whole(v, &e) == 0 && video_in_part(v) >= part);
    if (e.code != 0)
        fprintf(stderr, "%s\n", e.text);
    video_in_close(v);
    picture_fini(&p);
}

static void expect(const char *path, uint32_t w, uint32_t h, unsigned n, const int order[4])
{
    expect_part(path, w, h, n, order, 0.9);
}

static const int plain[4] = { 0, 1, 2, 3 };

static void films_of_all_kinds(void)
{
    static const char *const names[] = { "a.mp4", "a.mkv", "a.avi", "a.mov", "a.ts" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct film_plan f = { place(names[k]), 96, 64, 25, NULL, NULL, corners };
        film_make(&f);
        expect(f.path, 96, 64, 25, plain);
    }
}

static void large_films(void)
{
    struct film_plan f = { place("4k.mp4"), 3840, 2160, 2, NULL, NULL, corners };
    film_make(&f);
    expect(f.path, 3840, 2160, 2, plain);
}

enum { ONE = 1 << 16 };

/* The matrix of ISO 14496-12: (x, y) goes to (a x + c y, b x + d y). */
static void turned(const char *name, int a, int b, int c, int d, const int order[4])
{
    const int32_t matrix[9] = { a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30 };
    struct film_plan f = { place(name), 96, 64, 3, NULL, matrix, corners };
    film_make(&f);
    if (a == 0)
        expect(f.path, 64, 96, 3, order);
    else
        expect(f.path, 96, 64, 3, order);
}

static void films_are_upright(void)
{
    turned("t90.mp4", 0, 1, -1, 0, (const int[4]){ 3, 0, 1, 2 });
    turned("t180.mp4", -1, 0, 0, -1, (const int[4]){ 2, 3, 0, 1 });
    turned("t270.mp4", 0, -1, 1, 0, (const int[4]){ 1, 2, 3, 0 });
    turned("mirror.mp4", -1, 0, 0, 1, (const int[4]){ 1, 0, 3, 2 });
    turned("upside.mp4", 1, 0, 0, -1, (const int[4]){ 3, 2, 1, 0 });
    turned("across.mp4", 0, 1, 1, 0, (const int[4]){ 0, 3, 2, 1 });
    turned("anti.mp4", 0, -1, -1, 0, (const int[4]){ 2, 1, 0, 3 });
}

static void times_of_a_variable_rate(void)
{
    static const int64_t pts[] = { 0, 1, 5, 6, 20, 21 };
    struct film_plan f = { place("vfr.mkv"), 64, 64, 6, pts, NULL, corners };
    struct picture p = { 0 };
    struct video_frame at;
    int got = 1;
    film_make(&f);
    struct video_in *v = video_in_open(f.path, NULL);
    CHECK(v != NULL);
    for (unsigned k = 0; v != NULL && k < 6; k++) {
        int skip = k % 2;       /* frames that are passed over count too */
        CHECK_EQ(video_in_next(v, skip ? NULL : &p, &at, &got, NULL), 0);
        CHECK(got && at.index == k && fabs(at.seconds - (double)pts[k] / 10) < 0.002);
        if (!skip)
            CHECK_EQ(corner_of(&p, 2, k), 2);
    }
    CHECK(v != NULL && video_in_next(v, &p, &at, &got, NULL) == 0 && !got);
    CHECK(v != NULL && video_in_next(v, &p, &at, &got, NULL) == 0 && !got);
    video_in_close(v);
    picture_fini(&p);
}

/* ---- pictures ---- */

static void same_picture(const uint8_t *bytes, size_t n, const struct picture *want)
{
    struct picture p = { 0 };
    struct video_frame f;
    struct err e = { 0 };
    int got = 0;
    struct video_in *v = video_in_open_bytes(bytes, n, "picture", &e);
    CHECK(v != NULL && video_in_next(v, &p, &f, &got, &e) == 0 && got);
    CHECK(p.w == want->w && p.h == want->h
        && memcmp(p.rgb, want->rgb, (size_t)p.w * p.h * 3) == 0);
    CHECK(v != NULL && video_in_next(v, &p, &f, &got, &e) == 0 && !got);
    CHECK(v != NULL && video_in_whole(v, &e) == 0);
    video_in_close(v);
    picture_fini(&p);
}

static void pictures_to_the_bit(void)
{
    struct picture p = { 0 };
    uint64_t seed = 5;
    size_t n;
    uint8_t ppm[13 + 31 * 23 * 3];
    CHECK_EQ(picture_init(&p, 31, 23, NULL), 0);
    for (size_t k = 0; k < 31 * 23 * 3; k++)
        p.rgb[k] = (uint8_t)check_random(&seed);
    memcpy(ppm, "P6\n31 23\n255\n", 13);
    memcpy(ppm + 13, p.rgb, 31 * 23 * 3);
    same_picture(ppm, sizeof ppm, &p);
    uint8_t *png = png_bytes(&p, &n, NULL);
    CHECK(png != NULL && memcmp(png, "\x89PNG", 4) == 0);
    if (png != NULL)
        same_picture(png, n, &p);
    mem_free(png);
    picture_fini(&p);
}

/* ---- what is refused ---- */

/* Cannot be opened, or not one frame, or not whole: one line that names the file and has the words.
 * Returns the frames that came. */
static unsigned refused(const char *path, const char *words)
{
    struct picture p = { 0 };
    struct video_frame f;
    struct err e = { 0 };
    int got = 1;
    unsigned n = 0;
    struct video_in *v = video_in_open(path, &e);
    while (v != NULL && video_in_next(v, &p, &f, &got, &e) == 0 && got)
        n++;
    if (v != NULL && e.code == 0)
        video_in_whole(v, &e);
    CHECK_EQ(e.code, ERR_INPUT);
    CHECK(strstr(e.text, path) != NULL && strstr(e.text, words) != NULL
        && strchr(e.text, '\n') == NULL);
    if (strstr(e.text, words) == NULL)
        fprintf(stderr, "%s\n", e.text);
    video_in_close(v);
    picture_fini(&p);
    return n;
}

static void cut_short(const char *name, unsigned percent)
{
    struct stat st;
    struct film_plan f = { place(name), 96, 64, 25, NULL, NULL, corners };
    film_make(&f);
    CHECK_EQ(stat(f.path, &st), 0);
    CHECK_EQ(truncate(f.path, st.st_size * percent / 100), 0);
    CHECK(refused(f.path, "complete") < 25);
}

static void truncated_films(void)
{
    cut_short("cut.mp4", 50);       /* its index is at the end */
    cut_short("cut.avi", 60);
    cut_short("cut.mov", 95);
}

static void no_films(void)
{
    static const struct { const char *name, *text, *words; } files[] = {
        { "empty.mp4", "", "empty" },
        { "words.mp4", "This is no film, however long one looks at it.\n", "no film" },
        { "list.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n"
            "#EXT-X-ENDLIST\n", "no film" },
        { "list.ffconcat", "ffconcat version 1.0\nfile a.mp4\n", "no film" },
        { "list.txt", "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "no film" },
        { "list.mpd", "<?xml version=\"1.0\"?><MPD type=\"static\"></MPD>", "no film" },
        { "huge.ppm", "P6\n20000 20000\n255\n0123456789", "no size" },
        { "wide.ppm", "P6\n8200 2\n255\n0123456789", "8200 x 2" },
        { "short.ppm", "P6\n40 40\n255\n0123456789", "complete" },
    };
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        put(place(files[k].name), files[k].text, strlen(files[k].text));
        CHECK_EQ(refused(place(files[k].name), files[k].words), 0);
    }
    CHECK_EQ(refused(place("nowhere.mp4"), "No such file"), 0);
    CHECK_EQ(refused(folder, "regular file"), 0);
}

/* A film whose bytes are changed at random is read or refused, and that is all. */
static void damaged_films(void)
{
    struct film_plan f = { place("whole.mkv"), 96, 64, 12, NULL, NULL, corners };
    uint8_t bytes[200000];
    uint64_t seed = 11;
    film_make(&f);
    FILE *file = fopen(f.path, "rb");
    size_t n = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    CHECK(n > 1000 && n < sizeof bytes);
    fclose(file);
    for (unsigned k = 0; k < 60; k++) {
        struct picture p = { 0 };
        struct video_frame at;
        struct err e = { 0 };
        int got = 1;
        size_t place_of = check_random(&seed) % n;
        uint8_t was = bytes[place_of];
        bytes[place_of] = (uint8_t)check_random(&seed);
        struct video_in *v = video_in_open_bytes(bytes, n, "x", &e);
        while (v != NULL && video_in_next(v, &p, &at, &got, &e) == 0 && got)
            continue;
        CHECK(v != NULL || (e.code == ERR_INPUT && strchr(e.text, '\n') == NULL));
        video_in_close(v);
        picture_fini(&p);
        bytes[place_of] = was;
    }
}

/* ---- pipes ---- */

/* A child that makes the film into a pipe, or, if `from` is a file, copies that. */
static pid_t pour(const struct film_plan *f, const char *from)
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    check_bad = 0;
    if (from == NULL) {
        film_make(f);
        _exit(check_bad != 0);
    }
    char command[600];
    snprintf(command, sizeof command, "exec cat '%s' > '%s'", from, f->path);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(1);
}

static void poured(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* What demuxers do with a pipe depends on where its buffers end: many frames, and few. */
static void films_through_pipes(void)
{
    static const char *const names[] = { "p.mkv", "p.avi", "p.ts", "p.nut" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (unsigned n = 1; n <= 400; n = n == 1 ? 25 : n * 4) {
            struct film_plan f = { place(names[k]), 96, 64, n, NULL, NULL, corners };
            unlink(f.path);
            CHECK_EQ(mkfifo(f.path, 0600), 0);
            pid_t child = pour(&f, NULL);
            expect_part(f.path, 96, 64, n, plain, 0);
            poured(child);
        }
}

/* What does not become small. */
static uint8_t noise(const struct film_plan *f, unsigned frame, int x, int y)
{
    uint64_t seed = ((uint64_t)frame * 4096 + (uint64_t)y) * 4096 + (uint64_t)x;
    (void)f;
    return (uint8_t)check_random(&seed);
}

/* An index at the end cannot be reached, unless all of the film is in the reader's buffers. */
static void pipes_have_no_way_back(void)
{
    struct film_plan f = { place("long.mp4"), 320, 240, 12, NULL, NULL, noise };
    struct film_plan pipe = { place("long.pipe"), 0, 0, 0, NULL, NULL, NULL };
    struct stat st;
    film_make(&f);
    CHECK(stat(f.path, &st) == 0 && st.st_size > 200000);
    CHECK_EQ(mkfifo(pipe.path, 0600), 0);
    pid_t child = pour(&pipe, f.path);
    CHECK_EQ(refused(pipe.path, "from front to back"), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);       /* nobody may have taken its last bytes */
    child = pour(&pipe, "/dev/null");
    CHECK_EQ(refused(pipe.path, "empty"), 0);
    poured(child);
}

static void *stop_soon(void *v)
{
    usleep(200000);
    video_in_stop(v);
    return NULL;
}

/* A writer that never says that it is done, and a reader who has had enough. */
static void a_wait_is_ended(void)
{
    struct film_plan f = { place("open.ts"), 96, 64, 200, NULL, NULL, corners };
    struct film_plan to = { .path = place("open.pipe") };
    struct video_frame at;
    struct err e = { 0 };
    pthread_t stopper;
    int got = 1;
    film_make(&f);
    CHECK_EQ(mkfifo(to.path, 0600), 0);
    int kept = open(to.path, O_RDWR);
    pid_t child = pour(&to, f.path);
    struct video_in *v = video_in_open(to.path, &e);
    CHECK(kept >= 0 && v != NULL);
    CHECK_EQ(pthread_create(&stopper, NULL, stop_soon, v), 0);
    while (v != NULL && got)
        CHECK_EQ(video_in_next(v, NULL, &at, &got, &e), 0);
    CHECK(at.index > 100);
    CHECK(v != NULL && video_in_whole(v, &e) == ERR_INPUT && strstr(e.text, "complete") != NULL);
    CHECK_EQ(pthread_join(stopper, NULL), 0);
    poured(child);
    video_in_close(v);
    close(kept);
}

static void remove_all(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_EQ(system(command), 0);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    CASE(films_of_all_kinds);
    CASE(large_films);
    CASE(films_are_upright);
    CASE(times_of_a_variable_rate);
    CASE(pictures_to_the_bit);
    CASE(truncated_films);
    CASE(no_films);
    CASE(damaged_films);
    CASE(films_through_pipes);
    CASE(pipes_have_no_way_back);
    CASE(a_wait_is_ended);
    remove_all();
    return check_done();
}
