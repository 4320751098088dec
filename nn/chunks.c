#include "nn/chunks.h"

const struct chunks chunks_whole = { 0 };

/* Chunks that frames fill, the last one not always. */
static uint64_t needed(uint32_t frames, uint32_t each)
{
    return ((uint64_t)frames + each - 1) / each;
}

int chunks_check(const struct chunks *c, uint32_t frames, uint32_t selected, struct err *e)
{
    uint64_t rows = 0;
    if (c->n == 0)
        return 0;
    for (unsigned i = 0; i < c->n && i < CHUNKS_MAX; i++)
        rows += c->rows[i];
    if (c->n > CHUNKS_MAX || c->each == 0 || c->each > frames ||
        needed(frames, c->each) != c->n || rows != selected)
        return err_set(e, ERR_INPUT, "%u chunks of %u frames do not make a clip of %u frames of "
                       "which %u are selected", c->n, c->each, frames, selected);
    return 0;
}

int chunks_cut(struct chunks *c, uint32_t frames, uint32_t each, struct err *e)
{
    *c = (struct chunks){ 0 };
    if (each == 0 || frames == 0 || needed(frames, each) > CHUNKS_MAX)
        return err_set(e, ERR_USAGE, "a clip of %u frames cannot come in chunks of %u: expected "
                       "1 to %d chunks", frames, each, CHUNKS_MAX);
    c->each = each < frames ? each : frames;
    c->n = (uint16_t)needed(frames, each);
    return 0;
}

unsigned chunks_next(const struct chunks *c, unsigned i)
{
    while (i < c->n && c->rows[i] == 0)
        i++;
    return i;
}
