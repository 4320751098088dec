#include "nn/backprop_st.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/scores.h"

/* n floats from the block, on a cache line; while it is only being measured, NULL. */
static float *lay_floats(struct backprop *bp, size_t *at, size_t n)
{
    float *p = bp->memory != NULL ? bp->memory + *at : NULL;
    *at += (n + 15) / 16 * 16;
    return p;
}

static int in_place(const struct network *net, unsigned i)
{
    unsigned kind = net->layer[i].kind;
    return kind == LAYER_RELU || kind == LAYER_DROPOUT || kind == LAYER_FLATTEN;
}

static void lay_layer(struct backprop *bp, unsigned i, size_t *at)
{
    const struct layer *l = &bp->m->net.layer[i];
    size_t out = bp->lot * geometry_out(&l->g);
    if (in_place(&bp->m->net, i))
        bp->y[i] = i == 0 ? bp->input : bp->y[i - 1];
    else
        bp->y[i] = lay_floats(bp, at, out);
    if (l->kind == LAYER_DROPOUT)
        bp->keep[i] = lay_floats(bp, at, out);
    if (l->kind == LAYER_MAXPOOL)
        bp->winner[i] = (uint32_t *)(void *)lay_floats(bp, at, out);
    if (l->kind == LAYER_BATCHNORM)
        bp->stat[i] = lay_floats(bp, at, 2 * (size_t)l->g.c);
}

/* Gives every array its place in the block; returns the floats in all. */
static size_t lay_out(struct backprop *bp)
{
    const struct network *net = &bp->m->net;
    size_t at = 0, widest = (size_t)net->h * net->w * net->c, scratch = 0;
    bp->input = lay_floats(bp, &at, bp->lot * widest);
    for (unsigned i = 0; i <= bp->last; i++) {
        const struct layer *l = &net->layer[i];
        size_t wants = l->kind == LAYER_CONV || l->kind == LAYER_DENSE ? linear_scratch(l) : 0;
        lay_layer(bp, i, &at);
        if (geometry_out(&l->g) > widest)
            widest = geometry_out(&l->g);
        if (wants > scratch)
            scratch = wants;
    }
    bp->d[0] = lay_floats(bp, &at, bp->lot * widest);
    bp->d[1] = lay_floats(bp, &at, bp->lot * widest);
    bp->patches = lay_floats(bp, &at, scratch);
    return at;
}

static unsigned logit_layer(const struct network *net)
{
    unsigned last = net->nlayer - 1, kind = net->layer[last].kind;
    return kind == LAYER_EXACT_SOFTMAX || kind == LAYER_APPROX_SOFTMAX ? last - 1 : last;
}

struct backprop *backprop_new(const struct model *m, const struct blas *blas, unsigned lot,
                              struct err *e)
{
    struct backprop *bp = mem_new(1, sizeof *bp);
    if (bp != NULL) {
        *bp = (struct backprop){ .m = m, .blas = blas, .lot = lot, .last = logit_layer(&m->net) };
        while (bp->first < bp->last && m->net.layer[bp->first].nweight == 0)
            bp->first++;
        bp->count = lay_out(bp);
        bp->memory = mem_new(bp->count, sizeof *bp->memory);
    }
    if (bp == NULL || bp->memory == NULL) {
        err_set(e, ERR_FAILED, "no memory to train with lots of %u samples; try a smaller --batch",
                lot);
        backprop_free(bp);
        return NULL;
    }
    lay_out(bp);
    return bp;
}

void backprop_free(struct backprop *bp)
{
    if (bp == NULL)
        return;
    if (bp->memory != NULL)
        wipe(bp->memory, bp->count * sizeof *bp->memory);
    mem_free(bp->memory);
    mem_free(bp);
}

float *backprop_input(struct backprop *bp)
{
    return bp->input;
}

const float *backprop_logits(const struct backprop *bp)
{
    return bp->y[bp->last];
}

const float *backprop_dropout(const struct backprop *bp, unsigned i)
{
    return bp->keep[i];
}

static void relu_forward(float *y, size_t n)
{
    for (size_t k = 0; k < n; k++)
        y[k] = y[k] > 0 ? y[k] : 0;
}

static void relu_backward(float *restrict d, const float *restrict y, size_t n)
{
    for (size_t k = 0; k < n; k++)
        d[k] = y[k] > 0 ? d[k] : 0;
}

/* Four draws of 16 bits from each word. */
static void dropout_forward(float *y, float *keep, size_t n, float rate, struct chance c)
{
    const unsigned limit = (unsigned)(65536 * (double)rate);
    const float factor = 65536.0f / (float)(65536 - (limit < 65536 ? limit : 65535));
    uint64_t bits = 0;
    for (size_t k = 0; k < n; k++) {
        bits = k % 4 == 0 ? chance_u64(&c) : bits >> 16;
        keep[k] = (bits & 0xffff) >= limit ? factor : 0;
        y[k] *= keep[k];
    }
}

