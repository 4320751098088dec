#include "nn/mtcnn_net.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/conv_row.h"

enum { STRIP = 16, FEATURE_EDGE = 3, HEAD_MOST = 16 };

/* A layer with its weights in blocks. */
struct ready {
    unsigned kh, kw, cin, cout;     /* kh 0: dense */
    float *weight, *bias, *alpha;   /* alpha NULL: linear */
};

/* What follows a convolution: nothing, or a pool. */
struct pool {
    unsigned k;
    int same;
};

static const struct pool pools[MTCNN_NETS][4] = {
    { { 2, 1 }, { 0, 0 }, { 0, 0 } },
    { { 3, 1 }, { 3, 0 }, { 0, 0 } },
    { { 3, 1 }, { 3, 0 }, { 2, 1 }, { 0, 0 } },
};

struct mtcnn_net {
    unsigned which, nconv, n;       /* convolutions, and all layers, the heads as one */
    struct ready layer[MTCNN_LAYERS];
    float *scratch[2];              /* activations, in turn */
    size_t room;                    /* floats in each */
    float *feature, *hidden, *head; /* of a batch */
};

/* ---- pooling ---- */

unsigned mtcnn_pooled(unsigned edge, unsigned k, int same)
{
    return same ? (edge + 1) / 2 : edge < k ? 0 : (edge - k) / 2 + 1;
}

/* Padding before the first pixel. */
static unsigned pad_of(unsigned edge, unsigned k, int same)
{
    unsigned need = same ? (mtcnn_pooled(edge, k, 1) - 1) * 2 + k : edge;
    return need > edge ? (need - edge) / 2 : 0;
}

static void pool_pixel(float *out, const float *in, unsigned w, unsigned c, unsigned rows,
    unsigned columns)
{
    memcpy(out, in, c * sizeof *out);
    for (unsigned i = 0; i < rows; i++)
        for (unsigned j = 0; j < columns; j++) {
            const float *p = in + ((size_t)i * w + j) * c;
            for (unsigned k = 0; k < c; k++)
                out[k] = p[k] > out[k] ? p[k] : out[k];
        }
}

/* First pixel and length of window i along an edge. */
static unsigned window(unsigned *n, unsigned i, unsigned edge, unsigned k, unsigned pad)
{
    unsigned first = 2 * i < pad ? 0 : 2 * i - pad, end = 2 * i + k - pad;
    *n = (end < edge ? end : edge) - first;
    return first;
}

void mtcnn_pool(float *out, const float *in, unsigned h, unsigned w, unsigned c, unsigned k,
    int same)
{
    unsigned oh = mtcnn_pooled(h, k, same), ow = mtcnn_pooled(w, k, same);
    unsigned top = pad_of(h, k, same), left = pad_of(w, k, same);
    for (unsigned i = 0; i < oh; i++) {
        unsigned rows, y = window(&rows, i, h, k, top);
        for (unsigned j = 0; j < ow; j++, out += c) {
            unsigned columns, x = window(&columns, j, w, k, left);
            pool_pixel(out, in + ((size_t)y * w + x) * c, w, c, rows, columns);
        }
    }
}

/* ---- making ready ---- */

/* Rows of a dense layer behind a convolution come width-outermost; here height is outermost. */
static void reorder(float *to, const float *from, unsigned cin, unsigned cout)
{
    unsigned c = cin / (FEATURE_EDGE * FEATURE_EDGE);
    for (unsigned y = 0; y < FEATURE_EDGE; y++)
        for (unsigned x = 0; x < FEATURE_EDGE; x++)
            memcpy(to + (size_t)(y * FEATURE_EDGE + x) * c * cout,
                from + (size_t)(x * FEATURE_EDGE + y) * c * cout, (size_t)c * cout * sizeof *to);
}

static int ready_init(struct ready *r, const struct mtcnn_layer *l, const float *weight,
    const float *bias, const float *alpha)
{
    size_t k = (l->kh == 0 ? 1 : l->kh * l->kw) * (size_t)l->cin;
    *r = (struct ready){ .kh = l->kh, .kw = l->kw, .cin = l->cin, .cout = l->cout };
    r->weight = mem_new(conv_blocks(l->cout) * k, CONV_BLOCK * sizeof *r->weight);
    r->bias = mem_new(l->cout, sizeof *r->bias);
    r->alpha = alpha != NULL ? mem_new(l->cout, sizeof *r->alpha) : NULL;
    if (r->weight == NULL || r->bias == NULL || (alpha != NULL && r->alpha == NULL))
        return -1;
    conv_pack(r->weight, weight, k, l->cout);
    memcpy(r->bias, bias, l->cout * sizeof *bias);
    if (alpha != NULL)
        memcpy(r->alpha, alpha, l->cout * sizeof *alpha);
    return 0;
}

