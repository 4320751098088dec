/*
 * h5_value.c: attributes and arrays. See the HDF5 File Format Specification, sections III.E (global
 * heap) and IV.A.2 (dataspace, datatype, layout and attribute messages).
 */
#include <math.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/h5.h"

enum {
    MESSAGE_SPACE = 0x01,
    MESSAGE_TYPE = 0x03,
    MESSAGE_EXTERNAL = 0x07,
    MESSAGE_LAYOUT = 0x08,
    MESSAGE_FILTERS = 0x0b,
    MESSAGE_ATTRIBUTE = 0x0c,
    CLASS_FLOAT = 1,
    CLASS_STRING = 3,
    CLASS_VARIABLE = 9,
    VARIABLE_BYTES = 16         /* length, heap address, index */
};

void h5_strings_fini(struct h5_strings *s)
{
    for (size_t i = 0; s->text != NULL && i < s->n; i++)
        mem_free(s->text[i]);
    mem_free(s->text);
    *s = (struct h5_strings){ 0 };
}

/* Rank and shape of a dataspace message; -1 when damaged, of more axes than we know, or null. */
static int space_read(uint64_t shape[H5_RANK], const uint8_t *p, size_t n)
{
    if (n < 4 || p[1] > H5_RANK || (p[0] != 1 && p[0] != 2) || (p[0] == 2 && p[3] > 1))
        return -1;
    size_t head = p[0] == 1 ? 8 : 4;
    if (n < head + 8u * p[1])
        return -1;
    for (unsigned i = 0; i < p[1]; i++)
        shape[i] = get_u64(p + head + 8 * i);
    return p[1];
}

/* Number of elements; `most` + 1 when there are more. */
static uint64_t space_count(const uint64_t *shape, int rank, uint64_t most)
{
    uint64_t count = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] == 0)
            return 0;
    for (int i = 0; i < rank; i++) {
        if (shape[i] > most / count)
            return most + 1;
        count *= shape[i];
    }
    return count;
}

/* The parts of one attribute. */
struct attribute {
    const char *name;           /* looked for */
    const uint8_t *type, *space, *data;
    size_t ntype, nspace, ndata;
};

static int attribute_visit(void *arg, unsigned message, const uint8_t *p, size_t n)
{
    struct attribute *a = arg;
    struct reader r = { .p = p, .n = n };
    if (message != MESSAGE_ATTRIBUTE)
        return 0;
    unsigned version = read_u8(&r), flags = read_u8(&r);
    size_t name_bytes = read_u16(&r), length = strlen(a->name);
    a->ntype = read_u16(&r);
    a->nspace = read_u16(&r);
    if (version == 3)
        read_bytes(&r, 1);
    size_t pad = version == 1 ? 7 : 0;      /* version 1 pads to multiples of 8 */
    const uint8_t *name = read_bytes(&r, (name_bytes + pad) & ~pad);
    a->type = read_bytes(&r, (a->ntype + pad) & ~pad);
    a->space = read_bytes(&r, (a->nspace + pad) & ~pad);
    a->data = r.p;
    a->ndata = r.n;
    if (r.bad || name_bytes != length + 1 || memcmp(name, a->name, length + 1) != 0)
        return 0;
    return version >= 1 && version <= 3 && (version == 1 || flags == 0) ? 1 : -1;
}

int h5_has(struct h5 *f, uint64_t object, const char *attribute)
{
    struct attribute a = { .name = attribute };
    return h5_messages(f, object, attribute_visit, &a) == 1;
}

static char *text_copy(const uint8_t *p, size_t n)
{
    size_t used = strnlen((const char *)p, n);
    char *text = used < H5_TEXT ? mem_new(used + 1, 1) : NULL;
    if (text != NULL)
        memcpy(text, p, used);
    return text;
}

