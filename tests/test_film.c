/*
 * test_film.c: a film as a source of crops, over a loop and workers of its own: the clip is the one
 * that the whole film gives, nothing is decoded before it is wanted, the last crop never comes of a
 * film that is refused, and a film can be closed at any moment.
 *
 * The detector is made here: a frame has a face where its first pixel is bright. It can be told to
 * wait, so that a worker is known to be at it.
 */
#include "tests/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "net/pool.h"
#include "nn/actor.h"
#include "nn/video_out.h"
#include "src/film.h"
#include "tests/film_make.h"

enum { EDGE = 96, MOST = 64 };

static char folder[] = "/tmp/obscura-test-XXXXXX";

static const char *place(const char *name)
{
    static char path[16][256];
    static unsigned turn;
    char *p = path[turn++ % 16];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

/* ---- the detector ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned looks;              /* frames that were looked at */
static unsigned hold_at, held;      /* the look that waits, 0: none; whether one waits */
static int broken;                  /* the detector fails */

static void detector_waits(void)
{
    pthread_mutex_lock(&gate);
    looks++;
    held = looks == hold_at;
    pthread_cond_broadcast(&turned);
    while (held)
        pthread_cond_wait(&turned, &gate);
    pthread_mutex_unlock(&gate);
}

static void hold_look(unsigned at)
{
    pthread_mutex_lock(&gate);
    hold_at = at;
    looks = held = 0;
    pthread_mutex_unlock(&gate);
}

static void await_look(void)
{
    pthread_mutex_lock(&gate);
    while (!held)
        pthread_cond_wait(&turned, &gate);
    pthread_mutex_unlock(&gate);
}

static void *release_look(void *ctx)
{
    usleep(20000);
    pthread_mutex_lock(&gate);
    held = 0;
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&gate);
    return ctx;
}

static int run_bright(struct detector *d, const struct picture *p, struct faces *out, struct err *e)
{
    (void)d;
    *out = (struct faces){ p->rgb[0] > 128, { { 8, 12, EDGE - 8, EDGE - 8, 1, 0, { { 0 } } } } };
    if (p->rgb[3 * (EDGE - 1)] > 128)       /* the last pixel of the row: a smaller face as well */
        out->face[out->n++] = (struct face){ 30, 30, 40, 40, 1, 0, { { 0 } } };
    detector_waits();
    return broken ? err_set(e, ERR_FAILED, "the detector is broken") : 0;
}

static void close_bright(struct detector *d)
{
    mem_free(d);
}

static const struct detector_ops bright = { "bright", run_bright, close_bright };

/* In place of src/faces.c. */
struct detector *faces_detector(const struct faces_wish *w, struct err *e)
{
    struct detector *d = w->detector == NULL ? mem_new(1, sizeof *d) : NULL;
    if (d != NULL)
        d->ops = &bright;
    else
        err_set(e, w->detector == NULL ? ERR_FAILED : ERR_USAGE, "no detector");
    return d;
}

/* ---- films ---- */

/* A drawn face for each letter: in x it is seen, in 2 with another one, in others not. */
static uint8_t drawn[MOST][EDGE * EDGE];

static void draw(const char *faces, unsigned n)
{
    struct actor *a = actor_new(3, 7, n, NULL);
    CHECK(a != NULL);
    for (unsigned k = 0; k < n; k++) {
        uint8_t *grey = drawn[k];
        CHECK_EQ(actor_draw(a, k, grey, EDGE, NULL), 0);
        for (unsigned y = 0; y < 16; y++) {
            memset(grey + y * EDGE, faces[k] != '.' ? 230 : 20, 16);
            memset(grey + y * EDGE + EDGE - 16, faces[k] == '2' ? 230 : 20, 16);
        }
    }
    actor_free(a);
}

static uint8_t drawn_grey(const struct film_plan *f, unsigned frame, int x, int y)
{
    (void)f;
    return drawn[frame][y * EDGE + x];
}

