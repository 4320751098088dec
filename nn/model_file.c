#include "nn/model_file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/whole_file.h"

enum {
    VERSION = 1,
    MAGIC_BYTES = 8,
    DIGEST_BYTES = 32,
    HEAD_BYTES = MAGIC_BYTES + 4 + 8 + 5 * 4,
    LAYER_BYTES = 4 + 7 * 4 + NETWORK_NAME
};

static const char magic[MAGIC_BYTES + 1] = "OBMODEL\n";

static int digest(uint8_t out[DIGEST_BYTES], const uint8_t *p, size_t n)
{
    unsigned length = 0;
    return EVP_Digest(p, n, out, &length, EVP_sha256(), NULL) == 1 && length == DIGEST_BYTES;
}

static uint8_t *write_u32(uint8_t *p, uint32_t v)
{
    put_u32(p, v);
    return p + 4;
}

static uint8_t *write_float(uint8_t *p, float v)
{
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static uint8_t *write_layer(uint8_t *p, const struct layer *l)
{
    const uint8_t flags[4] = { l->kind, l->same, l->bias, 0 };
    const uint32_t word[5] = { l->kh, l->kw, l->sh, l->sw, l->units };
    memcpy(p, flags, sizeof flags);
    p += sizeof flags;
    for (unsigned i = 0; i < 5; i++)
        p = write_u32(p, word[i]);
    p = write_float(p, l->epsilon);
    p = write_float(p, l->rate);
    memcpy(p, l->name, strnlen(l->name, NETWORK_NAME - 1));
    return p + NETWORK_NAME;
}

static uint8_t *write_network(uint8_t *p, const struct network *net)
{
    const uint32_t word[5] = { net->h, net->w, net->c, net->nlayer, net->nclass };
    for (unsigned i = 0; i < 5; i++)
        p = write_u32(p, word[i]);
    for (unsigned i = 0; i < net->nlayer; i++)
        p = write_layer(p, &net->layer[i]);
    for (unsigned i = 0; i < net->nclass; i++, p += FIXED_NAME)
        memcpy(p, net->class_name[i], strnlen(net->class_name[i], FIXED_NAME - 1));
    return p;
}

uint8_t *model_file_bytes(const struct model *m, const struct fixed_net *fixed, size_t *n)
{
    const struct network *net = &m->net;
    size_t nfixed = 0, floats = net->nparameter * sizeof(float);
    uint8_t *ranges = fixed != NULL ? fixed_net_write(fixed, &nfixed) : NULL;
    if (fixed != NULL && ranges == NULL)
        return NULL;
    *n = HEAD_BYTES + (size_t)net->nlayer * LAYER_BYTES + (size_t)net->nclass * FIXED_NAME + 8 +
         floats + 4 + nfixed + DIGEST_BYTES;
    uint8_t *block = mem_new(*n, 1), *p = block;
    if (block != NULL) {
        memcpy(p, magic, MAGIC_BYTES);
        p = write_u32(p + MAGIC_BYTES, VERSION);
        put_u64(p, *n);
        p = write_network(p + 8, net);
        put_u64(p, net->nparameter);
        memcpy(p + 8, m->data, floats);
        p = write_u32(p + 8 + floats, (uint32_t)nfixed);
        if (nfixed > 0)
            memcpy(p, ranges, nfixed);
        p += nfixed;
        if (!digest(p, block, *n - DIGEST_BYTES)) {
            wipe(block, *n);
            mem_free(block);
            block = NULL;
        }
    }
    free(ranges);
    return block;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int model_file_write(const char *path, const struct model *m, const struct fixed_net *fixed,
                     struct err *e)
{
    size_t n;
    int code = 0;
    uint8_t *block = model_file_bytes(m, fixed, &n);
    if (block == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory to write the model", path);
    struct whole_file *f = whole_file_new(path, e);
    if (f == NULL)
        code = ERR_FAILED;
    else if (write_all(whole_file_fd(f), block, n) != 0)
        code = err_set(e, ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    else
        code = whole_file_finish(f, e);
    whole_file_free(f);
    wipe(block, n);
    mem_free(block);
    return code;
}

static float read_float(struct reader *r)
{
    uint32_t v = read_u32(r);
    float x;
    memcpy(&x, &v, sizeof x);
    return x;
}

/* A name of at most n - 1 printable bytes, zero behind; 0 when it is not. */
static int read_name(char *name, size_t n, struct reader *r)
{
    const uint8_t *p = read_bytes(r, n);
    if (p == NULL)
        return 0;
    size_t used = strnlen((const char *)p, n);
    for (size_t i = 0; i < n; i++)
        if (i < used ? p[i] < 0x20 || p[i] == 0x7f : p[i] != 0)
            return 0;
    memcpy(name, p, n);
    return used > 0 && used < n;
}

static int read_layer(struct layer *l, struct reader *r)
{
    const uint8_t *flags = read_bytes(r, 4);
    if (flags == NULL)
        return 0;
    *l = (struct layer){ .kind = flags[0], .same = flags[1], .bias = flags[2] };
    l->kh = read_u32(r);
    l->kw = read_u32(r);
    l->sh = read_u32(r);
    l->sw = read_u32(r);
    l->units = read_u32(r);
    l->epsilon = read_float(r);
    l->rate = read_float(r);
    return read_name(l->name, NETWORK_NAME, r) && l->same <= 1 && l->bias <= 1 &&
           flags[3] == 0;
}

static int read_network(struct network *net, struct reader *r, const char *name, struct err *e)
{
    uint32_t h = read_u32(r), w = read_u32(r), c = read_u32(r), layers = read_u32(r);
    uint32_t classes = read_u32(r);
    network_init(net, h, w, c);
    if (layers > NETWORK_LAYERS || classes > NETWORK_CLASSES)
        return err_set(e, ERR_INPUT, "%s: %u layers and %u classes; at most %d and %d are "
                       "possible", name, layers, classes, NETWORK_LAYERS, NETWORK_CLASSES);
    for (unsigned i = 0; i < layers; i++)
        if (!read_layer(&net->layer[i], r))
            return err_set(e, ERR_INPUT, "%s: the description of layer %u is damaged", name,
                           i + 1);
    net->nlayer = layers;
    for (unsigned i = 0; i < classes; i++)
        if (!read_name(net->class_name[i], FIXED_NAME, r))
            return err_set(e, ERR_INPUT, "%s: the name of class %u is damaged", name, i);
    int code = network_finish(net, e);
    if (code != 0)
        return e != NULL ? err_prefix(e, "%s", name) : code;
    return classes == net->nclass ? 0 : err_set(e, ERR_INPUT, "%s: names for %u classes, and the "
                                                "network has %u", name, classes, net->nclass);
}

static int read_fixed(struct fixed_net *fixed, struct reader *r, const char *name, struct err *e)
{
    size_t n = read_u32(r);
    const uint8_t *p = read_bytes(r, n);
    if (p == NULL)
        return err_set(e, ERR_INPUT, "%s: its fixed-point part is cut short", name);
    struct fixed_net *net = mem_new(1, sizeof *net);
    if (net == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory to read it", name);
    int code = n > 0 ? fixed_net_read(net, p, n, e) : 0;
    if (code != 0 && e != NULL)
        err_prefix(e, "%s", name);
    if (code == 0 && fixed != NULL)
        *fixed = *net;
    mem_free(net);
    return code;
}

/* The frame around the content: magic, version, length, digest. */
static int frame_check(struct reader *r, const uint8_t *p, size_t n, const char *name,
                       struct err *e)
{
    uint8_t sum[DIGEST_BYTES];
    *r = (struct reader){ .p = p, .n = n };
    const uint8_t *m = read_bytes(r, MAGIC_BYTES);
    uint32_t version = read_u32(r);
    uint64_t length = read_u64(r);
    if (m == NULL || memcmp(m, magic, MAGIC_BYTES) != 0)
        return err_set(e, ERR_INPUT, "%s: not a model file of this program", name);
    if (r->bad || n < HEAD_BYTES + DIGEST_BYTES)
        return err_set(e, ERR_INPUT, "%s: cut short after %zu bytes", name, n);
    if (version != VERSION)
        return err_set(e, ERR_INPUT, "%s: version %u of the model file, expected %d: written by "
                       "another release", name, version, VERSION);
    if (length != n)
        return err_set(e, ERR_INPUT, "%s: %zu bytes, and its head says %llu: cut short or "
                       "damaged", name, n, (unsigned long long)length);
    if (!digest(sum, p, n - DIGEST_BYTES) ||
        memcmp(sum, p + n - DIGEST_BYTES, DIGEST_BYTES) != 0)
        return err_set(e, ERR_INPUT, "%s: damaged: its content does not have the digest at its "
                       "end", name);
    r->n -= DIGEST_BYTES;
    return 0;
}

int model_file_parse(struct model *m, struct fixed_net *fixed, const uint8_t *p, size_t n,
                     const char *name, struct err *e)
{
    struct reader r = { 0 };
    memset(m, 0, sizeof *m);
    if (fixed != NULL)
        memset(fixed, 0, sizeof *fixed);
    struct network *net = mem_new(1, sizeof *net);
    int code = net == NULL ? err_set(e, ERR_FAILED, "%s: no memory to read it", name)
                           : frame_check(&r, p, n, name, e);
    if (code == 0)
        code = read_network(net, &r, name, e);
    if (code == 0) {
        uint64_t count = read_u64(&r);
        const uint8_t *floats = count == net->nparameter ? read_bytes(&r, count * 4) : NULL;
        if (floats == NULL)
            code = err_set(e, ERR_INPUT, "%s: %llu parameters, and the network has %zu", name,
                           (unsigned long long)count, net->nparameter);
        else if ((code = model_init(m, net, e)) == 0)
            memcpy(m->data, floats, count * 4);
    }
    if (code == 0)
        code = model_check(m, name, e);
    if (code == 0)
        code = read_fixed(fixed, &r, name, e);
    if (code == 0 && r.n != 0)
        code = err_set(e, ERR_INPUT, "%s: %zu bytes too many at its end", name, r.n);
    mem_free(net);
    if (code != 0)
        model_fini(m);
    return code;
}
