/*
 * h5_file.c: superblock, object headers, groups. See the HDF5 File Format Specification, sections
 * II.A (superblock), III.A to III.D (B-trees, symbol tables, heaps) and IV.A (object headers).
 */
#include <string.h>

#include "net/base_bytes.h"
#include "nn/h5.h"

enum {
    BLOCKS_MOST = 1024,         /* pieces of one object header */
    WORK_MOST = 1 << 28,        /* bytes of structure, all calls together */
    MESSAGE_CONTINUATION = 0x10,
    MESSAGE_SYMBOLS = 0x11,
    MESSAGE_LINK = 0x06,
    FLAG_SHARED = 0x02,
    SYMBOL_BYTES = 40,
    SOFT_LINK = 2
};

const uint8_t *h5_at(struct h5 *f, uint64_t address, uint64_t n)
{
    if (address > f->n - f->base || n > f->n - f->base - address)
        return NULL;
    return f->p + f->base + address;
}

const uint8_t *h5_walk(struct h5 *f, uint64_t address, uint64_t n)
{
    f->work += n < WORK_MOST ? n : WORK_MOST;
    return f->work < WORK_MOST ? h5_at(f, address, n) : NULL;
}

/* n bytes at an address that begin with a four-letter signature. */
static const uint8_t *signed_at(struct h5 *f, uint64_t address, uint64_t n,
                                const char *signature)
{
    const uint8_t *p = h5_walk(f, address, n);
    return p != NULL && memcmp(p, signature, 4) == 0 ? p : NULL;
}

int h5_open(struct h5 *f, const uint8_t *p, size_t n)
{
    *f = (struct h5){ .p = p, .n = n };
    if (n < 48 || memcmp(p, "\x89HDF\r\n\x1a\n", 8) != 0)
        return -1;
    uint64_t end;
    if (p[8] <= 1) {            /* versions 0 and 1: the root's symbol table entry is inside */
        size_t fixed = p[8] == 0 ? 24 : 28;
        if (n < fixed + 4 * 8 + SYMBOL_BYTES || p[13] != 8 || p[14] != 8)
            return -1;
        f->base = get_u64(p + fixed);
        end = get_u64(p + fixed + 16);
        f->root = get_u64(p + fixed + 32 + 8);
    } else if (p[8] <= 3) {
        if (p[9] != 8 || p[10] != 8)
            return -1;
        f->base = get_u64(p + 12);
        end = get_u64(p + 28);
        f->root = get_u64(p + 36);
    } else {
        return -1;
    }
    if (f->base != 0 || end > n)
        return -1;
    return h5_at(f, f->root, 16) != NULL ? 0 : -1;
}

/* Pieces of an object header that are still to be read. */
struct blocks {
    const uint8_t *p[BLOCKS_MOST];
    size_t n[BLOCKS_MOST];
    unsigned count;
    int newer;                  /* version 2 */
    int creation_order;         /* version 2: each message has two bytes more */
};

static int block_add(struct blocks *b, struct h5 *f, uint64_t address, uint64_t n)
{
    const uint8_t *p = h5_walk(f, address, n);
    if (p == NULL || b->count >= BLOCKS_MOST)
        return -1;
    if (b->newer) {             /* signature before, checksum behind */
        if (n < 8 || memcmp(p, "OCHK", 4) != 0)
            return -1;
        p += 4;
        n -= 8;
    }
    b->p[b->count] = p;
    b->n[b->count++] = (size_t)n;
    return 0;
}

/* The first piece of a version 2 header: flags, optional times and limits, its size. */
static int newer_first(struct blocks *b, struct h5 *f, uint64_t object)
{
    const uint8_t *p = signed_at(f, object, 6, "OHDR");
    if (p == NULL || p[4] != 2)
        return -1;
    unsigned flags = p[5], width = 1u << (flags & 3);
    uint64_t at = 6 + ((flags & 0x20) != 0 ? 16u : 0) + ((flags & 0x10) != 0 ? 4u : 0);
    p = h5_at(f, object, at + width);
    if (p == NULL)
        return -1;
    uint64_t size = 0;
    memcpy(&size, p + at, width);
    const uint8_t *messages = h5_walk(f, object + at + width, size);
    if (messages == NULL)
        return -1;
    b->newer = 1;
    b->creation_order = (flags & 0x04) != 0;
    b->p[0] = messages;
    b->n[0] = (size_t)size;
    b->count = 1;
    return 0;
}

static int older_first(struct blocks *b, struct h5 *f, uint64_t object)
{
    const uint8_t *p = h5_at(f, object, 16);
    if (p == NULL || p[0] != 1)
        return -1;
    return block_add(b, f, object + 16, get_u32(p + 8));
}

