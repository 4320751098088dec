#include "src/options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/number.h"

enum { ROWS = 48, FIRST_VALUE = 1000 };

static void print_row(const struct option_row *r)
{
    char left[64];
    snprintf(left, sizeof left, "  %c%c%s--%s%s%s", r->letter ? '-' : ' ',
             r->letter ? r->letter : ' ', r->letter ? ", " : "  ", r->name,
             r->arg != NULL ? "=" : "", r->arg != NULL ? r->arg : "");
    printf("%-30s %s\n", left, r->help);
}

static void print_help(const struct command *c)
{
    static const struct option_row help = {
        .name = "help", .letter = 'h', .help = "print this text"
    };
    printf("Usage: obscura %s %s\n%s\n\n", c->name, c->synopsis, c->summary);
    for (const struct option_row *r = c->rows; r->name != NULL; r++)
        if (r->help != NULL)
            print_row(r);
    print_row(&help);
    if (c->notes != NULL)
        printf("\n%s\n", c->notes);
}

static int option_store(const struct option_row *r, const char *text, void *out, struct err *e)
{
    char *at = (char *)out + r->offset;
    int code = 0;
    switch (r->kind) {
    case OPTION_FLAG:
        *(int *)(void *)at = 1;
        break;
    case OPTION_TEXT:
        *(const char **)(void *)at = text;
        break;
    case OPTION_COUNT:
        code = number_count((uint64_t *)(void *)at, text, (uint64_t)r->min, (uint64_t)r->max, e);
        break;
    case OPTION_REAL:
        code = number_real((double *)(void *)at, text, r->min, r->max, e);
        break;
    case OPTION_LIST: {
        struct option_list *list = (struct option_list *)(void *)at;
        if (list->n == OPTION_ITEMS)
            code = err_set(e, ERR_USAGE, "given more than %d times", OPTION_ITEMS);
        else
            list->item[list->n++] = text;
        break;
    }
    }
    return code == 0 ? 0 : err_prefix(e, "--%s", r->name);
}

/* getopt's two tables. Returns the number of rows. */
static unsigned build(const struct command *c, struct option *longs, char *letters)
{
    unsigned n = 0, l = 0;
    letters[l++] = ':';
    letters[l++] = 'h';
    for (; c->rows[n].name != NULL && n < ROWS; n++) {
        const struct option_row *r = &c->rows[n];
        int arg = r->kind == OPTION_FLAG ? no_argument : required_argument;
        longs[n] = (struct option){ .name = r->name, .has_arg = arg, .val = FIRST_VALUE + (int)n };
        if (r->letter != 0) {
            letters[l++] = r->letter;
            if (arg == required_argument)
                letters[l++] = ':';
        }
    }
    letters[l] = '\0';
    longs[n] = (struct option){ .name = "help", .val = 'h' };
    longs[n + 1] = (struct option){ .name = NULL };
    return n;
}

static int row_of(const struct command *c, unsigned n, int value)
{
    if (value >= FIRST_VALUE)
        return value - FIRST_VALUE;
    for (unsigned i = 0; i < n; i++)
        if (c->rows[i].letter == value)
            return (int)i;
    return -1;
}

int options_parse(const struct command *c, int argc, char **argv, void *out, int *operand,
                  struct err *e)
{
    struct option longs[ROWS + 2];
    char letters[3 * ROWS + 3];
    unsigned n = build(c, longs, letters);
    opterr = 0;
    optind = 0;
    for (int v; (v = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (v == 'h') {
            print_help(c);
            return e->code = OPTIONS_HELP;
        }
        if (v == ':' || v == '?') {
            const char *what = v == ':' ? "needs a value"
                                         : "is not an option here, or takes no value";
            return err_set(e, ERR_USAGE, "'%.60s' %s (see obscura %s --help)", argv[optind - 1],
                           what, c->name);
        }
        int code = option_store(&c->rows[row_of(c, n, v)], optarg, out, e);
        if (code != 0)
            return code;
    }
    *operand = optind;
    return 0;
}

int command_end(const struct command *c, const struct err *e)
{
    if (e->code == OPTIONS_HELP)
        return 0;
    if (e->code != 0)
        fprintf(stderr, "obscura %s: %s\n", c->name, e->text);
    return e->code;
}
