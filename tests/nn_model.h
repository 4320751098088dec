/*
 * nn_model.h: for tests of models: random networks of the whole family, an evaluation in double
 * straight from the definitions (nothing of it is shared with the program), and the data beside
 * the project.
 */
#ifndef OB_TESTS_NN_MODEL_H
#define OB_TESTS_NN_MODEL_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "tests/check.h"

static inline unsigned pick(uint64_t *seed, unsigned low, unsigned high)
{
    return low + (unsigned)(check_random(seed) % (high - low + 1));
}

static inline double unit(uint64_t *seed)
{
    return (double)(check_random(seed) >> 11) * 0x1p-53;
}

static inline void random_layers(struct network *net, uint64_t *seed)
{
    for (unsigned i = pick(seed, 1, 6); i > 0; i--) {
        struct layer l = { .kh = pick(seed, 1, 3), .kw = pick(seed, 1, 3),
                           .sh = pick(seed, 1, 2), .sw = pick(seed, 1, 2),
                           .same = pick(seed, 0, 2) == 0, .bias = pick(seed, 0, 3) > 0,
                           .units = pick(seed, 1, 5), .epsilon = 1e-3f };
        static const uint8_t kinds[] = { LAYER_CONV, LAYER_CONV, LAYER_CONV, LAYER_AVGPOOL,
                                         LAYER_MAXPOOL, LAYER_RELU, LAYER_RELU, LAYER_BATCHNORM,
                                         LAYER_DROPOUT, LAYER_DENSE };
        l.kind = kinds[pick(seed, 0, sizeof kinds - 1)];
        network_add(net, l, NULL);
        if (l.kind == LAYER_CONV && pick(seed, 0, 1) == 1)
            network_add(net, (struct layer){ .kind = LAYER_RELU }, NULL);
    }
}

/* A finished network of up to a dozen layers on a small picture. */
static inline void random_network(struct network *net, uint64_t *seed)
{
    do {
        network_init(net, pick(seed, 1, 9), pick(seed, 1, 9), pick(seed, 1, 3));
        random_layers(net, seed);
        network_add(net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
        if (pick(seed, 0, 2) == 0)
            network_add(net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f }, NULL);
        network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = pick(seed, 2, 7),
                                         .bias = 1 }, NULL);
        static const uint8_t ends[] = { LAYER_EXACT_SOFTMAX, LAYER_APPROX_SOFTMAX, LAYER_RELU };
        unsigned end = pick(seed, 0, 3);
        if (end < 3)
            network_add(net, (struct layer){ .kind = ends[end] }, NULL);
    } while (network_finish(net, NULL) != 0);
}

static inline void random_weights(struct model *m, uint64_t *seed)
{
    for (size_t k = 0; k < m->net.nparameter; k++)
        m->data[k] = (float)(2 * unit(seed) - 1);
    for (unsigned i = 0; i < m->net.nlayer; i++)
        for (size_t k = 0; m->net.layer[i].kind == LAYER_BATCHNORM && k < m->net.layer[i].g.c; k++)
            m->weight[i][3 * m->net.layer[i].g.c + k] = (float)(0.2 + unit(seed));
}

/* The padding before the first row or column, from the definition of `same`. */
static inline long plain_before(long in, long k, long s, int same)
{
    long out = (in + s - 1) / s, all = (out - 1) * s + k - in;
    return same && all > 0 ? all / 2 : 0;
}

/* Output (y, x, o) of layer i. */
static inline double plain_value(const struct model *m, unsigned i, const double *in, long y,
                                 long x, long o)
{
    const struct layer *l = &m->net.layer[i];
    const struct geometry *g = &l->g;
    long h = g->h, w = g->w, c = g->c, kh = l->kh, kw = l->kw, count = 0;
    int linear = l->kind == LAYER_CONV;
    double sum = 0, top = -HUGE_VAL;
    if (l->kind == LAYER_DENSE) {
        for (long k = 0; k < c; k++)
            sum += in[(y * w + x) * c + k] * (double)m->weight[i][k * (long)l->units + o];
        return sum + (m->bias[i] != NULL ? (double)m->bias[i][o] : 0);
    }
    for (long a = 0; a < kh; a++)
        for (long b = 0; b < kw; b++) {
            long row = y * (long)l->sh + a - plain_before(h, kh, l->sh, l->same);
            long col = x * (long)l->sw + b - plain_before(w, kw, l->sw, l->same);
            if (row < 0 || row >= h || col < 0 || col >= w)
                continue;
            count++;
            for (long k = linear ? 0 : o; k < (linear ? c : o + 1); k++) {
                double v = in[(row * w + col) * c + k];
                top = fmax(top, v);
                sum += linear ? v * (double)m->weight[i][((a * kw + b) * c + k) *
                                                         (long)l->units + o] : v;
            }
        }
    if (linear)
        return sum + (m->bias[i] != NULL ? (double)m->bias[i][o] : 0);
    return l->kind == LAYER_MAXPOOL ? top : sum / (double)count;
}

