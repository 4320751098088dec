#include "nn/mtcnn_weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/joblib.h"

enum { UNPACKED_MOST = 4 << 20, MAGIC_BYTES = 8 };

static const char magic[MAGIC_BYTES + 1] = "MTCNNW01";

const char *const mtcnn_net_name[MTCNN_NETS] = { "pnet", "rnet", "onet" };

const struct mtcnn_layer mtcnn_layers[MTCNN_NETS][MTCNN_LAYERS] = {
    {
        { "conv1", "prelu1", 3, 3, 3, 10 },
        { "conv2", "prelu2", 3, 3, 10, 16 },
        { "conv3", "prelu3", 3, 3, 16, 32 },
        { "conv4_1", NULL, 1, 1, 32, 4 },
        { "conv4_2", NULL, 1, 1, 32, 2 },
    }, {
        { "conv1", "prelu1", 3, 3, 3, 28 },
        { "conv2", "prelu2", 3, 3, 28, 48 },
        { "conv3", "prelu3", 2, 2, 48, 64 },
        { "fc4", "prelu4", 0, 0, 576, 128 },
        { "fc5_1", NULL, 0, 0, 128, 4 },
        { "fc5_2", NULL, 0, 0, 128, 2 },
    }, {
        { "conv1", "prelu1", 3, 3, 3, 32 },
        { "conv2", "prelu2", 3, 3, 32, 64 },
        { "conv3", "prelu3", 3, 3, 64, 64 },
        { "conv4", "prelu4", 2, 2, 64, 128 },
        { "fc5", "prelu5", 0, 0, 1152, 256 },
        { "fc6_1", NULL, 0, 0, 256, 4 },
        { "fc6_2", NULL, 0, 0, 256, 10 },
        { "fc6_3", NULL, 0, 0, 256, 2 },
    },
};

/* An array as the networks expect it. */
struct shape {
    char name[16];
    unsigned dims;
    uint32_t dim[4];
};

static void shape_kernel(struct shape *s, const struct mtcnn_layer *l)
{
    const uint32_t conv[4] = { l->kh, l->kw, l->cin, l->cout };
    unsigned skip = l->kh == 0 ? 2 : 0;
    s->dims = 4 - skip;
    for (unsigned k = 0; k < s->dims; k++)
        s->dim[k] = conv[k + skip];
    snprintf(s->name, sizeof s->name, "%s.w", l->name);
}

/* All arrays of a network in order; how many. */
static unsigned shapes_of(struct shape s[static MTCNN_TENSORS], unsigned net)
{
    unsigned n = 0;
    for (const struct mtcnn_layer *l = mtcnn_layers[net]; l->name != NULL; l++) {
        shape_kernel(&s[n++], l);
        s[n] = (struct shape){ .dims = 1, .dim = { l->cout } };
        snprintf(s[n].name, sizeof s[n].name, "%s.b", l->name);
        n++;
        if (l->slopes != NULL) {
            s[n] = (struct shape){ .dims = 1, .dim = { l->cout } };
            snprintf(s[n].name, sizeof s[n].name, "%s.a", l->slopes);
            n++;
        }
    }
    return n;
}

static size_t shape_count(const struct shape *s)
{
    size_t n = 1;
    for (unsigned k = 0; k < s->dims; k++)
        n *= s->dim[k];
    return n;
}

static int weights_init(struct mtcnn_weights *w, const struct shape *s, unsigned n, struct err *e)
{
    *w = (struct mtcnn_weights){ .n = n };
    for (unsigned k = 0; k < n; k++)
        w->count += shape_count(&s[k]);
    w->data = mem_new(w->count, sizeof *w->data);
    if (w->data == NULL)
        return err_set(e, ERR_FAILED, "no memory for %zu weights", w->count);
    const float *at = w->data;
    for (unsigned k = 0; k < n; k++) {
        w->tensor[k] = at;
        at += shape_count(&s[k]);
    }
    return 0;
}

/* Array k: its shape, and where its values are. */
struct found {
    unsigned dims;
    uint32_t dim[4];
    const uint8_t *p;
};

static int take(struct mtcnn_weights *w, unsigned k, const struct shape *s, const struct found *f,
    const char *name, struct err *e)
{
    float *to = w->data + (w->tensor[k] - w->data);
    int same = f->dims == s->dims;
    for (unsigned i = 0; same && i < s->dims; i++)
        same = f->dim[i] == s->dim[i];
    if (!same)
        return err_set(e, ERR_INPUT, "%s: array %u (%s) has another shape than the network", name,
            k, s->name);
    for (size_t i = 0, n = shape_count(s); i < n; i++) {
        memcpy(&to[i], f->p + i * sizeof *to, sizeof *to);
        if (!isfinite(to[i]))
            return err_set(e, ERR_INPUT, "%s: array %u (%s): value %zu is not finite", name, k,
                s->name, i);
    }
    return 0;
}

/* Slopes are stored as 1 x 1 x channels: edges of 1 in front say nothing. */
static struct found squeezed(const struct joblib_array *a, const uint8_t *pickle, unsigned dims)
{
    struct found f = { .dims = a->dims, .p = pickle + a->at };
    unsigned skip = 0;
    while (f.dims > dims && a->dim[skip] == 1) {
        skip++;
        f.dims--;
    }
    memcpy(f.dim, a->dim + skip, f.dims * sizeof *f.dim);
    return f;
}

