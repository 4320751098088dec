#include "src/node.h"

#include "src/wire.h"

/* A node that says nothing at all is found missing long before a job is given up for want of
 * progress: so the one that is named is the silent one, not another that waits for it too. */
static unsigned node_idle_ms(const struct settings *s)
{
    enum { MOST = 30000, LEAST = 200 };
    double idle = s->job_timeout * 1000 / 2;
    return idle > MOST ? MOST : idle < LEAST ? LEAST : (unsigned)idle;
}

static struct mesh_conf node_conf(const struct settings *s, const struct cert *cert, int listen_fd)
{
    enum { BEAT_MOST = 5000 };
    unsigned idle = node_idle_ms(s), beat = idle / 4;
    return (struct mesh_conf){
        .idle_ms = idle, .heartbeat_ms = beat < BEAT_MOST ? beat : BEAT_MOST,
        .self = s->party ? (int)s->index : MESH_CLIENT, .cert = cert,
        .protocol = settings_protocol(s)->name, .parties = settings_protocol(s)->parties,
        .listen = s->party ? s->listen : NULL, .listen_fd = listen_fd,
        .connect_ms = (unsigned)(s->connect_timeout * 1000), .lanes = s->lanes,
        .uring = s->transport == TRANSPORT_URING, .congestion = s->congestion
    };
}

static int make_mesh(struct node *n, const struct settings *s, int listen_fd, struct err *e)
{
    struct mesh_client clients[SETTINGS_CLIENTS];
    struct mesh_conf conf = node_conf(s, n->cert, listen_fd);
    if (wire_digest(conf.digest, settings_protocol(s), e) != 0)
        return e->code;
    for (unsigned i = 0; i < conf.parties; i++)
        conf.party[i] = (struct mesh_party){ .address = s->peer[i].address,
                                             .fingerprint = s->peer[i].fingerprint };
    if (s->party && s->peer[s->index].fingerprint[0] == '\0')
        conf.party[s->index].fingerprint = cert_fingerprint(n->cert);
    for (unsigned i = 0; i < s->nclient; i++)
        clients[i] = (struct mesh_client){ .name = s->allowed[i].name,
                                           .fingerprint = s->allowed[i].fingerprint };
    conf.clients = clients;
    conf.client_count = s->party ? s->nclient : 0;
    n->mesh = mesh_new(&conf, n->loop, n->pool, e);
    if (n->mesh == NULL)
        return e->code;
    n->host = mesh_host(n->mesh);
    return 0;
}

int node_open(struct node *n, const struct settings *s, int listen_fd, struct err *e)
{
    *n = (struct node){ 0 };
    n->cert = cert_load(s->key, s->certificate, e);
    if (n->cert == NULL)
        return err_prefix(e, "%s", s->file);
    n->loop = loop_new(e);
    if (n->loop == NULL)
        return e->code;
    n->pool = pool_new(n->loop, s->workers, e);
    if (n->pool == NULL)
        return e->code;
    return make_mesh(n, s, listen_fd, e);
}

void node_close(struct node *n)
{
    mesh_free(n->mesh);
    pool_free(n->pool);
    loop_free(n->loop);
    cert_free(n->cert);
    *n = (struct node){ 0 };
}
