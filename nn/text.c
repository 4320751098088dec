#include "nn/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/base_mem.h"

enum { DIGITS = 18, EXPONENT_MOST = 20000 };

void text_init(struct text *t, const uint8_t *p, size_t n, const char *name)
{
    const char *c = (const char *)p;
    *t = (struct text){ .p = c, .end = c + n, .begin = c, .token = c, .name = name };
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int refuse_place(const struct text *t, const char *at, struct err *e, const char *fmt,
                        va_list ap)
{
    size_t line = 1;
    const char *start = t->begin;
    for (const char *c = t->begin; c < at; c++)
        if (*c == '\n') {
            line++;
            start = c + 1;
        }
    char what[360];
    vsnprintf(what, sizeof what, fmt, ap);
    return err_set(e, ERR_INPUT, "%s:%zu:%zu: %s", t->name, line, (size_t)(at - start) + 1, what);
}

int text_refuse(const struct text *t, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int code = refuse_place(t, t->token, e, fmt, ap);
    va_end(ap);
    return code;
}

int text_refuse_at(const struct text *t, size_t index, struct err *e, const char *fmt, ...)
{
    const char *c = t->begin;
    for (size_t k = 0;; k++) {
        while (c < t->end && is_space(*c))
            c++;
        if (k == index || c == t->end)
            break;
        while (c < t->end && !is_space(*c))
            c++;
    }
    va_list ap;
    va_start(ap, fmt);
    int code = refuse_place(t, c, e, fmt, ap);
    va_end(ap);
    return code;
}

/* What was found, made printable, at most 24 characters. */
static int refuse_token(const struct text *t, const char *what, struct err *e)
{
    char found[28];
    size_t n = 0;
    for (const char *c = t->token; c < t->end && !is_space(*c) && n < 24; c++)
        found[n++] = *c > ' ' && *c <= '~' ? *c : '?';
    found[n] = '\0';
    return text_refuse(t, e, "%s; found `%s`", what, found);
}

/* digits x 10^exponent. */
static double scale(uint64_t digits, int exponent)
{
    static const double exact[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    };
    if (digits < UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? (double)digits / exact[-exponent] : (double)digits * exact[exponent];
    if (exponent >= -27 && exponent <= 27) {
        long double ten = exponent < 0 ? -exponent > 22 ? 1e22L * (long double)exact[-exponent - 22]
                                                        : (long double)exact[-exponent]
                          : exponent > 22 ? 1e22L * (long double)exact[exponent - 22]
                                          : (long double)exact[exponent];
        return (double)(exponent < 0 ? (long double)digits / ten : (long double)digits * ten);
    }
    return (double)((long double)digits * powl(10, exponent));
}

/* A run of digits, before or behind the point. Digits that no double can tell are dropped. */
static const char *take_digits(const char *c, const char *end, uint64_t *digits, int *kept,
                               int64_t *exponent, int behind)
{
    for (; c < end && is_digit(*c); c++) {
        if (*kept < DIGITS) {
            *digits = *digits * 10 + (uint64_t)(*c - '0');
            *kept += *digits > 0;
            *exponent -= behind;
        } else {
            *exponent += !behind;
        }
    }
    return c;
}

/* An exponent behind 'e'; NULL when there are no digits. */
static const char *take_exponent(const char *c, const char *end, int64_t *exponent)
{
    int negative = c < end && *c == '-';
    int64_t v = 0;
    if (c < end && (*c == '-' || *c == '+'))
        c++;
    if (c == end || !is_digit(*c))
        return NULL;
    for (; c < end && is_digit(*c); c++)
        if (v < EXPONENT_MOST)
            v = v * 10 + (*c - '0');
    *exponent += negative ? -v : v;
    return c;
}

int text_next(struct text *t, double *v, int *got, struct err *e)
{
    const char *c = t->p, *end = t->end;
    while (c < end && is_space(*c))
        c++;
    t->token = t->p = c;
    *got = 0;
    if (c == end)
        return 0;

    uint64_t digits = 0;
    int64_t exponent = 0;
    int negative = *c == '-', kept = 0;
    if (*c == '-' || *c == '+')
        c++;
    const char *first = c;
    c = take_digits(c, end, &digits, &kept, &exponent, 0);
    ptrdiff_t seen = c - first;
    if (c < end && *c == '.') {
        first = ++c;
        c = take_digits(c, end, &digits, &kept, &exponent, 1);
        seen += c - first;
    }
    if (seen > 0 && c < end && (*c == 'e' || *c == 'E'))
        c = take_exponent(c + 1, end, &exponent);
    if (seen == 0 || c == NULL || (c < end && !is_space(*c)))
        return refuse_token(t, "expected a finite decimal number", e);

    int bounded = exponent > EXPONENT_MOST ? EXPONENT_MOST
                  : exponent < -EXPONENT_MOST ? -EXPONENT_MOST : (int)exponent;
    double magnitude = digits == 0 ? 0 : scale(digits, bounded);
    if (!isfinite(magnitude))
        return refuse_token(t, "expected a number below 1e308", e);
    *v = negative ? -magnitude : magnitude;
    *got = 1;
    t->p = c;
    return 0;
}

static float *grow(float *old, size_t count, size_t *room)
{
    size_t more = *room == 0 ? 4096 : *room + *room / 2;
    float *values = more > *room ? mem_new(more, sizeof *values) : NULL;
    if (values != NULL && old != NULL) {
        memcpy(values, old, count * sizeof *values);
        wipe(old, count * sizeof *old);
    }
    if (values != NULL) {
        mem_free(old);
        *room = more;
    }
    return values;
}

static int text_float(struct text *t, float *x, int *got, struct err *e)
{
    double v;
    int code = text_next(t, &v, got, e);
    if (code != 0 || !*got)
        return code;
    if (fabs(v) > (double)__FLT_MAX__)
        return refuse_token(t, "expected a number below 3.4e38", e);
    *x = (float)v;
    return 0;
}

int text_floats(float **values, size_t *count, const uint8_t *p, size_t n, const char *name,
                struct err *e)
{
    struct text t;
    size_t room = 0;
    int code, got = 0;
    float x = 0;
    text_init(&t, p, n, name);
    *values = NULL;
    *count = 0;
    while ((code = text_float(&t, &x, &got, e)) == 0 && got) {
        if (*count == room) {
            float *more = grow(*values, *count, &room);
            if (more == NULL) {
                code = err_set(e, ERR_FAILED, "%s: no memory for its values", name);
                break;
            }
            *values = more;
        }
        (*values)[(*count)++] = x;
    }
    if (code != 0 && *values != NULL) {
        wipe(*values, *count * sizeof **values);
        mem_free(*values);
        *values = NULL;
        *count = 0;
    }
    return code;
}

int text_likely(const uint8_t *p, size_t n)
{
    int digit = 0;
    for (size_t i = 0; i < n && i < 4096; i++) {
        char c = (char)p[i];
        digit |= is_digit(c);
        if (!is_digit(c) && !is_space(c) && (c == '\0' || strchr("+-.eE", c) == NULL))
            return 0;
    }
    return digit;
}