/* MPEG-TS by the tests' own writer: the program's knows it not. */
static const char *make(const char *name, const char *faces)
{
    const char *path = place(name);
    unsigned n = (unsigned)strlen(faces);
    draw(faces, n);
    if (strstr(name, ".ts") != NULL) {
        film_make(&(struct film_plan){ path, EDGE, EDGE, n, NULL, NULL, drawn_grey });
        return path;
    }
    struct video_out *v = video_out_new(path, EDGE, EDGE, 30, NULL);
    CHECK(v != NULL);
    for (unsigned k = 0; k < n; k++)
        CHECK_EQ(video_out_add(v, drawn[k], NULL), 0);
    CHECK_EQ(video_out_finish(v, NULL), 0);
    video_out_free(v);
    return path;
}

/* A child that writes a file's bytes into a pipe, the first `n` of them, and then waits for `ever`
 * or closes it. */
static pid_t pour(const char *from, const char *to, size_t n, int ever)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(from, "rb");
    size_t size = f != NULL ? fread(bytes, 1, sizeof bytes, f) : 0;
    CHECK(size > 0 && size < sizeof bytes);
    if (f != NULL)
        fclose(f);
    pid_t child = fork();
    if (child != 0)
        return child;
    int fd = open(to, O_WRONLY);
    for (size_t at = 0; at < size && at < n;) {
        ssize_t r = write(fd, bytes + at, (size < n ? size : n) - at);
        if (r < 0)
            break;
        at += (size_t)r;
    }
    while (ever)
        pause();
    _exit(0);
}

static void end_child(pid_t child)
{
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, NULL, 0), child);
}

static const char *make_pipe(const char *name)
{
    const char *path = place(name);
    unlink(path);
    CHECK_EQ(mkfifo(path, 0600), 0);
    return path;
}

/* ---- a host, and who wants frames ---- */

struct hall {
    struct host host;           /* first */
    struct loop *loop;
    struct pool *pool;
};

static void hall_work(struct host *h, struct work *w)
{
    pool_submit(((struct hall *)(void *)h)->pool, w);
}

static const struct host_ops hall_ops = { .work = hall_work };

static void hall_open(struct hall *h)
{
    *h = (struct hall){ .host.ops = &hall_ops, .loop = loop_new(NULL) };
    h->pool = pool_new(h->loop, 1, NULL);
    CHECK(h->loop != NULL && h->pool != NULL);
}

static void hall_close(struct hall *h)
{
    pool_free(h->pool);
    loop_free(h->loop);
}

struct viewer {
    struct hall hall;
    struct film *film;
    double value[MOST][ALIGN_PIXELS];
    unsigned n, wanted, most;   /* crops that came, that were wanted, that will be */
    unsigned looked[MOST];      /* frames that had been looked at when they came */
    int close_at;               /* the film is closed when so many have come; 0: it is not */
    struct err err;
};

static void on_frame(void *ctx, const double *value)
{
    struct viewer *v = ctx;
    pthread_mutex_lock(&gate);
    v->looked[v->n] = looks;
    pthread_mutex_unlock(&gate);
    memcpy(v->value[v->n++], value, sizeof v->value[0]);
    CHECK_EQ(v->n, v->wanted);
    if (v->n == (unsigned)v->close_at) {
        film_close(v->film);
        v->film = NULL;
    }
    if (v->n == v->most || v->film == NULL) {
        loop_stop(v->hall.loop);
        return;
    }
    v->wanted++;
    film_want(v->film);
    CHECK_EQ(v->n, v->wanted - 1);      /* never from inside */
}

static void on_ended(void *ctx, const struct err *e)
{
    struct viewer *v = ctx;
    CHECK_EQ(v->n, v->wanted - 1);
    CHECK(e->code != 0 && strchr(e->text, '\n') == NULL);
    v->err = *e;
    loop_stop(v->hall.loop);
}

