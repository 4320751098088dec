/*
 * cascade_scan.c: a cascade slid over the sizes and places of a picture (cascade.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/cascade.h"

#define STEP 1.1                /* from a size to the next */
#define ALIKE 0.2               /* windows are alike within this part of their size */

enum { WINDOWS_MOST = 4000 };

/* Sums over all pixels above and to the left, modulo 2^32: differences over a window are exact. */
struct level {
    unsigned w, h;
    double scale;               /* picture pixels per level pixel */
    uint32_t *sum, *square;     /* (h + 1) x (w + 1) */
    float *row;                 /* of the shrinking */
    struct placed *feature;     /* of the cascade */
};

/* A feature with its rectangles' corners as places in the sums. */
struct placed {
    unsigned n;
    struct { uint32_t a, b, c, d; float weight; } rect[CASCADE_RECTS];
};

struct window {
    double x, y, w, h;
    unsigned group;
};

struct windows {
    struct window *at;
    unsigned n;
};

/* ---- one size ---- */

/* The mean grey of the area that a level pixel covers, row by row, into the sums. */
static void level_fill(struct level *l, const uint8_t *grey, unsigned w, unsigned h, size_t pitch)
{
    size_t wide = l->w + 1;
    memset(l->sum, 0, wide * sizeof *l->sum);
    memset(l->square, 0, wide * sizeof *l->square);
    for (unsigned i = 0; i < l->h; i++) {
        unsigned top = (unsigned)((uint64_t)i * h / l->h);
        unsigned bottom = (unsigned)((uint64_t)(i + 1) * h / l->h);
        memset(l->row, 0, w * sizeof *l->row);
        for (unsigned y = top; y < bottom; y++)
            for (unsigned x = 0; x < w; x++)
                l->row[x] += grey[y * pitch + x];
        const uint32_t *up = l->sum + i * wide, *squares_up = l->square + i * wide;
        uint32_t sum = 0, square = 0, *s = l->sum + (i + 1) * wide, *q = l->square + (i + 1) * wide;
        s[0] = q[0] = 0;
        for (unsigned j = 0; j < l->w; j++) {
            unsigned left = (unsigned)((uint64_t)j * w / l->w);
            unsigned right = (unsigned)((uint64_t)(j + 1) * w / l->w);
            float mean = 0;
            for (unsigned x = left; x < right; x++)
                mean += l->row[x];
            uint32_t v = (uint32_t)(mean / (float)((right - left) * (bottom - top)) + 0.5f);
            sum += v;
            square += v * v;
            s[j + 1] = up[j + 1] + sum;
            q[j + 1] = squares_up[j + 1] + square;
        }
    }
}

static uint32_t area_sum(const uint32_t *p, size_t wide, unsigned x, unsigned y, unsigned w,
    unsigned h)
{
    const uint32_t *a = p + y * wide + x, *b = a + h * wide;
    return b[w] - b[0] - a[w] + a[0];
}

static void place_features(struct placed *to, const struct cascade *c, unsigned wide)
{
    for (unsigned i = 0; i < c->nfeature; i++, to++) {
        const struct cascade_feature *f = &c->feature[i];
        to->n = f->n;
        for (unsigned k = 0; k < f->n; k++) {
            to->rect[k].a = f->rect[k].y * wide + f->rect[k].x;
            to->rect[k].b = to->rect[k].a + f->rect[k].w;
            to->rect[k].c = to->rect[k].a + f->rect[k].h * wide;
            to->rect[k].d = to->rect[k].c + f->rect[k].w;
            to->rect[k].weight = f->rect[k].weight;
        }
    }
}

static float feature_value(const struct placed *f, const uint32_t *sum)
{
    float v = 0;
    for (unsigned k = 0; k < f->n; k++)
        v += f->rect[k].weight * (float)(sum[f->rect[k].d] - sum[f->rect[k].c]
            - sum[f->rect[k].b] + sum[f->rect[k].a]);
    return v;
}

static float tree_value(const struct cascade *c, const struct cascade_tree *t,
    const struct placed *feature, const uint32_t *sum, float norm)
{
    int at = 0;
    do {
        const struct cascade_node *n = &c->node[t->node + (unsigned)at];
        float v = feature_value(&feature[n->feature], sum) * norm;
        at = v < n->threshold ? n->left : n->right;
    } while (at > 0);
    return c->leaf[t->leaf + (unsigned)-at];
}

/* One over (area times the standard deviation) of the window's inside; 0 for a flat one. */
static float contrast(const struct cascade *c, const struct level *l, size_t at)
{
    size_t wide = l->w + 1;
    unsigned w = c->w - 2, h = c->h - 2;
    double sum = area_sum(l->sum + at, wide, 1, 1, w, h), area = (double)w * h;
    double spread = area * area_sum(l->square + at, wide, 1, 1, w, h) - sum * sum;
    return spread > 0 && sqrt(spread) > 10 * area ? (float)(1 / sqrt(spread)) : 0;
}

/* How many stages a window passes. */
static unsigned passed(const struct cascade *c, const struct level *l, unsigned x, unsigned y)
{
    size_t wide = l->w + 1, at = y * wide + x;
    float norm = contrast(c, l, at);
    unsigned k = 0;
    for (; norm > 0 && k < c->nstage; k++) {
        const struct cascade_stage *s = &c->stage[k];
        float sum = 0;
        for (unsigned t = 0; t < s->n; t++)
            sum += tree_value(c, &c->tree[s->first + t], l->feature, l->sum + at, norm);
        if (sum < s->threshold)
            break;
    }
    return k;
}

