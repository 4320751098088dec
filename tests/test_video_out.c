/*
 * test_video_out.c: films of grey pictures, read back by FFmpeg's demuxer and decoder; what is not
 * finished leaves nothing behind.
 */
#include "tests/check.h"

#include <dirent.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/video_out.h"

static char folder[] = "/tmp/obscura-test-XXXXXX";

static const char *place(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

/* Files in the folder. */
static int count_files(void)
{
    DIR *d = opendir(folder);
    int n = 0;
    for (struct dirent *i; d != NULL && (i = readdir(d)) != NULL;)
        n += i->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

/* A picture whose mean tells its number: a ramp that grows lighter. */
static void picture(uint8_t *grey, unsigned w, unsigned h, unsigned k)
{
    for (unsigned i = 0; i < h; i++)
        for (unsigned j = 0; j < w; j++)
            grey[i * w + j] = (uint8_t)(20 + 4 * k + 80 * j / w + 40 * i / h);
}

static int film(const char *path, unsigned w, unsigned h, unsigned n, struct err *e)
{
    uint8_t *grey = malloc((size_t)w * h + 1);
    struct video_out *v = video_out_new(path, w, h, 30, e);
    int code = v == NULL ? e->code : 0;
    for (unsigned k = 0; k < n && code == 0; k++) {
        picture(grey, w, h, k);
        code = video_out_add(v, grey, e);
    }
    if (code == 0)
        code = video_out_finish(v, e);
    video_out_free(v);
    free(grey);
    return code;
}

struct seen {
    unsigned n;                 /* pictures decoded */
    unsigned w, h;
    double error;               /* largest difference of a picture's mean from what was drawn */
};

static void look(struct seen *s, const AVFrame *f, unsigned w, unsigned h)
{
    uint8_t *grey = malloc((size_t)w * h);
    double sum = 0, drawn = 0;
    picture(grey, w, h, s->n);
    for (unsigned i = 0; i < h; i++) {
        for (unsigned j = 0; j < w; j++) {
            sum += (f->data[0][i * (unsigned)f->linesize[0] + j] - 16) * 255.0 / 219;
            drawn += grey[i * w + j];
        }
    }
    double d = (sum - drawn) / (w * h);
    d = d < 0 ? -d : d;
    s->error = d > s->error ? d : s->error;
    s->w = (unsigned)f->width;
    s->h = (unsigned)f->height;
    s->n++;
    free(grey);
}

static void decode(struct seen *s, const char *path, unsigned w, unsigned h)
{
    AVFormatContext *in = NULL;
    *s = (struct seen){ 0 };
    CHECK_EQ(avformat_open_input(&in, path, NULL, NULL), 0);
    if (in == NULL)
        return;
    CHECK(avformat_find_stream_info(in, NULL) >= 0);
    CHECK_EQ(in->nb_streams, 1);
    const AVCodec *codec = avcodec_find_decoder(in->streams[0]->codecpar->codec_id);
    AVCodecContext *c = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(c, in->streams[0]->codecpar);
    c->thread_count = 1;
    CHECK_EQ(avcodec_open2(c, codec, NULL), 0);
    AVFrame *f = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    for (int more = 1; more;) {
        more = av_read_frame(in, p) == 0;
        CHECK_EQ(avcodec_send_packet(c, more ? p : NULL), 0);
        av_packet_unref(p);
        while (avcodec_receive_frame(c, f) == 0)
            look(s, f, w, h);
    }
    av_packet_free(&p);
    av_frame_free(&f);
    avcodec_free_context(&c);
    avformat_close_input(&in);
}

static void films_come_back(void)
{
    static const struct { const char *name; unsigned w, h, n; } films[] = {
        { "a.mp4", 96, 96, 31 }, { "b.mkv", 64, 48, 5 }, { "c.mp4", 49, 35, 3 },
        { "d.avi", 48, 48, 1 }, { "odd:name.mp4", 48, 48, 2 },
    };
    for (size_t k = 0; k < sizeof films / sizeof *films; k++) {
        struct err e = { 0 };
        struct seen s;
        const char *path = place(films[k].name);
        CHECK_EQ(film(path, films[k].w, films[k].h, films[k].n, &e), 0);
        if (e.code != 0)
            fprintf(stderr, "%s\n", e.text);
        decode(&s, path, films[k].w, films[k].h);
        CHECK_EQ(s.n, films[k].n);
        CHECK_EQ(s.w, (films[k].w + 1) & ~1u);
        CHECK_EQ(s.h, (films[k].h + 1) & ~1u);
        CHECK(s.error < 3);
        CHECK_EQ(count_files(), 1);
        unlink(path);
    }
}

static void unfinished_films_leave_nothing(void)
{
    struct err e = { 0 };
    uint8_t grey[48 * 48] = { 0 };
    struct video_out *v = video_out_new(place("half.mp4"), 48, 48, 30, &e);
    CHECK(v != NULL);
    if (v == NULL)
        return;
    CHECK(video_out_codec(v) != NULL);
    CHECK_EQ(video_out_add(v, grey, &e), 0);
    video_out_free(v);
    CHECK_EQ(count_files(), 0);
}

static void wrong_films_are_refused(void)
{
    struct err e = { 0 };
    CHECK_EQ(film("/nowhere/at/all.mp4", 48, 48, 1, &e), ERR_FAILED);
    CHECK(strstr(e.text, "/nowhere/at/all.mp4") != NULL && strchr(e.text, '\n') == NULL);
    CHECK_EQ(film(place("x.mp4"), 0, 48, 1, &e), ERR_USAGE);
    CHECK_EQ(film(place("x.mp4"), 48, 100000, 0, &e), ERR_USAGE);
    CHECK_EQ(film(place("no-format.xyzzy"), 48, 48, 1, &e), ERR_USAGE);
    CHECK_EQ(count_files(), 0);
    mkdir(place("taken.mp4"), 0700);
    CHECK_EQ(film(place("taken.mp4"), 48, 48, 1, &e), ERR_FAILED);
    CHECK_EQ(count_files(), 1);
    rmdir(place("taken.mp4"));
}

/* From here on no file grows beyond n bytes, as on a full disk; ~0 ends that. */
static void disk_limit(rlim_t n)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = n == ~(rlim_t)0 ? r.rlim_max : n;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void a_full_disk_is_told(void)
{
    struct err e = { 0 };
    signal(SIGXFSZ, SIG_IGN);
    disk_limit(1000);
    CHECK_EQ(film(place("full.mp4"), 96, 96, 12, &e), ERR_FAILED);
    CHECK(strchr(e.text, '\n') == NULL);
    disk_limit(~(rlim_t)0);
    CHECK_EQ(count_files(), 0);
}

/* Each allocation of our own fails once; FFmpeg's are its own affair. */
static void no_memory_is_told(void)
{
    for (long k = 1; k <= 2; k++) {
        struct err e = { 0 };
        mem_fail_at(k);
        CHECK(video_out_new(place("m.mp4"), 48, 48, 30, &e) == NULL && e.code == ERR_FAILED);
        mem_fail_at(0);
    }
    CHECK_EQ(count_files(), 0);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    CASE(films_come_back);
    CASE(unfinished_films_leave_nothing);
    CASE(wrong_films_are_refused);
    CASE(a_full_disk_is_told);
    CASE(no_memory_is_told);
    rmdir(folder);
    return check_done();
}
