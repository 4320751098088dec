/*
 * cmd_keygen.c: `obscura keygen`: one key, or everything for a setting (setup.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/cmd.h"
#include "src/options.h"
#include "src/setup.h"

enum { FIRST_PORT = 7700 };

struct keygen {
    const char *protocol, *dir, *hosts;
};

static const struct option_row rows[] = {
    { .name = "protocol", .letter = 'p', .kind = OPTION_TEXT,
      .offset = offsetof(struct keygen, protocol), .arg = "NAME",
      .help = "make everything for this setting, e.g. replicated-ring" },
    { .name = "dir", .letter = 'd', .kind = OPTION_TEXT, .offset = offsetof(struct keygen, dir),
      .arg = "DIR", .help = "where the files go (default: the present folder)" },
    { .name = "hosts", .kind = OPTION_TEXT, .offset = offsetof(struct keygen, hosts),
      .arg = "LIST", .help = "HOST or HOST:PORT of party 0, 1, .. with commas between "
      "(default: 127.0.0.1, ports from 7700)" },
    { .name = NULL }
};

static const struct command command = {
    .name = "keygen", .synopsis = "--protocol NAME [--dir DIR] [--hosts LIST] | NAME [--dir DIR]",
    .summary = "Makes long-lived keys and certificates, which others pin by fingerprint: for one\n"
               "NAME, or for all parties, alice and bob of a setting, with configuration files.",
    .rows = rows,
    .notes = "Files that exist are never overwritten. Keep .key files secret; whoever holds one\n"
             "is that party or client."
};

/* One address of the list; a name without a port gets the party's default one. */
static int take_host(struct setup *s, unsigned i, const char *host, size_t n, struct err *e)
{
    const char *bracket = memchr(host, ']', n);
    const char *from = bracket != NULL ? bracket : host;
    const char *colon = memchr(from, ':', n - (size_t)(from - host));
    if (n == 0 || n > SETUP_ADDRESS - 16)
        return err_set(e, ERR_USAGE, "--hosts: address %u is empty or too long", i);
    if (colon == NULL)
        snprintf(s->address[i], SETUP_ADDRESS, "%.*s:%u", (int)n, host, FIRST_PORT + i);
    else
        snprintf(s->address[i], SETUP_ADDRESS, "%.*s", (int)n, host);
    const char *port = strrchr(s->address[i], ':');
    int loopback = strncmp(s->address[i], "127.", 4) == 0;
    snprintf(s->listen[i], SETUP_ADDRESS, "%s%s", loopback ? "127.0.0.1" : "0.0.0.0", port);
    return 0;
}

static int take_hosts(struct setup *s, const char *list, struct err *e)
{
    unsigned i = 0;
    for (const char *p = list; p != NULL && i <= s->proto->parties; i++) {
        size_t n = strcspn(p, ",");
        if (i < s->proto->parties && take_host(s, i, p, n, e) != 0)
            return e->code;
        p = p[n] == ',' ? p + n + 1 : NULL;
    }
    if (i != s->proto->parties)
        return err_set(e, ERR_USAGE, "--hosts: %s has %u parties; the list names %s",
                       s->proto->name, s->proto->parties, i < s->proto->parties ? "fewer" : "more");
    return 0;
}

static int make_setting(const struct keygen *k, struct err *e)
{
    struct setup s = { .proto = protocol_named(k->protocol, e), .dir = k->dir, .connect_timeout = 20 };
    if (s.proto == NULL)
        return e->code;
    char local[64] = "127.0.0.1";
    for (unsigned i = 1; i < s.proto->parties; i++)
        strcat(local, ",127.0.0.1");
    if (take_hosts(&s, k->hosts != NULL ? k->hosts : local, e) != 0 || setup_make(&s, e) != 0)
        return e->code;
    for (unsigned i = 0; i < s.nodes; i++)
        printf("%-8s %s  (%s/%s.{key,crt,conf} go to %s's machine)\n", s.name[i], s.fingerprint[i],
               s.dir, s.name[i], s.name[i]);
    printf("Check the addresses in the .conf files, then move each machine's three files there and "
           "delete them here.\n");
    return 0;
}

static int make_one(const struct keygen *k, const char *name, struct err *e)
{
    char key[1200], crt[1200], fingerprint[CERT_FINGERPRINT];
    if (name[0] == '\0' || strlen(name) > 63 || strpbrk(name, "/ \t\n\"") != NULL || name[0] == '.')
        return err_set(e, ERR_USAGE, "'%.40s': a name has 1 to 63 characters, no spaces or slashes",
                       name);
    int a = snprintf(key, sizeof key, "%s/%s.key", k->dir, name);
    int b = snprintf(crt, sizeof crt, "%s/%s.crt", k->dir, name);
    if (a >= (int)sizeof key || b >= (int)sizeof crt)
        return err_set(e, ERR_USAGE, "--dir: the path is too long");
    if (cert_generate(name, key, crt, fingerprint, e) != 0)
        return e->code;
    printf("%s %s  (keep %s secret; others need the fingerprint only)\n", name, fingerprint, key);
    return 0;
}

static int run(int argc, char **argv, struct err *e)
{
    struct keygen k = { .dir = "." };
    int at;
    if (options_parse(&command, argc, argv, &k, &at, e) != 0)
        return e->code;
    if (argc - at > 1 || (argc - at == 1) == (k.protocol != NULL))
        return err_set(e, ERR_USAGE, "give either --protocol or one NAME (see obscura keygen "
                       "--help)");
    if (k.hosts != NULL && k.protocol == NULL)
        return err_set(e, ERR_USAGE, "--hosts goes with --protocol");
    if (mkdir(k.dir, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_FAILED, "%s: the folder cannot be made: %s", k.dir, strerror(errno));
    return k.protocol != NULL ? make_setting(&k, e) : make_one(&k, argv[at], e);
}

int cmd_keygen(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
