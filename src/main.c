/*
 * main.c: finds the sub-command.
 */
#include <event2/event.h>
#include <jansson.h>
#include <libavcodec/version.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_err.h"
#include "src/cmd.h"

struct entry {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

static const struct entry entries[] = {
    { "demo", "classify a clip privately, with every role on this machine", cmd_demo },
    { "party", "run a computing party (the daemon)", cmd_party },
    { "provide", "share a model with the parties (Bob)", cmd_provide },
    { "prepare", "make randomness for later classifications beforehand (Bob)", cmd_prepare },
    { "classify", "have a clip classified privately (Alice)", cmd_classify },
    { "keygen", "make keys, certificates and configuration files", cmd_keygen },
    { "plan", "rounds, bytes, memory and time of a classification, before it runs", cmd_plan },
    { "bench", "measure classifications over emulated networks", cmd_bench },
    { "frames", "cut the faces out of a film: a clip to classify", cmd_frames },
    { "actor", "draw a clip of an acting face, to try things with", cmd_actor },
    { "train", "train a network on labelled faces", cmd_train },
    { "infer", "evaluate a model in the clear, in floats and in fixed point", cmd_infer },
    { "import", "read a model of another program, or write it for one", cmd_import },
    { "prep", "write clip and model as the published text inputs", cmd_prep },
    { "check-conf", "check a configuration file", cmd_check_conf },
};

enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void print_help(void)
{
    printf("Usage: obscura COMMAND [OPTION].. \n"
           "Classifies a video that nobody but its owner sees, with a model that nobody but its\n"
           "owner sees.\n\n");
    for (int i = 0; i < ENTRIES; i++)
        printf("  %-12s%s\n", entries[i].name, entries[i].summary);
    printf("\n  --help      print this text\n  --version   print the versions of the program and "
           "its libraries\n\n`obscura COMMAND --help` and the manual pages (obscura-COMMAND) tell "
           "more.\nExit status: 0 done; 1 failed; 2 wrong usage or configuration; 3 an input was "
           "refused;\n4 a party cheated or broke the protocol; 5 a peer could not be reached or "
           "was lost.\n");
}

static void print_version(void)
{
    printf("obscura %s\nlibevent %s\n%s\njansson %s\nlibavcodec %d.%d.%d\n"
           "Licence: Apache-2.0. There is no warranty.\n",
           PACKAGE_VERSION, event_get_version(), OpenSSL_version(OPENSSL_VERSION), JANSSON_VERSION,
           LIBAVCODEC_VERSION_MAJOR, LIBAVCODEC_VERSION_MINOR, LIBAVCODEC_VERSION_MICRO);
}

static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "obscura: standard output cannot be written\n");
    return code != 0 ? code : ERR_FAILED;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fprintf(stderr, "obscura: which command? (see obscura --help)\n");
        return ERR_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help();
        return finish(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return finish(0);
    }
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(argv[1], entries[i].name) == 0)
            return finish(entries[i].run(argc - 1, argv + 1));
    fprintf(stderr, "obscura: '%.40s' is no command (see obscura --help)\n", argv[1]);
    return ERR_USAGE;
}
