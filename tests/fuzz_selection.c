/* Selection matrices as text, and the option that stands for one. The first two bytes are the
 * number of frames; what is accepted has rows that are one-hot again when written as a matrix. */
#include "fuzz.h"
#include "nn/selection.h"

static void judge(const struct selection *s)
{
    FUZZ_NEED(s->rows > 0 && s->frame != NULL);
    uint64_t *b = calloc((size_t)s->rows * s->frames, sizeof *b);
    FUZZ_NEED(b != NULL);
    selection_matrix(b, s, &chunks_whole);
    for (uint32_t i = 0; i < s->rows; i++) {
        uint64_t sum = 0;
        FUZZ_NEED(s->frame[i] < s->frames);
        for (uint32_t k = 0; k < s->frames; k++)
            sum += b[(size_t)i * s->frames + k];
        FUZZ_NEED(sum == 1 && b[(size_t)i * s->frames + s->frame[i]] == 1);
    }
    free(b);
}

static void try_option(const uint8_t *p, size_t n)
{
    char *text = malloc(n + 1);
    struct selection s = { 0 };
    struct err e = { 0 };
    uint32_t k = 0;
    FUZZ_NEED(text != NULL);
    if (n > 0)
        memcpy(text, p, n);
    text[n] = '\0';
    int code = selection_option(text, &k, &e);
    FUZZ_NEED(code == 0 || (code == ERR_USAGE && strncmp(text, "every:", 6) == 0));
    if (code == 0 && k > 0 && selection_every(&s, k, 1000, &e) == 0) {
        FUZZ_NEED(s.rows == (1000 + (uint64_t)k - 1) / k);
        judge(&s);
        selection_fini(&s);
    }
    free(text);
}

FUZZ_TARGET(selection)
{
    struct selection s = { 0 };
    struct err e = { 0 };
    struct choices c = { p, n };
    uint32_t frames = choose_u16(&c);
    if (selection_parse(&s, c.p, c.n, "x", frames, &e) == 0) {
        FUZZ_NEED(s.frames == frames);
        judge(&s);
        selection_fini(&s);
    } else
        FUZZ_NEED(e.code == ERR_INPUT && e.text[0] != '\0');
    try_option(c.p, c.n);
    return 0;
}
