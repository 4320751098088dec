#include "nn/fixed_range.h"

#include <string.h>

#include "net/base_mem.h"

enum { WEIGHT_BITS = 40 };      /* products of longer weights could overflow even 128 bits */

typedef __int128 wide;

/* An interval that grows to hold what it is shown. */
struct hull {
    wide low, high;
};

static void hull_take(struct hull *h, wide low, wide high)
{
    h->low = low < h->low ? low : h->low;
    h->high = high > h->high ? high : h->high;
}

/* Smallest b with v < 2^b, for v >= 0. */
static unsigned bits_below(wide v)
{
    unsigned b = 0;
    while (b < 126 && v >> b != 0)
        b++;
    return b;
}

/* Bits of the two's complement numbers in the hull. */
static unsigned hull_width(const struct hull *h)
{
    wide below = -(h->low + 1);
    return 1 + bits_below(h->high > below ? h->high : below);
}

/* Smallest b with |v| < 2^b. */
static unsigned hull_magnitude(const struct hull *h)
{
    return bits_below(h->high > -h->low ? h->high : -h->low);
}

static int range_init(struct range *r, size_t n, struct err *e)
{
    *r = (struct range){ .n = n, .low = mem_new(n, sizeof(int64_t)),
                         .high = mem_new(n, sizeof(int64_t)) };
    if (r->low != NULL && r->high != NULL)
        return 0;
    range_fini(r);
    return err_set(e, ERR_FAILED, "no memory to prove the ranges of the network");
}

void range_fini(struct range *r)
{
    if (r->low != NULL)
        wipe(r->low, r->n * sizeof *r->low);
    if (r->high != NULL)
        wipe(r->high, r->n * sizeof *r->high);
    mem_free(r->low);
    mem_free(r->high);
    *r = (struct range){ 0 };
}

int range_pixels(struct range *r, size_t channels, unsigned frac, struct err *e)
{
    int code = range_init(r, channels, e);
    for (size_t c = 0; code == 0 && c < channels; c++)
        r->high[c] = INT64_C(1) << frac;
    return code;
}

int window_overhangs(const struct geometry *g)
{
    return g->top > 0 || g->left > 0 || (g->oh - 1) * g->sh + g->kh > g->h ||
           (g->ow - 1) * g->sw + g->kw > g->w;
}

/* Channel c of the stage's input. A stage behind a flattening has more channels than the range:
 * each position repeats them. Where windows hang over an edge, zero is an input too. */
static struct hull input_of(const struct range *r, size_t c, int padded)
{
    struct hull h = { .low = r->low[c % r->n], .high = r->high[c % r->n] };
    if (padded)
        hull_take(&h, 0, 0);
    return h;
}

/* The sum of products of output channel o. */
static int product_of(struct hull *sum, const struct range *r, const struct geometry *g,
                      const int64_t *w, const int64_t *bias, size_t o)
{
    int padded = window_overhangs(g);
    size_t depth = geometry_depth(g);
    sum->low = sum->high = bias[o];
    for (size_t t = 0; t < depth; t++) {
        struct hull x = input_of(r, t % g->c, padded);
        wide v = w[t * g->oc + o];
        if (v >> WEIGHT_BITS != 0 && v >> WEIGHT_BITS != -1)
            return 0;
        sum->low += v > 0 ? v * x.low : v * x.high;
        sum->high += v > 0 ? v * x.high : v * x.low;
    }
    return hull_magnitude(sum) <= 61;
}

static int range_linear(struct range *out, const struct range *in, struct stage *s,
                        const int64_t *w, const int64_t *bias, struct err *e)
{
    const struct geometry *g = &s->g;
    struct hull products = { 0 }, values = { 0 };
    int code = range_init(out, g->oc, e);
    for (size_t o = 0; code == 0 && o < g->oc; o++) {
        struct hull v;
        if (!product_of(&v, in, g, w, bias, o)) {
            range_fini(out);
            return err_set(e, ERR_INPUT, "output channel %zu can reach 2^%u before truncation, "
                           "and 2^61 is the limit: use fewer fraction bits, or smaller weights",
                           o, hull_magnitude(&v) - 1);
        }
        hull_take(&products, v.low, v.high);
        v.low = (v.low >> s->shift) - 1;
        v.high = (v.high >> s->shift) + 1;
        hull_take(&values, v.low, v.high);
        out->low[o] = s->relu && v.low < 0 ? 0 : (int64_t)v.low;
        out->high[o] = s->relu && v.high < 0 ? 0 : (int64_t)v.high;
    }
    s->product_bits = (uint8_t)hull_magnitude(&products);
    s->width = (uint8_t)hull_width(&values);
    return code;
}

