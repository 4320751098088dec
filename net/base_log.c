#include "net/base_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The only mutable globals of the program: where its one standard error stream is concerned. */
static enum log_level levels[LOG_DOMAINS] = { LOG_NOTICE, LOG_NOTICE, LOG_NOTICE, LOG_NOTICE };
static char identity[64];

static const char *const level_names[] = { "error", "warning", "notice", "info", "debug" };
static const char *const domain_names[] = { "net", "proto", "nn", "job" };

static int index_of(const char *const *names, size_t count, const char *s, size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0)
            return (int)i;
    return -1;
}

static int configure_item(const char *s, size_t n)
{
    const char *eq = memchr(s, '=', n);
    const char *value = eq == NULL ? s : eq + 1;
    int level = index_of(level_names, 5, value, (size_t)(s + n - value));
    if (level < 0)
        return -1;
    if (eq == NULL) {
        for (int d = 0; d < LOG_DOMAINS; d++)
            levels[d] = (enum log_level)level;
        return 0;
    }
    int domain = index_of(domain_names, LOG_DOMAINS, s, (size_t)(eq - s));
    if (domain < 0)
        return -1;
    levels[domain] = (enum log_level)level;
    return 0;
}

int log_configure(const char *spec)
{
    while (*spec != '\0') {
        size_t n = strcspn(spec, ",");
        if (configure_item(spec, n) != 0)
            return -1;
        spec += n + (spec[n] == ',');
    }
    return 0;
}

void log_identity(const char *name)
{
    snprintf(identity, sizeof identity, "%s", name);
}

int log_enabled(enum log_domain domain, enum log_level level)
{
    return level <= levels[domain];
}

void log_line(enum log_level level, enum log_domain domain, const char *fmt, ...)
{
    if (!log_enabled(domain, level))
        return;
    char text[640];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);

    char line[800];
    int n = snprintf(line, sizeof line, "obscura%s%s: %s %s: %s\n", identity[0] ? " " : "",
                     identity, level_names[level], domain_names[domain], text);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;     /* nowhere left to complain */
}
