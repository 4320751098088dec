/*
 * cmd_check_conf.c: `obscura check-conf`: what a node would refuse at its start, found beforehand.
 */
#include <stdio.h>

#include "net/cert.h"
#include "net/congestion.h"
#include "src/cmd.h"
#include "src/options.h"
#include "src/settings.h"

static const struct option_row rows[] = { { .name = NULL } };

static const struct command command = {
    .name = "check-conf", .synopsis = "FILE..",
    .summary = "Checks configuration files of parties and clients: keys and their values, that key\n"
               "and certificate are there and belong together.",
    .rows = rows
};

static int check(const char *file, struct err *e)
{
    struct settings s;
    settings_init(&s);
    if (settings_read(&s, file, e) != 0 || settings_check(&s, s.party, e) != 0)
        return e->code;
    if (s.congestion[0] != '\0' && congestion_check(s.congestion, e) != 0)
        return err_prefix(e, "%s", file);
    uint8_t digest[CERT_DIGEST];
    for (unsigned i = 0; i < LINK_PARTIES; i++)
        if (s.peer[i].fingerprint[0] != '\0' &&
            fingerprint_parse(digest, s.peer[i].fingerprint) != 0)
            return err_set(e, ERR_USAGE, "%s: [peer %u] fingerprint: expected sha256: and 64 "
                           "hexadecimal digits", file, i);
    for (unsigned i = 0; i < s.nclient; i++)
        if (fingerprint_parse(digest, s.allowed[i].fingerprint) != 0)
            return err_set(e, ERR_USAGE, "%s: [client %s] fingerprint: expected sha256: and 64 "
                           "hexadecimal digits", file, s.allowed[i].name);
    struct cert *c = cert_load(s.key, s.certificate, e);
    if (c == NULL) {
        err_prefix(e, "%s", file);
        return e->code = ERR_USAGE;
    }
    if (s.party)
        printf("%s: good: party %u of %s, %s\n", file, s.index, s.protocol, cert_fingerprint(c));
    else
        printf("%s: good: client %s of %s, %s\n", file, s.name, s.protocol, cert_fingerprint(c));
    cert_free(c);
    return 0;
}

int cmd_check_conf(int argc, char **argv)
{
    struct err e = { 0 };
    int at;
    if (options_parse(&command, argc, argv, NULL, &at, &e) == 0 && at == argc)
        err_set(&e, ERR_USAGE, "which FILE? (see obscura check-conf --help)");
    for (; e.code == 0 && at < argc; at++)
        check(argv[at], &e);
    return command_end(&command, &e);
}
