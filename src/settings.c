#include "src/settings.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/hello.h"
#include "nn/selection.h"
#include "src/number.h"

enum section_kind { SECTION_PARTY, SECTION_CLIENT, SECTION_PEER, SECTION_ALLOWED };
enum key_kind {
    KEY_TEXT, KEY_PATH, KEY_COUNT, KEY_SECONDS, KEY_BYTES, KEY_REVEAL, KEY_TRANSPORT, KEY_MAY,
    KEY_RULE
};

struct key {
    enum section_kind section;
    enum key_kind kind;
    const char *name;
    size_t offset;          /* in settings, settings_peer or settings_client */
    double min, max;
};

#define IN_SETTINGS(m) offsetof(struct settings, m)
#define IN_PEER(m) offsetof(struct settings_peer, m)
#define IN_ALLOWED(m) offsetof(struct settings_client, m)

static const struct key keys[] = {
    { SECTION_PARTY, KEY_COUNT, "index", IN_SETTINGS(index), 0, LINK_PARTIES - 1 },
    { SECTION_PARTY, KEY_TEXT, "protocol", IN_SETTINGS(protocol), 0, 0 },
    { SECTION_PARTY, KEY_TEXT, "listen", IN_SETTINGS(listen), 0, 0 },
    { SECTION_PARTY, KEY_PATH, "key", IN_SETTINGS(key), 0, 0 },
    { SECTION_PARTY, KEY_PATH, "certificate", IN_SETTINGS(certificate), 0, 0 },
    { SECTION_PARTY, KEY_COUNT, "workers", IN_SETTINGS(workers), 0, 256 },
    { SECTION_PARTY, KEY_REVEAL, "reveal", IN_SETTINGS(reveal), 0, 0 },
    { SECTION_PARTY, KEY_COUNT, "max_jobs", IN_SETTINGS(max_jobs), 1, 1024 },
    { SECTION_PARTY, KEY_COUNT, "max_models", IN_SETTINGS(max_models), 1, 1024 },
    { SECTION_PARTY, KEY_SECONDS, "job_timeout", IN_SETTINGS(job_timeout), 0.1, 86400 },
    { SECTION_PARTY, KEY_SECONDS, "connect_timeout", IN_SETTINGS(connect_timeout), 0.1, 86400 },
    { SECTION_PARTY, KEY_BYTES, "job_memory", IN_SETTINGS(job_memory), 1 << 20, 1e13 },
    { SECTION_PARTY, KEY_BYTES, "model_memory", IN_SETTINGS(model_memory), 1 << 20, 1e13 },
    { SECTION_PARTY, KEY_COUNT, "window", IN_SETTINGS(window), 0, 1024 },
    { SECTION_PARTY, KEY_COUNT, "lanes", IN_SETTINGS(lanes), 1, HELLO_LANES },
    { SECTION_PARTY, KEY_PATH, "material", IN_SETTINGS(material), 0, 0 },
    { SECTION_PARTY, KEY_TRANSPORT, "transport", IN_SETTINGS(transport), 0, 0 },
    { SECTION_PARTY, KEY_TEXT, "congestion", IN_SETTINGS(congestion), 0, 0 },
    { SECTION_PARTY, KEY_TEXT, "log", IN_SETTINGS(log), 0, 0 },
    { SECTION_CLIENT, KEY_TEXT, "name", IN_SETTINGS(name), 0, 0 },
    { SECTION_CLIENT, KEY_TEXT, "protocol", IN_SETTINGS(protocol), 0, 0 },
    { SECTION_CLIENT, KEY_PATH, "key", IN_SETTINGS(key), 0, 0 },
    { SECTION_CLIENT, KEY_PATH, "certificate", IN_SETTINGS(certificate), 0, 0 },
    { SECTION_CLIENT, KEY_REVEAL, "reveal", IN_SETTINGS(reveal), 0, 0 },
    { SECTION_CLIENT, KEY_PATH, "model", IN_SETTINGS(model), 0, 0 },
    { SECTION_CLIENT, KEY_RULE, "select", IN_SETTINGS(selection), 0, 0 },
    { SECTION_CLIENT, KEY_TEXT, "frames", IN_SETTINGS(frames), 0, 0 },
    { SECTION_CLIENT, KEY_COUNT, "chunk", IN_SETTINGS(chunk), 0, SELECTION_FRAMES },
    { SECTION_CLIENT, KEY_TEXT, "model_name", IN_SETTINGS(model_name), 0, 0 },
    { SECTION_CLIENT, KEY_PATH, "clip", IN_SETTINGS(clip), 0, 0 },
    { SECTION_CLIENT, KEY_SECONDS, "job_timeout", IN_SETTINGS(job_timeout), 0.1, 86400 },
    { SECTION_CLIENT, KEY_SECONDS, "connect_timeout", IN_SETTINGS(connect_timeout), 0.1, 86400 },
    { SECTION_CLIENT, KEY_TRANSPORT, "transport", IN_SETTINGS(transport), 0, 0 },
    { SECTION_CLIENT, KEY_TEXT, "congestion", IN_SETTINGS(congestion), 0, 0 },
    { SECTION_CLIENT, KEY_TEXT, "log", IN_SETTINGS(log), 0, 0 },
    { SECTION_PEER, KEY_TEXT, "address", IN_PEER(address), 0, 0 },
    { SECTION_PEER, KEY_TEXT, "fingerprint", IN_PEER(fingerprint), 0, 0 },
    { SECTION_ALLOWED, KEY_TEXT, "fingerprint", IN_ALLOWED(fingerprint), 0, 0 },
    { SECTION_ALLOWED, KEY_MAY, "may", IN_ALLOWED(may), 0, 0 },
};

