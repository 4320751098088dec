/* Cascades: one that is accepted can be slid over a picture, and what it finds lies inside. */
#include "fuzz.h"
#include "nn/cascade.h"

enum { EDGE = 72 };

FUZZ_TARGET(cascade)
{
    static struct cascade c;
    static struct cascade_finds finds;
    uint8_t grey[EDGE * EDGE];
    struct err e = { 0 };
    int code = cascade_parse(&c, p, n, "x.xml", &e);
    FUZZ_NEED(code == 0 || code == ERR_INPUT || code == ERR_FAILED);
    if (code != 0) {
        FUZZ_NEED(e.text[0] != '\0' && c.stage == NULL && c.feature == NULL);
        return 0;
    }
    for (unsigned i = 0; i < EDGE * EDGE; i++)
        grey[i] = (uint8_t)(i * i / 7 * 31);
    FUZZ_NEED(cascade_scan(&finds, &c, grey, EDGE, EDGE, EDGE, 4, EDGE, 1, &e) == 0);
    FUZZ_NEED(finds.n <= FACES_MAX);
    for (unsigned i = 0; i < finds.n; i++) {
        const struct cascade_find *f = &finds.find[i];
        FUZZ_NEED(f->votes >= 1 && f->x >= 0 && f->y >= 0 && f->w > 0 && f->h > 0);
        FUZZ_NEED(f->x + f->w < EDGE + 1 && f->y + f->h < EDGE + 1);
    }
    cascade_fini(&c);
    return 0;
}
