/* Configuration files, and the same bytes as one assignment of the command line. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "src/settings.h"

static int ends(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static void judge(const struct settings *s, int code, const struct err *e)
{
    struct err why = { 0 };
    FUZZ_NEED(code == 0 || (code == ERR_USAGE && e->text[0] != '\0'));
    FUZZ_NEED(strchr(e->text, '\n') == NULL);
    FUZZ_NEED(s->nclient <= SETTINGS_CLIENTS && ends(s->name, sizeof s->name) &&
              ends(s->listen, sizeof s->listen) && ends(s->key, sizeof s->key));
    for (int party = 0; party < 2 && code == 0; party++)
        if (settings_check(s, party, &why) == 0)
            FUZZ_NEED(settings_protocol(s) != NULL && s->index < LINK_PARTIES);
        else
            FUZZ_NEED(why.code == ERR_USAGE && why.text[0] != '\0');
}

static void try_assign(const uint8_t *p, size_t n)
{
    static struct settings s;
    struct err e = { 0 };
    char *text = malloc(n + 1);
    FUZZ_NEED(text != NULL);
    if (n > 0)
        memcpy(text, p, n);
    text[n] = '\0';
    settings_init(&s);
    int code = settings_assign(&s, text, &e);
    judge(&s, code, &e);
    free(text);
}

FUZZ_TARGET(settings)
{
    static struct settings s;
    struct err e = { 0 };
    char path[64];
    int fd = memfd_create("settings", 0);
    FUZZ_NEED(fd >= 0 && write(fd, n > 0 ? (const void *)p : "", n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    settings_init(&s);
    int code = settings_read(&s, path, &e);
    judge(&s, code, &e);
    close(fd);
    try_assign(p, n);
    return 0;
}
