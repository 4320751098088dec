#include "nn/weights_safetensors.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/keras.h"

enum { HEADER_MOST = 1 << 24, RANK = 4, TENSORS = 5 * NETWORK_LAYERS };

/* PART_NONE: a counter of batches, which only takes its place in the file. */
enum part { PART_KERNEL, PART_BIAS, PART_MEAN, PART_VARIANCE, PARTS, PART_NONE = PARTS };

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
    return n > 9 && get_u64(p) >= 2 && get_u64(p) <= n - 8 && p[8] == '{';
}

int weights_safetensors_described(const uint8_t *p, size_t n)
{
    static const char key[] = "\"architecture\"";
    return weights_safetensors_likely(p, n) &&
           memmem(p + 8, (size_t)get_u64(p), key, sizeof key - 1) != NULL;
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
        { "moving_mean", PART_MEAN, 0 }, { "running_mean", PART_MEAN, 1 },
        { "moving_variance", PART_VARIANCE, 0 }, { "running_var", PART_VARIANCE, 1 },
        { "num_batches_tracked", PART_NONE, 0 },
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
    if (t->part == PART_NONE)
        return 0;
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
    if (group == 0 || !known_part(kind, &t->part, &t->torch))
        return refuse(a, name, "its name must end in .kernel, .weight, .bias, or what batch "
                      "normalisations have");
    if ((t->part != PART_NONE && (read_type(a, t, json_object_get(v, "dtype")) != 0 ||
                                  read_shape(a, t, json_object_get(v, "shape")) != 0)) ||
        read_place(a, t, json_object_get(v, "data_offsets")) != 0)
        return ERR_INPUT;
    a->tensors++;
    return 0;
}

