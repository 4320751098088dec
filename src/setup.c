#include "src/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/output.h"

enum { PATH = 1200 };

static const char *const suffixes[] = { "key", "crt", "conf" };

static int path_of(char *path, const struct setup *s, unsigned node, const char *suffix,
                   struct err *e)
{
    int n = snprintf(path, PATH, "%s/%s.%s", s->dir, s->name[node], suffix);
    return n > 0 && n < PATH ? 0 : err_set(e, ERR_USAGE, "%.60s..: the path is too long", s->dir);
}

static int refuse_old(const struct setup *s, struct err *e)
{
    char path[PATH];
    for (unsigned i = 0; i < s->nodes; i++)
        for (unsigned k = 0; k < 3; k++) {
            if (path_of(path, s, i, suffixes[k], e) != 0)
                return e->code;
            if (access(path, F_OK) == 0)
                return err_set(e, ERR_USAGE, "%s exists already and is not overwritten: move it "
                               "away, or choose another folder", path);
        }
    return 0;
}

static void write_peers(FILE *f, const struct setup *s, unsigned self)
{
    for (unsigned i = 0; i < s->proto->parties; i++)
        if (i != self)
            fprintf(f, "\n[peer %u]\naddress = %s\nfingerprint = %s\n", i, s->address[i],
                    s->fingerprint[i]);
}

static void write_party(FILE *f, const struct setup *s, unsigned i)
{
    unsigned alice = s->proto->parties, bob = alice + 1;
    fprintf(f, "# Party %u of a private classification: obscura party -c %s.conf\n"
            "# Every key is explained in obscura.conf(5); lines with # show defaults.\n\n"
            "[party]\nindex = %u\nprotocol = %s\nlisten = %s\n"
            "key = %s.key\ncertificate = %s.crt\n"
            "reveal = %s\n%sworkers = %u\n"
            "# max_jobs = 4\n# max_models = 4\n# job_timeout = 60 s\nconnect_timeout = %.3f s\n"
            "# job_memory = 4 GiB\n# model_memory = 4 GiB\n# window = 0\n# lanes = 1\n"
            "# transport = epoll\n# log = notice\n",
            i, s->name[i], i, s->proto->name, s->listen[i], s->name[i], s->name[i],
            s->reveal_scores ? "scores" : "label", s->workers == 0 ? "# " : "", s->workers,
            s->connect_timeout);
    if (s->proto->deal_plan != NULL)
        fprintf(f, "material = %s.material\n", s->name[i]);
    write_peers(f, s, i);
    fprintf(f, "\n[client alice]\nfingerprint = %s\nmay = classify\n"
            "\n[client bob]\nfingerprint = %s\nmay = provide\n",
            s->fingerprint[alice], s->fingerprint[bob]);
}

static void write_client(FILE *f, const struct setup *s, unsigned i)
{
    int bob = i == s->proto->parties + 1;
    fprintf(f, "# %s\n"
            "# Every key is explained in obscura.conf(5); lines with # show defaults.\n\n"
            "[client]\nname = %s\nprotocol = %s\nkey = %s.key\ncertificate = %s.crt\n"
            "reveal = %s\n# model_name = default\n# job_timeout = 60 s\n"
            "connect_timeout = %.3f s\n# transport = epoll\n# log = notice\n",
            bob ? "Bob, who owns the model: obscura provide -c bob.conf --model FILE"
                : "Alice, who owns the video: obscura classify -c alice.conf CLIP",
            s->name[i], s->proto->name, s->name[i], s->name[i],
            s->reveal_scores ? "scores" : "label", s->connect_timeout);
    if (bob)
        fprintf(f, "# model = emotion.obm\n# select = every:15\n# frames = 97\n# chunk = 0\n");
    write_peers(f, s, UINT32_MAX);
}

static int make_node(struct setup *s, unsigned i, struct err *e)
{
    char key[PATH], crt[PATH];
    if (path_of(key, s, i, "key", e) != 0 || path_of(crt, s, i, "crt", e) != 0)
        return e->code;
    return cert_generate(s->name[i], key, crt, s->fingerprint[i], e);
}

static int write_node(const struct setup *s, unsigned i, struct err *e)
{
    char path[PATH];
    struct output o;
    if (path_of(path, s, i, "conf", e) != 0 || output_open(&o, path, 1, e) != 0)
        return e->code;
    if (i < s->proto->parties)
        write_party(o.f, s, i);
    else
        write_client(o.f, s, i);
    return output_commit(&o, e);
}

int setup_make(struct setup *s, struct err *e)
{
    s->nodes = s->proto->parties + 2;
    for (unsigned i = 0; i < s->proto->parties; i++)
        snprintf(s->name[i], sizeof s->name[i], "party%u", i);
    snprintf(s->name[s->nodes - 2], sizeof s->name[0], "alice");
    snprintf(s->name[s->nodes - 1], sizeof s->name[0], "bob");
    int code = refuse_old(s, e);
    for (unsigned i = 0; i < s->nodes && code == 0; i++)
        code = make_node(s, i, e);
    for (unsigned i = 0; i < s->nodes && code == 0; i++)
        code = write_node(s, i, e);
    return code;
}
