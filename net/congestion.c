#include "net/congestion.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The names that the kernel has loaded, with blanks between them. */
static void known_names(char *text, size_t n)
{
    FILE *f = fopen("/proc/sys/net/ipv4/tcp_available_congestion_control", "re");
    if (f == NULL || fgets(text, (int)n, f) == NULL)
        snprintf(text, n, "unknown");
    text[strcspn(text, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
}

static int set(int fd, const char *name)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

int congestion_check(const char *name, struct err *e)
{
    char names[200];
    if (strlen(name) >= CONGESTION_NAME)
        return err_set(e, ERR_USAGE, "congestion control: %.40s is no name of one", name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(e, ERR_FAILED, "no socket: %s", strerror(errno));
    int why = set(fd, name) == 0 ? 0 : errno;
    close(fd);
    if (why == 0)
        return 0;
    known_names(names, sizeof names);
    return err_set(e, ERR_USAGE, "congestion control %s: %s (this kernel has: %s)", name,
                   why == ENOENT ? "there is none of this name" :
                   why == EPERM ? "only root may have it (net.ipv4.tcp_allowed_congestion_control)" :
                   strerror(why), names);
}

void congestion_set(int fd, const char *name)
{
    (void)set(fd, name);
}

void congestion_default(char name[static CONGESTION_NAME])
{
    socklen_t n = CONGESTION_NAME - 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(name, 0, CONGESTION_NAME);
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n) != 0)
        snprintf(name, CONGESTION_NAME, "unknown");
    if (fd >= 0)
        close(fd);
}