void settings_init(struct settings *s)
{
    *s = (struct settings){
        .model_name = "default", .log = "notice", .max_jobs = 4, .max_models = 4, .lanes = 1,
        .job_timeout = 60, .connect_timeout = 20, .job_memory = (uint64_t)4 << 30,
        .model_memory = (uint64_t)4 << 30
    };
}

/* Where a section's values go, and which of its keys have been given. */
struct place {
    enum section_kind kind;
    char *base;
    uint64_t *seen;
};

static int place_allowed(struct settings *s, const char *name, struct place *p, struct err *e)
{
    unsigned i = 0;
    while (i < s->nclient && strcmp(s->allowed[i].name, name) != 0)
        i++;
    if (i == SETTINGS_CLIENTS || strlen(name) >= 64)
        return err_set(e, ERR_USAGE, "[client %.40s]: at most %d clients, names under 64 bytes",
                       name, SETTINGS_CLIENTS);
    if (i == s->nclient) {
        snprintf(s->allowed[i].name, sizeof s->allowed[i].name, "%s", name);
        s->nclient++;
    }
    *p = (struct place){ SECTION_ALLOWED, (char *)&s->allowed[i], &s->seen_allowed[i] };
    return 0;
}

static int place_find(struct settings *s, const char *section, struct place *p, struct err *e)
{
    if (strcmp(section, "party") == 0) {
        s->party = 1;
        *p = (struct place){ SECTION_PARTY, (char *)s, &s->seen[0] };
        return 0;
    }
    if (strcmp(section, "client") == 0) {
        s->client = 1;
        *p = (struct place){ SECTION_CLIENT, (char *)s, &s->seen[1] };
        return 0;
    }
    if (strncmp(section, "client ", 7) == 0 && section[7] != '\0')
        return place_allowed(s, section + 7, p, e);
    uint64_t i;
    if (strncmp(section, "peer ", 5) == 0 &&
        number_count(&i, section + 5, 0, LINK_PARTIES - 1, NULL) == 0) {
        *p = (struct place){ SECTION_PEER, (char *)&s->peer[i], &s->seen_peer[i] };
        return 0;
    }
    return err_set(e, ERR_USAGE, "unknown section [%.60s]: expected [party], [client], [peer N] "
                   "with N from 0 to %d, or [client NAME]", section, LINK_PARTIES - 1);
}

