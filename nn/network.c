#include "nn/network.h"

#include <string.h>

static const char *const kind_names[LAYER_KINDS] = {
    [LAYER_CONV] = "convolution",
    [LAYER_AVGPOOL] = "average pool",
    [LAYER_MAXPOOL] = "max pool",
    [LAYER_DENSE] = "dense",
    [LAYER_RELU] = "relu",
    [LAYER_FLATTEN] = "flatten",
    [LAYER_BATCHNORM] = "batch normalisation",
    [LAYER_DROPOUT] = "dropout",
    [LAYER_EXACT_SOFTMAX] = "softmax",
    [LAYER_APPROX_SOFTMAX] = "approximate softmax",
};

const char *layer_kind_name(unsigned kind)
{
    return kind > 0 && kind < LAYER_KINDS ? kind_names[kind] : "unknown layer";
}

void network_init(struct network *net, uint32_t h, uint32_t w, uint32_t c)
{
    memset(net, 0, sizeof *net);
    net->h = h;
    net->w = w;
    net->c = c;
}

int network_add(struct network *net, struct layer layer, struct err *e)
{
    if (net->nlayer >= NETWORK_LAYERS)
        return err_set(e, ERR_INPUT, "the network has more than %d layers", NETWORK_LAYERS);
    if (layer.sh == 0)
        layer.sh = 1;
    if (layer.sw == 0)
        layer.sw = 1;
    net->layer[net->nlayer++] = layer;
    return 0;
}

/* "layer 3 (convolution conv2d_2)" before what is wrong with it. */
static int layer_refuse(const struct network *net, unsigned i, const char *what, struct err *e)
{
    const struct layer *l = &net->layer[i];
    const struct geometry *g = &l->g;
    return err_set(e, ERR_INPUT, "layer %u (%s %.*s): %s (input %ux%ux%u, window %ux%u, "
                   "stride %ux%u)", i + 1, layer_kind_name(l->kind), NETWORK_NAME, l->name, what,
                   g->h, g->w, g->c, g->kh, g->kw, g->sh, g->sw);
}

/* Output length along one axis and the padding before it. 0 when the window does not fit. */
static uint32_t window_fit(uint32_t in, uint32_t k, uint32_t s, int same, uint32_t *before)
{
    *before = 0;
    if (!same)
        return k > in ? 0 : (in - k) / s + 1;
    uint32_t out = (in + s - 1) / s, reach = (out - 1) * s + k;
    if (reach > in)
        *before = (reach - in) / 2;
    return out;
}

static int layer_window(struct network *net, unsigned i, struct err *e)
{
    struct layer *l = &net->layer[i];
    struct geometry *g = &l->g;
    if (l->kind != LAYER_CONV && l->kh == 0 && l->kw == 0) {
        l->kh = g->h;
        l->kw = g->w;
    }
    g->kh = l->kh;
    g->kw = l->kw;
    g->sh = l->sh;
    g->sw = l->sw;
    if (g->kh == 0 || g->kw == 0 || g->kh > NETWORK_SIDE || g->kw > NETWORK_SIDE)
        return layer_refuse(net, i, "the window must be 1 to 32768 wide and high", e);
    if (g->sh == 0 || g->sw == 0 || g->sh > NETWORK_SIDE || g->sw > NETWORK_SIDE)
        return layer_refuse(net, i, "the stride must be 1 to 32768", e);
    g->oh = window_fit(g->h, g->kh, g->sh, l->same, &g->top);
    g->ow = window_fit(g->w, g->kw, g->sw, l->same, &g->left);
    if (g->oh == 0 || g->ow == 0)
        return layer_refuse(net, i, "the window is larger than its input", e);
    g->oc = l->kind == LAYER_CONV ? l->units : g->c;
    return 0;
}

/* The shape of layers without a window, as one pixel of window and stride 1. */
static void layer_plain(struct layer *l, uint32_t oh, uint32_t ow, uint64_t oc)
{
    l->g.kh = l->g.kw = l->g.sh = l->g.sw = 1;
    l->g.oh = oh;
    l->g.ow = ow;
    l->g.oc = (uint32_t)oc;
}