static void view_open(struct viewer *v, const char *path, uint32_t frames, uint32_t every)
{
    const struct film_conf conf = { .path = path, .frames = frames, .ctx = v, .frame = on_frame,
        .ended = on_ended, .source = { .command = "test", .every = every } };
    *v = (struct viewer){ .most = frames };
    hold_look(0);
    hall_open(&v->hall);
    v->film = film_open(&conf, &v->err);
    if (v->film != NULL)
        film_host(v->film, &v->hall.host);
}

static void view_run(struct viewer *v)
{
    v->wanted = v->n + 1;
    film_want(v->film);
    CHECK_EQ(loop_run(v->hall.loop, NULL), 0);
}

static void view_close(struct viewer *v)
{
    film_close(v->film);
    hall_close(&v->hall);
}

/* The crops of a film, or why there are none. */
static struct viewer *view(const char *path, uint32_t frames, uint32_t every)
{
    static struct viewer v;
    view_open(&v, path, frames, every);
    if (v.film != NULL)
        view_run(&v);
    view_close(&v);
    return &v;
}

/* ---- the same clip ---- */

static void same_clip(const char *path, const char *pipe, uint32_t every)
{
    const struct clip_source s = { .command = "test", .every = every };
    struct video want = { 0 };
    struct err e = { 0 };
    CHECK_EQ(clip_take_film(&want, &s, path, &e), 0);
    pid_t child = pipe != NULL ? pour(path, pipe, SIZE_MAX, 0) : 0;
    const struct viewer *v = view(pipe != NULL ? pipe : path, want.frames, every);
    CHECK(v->err.code == 0 && v->n == want.frames);
    for (unsigned k = 0; k < v->n; k++)
        CHECK(memcmp(v->value[k], video_frame(&want, k), sizeof v->value[k]) == 0);
    if (child > 0)
        CHECK_EQ(waitpid(child, NULL, 0), child);
    video_fini(&want);
}

static const char *const casts[] = { "x", "xxxx", ".x", "..x.xx", "...xx2.x.x", "x..xx.x.xx..xx2",
    "xxxx....", ".....xxxxx" };

static void the_same_as_the_whole_film(void)
{
    for (size_t k = 0; k < sizeof casts / sizeof *casts; k++) {
        const char *path = make("a.mp4", casts[k]);
        same_clip(path, NULL, 1);
        same_clip(make("a.mkv", casts[k]), NULL, 0);
    }
    same_clip(make("a.mp4", "..x.xx.x.xxxx"), NULL, 2);
    same_clip(make("a.mp4", "xx.x.xx.x.xxxx"), NULL, 3);
    same_clip(make("a.mp4", "xx.x.xx.x.xxxx"), NULL, 100);
}

/* Which crop stands in, told by the film's own frames. */
static void the_last_face_stands_in(void)
{
    static const unsigned stands_in[] = { 2, 2, 2, 3, 3, 5, 6, 6, 8 };
    static struct viewer whole;
    whole = *view(make("b.mp4", "xxxxxxxxx"), 9, 1);
    const struct viewer *v = view(make("b.mp4", "..xx.xx.x"), 9, 1);
    CHECK_EQ(v->n, 9);
    for (unsigned k = 0; k < v->n; k++)     /* encoders may change frames by what is beside them */
        for (unsigned j = 0; j < 9; j++) {
            double near = 0;
            for (unsigned i = 0; i < ALIGN_PIXELS; i++) {
                double d = v->value[k][i] - whole.value[j][i];
                near += d * d;
            }
            if (j == stands_in[k])
                CHECK(near < 1e-3 * ALIGN_PIXELS);
            CHECK(k == 0 || (stands_in[k] == stands_in[k - 1])
                == (memcmp(v->value[k], v->value[k - 1], sizeof v->value[k]) == 0));
        }
}

