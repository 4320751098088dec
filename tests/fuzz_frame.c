/* Headers of frames, in pieces, and hellos: what is accepted is written back to the same bytes. */
#include "fuzz.h"
#include "net/frame.h"
#include "net/hello.h"

static void try_frame(const uint8_t *p, size_t n)
{
    struct frame_reader r = { .have = 0 };
    struct message m;
    struct err e;
    uint8_t back[FRAME_HEAD];
    size_t first = n > 0 ? p[0] % (n + 1) : 0, eaten = frame_feed(&r, p, first);
    FUZZ_NEED(eaten <= first);
    eaten += frame_feed(&r, p + eaten, n - eaten);
    FUZZ_NEED(eaten == (n < FRAME_HEAD ? n : FRAME_HEAD) && r.have == eaten);
    if (r.have < FRAME_HEAD)
        return;
    if (frame_get(&m, r.head, &e) != 0) {
        FUZZ_NEED(e.code == ERR_ABORT && e.text[0] != '\0');
        return;
    }
    FUZZ_NEED(m.n <= LINK_MESSAGE_MAX && m.data == NULL && m.type <= FRAME_BYE);
    frame_put(back, &m);
    FUZZ_NEED(memcmp(back, p, FRAME_HEAD) == 0);
}

static int printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7e)
            return 0;
    return 1;
}

FUZZ_TARGET(frame)
{
    struct hello h, again;
    struct err e;
    uint8_t back[HELLO_SIZE];
    try_frame(p, n);
    if (hello_get(&h, p, n, &e) != 0) {
        FUZZ_NEED(e.code == ERR_PEER && e.text[0] != '\0');
        return 0;
    }
    FUZZ_NEED(printable(h.program) && printable(h.protocol));
    hello_put(back, &h);
    FUZZ_NEED(hello_get(&again, back, sizeof back, &e) == 0);
    FUZZ_NEED(hello_compare(&h, &again, &e) == 0 && h.role == again.role);
    return 0;
}
