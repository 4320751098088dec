#include "src/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct output *o, const char *path, int keep, struct err *e)
{
    *o = (struct output){ 0 };
    if (keep && access(path, F_OK) == 0)
        return err_set(e, ERR_USAGE, "%s exists already and is not overwritten: move it away, or "
                       "choose another folder", path);
    o->file = whole_file_new(path, e);
    if (o->file == NULL)
        return e->code;
    int fd = fcntl(whole_file_fd(o->file), F_DUPFD_CLOEXEC, 3);
    o->f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (o->f != NULL)
        return 0;
    err_set(e, ERR_FAILED, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    output_drop(o);
    return ERR_FAILED;
}

int output_commit(struct output *o, struct err *e)
{
    int bad = fflush(o->f) != 0 || ferror(o->f);
    if (bad)
        err_set(e, ERR_FAILED, "%s: cannot be written: %s", whole_file_temp(o->file),
                strerror(errno));
    int code = bad ? ERR_FAILED : whole_file_finish(o->file, e);
    output_drop(o);
    return code;
}

void output_drop(struct output *o)
{
    if (o->f != NULL)
        fclose(o->f);
    whole_file_free(o->file);
    *o = (struct output){ 0 };
}

int output_apart(const char *path, char *const *inputs, unsigned n, struct err *e)
{
    struct stat out, in;
    if (path == NULL || stat(path, &out) != 0)
        return 0;
    for (unsigned k = 0; k < n; k++)
        if (stat(inputs[k], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return err_set(e, ERR_USAGE, "%s: would be written over, and it is read as data; "
                           "choose another name for what is written", path);
    return 0;
}
