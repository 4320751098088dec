#include "nn/weights_safetensors.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/keras.h"

enum { HEADER_MOST = 1 << 24, RANK = 4, PARTS = 4, TENSORS = 4 * NETWORK_LAYERS };

enum part { PART_KERNEL, PART_BIAS, PART_MEAN, PART_VARIANCE };

struct tensor {
    const char *name;           /* whole; borrowed from the JSON */
    size_t group;               /* length of the group's name */
    enum part part;
    int torch;                  /* PyTorch's layout */
    char type;                  /* 'h' F16, 'b' BF16, 'f' F32, 'd' F64 */
    int rank;
    uint64_t shape[RANK];
    size_t count, begin, end;   /* elements; bytes in the data */
};

/* The tensors of one group. */
struct group {
    const struct tensor *part[PARTS];
    int used;
};

struct archive {
    const char *name;           /* of the file */
    const uint8_t *data;
    size_t ndata;
    json_t *header;
    struct tensor tensor[TENSORS];
    struct group group[TENSORS];
    unsigned tensors, groups;
    struct err *e;
};

int weights_safetensors_likely(const uint8_t *p, size_t n)
{
    return n > 9 && get_u64(p) < n && p[8] == '{';
}

int weights_safetensors_described(const uint8_t *p, size_t n)
{
    static const char key[] = "\"architecture\"";
    return weights_safetensors_likely(p, n) &&
           memmem(p + 8, (size_t)get_u64(p) < n - 8 ? (size_t)get_u64(p) : n - 8, key,
                  sizeof key - 1) != NULL;
}

/* ---- the header ---- */

static int refuse(const struct archive *a, const char *tensor, const char *what)
{
    return err_set(a->e, ERR_INPUT, "%s: tensor %.100s: %s", a->name, tensor, what);
}

static int known_part(const char *kind, enum part *part, int *torch)
{
    static const struct { const char *kind; enum part part; int torch; } known[] = {
        { "kernel", PART_KERNEL, 0 }, { "weight", PART_KERNEL, 1 }, { "gamma", PART_KERNEL, 0 },
        { "scale", PART_KERNEL, 0 }, { "bias", PART_BIAS, 0 }, { "beta", PART_BIAS, 0 },
        { "moving_mean", PART_MEAN, 0 }, { "running_mean", PART_MEAN, 0 },
        { "moving_variance", PART_VARIANCE, 0 }, { "running_var", PART_VARIANCE, 0 },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(kind, known[i].kind) == 0) {
            *part = known[i].part;
            *torch = known[i].torch;
            return 1;
        }
    return 0;
}

static unsigned type_size(char type)
{
    return type == 'd' ? 8 : type == 'f' ? 4 : 2;
}

static int read_type(const struct archive *a, struct tensor *t, const json_t *v)
{
    static const struct { const char *name; char type; } known[] = {
        { "F16", 'h' }, { "BF16", 'b' }, { "F32", 'f' }, { "F64", 'd' }
    };
    const char *text = json_string_value(v);
    for (size_t i = 0; text != NULL && i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0) {
            t->type = known[i].type;
            return 0;
        }
    return refuse(a, t->name, "its dtype must be F16, BF16, F32 or F64");
}

static int read_shape(const struct archive *a, struct tensor *t, const json_t *v)
{
    t->rank = (int)json_array_size(v);
    if (!json_is_array(v) || t->rank < 1 || t->rank > RANK)
        return refuse(a, t->name, "its shape must have 1 to 4 sizes");
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        const json_t *side = json_array_get(v, (size_t)i);
        json_int_t n = json_is_integer(side) ? json_integer_value(side) : 0;
        if (n < 1 || n > NETWORK_WEIGHTS || t->count > NETWORK_WEIGHTS / (size_t)n)
            return refuse(a, t->name, "its shape must be made of positive numbers, and not huge");
        t->shape[i] = (uint64_t)n;
        t->count *= (size_t)n;
    }
    return 0;
}

static int read_place(const struct archive *a, struct tensor *t, const json_t *v)
{
    const json_t *begin = json_array_get(v, 0), *end = json_array_get(v, 1);
    json_int_t b = json_is_integer(begin) ? json_integer_value(begin) : -1;
    json_int_t n = json_is_integer(end) ? json_integer_value(end) : -1;
    if (json_array_size(v) != 2 || b < 0 || n < b || (uint64_t)n > a->ndata)
        return refuse(a, t->name, "its data_offsets are not inside the file");
    t->begin = (size_t)b;
    t->end = (size_t)n;
    return t->end - t->begin == t->count * type_size(t->type)
               ? 0 : refuse(a, t->name, "its data_offsets do not fit its shape and dtype");
}

