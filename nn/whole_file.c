#include "nn/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base_mem.h"

struct whole_file {
    char *path, *temp;
    int fd;
    int there;                  /* the temporary file exists */
};

static int file_create(struct whole_file *f, struct err *e)
{
    f->fd = mkstemp(f->temp);
    if (f->fd < 0)
        return err_set(e, ERR_FAILED, "%s cannot be written: %s; choose another place", f->path,
            strerror(errno));
    f->there = 1;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(f->fd, 0666 & ~mask) != 0)
        return err_set(e, ERR_FAILED, "%s: cannot set its mode: %s", f->temp, strerror(errno));
    return 0;
}

struct whole_file *whole_file_new(const char *path, struct err *e)
{
    static const char suffix[] = ".XXXXXX";
    size_t n = strlen(path) + 1;
    struct whole_file *f = mem_new(1, sizeof *f + 2 * n + sizeof suffix);
    if (f == NULL) {
        err_set(e, ERR_FAILED, "%s: no memory", path);
        return NULL;
    }
    f->path = (char *)(f + 1);
    f->temp = f->path + n;
    f->fd = -1;
    memcpy(f->path, path, n);
    memcpy(f->temp, path, n);
    memcpy(f->temp + n - 1, suffix, sizeof suffix);
    if (file_create(f, e) != 0) {
        whole_file_free(f);
        return NULL;
    }
    return f;
}

const char *whole_file_temp(const struct whole_file *f)
{
    return f->temp;
}

int whole_file_fd(const struct whole_file *f)
{
    return f->fd;
}

int whole_file_finish(struct whole_file *f, struct err *e)
{
    if (fsync(f->fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        return err_set(e, ERR_FAILED, "%s: writing failed: %s", f->path, strerror(errno));
    if (rename(f->temp, f->path) != 0)
        return err_set(e, ERR_FAILED, "%s cannot be written: %s; choose another place", f->path,
            strerror(errno));
    f->there = 0;
    return 0;
}

void whole_file_free(struct whole_file *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->there)
        unlink(f->temp);
    mem_free(f);
}
