#include "nn/weights_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/text.h"

enum { ROWS_MOST = 4096 };

/* How the values of a file fall into a matrix and copies of the parameters. */
struct layout {
    size_t rows, frames, copies;
};

struct reading {
    const float *value;
    size_t count, parameters;
    const char *name;
    struct text text;           /* for positions */
    struct err *e;
};

/* The matrix picks frames 0, K, 2K, .. and as many rows as there are: the published form. */
static int picks_evenly(const float *b, size_t rows, size_t frames)
{
    struct selection s;
    if (selection_rows(&s, b, (uint32_t)rows, (uint32_t)frames, "", NULL, NULL) != 0)
        return 0;
    size_t step = rows > 1 ? s.frame[1] : frames;
    int even = step > 0 && (frames + step - 1) / step == rows;
    for (size_t i = 0; even && i < rows; i++)
        even = s.frame[i] == i * step;
    selection_fini(&s);
    return even;
}

/* N for n rows and one copy or n copies, or 0. */
static size_t frames_for(const struct reading *r, size_t rows, size_t copies)
{
    size_t parameters = copies * r->parameters;
    if (parameters >= r->count || (r->count - parameters) % rows != 0)
        return 0;
    size_t frames = (r->count - parameters) / rows;
    return frames >= rows && frames <= SELECTION_FRAMES ? frames : 0;
}

static int layout_known(struct layout *l, const struct reading *r, size_t frames)
{
    for (size_t rows = 1; rows <= frames && rows * frames < r->count; rows++)
        for (int many = 0; many < 2; many++)
            if (frames_for(r, rows, many ? rows : 1) == frames) {
                *l = (struct layout){ rows, frames, many ? rows : 1 };
                return 0;
            }
    return err_set(r->e, ERR_INPUT, "%s: %zu values; expected %zu parameters alone, or behind "
                   "n x %zu values of a selection, once or n times", r->name, r->count,
                   r->parameters, frames);
}

static int layout_guess(struct layout *l, const struct reading *r)
{
    unsigned found = 0;
    for (size_t rows = 1; rows <= ROWS_MOST && rows < r->count; rows++)
        for (int many = 0; many < (rows > 1 ? 2 : 1); many++) {
            size_t copies = many ? rows : 1, frames = frames_for(r, rows, copies);
            if (frames == 0 || !picks_evenly(r->value, rows, frames))
                continue;
            *l = (struct layout){ rows, frames, copies };
            found++;
        }
    if (found == 1)
        return 0;
    return err_set(r->e, ERR_INPUT, "%s: %zu values; expected %zu parameters alone, or behind a "
                   "selection matrix that picks every K-th frame, once or once per row%s",
                   r->name, r->count, r->parameters,
                   found > 1 ? "; several shapes fit, give the clip's number of frames" : "");
}

static int copies_equal(const struct reading *r, const struct layout *l)
{
    size_t first = l->rows * l->frames;
    for (size_t k = r->parameters; k < l->copies * r->parameters; k++) {
        size_t same = first + k % r->parameters;
        if (memcmp(&r->value[first + k], &r->value[same], sizeof *r->value) != 0)
            return text_refuse_at(&r->text, first + k, r->e, "parameter %zu of copy %zu differs "
                                  "from the first copy; all copies must be the same",
                                  k % r->parameters + 1, k / r->parameters + 1);
    }
    return 0;
}

static int take_selection(struct selection *s, const struct reading *r, const struct layout *l)
{
    size_t bad = SIZE_MAX;
    int code = selection_rows(s, r->value, (uint32_t)l->rows, (uint32_t)l->frames, r->name, &bad,
                              r->e);
    if (code != ERR_INPUT || bad == SIZE_MAX)
        return code;
    return text_refuse_at(&r->text, bad, r->e, "selection matrix, row %zu, column %zu: each value "
                          "must be 0 or 1, and each row must hold one 1", bad / l->frames + 1,
                          bad % l->frames + 1);
}

static int take_model(struct model *m, struct selection *s, const struct network *net,
                      const struct reading *r, uint32_t frames)
{
    struct layout l = { 0, 0, 1 };
    int code = 0;
    if (r->count != r->parameters)
        code = frames > 0 ? layout_known(&l, r, frames) : layout_guess(&l, r);
    if (code == 0 && l.rows > 0)
        code = take_selection(s, r, &l);
    if (code == 0)
        code = copies_equal(r, &l);
    if (code == 0)
        code = model_init(m, net, r->e);
    if (code != 0)
        return code;
    memcpy(m->data, r->value + l.rows * l.frames, r->parameters * sizeof *m->data);
    return model_check(m, r->name, r->e);
}

int weights_text_parse(struct model *m, struct selection *s, const struct network *net,
                       const uint8_t *p, size_t n, const char *name, uint32_t frames,
                       struct err *e)
{
    struct reading r = { .parameters = net->nparameter, .name = name, .e = e };
    float *values;
    memset(m, 0, sizeof *m);
    *s = (struct selection){ 0 };
    int code = text_floats(&values, &r.count, p, n, name, e);
    if (code != 0)
        return code;
    r.value = values;
    text_init(&r.text, p, n, name);
    if (r.count == 0)
        code = err_set(e, ERR_INPUT, "%s: no values; expected %zu parameters", name,
                       r.parameters);
    else
        code = take_model(m, s, net, &r, frames);
    if (values != NULL)
        wipe(values, r.count * sizeof *values);
    mem_free(values);
    if (code != 0) {
        model_fini(m);
        selection_fini(s);
    }
    return code;
}

/* A float in scientific notation with nine digits: always enough to read the same float back.
 * Whatever the locale puts between the digits becomes a point. At most 17 characters. */
static char *float_write(char *p, float x)
{
    char digits[40];
    int n = snprintf(digits, sizeof digits, "%.8e", (double)x);
    for (int i = 0; i < n; i++) {
        if ((digits[i] >= '0' && digits[i] <= '9') || strchr("+-e", digits[i]) != NULL)
            *p++ = digits[i];
        else if (p[-1] != '.')
            *p++ = '.';
    }
    *p++ = '\n';
    return p;
}

char *weights_text_write(const struct model *m, const struct selection *s, unsigned copies,
                         size_t *n)
{
    size_t cells = s != NULL ? (size_t)s->rows * s->frames : 0;
    size_t room = 2 * cells + 24 * m->net.nparameter * copies + 1;
    char *text = malloc(room), *p = text;
    if (text == NULL)
        return NULL;
    for (size_t k = 0; k < cells; k++) {
        *p++ = k % s->frames == s->frame[k / s->frames] ? '1' : '0';
        *p++ = k % s->frames + 1 == s->frames ? '\n' : ' ';
    }
    for (unsigned c = 0; c < copies; c++)
        for (size_t k = 0; k < m->net.nparameter; k++)
            p = float_write(p, m->data[k]);
    *p = '\0';
    *n = (size_t)(p - text);
    return text;
}
