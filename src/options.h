/*
 * options.h: a command's options as one table, from which both the parser and --help are made.
 *
 * A command fills a structure with its defaults; each row of its table says at which offset the
 * value of an option goes. Texts are borrowed from argv.
 */
#ifndef OB_SRC_OPTIONS_H
#define OB_SRC_OPTIONS_H

#include <stddef.h>

#include "net/base_err.h"

enum option_kind {
    OPTION_FLAG,        /* int, set to 1 */
    OPTION_TEXT,        /* const char * */
    OPTION_COUNT,       /* uint64_t in [min, max] */
    OPTION_REAL,        /* double in [min, max] */
    OPTION_LIST         /* struct option_list; may be given several times */
};

enum { OPTION_ITEMS = 32, OPTIONS_HELP = -1 };

struct option_list {
    const char *item[OPTION_ITEMS];
    unsigned n;
};

struct option_row {
    const char *name;       /* NULL ends the table */
    char letter;            /* 0: none */
    enum option_kind kind;
    size_t offset;
    const char *arg;        /* what --help calls the value; NULL for flags */
    const char *help;       /* NULL: not shown (for the program's own children) */
    double min, max;
};

struct command {
    const char *name, *synopsis, *summary;
    const struct option_row *rows;
    const char *notes;      /* printed below the options; may be NULL */
};

/* Reads argv into *out. 0 and *operand (index of the first operand); ERR_USAGE; or OPTIONS_HELP
 * when --help was asked for and has been printed. */
int options_parse(const struct command *c, int argc, char **argv, void *out, int *operand,
                  struct err *e);

/* For a command's last line: prints the error of *e, if there is one, and gives the exit status. */
int command_end(const struct command *c, const struct err *e);

#endif
