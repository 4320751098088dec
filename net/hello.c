#include "net/hello.h"

#include <string.h>

#include "net/base_bytes.h"

static const char magic[8] = "OBSCURA";

void hello_text(char *out, size_t room, const void *p, size_t n)
{
    const unsigned char *s = p;
    size_t i;
    for (i = 0; i < n && i + 1 < room && s[i] != 0; i++)
        out[i] = s[i] >= 32 && s[i] < 127 ? (char)s[i] : '?';
    out[i] = '\0';
}

void hello_put(uint8_t out[static HELLO_SIZE], const struct hello *h)
{
    memset(out, 0, HELLO_SIZE);
    memcpy(out, magic, sizeof magic);
    put_u32(out + 8, h->wire);
    memcpy(out + 12, h->program, strnlen(h->program, 16));
    memcpy(out + 28, h->protocol, strnlen(h->protocol, 32));
    out[60] = h->role;
    out[61] = h->parties;
    out[62] = h->lane;
    out[63] = h->lanes;
    memcpy(out + 64, h->digest, HELLO_DIGEST);
    memcpy(out + 96, h->run, HELLO_RUN);
}

int hello_get(struct hello *h, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = { .p = p, .n = n };
    const uint8_t *start = read_bytes(&r, sizeof magic);
    *h = (struct hello){ .wire = read_u32(&r) };
    if (r.bad || memcmp(start, magic, sizeof magic) != 0)
        return err_set(e, ERR_PEER, "it does not speak as obscura does: another program is there");
    if (h->wire != HELLO_WIRE)
        return err_set(e, ERR_PEER, "it speaks version %u of the wire format, we speak %u: install "
                       "the same obscura on both", h->wire, (unsigned)HELLO_WIRE);
    const uint8_t *program = read_bytes(&r, 16), *protocol = read_bytes(&r, 32);
    h->role = read_u8(&r);
    h->parties = read_u8(&r);
    h->lane = read_u8(&r);
    h->lanes = read_u8(&r);
    const uint8_t *digest = read_bytes(&r, HELLO_DIGEST), *run = read_bytes(&r, HELLO_RUN);
    if (r.bad || h->lanes > HELLO_LANES || h->lane >= h->lanes || r.n != 0)
        return err_set(e, ERR_PEER, "its hello is malformed (%zu bytes)", n);
    hello_text(h->program, sizeof h->program, program, 16);
    hello_text(h->protocol, sizeof h->protocol, protocol, 32);
    memcpy(h->digest, digest, HELLO_DIGEST);
    memcpy(h->run, run, HELLO_RUN);
    return 0;
}

int hello_compare(const struct hello *ours, const struct hello *theirs, struct err *e)
{
    if (strcmp(ours->protocol, theirs->protocol) != 0)
        return err_set(e, ERR_PEER, "it runs protocol %s, we run %s: set the same protocol on all",
                       theirs->protocol, ours->protocol);
    if (ours->parties != theirs->parties)
        return err_set(e, ERR_PEER, "it counts %u parties, we count %u: give all the same list",
                       theirs->parties, ours->parties);
    if (ours->lanes != theirs->lanes)
        return err_set(e, ERR_PEER, "it makes links of %u connections, we of %u: set the same "
                       "lanes on all parties", theirs->lanes, ours->lanes);
    if (strcmp(ours->program, theirs->program) != 0)
        return err_set(e, ERR_PEER, "it is obscura %s, we are obscura %s: install the same on all",
                       theirs->program, ours->program);
    if (memcmp(ours->digest, theirs->digest, HELLO_DIGEST) != 0)
        return err_set(e, ERR_PEER, "what it takes for agreed (digest %02x%02x%02x%02x) differs "
                       "from ours (%02x%02x%02x%02x): install the same obscura on all",
                       theirs->digest[0], theirs->digest[1], theirs->digest[2], theirs->digest[3],
                       ours->digest[0], ours->digest[1], ours->digest[2], ours->digest[3]);
    return 0;
}
