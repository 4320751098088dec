#include "nn/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int folder_each(const char *path, folder_fn *visit, void *ctx, struct err *e)
{
    struct dirent **entry = NULL;
    int n = scandir(path, &entry, visible, by_bytes), code = 0;
    if (n < 0)
        return err_set(e, ERR_INPUT, "%s: cannot be read as a folder: %s", path, strerror(errno));
    for (int k = 0; k < n; k++) {
        char inner[PATH_BYTES];
        if (code == 0 && snprintf(inner, sizeof inner, "%s/%s", path, entry[k]->d_name) >=
                             (int)sizeof inner)
            code = err_set(e, ERR_INPUT, "%.300s..: the path is too long", path);
        if (code == 0)
            code = visit(ctx, inner, entry[k]->d_name, e);
        free(entry[k]);
    }
    free(entry);
    return code;
}
