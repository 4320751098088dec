#include "net/frame.h"

#include <string.h>

#include "net/base_bytes.h"

void frame_put(uint8_t head[static FRAME_HEAD], const struct message *m)
{
    put_u32(head, (uint32_t)m->n);
    head[4] = m->type;
    head[5] = 0;
    put_u16(head + 6, m->depth);
    put_u64(head + 8, m->job);
    put_u32(head + 16, m->stream);
    put_u32(head + 20, m->seq);
}

int frame_get(struct message *m, const uint8_t head[static FRAME_HEAD], struct err *e)
{
    *m = (struct message){
        .type = head[4],
        .depth = get_u16(head + 6),
        .job = get_u64(head + 8),
        .stream = get_u32(head + 16),
        .seq = get_u32(head + 20),
        .n = get_u32(head),
    };
    if (head[5] != 0 || m->type > FRAME_BYE)
        return err_set(e, ERR_ABORT, "a message header is malformed (type %u, %u)", m->type,
                       head[5]);
    size_t most = m->type >= FRAME_HELLO ? FRAME_CONTROL_MAX : LINK_MESSAGE_MAX;
    if (m->n > most)
        return err_set(e, ERR_ABORT, "a message of type %u is %zu bytes long; %zu are allowed",
                       m->type, m->n, most);
    return 0;
}

size_t frame_feed(struct frame_reader *r, const uint8_t *p, size_t n)
{
    size_t left = FRAME_HEAD - r->have;
    if (n > left)
        n = left;
    if (n > 0)
        memcpy(r->head + r->have, p, n);
    r->have += n;
    return n;
}
