/*
 * Models in every format through the one door. The input is: flags, frames, and with flag 1 the
 * length of a JSON and the JSON; the rest is the file. The digest at the end of our own format is
 * made right first, so that what lies behind that check is reached.
 */
#include <math.h>

#include <openssl/sha.h>

#include "fuzz.h"
#include "net/base_mem.h"
#include "nn/model_file.h"

static void digest_right(uint8_t *p, size_t n)
{
    if (n > SHA256_DIGEST_LENGTH && memcmp(p, "OBMODEL\n", 8) == 0)
        SHA256(p, n - SHA256_DIGEST_LENGTH, p + n - SHA256_DIGEST_LENGTH);
}

static void same_again(const struct model *m)
{
    static struct model back;
    struct err e;
    size_t n;
    uint8_t *file = model_file_bytes(m, NULL, &n);
    FUZZ_NEED(file != NULL && model_file_parse(&back, NULL, file, n, "back", &e) == 0);
    FUZZ_NEED(network_equal(&m->net, &back.net));
    FUZZ_NEED(memcmp(m->data, back.data, m->net.nparameter * sizeof(float)) == 0);
    model_fini(&back);
    mem_free(file);
}

static void judge(const struct model *m, const struct selection *s)
{
    FUZZ_NEED(m->data != NULL && m->net.nlayer > 0);
    for (size_t i = 0; i < m->net.nparameter; i++)
        FUZZ_NEED(isfinite(m->data[i]));
    for (uint32_t i = 0; i < s->rows; i++)
        FUZZ_NEED(s->frame[i] < s->frames);
    if (m->net.nparameter < 100000)
        same_again(m);
}

/* Our own format again, with its fixed-point part. */
static void try_own(const uint8_t *p, size_t n)
{
    static struct model m;
    static struct fixed_net fixed;
    struct err e = { 0 };
    if (n < 8 || memcmp(p, "OBMODEL\n", 8) != 0)
        return;
    int code = model_file_parse(&m, &fixed, p, n, "x", &e);
    FUZZ_NEED(code == 0 || (e.text[0] != '\0' && m.data == NULL));
    FUZZ_NEED(code != 0 || fixed.nstage <= FIXED_STAGES);
    model_fini(&m);
}

FUZZ_TARGET(model)
{
    static struct model m;
    struct selection s;
    struct err e = { 0 };
    struct choices c = { p, n };
    struct model_source src = { .name = "x", .json_name = "x.json" };
    uint8_t flags = choose_u8(&c);
    src.frames = choose_u8(&c);
    if (flags & 1) {
        size_t want = choose_u16(&c);
        src.njson = choose_bytes(&c, &src.json, want);
    }
    uint8_t *copy = malloc(c.n + 1);
    FUZZ_NEED(copy != NULL);
    src.n = c.n;
    if (c.n > 0)
        memcpy(copy, c.p, c.n);
    digest_right(copy, c.n);
    uint8_t *exact = realloc(copy, c.n > 0 ? c.n : 1);     /* so that a read past the end is seen */
    FUZZ_NEED(exact != NULL);
    src.bytes = exact;
    int code = model_open_parse(&m, &s, &src, &e);
    FUZZ_NEED(code == 0 || code == ERR_INPUT || code == ERR_FAILED);
    if (code == 0)
        judge(&m, &s);
    else
        FUZZ_NEED(e.text[0] != '\0' && m.data == NULL && s.frame == NULL);
    model_fini(&m);
    selection_fini(&s);
    try_own(src.bytes, src.n);
    free(exact);
    return 0;
}