static int store_text(char *at, size_t room, const char *value, struct err *e)
{
    if (value[0] == '\0' || strlen(value) >= room)
        return err_set(e, ERR_USAGE, "expected 1 to %zu bytes, found %zu", room - 1, strlen(value));
    snprintf(at, room, "%s", value);
    return 0;
}

/* A path beside the configuration file unless it is absolute (or comes from the command line). */
static int store_path(const struct settings *s, int from_file, char *at, const char *value,
                      struct err *e)
{
    const char *slash = from_file ? strrchr(s->file, '/') : NULL;
    if (value[0] == '/' || value[0] == '\0' || slash == NULL)
        return store_text(at, SETTINGS_PATH, value, e);
    int n = snprintf(at, SETTINGS_PATH, "%.*s/%s", (int)(slash - s->file), s->file, value);
    if (n < 0 || n >= SETTINGS_PATH)
        return err_set(e, ERR_USAGE, "the path is longer than %d bytes", SETTINGS_PATH - 1);
    return 0;
}

static int store_may(uint32_t *may, const char *value, struct err *e)
{
    *may = 0;
    for (const char *p = value; *p != '\0';) {
        size_t n = strcspn(p, ", ");
        if (n == 8 && memcmp(p, "classify", 8) == 0)
            *may |= MAY_CLASSIFY;
        else if (n == 7 && memcmp(p, "provide", 7) == 0)
            *may |= MAY_PROVIDE;
        else if (n > 0)
            return err_set(e, ERR_USAGE, "'%.40s': expected classify, provide, or both", value);
        p += n;
        p += strspn(p, ", ");
    }
    return *may != 0 ? 0 : err_set(e, ERR_USAGE, "expected classify, provide, or both");
}

/* 0 or 1. */
static int store_choice(uint32_t *at, const char *value, const char *zero, const char *one,
                        struct err *e)
{
    if (strcmp(value, zero) != 0 && strcmp(value, one) != 0)
        return err_set(e, ERR_USAGE, "'%.40s': expected %s or %s", value, zero, one);
    *at = strcmp(value, one) == 0;
    return 0;
}

static int key_store(const struct settings *s, int from_file, const struct key *k, char *at,
                     const char *value, struct err *e)
{
    uint64_t n;
    int code;
    switch (k->kind) {
    case KEY_TEXT:
        return store_text(at, SETTINGS_TEXT, value, e);
    case KEY_PATH:
        return store_path(s, from_file, at, value, e);
    case KEY_COUNT:
        code = number_count(&n, value, (uint64_t)k->min, (uint64_t)k->max, e);
        if (code == 0)
            *(uint32_t *)(void *)at = (uint32_t)n;
        return code;
    case KEY_SECONDS:
        return number_seconds((double *)(void *)at, value, k->min, k->max, e);
    case KEY_BYTES:
        return number_bytes((uint64_t *)(void *)at, value, (uint64_t)k->min, (uint64_t)k->max, e);
    case KEY_REVEAL:
        return store_choice((uint32_t *)(void *)at, value, "label", "scores", e);
    case KEY_TRANSPORT:
        return store_choice((uint32_t *)(void *)at, value, "epoll", "uring", e);
    case KEY_RULE:      /* "every:K", or else a path */
        if (strncmp(value, "every:", 6) == 0)
            return store_text(at, SETTINGS_PATH, value, e);
        return store_path(s, from_file, at, value, e);
    case KEY_MAY:
        return store_may((uint32_t *)(void *)at, value, e);
    }
    return err_set(e, ERR_FAILED, "key %s has no kind", k->name);
}