static int parse_published(struct mtcnn_weights *w, const struct shape *s, const uint8_t *p,
    size_t n, const char *name, struct err *e)
{
    struct joblib *j = mem_new(1, sizeof *j);
    size_t size;
    uint8_t *pickle = j == NULL ? NULL : lz4_unpack(p, n, UNPACKED_MOST, &size, name, e);
    int code = j == NULL ? err_set(e, ERR_FAILED, "%s: no memory to read it", name)
        : pickle == NULL ? e->code : joblib_parse(j, pickle, size, name, e);
    if (code == 0 && j->n != w->n)
        code = err_set(e, ERR_INPUT, "%s: %u arrays; expected %u", name, j->n, w->n);
    for (unsigned k = 0; k < w->n && code == 0; k++) {
        struct found f = squeezed(&j->array[k], pickle, s[k].dims);
        code = take(w, k, &s[k], &f, name, e);
    }
    mem_free(pickle);
    mem_free(j);
    return code;
}

/* One array of the plain file; its name is looked at too. */
static int plain_array(struct found *f, struct reader *r, const struct shape *s)
{
    size_t length = read_u8(r);
    const uint8_t *name = read_bytes(r, length);
    if (name == NULL || length != strlen(s->name) || memcmp(name, s->name, length) != 0)
        return -1;
    f->dims = read_u8(r);
    for (unsigned i = 0; i < f->dims && i < 4; i++)
        f->dim[i] = read_u32(r);
    f->p = f->dims <= 4 ? read_bytes(r, shape_count(s) * sizeof(float)) : NULL;
    return f->p == NULL ? -1 : 0;
}

static int parse_plain(struct mtcnn_weights *w, const struct shape *s, const uint8_t *p, size_t n,
    const char *name, struct err *e)
{
    struct reader r = { .p = p + MAGIC_BYTES, .n = n - MAGIC_BYTES };
    uint32_t count = read_u32(&r);
    int code = 0;
    if (r.bad || count != w->n)
        return err_set(e, ERR_INPUT, "%s: %u arrays; expected %u", name, count, w->n);
    for (unsigned k = 0; k < w->n && code == 0; k++) {
        struct found f = { 0 };
        size_t at = (size_t)(r.p - p);
        if (plain_array(&f, &r, &s[k]) != 0)
            return err_set(e, ERR_INPUT, "%s: byte %zu: expected array %u, %s, in full", name, at,
                k, s[k].name);
        code = take(w, k, &s[k], &f, name, e);
    }
    if (code == 0 && r.n != 0)
        code = err_set(e, ERR_INPUT, "%s: %zu bytes behind the last array", name, r.n);
    return code;
}

int mtcnn_weights_parse(struct mtcnn_weights *w, unsigned net, const uint8_t *p, size_t n,
    const char *name, struct err *e)
{
    struct shape s[MTCNN_TENSORS];
    int code;
    if (weights_init(w, s, shapes_of(s, net), e) != 0)
        return e->code;
    if (lz4_likely(p, n))
        code = parse_published(w, s, p, n, name, e);
    else if (n >= MAGIC_BYTES && memcmp(p, magic, MAGIC_BYTES) == 0)
        code = parse_plain(w, s, p, n, name, e);
    else
        code = err_set(e, ERR_INPUT, "%s: neither an LZ4 frame (the published packaging) nor "
            "begins with %s", name, magic);
    if (code != 0)
        mtcnn_weights_fini(w);
    return code;
}

void mtcnn_weights_fini(struct mtcnn_weights *w)
{
    mem_free(w->data);
    *w = (struct mtcnn_weights){ 0 };
}

static uint8_t *write_array(uint8_t *p, const struct shape *s, const float *values)
{
    size_t length = strlen(s->name), bytes = shape_count(s) * sizeof *values;
    *p++ = (uint8_t)length;
    memcpy(p, s->name, length);
    p += length;
    *p++ = (uint8_t)s->dims;
    for (unsigned i = 0; i < s->dims; i++, p += 4)
        put_u32(p, s->dim[i]);
    memcpy(p, values, bytes);
    return p + bytes;
}

uint8_t *mtcnn_weights_bytes(const struct mtcnn_weights *w, unsigned net, size_t *n)
{
    struct shape s[MTCNN_TENSORS];
    unsigned count = shapes_of(s, net);
    *n = MAGIC_BYTES + 4 + w->count * sizeof(float);
    for (unsigned k = 0; k < count; k++)
        *n += 2 + strlen(s[k].name) + 4 * s[k].dims;
    uint8_t *block = mem_new(*n, 1), *p = block;
    if (block == NULL)
        return NULL;
    memcpy(p, magic, MAGIC_BYTES);
    put_u32(p + MAGIC_BYTES, count);
    p += MAGIC_BYTES + 4;
    for (unsigned k = 0; k < count; k++)
        p = write_array(p, &s[k], w->tensor[k]);
    return block;
}
