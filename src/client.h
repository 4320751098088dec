/*
 * client.h: what `provide` and `classify` have in common: options, settings, signals, the loop.
 */
#ifndef OB_SRC_CLIENT_H
#define OB_SRC_CLIENT_H

#include "src/node.h"
#include "src/options.h"
#include "src/progress.h"

struct client_options {
    const char *conf, *log;
    struct option_list set;
    int json, quiet, progress;
};

/* Rows for a table whose structure begins with struct client_options. */
#define CLIENT_ROWS                                                                              \
    { "config", 'c', OPTION_TEXT, offsetof(struct client_options, conf), "FILE",                 \
      "configuration file (obscura.conf(5))", 0, 0 },                                            \
    { "set", 0, OPTION_LIST, offsetof(struct client_options, set), "SECTION.KEY=VALUE",          \
      "overrule a key of the file; may be repeated", 0, 0 },                                     \
    { "json", 'j', OPTION_FLAG, offsetof(struct client_options, json), NULL,                     \
      "print one JSON object", 0, 0 },                                                           \
    { "log", 0, OPTION_TEXT, offsetof(struct client_options, log), "SPEC",                       \
      "log level, e.g. info or notice,net=debug", 0, 0 },                                        \
    { "quiet", 'q', OPTION_FLAG, offsetof(struct client_options, quiet), NULL,                   \
      "no progress line", 0, 0 },                                                                \
    { "progress", 0, OPTION_FLAG, offsetof(struct client_options, progress), NULL, NULL, 0, 0 }

struct client {
    struct settings settings;
    struct node node;
    struct progress progress;
    struct err *e;              /* of the command: the first error stays */
    int started, over;
};

/* Reads and checks the settings (also --log), for a party or a client. */
int client_settings(struct settings *s, const struct client_options *o, int party, struct err *e);

/* Opens the node, and has SIGINT and SIGTERM end the loop. */
int client_open(struct client *c, const struct client_options *o, struct err *e);

/* The role is there: connects. */
void client_start(struct client *c, const struct err *so_far);

/* The role is done, well or not: the loop ends when the last bytes are sent. */
void client_over(struct client *c, const struct err *why);

/* Runs the loop until client_over; gives the code. */
int client_run(struct client *c);

#endif
