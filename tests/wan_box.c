/*
 * wan_box.c: for shell tests: an emulated network (src/wan.h) for processes of the shell's.
 *
 *     wan_box NODES RTT-MS MBIT [loss=SHARE] [reorder=SHARE] [slow=NODE:MBIT]
 *
 * Prints a line with one path for each node, for `nsenter --net=PATH COMMAND`; node I has the address
 * 10.77.0.(I + 1). Then it obeys lines on standard input until that ends: `stall FROM TO 1` (nothing
 * travels that way any more), `stall FROM TO 0`. Status 77 where there can be no such network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/wan.h"

static void take_option(struct wan_conf *c, const char *text)
{
    unsigned node;
    double mbit;
    if (strncmp(text, "loss=", 5) == 0)
        c->loss = atof(text + 5);
    else if (strncmp(text, "reorder=", 8) == 0)
        c->reorder = atof(text + 8);
    else if (sscanf(text, "slow=%u:%lf", &node, &mbit) == 2 && node < WAN_NODES)
        c->mbit[node] = mbit;
    else
        exit(99);
}

int main(int argc, char **argv)
{
    struct wan_conf c;
    struct err e;
    char line[64];
    unsigned from, to;
    int on;
    if (argc < 4)
        return 99;
    wan_uniform(&c, (unsigned)atoi(argv[1]), atof(argv[2]), atof(argv[3]));
    for (int i = 4; i < argc; i++)
        take_option(&c, argv[i]);
    struct wan *w = wan_open(&c, &e);
    if (w == NULL) {
        fprintf(stderr, "%s\n", e.text);
        return 77;
    }
    for (unsigned i = 0; i < c.nodes; i++)
        printf("/proc/%d/fd/%d%c", getpid(), wan_namespace(w, i), i + 1 < c.nodes ? ' ' : '\n');
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL)
        if (sscanf(line, "stall %u %u %d", &from, &to, &on) == 3 && from < WAN_NODES &&
            to < WAN_NODES)
            wan_stall(w, from, to, on);
    wan_close(w);
    return 0;
}
