#include "src/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit durations[] = { { "ms", 1e-3 }, { "s", 1 }, { "min", 60 }, { "h", 3600 } };
static const struct unit sizes[] = {
    { "B", 1 }, { "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 1073741824 }
};

int number_count(uint64_t *v, const char *text, uint64_t min, uint64_t max, struct err *e)
{
    char *end;
    errno = 0;
    unsigned long long n = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    if (!isdigit((unsigned char)text[0]) || *end != '\0')
        return err_set(e, ERR_USAGE, "'%.40s' is not a whole number", text);
    if (errno == ERANGE || n < min || n > max)
        return err_set(e, ERR_USAGE, "%.40s is out of range: expected %llu to %llu", text,
                       (unsigned long long)min, (unsigned long long)max);
    *v = n;
    return 0;
}

/* The leading decimal fraction of text; *end is where it stops, text itself if there is none. */
static double leading_real(const char *text, const char **end)
{
    *end = text;
    if (!isdigit((unsigned char)text[0]) || strspn(text, "0123456789.eE+-") == 0 ||
        (text[0] == '0' && (text[1] | 32) == 'x'))
        return 0;
    char *stop;
    double v = strtod(text, &stop);
    *end = stop;
    return v;
}

int number_real(double *v, const char *text, double min, double max, struct err *e)
{
    const char *end;
    double x = leading_real(text, &end);
    if (end == text || *end != '\0')
        return err_set(e, ERR_USAGE, "'%.40s' is not a number", text);
    if (!isfinite(x) || x < min || x > max)
        return err_set(e, ERR_USAGE, "%.40s is out of range: expected %g to %g", text, min, max);
    *v = x;
    return 0;
}

static int with_unit(double *v, const char *text, const struct unit *units, size_t n,
                     const char *expected, struct err *e)
{
    const char *end;
    double x = leading_real(text, &end);
    if (end == text)
        return err_set(e, ERR_USAGE, "'%.40s' is not a number with a unit (%s)", text, expected);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < n; i++)
        if (strcmp(end, units[i].name) == 0) {
            *v = x * units[i].factor;
            return 0;
        }
    return err_set(e, ERR_USAGE, "'%.40s' has no known unit: expected one of %s", text, expected);
}

int number_seconds(double *v, const char *text, double min, double max, struct err *e)
{
    double x = 0;
    int code = with_unit(&x, text, durations, 4, "ms, s, min, h", e);
    if (code != 0)
        return code;
    if (!isfinite(x) || x < min || x > max)
        return err_set(e, ERR_USAGE, "%.40s is out of range: expected %g s to %g s", text, min,
                       max);
    *v = x;
    return 0;
}

int number_bytes(uint64_t *v, const char *text, uint64_t min, uint64_t max, struct err *e)
{
    double x = 0;
    int code = with_unit(&x, text, sizes, 4, "B, KiB, MiB, GiB", e);
    if (code != 0)
        return code;
    if (!isfinite(x) || x < (double)min || x > (double)max)
        return err_set(e, ERR_USAGE, "%.40s is out of range: expected %llu B to %llu B", text,
                       (unsigned long long)min, (unsigned long long)max);
    *v = (uint64_t)x;
    return 0;
}