static void the_same_through_pipes(void)
{
    const char *pipe = make_pipe("pipe");
    same_clip(make("c.mkv", "..xx.xx.x2"), pipe, 1);
    same_clip(make("c.ts", "xxx.x..xxx"), pipe, 1);
    same_clip(make("c.ts", "xxx.x..xxx"), pipe, 4);
    same_clip(make("c.avi", "xxx.x..xxx"), pipe, 1);
    int was = dup(STDIN_FILENO);
    const char *film = make("c.mkv", ".x.x");
    pid_t child = pour(film, pipe, SIZE_MAX, 0);
    int fd = open(pipe, O_RDONLY);
    CHECK(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    close(fd);
    const struct viewer *v = view("-", 4, 1);
    CHECK(v->n == 4 && v->err.code == 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    fd = open(film, O_RDONLY);
    CHECK(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    close(fd);
    v = view("-", 4, 1);
    CHECK(v->n == 4 && v->err.code == 0);
    CHECK(dup2(was, STDIN_FILENO) == STDIN_FILENO);
    close(was);
}

/* A pipe's bytes stay where they are while somebody finds out what is in it. */
static void pipes_hold_films(void)
{
    const char *pipe = make_pipe("quiet"), *film = make("d.mkv", "x");
    pid_t child = pour(film, pipe, SIZE_MAX, 0);
    CHECK(clip_is_film(pipe) && clip_is_film("-") && clip_is_film(film));
    const struct viewer *v = view(pipe, 1, 1);
    CHECK(v->n == 1 && v->err.code == 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
}

/* Nothing is looked at that was not wanted, but until the first face. */
static void one_at_a_time(void)
{
    const struct viewer *v = view(make("e.mp4", "...x.xxx"), 8, 1);
    static const unsigned looked[] = { 4, 4, 4, 4, 5, 6, 7, 8 };
    CHECK_EQ(v->n, 8);
    for (unsigned k = 0; k < v->n; k++)
        CHECK_EQ(v->looked[k], looked[k]);
}

/* ---- refusals ---- */

/* Refused with these words after at most `most` crops. */
static void refused(const char *path, uint32_t frames, uint32_t every, unsigned most,
                    const char *words)
{
    const struct viewer *v = view(path, frames, every);
    CHECK_EQ(v->err.code, ERR_INPUT);
    CHECK(v->n <= most && v->n < frames);
    CHECK(strstr(v->err.text, words) != NULL && strstr(v->err.text, path) != NULL);
    if (strstr(v->err.text, words) == NULL)
        fprintf(stderr, "%u crops: %s\n", v->n, v->err.text);
}

static void wrong_numbers_of_frames(void)
{
    const char *path = make("f.mp4", "x.xxxx.x");
    refused(path, 9, 1, 8, "8 frames to look at; expected 9");
    refused(path, 7, 1, 6, "at least 8 frames to look at; expected 7");
    refused(path, 1, 1, 0, "at least 2 frames to look at; expected 1");
    refused(path, 4, 3, 3, "3 frames to look at; expected 4");
    refused(path, 2, 3, 1, "at least 3 frames to look at; expected 2");
    CHECK(view(path, 3, 3)->n == 3);
    refused(make("f.mkv", ".x"), 1, 1, 0, "of the 1 frames");
    refused(make("f.mkv", "..."), 7, 1, 0, "3 frames to look at; expected 7");
    struct err e = { 0 };
    const struct film_conf none = { .path = path };
    CHECK(film_open(&none, &e) == NULL && e.code == ERR_USAGE);
}

/* As soon as more than half have no face: no frame after that is looked at. */
static void too_few_faces(void)
{
    CHECK(view(make("g.mp4", "xxx..."), 6, 1)->err.code == 0);
    refused(make("g.mp4", "xxx....x"), 7, 1, 6, "7 looked at with bright: 3 taken, 4 no face");
    refused(make("g.mp4", "....xxxxxx"), 7, 1, 0, "4 frames, 4 looked at with bright: 0 taken");
    CHECK_EQ(looks, 4);
    refused(make("g.mp4", "x.....xxxx"), 8, 1, 5, "a face in half of the 8 frames");
    CHECK_EQ(looks, 6);
}

static void what_is_no_film(void)
{
    struct stat st;
    const struct film_conf bad = { .path = make("h.mp4", "x"), .frames = 1,
        .source.faces.detector = "unknown" };
    struct err e = { 0 };
    CHECK(film_open(&bad, &e) == NULL && e.code == ERR_USAGE);
    refused(place("nowhere"), 3, 1, 0, "No such file");
    refused(folder, 3, 1, 0, "a regular file or a pipe");
    const char *cut = make("cut.avi", "xxxxxxxxxxxxxxxxxxxxxxxx");
    CHECK(stat(cut, &st) == 0 && truncate(cut, st.st_size / 2) == 0);
    refused(cut, 24, 1, 23, "complete");
    const struct viewer *v = view(cut, 8, 1);       /* enough frames, but it is damaged */
    CHECK(v->err.code == ERR_INPUT && v->n < 8);
    const char *pipe = make_pipe("h.pipe");
    pid_t child = pour(make("h.mkv", "xxxxxxxxxxxxxxxxxxxxxxxx"), pipe, 6000, 0);
    refused(pipe, 24, 1, 23, pipe);
    CHECK_EQ(waitpid(child, NULL, 0), child);
}

/* ---- closing ---- */

static void closed_from_inside(void)
{
    static struct viewer v;
    for (unsigned at = 1; at <= 5; at++) {
        view_open(&v, make("i.mp4", ".xxxx"), 5, 1);
        v.close_at = (int)at;
        view_run(&v);
        CHECK(v.n == at && v.film == NULL);
        view_close(&v);
    }
    view_open(&v, make("i.mp4", ".xxxx"), 5, 1);        /* before anything was wanted */
    CHECK(v.film != NULL);
    view_close(&v);
}

/* Calls `done` for all work that was submitted before: there is one worker. */
static void marker_run(struct work *w)
{
    (void)w;
}

struct marker {
    struct work work;
    struct loop *loop;
};

static void marker_done(struct work *w)
{
    loop_stop(((struct marker *)(void *)w)->loop);
}

static void drain(struct hall *h)
{
    struct marker m = { { .run = marker_run, .done = marker_done }, h->loop };
    pool_submit(h->pool, &m.work);
    CHECK_EQ(loop_run(h->loop, NULL), 0);
}

/* Two crops have come, and the worker is kept in the third look. */
static void busy_open(struct viewer *v, const char *path)
{
    view_open(v, path, 5, 1);
    v->most = 2;
    view_run(v);
    v->most = 5;
    v->wanted++;
    hold_look(1);
    film_want(v->film);
    await_look();
}

static void closed_under_a_worker(void)
{
    static struct viewer v;
    pthread_t releaser;
    busy_open(&v, make("j.mp4", "xxxxx"));
    CHECK_EQ(pthread_create(&releaser, NULL, release_look, NULL), 0);
    film_close(v.film);
    pthread_mutex_lock(&gate);
    CHECK(!held);           /* it was waited for */
    pthread_mutex_unlock(&gate);
    CHECK_EQ(pthread_join(releaser, NULL), 0);
    v.film = NULL;
    drain(&v.hall);
    CHECK(v.n == 2 && v.err.code == 0);
    view_close(&v);
}

static void keeper_run(struct work *w)
{
    (void)w;
    detector_waits();
}

static void keeper_done(struct work *w)
{
    (void)w;
}

/* The only worker is busy with something else. */
static void closed_before_a_worker(void)
{
    static struct viewer v;
    struct work keeper = { .run = keeper_run, .done = keeper_done };
    view_open(&v, make("k.mp4", "xxxxx"), 5, 1);
    hold_look(1);
    pool_submit(v.hall.pool, &keeper);
    await_look();
    v.wanted = 1;
    film_want(v.film);
    film_close(v.film);
    v.film = NULL;
    release_look(NULL);
    drain(&v.hall);
    CHECK(v.n == 0 && v.err.code == 0 && looks == 1);
    view_close(&v);
}

static void *wait_for_host(void *ctx)
{
    hall_close(ctx);
    return NULL;
}

/* The host goes while the worker is at it: the crop that it did not deliver comes from the next. */
static void a_host_that_goes(void)
{
    static struct viewer v, whole;
    pthread_t closer;
    const char *path = make("n.mp4", "xxxxx");
    whole = *view(path, 5, 1);
    for (int again = 0; again < 2; again++) {
        busy_open(&v, path);
        CHECK_EQ(pthread_create(&closer, NULL, wait_for_host, &v.hall), 0);
        release_look(NULL);
        CHECK_EQ(pthread_join(closer, NULL), 0);
        film_host(v.film, NULL);
        hall_open(&v.hall);
        if (again) {
            film_host(v.film, &v.hall.host);
            view_run(&v);
            CHECK(v.n == 5 && v.err.code == 0);
            CHECK(memcmp(v.value, whole.value, 5 * sizeof v.value[0]) == 0);
        }
        view_close(&v);
    }
}

struct late {
    struct timer timer;         /* first */
    struct loop *loop;
};

static void on_late(struct timer *t)
{
    loop_stop(((struct late *)(void *)t)->loop);
}

/* The writer has stopped in the middle of the film, and keeps the pipe. */
static void closed_in_front_of_a_pipe(void)
{
    static struct viewer v;
    struct late late = { { .fire = on_late }, NULL };
    struct stat st;
    char faces[61] = "";
    memset(faces, 'x', 60);
    const char *pipe = make_pipe("l.pipe"), *film = make("l.ts", faces);
    CHECK_EQ(stat(film, &st), 0);
    pid_t child = pour(film, pipe, (size_t)st.st_size * 3 / 4, 1);
    view_open(&v, pipe, 60, 1);
    CHECK(v.film != NULL);
    late.loop = v.hall.loop;
    loop_arm(v.hall.loop, &late.timer, 500000000);
    if (v.film != NULL)
        view_run(&v);
    CHECK(v.n >= 1 && v.n < 60 && v.err.code == 0);
    uint64_t before = loop_now();
    film_close(v.film);
    CHECK(loop_now() - before < 5000000000u);
    v.film = NULL;
    drain(&v.hall);
    CHECK(v.err.code == 0);
    view_close(&v);
    end_child(child);
}

/* ---- what goes wrong here ---- */

static void failures_are_told(void)
{
    static struct viewer v;
    const struct film_conf conf = { .path = make("m.mp4", ".xx"), .frames = 3 };
    struct film *f = NULL;
    long k = 0;
    while (f == NULL && k < 100) {
        struct err e = { 0 };
        mem_fail_at(++k);
        f = film_open(&conf, &e);
        mem_fail_at(0);
        CHECK(f != NULL || e.code == ERR_FAILED);
    }
    CHECK(f != NULL && k > 3);
    film_close(f);
    view_open(&v, conf.path, 3, 1);
    v.most = 2;
    view_run(&v);
    v.most = 3;
    broken = 1;
    view_run(&v);
    broken = 0;
    CHECK_EQ(v.n, 2);
    CHECK_EQ(v.err.code, ERR_FAILED);
    view_close(&v);
}

int main(void)
{
    char command[300];
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL)
        return 1;
    CASE(the_same_as_the_whole_film);
    CASE(the_last_face_stands_in);
    CASE(the_same_through_pipes);
    CASE(pipes_hold_films);
    CASE(one_at_a_time);
    CASE(wrong_numbers_of_frames);
    CASE(too_few_faces);
    CASE(what_is_no_film);
    CASE(closed_from_inside);
    CASE(closed_under_a_worker);
    CASE(closed_before_a_worker);
    CASE(a_host_that_goes);
    CASE(closed_in_front_of_a_pipe);
    CASE(failures_are_told);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 ? 1 : check_done();
}