static int layer_shape(struct network *net, unsigned i, struct err *e)
{
    struct layer *l = &net->layer[i];
    struct geometry *g = &l->g;
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        return layer_window(net, i, e);
    case LAYER_DENSE:
        layer_plain(l, g->h, g->w, l->units);
        return 0;
    case LAYER_FLATTEN:
        layer_plain(l, 1, 1, (uint64_t)g->h * g->w * g->c);
        return 0;
    case LAYER_EXACT_SOFTMAX:
    case LAYER_APPROX_SOFTMAX:
        layer_plain(l, g->h, g->w, g->c);
        if (i == 0 || i + 1 != net->nlayer)
            return layer_refuse(net, i, "a softmax must be the last layer, behind others", e);
        return 0;
    case LAYER_BATCHNORM:
        layer_plain(l, g->h, g->w, g->c);
        if (!(l->epsilon >= 0 && l->epsilon < 1e3f))
            return layer_refuse(net, i, "epsilon must be a number from 0 to 1000", e);
        return 0;
    case LAYER_RELU:
    case LAYER_DROPOUT:
        layer_plain(l, g->h, g->w, g->c);
        return 0;
    }
    return layer_refuse(net, i, "this kind of layer is not known", e);
}

static int layer_count(struct network *net, unsigned i, struct err *e)
{
    struct layer *l = &net->layer[i];
    const struct geometry *g = &l->g;
    int linear = l->kind == LAYER_CONV || l->kind == LAYER_DENSE;
    if (linear && (l->units == 0 || l->units > NETWORK_VALUES))
        return layer_refuse(net, i, "the number of outputs is zero or too large", e);
    if ((double)g->oh * g->ow * g->oc > NETWORK_VALUES)
        return layer_refuse(net, i, "the output has more than 67108864 values", e);

    double params = linear ? (double)g->kh * g->kw * g->c * g->oc + (l->bias ? g->oc : 0) : 0;
    if (params + (double)net->nparameter > NETWORK_WEIGHTS)
        return layer_refuse(net, i, "the network has more than 268435456 parameters", e);
    l->nweight = linear ? geometry_depth(g) * g->oc : 0;
    l->nbias = linear && l->bias ? g->oc : 0;
    if (l->kind == LAYER_BATCHNORM)
        l->nweight = 4 * (size_t)g->c;
    net->nparameter += l->nweight + l->nbias;
    return 0;
}

static void network_names(struct network *net)
{
    static const char *const emotion[] = {
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"
    };
    int faces = net->nclass == 7 && net->h == 48 && net->w == 48 && net->c == 1;
    for (unsigned i = 0; i < net->nclass; i++) {
        if (net->class_name[i][0] == '\0')
            snprintf(net->class_name[i], FIXED_NAME, faces ? "%s" : "%s%u",
                     faces ? emotion[i] : "class", i);
        network_name_clean(net->class_name[i]);
    }
    for (unsigned i = 0; i < net->nlayer; i++) {
        if (net->layer[i].name[0] == '\0')
            snprintf(net->layer[i].name, NETWORK_NAME, "%u", i + 1);
        network_name_clean(net->layer[i].name);
    }
}

int network_finish(struct network *net, struct err *e)
{
    if (net->nlayer == 0)
        return err_set(e, ERR_INPUT, "the network has no layers");
    if (net->h == 0 || net->w == 0 || net->c == 0 || net->h > NETWORK_SIDE ||
        net->w > NETWORK_SIDE || (double)net->h * net->w * net->c > NETWORK_VALUES)
        return err_set(e, ERR_INPUT, "the network's input of %ux%ux%u is empty or too large",
                       net->h, net->w, net->c);

    uint32_t h = net->h, w = net->w, c = net->c;
    net->nparameter = 0;
    for (unsigned i = 0; i < net->nlayer; i++) {
        struct geometry *g = &net->layer[i].g;
        *g = (struct geometry){ .h = h, .w = w, .c = c };
        int code = layer_shape(net, i, e);
        if (code == 0)
            code = layer_count(net, i, e);
        if (code != 0)
            return code;
        h = g->oh;
        w = g->ow;
        c = g->oc;
    }

    size_t outputs = (size_t)h * w * c;
    if (outputs < 2 || outputs > NETWORK_CLASSES)
        return err_set(e, ERR_INPUT, "the network ends in %zu values; 2 to %d classes are "
                       "possible", outputs, NETWORK_CLASSES);
    net->nclass = (uint32_t)outputs;
    network_names(net);
    return 0;
}