/* The place of the last dot or slash: the group ends there. */
static size_t group_length(const char *name)
{
    size_t n = strlen(name);
    while (n > 0 && name[n - 1] != '.' && name[n - 1] != '/')
        n--;
    return n > 0 ? n - 1 : 0;
}

static int read_tensor(struct archive *a, const char *name, const json_t *v)
{
    size_t group = group_length(name);
    const char *kind = group > 0 ? name + group + 1 : name;
    if (a->tensors == TENSORS)
        return refuse(a, name, "more tensors than any network here has");
    struct tensor *t = &a->tensor[a->tensors];
    *t = (struct tensor){ .name = name, .group = group };
    if (strcmp(kind, "num_batches_tracked") == 0)
        return 0;
    if (group == 0 || !known_part(kind, &t->part, &t->torch))
        return refuse(a, name, "its name must end in .kernel, .weight, .bias, or what batch "
                      "normalisations have");
    if (read_type(a, t, json_object_get(v, "dtype")) != 0 ||
        read_shape(a, t, json_object_get(v, "shape")) != 0 ||
        read_place(a, t, json_object_get(v, "data_offsets")) != 0)
        return ERR_INPUT;
    a->tensors++;
    return 0;
}

static int by_place(const void *x, const void *y)
{
    const struct tensor *a = x, *b = y;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

/* Counters that are left out may lie between; nothing may lie on another. */
static int places_check(struct archive *a)
{
    qsort(a->tensor, a->tensors, sizeof *a->tensor, by_place);
    for (unsigned i = 1; i < a->tensors; i++)
        if (a->tensor[i].begin < a->tensor[i - 1].end)
            return refuse(a, a->tensor[i].name, "its data overlap those of another");
    return 0;
}

static int header_read(struct archive *a, const uint8_t *p, size_t n)
{
    json_error_t where;
    const char *key;
    json_t *v;
    uint64_t length = n >= 8 ? get_u64(p) : 0;
    if (n < 8 || length > n - 8 || length > HEADER_MOST)
        return err_set(a->e, ERR_INPUT, "%s: the safetensors header does not end inside the file",
                       a->name);
    a->header = json_loadb((const char *)p + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(a->header))
        return err_set(a->e, ERR_INPUT, "%s: the safetensors header is not JSON (byte %d): %.120s",
                       a->name, 8 + where.position, a->header == NULL ? where.text : "no object");
    a->data = p + 8 + length;
    a->ndata = n - 8 - (size_t)length;
    json_object_foreach(a->header, key, v)
        if (strcmp(key, "__metadata__") != 0 && read_tensor(a, key, v) != 0)
            return ERR_INPUT;
    return places_check(a);
}

/* ---- groups ---- */

static const struct tensor *group_any(const struct group *g)
{
    for (int i = 0; i < PARTS; i++)
        if (g->part[i] != NULL)
            return g->part[i];
    return NULL;
}

/* By characters, runs of digits as numbers. */
static int natural(const char *a, size_t na, const char *b, size_t nb)
{
    size_t i = 0, j = 0;
    while (i < na && j < nb) {
        if (isdigit((unsigned char)a[i]) && isdigit((unsigned char)b[j])) {
            size_t x = i, y = j;
            while (x < na && a[x] == '0')
                x++;
            while (y < nb && b[y] == '0')
                y++;
            for (i = x; i < na && isdigit((unsigned char)a[i]);)
                i++;
            for (j = y; j < nb && isdigit((unsigned char)b[j]);)
                j++;
            if (i - x != j - y)
                return i - x < j - y ? -1 : 1;
            int c = memcmp(a + x, b + y, i - x);
            if (c != 0)
                return c;
        } else if (a[i] != b[j]) {
            return (unsigned char)a[i] < (unsigned char)b[j] ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    return (na - i > nb - j) - (na - i < nb - j);
}

static int by_name(const void *x, const void *y)
{
    const struct tensor *a = group_any(x), *b = group_any(y);
    return natural(a->name, a->group, b->name, b->group);
}

static struct group *group_of(struct archive *a, const struct tensor *t)
{
    for (unsigned i = 0; i < a->groups; i++) {
        const struct tensor *other = group_any(&a->group[i]);
        if (other->group == t->group && memcmp(other->name, t->name, t->group) == 0)
            return &a->group[i];
    }
    a->group[a->groups] = (struct group){ 0 };
    return &a->group[a->groups++];
}

static int groups_make(struct archive *a)
{
    for (unsigned i = 0; i < a->tensors; i++) {
        const struct tensor *t = &a->tensor[i];
        struct group *g = group_of(a, t);
        if (g->part[t->part] != NULL)
            return refuse(a, t->name, "its group has two of this kind");
        g->part[t->part] = t;
    }
    qsort(a->group, a->groups, sizeof *a->group, by_name);
    return 0;
}

/* What kind of layer a group can belong to: 0 for none. */
static int group_kind(const struct group *g)
{
    const struct tensor *k = g->part[PART_KERNEL];
    if (g->part[PART_MEAN] != NULL || g->part[PART_VARIANCE] != NULL)
        return LAYER_BATCHNORM;
    return k == NULL ? 0 : k->rank == 4 ? LAYER_CONV : k->rank == 2 ? LAYER_DENSE : 0;
}

static int has_name(const struct group *g, const char *name)
{
    const struct tensor *t = group_any(g);
    size_t n = strlen(name);
    return t->group >= n && memcmp(t->name + t->group - n, name, n) == 0 &&
           (t->group == n || t->name[t->group - n - 1] == '.' || t->name[t->group - n - 1] == '/');
}

static struct group *group_named(struct archive *a, const char *name)
{
    for (unsigned i = 0; i < a->groups; i++)
        if (!a->group[i].used && has_name(&a->group[i], name))
            return &a->group[i];
    return NULL;
}

static struct group *group_next(struct archive *a, int kind)
{
    for (unsigned i = 0; i < a->groups; i++)
        if (!a->group[i].used && group_kind(&a->group[i]) == kind)
            return &a->group[i];
    return NULL;
}

/* ---- numbers ---- */

static float half(uint16_t v)
{
    int exponent = v >> 10 & 31;
    double fraction = v & 1023, x;
    if (exponent == 31)
        x = fraction > 0 ? NAN : INFINITY;
    else
        x = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return (float)(v >> 15 ? -x : x);
}

static float number(const struct archive *a, const struct tensor *t, size_t i)
{
    const uint8_t *p = a->data + t->begin + i * type_size(t->type);
    uint32_t word;
    double d;
    float f;
    switch (t->type) {
    case 'h':
        return half(get_u16(p));
    case 'b':
        word = (uint32_t)get_u16(p) << 16;
        memcpy(&f, &word, sizeof f);
        return f;
    case 'f':
        memcpy(&f, p, sizeof f);
        return f;
    default:
        memcpy(&d, p, sizeof d);
        return (float)d;
    }
}

/* ---- layers ---- */

static int shape_is(const struct archive *a, const struct tensor *t, const struct layer *l,
                    int rank, const uint64_t *shape)
{
    char want[80] = "", have[80] = "";
    if (t->rank == rank && memcmp(t->shape, shape, (size_t)rank * sizeof *shape) == 0)
        return 0;
    for (int i = 0; i < rank; i++)
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s%llu", i > 0 ? "," : "",
                 (unsigned long long)shape[i]);
    for (int i = 0; i < t->rank; i++)
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%llu", i > 0 ? "," : "",
                 (unsigned long long)t->shape[i]);
    return err_set(a->e, ERR_INPUT, "%s: tensor %.100s for layer %s: expected the shape (%s), found "
                   "(%s)", a->name, t->name, l->name, want, have);
}

static int load_vector(const struct archive *a, const struct tensor *t, const struct layer *l,
                       float *to, size_t n)
{
    const uint64_t shape[] = { n };
    if (shape_is(a, t, l, 1, shape) != 0)
        return ERR_INPUT;
    for (size_t i = 0; i < n; i++)
        to[i] = number(a, t, i);
    return 0;
}

static int load_conv(const struct archive *a, const struct tensor *t, const struct layer *l,
                     float *to)
{
    const struct geometry *g = &l->g;
    const uint64_t keras[] = { g->kh, g->kw, g->c, g->oc }, torch[] = { g->oc, g->c, g->kh, g->kw };
    size_t area = (size_t)g->kh * g->kw;
    if (shape_is(a, t, l, 4, t->torch ? torch : keras) != 0)
        return ERR_INPUT;
    for (size_t i = 0; i < t->count; i++) {
        size_t o = i % g->oc, c = i / g->oc % g->c, at = i / g->oc / g->c;
        to[i] = number(a, t, t->torch ? (o * g->c + c) * area + at : i);
    }
    return 0;
}

/* The picture that a dense layer's inputs were before they were flattened; a pixel of so many
 * channels where they were none. */
static struct geometry picture_before(const struct network *net, const struct layer *l)
{
    for (const struct layer *p = l; p > net->layer;) {
        p--;
        if (p->kind == LAYER_FLATTEN)
            return p->g;
        if (p->kind == LAYER_DENSE || p->kind == LAYER_CONV)
            break;
    }
    return (struct geometry){ .h = 1, .w = 1, .c = l->g.c };
}

static int load_dense(const struct archive *a, const struct tensor *t, const struct network *net,
                      const struct layer *l, float *to)
{
    const uint64_t keras[] = { l->g.c, l->g.oc }, torch[] = { l->g.oc, l->g.c };
    const struct geometry flat = picture_before(net, l);
    size_t area = (size_t)flat.h * flat.w, inputs = l->g.c;
    if (shape_is(a, t, l, 2, t->torch ? torch : keras) != 0)
        return ERR_INPUT;
    for (size_t i = 0; i < t->count; i++) {
        size_t o = i % l->g.oc, in = i / l->g.oc, theirs = in % flat.c * area + in / flat.c;
        to[i] = number(a, t, t->torch ? o * inputs + theirs : i);
    }
    return 0;
}

/* A part that must be there. */
static const struct tensor *part_need(const struct archive *a, const struct group *g,
                                      enum part part, const struct layer *l)
{
    static const char *const name[PARTS] = { "weights", "biases", "means", "variances" };
    if (g->part[part] == NULL)
        err_set(a->e, ERR_INPUT, "%s: layer %s: the file has no %s for it", a->name, l->name,
                name[part]);
    return g->part[part];
}

static int load_norm(const struct archive *a, const struct group *g, const struct layer *l,
                     float *to)
{
    size_t c = l->g.c;
    for (int part = 0; part < PARTS; part++) {
        const struct tensor *t = g->part[part];
        if (t == NULL && part >= PART_MEAN)
            return part_need(a, g, (enum part)part, l) == NULL ? ERR_INPUT : 0;
        for (size_t i = 0; t == NULL && i < c; i++)
            to[(size_t)part * c + i] = part == PART_KERNEL;
        if (t != NULL && load_vector(a, t, l, to + (size_t)part * c, c) != 0)
            return ERR_INPUT;
    }
    return 0;
}

static int load_layer(const struct archive *a, const struct group *g, struct model *m, unsigned i)
{
    const struct layer *l = &m->net.layer[i];
    const struct tensor *bias = g->part[PART_BIAS];
    if (l->kind == LAYER_BATCHNORM)
        return load_norm(a, g, l, m->weight[i]);
    const struct tensor *kernel = part_need(a, g, PART_KERNEL, l);
    if (kernel == NULL || (m->bias[i] != NULL && part_need(a, g, PART_BIAS, l) == NULL))
        return ERR_INPUT;
    if (m->bias[i] == NULL && bias != NULL)
        return refuse(a, bias->name, "the network's layer has no bias");
    int code = l->kind == LAYER_CONV ? load_conv(a, kernel, l, m->weight[i])
                                     : load_dense(a, kernel, &m->net, l, m->weight[i]);
    return code == 0 && bias != NULL ? load_vector(a, bias, l, m->bias[i], l->nbias) : code;
}

static int all_named(struct archive *a, const struct model *m)
{
    for (unsigned i = 0; i < m->net.nlayer; i++)
        if (m->weight[i] != NULL && group_named(a, m->net.layer[i].name) == NULL)
            return 0;
    return 1;
}

static int model_load(struct archive *a, struct model *m)
{
    int named = all_named(a, m);
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        if (m->weight[i] == NULL)
            continue;
        struct group *g = named ? group_named(a, l->name) : group_next(a, l->kind);
        if (g == NULL)
            return err_set(a->e, ERR_INPUT, "%s: layer %s (%s): no tensors are left for it", a->name,
                           l->name, layer_kind_name(l->kind));
        g->used = 1;
        if (load_layer(a, g, m, i) != 0)
            return ERR_INPUT;
    }
    for (unsigned i = 0; i < a->groups; i++)
        if (!a->group[i].used)
            return refuse(a, group_any(&a->group[i])->name, "the network has no layer for it");
    return 0;
}

