#include "src/client.h"

#include <signal.h>

#include "net/base_log.h"
#include "src/process.h"

int client_settings(struct settings *s, const struct client_options *o, int party, struct err *e)
{
    settings_init(s);
    if (o->conf == NULL)
        return err_set(e, ERR_USAGE, "which configuration? Give -c FILE (keygen makes one)");
    if (settings_read(s, o->conf, e) != 0)
        return e->code;
    for (unsigned i = 0; i < o->set.n; i++)
        if (settings_assign(s, o->set.item[i], e) != 0)
            return e->code;
    if (settings_check(s, party, e) != 0)
        return e->code;
    const char *log = o->log != NULL ? o->log : s->log;
    if (log_configure(log) != 0)
        return err_set(e, ERR_USAGE, "log %.60s: expected error, warning, notice, info or debug, "
                       "and after a comma e.g. net=debug (net, proto, nn, job)", log);
    return 0;
}

static void on_signal(void *ctx)
{
    struct client *c = ctx;
    client_over(c, &(struct err){ ERR_FAILED, "interrupted" });
}

int client_open(struct client *c, const struct client_options *o, struct err *e)
{
    c->e = e;
    process_harden();
    progress_init(&c->progress, o->progress, o->quiet);
    if (node_open(&c->node, &c->settings, -1, e) != 0 ||
        loop_signal(c->node.loop, SIGINT, on_signal, c, e) != 0 ||
        loop_signal(c->node.loop, SIGTERM, on_signal, c, e) != 0)
        return e->code;
    return 0;
}

static void on_quiet(void *ctx)
{
    struct client *c = ctx;
    loop_stop(c->node.loop);
}

void client_start(struct client *c, const struct err *so_far)
{
    struct err bad = *so_far;
    if (bad.code == 0)
        mesh_start(c->node.mesh, &bad);
    c->started = bad.code == 0;
    if (bad.code != 0)
        client_over(c, &bad);
}

void client_over(struct client *c, const struct err *why)
{
    if (c->over)
        return;
    c->over = 1;
    progress_clear(&c->progress);
    if (c->e->code == 0)
        *c->e = *why;
    if (c->started)
        mesh_stop(c->node.mesh, why->code == 0 ? "done" : why->text, on_quiet, c);
    else
        loop_stop(c->node.loop);
}

int client_run(struct client *c)
{
    struct err loop = { 0 };
    int code = loop_run(c->node.loop, &loop);
    if (code != 0 && c->e->code == 0)
        *c->e = loop;
    return c->e->code;
}
