/*
 * base_bytes.h: little-endian integers in byte strings, and a reader that cannot run over the end.
 */
#ifndef OB_NET_BASE_BYTES_H
#define OB_NET_BASE_BYTES_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

static inline void put_u16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
static inline void put_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static inline void put_u64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
static inline uint16_t get_u16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline uint32_t get_u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint64_t get_u64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

/* A cursor over borrowed bytes. Once a read runs over the end, `bad` stays set and reads give 0. */
struct reader {
    const uint8_t *p;
    size_t n;
    int bad;
};

static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
    if (r->bad || n > r->n) {
        r->bad = 1;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->n -= n;
    return p;
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 1);
    return p == NULL ? 0 : *p;
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 2);
    return p == NULL ? 0 : get_u16(p);
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 4);
    return p == NULL ? 0 : get_u32(p);
}

static inline uint64_t read_u64(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 8);
    return p == NULL ? 0 : get_u64(p);
}

#endif