/* A layer with slopes. The first dense one is put into our order. */
static int body_init(struct ready *r, const struct mtcnn_layer *l, const float *const t[3],
    int first_dense)
{
    if (!first_dense)
        return ready_init(r, l, t[0], t[1], t[2]);
    float *ours = mem_new((size_t)l->cin * l->cout, sizeof *ours);
    int bad = ours == NULL;
    if (!bad) {
        reorder(ours, t[0], l->cin, l->cout);
        bad = ready_init(r, l, ours, t[1], t[2]) != 0;
    }
    mem_free(ours);
    return bad ? -1 : 0;
}

/* All heads side by side. */
static int heads_init(struct ready *r, const struct mtcnn_layer *l, const float *const *t)
{
    struct mtcnn_layer all = *l;
    float bias[HEAD_MOST], *weight = mem_new((size_t)l->cin * HEAD_MOST, sizeof *weight);
    unsigned at = 0;
    if (weight == NULL)
        return -1;
    all.cout = 0;
    for (const struct mtcnn_layer *i = l; i->name != NULL; i++)
        all.cout += i->cout;
    for (; l->name != NULL; at += l->cout, l++, t += 2) {
        for (unsigned k = 0; k < l->cin; k++)
            memcpy(weight + k * all.cout + at, t[0] + k * l->cout, l->cout * sizeof *weight);
        memcpy(bias + at, t[1], l->cout * sizeof *bias);
    }
    int bad = ready_init(r, &all, weight, bias, NULL);
    mem_free(weight);
    return bad;
}

static int layers_init(struct mtcnn_net *net, const struct mtcnn_weights *w)
{
    const struct mtcnn_layer *l = mtcnn_layers[net->which];
    const float *const *t = w->tensor;
    for (; l->slopes != NULL; l++, t += 3, net->n++) {
        int first_dense = l->kh == 0 && net->nconv == net->n;
        net->nconv += l->kh != 0;
        if (body_init(&net->layer[net->n], l, t, first_dense) != 0)
            return -1;
    }
    return heads_init(&net->layer[net->n++], l, t);
}

static int scratch_need(struct mtcnn_net *net, size_t room)
{
    if (room <= net->room)
        return 0;
    for (int i = 0; i < 2; i++) {
        mem_free(net->scratch[i]);
        net->scratch[i] = mem_new(room, sizeof **net->scratch);
    }
    net->room = net->scratch[0] != NULL && net->scratch[1] != NULL ? room : 0;
    return net->room != 0 ? 0 : -1;
}

static int batch_init(struct mtcnn_net *net)
{
    const struct ready *dense = &net->layer[net->nconv];
    unsigned edge = mtcnn_patch_edge(net->which);
    net->feature = mem_new((size_t)MTCNN_BATCH * dense->cin, sizeof(float));
    net->hidden = mem_new((size_t)MTCNN_BATCH * dense->cout, sizeof(float));
    net->head = mem_new((size_t)MTCNN_BATCH * HEAD_MOST, sizeof(float));
    return net->feature == NULL || net->hidden == NULL || net->head == NULL
        || scratch_need(net, (size_t)edge * edge * net->layer[0].cout) != 0;
}

struct mtcnn_net *mtcnn_net_new(const struct mtcnn_weights *w, unsigned which, struct err *e)
{
    struct mtcnn_net *net = mem_new(1, sizeof *net);
    if (net != NULL) {
        net->which = which;
        if (layers_init(net, w) == 0 && (which == MTCNN_P || batch_init(net) == 0))
            return net;
    }
    mtcnn_net_free(net);
    err_set(e, ERR_FAILED, "no memory for a face detector");
    return NULL;
}

void mtcnn_net_free(struct mtcnn_net *net)
{
    if (net == NULL)
        return;
    for (unsigned i = 0; i < MTCNN_LAYERS; i++) {
        mem_free(net->layer[i].weight);
        mem_free(net->layer[i].bias);
        mem_free(net->layer[i].alpha);
    }
    for (int i = 0; i < 2; i++) {
        if (net->scratch[i] != NULL)
            wipe(net->scratch[i], net->room * sizeof(float));
        mem_free(net->scratch[i]);
    }
    mem_free(net->feature);
    mem_free(net->hidden);
    mem_free(net->head);
    mem_free(net);
}

