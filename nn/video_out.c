#include "nn/video_out.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/avstring.h>
#include <libswscale/swscale.h>

#include "net/base_mem.h"
#include "nn/whole_file.h"

enum { EDGE_MAX = 8192 };

/* Encoders in order of preference; `set` are private options (name, value), ended by NULL. */
static const struct {
    const char *name;
    const char *set[5];
    int quality;                /* a fixed quantiser for encoders that take one; 0 if not */
} encoders[] = {
    { .name = "libx264", .set = { "preset", "fast", "crf", "18" } },
    { .name = "libopenh264" },
    { .name = "mpeg4", .quality = 3 },
};

struct video_out {
    char *path;                 /* what it will be called; owned */
    unsigned width, height;
    int64_t count;
    struct whole_file *file;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
};

/* One line from one of the libraries' error numbers. */
static int out_fail(const struct video_out *v, const char *what, int number, struct err *e)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_make_error_string(text, sizeof text, number);
    return err_set(e, ERR_FAILED, "%s: %s: %s", v->path, what, text);
}

static void codec_describe(AVCodecContext *c, const struct video_out *v, unsigned rate,
    int quality)
{
    c->width = (int)(v->width + 1) & ~1;
    c->height = (int)(v->height + 1) & ~1;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){ 1, (int)rate };
    c->framerate = (AVRational){ (int)rate, 1 };
    c->gop_size = (int)rate;
    c->thread_count = 1;        /* the same bytes on every machine */
    if (quality > 0) {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = FF_QP2LAMBDA * quality;
    }
    if (v->format->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
}

/* Opens encoder k for v. 0, or a number of the libraries. */
static int codec_try(struct video_out *v, size_t k, unsigned rate)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(encoders[k].name);
    if (codec == NULL
        || avformat_query_codec(v->format->oformat, codec->id, FF_COMPLIANCE_NORMAL) != 1)
        return AVERROR_ENCODER_NOT_FOUND;
    v->codec = avcodec_alloc_context3(codec);
    if (v->codec == NULL)
        return AVERROR(ENOMEM);
    codec_describe(v->codec, v, rate, encoders[k].quality);
    for (const char *const *set = encoders[k].set; *set != NULL; set += 2)
        av_opt_set(v->codec->priv_data, set[0], set[1], 0);
    int r = avcodec_open2(v->codec, codec, NULL);
    if (r < 0)
        avcodec_free_context(&v->codec);
    return r;
}

static int codec_open(struct video_out *v, unsigned rate, struct err *e)
{
    int r = AVERROR_ENCODER_NOT_FOUND;
    for (size_t k = 0; k < sizeof encoders / sizeof *encoders && v->codec == NULL; k++)
        r = codec_try(v, k, rate);
    if (v->codec == NULL)
        return out_fail(v, "no H.264 or MPEG-4 encoder fits; install FFmpeg's libraries in full, "
            "or choose a name in .mp4", r, e);
    return 0;
}

static int frame_open(struct video_out *v, struct err *e)
{
    v->frame = av_frame_alloc();
    v->packet = av_packet_alloc();
    if (v->frame == NULL || v->packet == NULL)
        return out_fail(v, "a picture", AVERROR(ENOMEM), e);
    v->frame->format = v->codec->pix_fmt;
    v->frame->width = v->codec->width;
    v->frame->height = v->codec->height;
    int r = av_frame_get_buffer(v->frame, 0);
    if (r < 0)
        return out_fail(v, "a picture", r, e);
    v->scaler = sws_getContext((int)v->width, (int)v->height, AV_PIX_FMT_GRAY8, v->codec->width,
        v->codec->height, v->codec->pix_fmt, SWS_BICUBIC, NULL, NULL, NULL);
    return v->scaler == NULL ? out_fail(v, "converting pictures", AVERROR(ENOMEM), e) : 0;
}

