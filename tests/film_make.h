/*
 * film_make.h: films for tests, with what the program's own writer does not make: time stamps of
 * one's own, a display matrix, further streams.
 */
#ifndef OB_TESTS_FILM_MAKE_H
#define OB_TESTS_FILM_MAKE_H

#include "tests/check.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct film_plan {
    const char *path;
    int w, h;
    unsigned n;
    const int64_t *pts;         /* in tenths of a second; NULL: one a frame */
    const int32_t *matrix;      /* 9 numbers, or NULL */
    /* Grey level of a pixel. */
    uint8_t (*grey)(const struct film_plan *f, unsigned frame, int x, int y);
};

static inline void film_drain(AVCodecContext *c, AVFormatContext *out, AVPacket *p)
{
    while (avcodec_receive_packet(c, p) == 0) {
        p->duration = 1;
        av_packet_rescale_ts(p, c->time_base, out->streams[0]->time_base);
        CHECK_EQ(av_interleaved_write_frame(out, p), 0);
    }
}

static inline void film_frames(const struct film_plan *f, AVCodecContext *c, AVFormatContext *out)
{
    AVFrame *frame = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    frame->width = f->w;
    frame->height = f->h;
    frame->format = AV_PIX_FMT_YUV420P;
    CHECK_EQ(av_frame_get_buffer(frame, 0), 0);
    for (unsigned k = 0; k < f->n; k++) {
        CHECK_EQ(av_frame_make_writable(frame), 0);
        for (int y = 0; y < f->h; y++)
            for (int x = 0; x < f->w; x++)
                frame->data[0][y * frame->linesize[0] + x]
                    = (uint8_t)(16 + f->grey(f, k, x, y) * 219 / 255);
        for (int plane = 1; plane < 3; plane++)
            memset(frame->data[plane], 128, (size_t)frame->linesize[plane] * (size_t)(f->h / 2));
        frame->pts = f->pts != NULL ? f->pts[k] : (int64_t)k;
        frame->quality = c->global_quality;
        CHECK_EQ(avcodec_send_frame(c, frame), 0);
        film_drain(c, out, p);
    }
    avcodec_send_frame(c, NULL);
    film_drain(c, out, p);
    av_packet_free(&p);
    av_frame_free(&frame);
}

static inline void film_matrix(AVStream *s, const int32_t *matrix)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    AVPacketSideData *side = av_packet_side_data_new(&s->codecpar->coded_side_data,
        &s->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *matrix, 0);
    uint8_t *to = side != NULL ? side->data : NULL;
#else
    uint8_t *to = av_stream_new_side_data(s, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *matrix);
#endif
    CHECK(to != NULL);
    memcpy(to, matrix, 9 * sizeof *matrix);
}

static inline void film_make(const struct film_plan *f)
{
    AVFormatContext *out = NULL;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    AVCodecContext *c = avcodec_alloc_context3(codec);
    av_log_set_level(AV_LOG_QUIET);
    CHECK(avformat_alloc_output_context2(&out, NULL, NULL, f->path) >= 0);
    c->width = f->w;
    c->height = f->h;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){ 1, 10 };
    c->flags |= AV_CODEC_FLAG_QSCALE;
    c->global_quality = FF_QP2LAMBDA * 2;
    if (out->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    CHECK_EQ(avcodec_open2(c, codec, NULL), 0);
    AVStream *s = avformat_new_stream(out, NULL);
    CHECK(avcodec_parameters_from_context(s->codecpar, c) >= 0);
    s->time_base = c->time_base;
    if (f->matrix != NULL)
        film_matrix(s, f->matrix);
    CHECK(avio_open(&out->pb, f->path, AVIO_FLAG_WRITE) >= 0);
    CHECK(avformat_write_header(out, NULL) >= 0);
    film_frames(f, c, out);
    CHECK_EQ(av_write_trailer(out), 0);
    avio_closep(&out->pb);
    avformat_free_context(out);
    avcodec_free_context(&c);
}

#endif