static void forward_layer(struct backprop *bp, unsigned i, unsigned n, const struct chance *drop)
{
    const struct layer *l = &bp->m->net.layer[i];
    const float *x = i == 0 ? bp->input : bp->y[i - 1];
    float *y = bp->y[i];
    size_t out = n * geometry_out(&l->g);
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_DENSE:
        linear_forward(bp, i, y, x, n);
        break;
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        pool_forward(l, y, x, n, bp->winner[i]);
        break;
    case LAYER_RELU:
        relu_forward(y, out);
        break;
    case LAYER_BATCHNORM:
        norm_forward(l, bp->m->weight[i], y, x, n, drop != NULL ? bp->stat[i] : NULL);
        break;
    case LAYER_DROPOUT:
        if (drop != NULL)
            dropout_forward(y, bp->keep[i], out, l->rate, chance_of(drop->state, i, 0, 0));
        break;
    default:            /* flatten */
        break;
    }
}

void backprop_forward(struct backprop *bp, unsigned n, const struct chance *dropout)
{
    for (unsigned i = 0; i <= bp->last; i++)
        forward_layer(bp, i, n, dropout);
}

/* Probabilities of one sample; returns log of the sum that they were divided by, in u's units. */
static double sample_softmax(double *p, const float *u, size_t n)
{
    double top = (double)u[0], sum = 0;
    for (size_t k = 0; k < n; k++)
        top = fmax(top, (double)u[k]);
    for (size_t k = 0; k < n; k++) {
        p[k] = exp((double)u[k] - top);
        sum += p[k];
    }
    for (size_t k = 0; k < n; k++)
        p[k] /= sum;
    return top + log(sum);
}

static double target(size_t k, unsigned label, double smoothing, size_t n)
{
    return (k == label ? 1 - smoothing : 0) + smoothing / (double)n;
}

double backprop_loss(const struct backprop *bp, unsigned n, const uint8_t *label,
                     double smoothing, size_t *right)
{
    size_t classes = bp->m->net.nclass;
    const float *u = backprop_logits(bp);
    double p[NETWORK_CLASSES], loss = 0;
    for (unsigned s = 0; s < n; s++, u += classes) {
        double whole = sample_softmax(p, u, classes);
        for (size_t k = 0; k < classes; k++)
            loss += target(k, label[s], smoothing, classes) * (whole - (double)u[k]);
        if (right != NULL)
            *right += scores_label(p, classes) == label[s];
    }
    return loss;
}

static void loss_backward(const struct backprop *bp, float *d, unsigned n, const uint8_t *label,
                          double smoothing, double scale)
{
    size_t classes = bp->m->net.nclass;
    const float *u = backprop_logits(bp);
    double p[NETWORK_CLASSES];
    for (unsigned s = 0; s < n; s++, u += classes, d += classes) {
        sample_softmax(p, u, classes);
        for (size_t k = 0; k < classes; k++)
            d[k] = (float)(scale * (p[k] - target(k, label[s], smoothing, classes)));
    }
}

/* From dy, the derivatives by the output of layer i, to those by its input, in dy itself or in
 * `other`; returns where they are. */
static float *backward_layer(struct backprop *bp, unsigned i, unsigned n, double scale, float *dy,
                             float *other, float *grad)
{
    const struct layer *l = &bp->m->net.layer[i];
    const struct model *m = bp->m;
    const float *x = i == 0 ? bp->input : bp->y[i - 1];
    float *dx = i > bp->first ? other : NULL;
    float *dw = m->weight[i] != NULL ? grad + (m->weight[i] - m->data) : NULL;
    float *db = m->bias[i] != NULL ? grad + (m->bias[i] - m->data) : NULL;
    size_t out = n * geometry_out(&l->g);
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_DENSE:
        linear_backward(bp, i, dx, dy, x, n, dw, db);
        return dx;
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        pool_backward(l, dx, dy, n, bp->winner[i]);
        return dx;
    case LAYER_BATCHNORM:
        norm_backward(l, m->weight[i], dx, dy, x, n, bp->stat[i], scale, dw);
        return dx;
    case LAYER_RELU:
        relu_backward(dy, bp->y[i], out);
        return dy;
    case LAYER_DROPOUT:
        for (size_t k = 0; k < out; k++)
            dy[k] *= bp->keep[i][k];
        return dy;
    default:            /* flatten */
        return dy;
    }
}

void backprop_backward(struct backprop *bp, unsigned n, const uint8_t *label, double smoothing,
                       double scale, float *grad)
{
    float *d = bp->d[0];
    loss_backward(bp, d, n, label, smoothing, scale);
    for (unsigned i = bp->last + 1; i-- > bp->first;)
        d = backward_layer(bp, i, n, scale, d, d == bp->d[0] ? bp->d[1] : bp->d[0], grad);
}