/* Fewest and most pixels of a window that lie inside, along one axis. */
static void window_count(uint32_t in, uint32_t k, uint32_t s, uint32_t before, uint32_t out,
                         wide *least, wide *most)
{
    *least = k;
    *most = 0;
    for (uint32_t p = 0; p < out; p++) {
        int64_t from = (int64_t)p * s - before, to = from + k;
        int64_t n = (to < (int64_t)in ? to : (int64_t)in) - (from > 0 ? from : 0);
        *least = n < *least ? n : *least;
        *most = n > *most ? n : *most;
    }
}

static int range_pool(struct range *out, const struct range *in, struct stage *s, struct err *e)
{
    const struct geometry *g = &s->g;
    wide least = 1, most = 1, columns_least, columns_most;
    struct hull values = { 0 };
    int sum = s->kind == STAGE_SUMPOOL, code = range_init(out, g->oc, e);
    if (sum) {
        window_count(g->h, g->kh, g->sh, g->top, g->oh, &least, &most);
        window_count(g->w, g->kw, g->sw, g->left, g->ow, &columns_least, &columns_most);
        least *= columns_least;
        most *= columns_most;
    }
    for (size_t c = 0; code == 0 && c < g->oc; c++) {
        struct hull v = input_of(in, c, 0), x = input_of(in, c, window_overhangs(g));
        v.low *= v.low < 0 ? most : least;
        v.high *= v.high > 0 ? most : least;
        hull_take(&values, v.low, v.high);
        if (!sum)       /* maxima are taken by the signs of differences */
            hull_take(&values, x.low - x.high, x.high - x.low);
        out->low[c] = (int64_t)v.low;
        out->high[c] = (int64_t)v.high;
    }
    if (code == 0 && hull_width(&values) > 61) {
        range_fini(out);
        return err_set(e, ERR_INPUT, "the pool's values can reach 2^60: use fewer fraction bits, "
                       "or smaller weights");
    }
    s->width = (uint8_t)hull_width(&values);
    s->product_bits = 0;
    return code;
}

static int range_relu(struct range *out, const struct range *in, struct stage *s, struct err *e)
{
    struct hull values = { 0 };
    int code = range_init(out, s->g.oc, e);
    for (size_t c = 0; code == 0 && c < s->g.oc; c++) {
        struct hull v = input_of(in, c, 0);
        hull_take(&values, v.low, v.high);
        out->low[c] = v.low < 0 ? 0 : (int64_t)v.low;
        out->high[c] = v.high < 0 ? 0 : (int64_t)v.high;
    }
    s->width = (uint8_t)hull_width(&values);
    s->product_bits = 0;
    return code;
}

int range_stage(struct range *out, const struct range *in, struct stage *s, const int64_t *weight,
                const int64_t *bias, struct err *e)
{
    switch (s->kind) {
    case STAGE_LINEAR:
        return range_linear(out, in, s, weight, bias, e);
    case STAGE_RELU:
        return range_relu(out, in, s, e);
    default:
        return range_pool(out, in, s, e);
    }
}

int range_round(struct stage *s, struct err *e)
{
    static const uint8_t widths[] = { 16, 18, 20, 22, 24, 28, 32, 36, 40, 44, 48 };
    unsigned limit = s->kind == STAGE_LINEAR && s->shift > 13 ? 61u - s->shift : 48u;
    if (s->width > limit)
        return err_set(e, ERR_INPUT, "its values need %u bits, and %u are possible: use fewer "
                       "fraction bits, or smaller weights", s->width, limit);
    unsigned width = limit;
    for (size_t i = sizeof widths; i-- > 0; )
        if (widths[i] >= s->width && widths[i] < width)
            width = widths[i];
    s->width = (uint8_t)width;
    if (s->kind == STAGE_LINEAR) {
        unsigned bits = (s->product_bits + 3u) / 4 * 4;
        s->product_bits = (uint8_t)(bits > 61 ? 61 : bits < 4 ? 4 : bits);
    }
    return 0;
}