static inline double plain_point(const struct model *m, unsigned i, const double *in, size_t k)
{
    const struct layer *l = &m->net.layer[i];
    size_t c = l->g.c, o = k % c, n = geometry_out(&l->g);
    const float *p = m->weight[i];
    double sum = 0, top = in[0];
    switch (l->kind) {
    case LAYER_RELU:
        return fmax(in[k], 0);
    case LAYER_BATCHNORM:
        return (double)p[o] * (in[k] - (double)p[2 * c + o]) /
               sqrt((double)p[3 * c + o] + (double)l->epsilon) + (double)p[c + o];
    case LAYER_APPROX_SOFTMAX:
        for (size_t j = 0; j < n; j++)
            sum += fmax(in[j], 0);
        return sum > 0 ? fmax(in[k], 0) / sum : 1 / (double)n;
    case LAYER_EXACT_SOFTMAX:
        for (size_t j = 0; j < n; j++)
            top = fmax(top, in[j]);
        for (size_t j = 0; j < n; j++)
            sum += exp(in[j] - top);
        return exp(in[k] - top) / sum;
    }
    return in[k];
}

/* Layer i on `in`: a block from malloc. */
static inline double *plain_layer(const struct model *m, unsigned i, const double *in)
{
    const struct layer *l = &m->net.layer[i];
    const struct geometry *g = &l->g;
    double *out = malloc(geometry_out(g) * sizeof *out);
    int window = l->kind == LAYER_CONV || l->kind == LAYER_DENSE || l->kind == LAYER_AVGPOOL ||
                 l->kind == LAYER_MAXPOOL;
    for (size_t k = 0; k < geometry_out(g); k++) {
        long o = (long)(k % g->oc), x = (long)(k / g->oc % g->ow), y = (long)(k / g->oc / g->ow);
        out[k] = window ? plain_value(m, i, in, y, x, o) : plain_point(m, i, in, k);
    }
    return out;
}

/* All layers; out[i] are blocks from malloc. */
static inline void plain_run(const struct model *m, const double *frame,
                             double *out[NETWORK_LAYERS])
{
    for (unsigned i = 0; i < m->net.nlayer; i++)
        out[i] = plain_layer(m, i, i == 0 ? frame : out[i - 1]);
}

/* A whole file, from malloc; NULL when it cannot be read. */
static inline uint8_t *file_read_all(const char *name, size_t *n)
{
    FILE *f = fopen(name, "rb");
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = malloc(*n + 1);
    if (p == NULL || fread(p, 1, *n, f) != *n) {
        free(p);
        p = NULL;
    }
    fclose(f);
    return p;
}

/* A file of the data folder beside the project; NULL when it is not there. */
static inline uint8_t *data_read(const char *path, size_t *n)
{
    const char *folder = getenv("OBSCURA_DATA"), *source = getenv("srcdir");
    char name[1024];
    if (folder != NULL)
        snprintf(name, sizeof name, "%s/%s", folder, path);
    else
        snprintf(name, sizeof name, "%s/../shared/data/%s", source != NULL ? source : ".", path);
    return file_read_all(name, n);
}

/* A case that needs this file of the data folder, or its skip. */
static inline void data_case(const char *path, const char *name, void (*fn)(void))
{
    size_t n;
    uint8_t *there = data_read(path, &n);
    if (there != NULL)
        check_case(name, fn);
    else
        check_skip(name, "no data folder; set OBSCURA_DATA");
    free(there);
}

#define DATA_CASE(path, fn) data_case(path, #fn, fn)

#endif