/* ---- running ---- */

static void conv(const struct ready *l, float *out, const float *in, unsigned h, unsigned w)
{
    unsigned oh = h - l->kh + 1, ow = w - l->kw + 1;
    struct conv_row r = {
        .step = l->cin, .pitch = (size_t)w * l->cin, .n = ow, .runs = l->kh,
        .length = l->kw * l->cin, .weight = l->weight, .bias = l->bias, .alpha = l->alpha,
        .cout = l->cout
    };
    for (unsigned y = 0; y < oh; y++) {
        r.in = in + (size_t)y * w * l->cin;
        r.out = out + (size_t)y * ow * l->cout;
        conv_row(&r);
    }
}

static void dense(const struct ready *l, float *out, const float *in, unsigned n)
{
    conv_row(&(struct conv_row){
        .in = in, .step = l->cin, .n = n, .runs = 1, .length = l->cin, .weight = l->weight,
        .bias = l->bias, .alpha = l->alpha, .cout = l->cout, .out = out
    });
}

/* The convolutions and pools; the result lies in one of the scratch blocks. */
static const float *convs(struct mtcnn_net *net, const float *in, unsigned h, unsigned w)
{
    unsigned turn = 0;
    for (unsigned i = 0; i < net->nconv; i++) {
        const struct ready *l = &net->layer[i];
        const struct pool *p = &pools[net->which][i];
        conv(l, net->scratch[turn], in, h, w);
        in = net->scratch[turn];
        h -= l->kh - 1;
        w -= l->kw - 1;
        turn = !turn;
        if (p->k == 0)
            continue;
        mtcnn_pool(net->scratch[turn], in, h, w, l->cout, p->k, p->same);
        in = net->scratch[turn];
        h = mtcnn_pooled(h, p->k, p->same);
        w = mtcnn_pooled(w, p->k, p->same);
        turn = !turn;
    }
    return in;
}

unsigned mtcnn_cells(unsigned edge)
{
    unsigned pooled = edge > 2 ? mtcnn_pooled(edge - 2, 2, 1) : 0;
    return pooled > 4 ? pooled - 4 : 0;
}

/* A strip of rows at a time: its activations stay in the cache, and memory does not grow with the
 * height. Rows of cells y to y + n - 1 need level rows 2 y to 2 (y + n + 4) + 1. */
int mtcnn_run_p(struct mtcnn_net *net, const float *level, unsigned h, unsigned w,
    int (*row)(void *ctx, unsigned y, const float *cells), void *ctx, struct err *e)
{
    unsigned rows = mtcnn_cells(h), columns = mtcnn_cells(w);
    const struct ready *head = &net->layer[net->nconv];
    int code = 0;
    if (columns == 0)
        return 0;
    if (scratch_need(net, (size_t)2 * (STRIP + 4) * w * 16) != 0)
        return err_set(e, ERR_FAILED, "no memory for a picture %u wide", w);
    for (unsigned y = 0; y < rows && code == 0; y += STRIP) {
        unsigned n = rows - y < STRIP ? rows - y : STRIP;
        unsigned end = 2 * (y + n + 4) + 2;
        const float *in = convs(net, level + (size_t)2 * y * w * 3, (end < h ? end : h) - 2 * y, w);
        float *out = net->scratch[in == net->scratch[0]];
        dense(head, out, in, n * columns);
        for (unsigned k = 0; k < n && code == 0; k++)
            code = row(ctx, y + k, out + (size_t)k * columns * head->cout);
    }
    return code;
}

unsigned mtcnn_patch_edge(unsigned net)
{
    return net == MTCNN_R ? 24 : 48;
}

const float *mtcnn_run_patches(struct mtcnn_net *net, const float *patches, unsigned n)
{
    unsigned edge = mtcnn_patch_edge(net->which);
    const struct ready *body = &net->layer[net->nconv];
    for (unsigned k = 0; k < n; k++)
        memcpy(net->feature + (size_t)k * body->cin,
            convs(net, patches + (size_t)k * edge * edge * 3, edge, edge),
            body->cin * sizeof(float));
    dense(body, net->hidden, net->feature, n);
    dense(body + 1, net->head, net->hidden, n);
    return net->head;
}