/* ---- architecture ---- */

static void classes_take(struct network *net, const char *text)
{
    for (unsigned c = 0; text != NULL && c < net->nclass; c++) {
        size_t n = strcspn(text, ",");
        if (n > 0 && n < FIXED_NAME)
            snprintf(net->class_name[c], FIXED_NAME, "%.*s", (int)n, text);
        text = text[n] == ',' ? text + n + 1 : NULL;
    }
}

static int network_read(const struct archive *a, struct network *net, const struct network *beside)
{
    const json_t *meta = json_object_get(a->header, "__metadata__");
    const char *text = json_string_value(json_object_get(meta, "architecture"));
    *net = *beside;
    if (text == NULL)
        return 0;
    if (keras_parse(net, (const uint8_t *)text, strlen(text), a->name, a->e) != 0)
        return a->e->code;
    classes_take(net, json_string_value(json_object_get(meta, "classes")));
    return 0;
}

int weights_safetensors_parse(struct model *m, const struct network *beside, const uint8_t *p,
                              size_t n, const char *name, struct err *e)
{
    struct err ignored;
    struct archive *a = mem_new(1, sizeof *a);
    struct network *net = mem_new(1, sizeof *net);
    memset(m, 0, sizeof *m);
    int code = a == NULL || net == NULL ? err_set(e, ERR_FAILED, "%s: no memory to read it", name)
                                        : 0;
    if (code == 0) {
        a->name = name;
        a->e = e != NULL ? e : &ignored;
        code = header_read(a, p, n);
    }
    if (code == 0)
        code = network_read(a, net, beside);
    if (code == 0)
        code = model_init(m, net, e);
    if (code == 0)
        code = groups_make(a);
    if (code == 0)
        code = model_load(a, m);
    if (code == 0)
        code = model_check(m, name, e);
    if (code != 0)
        model_fini(m);
    if (a != NULL)
        json_decref(a->header);
    mem_free(a);
    mem_free(net);
    return code;
}

