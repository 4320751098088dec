/*
 * cmd_demo.c: `obscura demo`: options and output; demo.c and demo_sim.c do the work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_log.h"
#include "net/base_mem.h"
#include "net/congestion.h"
#include "net/hello.h"
#include "nn/clip_file.h"
#include "src/clip.h"
#include "src/cmd.h"
#include "src/demo.h"
#include "src/options.h"
#include "src/owner.h"

struct wish {
    const char *protocol, *clip, *model, *select, *transport, *congestion, *reveal, *trace, *log;
    uint64_t workers, lanes, seed;
    uint64_t chunk;
    double rtt, bandwidth, timeout, pace;
    struct faces_wish faces;
    int json, quiet, prepare, model_first;
};

#define AT(m) offsetof(struct wish, m)

static const struct option_row rows[] = {
    { "protocol", 'p', OPTION_TEXT, AT(protocol), "NAME",
      "security setting (replicated-ring; man obscura has the list)", 0, 0 },
    { "clip", 0, OPTION_TEXT, AT(clip), "FILE",
      "the video: a film, or crops as text or .obc (the demo clip)", 0, 0 },
    FACES_ROWS(AT(faces)),
    { "model", 0, OPTION_TEXT, AT(model), "FILE", "the model (the one that is installed)", 0, 0 },
    { "select", 0, OPTION_TEXT, AT(select), "RULE", "frames to look at: every:K, or a file with "
      "the matrix (every:15)", 0, 0 },
    { "chunk", 0, OPTION_COUNT, AT(chunk), "N", "the clip comes in chunks of N frames, and the "
      "first are computed while others come (0: as a whole)", 0, SELECTION_FRAMES },
    { "pace", 0, OPTION_REAL, AT(pace), "FPS", "there are so many of its frames a second, as from "
      "a camera (all at once)", 0.001, 1e6 },
    { "workers", 0, OPTION_COUNT, AT(workers), "N",
      "worker threads of each party (cores / parties)",
      1, 256 },
    { "lanes", 0, OPTION_COUNT, AT(lanes), "N", "TCP connections of each link between parties (1)",
      1, HELLO_LANES },
    { "congestion", 0, OPTION_TEXT, AT(congestion), "NAME",
      "congestion control of TCP, such as reno or bbr (the kernel's own)", 0, 0 },
    { "transport", 0, OPTION_TEXT, AT(transport), "KIND", "epoll or uring: processes over TLS; "
      "sim: one process, virtual clock (epoll)", 0, 0 },
    { "rtt", 0, OPTION_REAL, AT(rtt), "MS", "round-trip time of an emulated network, which "
      "needs root; sim: of the virtual one (0)",
      0, 60000 },
    { "bandwidth", 0, OPTION_REAL, AT(bandwidth), "MBIT", "Mbit/s that each process can send "
      "there (unlimited)", 0.001, 1e6 },
    { "reveal", 0, OPTION_TEXT, AT(reveal), "WHAT", "label, or scores as well (label)", 0, 0 },
    { "prepare", 0, OPTION_FLAG, AT(prepare), NULL,
      "make correlated randomness first (semi2k and its kin)", 0, 0 },
    { "model-first", 0, OPTION_FLAG, AT(model_first), NULL,
      "the clip comes when all of the model is there, and not while it is shared", 0, 0 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "print one JSON object", 0, 0 },
    { "seed", 0, OPTION_COUNT, AT(seed), "N", "for tests: the simulator's order of events, and "
      "work without time", 0, 0x1p53 },
    { "trace", 0, OPTION_TEXT, AT(trace), "FILE",
      "write a Chrome trace of workers and network", 0, 0 },
    { "timeout", 0, OPTION_REAL, AT(timeout), "SECONDS",
      "give up without progress (60)", 0.1, 86400 },
    { "log", 0, OPTION_TEXT, AT(log), "SPEC", "show the processes' log lines, e.g. info or "
      "notice,net=debug", 0, 0 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { .name = NULL }
};

static const struct command command = {
    .name = "demo", .synopsis = "[OPTION]..",
    .summary = "Classifies a clip privately on this machine: starts the parties of a setting,\n"
               "Bob with a model and Alice with a clip as separate processes over TLS, and\n"
               "prints the label.",
    .rows = rows
};

enum { UNSEEDED = UINT32_MAX, TEMP = 1200 };

static int take_wish(struct demo_conf *d, struct wan_conf *network, const struct wish *w,
                     struct err *e)
{
    d->proto = protocol_named(w->protocol, e);
    if (d->proto == NULL)
        return e->code;
    if (strcmp(w->reveal, "label") != 0 && strcmp(w->reveal, "scores") != 0)
        return err_set(e, ERR_USAGE, "--reveal %.40s: expected label or scores", w->reveal);
    d->reveal_scores = w->reveal[0] == 's';
    d->prepare = w->prepare;
    d->model_first = w->model_first;
    if (w->prepare && d->proto->deal_plan == NULL)
        return err_set(e, ERR_USAGE, "--prepare: %s makes nothing beforehand", d->proto->name);
    if (w->prepare && strcmp(w->transport, "sim") == 0)
        return err_set(e, ERR_USAGE, "--prepare needs parties of their own: not --transport sim");
    if (w->lanes > 1 && strcmp(w->transport, "sim") == 0)
        return err_set(e, ERR_USAGE, "--lanes needs real connections: not --transport sim");
    if (w->congestion != NULL && strcmp(w->transport, "sim") == 0)
        return err_set(e, ERR_USAGE, "--congestion needs real connections: not --transport sim");
    if (w->congestion != NULL && congestion_check(w->congestion, e) != 0)
        return e->code;
    d->congestion = w->congestion;
    d->select = w->select;
    d->workers = w->workers != 0 ? (unsigned)w->workers : demo_workers(d->proto->parties);
    d->lanes = (unsigned)w->lanes;
    d->chunk = (uint32_t)w->chunk;
    d->pace = w->pace;
    d->trace = w->trace;
    d->log = w->log;
    d->quiet = w->quiet || w->log != NULL;
    d->timeout = w->timeout;
    d->seeded = w->seed != UNSEEDED;
    d->seed = d->seeded ? w->seed : 1;
    if (w->rtt > 0 || w->bandwidth > 0) {
        wan_uniform(network, d->proto->parties + 2, w->rtt, w->bandwidth);
        d->network = network;
    }
    return 0;
}

/* The crops of a film, in a file of this user's alone, for Alice's process to read. */
static int keep_crops(char name[static TEMP], const struct video *v, struct err *e)
{
    const char *folder = getenv("TMPDIR");
    size_t n;
    uint8_t *p = clip_file_bytes(v, &n);
    int length = snprintf(name, TEMP, "%s/obscura-crops-XXXXXX",
                          folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    int fd = p != NULL && length < TEMP ? mkstemp(name) : -1;
    int bad = fd < 0 || write(fd, p, n) != (ssize_t)n;
    if (fd < 0)
        name[0] = '\0';
    else
        close(fd);
    if (p != NULL)
        wipe(p, n);
    mem_free(p);
    return bad ? err_set(e, ERR_FAILED, "the crops of the film cannot be kept in a temporary file "
                         "(TMPDIR says where)") : 0;
}

/* The clip's length is public: Bob's selection must fit it. A bad clip is refused right here. Faces
 * of a film are looked for once, and crops[] is then the name of the file that holds them. */
static int look_at_clip(struct demo_conf *d, const struct wish *w, char crops[static TEMP],
                        struct err *e)
{
    struct video v = { 0 };
    struct progress progress;
    const struct clip_source s = { .faces = w->faces, .progress = &progress, .command = "demo" };
    progress_init(&progress, 0, d->quiet);
    int code = clip_take(&v, &s, d->clip, e);
    if (code == 0 && clip_is_film(d->clip))
        code = keep_crops(crops, &v, e);
    if (code == 0 && crops[0] != '\0')
        d->clip = crops;
    d->frames = v.frames;
    video_fini(&v);
    return code;
}

static int take_log(const char *spec, struct err *e)
{
    if (spec == NULL || log_configure(spec) == 0)
        return 0;
    return err_set(e, ERR_USAGE, "--log %.60s: expected error, warning, notice, info or debug, and "
                   "after a comma e.g. net=debug (net, proto, nn, job)", spec);
}

static int run(int argc, char **argv, struct err *e)
{
    struct wish w = { .protocol = "replicated-ring", .transport = "epoll", .reveal = "label",
                      .select = "every:15", .seed = UNSEEDED, .timeout = 60, .lanes = 1 };
    struct demo_conf d = { 0 };
    struct wan_conf network;
    struct outcome o = { 0 };
    char clip[1200], model[1200], crops[TEMP] = "";
    int at, sim;
    if (options_parse(&command, argc, argv, &w, &at, e) != 0)
        return e->code;
    if (at != argc)
        return err_set(e, ERR_USAGE, "'%.40s' is too much (the clip goes with --clip)", argv[at]);
    if (take_log(w.log, e) != 0 || demo_transport(&sim, &d.uring, w.transport, e) != 0 ||
        take_wish(&d, &network, &w, e) != 0)
        return e->code;
    if ((w.clip == NULL && owner_data_path(clip, sizeof clip, "demo_clip.txt", e) != 0) ||
        (w.model == NULL && owner_data_path(model, sizeof model, "emotion.obm", e) != 0))
        return e->code;
    d.clip = w.clip != NULL ? w.clip : clip;
    d.model = w.model != NULL ? w.model : model;
    if (d.seeded && !sim)
        fprintf(stderr, "obscura demo: note: --seed is for tests of the simulator and changes "
                "nothing here\n");
    int code = look_at_clip(&d, &w, crops, e);
    if (code == 0)
        code = (sim ? demo_sim : demo_real)(&d, &o, e);
    if (crops[0] != '\0')
        unlink(crops);
    if (code != 0)
        return code;
    if (w.json)
        return json_print(outcome_json(&o), 1, e);
    outcome_print(&o, stdout);
    return 0;
}

int cmd_demo(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
