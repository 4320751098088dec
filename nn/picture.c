#include "nn/picture.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <limits.h>
#include <string.h>

#include "net/base_mem.h"

enum { PNG, JPEG, KINDS };

struct picture_reader {
    uint32_t h, w;
    AVCodecContext *codec[KINDS];
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
};

static int codec_open(AVCodecContext **c, enum AVCodecID id, struct err *e)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    *c = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (*c == NULL)
        return err_set(e, ERR_FAILED, "FFmpeg's libraries have no decoder for %s pictures",
                       avcodec_get_name(id));
    (*c)->thread_count = 1;
    (*c)->max_pixels = (int64_t)PICTURE_EDGE_MAX * PICTURE_EDGE_MAX;
    (*c)->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
    return avcodec_open2(*c, codec, NULL) < 0
               ? err_set(e, ERR_FAILED, "the decoder for %s pictures cannot be opened",
                         avcodec_get_name(id)) : 0;
}

struct picture_reader *picture_reader_new(uint32_t h, uint32_t w, struct err *e)
{
    av_log_set_level(AV_LOG_QUIET);     /* errors are told in one line of our own */
    struct picture_reader *r = mem_new(1, sizeof *r);
    if (r == NULL) {
        err_set(e, ERR_FAILED, "no memory to read pictures");
        return NULL;
    }
    *r = (struct picture_reader){ .h = h, .w = w, .frame = av_frame_alloc(),
                                  .packet = av_packet_alloc() };
    int code = r->frame == NULL || r->packet == NULL
                   ? err_set(e, ERR_FAILED, "no memory to read pictures") : 0;
    if (code == 0)
        code = codec_open(&r->codec[PNG], AV_CODEC_ID_PNG, e);
    if (code == 0)
        code = codec_open(&r->codec[JPEG], AV_CODEC_ID_MJPEG, e);
    if (code == 0)
        return r;
    picture_reader_free(r);
    return NULL;
}

void picture_reader_free(struct picture_reader *r)
{
    if (r == NULL)
        return;
    for (unsigned k = 0; k < KINDS; k++)
        avcodec_free_context(&r->codec[k]);
    av_frame_free(&r->frame);
    av_packet_free(&r->packet);
    sws_freeContext(r->scaler);
    mem_free(r);
}

/* -1 for neither. */
static int kind_of(const uint8_t *p, size_t n)
{
    if (n >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
        return PNG;
    return n >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0 ? JPEG : -1;
}

/* One picture into r->frame. 0, or a number of the libraries. */
static int decode(struct picture_reader *r, AVCodecContext *c, const uint8_t *p, size_t n)
{
    avcodec_flush_buffers(c);
    int code = av_new_packet(r->packet, (int)n);
    if (code < 0)
        return code;
    memcpy(r->packet->data, p, n);
    r->packet->flags |= AV_PKT_FLAG_KEY;    /* else a PNG is added to the one before */
    code = avcodec_send_packet(c, r->packet);
    av_packet_unref(r->packet);
    if (code == 0)
        avcodec_send_packet(c, NULL);
    return code == 0 ? avcodec_receive_frame(c, r->frame) : code;
}

/* A grey picture of the right size is taken as it is. */
static int is_ready(const struct picture_reader *r)
{
    return r->frame->format == AV_PIX_FMT_GRAY8 && r->frame->width == (int)r->w &&
           r->frame->height == (int)r->h;
}

static void copy_rows(uint8_t *grey, const AVFrame *f, size_t h, size_t w)
{
    for (size_t y = 0; y < h; y++)
        memcpy(grey + y * w, f->data[0] + (ptrdiff_t)y * f->linesize[0], w);
}

static int scale(struct picture_reader *r, uint8_t *grey, const char *name, struct err *e)
{
    const AVFrame *f = r->frame;
    if (f->width < 1 || f->height < 1 || f->width > PICTURE_EDGE_MAX ||
        f->height > PICTURE_EDGE_MAX)
        return err_set(e, ERR_INPUT, "%s: a picture of %dx%d; up to %dx%d are read", name, f->width,
                       f->height, PICTURE_EDGE_MAX, PICTURE_EDGE_MAX);
    if (is_ready(r)) {
        copy_rows(grey, f, r->h, r->w);
        return 0;
    }
    r->scaler = sws_getCachedContext(r->scaler, f->width, f->height, f->format, (int)r->w,
                                     (int)r->h, AV_PIX_FMT_GRAY8,
                                     SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL,
                                     NULL, NULL);
    if (r->scaler == NULL)
        return err_set(e, ERR_INPUT, "%s: pictures of its kind cannot be made grey", name);
    uint8_t *rows[4] = { grey };
    int steps[4] = { (int)r->w };
    int done = sws_scale(r->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
                         rows, steps);
    return done == (int)r->h ? 0 : err_set(e, ERR_INPUT, "%s: scaling it failed", name);
}

int picture_read(struct picture_reader *r, uint8_t *grey, const uint8_t *p, size_t n,
                 const char *name, struct err *e)
{
    int kind = kind_of(p, n);
    if (kind < 0 || n > INT_MAX / 2)
        return err_set(e, ERR_INPUT, "%s: no PNG or JPEG picture (%zu bytes)", name, n);
    int number = decode(r, r->codec[kind], p, n), code;
    if (number < 0) {
        char text[AV_ERROR_MAX_STRING_SIZE];
        av_make_error_string(text, sizeof text, number);
        code = err_set(e, ERR_INPUT, "%s: damaged %s picture: %s", name,
                       kind == PNG ? "PNG" : "JPEG", text);
    } else {
        code = scale(r, grey, name, e);
    }
    av_frame_unref(r->frame);
    return code;
}