void network_default(struct network *net)
{
    static const struct layer layers[] = {
        { .kind = LAYER_CONV, .kh = 5, .kw = 5, .units = 64, .bias = 1, .name = "conv1" },
        { .kind = LAYER_RELU, .name = "relu1" },
        { .kind = LAYER_AVGPOOL, .kh = 5, .kw = 5, .sh = 2, .sw = 2, .name = "pool1" },
        { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 64, .bias = 1, .name = "conv2" },
        { .kind = LAYER_RELU, .name = "relu2" },
        { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 64, .bias = 1, .name = "conv3" },
        { .kind = LAYER_RELU, .name = "relu3" },
        { .kind = LAYER_AVGPOOL, .kh = 3, .kw = 3, .sh = 2, .sw = 2, .name = "pool2" },
        { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 128, .bias = 1, .name = "conv4" },
        { .kind = LAYER_RELU, .name = "relu4" },
        { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 128, .bias = 1, .name = "conv5" },
        { .kind = LAYER_RELU, .name = "relu5" },
        { .kind = LAYER_AVGPOOL, .kh = 3, .kw = 3, .sh = 2, .sw = 2, .name = "pool3" },
        { .kind = LAYER_FLATTEN, .name = "flatten" },
        { .kind = LAYER_DENSE, .units = 1024, .bias = 1, .name = "fc1" },
        { .kind = LAYER_RELU, .name = "relu6" },
        { .kind = LAYER_DROPOUT, .rate = 0.2f, .name = "dropout1" },
        { .kind = LAYER_DENSE, .units = 1024, .bias = 1, .name = "fc2" },
        { .kind = LAYER_RELU, .name = "relu7" },
        { .kind = LAYER_DROPOUT, .rate = 0.2f, .name = "dropout2" },
        { .kind = LAYER_DENSE, .units = 7, .bias = 1, .name = "fc3" },
        { .kind = LAYER_APPROX_SOFTMAX, .name = "softmax" },
    };
    network_init(net, 48, 48, 1);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        network_add(net, layers[i], NULL);
    network_finish(net, NULL);
}

int network_equal(const struct network *a, const struct network *b)
{
    if (a->h != b->h || a->w != b->w || a->c != b->c || a->nlayer != b->nlayer)
        return 0;
    for (unsigned i = 0; i < a->nlayer; i++) {
        const struct layer *x = &a->layer[i], *y = &b->layer[i];
        if (x->kind != y->kind || x->nbias != y->nbias || x->nweight != y->nweight ||
            memcmp(&x->g, &y->g, sizeof x->g) != 0)
            return 0;
        if (x->kind == LAYER_BATCHNORM && (x->epsilon < y->epsilon || x->epsilon > y->epsilon))
            return 0;
    }
    return 1;
}

size_t layer_macs(const struct layer *l)
{
    int linear = l->kind == LAYER_CONV || l->kind == LAYER_DENSE;
    return linear ? geometry_out(&l->g) * geometry_depth(&l->g) : 0;
}

size_t layer_relus(const struct layer *l)
{
    return l->kind == LAYER_RELU || l->kind == LAYER_APPROX_SOFTMAX ? geometry_out(&l->g) : 0;
}

void network_print(const struct network *net, FILE *out)
{
    size_t macs = 0, relus = 0;
    fprintf(out, "%-4s %-20s %-8s %-6s %-14s %10s %12s %9s\n", "", "layer", "window", "stride",
            "output", "parameters", "mult-adds", "ReLUs");
    fprintf(out, "%-4s %-20s %-8s %-6s %ux%ux%u\n", "", "input", "", "", net->h, net->w, net->c);
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        const struct geometry *g = &l->g;
        char window[24] = "", stride[24] = "", shape[40];
        if (l->kind == LAYER_CONV || l->kind == LAYER_AVGPOOL || l->kind == LAYER_MAXPOOL) {
            snprintf(window, sizeof window, "%ux%u%s", g->kh, g->kw, l->same ? " same" : "");
            snprintf(stride, sizeof stride, "%ux%u", g->sh, g->sw);
        }
        snprintf(shape, sizeof shape, "%ux%ux%u", g->oh, g->ow, g->oc);
        fprintf(out, "%-4u %-20s %-8s %-6s %-14s %10zu %12zu %9zu\n", i + 1,
                layer_kind_name(l->kind), window, stride, shape, l->nweight + l->nbias,
                layer_macs(l), layer_relus(l));
        macs += layer_macs(l);
        relus += layer_relus(l);
    }
    fprintf(out, "%-4s %-51s %14zu %12zu %9zu\n", "", "in all, one frame", net->nparameter, macs,
            relus);
}
