#include "nn/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/text.h"

void selection_fini(struct selection *s)
{
    if (s->frame != NULL)
        wipe(s->frame, s->rows * sizeof *s->frame);
    mem_free(s->frame);
    *s = (struct selection){ 0 };
}

static int selection_init(struct selection *s, uint32_t rows, uint32_t frames, struct err *e)
{
    *s = (struct selection){ 0 };
    if (frames == 0 || frames > SELECTION_FRAMES || rows == 0 || rows > SELECTION_FRAMES)
        return err_set(e, ERR_INPUT, "a selection of %u out of %u frames is not possible; 1 to %d "
                       "are", rows, frames, SELECTION_FRAMES);
    s->frame = mem_new(rows, sizeof *s->frame);
    if (s->frame == NULL)
        return err_set(e, ERR_FAILED, "no memory for a selection of %u frames", rows);
    s->rows = rows;
    s->frames = frames;
    return 0;
}

int selection_option(const char *text, uint32_t *k, struct err *e)
{
    static const char prefix[] = "every:";
    *k = 0;
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        return 0;
    uint64_t v = 0;
    const char *c = text + sizeof prefix - 1;
    for (; *c >= '0' && *c <= '9' && v <= SELECTION_FRAMES; c++)
        v = v * 10 + (uint64_t)(*c - '0');
    if (*c != '\0' || v < 1 || v > SELECTION_FRAMES)
        return err_set(e, ERR_USAGE, "selection `%.40s`: expected every:K with K from 1 to %d",
                       text, SELECTION_FRAMES);
    *k = (uint32_t)v;
    return 0;
}

int selection_every(struct selection *s, uint32_t k, uint32_t frames, struct err *e)
{
    *s = (struct selection){ 0 };
    if (k == 0)
        return err_set(e, ERR_USAGE, "a selection of every 0th frame is not possible");
    int code = selection_init(s, frames / k + (frames % k != 0), frames, e);
    for (uint32_t i = 0; code == 0 && i < s->rows; i++)
        s->frame[i] = i * k;
    return code;
}

/* The index of the 1 in a row, or where it goes wrong in *bad and why. */
static const char *row_pick(const float *row, uint32_t frames, uint32_t *pick, size_t *bad)
{
    uint32_t found = frames;
    for (uint32_t j = 0; j < frames; j++) {
        int one = row[j] > 0.5f && row[j] < 1.5f;
        *bad = j;
        if (memcmp(&row[j], &(float){ one ? 1.0f : 0.0f }, sizeof *row) != 0)
            return "expected 0 or 1";
        if (one && found < frames)
            return "there is a second 1 in this row";
        if (one)
            found = j;
    }
    *bad = 0;
    *pick = found;
    return found == frames ? "there is no 1 in this row" : NULL;
}

int selection_rows(struct selection *s, const float *b, uint32_t rows, uint32_t frames,
                   const char *name, size_t *bad, struct err *e)
{
    int code = selection_init(s, rows, frames, e);
    for (uint32_t i = 0; code == 0 && i < rows; i++) {
        size_t at;
        const char *fault = row_pick(b + (size_t)i * frames, frames, &s->frame[i], &at);
        if (fault == NULL)
            continue;
        if (bad != NULL)
            *bad = (size_t)i * frames + at;
        code = err_set(e, ERR_INPUT, "%s: selection matrix, row %u, column %zu: %s", name, i + 1,
                       at + 1, fault);
    }
    if (code != 0)
        selection_fini(s);
    return code;
}

int selection_parse(struct selection *s, const uint8_t *p, size_t n, const char *name,
                    uint32_t frames, struct err *e)
{
    float *values;
    size_t count, bad = SIZE_MAX;
    *s = (struct selection){ 0 };
    int code = text_floats(&values, &count, p, n, name, e);
    if (code != 0)
        return code;
    if (frames == 0 || count == 0 || count % frames != 0 || count / frames > SELECTION_FRAMES)
        code = err_set(e, ERR_INPUT, "%s: %zu values; expected rows of %u values, one per frame "
                       "of the clip", name, count, frames);
    else
        code = selection_rows(s, values, (uint32_t)(count / frames), frames, name, &bad, e);
    if (code == ERR_INPUT && bad != SIZE_MAX) {
        struct text t;
        text_init(&t, p, n, name);
        code = text_refuse_at(&t, bad, e, "selection matrix, row %zu, column %zu: each value must "
                              "be 0 or 1, and each row must hold one 1", bad / frames + 1,
                              bad % frames + 1);
    }
    if (values != NULL)
        wipe(values, count * sizeof *values);
    mem_free(values);
    return code;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int selection_chunks(struct chunks *c, struct selection *s, uint32_t each, struct err *e)
{
    *c = (struct chunks){ 0 };
    if (each == 0)
        return 0;
    if (chunks_cut(c, s->frames, each, e) != 0)
        return e->code;
    qsort(s->frame, s->rows, sizeof *s->frame, ascending);
    for (uint32_t i = 0; i < s->rows; i++)
        if (++c->rows[s->frame[i] / each] == 0)
            return err_set(e, ERR_USAGE, "more than %d rows of the selection in one chunk of %u "
                           "frames", UINT16_MAX, each);
    return 0;
}

void selection_matrix(uint64_t *b, const struct selection *s, const struct chunks *c)
{
    uint32_t width = chunks_frames(c, s->frames);
    memset(b, 0, (size_t)s->rows * width * sizeof *b);
    for (uint32_t i = 0; i < s->rows; i++)
        b[(size_t)i * width + s->frame[i] % width] = 1;
}
