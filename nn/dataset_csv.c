/*
 * dataset_csv.c: FER-2013 as it is distributed: emotion,pixels,Usage.
 *
 * Fields hold numbers, spaces and words; they may be quoted, and nothing in them needs escapes.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/base_mem.h"
#include "nn/dataset.h"

enum { COLUMNS = 3, FIELDS = 16, QUOTE_BYTES = 40 };
enum { EMOTION, PIXELS, USAGE };

struct field {
    const char *p;
    size_t n;
};

struct csv {
    const char *name;
    const char *at, *end;       /* what is left */
    size_t line;
    unsigned column[COLUMNS];   /* where each stands; FIELDS: nowhere */
};

static struct field field_trim(struct field f)
{
    while (f.n > 0 && strchr(" \t\r\"", f.p[0]) != NULL)
        f = (struct field){ f.p + 1, f.n - 1 };
    while (f.n > 0 && strchr(" \t\r\"", f.p[f.n - 1]) != NULL)
        f.n--;
    return f;
}

static int field_is(struct field f, const char *word)
{
    return f.n == strlen(word) && strncasecmp(f.p, word, f.n) == 0;
}

/* The next line, without its end; 0 when there is none. */
static int csv_line(struct csv *c, struct field *line)
{
    if (c->at == c->end)
        return 0;
    const char *stop = memchr(c->at, '\n', (size_t)(c->end - c->at));
    const char *next = stop != NULL ? stop + 1 : c->end;
    *line = (struct field){ c->at, (size_t)((stop != NULL ? stop : c->end) - c->at) };
    c->at = next;
    c->line++;
    return 1;
}

/* Splits at commas; returns the number of fields, at most FIELDS. */
static unsigned csv_split(struct field line, struct field out[FIELDS])
{
    unsigned n = 0;
    for (const char *p = line.p, *end = line.p + line.n; n < FIELDS; n++) {
        const char *comma = p == end ? NULL : memchr(p, ',', (size_t)(end - p));
        out[n] = field_trim((struct field){ p, (size_t)((comma != NULL ? comma : end) - p) });
        if (comma == NULL)
            return n + 1;
        p = comma + 1;
    }
    return n;
}

static int header_read(struct csv *c, struct field line)
{
    static const char *const words[COLUMNS] = { "emotion", "pixels", "usage" };
    struct field f[FIELDS];
    if (line.n >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0)
        line = (struct field){ line.p + 3, line.n - 3 };
    unsigned n = csv_split(line, f);
    for (unsigned k = 0; k < COLUMNS; k++) {
        c->column[k] = FIELDS;
        for (unsigned i = 0; i < n; i++)
            if (field_is(f[i], words[k]))
                c->column[k] = i;
    }
    return c->column[EMOTION] < FIELDS && c->column[PIXELS] < FIELDS;
}

static struct csv csv_of(const uint8_t *p, size_t n, const char *name)
{
    const char *text = (const char *)p;
    return (struct csv){ .name = name, .at = text, .end = n > 0 ? text + n : text };
}

int dataset_csv_likely(const uint8_t *p, size_t n)
{
    struct csv c = csv_of(p, n < 256 ? n : 256, "");
    struct field line;
    return csv_line(&c, &line) && header_read(&c, line);
}

/* A number of up to three digits at *f, which then starts behind it; -1 when there is none. */
static int number_take(struct field *f)
{
    int v = 0;
    size_t k = 0;
    while (k < f->n && k < 4 && f->p[k] >= '0' && f->p[k] <= '9')
        v = 10 * v + (f->p[k++] - '0');
    *f = (struct field){ f->p + k, f->n - k };
    return k == 0 || k > 3 ? -1 : v;
}

static int csv_refuse(const struct csv *c, const char *what, struct field found, struct err *e)
{
    char shown[QUOTE_BYTES + 1];
    size_t n = found.n < QUOTE_BYTES ? found.n : QUOTE_BYTES;
    for (size_t k = 0; k < n; k++)
        shown[k] = found.p[k] >= 0x20 && found.p[k] < 0x7f ? found.p[k] : '?';
    shown[n] = '\0';
    return err_set(e, ERR_INPUT, "%s:%zu: %s, found '%s'", c->name, c->line, what, shown);
}

static int pixels_read(const struct csv *c, uint8_t *grey, size_t count, struct field f,
                       struct err *e)
{
    for (size_t k = 0; k < count; k++) {
        while (f.n > 0 && f.p[0] == ' ')
            f = (struct field){ f.p + 1, f.n - 1 };
        struct field here = f;
        int v = number_take(&f);
        if (here.n == 0)
            return err_set(e, ERR_INPUT, "%s:%zu: %zu pixels; expected %zu", c->name, c->line, k,
                           count);
        if (v < 0 || v > 255)
            return csv_refuse(c, "expected a grey level of 0 to 255", here, e);
        grey[k] = (uint8_t)v;
    }
    f = field_trim(f);
    return f.n == 0 ? 0 : csv_refuse(c, "more pixels than the network takes", f, e);
}

static int usage_read(const struct csv *c, uint8_t *split, struct field f, struct err *e)
{
    static const struct { const char *word; uint8_t split; } words[] = {
        { "Training", SPLIT_TRAIN }, { "Validation", SPLIT_HELD }, { "PublicTest", SPLIT_PUBLIC },
        { "PrivateTest", SPLIT_PRIVATE },
    };
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (field_is(f, words[k].word)) {
            *split = words[k].split;
            return 0;
        }
    return csv_refuse(c, "expected the usage Training, Validation, PublicTest or PrivateTest", f,
                      e);
}

static int row_read(struct dataset *d, const struct csv *c, uint8_t *grey, struct field line,
                    struct err *e)
{
    struct field f[FIELDS], none = { line.p, 0 };
    struct dataset_item item = { .split = SPLIT_TRAIN };
    unsigned n = csv_split(line, f);
    for (unsigned k = 0; k < COLUMNS; k++)
        if (c->column[k] < FIELDS && c->column[k] >= n)
            return csv_refuse(c, "fewer fields than the header has columns", line, e);
    struct field emotion = f[c->column[EMOTION]], rest = emotion;
    int label = number_take(&rest);
    if (label < 0 || rest.n > 0 || label >= (int)d->nclass)
        return csv_refuse(c, "expected the number of a class", emotion.n > 0 ? emotion : none, e);
    item.label = (uint8_t)label;
    int code = pixels_read(c, grey, (size_t)d->h * d->w, f[c->column[PIXELS]], e);
    if (code == 0 && c->column[USAGE] < FIELDS)
        code = usage_read(c, &item.split, f[c->column[USAGE]], e);
    return code == 0 ? dataset_add(d, grey, item, e) : code;
}

int dataset_csv_parse(struct dataset *d, const uint8_t *p, size_t n, const char *name,
                      struct err *e)
{
    struct csv c = csv_of(p, n, name);
    struct field line = { c.at, 0 };
    if (!csv_line(&c, &line) || !header_read(&c, line))
        return csv_refuse(&c, "expected a header with the columns emotion and pixels", line, e);
    uint8_t *grey = mem_new(d->h, d->w);
    size_t before = d->n;
    int code = grey == NULL ? err_set(e, ERR_FAILED, "%s: no memory", name) : 0;
    while (code == 0 && csv_line(&c, &line))
        if (field_trim(line).n > 0)
            code = row_read(d, &c, grey, line, e);
    mem_free(grey);
    if (code == 0 && d->n == before)
        code = err_set(e, ERR_INPUT, "%s: a header and no pictures behind it", name);
    return code;
}
