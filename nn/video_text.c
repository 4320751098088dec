#include "nn/video_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/text.h"

enum { VALUES_MOST = 1 << 30, DECIMALS = 13, LINE_BYTES = DECIMALS + 3 };

size_t video_frame_size(const struct video *v)
{
    return (size_t)v->h * v->w * v->c;
}

const double *video_frame(const struct video *v, uint32_t frame)
{
    return v->value + frame * video_frame_size(v);
}

int video_init(struct video *v, uint32_t frames, uint32_t h, uint32_t w, uint32_t c,
               struct err *e)
{
    *v = (struct video){ .frames = frames, .h = h, .w = w, .c = c };
    double values = (double)frames * h * w * c;
    if (values < 1 || values > VALUES_MOST)
        return err_set(e, ERR_INPUT, "a clip of %u frames of %ux%ux%u is empty or too large",
                       frames, h, w, c);
    v->value = mem_new(frames * video_frame_size(v), sizeof *v->value);
    return v->value != NULL ? 0 : err_set(e, ERR_FAILED, "no memory for a clip of %u frames",
                                          frames);
}

void video_fini(struct video *v)
{
    if (v->value != NULL)
        wipe(v->value, v->frames * video_frame_size(v) * sizeof *v->value);
    mem_free(v->value);
    *v = (struct video){ 0 };
}

/* Counts words, so that memory is taken once. */
static size_t word_count(const uint8_t *p, size_t n)
{
    size_t words = 0;
    int in_word = 0;
    for (size_t i = 0; i < n; i++) {
        int space = p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r');
        words += !space && !in_word;
        in_word = !space;
    }
    return words;
}

int video_parse(struct video *v, const uint8_t *p, size_t n, const char *name, uint32_t h,
                uint32_t w, uint32_t c, struct err *e)
{
    size_t count = word_count(p, n), size = (size_t)h * w * c;
    *v = (struct video){ 0 };
    if (size == 0 || count == 0 || count > VALUES_MOST || count % size != 0)
        return err_set(e, ERR_INPUT, "%s: %zu values; expected a whole number of frames of "
                       "%ux%ux%u = %zu values", name, count, h, w, c, size);
    struct text t;
    int got, code = video_init(v, (uint32_t)(count / size), h, w, c, e);
    text_init(&t, p, n, name);
    for (size_t k = 0; code == 0 && k < count; k++) {
        code = text_next(&t, &v->value[k], &got, e);
        if (code == 0 && !(v->value[k] >= 0 && v->value[k] <= 1))
            code = text_refuse(&t, e, "frame %zu: expected a pixel between 0 and 1; found %.6g",
                               k / size, v->value[k]);
    }
    if (code != 0)
        video_fini(v);
    return code;
}

/* x in [0, 1] with 13 decimals and a newline, in any locale. */
static char *value_write(char *p, double x)
{
    uint64_t v = (uint64_t)llrint(x * 1e13);
    char digits[DECIMALS];
    for (int i = DECIMALS - 1; i >= 0; i--, v /= 10)
        digits[i] = (char)('0' + v % 10);
    *p++ = (char)('0' + v);
    *p++ = '.';
    memcpy(p, digits, DECIMALS);
    p[DECIMALS] = '\n';
    return p + DECIMALS + 1;
}

char *video_write(const struct video *v, size_t *n)
{
    size_t count = v->frames * video_frame_size(v);
    char *text = malloc(count * LINE_BYTES + 1), *p = text;
    if (text == NULL)
        return NULL;
    for (size_t k = 0; k < count; k++)
        p = value_write(p, v->value[k]);
    *p = '\0';
    *n = (size_t)(p - text);
    return text;
}
