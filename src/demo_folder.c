#include "src/demo_folder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/setup.h"

static int open_socket(int *fd, const char *address, unsigned *port, struct err *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof at;
    inet_pton(AF_INET, address, &at.sin_addr);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(*fd, 64) != 0 ||
        getsockname(*fd, (struct sockaddr *)&at, &n) != 0)
        return err_set(e, ERR_FAILED, "no listening socket at %s: %s", address, strerror(errno));
    *port = ntohs(at.sin_port);
    return 0;
}

/* A party's socket, where the party will be. */
static int open_party(int *fd, const struct wan *wan, unsigned i, char *text, struct err *e)
{
    const char *address = wan == NULL ? "127.0.0.1" : wan_address(wan, i);
    unsigned port = 0;
    e->code = 0;
    if (wan != NULL && wan_enter(wan, i) != 0)
        return err_set(e, ERR_FAILED, "party %u's place in the emulated network: %s", i,
                       strerror(errno));
    open_socket(fd, address, &port, e);
    if (wan != NULL && wan_leave(wan) != 0 && e->code == 0)
        err_set(e, ERR_FAILED, "no way back from the emulated network: %s", strerror(errno));
    snprintf(text, SETUP_ADDRESS, "%s:%u", address, port);
    return e->code;
}

static int make_folder(struct demo_folder *f, struct err *e)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(f->path, sizeof f->path, "%s/obscura-demo.XXXXXX",
                     base != NULL && base[0] != '\0' ? base : "/tmp");
    if (n > 0 && n < DEMO_PATH - 64 && mkdtemp(f->path) != NULL)
        return 0;
    err_set(e, ERR_FAILED, "%s: no temporary folder can be made: %s (see TMPDIR)", f->path,
            strerror(errno));
    f->path[0] = '\0';
    return ERR_FAILED;
}

int demo_folder_make(struct demo_folder *f, const struct demo_conf *conf, const struct wan *wan,
                     struct err *e)
{
    struct setup s = {
        .proto = conf->proto, .workers = conf->workers, .reveal_scores = conf->reveal_scores,
        .connect_timeout = conf->timeout < 20 ? conf->timeout : 20
    };
    *f = (struct demo_folder){ .listen = { -1, -1, -1, -1 } };
    if (make_folder(f, e) != 0)
        return e->code;
    s.dir = f->path;
    for (unsigned i = 0; i < conf->proto->parties; i++) {
        if (open_party(&f->listen[i], wan, i, s.address[i], e) != 0)
            return e->code;
        memcpy(s.listen[i], s.address[i], SETUP_ADDRESS);
    }
    return setup_make(&s, e);
}

void demo_folder_close(struct demo_folder *f)
{
    for (unsigned i = 0; i < LINK_PARTIES; i++) {
        if (f->listen[i] >= 0)
            close(f->listen[i]);
        f->listen[i] = -1;
    }
}

/* A folder with files, and folders of files (what a party stores). */
static void remove_folder(int at, const char *path, int inner)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.' && unlinkat(dirfd(d), entry->d_name, 0) != 0 && !inner)
            remove_folder(dirfd(d), entry->d_name, 1);
    closedir(d);
    unlinkat(at, path, AT_REMOVEDIR);
}

void demo_folder_remove(struct demo_folder *f)
{
    if (f->path[0] != '\0')
        remove_folder(AT_FDCWD, f->path, 0);
    f->path[0] = '\0';
}
