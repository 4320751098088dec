#include "nn/video_in.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/video_bytes.h"

/* Containers and picture formats that hold their own data. Left out: playlists, concatenation,
 * sequences of files, anything that opens a second file or an address. */
static const char formats[] = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,apng,ivf,"
    "h264,hevc,m4v,mjpeg,yuv4mpegpipe,nut,png_pipe,jpeg_pipe,ppm_pipe,pgm_pipe,bmp_pipe,webp_pipe,"
    "tiff_pipe";

struct video_in {
    char *name;                 /* for messages; owned */
    struct video_bytes bytes;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
    struct picture upright;     /* before it is turned */
    uint32_t count;             /* frames given */
    int64_t packets;            /* read, of the video stream */
    int64_t first;              /* time stamp of the first frame */
    unsigned damaged;           /* packets and frames with errors */
    int ended, flushed, cut;    /* cut: reading ended with an error */
};

/* One line from one of the libraries' error numbers. */
static int in_fail(const struct video_in *v, const char *what, int number, struct err *e)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_make_error_string(text, sizeof text, number);
    return err_set(e, number == AVERROR(ENOMEM) ? ERR_FAILED : ERR_INPUT, "%s: %s: %s", v->name,
        what, text);
}

/* Not one frame: because of what a pipe cannot do, if something was asked of it. */
static int none_fail(const struct video_in *v, struct err *e)
{
    if (v->bytes.jumped)
        return err_set(e, ERR_INPUT, "%s: cannot be read from front to back, as a pipe is (mp4 "
            "with its index at the end?): name the file, or stream Matroska, MPEG-TS or AVI",
            v->name);
    return err_set(e, ERR_INPUT, "%s: not one frame could be decoded; is the file complete?",
        v->name);
}

/* ---- opening ---- */

static int refuse_open(AVFormatContext *s, AVIOContext **io, const char *url, int flags,
    AVDictionary **options)
{
    (void)s, (void)url, (void)flags, (void)options;
    *io = NULL;
    return AVERROR(EACCES);
}

static int format_open(struct video_in *v, struct err *e)
{
    AVDictionary *set = NULL;
    v->format = avformat_alloc_context();
    if (v->format == NULL)
        return in_fail(v, "opening", AVERROR(ENOMEM), e);
    v->format->pb = v->bytes.io;
    v->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    v->format->io_open = refuse_open;
    av_dict_set(&set, "format_whitelist", formats, 0);
    av_dict_set(&set, "protocol_whitelist", "none", 0);
    av_dict_set(&set, "max_streams", "64", 0);
    int r = avformat_open_input(&v->format, NULL, NULL, &set);
    av_dict_free(&set);
    if (r >= 0)
        r = avformat_find_stream_info(v->format, NULL);
    if (r < 0 && v->bytes.piped && v->bytes.at == 0)
        return video_bytes_none(v->name, e);
    return r >= 0 ? 0 : in_fail(v, "no film or picture that can be read; is it complete?", r, e);
}

static int size_check(const struct video_in *v, int w, int h, struct err *e)
{
    if (w > 0 && h > 0 && w <= PICTURE_EDGE_MAX && h <= PICTURE_EDGE_MAX
        && (int64_t)w * h <= VIDEO_IN_PIXELS_MAX)
        return 0;
    if (w <= 0 || h <= 0)
        return err_set(e, ERR_INPUT, "%s: frames of no size that can be decoded; is the file "
            "complete?", v->name);
    return err_set(e, ERR_INPUT, "%s: frames of %d x %d; expected at most %d at an edge and %lld "
        "pixels", v->name, w, h, PICTURE_EDGE_MAX, (long long)VIDEO_IN_PIXELS_MAX);
}

static int is_still(const AVFormatContext *f)
{
    return strstr(f->iformat->name, "_pipe") != NULL;
}