static void scan_level(struct windows *out, const struct cascade *c, const struct level *l)
{
    unsigned step = l->scale > 2 ? 1 : 2;
    for (unsigned y = 0; y + c->h <= l->h; y += step) {
        for (unsigned x = 0; x + c->w <= l->w; x += step) {
            unsigned k = passed(c, l, x, y);
            if (k == c->nstage && out->n < WINDOWS_MOST)
                out->at[out->n++] = (struct window){ .x = x * l->scale, .y = y * l->scale,
                    .w = c->w * l->scale, .h = c->h * l->scale };
            x += k == 0 ? step : 0;         /* neighbours of what fails at once fail too */
        }
    }
}

static int level_scan(struct windows *out, const struct cascade *c, const uint8_t *grey, unsigned w,
    unsigned h, size_t pitch, double scale)
{
    struct level l = { .w = (unsigned)(w / scale), .h = (unsigned)(h / scale), .scale = scale };
    size_t cells = (size_t)(l.w + 1) * (l.h + 1);
    if (l.w < c->w || l.h < c->h)
        return 0;
    l.sum = mem_new(cells, sizeof *l.sum);
    l.square = mem_new(cells, sizeof *l.square);
    l.row = mem_new(w, sizeof *l.row);
    l.feature = mem_new(c->nfeature, sizeof *l.feature);
    int bad = l.sum == NULL || l.square == NULL || l.row == NULL || l.feature == NULL;
    if (!bad) {
        place_features(l.feature, c, l.w + 1);
        level_fill(&l, grey, w, h, pitch);
        scan_level(out, c, &l);
        wipe(l.sum, cells * sizeof *l.sum);
        wipe(l.square, cells * sizeof *l.square);
    }
    mem_free(l.sum);
    mem_free(l.square);
    mem_free(l.row);
    mem_free(l.feature);
    return bad;
}

/* ---- putting windows together ---- */

static int alike(const struct window *a, const struct window *b)
{
    double most = ALIKE * ((a->w < b->w ? a->w : b->w) + (a->h < b->h ? a->h : b->h)) / 2;
    return fabs(a->x - b->x) <= most && fabs(a->y - b->y) <= most
        && fabs(a->x + a->w - b->x - b->w) <= most && fabs(a->y + a->h - b->y - b->h) <= most;
}

/* Windows that are alike get the same group, and so do those that others connect. */
static void group(struct windows *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        s->at[i].group = i;
        for (unsigned j = 0; j < i; j++) {
            unsigned from = s->at[i].group, to = s->at[j].group;
            if (from == to || !alike(&s->at[i], &s->at[j]))
                continue;
            for (unsigned k = 0; k <= i; k++)
                if (s->at[k].group == from)
                    s->at[k].group = to;
        }
    }
}

static struct cascade_find mean_of(const struct windows *s, unsigned of)
{
    struct cascade_find f = { 0 };
    for (unsigned k = 0; k < s->n; k++) {
        const struct window *x = &s->at[k];
        if (x->group != of)
            continue;
        f.x += x->x;
        f.y += x->y;
        f.w += x->w;
        f.h += x->h;
        f.votes++;
    }
    double n = f.votes > 0 ? f.votes : 1;
    return (struct cascade_find){ f.x / n, f.y / n, f.w / n, f.h / n, f.votes };
}

static int votes_order(const void *a, const void *b)
{
    const struct cascade_find *x = a, *y = b;
    if (x->votes != y->votes)
        return x->votes > y->votes ? -1 : 1;
    return x->x < y->x ? -1 : x->x > y->x;
}

/* The centre of b lies in a. */
static int covers(const struct cascade_find *a, const struct cascade_find *b)
{
    double x = b->x + b->w / 2, y = b->y + b->h / 2;
    return x >= a->x && x <= a->x + a->w && y >= a->y && y <= a->y + a->h;
}

/* Most votes first; what lies in something better is dropped. */
static void gather(struct cascade_finds *out, const struct windows *s, unsigned votes)
{
    struct cascade_finds all = { 0 };
    for (unsigned k = 0; k < s->n && all.n < FACES_MAX; k++) {
        struct cascade_find f = mean_of(s, k);
        if (f.votes >= votes)
            all.find[all.n++] = f;
    }
    qsort(all.find, all.n, sizeof *all.find, votes_order);
    out->n = 0;
    for (unsigned k = 0; k < all.n; k++) {
        int inside = 0;
        for (unsigned j = 0; j < out->n && !inside; j++)
            inside = covers(&out->find[j], &all.find[k]) || covers(&all.find[k], &out->find[j]);
        if (!inside)
            out->find[out->n++] = all.find[k];
    }
}

int cascade_scan(struct cascade_finds *out, const struct cascade *c, const uint8_t *grey,
    unsigned w, unsigned h, size_t pitch, double least, double most, unsigned votes,
    struct err *e)
{
    struct windows s = { .at = mem_new(WINDOWS_MOST, sizeof *s.at) };
    int bad = s.at == NULL;
    double scale = least > c->w ? least / c->w : 1;
    for (; !bad && scale * c->w <= most && scale * c->w <= w && scale * c->h <= h; scale *= STEP)
        bad = level_scan(&s, c, grey, w, h, pitch, scale);
    if (!bad) {
        group(&s);
        gather(out, &s, votes > 0 ? votes : 1);
    }
    mem_free(s.at);
    return bad ? err_set(e, ERR_FAILED, "no memory to look for faces") : 0;
}
