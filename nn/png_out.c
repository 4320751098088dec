#include "nn/png_out.h"

#include <libavcodec/avcodec.h>
#include <string.h>

#include "net/base_mem.h"

/* Frame and encoder filled in and the frame sent; 0 or a number of the libraries. */
static int encode(AVCodecContext *c, AVFrame *f, AVPacket *packet, const AVCodec *codec,
    const struct picture *p)
{
    if (codec == NULL || c == NULL || f == NULL || packet == NULL)
        return codec == NULL ? AVERROR_ENCODER_NOT_FOUND : AVERROR(ENOMEM);
    f->width = c->width = (int)p->w;
    f->height = c->height = (int)p->h;
    f->format = c->pix_fmt = AV_PIX_FMT_RGB24;
    c->time_base = (AVRational){ 1, 1 };
    c->thread_count = 1;
    int r = av_frame_get_buffer(f, 0);
    if (r < 0)
        return r;
    for (uint32_t y = 0; y < p->h; y++)
        memcpy(f->data[0] + (ptrdiff_t)y * f->linesize[0], p->rgb + (size_t)y * p->w * 3,
            (size_t)p->w * 3);
    r = avcodec_open2(c, codec, NULL);
    if (r >= 0)
        r = avcodec_send_frame(c, f);
    return r < 0 ? r : avcodec_receive_packet(c, packet);
}

uint8_t *png_bytes(const struct picture *p, size_t *n, struct err *e)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    AVCodecContext *c = avcodec_alloc_context3(codec);
    AVFrame *f = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    uint8_t *bytes = NULL;
    int r = encode(c, f, packet, codec, p);
    if (r == 0) {
        *n = (size_t)packet->size;
        bytes = mem_new(*n, 1);
        r = bytes == NULL ? AVERROR(ENOMEM) : 0;
    }
    if (r == 0) {
        memcpy(bytes, packet->data, *n);
    } else {
        char text[AV_ERROR_MAX_STRING_SIZE];
        av_make_error_string(text, sizeof text, r);
        err_set(e, ERR_FAILED, "a PNG picture cannot be made: %s", text);
    }
    av_packet_free(&packet);
    av_frame_free(&f);
    avcodec_free_context(&c);
    return bytes;
}