/* ---- writing ---- */

/* A layer's name in the file: its own if no other layer with parameters has it. */
static void layer_title(char title[static NETWORK_NAME], const struct model *m, unsigned i)
{
    snprintf(title, NETWORK_NAME, "%s", m->net.layer[i].name);
    for (unsigned k = 0; k < m->net.nlayer; k++)
        if (k != i && m->weight[k] != NULL && strcmp(m->net.layer[k].name, title) == 0)
            snprintf(title, NETWORK_NAME, "layer%u", i + 1);
}

static void header_tensor(json_t *header, const char *title, const char *kind, json_t *shape,
                          size_t *at, size_t n)
{
    char name[NETWORK_NAME + 24];
    snprintf(name, sizeof name, "%s.%s", title, kind);
    json_object_set_new(header, name, json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape",
                                                shape, "data_offsets", (json_int_t)(4 * *at),
                                                (json_int_t)(4 * (*at + n))));
    *at += n;
}

/* Tensors stand in the order of the model's block, so their data are that block. */
static void header_layer(json_t *header, const struct model *m, unsigned i, size_t *at)
{
    static const char *const norm[PARTS] = { "gamma", "beta", "moving_mean", "moving_variance" };
    const struct layer *l = &m->net.layer[i];
    const struct geometry *g = &l->g;
    char title[NETWORK_NAME];
    layer_title(title, m, i);
    if (l->kind == LAYER_BATCHNORM) {
        for (int k = 0; k < PARTS; k++)
            header_tensor(header, title, norm[k], json_pack("[i]", (int)g->c), at, g->c);
        return;
    }
    json_t *shape = l->kind == LAYER_CONV
                        ? json_pack("[i, i, i, i]", (int)g->kh, (int)g->kw, (int)g->c, (int)g->oc)
                        : json_pack("[i, i]", (int)g->c, (int)g->oc);
    header_tensor(header, title, "kernel", shape, at, l->nweight);
    if (m->bias[i] != NULL)
        header_tensor(header, title, "bias", json_pack("[i]", (int)g->oc), at, l->nbias);
}

static char *header_write(const struct model *m)
{
    char classes[NETWORK_CLASSES * FIXED_NAME] = "";
    size_t at = 0;
    char *architecture = keras_write(&m->net);
    for (unsigned c = 0; c < m->net.nclass; c++)
        snprintf(classes + strlen(classes), sizeof classes - strlen(classes), "%s%s",
                 c > 0 ? "," : "", m->net.class_name[c]);
    json_t *header = architecture == NULL ? NULL
                     : json_pack("{s:{s:s, s:s, s:s}}", "__metadata__", "format", "keras",
                                 "architecture", architecture, "classes", classes);
    free(architecture);
    for (unsigned i = 0; header != NULL && i < m->net.nlayer; i++)
        if (m->weight[i] != NULL)
            header_layer(header, m, i, &at);
    char *text = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

uint8_t *weights_safetensors_bytes(const struct model *m, size_t *n)
{
    char *header = header_write(m);
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
