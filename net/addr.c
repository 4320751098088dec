#include "net/addr.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int port_is_good(const char *s)
{
    char *end;
    if (s[0] < '0' || s[0] > '9' || strlen(s) >= ADDR_PORT)
        return 0;
    return strtoul(s, &end, 10) <= 65535 && *end == '\0';
}

int addr_split(const char *text, char host[static ADDR_HOST], char port[static ADDR_PORT],
               struct err *e)
{
    const char *colon = strrchr(text, ':'), *begin = text, *end = colon;
    if (colon == NULL || !port_is_good(colon + 1))
        return err_set(e, ERR_USAGE, "%.100s is no address: it takes host:port, with a port of 0 "
                       "to 65535", text);
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
        begin++;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin)) != NULL) {
        return err_set(e, ERR_USAGE, "%.100s is no address: IPv6 addresses are written "
                       "[address]:port", text);
    }
    size_t n = (size_t)(end - begin);
    if (n >= ADDR_HOST)
        return err_set(e, ERR_USAGE, "%.100s... is no address: the host is too long", text);
    memcpy(host, begin, n);
    host[n] = '\0';
    if (strcmp(host, "*") == 0)
        host[0] = '\0';
    snprintf(port, ADDR_PORT, "%s", colon + 1);
    return 0;
}

void addr_format(const struct addr *a, char out[static ADDR_TEXT])
{
    char host[64], port[ADDR_PORT];
    int failed = getnameinfo((const struct sockaddr *)&a->sa, a->n, host, sizeof host, port,
                             sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (failed)
        snprintf(out, ADDR_TEXT, "(address unknown)");
    else
        snprintf(out, ADDR_TEXT, a->sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int look(struct lookup *l, int flags)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
    struct addrinfo *all = NULL;
    l->count = 0;
    l->err = (struct err){ 0 };
    int failed = getaddrinfo(l->host[0] != '\0' ? l->host : NULL, l->port, &hints, &all);
    for (struct addrinfo *a = all; !failed && a != NULL && l->count < ADDR_FOUND; a = a->ai_next) {
        if (a->ai_addrlen > sizeof l->found[0].sa)
            continue;
        struct addr *to = &l->found[l->count++];
        memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
        to->n = a->ai_addrlen;
    }
    if (!failed)
        freeaddrinfo(all);
    if (l->count == 0)
        err_set(&l->err, ERR_PEER, "no address is known for %s: %s", l->host,
                failed ? gai_strerror(failed) : "none of a known kind");
    return failed;
}

static void lookup_run(struct work *w)
{
    look((struct lookup *)w, 0);
}

static void lookup_done(struct work *w)
{
    struct lookup *l = (struct lookup *)w;
    l->busy = 0;
    l->done(l);
}

void lookup_start(struct lookup *l, struct pool *p)
{
    if (look(l, AI_NUMERICHOST) == 0) {
        l->done(l);
        return;
    }
    l->work = (struct work){ .run = lookup_run, .done = lookup_done };
    l->busy = 1;
    pool_submit(p, &l->work);
}

void lookup_cancel(struct lookup *l, struct pool *p)
{
    if (l->busy)
        pool_cancel(p, &l->work);
    l->busy = 0;
}

void lookup_now(struct lookup *l, int passive)
{
    look(l, passive ? AI_PASSIVE : 0);
}