static int stream_open(struct video_out *v, struct err *e)
{
    v->stream = avformat_new_stream(v->format, NULL);
    if (v->stream == NULL)
        return out_fail(v, "a stream", AVERROR(ENOMEM), e);
    int r = avcodec_parameters_from_context(v->stream->codecpar, v->codec);
    if (r < 0)
        return out_fail(v, "a stream", r, e);
    v->stream->time_base = v->codec->time_base;
    v->stream->avg_frame_rate = v->codec->framerate;

    char *url = av_asprintf("file:%s", whole_file_temp(v->file));
    r = url == NULL ? AVERROR(ENOMEM) : avio_open(&v->format->pb, url, AVIO_FLAG_WRITE);
    av_free(url);
    if (r >= 0) {
        v->format->flags |= AVFMT_FLAG_BITEXACT;
        r = avformat_write_header(v->format, NULL);
    }
    return r < 0 ? out_fail(v, "cannot be written", r, e) : 0;
}

static int out_open(struct video_out *v, unsigned rate, struct err *e)
{
    if (v->width == 0 || v->height == 0 || v->width > EDGE_MAX || v->height > EDGE_MAX
        || rate == 0 || rate > 1000)
        return err_set(e, ERR_USAGE, "%s: no video of %u x %u at %u pictures per second", v->path,
            v->width, v->height, rate);
    if (avformat_alloc_output_context2(&v->format, NULL, NULL, v->path) < 0)
        return err_set(e, ERR_USAGE, "%s: its name says no known video format; end it in .mp4",
            v->path);
    v->file = whole_file_new(v->path, e);
    if (v->file == NULL)
        return ERR_FAILED;
    int r = codec_open(v, rate, e);
    if (r == 0)
        r = frame_open(v, e);
    return r != 0 ? r : stream_open(v, e);
}

struct video_out *video_out_new(const char *path, unsigned width, unsigned height, unsigned rate,
    struct err *e)
{
    av_log_set_level(AV_LOG_QUIET);     /* errors are told in one line of our own */
    struct video_out *v = mem_new(1, sizeof *v);
    char *copy = av_strdup(path);
    if (v == NULL || copy == NULL) {
        err_set(e, ERR_FAILED, "%s: no memory", path);
        av_free(copy);
        mem_free(v);
        return NULL;
    }
    *v = (struct video_out){ .path = copy, .width = width, .height = height };
    if (out_open(v, rate, e) != 0) {
        video_out_free(v);
        return NULL;
    }
    return v;
}

/* Writes what the encoder has ready. */
static int out_drain(struct video_out *v, struct err *e)
{
    for (;;) {
        int r = avcodec_receive_packet(v->codec, v->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return 0;
        if (r < 0)
            return out_fail(v, "encoding failed", r, e);
        av_packet_rescale_ts(v->packet, v->codec->time_base, v->stream->time_base);
        v->packet->stream_index = v->stream->index;
        r = av_interleaved_write_frame(v->format, v->packet);
        if (r < 0)
            return out_fail(v, "writing failed", r, e);
    }
}

int video_out_add(struct video_out *v, const uint8_t *grey, struct err *e)
{
    int r = av_frame_make_writable(v->frame);
    if (r < 0)
        return out_fail(v, "a picture", r, e);
    const uint8_t *rows[4] = { grey };
    int steps[4] = { (int)v->width };
    r = sws_scale(v->scaler, rows, steps, 0, (int)v->height, v->frame->data, v->frame->linesize);
    if (r < 0)
        return out_fail(v, "converting failed", r, e);
    v->frame->pts = v->count++;
    v->frame->quality = v->codec->global_quality;
    r = avcodec_send_frame(v->codec, v->frame);
    return r < 0 ? out_fail(v, "encoding failed", r, e) : out_drain(v, e);
}

int video_out_finish(struct video_out *v, struct err *e)
{
    int r = avcodec_send_frame(v->codec, NULL);
    if (r < 0)
        return out_fail(v, "encoding failed", r, e);
    if (out_drain(v, e) != 0)
        return ERR_FAILED;
    r = av_write_trailer(v->format);
    if (r >= 0)
        r = avio_closep(&v->format->pb);
    return r < 0 ? out_fail(v, "writing failed", r, e) : whole_file_finish(v->file, e);
}

void video_out_free(struct video_out *v)
{
    if (v == NULL)
        return;
    sws_freeContext(v->scaler);
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    avcodec_free_context(&v->codec);
    if (v->format != NULL) {
        avio_closep(&v->format->pb);
        avformat_free_context(v->format);
    }
    whole_file_free(v->file);
    av_free(v->path);
    mem_free(v);
}

const char *video_out_codec(const struct video_out *v)
{
    return v->codec->codec->name;
}
