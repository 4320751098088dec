#include "nn/weights_h5.h"

#include <string.h>

#include "net/base_mem.h"
#include "nn/h5.h"
#include "nn/keras.h"

enum { PARTS = 4, PATH_BYTES = 320 };

/* One array of a layer's parameters. */
struct part {
    const char *name;           /* as Keras names the variable */
    float *to;
    float otherwise;            /* its value where Keras left it out */
    int optional;
    int rank;
    uint64_t shape[H5_RANK];
    int found;
};

struct loading {
    struct model *m;
    struct h5 *file;
    uint64_t root;              /* the group of the layers' groups */
    const char *name;           /* of the file */
    unsigned layer;             /* of the network */
    struct part part[PARTS];
    unsigned parts;
    struct err *e;
};

int weights_h5_likely(const uint8_t *p, size_t n)
{
    return n >= 8 && memcmp(p, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static int refuse(const struct loading *l, const char *where, const char *what)
{
    const struct layer *at = &l->m->net.layer[l->layer];
    return err_set(l->e, ERR_INPUT, "%s: layer %u (%s %s), %.100s: %s", l->name, l->layer + 1,
                   layer_kind_name(at->kind), at->name, where, what);
}

/* The arrays that the layer at hand needs. */
static void parts_list(struct loading *l)
{
    const struct layer *layer = &l->m->net.layer[l->layer];
    const struct geometry *g = &layer->g;
    float *w = l->m->weight[l->layer], *b = l->m->bias[l->layer];
    size_t c = g->c;
    if (layer->kind == LAYER_BATCHNORM) {
        const struct part four[PARTS] = {
            { .name = "gamma", .to = w, .otherwise = 1, .optional = 1, .rank = 1, .shape = { c } },
            { .name = "beta", .to = w + c, .optional = 1, .rank = 1, .shape = { c } },
            { .name = "moving_mean", .to = w + 2 * c, .rank = 1, .shape = { c } },
            { .name = "moving_variance", .to = w + 3 * c, .rank = 1, .shape = { c } },
        };
        memcpy(l->part, four, sizeof four);
        l->parts = PARTS;
        return;
    }
    l->part[0] = (struct part){ .name = "kernel", .to = w, .rank = 4,
                                .shape = { g->kh, g->kw, g->c, g->oc } };
    if (layer->kind == LAYER_DENSE)
        l->part[0] = (struct part){ .name = "kernel", .to = w, .rank = 2,
                                    .shape = { g->c, g->oc } };
    l->part[1] = (struct part){ .name = "bias", .to = b, .rank = 1, .shape = { g->oc } };
    l->parts = b != NULL ? 2 : 1;
}

static void shape_print(char text[64], int rank, const uint64_t *shape)
{
    int n = snprintf(text, 64, "(");
    for (int i = 0; i < rank && n < 60; i++)
        n += snprintf(text + n, 64 - (size_t)n, "%s%llu", i > 0 ? "," : "",
                      (unsigned long long)shape[i]);
    snprintf(text + (n < 62 ? n : 62), 2, ")");
}

static int part_read(struct loading *l, struct part *part, uint64_t group, const char *path)
{
    struct h5_array array;
    uint64_t dataset;
    if (h5_find(l->file, group, path, &dataset) != 0)
        return refuse(l, path, "the file lists this array but does not hold it");
    const char *fault = h5_array(&array, l->file, dataset);
    if (fault != NULL)
        return refuse(l, path, fault);
    if (array.rank != part->rank ||
        memcmp(array.shape, part->shape, sizeof *array.shape * (size_t)array.rank) != 0) {
        char want[64], have[64], what[160];
        shape_print(want, part->rank, part->shape);
        shape_print(have, array.rank, array.shape);
        snprintf(what, sizeof what, "expected the shape %s, found %s", want, have);
        return refuse(l, path, what);
    }
    if (part->found)
        return refuse(l, path, "the array is there twice");
    h5_floats(part->to, &array);
    part->found = 1;
    return 0;
}

/* "conv2d_1/kernel:0" names the variable "kernel". */
static struct part *part_named(struct loading *l, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    size_t n = strcspn(base, ":");
    for (unsigned i = 0; i < l->parts; i++)
        if (strlen(l->part[i].name) == n && memcmp(base, l->part[i].name, n) == 0)
            return &l->part[i];
    return NULL;
}

/* Arrays that Keras left out have their neutral value; others must have been found. */
static int parts_complete(struct loading *l, const char *where)
{
    for (unsigned i = 0; i < l->parts; i++) {
        struct part *part = &l->part[i];
        if (part->found)
            continue;
        if (!part->optional) {
            char what[80];
            snprintf(what, sizeof what, "the file has no array `%s` for it", part->name);
            return refuse(l, where, what);
        }
        for (size_t k = 0; k < part->shape[0]; k++)
            part->to[k] = part->otherwise;
    }
    return 0;
}

static int layer_load(struct loading *l, uint64_t group, const char *group_name,
                      const struct h5_strings *weights)
{
    int code = 0;
    parts_list(l);
    for (size_t i = 0; code == 0 && i < weights->n; i++) {
        struct part *part = part_named(l, weights->text[i]);
        code = part != NULL ? part_read(l, part, group, weights->text[i])
                            : refuse(l, weights->text[i], "the network has no such array here");
    }
    return code == 0 ? parts_complete(l, group_name) : code;
}

/* The next layer of the network, from l->layer on, that has parameters; 0 at the end. */
static int next_layer(struct loading *l)
{
    while (l->layer < l->m->net.nlayer && l->m->weight[l->layer] == NULL)
        l->layer++;
    return l->layer < l->m->net.nlayer;
}

static int group_load(struct loading *l, const char *group_name)
{
    struct h5_strings weights;
    uint64_t group;
    if (h5_find(l->file, l->root, group_name, &group) != 0 ||
        h5_strings(&weights, l->file, group, "weight_names") != 0)
        return err_set(l->e, ERR_INPUT, "%s: %.100s is listed in layer_names but is no group with "
                       "the attribute weight_names: the file is damaged", l->name, group_name);
    int code = 0;
    if (weights.n > 0) {
        if (!next_layer(l))
            code = err_set(l->e, ERR_INPUT, "%s: the file has weights for %.100s, and the network "
                           "has no further layer with weights: architecture and weights do not "
                           "belong together", l->name, group_name);
        else
            code = layer_load(l, group, group_name, &weights);
        l->layer++;
    }
    h5_strings_fini(&weights);
    return code;
}

static int names_load(struct loading *l, const char *attribute)
{
    struct h5_strings groups;
    int code = 0;
    if (h5_strings(&groups, l->file, l->root, attribute) != 0)
        return err_set(l->e, ERR_INPUT, "%s: the attribute %s is no list of names", l->name,
                       attribute);
    for (size_t i = 0; code == 0 && i < groups.n; i++)
        code = group_load(l, groups.text[i]);
    h5_strings_fini(&groups);
    return code;
}

/* Groups in the order of the attribute layer_names, which Keras cuts into pieces when it is
 * long: layer_names0, layer_names1, .. */
static int load_listed(struct loading *l)
{
    int code = 0;
    if (h5_has(l->file, l->root, "layer_names"))
        code = names_load(l, "layer_names");
    for (unsigned piece = 0; code == 0 && !h5_has(l->file, l->root, "layer_names"); piece++) {
        char attribute[32];
        snprintf(attribute, sizeof attribute, "layer_names%u", piece);
        if (!h5_has(l->file, l->root, attribute))
            break;
        code = names_load(l, attribute);
    }
    if (code == 0 && next_layer(l))
        code = refuse(l, "layer_names", "the file has no weights for this layer: architecture and "
                      "weights do not belong together");
    return code;
}

/* How newer versions name the group of a layer: by its class, counted. */
static void counted_name(char *text, size_t n, const struct loading *l)
{
    const struct network *net = &l->m->net;
    unsigned kind = net->layer[l->layer].kind, count = 0;
    const char *base = kind == LAYER_CONV ? "conv2d" : kind == LAYER_DENSE ? "dense"
                                                     : "batch_normalization";
    for (unsigned i = 0; i < l->layer; i++)
        count += net->layer[i].kind == kind;
    if (count == 0)
        snprintf(text, n, "%s/vars", base);
    else
        snprintf(text, n, "%s_%u/vars", base, count);
}

static int load_numbered(struct loading *l)
{
    for (l->layer = 0; next_layer(l); l->layer++) {
        char path[PATH_BYTES];
        uint64_t group;
        int code = 0;
        snprintf(path, sizeof path, "%s/vars", l->m->net.layer[l->layer].name);
        if (h5_find(l->file, l->root, path, &group) != 0) {
            counted_name(path, sizeof path, l);
            if (h5_find(l->file, l->root, path, &group) != 0)
                return refuse(l, path, "the file has no such group");
        }
        parts_list(l);
        for (unsigned i = 0; code == 0 && i < l->parts; i++) {
            char number[12];
            snprintf(number, sizeof number, "%u", i);
            code = part_read(l, &l->part[i], group, number);
        }
        if (code != 0)
            return code;
    }
    return 0;
}

/* The architecture inside the file, else the one beside it. */
static int network_find(struct network *net, struct h5 *file, const struct network *beside,
                        const char *name, struct err *e)
{
    struct h5_strings config;
    *net = *beside;
    if (!h5_has(file, file->root, "model_config"))
        return 0;
    if (h5_strings(&config, file, file->root, "model_config") != 0 || config.n != 1) {
        h5_strings_fini(&config);
        return err_set(e, ERR_INPUT, "%s: the attribute model_config is not one text", name);
    }
    char where[PATH_BYTES];
    snprintf(where, sizeof where, "%.200s (model_config)", name);
    int code = keras_parse(net, (const uint8_t *)config.text[0], strlen(config.text[0]), where, e);
    h5_strings_fini(&config);
    return code;
}

static int load(struct loading *l)
{
    if (h5_find(l->file, l->file->root, "model_weights", &l->root) != 0)
        l->root = l->file->root;
    if (h5_has(l->file, l->root, "layer_names") || h5_has(l->file, l->root, "layer_names0"))
        return load_listed(l);
    if (h5_find(l->file, l->file->root, "layers", &l->root) == 0)
        return load_numbered(l);
    return err_set(l->e, ERR_INPUT, "%s: HDF5, but not as Keras saves weights: neither the "
                   "attribute layer_names nor the group layers is there", l->name);
}

int weights_h5_parse(struct model *m, const struct network *beside, const uint8_t *p, size_t n,
                     const char *name, struct err *e)
{
    struct h5 file;
    struct loading l = { .m = m, .file = &file, .name = name, .e = e };
    memset(m, 0, sizeof *m);
    if (h5_open(&file, p, n) != 0)
        return err_set(e, ERR_INPUT, "%s: not a whole HDF5 file (%zu bytes): damaged or cut "
                       "short", name, n);
    struct network *net = mem_new(1, sizeof *net);
    int code = net == NULL ? err_set(e, ERR_FAILED, "no memory to read %s", name)
                           : network_find(net, &file, beside, name, e);
    if (code == 0)
        code = model_init(m, net, e);
    if (code == 0)
        code = load(&l);
    if (code == 0)
        code = model_check(m, name, e);
    mem_free(net);
    if (code != 0)
        model_fini(m);
    return code;
}