/* Object `index` of a collection of the global heap; *n bytes. */
static const uint8_t *heap_object(struct h5 *f, uint64_t address, uint32_t index, size_t *n)
{
    const uint8_t *p = h5_at(f, address, 16);
    if (p == NULL || memcmp(p, "GCOL", 4) != 0 || get_u64(p + 8) < 16)
        return NULL;
    struct reader r = { .p = p, .n = 0 };
    if (h5_walk(f, address, get_u64(p + 8)) == NULL)
        return NULL;
    r.n = (size_t)get_u64(p + 8);
    read_bytes(&r, 16);
    while (r.n >= 16) {
        const uint8_t *head = read_bytes(&r, 16);
        uint64_t size = get_u64(head + 8);
        if (get_u16(head) == 0 || size > r.n)
            return NULL;
        *n = (size_t)size;
        if (get_u16(head) == index)
            return r.p;
        read_bytes(&r, (size + 7) & ~UINT64_C(7));
    }
    return NULL;
}

/* One string of variable length: its length, and where it is in the global heap. */
static char *variable_text(struct h5 *f, const uint8_t *p)
{
    size_t n = 0, length = get_u32(p);
    if (length == 0)
        return text_copy(p, 0);
    const uint8_t *text = heap_object(f, get_u64(p + 4), get_u32(p + 12), &n);
    return text != NULL && length <= n ? text_copy(text, length) : NULL;
}

static int strings_read(struct h5_strings *s, struct h5 *f, const struct attribute *a)
{
    uint64_t shape[H5_RANK];
    int rank = space_read(shape, a->space, a->nspace);
    uint64_t count = rank >= 0 ? space_count(shape, rank, H5_STRINGS) : H5_STRINGS + 1u;
    if (rank >= 0 && count == 0)
        return 0;
    if (count > H5_STRINGS || a->ntype < 8)
        return -1;
    unsigned class = a->type[0] & 0x0f;
    int variable = class == CLASS_VARIABLE && (a->type[1] & 0x0f) == 1;
    size_t size = get_u32(a->type + 4);
    if ((class != CLASS_STRING && !variable) || size == 0 || size > H5_TEXT ||
        (variable && size != VARIABLE_BYTES) || count * size > a->ndata)
        return -1;
    s->text = mem_new((size_t)count, sizeof *s->text);
    if (s->text == NULL)
        return -1;
    s->n = (size_t)count;
    for (size_t i = 0; i < s->n; i++) {
        const uint8_t *p = a->data + i * size;
        s->text[i] = variable ? variable_text(f, p) : text_copy(p, size);
        if (s->text[i] == NULL)
            return -1;
    }
    return 0;
}

int h5_strings(struct h5_strings *s, struct h5 *f, uint64_t object, const char *attribute)
{
    struct attribute a = { .name = attribute };
    *s = (struct h5_strings){ 0 };
    if (h5_messages(f, object, attribute_visit, &a) != 1)
        return -1;
    int code = strings_read(s, f, &a);
    if (code != 0)
        h5_strings_fini(s);
    return code;
}

/* An IEEE number of 2, 4 or 8 bytes: every field as the standard has it. */
static int float_type(struct h5_array *a, const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t size, exponent_at, exponent_bits, mantissa_bits;
        uint32_t bias;
    } ieee[] = { { 2, 10, 5, 10, 15 }, { 4, 23, 8, 23, 127 }, { 8, 52, 11, 52, 1023 } };
    if (n < 20 || (p[0] & 0x0f) != CLASS_FLOAT || (p[1] & 0x40) != 0 || (p[1] & 0x30) != 0x20)
        return 0;
    for (size_t i = 0; i < 3; i++)
        if (get_u32(p + 4) == ieee[i].size && p[2] == 8 * ieee[i].size - 1 &&
            get_u16(p + 8) == 0 && get_u16(p + 10) == 8 * ieee[i].size &&
            p[12] == ieee[i].exponent_at && p[13] == ieee[i].exponent_bits && p[14] == 0 &&
            p[15] == ieee[i].mantissa_bits && get_u32(p + 16) == ieee[i].bias) {
            a->size = ieee[i].size;
            a->big_endian = p[1] & 1;
            return 1;
        }
    return 0;
}