static int assign(struct settings *s, int from_file, const char *section, const char *name,
                  const char *value, struct err *e)
{
    struct place p = { 0 };
    int code = place_find(s, section, &p, e);
    if (code != 0)
        return code;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct key *k = &keys[i];
        if (k->section != p.kind || strcmp(k->name, name) != 0)
            continue;
        uint64_t bit = (uint64_t)1 << i;
        if (from_file && (*p.seen & bit) != 0)
            return err_set(e, ERR_USAGE, "%.40s is given twice in [%.60s]", name, section);
        *p.seen |= bit;
        code = key_store(s, from_file, k, p.base + k->offset, value, e);
        return code == 0 ? 0 : err_prefix(e, "%s", name);
    }
    return err_set(e, ERR_USAGE, "[%.60s] has no key '%.40s' (see obscura.conf(5))", section, name);
}

/* ---- the file ---- */

/* inih calls back without a line number, but right after the line was read. */
struct source {
    FILE *f;
    struct settings *s;
    unsigned number;            /* of the line */
    char *line;
    size_t line_room;
    struct err *e;
};

static char *source_line(char *text, int room, void *ctx)
{
    struct source *src = ctx;
    ssize_t n = src->e->code == 0 ? getline(&src->line, &src->line_room, src->f) : -1;
    if (n < 0)
        return NULL;
    src->number++;
    const char *p = src->line + strspn(src->line, " \t");   /* no continuation lines */
    size_t length = strcspn(p, "\r\n");
    if (strlen(src->line) != (size_t)n)
        err_set(src->e, ERR_USAGE, "%s:%u: the line holds a zero byte: this is no text",
                src->s->file, src->number);
    else if ((int)length + 2 > room)
        err_set(src->e, ERR_USAGE, "%s:%u: the line is longer than %d bytes", src->s->file,
                src->number, room - 2);
    if (src->e->code != 0)
        return NULL;
    memcpy(text, p, length);
    memcpy(text + length, "\n", 2);
    return text;
}

static int source_pair(void *ctx, const char *section, const char *name, const char *value)
{
    struct source *src = ctx;
    if (src->e->code != 0)
        return 1;
    if (section[0] == '\0')
        err_set(src->e, ERR_USAGE, "'%.40s' stands before any [section]", name);
    else
        assign(src->s, 1, section, name, value, src->e);
    if (src->e->code != 0)
        err_prefix(src->e, "%s:%u", src->s->file, src->number);
    return 1;
}

int settings_read(struct settings *s, const char *file, struct err *e)
{
    *e = (struct err){ 0 };
    struct source src = { .s = s, .e = e };
    if (strlen(file) + 3 > sizeof s->file)
        return err_set(e, ERR_USAGE, "%.80s..: the path is too long", file);
    snprintf(s->file, sizeof s->file, "%s%s", strchr(file, '/') == NULL ? "./" : "", file);
    src.f = fopen(s->file, "re");
    if (src.f == NULL)
        return err_set(e, ERR_USAGE, "%s: %s", s->file, strerror(errno));
    int bad = ini_parse_stream(source_line, &src, source_pair, &src);
    if (e->code == 0 && bad > 0)
        err_set(e, ERR_USAGE, "%s:%d: expected [section], key = value, or # comment", s->file, bad);
    if (e->code == 0 && (bad < 0 || ferror(src.f)))
        err_set(e, ERR_USAGE, "%s: %s", s->file, strerror(errno));
    free(src.line);
    fclose(src.f);
    return e->code;
}

int settings_assign(struct settings *s, const char *text, struct err *e)
{
    char copy[SETTINGS_PATH + 256];
    const char *eq = strchr(text, '=');
    if (eq == NULL || strlen(text) >= sizeof copy)
        return err_set(e, ERR_USAGE, "--set %.60s: expected SECTION.KEY=VALUE", text);
    snprintf(copy, sizeof copy, "%s", text);
    char *value = copy + (eq - text);
    *value++ = '\0';
    char *dot = strrchr(copy, '.');
    if (dot == NULL)
        return err_set(e, ERR_USAGE, "--set %.60s: expected SECTION.KEY=VALUE", text);
    *dot = '\0';
    int code = assign(s, 0, copy, dot + 1, value, e);
    return code == 0 ? 0 : err_prefix(e, "--set");
}