/* The messages of one piece. */
static int block_visit(struct blocks *b, struct h5 *f, unsigned i,
                       int (*visit)(void *, unsigned, const uint8_t *, size_t), void *arg)
{
    struct reader r = { .p = b->p[i], .n = b->n[i] };
    size_t head = b->newer ? 4u + (b->creation_order ? 2u : 0) : 8u;
    while (r.n >= head) {
        const uint8_t *h = read_bytes(&r, head);
        unsigned type = b->newer ? h[0] : get_u16(h);
        size_t size = b->newer ? get_u16(h + 1) : get_u16(h + 2);
        unsigned flags = b->newer ? h[3] : h[4];
        const uint8_t *p = read_bytes(&r, size);
        int code = 0;
        if (p == NULL)
            return -1;
        if (type == MESSAGE_CONTINUATION)
            code = size >= 16 ? block_add(b, f, get_u64(p), get_u64(p + 8)) : -1;
        else if ((flags & FLAG_SHARED) == 0)
            code = visit(arg, type, p, size);
        if (code != 0)
            return code;
    }
    return 0;
}

int h5_messages(struct h5 *f, uint64_t object,
                int (*visit)(void *arg, unsigned type, const uint8_t *p, size_t n), void *arg)
{
    struct blocks b = { .count = 0 };
    int code = signed_at(f, object, 4, "OHDR") != NULL ? newer_first(&b, f, object)
                                                      : older_first(&b, f, object);
    for (unsigned i = 0; code == 0 && i < b.count; i++)
        code = block_visit(&b, f, i, visit, arg);
    return code;
}

/* Looking for one name in one group. */
struct search {
    struct h5 *f;
    const char *name;
    size_t length;
    const uint8_t *names;       /* local heap */
    uint64_t room;
    uint64_t object;
};

static int name_is(const struct search *s, uint64_t offset)
{
    return offset < s->room && s->room - offset > s->length &&
           memcmp(s->names + offset, s->name, s->length + 1) == 0;
}

/* A leaf of a group: symbols with their names and object headers. 1 when found. */
static int symbols_search(struct search *s, uint64_t address)
{
    const uint8_t *p = signed_at(s->f, address, 8, "SNOD");
    if (p == NULL)
        return -1;
    unsigned count = get_u16(p + 6);
    p = h5_walk(s->f, address + 8, (uint64_t)count * SYMBOL_BYTES);
    for (unsigned i = 0; p != NULL && i < count; i++, p += SYMBOL_BYTES)
        if (name_is(s, get_u64(p))) {
            s->object = get_u64(p + 8);
            return get_u32(p + 16) == SOFT_LINK ? -1 : 1;
        }
    return p != NULL ? 0 : -1;
}

/* A node of a group's B-tree. Levels fall from parent to child, so there are no cycles. */
static int tree_search(struct search *s, uint64_t address, unsigned level_below)
{
    const uint8_t *p = signed_at(s->f, address, 24, "TREE");
    if (p == NULL || p[4] != 0 || p[5] >= level_below)
        return -1;
    unsigned level = p[5], count = get_u16(p + 6);
    p = h5_walk(s->f, address + 24, (uint64_t)count * 16 + 8);
    for (unsigned i = 0; p != NULL && i < count; i++) {
        uint64_t child = get_u64(p + 8 + 16 * (size_t)i);
        int code = level > 0 ? tree_search(s, child, level) : symbols_search(s, child);
        if (code != 0)
            return code;
    }
    return p != NULL ? 0 : -1;
}

static int table_search(struct search *s, const uint8_t *p, size_t n)
{
    const uint8_t *heap = n >= 16 ? signed_at(s->f, get_u64(p + 8), 32, "HEAP") : NULL;
    if (heap == NULL)
        return -1;
    s->room = get_u64(heap + 8);
    s->names = h5_at(s->f, get_u64(heap + 24), s->room);
    return s->names != NULL ? tree_search(s, get_u64(p), 16) : -1;
}

/* A link in the header itself: version, flags, and what the flags announce. */
static int link_search(struct search *s, const uint8_t *p, size_t n)
{
    struct reader r = { .p = p, .n = n };
    unsigned version = read_u8(&r), flags = read_u8(&r), width = 1u << (flags & 3);
    unsigned kind = (flags & 0x08) != 0 ? read_u8(&r) : 0;
    if ((flags & 0x04) != 0)
        read_bytes(&r, 8);
    if ((flags & 0x10) != 0)
        read_bytes(&r, 1);
    uint64_t length = 0;
    const uint8_t *size = read_bytes(&r, width);
    if (size != NULL)
        memcpy(&length, size, width);
    const uint8_t *name = read_bytes(&r, length);
    uint64_t object = read_u64(&r);
    if (r.bad || version != 1 || length != s->length || memcmp(name, s->name, length) != 0)
        return 0;
    s->object = object;
    return kind == 0 ? 1 : -1;
}

static int group_visit(void *arg, unsigned type, const uint8_t *p, size_t n)
{
    if (type == MESSAGE_SYMBOLS)
        return table_search(arg, p, n);
    return type == MESSAGE_LINK ? link_search(arg, p, n) : 0;
}

int h5_find(struct h5 *f, uint64_t at, const char *path, uint64_t *object)
{
    *object = at;
    for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
        struct search s = { .f = f, .name = path, .length = strcspn(path, "/") };
        char name[256];
        if (s.length >= sizeof name)
            return -1;
        memcpy(name, path, s.length);
        name[s.length] = '\0';
        path += s.length;
        s.name = name;
        if (h5_messages(f, *object, group_visit, &s) != 1)
            return -1;
        *object = s.object;
    }
    return 0;
}
