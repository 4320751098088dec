/*
 * pester.c: for shell tests: strangers who bother a daemon's port.
 *
 *     pester garbage PORT COUNT SEED      connections that say random bytes, some after the start
 *                                         of a TLS record, and leave
 *     pester flood PORT COUNT SECONDS     connections that say nothing, opened again as soon as
 *                                         the daemon ends them
 *
 * What this is not: it judges nothing. Status 0 when all connections could be made once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { MOST = 4096, BLOCK = 8192 };

static int reach(unsigned port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    fprintf(stderr, "pester: port %u: %s\n", port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int garbage(unsigned port, unsigned count, uint64_t random)
{
    static const uint8_t record[] = { 0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3 };
    uint8_t p[BLOCK];
    for (unsigned i = 0; i < count; i++) {
        size_t n = check_random(&random) % (sizeof p - sizeof record) + sizeof record;
        int fd = reach(port);
        if (fd < 0)
            return 1;
        for (size_t k = 0; k < n; k++)
            p[k] = (uint8_t)check_random(&random);
        if (check_random(&random) % 2 != 0)
            memcpy(p, record, sizeof record);
        /* The daemon may hang up in the middle; that is its right. */
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent > 0 && check_random(&random) % 2 != 0)
            shutdown(fd, SHUT_WR);
        poll(NULL, 0, (int)(check_random(&random) % 5));
        close(fd);
    }
    return 0;
}

static int flood(unsigned port, unsigned count, double seconds)
{
    static struct pollfd open_ones[MOST];
    time_t end = time(NULL) + (time_t)seconds + 1;
    count = count < MOST ? count : MOST;
    for (unsigned i = 0; i < count; i++)
        if ((open_ones[i] = (struct pollfd){ reach(port), POLLIN, 0 }).fd < 0)
            return 1;
    while (time(NULL) < end) {
        poll(open_ones, count, 100);
        for (unsigned i = 0; i < count; i++) {
            char c;
            if (open_ones[i].revents == 0 || recv(open_ones[i].fd, &c, 1, MSG_DONTWAIT) > 0)
                continue;
            close(open_ones[i].fd);
            open_ones[i].fd = reach(port);
        }
        poll(NULL, 0, 20);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "pester: garbage PORT COUNT SEED, or flood PORT COUNT SECONDS\n");
        return 2;
    }
    unsigned port = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    if (strcmp(argv[1], "garbage") == 0)
        return garbage(port, count, strtoull(argv[4], NULL, 10));
    return flood(port, count, strtod(argv[4], NULL));
}
