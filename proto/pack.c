#include "proto/pack.h"

#include <string.h>

static uint32_t blocks(uint32_t all, uint32_t size)
{
    return (all + size - 1) / size;
}

/* Bytes of both messages, and a product as what it costs in time at 100 MB/s, about. */
static double weight_of(const struct pack *p, uint32_t f, uint32_t c, uint32_t o)
{
    const double input = 209e3, answer = 86e3, product = 25e3;
    double nf = blocks(p->frames, f), nc = blocks(p->channels, c), no = blocks(p->filters, o);
    return input * nf * nc + answer * nf * no + product * nf * nc * no;
}

static int choose_blocks(struct pack *p)
{
    uint32_t room = p->n / (p->h * p->w);
    double best = -1;
    for (uint32_t f = 1; f <= p->frames && f <= room; f++)
        for (uint32_t c = 1; c <= p->channels && f * c <= room; c++) {
            uint32_t o = room / (f * c) < p->filters ? room / (f * c) : p->filters;
            double weight = weight_of(p, f, c, o);
            if (best >= 0 && weight >= best)
                continue;
            best = weight;
            p->f = f;
            p->c = c;
            p->o = o;
        }
    if (best < 0)
        return -1;
    p->nf = blocks(p->frames, p->f);
    p->nc = blocks(p->channels, p->c);
    p->no = blocks(p->filters, p->o);
    return 0;
}

static void plan_layer(struct pack *p, const struct geometry *g, uint32_t frames)
{
    *p = (struct pack){
        .frames = frames, .channels = g->c, .filters = g->oc, .in_h = g->h, .in_w = g->w,
        .kh = g->kh, .kw = g->kw, .sh = g->sh, .sw = g->sw, .oh = g->oh, .ow = g->ow,
        .top = g->top, .left = g->left
    };
    uint32_t h = (g->oh - 1) * g->sh + g->kh, w = (g->ow - 1) * g->sw + g->kw;
    p->h = h > g->h + g->top ? h : g->h + g->top;
    p->w = w > g->w + g->left ? w : g->w + g->left;
    p->at = (struct pack_layout){
        .frame = geometry_in(g), .y = (size_t)g->w * g->c, .x = g->c, .channel = 1,
        .w_channel = g->oc, .w_filter = 1, .w_y = (size_t)g->kw * g->c * g->oc,
        .w_x = (size_t)g->c * g->oc, .out_frame = geometry_out(g),
        .out_y = (size_t)g->ow * g->oc, .out_x = g->oc, .out_filter = 1
    };
}

static void plan_selection(struct pack *p, const struct geometry *g)
{
    *p = (struct pack){
        .frames = 1, .channels = g->c, .filters = g->oh, .h = 1, .w = g->oc, .in_h = 1,
        .in_w = g->oc, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .oh = 1, .ow = g->oc
    };
    p->at = (struct pack_layout){ .x = 1, .channel = g->oc, .w_channel = 1, .w_filter = g->c,
                                  .out_x = 1, .out_filter = g->oc };
}

int pack_plan(struct pack *p, const struct geometry *g, uint32_t frames, unsigned n)
{
    if (frames > 0)
        plan_layer(p, g, frames);
    else
        plan_selection(p, g);
    p->n = n;
    return (uint64_t)p->h * p->w > n ? -1 : choose_blocks(p);
}

size_t pack_masked(const struct pack *p)
{
    return (size_t)p->frames * p->channels * p->in_h * p->in_w;
}

size_t pack_results(const struct pack *p)
{
    return (size_t)p->frames * p->filters * p->oh * p->ow;
}

static uint32_t end_of(uint32_t block, uint32_t size, uint32_t all)
{
    uint32_t end = (block + 1) * size;
    return end < all ? end : all;
}

void pack_input(uint64_t *poly, const struct pack *p, uint32_t f, uint32_t c, const uint64_t *x)
{
    size_t picture = (size_t)p->h * p->w, block = p->c * picture;
    memset(poly, 0, p->n * sizeof *poly);
    for (uint32_t fr = f * p->f; fr < end_of(f, p->f, p->frames); fr++)
        for (uint32_t ch = c * p->c; ch < end_of(c, p->c, p->channels); ch++)
            for (uint32_t i = 0; i < p->in_h; i++) {
                uint64_t *to = poly + (fr - f * p->f) * block + (ch - c * p->c) * picture +
                               (size_t)(i + p->top) * p->w + p->left;
                const uint64_t *from = x + fr * p->at.frame + i * p->at.y + ch * p->at.channel;
                for (uint32_t j = 0; j < p->in_w; j++)
                    to[j] = from[j * p->at.x];
            }
}

void pack_weight(uint64_t *poly, const struct pack *p, uint32_t o, uint32_t c, const uint64_t *w)
{
    size_t picture = (size_t)p->h * p->w, block = (size_t)p->f * p->c * picture;
    memset(poly, 0, p->n * sizeof *poly);
    for (uint32_t k = o * p->o; k < end_of(o, p->o, p->filters); k++)
        for (uint32_t ch = c * p->c; ch < end_of(c, p->c, p->channels); ch++)
            for (uint32_t a = 0; a < p->kh; a++)
                for (uint32_t b = 0; b < p->kw; b++)
                    poly[(k - o * p->o) * block + (p->c - 1 - (ch - c * p->c)) * picture +
                         (size_t)(p->kh - 1 - a) * p->w + (p->kw - 1 - b)] =
                        w[a * p->at.w_y + b * p->at.w_x + ch * p->at.w_channel +
                          k * p->at.w_filter];
}

size_t pack_useful_count(const struct pack *p, uint32_t f, uint32_t o)
{
    return (size_t)(end_of(f, p->f, p->frames) - f * p->f) *
           (end_of(o, p->o, p->filters) - o * p->o) * p->oh * p->ow;
}

size_t pack_useful(const struct pack *p, uint32_t f, uint32_t o, uint32_t *coefficient,
                   uint32_t *result)
{
    size_t picture = (size_t)p->h * p->w, block = p->c * picture, n = 0;
    for (uint32_t k = o * p->o; k < end_of(o, p->o, p->filters); k++)
        for (uint32_t fr = f * p->f; fr < end_of(f, p->f, p->frames); fr++)
            for (uint32_t y = 0; y < p->oh; y++)
                for (uint32_t x = 0; x < p->ow; x++, n++) {
                    coefficient[n] = (uint32_t)((k - o * p->o) * p->f * block +
                                                (fr - f * p->f) * block + (p->c - 1) * picture +
                                                (size_t)(y * p->sh + p->kh - 1) * p->w +
                                                (x * p->sw + p->kw - 1));
                    result[n] = (uint32_t)(fr * p->at.out_frame + y * p->at.out_y +
                                           x * p->at.out_x + k * p->at.out_filter);
                }
    return n;
}