static int by_place(const void *x, const void *y)
{
    const struct tensor *a = x, *b = y;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* The data are used up, and nothing lies on another. */
static int places_check(struct archive *a)
{
    qsort(a->tensor, a->tensors, sizeof *a->tensor, by_place);
    size_t at = 0;
    for (unsigned i = 0; i < a->tensors; at = a->tensor[i++].end)
        if (a->tensor[i].begin != at)
            return refuse(a, a->tensor[i].name, a->tensor[i].begin < at
                          ? "its data overlap those of another" : "there is a gap before its data");
    return at == a->ndata ? 0 : err_set(a->e, ERR_INPUT, "%s: %zu bytes behind the last tensor",
                                        a->name, a->ndata - at);
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
        if (t->part == PART_NONE)
            continue;
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

/* 2: the group is called so; 1: so after a dot or a slash; else 0. */
static int has_name(const struct group *g, const char *name)
{
    const struct tensor *t = group_any(g);
    size_t n = strlen(name);
    if (t->group < n || memcmp(t->name + t->group - n, name, n) != 0)
        return 0;
    if (t->group == n)
        return 2;
    return t->name[t->group - n - 1] == '.' || t->name[t->group - n - 1] == '/';
}

/* The one group of this name, in whole or at its end, that is left; NULL also if there are two. */
static struct group *group_named(struct archive *a, const char *name, int whole)
{
    struct group *found = NULL;
    for (unsigned i = 0; i < a->groups; i++) {
        if (a->group[i].used || has_name(&a->group[i], name) != (whole ? 2 : 1))
            continue;
        if (found != NULL)
            return NULL;
        found = &a->group[i];
    }
    return found;
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

/* Where value i of a flattened picture is when channels come first. */
static size_t channel_first(const struct geometry *flat, size_t i)
{
    return i % flat->c * flat->h * flat->w + i / flat->c;
}

/* flat: the picture that the values are of, where the file has its channels first; else NULL. */
static int load_vector(const struct archive *a, const struct tensor *t, const struct layer *l,
                       const struct geometry *flat, float *to, size_t n)
{
    const uint64_t shape[] = { n };
    if (shape_is(a, t, l, 1, shape) != 0)
        return ERR_INPUT;
    for (size_t i = 0; i < n; i++)
        to[i] = number(a, t, flat != NULL ? channel_first(flat, i) : i);
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

/* The picture that a layer's inputs were before they were flattened; a pixel of so many channels
 * where they were none. */
static struct geometry picture_before(const struct network *net, const struct layer *l)
{
    for (const struct layer *p = l; p > net->layer;) {
        p--;
        if (p->kind == LAYER_FLATTEN && (p->g.h > 1 || p->g.w > 1))
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
    size_t inputs = l->g.c;
    if (shape_is(a, t, l, 2, t->torch ? torch : keras) != 0)
        return ERR_INPUT;
    for (size_t i = 0; i < t->count; i++) {
        size_t o = i % l->g.oc, in = i / l->g.oc;
        to[i] = number(a, t, t->torch ? o * inputs + channel_first(&flat, in) : i);
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

static int load_norm(const struct archive *a, const struct group *g, const struct network *net,
                     const struct layer *l, float *to)
{
    const struct geometry flat = picture_before(net, l);
    size_t c = l->g.c;
    int torch = 0;
    if (part_need(a, g, PART_MEAN, l) == NULL || part_need(a, g, PART_VARIANCE, l) == NULL)
        return ERR_INPUT;
    for (int part = 0; part < PARTS; part++)
        torch |= g->part[part] != NULL && g->part[part]->torch;
    for (int part = 0; part < PARTS; part++, to += c) {
        for (size_t i = 0; g->part[part] == NULL && i < c; i++)
            to[i] = part == PART_KERNEL;
        if (g->part[part] != NULL &&
            load_vector(a, g->part[part], l, torch ? &flat : NULL, to, c) != 0)
            return ERR_INPUT;
    }
    return 0;
}

static int load_layer(const struct archive *a, const struct group *g, struct model *m, unsigned i)
{
    const struct layer *l = &m->net.layer[i];
    const struct tensor *bias = g->part[PART_BIAS];
    if (l->kind == LAYER_BATCHNORM)
        return load_norm(a, g, &m->net, l, m->weight[i]);
    const struct tensor *kernel = part_need(a, g, PART_KERNEL, l);
    if (kernel == NULL || (m->bias[i] != NULL && part_need(a, g, PART_BIAS, l) == NULL))
        return ERR_INPUT;
    if (m->bias[i] == NULL && bias != NULL)
        return refuse(a, bias->name, "the network's layer has no bias");
    if (group_kind(g) == LAYER_BATCHNORM)
        return refuse(a, kernel->name, "its group is that of a normalisation; the network's layer "
                      "is none");
    int code = l->kind == LAYER_CONV ? load_conv(a, kernel, l, m->weight[i])
                                     : load_dense(a, kernel, &m->net, l, m->weight[i]);
    return code == 0 && bias != NULL ? load_vector(a, bias, l, NULL, m->bias[i], l->nbias) : code;
}

/* Gives every layer with parameters the group of its name: first those called so in whole. 0 with
 * nothing given if there is none for one. */
static int give_named(struct archive *a, const struct model *m, struct group **of)
{
    unsigned missing = 0;
    for (int whole = 1; whole >= 0; whole--) {
        missing = 0;
        for (unsigned i = 0; i < m->net.nlayer; i++) {
            if (m->weight[i] == NULL || of[i] != NULL)
                continue;
            of[i] = group_named(a, m->net.layer[i].name, whole);
            missing += of[i] == NULL;
            if (of[i] != NULL)
                of[i]->used = 1;
        }
    }
    for (unsigned i = 0; missing > 0 && i < m->net.nlayer; i++)
        of[i] = NULL;
    for (unsigned i = 0; missing > 0 && i < a->groups; i++)
        a->group[i].used = 0;
    return missing == 0;
}

static int give_ordered(struct archive *a, const struct model *m, struct group **of)
{
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        if (m->weight[i] == NULL)
            continue;
        of[i] = group_next(a, l->kind);
        if (of[i] == NULL)
            return err_set(a->e, ERR_INPUT, "%s: layer %s (%s): no tensors are left for it",
                           a->name, l->name, layer_kind_name(l->kind));
        of[i]->used = 1;
    }
    return 0;
}

static int model_load(struct archive *a, struct model *m)
{
    struct group *of[NETWORK_LAYERS] = { NULL };
    int code = give_named(a, m, of) ? 0 : give_ordered(a, m, of);
    for (unsigned i = 0; code == 0 && i < m->net.nlayer; i++)
        if (of[i] != NULL)
            code = load_layer(a, of[i], m, i);
    for (unsigned i = 0; code == 0 && i < a->groups; i++)
        if (!a->group[i].used)
            code = refuse(a, group_any(&a->group[i])->name, "the network has no layer for it");
    return code;
}

/* ---- architecture ---- */

static int network_read(const struct archive *a, struct network *net,
                        const struct network *beside)
{
    const json_t *meta = json_object_get(a->header, "__metadata__");
    const char *text = json_string_value(json_object_get(meta, "architecture"));
    const char *classes = json_string_value(json_object_get(meta, "classes"));
    const char *softmax = json_string_value(json_object_get(meta, "softmax"));
    *net = *beside;
    if (text == NULL)
        return 0;
    if (keras_parse(net, (const uint8_t *)text, strlen(text), a->name, a->e) != 0)
        return a->e->code;
    struct layer *last = &net->layer[net->nlayer - 1];
    if (softmax != NULL && strcmp(softmax, "approximate") == 0 && last->kind == LAYER_EXACT_SOFTMAX)
        last->kind = LAYER_APPROX_SOFTMAX;
    if (classes == NULL || network_classes(net, classes) == 0)
        return 0;
    return err_set(a->e, ERR_INPUT, "%s: classes of the metadata: expected %u names of 1 to %d "
                   "bytes, with commas between", a->name, net->nclass, FIXED_NAME - 1);
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
