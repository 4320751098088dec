/*
 * What one link carries: two processes, loopback or an emulated network (wan.h; needs root), one
 * way; with application bytes, wire bytes and CPU time of each side.
 *
 *     tests/bench_link [KIND [megabytes [bytes per message [lanes [rtt in ms, Mbit/s,
 *         plain: 0 or 1]]]]]
 *
 * KIND is epoll, uring, epoll-echo or uring-echo. With an echo every message is answered by one of
 * its length before the next one goes: turns, not throughput.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/base_log.h"
#include "net/mesh.h"
#include "src/wan.h"
#include "tests/node.h"

enum { QUEUE = 16 << 20 };

struct side {
    struct loop *loop;
    struct pool *pool;
    struct mesh *mesh;
    struct host *host;
    struct arena *arena;
    uint64_t total, sent, received, begun, ended;
    size_t size;
    int self, uring, echo;
};

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec)
        + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void send_more(struct side *s)
{
    unsigned to = s->self == 0;
    while (s->sent < s->total && s->host->ops->queued(s->host, to) <= QUEUE) {
        struct message m = { .type = 1, .stream = 1 + (uint32_t)(s->sent / s->size), .n = s->size,
                             .data = arena_take(s->arena, s->size) };
        s->sent += s->size;
        if (m.data == NULL || s->host->ops->send(s->host, to, m) != 0)
            exit(1);
        if (s->echo)
            return;
    }
}

static void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct side *s = ctx;
    (void)node, (void)info;
    s->begun = loop_now();
    if (s->self == 1)
        send_more(s);
}

static void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct side *s = ctx;
    (void)node;
    if (s->self == 0 && s->received < s->total)
        fprintf(stderr, "%s\n", why->text);
    loop_stop(s->loop);
}

static uint8_t *on_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct side *s = ctx;
    (void)node, (void)why;
    return arena_take(s->arena, head->n);
}

static void on_message(void *ctx, unsigned node, struct message m)
{
    struct side *s = ctx;
    arena_give(m.data);
    s->received += m.n;
    if (s->echo)
        send_more(s);
    if (s->received < s->total || s->self == 1)
        return;
    s->ended = loop_now();
    s->host->ops->drop(s->host, node, "done");
}

static void on_drained(void *ctx, unsigned node)
{
    (void)node;
    send_more(ctx);
}

static const struct host_events events = { on_up, on_down, on_room, on_message, on_drained };

static int run(struct node_conf *nc, struct side s, unsigned lanes)
{
    int self = s.self;
    struct err e = { 0 };
    struct mesh_conf c = { .self = self, .cert = nc->cert[self], .protocol = "bench",
                           .parties = 2, .lanes = lanes, .high = QUEUE, .low = QUEUE / 2,
                           .uring = s.uring };
    for (unsigned i = 0; i < 2; i++)
        c.party[i] = (struct mesh_party){ nc->address[i], cert_fingerprint(nc->cert[i]) };
    c.listen_fd = nc->listen_fd[self];
    s.loop = loop_new(&e);
    s.pool = s.loop == NULL ? NULL : pool_new(s.loop, 1, &e);
    s.arena = arena_new(0);
    s.mesh = s.pool == NULL ? NULL : mesh_new(&c, s.loop, s.pool, &e);
    if (s.mesh == NULL || s.arena == NULL) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    s.host = mesh_host(s.mesh);
    s.host->events = &events;
    s.host->ctx = &s;
    double cpu = cpu_seconds();
    if (mesh_start(s.mesh, &e) != 0 || loop_run(s.loop, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    struct link_stats st;
    mesh_stats(s.mesh, 1 - (unsigned)self, &st);
    double gb = (double)s.total / 1e9;
    if (self == 0)
        printf("%.3f GB in messages of %zu bytes: %.3f GB/s\n", gb, s.size,
               gb / ((double)(s.ended - s.begun) / 1e9));
    printf("%s: %.3f CPU s/GB, %.4f bytes on the wire for each byte of payload\n",
           self == 0 ? "receiver" : "sender  ", (cpu_seconds() - cpu) / gb,
           (double)(st.wire_sent + st.wire_received) / (double)s.total);
    fflush(stdout);
    mesh_free(s.mesh);
    pool_free(s.pool);
    arena_free(s.arena);
    loop_free(s.loop);
    return s.self == 0 && s.received < s.total;
}

/* Party 0 listens in the emulated network. */
static struct wan *network(struct node_conf *nc, char **args)
{
    struct wan_conf c;
    struct err e;
    wan_uniform(&c, 2, strtod(args[0], NULL), strtod(args[1], NULL));
    c.plain = atoi(args[2]);
    struct wan *w = wan_open(&c, &e);
    if (w == NULL)
        fprintf(stderr, "%s\n", e.text);
    for (unsigned i = 0; i < 2 && w != NULL; i++) {
        close(nc->listen_fd[i]);
        nc->listen_fd[i] = 0;
        snprintf(nc->address[i], sizeof nc->address[i], "%s:7000", wan_address(w, i));
    }
    return w;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "epoll";
    struct side s = { .uring = kind[0] == 'u', .echo = strchr(kind, '-') != NULL };
    uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000;
    unsigned lanes = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
    struct wan *wan = NULL;
    struct node_conf nc;
    s.size = argc > 3 ? strtoull(argv[3], NULL, 10) : 1 << 20;
    if (s.size == 0 || node_conf_init(&nc, 2) != 0)
        return 1;
    s.total = megabytes * 1000000u / s.size * s.size;
    if (argc > 7 && (wan = network(&nc, argv + 5)) == NULL)
        return 1;
    pid_t pid = fork();
    if (pid < 0)
        return 1;
    s.self = pid == 0;
    if (wan != NULL && wan_enter(wan, (unsigned)s.self) != 0)
        return 1;
    if (pid == 0)
        _exit(run(&nc, s, lanes));
    int failed = run(&nc, s, lanes), status = 0;
    waitpid(pid, &status, 0);
    wan_close(wan);
    node_conf_fini(&nc);
    return failed || status != 0;
}
