#include "proto/pack.h"

#include <string.h>

static uint32_t blocks(uint32_t all, uint32_t size)
{
    return (all + size - 1) / size;
}

/* The least size with more blocks than this one, 0: there is none. */
static uint32_t smaller(uint32_t all, uint32_t size)
{
    return size <= 1 ? 0 : blocks(all, blocks(all, size - 1));
}

/* The least size with as few blocks as the largest one that is at most `room`. */
static uint32_t largest(uint32_t all, uint64_t room)
{
    return room >= all ? all : blocks(all, blocks(all, (uint32_t)room));
}

/* Bytes of a ciphertext and of an answer without its results. A weight polynomial's transform and a
 * product count for less than they take at 100 MB/s, which would be 10,000 and 1,660: so bytes come
 * first, and of plans that are nearly alike the quicker one is taken. (With those numbers the
 * published network takes 7% less processor time and 5% more bytes, which is a loss below 490
 * Mbit/s.) */
enum { INPUT = 209000, ANSWER = 86000, WEIGHT = 1000, PRODUCT = 1000 };

uint64_t pack_cost(const struct pack *p)
{
    uint64_t nf = p->nf, nc = p->nc, no = p->no;
    return INPUT * nf * nc + ANSWER * nf * no + WEIGHT * nc * no + PRODUCT * nf * nc * no;
}

/* No block sizes can do better: every coefficient in use. */
static uint64_t cost_least(const struct pack *p, uint64_t tiles)
{
    uint64_t words = tiles * p->h * p->w, c = p->channels, o = p->filters;
    return (INPUT * c + ANSWER * o + PRODUCT * c * o) * (words / p->n);
}

/* The best blocks for the tiles of q, if better than `best`: then *p becomes that plan. */
static uint64_t choose_blocks(struct pack *p, struct pack q, uint64_t best)
{
    uint64_t room = q.n / ((uint64_t)q.h * q.w), tiles = (uint64_t)q.frames * q.ny * q.nx;
    if (tiles > UINT32_MAX || cost_least(&q, tiles) >= best)
        return best;
    for (q.f = largest((uint32_t)tiles, room); q.f > 0; q.f = smaller((uint32_t)tiles, q.f))
        for (q.c = largest(q.channels, room / q.f); q.c > 0; q.c = smaller(q.channels, q.c)) {
            q.o = largest(q.filters, room / q.f / q.c);
            q.nf = blocks((uint32_t)tiles, q.f);
            q.nc = blocks(q.channels, q.c);
            q.no = blocks(q.filters, q.o);
            if (q.nc > PACK_SUM || pack_cost(&q) >= best)
                continue;
            best = pack_cost(&q);
            *p = q;
        }
    return best;
}

static int choose(struct pack *p)
{
    uint64_t best = UINT64_MAX;
    struct pack q = *p;
    for (q.th = q.oh; q.th > 0; q.th = smaller(q.oh, q.th))
        for (q.tw = q.ow; q.tw > 0; q.tw = smaller(q.ow, q.tw)) {
            q.ny = blocks(q.oh, q.th);
            q.nx = blocks(q.ow, q.tw);
            q.h = (q.th - 1) * q.sh + q.kh;
            q.w = (q.tw - 1) * q.sw + q.kw;
            if ((uint64_t)q.h * q.w <= q.n)
                best = choose_blocks(p, q, best);
        }
    return best == UINT64_MAX ? -1 : 0;
}

static void plan_layer(struct pack *p, const struct geometry *g, uint32_t frames)
{
    *p = (struct pack){
        .frames = frames, .channels = g->c, .filters = g->oc, .in_h = g->h, .in_w = g->w,
        .kh = g->kh, .kw = g->kw, .sh = g->sh, .sw = g->sw, .oh = g->oh, .ow = g->ow,
        .top = g->top, .left = g->left
    };
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
        .frames = 1, .channels = g->c, .filters = g->oh, .in_h = 1, .in_w = g->oc, .kh = 1,
        .kw = 1, .sh = 1, .sw = 1, .oh = 1, .ow = g->oc
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
    return choose(p);
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

/* A tile: of which frame, its first output, its outputs. */
struct tile {
    uint32_t frame, y, x, rows, columns;
};

static struct tile tile_of(const struct pack *p, uint32_t number)
{
    struct tile t = { .frame = number / p->nx / p->ny, .y = number / p->nx % p->ny * p->th,
                      .x = number % p->nx * p->tw };
    t.rows = p->oh - t.y < p->th ? p->oh - t.y : p->th;
    t.columns = p->ow - t.x < p->tw ? p->ow - t.x : p->tw;
    return t;
}

static uint32_t tiles_end(const struct pack *p, uint32_t f)
{
    return end_of(f, p->f, p->frames * p->ny * p->nx);
}

/* One channel of a tile's inputs: x begins at the frame and the channel. */
static void tile_input(uint64_t *to, const struct pack *p, const struct tile *t, const uint64_t *x)
{
    int64_t top = (int64_t)t->y * p->sh - p->top, left = (int64_t)t->x * p->sw - p->left;
    int64_t first = left < 0 ? -left : 0, end = p->in_w - left < p->w ? p->in_w - left : p->w;
    for (int64_t i = 0; i < p->h; i++) {
        if (top + i < 0 || top + i >= p->in_h)
            continue;
        for (int64_t j = first; j < end; j++)
            to[i * p->w + j] = x[(size_t)(top + i) * p->at.y + (size_t)(left + j) * p->at.x];
    }
}

void pack_input(uint64_t *poly, const struct pack *p, uint32_t f, uint32_t c, const uint64_t *x)
{
    memset(poly, 0, p->n * sizeof *poly);
    for (uint32_t v = f * p->f; v < tiles_end(p, f); v++) {
        struct tile t = tile_of(p, v);
        for (uint32_t ch = c * p->c; ch < end_of(c, p->c, p->channels); ch++)
            tile_input(poly + ((size_t)(v - f * p->f) * p->c + ch - c * p->c) * p->h * p->w, p, &t,
                       x + t.frame * p->at.frame + ch * p->at.channel);
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
    size_t positions = 0;
    for (uint32_t v = f * p->f; v < tiles_end(p, f); v++) {
        struct tile t = tile_of(p, v);
        positions += (size_t)t.rows * t.columns;
    }
    return positions * (end_of(o, p->o, p->filters) - o * p->o);
}

size_t pack_useful(const struct pack *p, uint32_t f, uint32_t o, uint32_t *coefficient,
                   uint32_t *result)
{
    size_t picture = (size_t)p->h * p->w, block = p->c * picture, n = 0;
    for (uint32_t k = o * p->o; k < end_of(o, p->o, p->filters); k++)
        for (uint32_t v = f * p->f; v < tiles_end(p, f); v++) {
            struct tile t = tile_of(p, v);
            size_t at = ((size_t)(k - o * p->o) * p->f + v - f * p->f + 1) * block - picture;
            size_t to = t.frame * p->at.out_frame + k * p->at.out_filter;
            for (uint32_t y = 0; y < t.rows; y++)
                for (uint32_t x = 0; x < t.columns; x++, n++) {
                    coefficient[n] = (uint32_t)(at + (size_t)(y * p->sh + p->kh - 1) * p->w +
                                                x * p->sw + p->kw - 1);
                    result[n] = (uint32_t)(to + (t.y + y) * p->at.out_y +
                                           (t.x + x) * p->at.out_x);
                }
        }
    return n;
}
