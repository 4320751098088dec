/*
 * demo_folder.h: the private folder of a demo with fresh keys and configurations, and the sockets
 * that its parties listen on.
 *
 * The sockets are opened here, on ports that the kernel chooses, and handed down to the parties:
 * nobody else can take a port in between.
 */
#ifndef OB_SRC_DEMO_FOLDER_H
#define OB_SRC_DEMO_FOLDER_H

#include "src/demo.h"

enum { DEMO_PATH = 512 };

struct demo_folder {
    char path[DEMO_PATH];           /* empty: not made */
    int listen[LINK_PARTIES];       /* -1: none */
};

/* On loopback, or in the parties' places of an emulated network (NULL: loopback). */
int demo_folder_make(struct demo_folder *f, const struct demo_conf *conf, const struct wan *wan,
                     struct err *e);

/* Closes the sockets: the parties have theirs. */
void demo_folder_close(struct demo_folder *f);

/* Removes the folder with everything in it. */
void demo_folder_remove(struct demo_folder *f);

#endif