static int codec_open(struct video_in *v, struct err *e)
{
    const AVCodec *decoder = NULL;
    int at = av_find_best_stream(v->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (at < 0 || decoder == NULL)
        return in_fail(v, "no video in it that can be decoded", at < 0 ? at
            : AVERROR_DECODER_NOT_FOUND, e);
    v->stream = v->format->streams[at];
    for (unsigned i = 0; i < v->format->nb_streams; i++)
        v->format->streams[i]->discard = (int)i == at ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    const AVCodecParameters *par = v->stream->codecpar;
    if (size_check(v, par->width, par->height, e) != 0)
        return e->code;
    v->codec = avcodec_alloc_context3(decoder);
    int r = v->codec == NULL ? AVERROR(ENOMEM) : avcodec_parameters_to_context(v->codec, par);
    if (r < 0)
        return in_fail(v, "decoding", r, e);
    v->codec->thread_count = 1;
    v->codec->max_pixels = VIDEO_IN_PIXELS_MAX;
    v->codec->pkt_timebase = v->stream->time_base;
    if (is_still(v->format))        /* nothing comes after it that a damaged part could be worth */
        v->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
    r = avcodec_open2(v->codec, decoder, NULL);
    return r < 0 ? in_fail(v, "decoding", r, e) : 0;
}

static struct video_in *video_in_new(const char *name, struct err *e)
{
    av_log_set_level(AV_LOG_QUIET);     /* errors are told in one line of our own */
    struct video_in *v = mem_new(1, sizeof *v);
    if (v != NULL) {
        *v = (struct video_in){ .name = av_strdup(name), .bytes = { .fd = -1, .stop = -1 },
            .packet = av_packet_alloc(), .frame = av_frame_alloc(), .first = AV_NOPTS_VALUE };
        if (v->name != NULL && v->packet != NULL && v->frame != NULL)
            return v;
    }
    err_set(e, ERR_FAILED, "%s: no memory", name);
    video_in_close(v);
    return NULL;
}

static struct video_in *video_in_start(struct video_in *v, int code, struct err *e)
{
    if (code == 0)
        code = format_open(v, e);
    if (code == 0)
        code = codec_open(v, e);
    if (code == 0)
        return v;
    if (code == ERR_INPUT && v->bytes.jumped)
        none_fail(v, e);
    video_in_close(v);
    return NULL;
}

struct video_in *video_in_open(const char *path, struct err *e)
{
    struct video_in *v = video_in_new(path, e);
    return v == NULL ? NULL : video_in_start(v, video_bytes_open(&v->bytes, path, e), e);
}

struct video_in *video_in_open_bytes(const uint8_t *p, size_t n, const char *name, struct err *e)
{
    struct video_in *v = video_in_new(name, e);
    return v == NULL ? NULL : video_in_start(v, video_bytes_take(&v->bytes, p, n, name, e), e);
}

void video_in_stop(const struct video_in *v)
{
    video_bytes_stop(&v->bytes);
}

void video_in_close(struct video_in *v)
{
    if (v == NULL)
        return;
    sws_freeContext(v->scaler);
    av_frame_free(&v->frame);
    av_packet_free(&v->packet);
    avcodec_free_context(&v->codec);
    avformat_close_input(&v->format);
    video_bytes_close(&v->bytes);
    picture_fini(&v->upright);
    av_free(v->name);
    mem_free(v);
}

/* ---- decoding ---- */

/* Gives the decoder one more packet, or tells it that there are no more. */
static void feed(struct video_in *v)
{
    int r = 0;
    while (!v->ended) {
        r = av_read_frame(v->format, v->packet);
        if (r < 0 || v->packet->stream_index == v->stream->index)
            break;
        av_packet_unref(v->packet);
    }
    if (v->ended || r < 0) {
        v->cut |= r < 0 && r != AVERROR_EOF;
        v->ended = 1;
        v->flushed = 1;
        avcodec_send_packet(v->codec, NULL);
        return;
    }
    v->packets++;
    v->damaged += (v->packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    r = avcodec_send_packet(v->codec, v->packet);
    v->damaged += r < 0 && r != AVERROR(EAGAIN) && r != AVERROR_EOF;
    av_packet_unref(v->packet);
}

/* The next decoded frame into v->frame; *got 0 at the end. */
static int decode(struct video_in *v, int *got, struct err *e)
{
    for (;;) {
        int r = avcodec_receive_frame(v->codec, v->frame);
        *got = r >= 0;
        if (r >= 0 || r == AVERROR_EOF)
            return 0;
        if (r == AVERROR(ENOMEM))
            return in_fail(v, "decoding", r, e);
        if (r != AVERROR(EAGAIN)) {
            v->damaged++;
            if (v->flushed)
                return 0;
        } else if (v->flushed) {
            return 0;
        }
        feed(v);
    }
}

/* The 3 x 3 matrix of how the frame is to be shown: its own, else the stream's, else NULL. */
static const int32_t *display_of(const struct video_in *v)
{
    const AVFrameSideData *own = av_frame_get_side_data(v->frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (own != NULL && own->size >= 9 * sizeof(int32_t))
        return (const int32_t *)(const void *)own->data;
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData *side = av_packet_side_data_get(v->stream->codecpar->coded_side_data,
        v->stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return side != NULL && side->size >= 9 * sizeof(int32_t)
        ? (const int32_t *)(const void *)side->data : NULL;
#else
    size_t n = 0;
    const uint8_t *side = av_stream_get_side_data(v->stream, AV_PKT_DATA_DISPLAYMATRIX, &n);
    return n >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)side : NULL;
#endif
}

/* Quarter turns clockwise, to the nearest, after mirroring left to right if *mirror. */
static unsigned turns_of(const int32_t *matrix, int *mirror)
{
    int32_t m[9];
    *mirror = 0;
    if (matrix == NULL)
        return 0;
    for (int k = 0; k < 9; k++)
        m[k] = matrix[k];
    *mirror = (double)m[0] * m[4] - (double)m[1] * m[3] < 0;
    for (int k = 0; *mirror && k < 2; k++)
        m[k] = m[k] > INT32_MIN ? -m[k] : INT32_MAX;
    double degrees = -av_display_rotation_get(m);       /* clockwise */
    return isfinite(degrees) ? (unsigned)((int)rint(degrees / 90) + 8) % 4 : 0;
}

static int convert(struct video_in *v, struct picture *p, struct err *e)
{
    const AVFrame *f = v->frame;
    int steps[4] = { 3 * f->width }, full = f->color_range == AVCOL_RANGE_JPEG;
    v->scaler = sws_getCachedContext(v->scaler, f->width, f->height, f->format, f->width,
        f->height, AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL,
        NULL, NULL);
    if (v->scaler == NULL)
        return err_set(e, ERR_INPUT, "%s: frame %u: its pixels are in no form that can be "
            "converted", v->name, v->count);
    if (f->colorspace != AVCOL_SPC_UNSPECIFIED && f->colorspace != AVCOL_SPC_RGB)
        sws_setColorspaceDetails(v->scaler, sws_getCoefficients((int)f->colorspace), full,
            sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    if (picture_init(p, (uint32_t)f->width, (uint32_t)f->height, e) != 0)
        return e->code;
    uint8_t *rows[4] = { p->rgb };
    int r = sws_scale(v->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height, rows,
        steps);
    return r == f->height ? 0 : in_fail(v, "converting", r < 0 ? r : AVERROR_INVALIDDATA, e);
}

static int give(struct video_in *v, struct picture *p, struct err *e)
{
    int mirror;
    unsigned quarters = turns_of(display_of(v), &mirror);
    if (quarters == 0 && !mirror)
        return convert(v, p, e);
    if (convert(v, &v->upright, e) != 0)
        return e->code;
    return picture_turn(p, &v->upright, quarters, mirror, e);
}

static double seconds_of(struct video_in *v)
{
    int64_t at = v->frame->best_effort_timestamp;
    if (at == AV_NOPTS_VALUE)
        return NAN;
    if (v->first == AV_NOPTS_VALUE)
        v->first = at;
    return (double)(at - v->first) * av_q2d(v->stream->time_base);
}

int video_in_next(struct video_in *v, struct picture *p, struct video_frame *f, int *got,
    struct err *e)
{
    int code = decode(v, got, e);
    if (code != 0 || !*got)
        return code;
    *f = (struct video_frame){ .index = v->count, .seconds = seconds_of(v) };
    v->damaged += v->frame->decode_error_flags != 0 || (v->frame->flags & AV_FRAME_FLAG_CORRUPT);
    code = size_check(v, v->frame->width, v->frame->height, e);
    if (code == 0 && v->count == VIDEO_IN_FRAMES_MAX)
        code = err_set(e, ERR_INPUT, "%s: more than %d frames; cut it into parts", v->name,
            VIDEO_IN_FRAMES_MAX);
    if (code == 0 && p != NULL)
        code = give(v, p, e);
    v->count++;
    av_frame_unref(v->frame);
    return code;
}

/* How many frames the file says it has; 0: it does not. What is written into a pipe may say 2^30,
 * since its number is not known when its beginning leaves. */
static int64_t frames_said(const struct video_in *v)
{
    int64_t said = v->stream->nb_frames;
    return said > 0 && said <= VIDEO_IN_FRAMES_MAX ? said : 0;
}

int video_in_whole(const struct video_in *v, struct err *e)
{
    int64_t said = frames_said(v);
    if (v->count == 0)
        return none_fail(v, e);
    if (said > 0 && v->packets < said)
        return err_set(e, ERR_INPUT, "%s: %lld frames, but the file speaks of %lld: it is damaged "
            "or not complete", v->name, (long long)v->packets, (long long)said);
    if (v->cut || v->damaged > 0)
        return err_set(e, ERR_INPUT, "%s: %u frames, %u damaged: the file is damaged or not "
            "complete", v->name, v->count, v->damaged + (v->cut != 0));
    return 0;
}

double video_in_part(const struct video_in *v)
{
    int64_t said = frames_said(v);
    if (said == 0 && v->bytes.piped)
        return 0;
    double part = said > 0 ? (double)v->packets / (double)said
        : (double)avio_tell(v->format->pb) / (double)v->bytes.n;
    return part < 0 ? 0 : part > 1 ? 1 : part;
}
