/*
 * weights_safetensors_write.c: a model as safetensors. See weights_safetensors.h.
 *
 * Tensors stand in the order of the model's block, so their data are that block.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/keras.h"
#include "nn/weights_safetensors.h"

/* A header under construction. */
struct writing {
    json_t *header;
    size_t at;                  /* floats so far */
    int bad;                    /* no memory */
};

static void put_tensor(struct writing *w, const char *title, const char *kind, json_t *shape,
                       size_t n)
{
    char name[NETWORK_NAME + 24];
    snprintf(name, sizeof name, "%s.%s", title, kind);
    json_t *tensor = json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                               "data_offsets", (json_int_t)(4 * w->at),
                               (json_int_t)(4 * (w->at + n)));
    w->bad |= json_object_set_new(w->header, name, tensor) != 0;
    w->at += n;
}

static void put_layer(struct writing *w, const struct layer *l, const char *title)
{
    static const char *const norm[] = { "gamma", "beta", "moving_mean", "moving_variance" };
    const struct geometry *g = &l->g;
    if (l->nweight == 0)
        return;
    if (l->kind == LAYER_BATCHNORM) {
        for (size_t k = 0; k < sizeof norm / sizeof *norm; k++)
            put_tensor(w, title, norm[k], json_pack("[i]", (int)g->c), g->c);
        return;
    }
    json_t *shape = l->kind == LAYER_CONV
                        ? json_pack("[i, i, i, i]", (int)g->kh, (int)g->kw, (int)g->c, (int)g->oc)
                        : json_pack("[i, i]", (int)g->c, (int)g->oc);
    put_tensor(w, title, "kernel", shape, l->nweight);
    if (l->nbias > 0)
        put_tensor(w, title, "bias", json_pack("[i]", (int)g->oc), l->nbias);
}

static json_t *classes_json(const struct network *net)
{
    char text[NETWORK_CLASSES * FIXED_NAME], *p = text;
    for (unsigned c = 0; c < net->nclass; c++) {
        for (const char *name = net->class_name[c]; *name != '\0'; name++)
            *p++ = *name == ',' ? ';' : *name;
        *p++ = c + 1 < net->nclass ? ',' : '\0';
    }
    return json_string(text);
}

static json_t *metadata(const struct network *net)
{
    char *architecture = keras_write(net);
    json_t *meta = architecture == NULL ? NULL
                   : json_pack("{s:s, s:s, s:o}", "format", "keras", "architecture", architecture,
                               "classes", classes_json(net));
    free(architecture);
    if (meta != NULL && net->layer[net->nlayer - 1].kind == LAYER_APPROX_SOFTMAX &&
        json_object_set_new(meta, "softmax", json_string("approximate")) != 0) {
        json_decref(meta);
        return NULL;
    }
    return meta;
}

static char *header_write(const struct network *net)
{
    char title[NETWORK_LAYERS][NETWORK_NAME];
    struct writing w = { .header = json_pack("{s:o}", "__metadata__", metadata(net)) };
    network_titles(title, net);
    for (unsigned i = 0; w.header != NULL && i < net->nlayer; i++)
        put_layer(&w, &net->layer[i], title[i]);
    char *text = w.header != NULL && !w.bad ? json_dumps(w.header, JSON_COMPACT) : NULL;
    json_decref(w.header);
    return text;
}

uint8_t *weights_safetensors_bytes(const struct model *m, size_t *n)
{
    char *header = header_write(&m->net);
    if (header == NULL)
        return NULL;
    size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    *n = 8 + padded + m->net.nparameter * sizeof(float);
    uint8_t *p = mem_new(*n, 1);
    if (p != NULL) {
        put_u64(p, padded);
        memset(p + 8, ' ', padded);
        memcpy(p + 8, header, length);
        memcpy(p + 8 + padded, m->data, m->net.nparameter * sizeof(float));
    }
    free(header);
    return p;
}