/* What the header of a dataset says. */
struct dataset {
    struct h5_array *a;
    struct h5 *f;
    const char *fault;
    uint64_t bytes;             /* stored */
    int space, type, layout;    /* seen */
};

/* Where the numbers are: in the header, or in one piece elsewhere. */
static void layout_read(struct dataset *d, const uint8_t *p, size_t n)
{
    if (n >= 4 && p[0] == 3 && p[1] == 0 && n - 4 >= get_u16(p + 2)) {
        d->bytes = get_u16(p + 2);
        d->a->data = p + 4;
    } else if (n >= 18 && (p[0] == 3 || p[0] == 4) && p[1] == 1) {
        d->bytes = get_u64(p + 10);
        d->a->data = h5_at(d->f, get_u64(p + 2), d->bytes);
        if (d->a->data == NULL)
            d->fault = "the array is not inside the file: damaged, or never written";
    } else {
        d->fault = "expected the array in one piece, without chunks or compression, inside the "
                   "file";
    }
    d->layout = 1;
}

static int dataset_visit(void *arg, unsigned message, const uint8_t *p, size_t n)
{
    struct dataset *d = arg;
    switch (message) {
    case MESSAGE_SPACE:
        d->a->rank = space_read(d->a->shape, p, n);
        d->space = 1;
        break;
    case MESSAGE_TYPE:
        d->type = float_type(d->a, p, n);
        break;
    case MESSAGE_LAYOUT:
        layout_read(d, p, n);
        break;
    case MESSAGE_EXTERNAL:
    case MESSAGE_FILTERS:
        d->fault = "expected the array in one piece, without chunks or compression, inside the "
                   "file";
        break;
    }
    return d->fault != NULL;
}

const char *h5_array(struct h5_array *a, struct h5 *f, uint64_t object)
{
    struct dataset d = { .a = a, .f = f };
    *a = (struct h5_array){ .rank = -1 };
    if (h5_messages(f, object, dataset_visit, &d) < 0)
        return "the header of the array is damaged";
    if (d.fault != NULL)
        return d.fault;
    if (!d.layout || !d.space)
        return "expected an array here";
    if (!d.type || a->rank < 0)
        return "expected floating point numbers of 16, 32 or 64 bits, of at most 4 axes";
    uint64_t count = space_count(a->shape, a->rank, d.bytes / a->size);
    if (count > d.bytes / a->size)
        return "the array holds fewer numbers than its shape says";
    a->count = (size_t)count;
    return NULL;
}

static float half(uint16_t v)
{
    int exponent = v >> 10 & 0x1f, mantissa = v & 0x3ff;
    float x = exponent == 0 ? ldexpf((float)mantissa, -24)
              : exponent < 31 ? ldexpf((float)(mantissa + 1024), exponent - 25)
              : mantissa == 0 ? INFINITY : NAN;
    return (v & 0x8000) != 0 ? -x : x;
}

void h5_floats(float *out, const struct h5_array *a)
{
    for (size_t k = 0; k < a->count; k++) {
        const uint8_t *p = a->data + k * a->size;
        uint64_t bits = 0;
        for (unsigned i = 0; i < a->size; i++)
            bits |= (uint64_t)p[a->big_endian ? a->size - 1u - i : i] << 8 * i;
        if (a->size == 8) {
            double x;
            memcpy(&x, &bits, sizeof x);
            out[k] = (float)x;
        } else if (a->size == 4) {
            uint32_t low = (uint32_t)bits;
            memcpy(&out[k], &low, sizeof low);
        } else {
            out[k] = half((uint16_t)bits);
        }
    }
}
