/*
 * demo.c: the demo with real processes: a small state machine over their pipes and ends.
 *
 *     Bob provides, and prepares -> Alice classifies -> every party accounts for the job -> the
 *     parties end
 *
 * Unless he prepares, Alice comes when Bob says that the parties take his model, and her clip is
 * classified as its shares arrive.
 *
 * What goes wrong anywhere ends the demo with that process's own line and status.
 */
#include "src/demo.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "src/demo_folder.h"
#include "src/drag.h"
#include "src/process.h"
#include "src/trace.h"

enum { BOB = LINK_PARTIES, ALICE, CHILDREN, ARGS = 32, TEXT = 640 };

enum act { ACT_PROVIDE, ACT_PREPARE, ACT_CLASSIFY, ACT_ACCOUNTS, ACT_ENDING, ACT_OVER };

struct show;

struct player {
    struct show *show;
    struct child child;
    char name[24];
    char said[CHILD_LINE];          /* the last line on stderr */
    int accounted;
};

struct show {
    const struct demo_conf *conf;
    struct outcome *o;
    struct err *e;
    struct demo_folder folder;
    struct wan *wan;                /* NULL: loopback */
    struct drag drag;
    struct player player[CHILDREN];
    enum act act;
    int signals, have_result, visible;      /* visible: there is a terminal for Alice's progress */
    int taken;                      /* Bob has said that all parties take the model */
    unsigned runs;                  /* classifications that are over */
    uint64_t deadline;
    sigset_t old_mask;
};

unsigned demo_workers(unsigned parties)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > (long)parties ? (unsigned)(cores / (long)parties) : 1;
}

int demo_transport(int *sim, int *uring, const char *text, struct err *e)
{
    *sim = strcmp(text, "sim") == 0;
    *uring = strcmp(text, "uring") == 0;
    if (!*sim && !*uring && strcmp(text, "epoll") != 0)
        return err_set(e, ERR_USAGE, "--transport %.40s: expected epoll, uring or sim", text);
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Owners and parties give up on their own; this is for a demo of which nobody says anything. */
static uint64_t deadline(const struct show *s)
{
    return now_ms() + (uint64_t)(s->conf->timeout * 1000) + 30000;
}

/* The first thing that goes wrong is what the user hears of. */
static void show_fail(struct show *s, int code, const char *text)
{
    if (s->e->code == 0)
        err_set(s->e, code, "%s", text);
    s->act = ACT_OVER;
}

/* ---- starting players ---- */

/* An argument list for one child: borrowed texts, and room for those that are made here. */
struct args {
    char *v[ARGS];
    unsigned n, made;
    char text[8][DEMO_PATH + 64];
};

static void arg(struct args *a, const char *text)
{
    if (a->n + 1 < ARGS)
        a->v[a->n++] = (char *)text;    /* execv does not write to it */
}

static void arg_pair(struct args *a, const char *option, const char *value)
{
    arg(a, option);
    arg(a, value);
}

__attribute__((format(printf, 3, 4)))
static void arg_made(struct args *a, const char *option, const char *fmt, ...)
{
    char *text = a->text[a->made++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof a->text[0], fmt, ap);
    va_end(ap);
    arg_pair(a, option, text);
}

static void args_begin(struct args *a, const struct show *s, const char *command, const char *conf)
{
    *a = (struct args){ 0 };
    arg_pair(a, "obscura", command);
    arg_made(a, "-c", "%s/%s.conf", s->folder.path, conf);
    if (s->conf->log != NULL)
        arg_pair(a, "--log", s->conf->log);
    const char *section = strcmp(command, "party") == 0 ? "party" : "client";
    arg_made(a, "--set", "%s.job_timeout=%.3f s", section, s->conf->timeout);
    if (s->conf->uring)
        arg_made(a, "--set", "%s.transport=uring", section);
    if (s->conf->congestion != NULL)
        arg_made(a, "--set", "%s.congestion=%s", section, s->conf->congestion);
}

static int player_start(struct show *s, unsigned who, const char *name, struct args *a, int fd)
{
    struct player *p = &s->player[who];
    p->show = s;
    snprintf(p->name, sizeof p->name, "%s", name);
    unsigned n = s->conf->proto->parties, node = who < n ? who : who - BOB + n;
    return child_start(&p->child, p->name, a->v, fd,
                       s->wan != NULL ? wan_namespace(s->wan, node) : -1, s->e);
}

static int start_party(struct show *s, unsigned i)
{
    char name[24], file[24];
    struct args a;
    snprintf(file, sizeof file, "party%u", i);
    args_begin(&a, s, "party", file);
    arg_made(&a, "--set", "party.lanes=%u", s->conf->lanes);
    arg_made(&a, "--listen-fd", "%d", s->folder.listen[i]);
    arg(&a, "--json");
    if (s->conf->trace != NULL)
        arg_made(&a, "--trace", "%s/trace%u.json", s->folder.path, i);
    snprintf(name, sizeof name, "party %u", i);
    return player_start(s, i, name, &a, s->folder.listen[i]);
}

static int start_bob(struct show *s)
{
    struct args a;
    args_begin(&a, s, "provide", "bob");
    arg_pair(&a, "--model", s->conf->model);
    arg_pair(&a, "--select", s->conf->select);
    arg_made(&a, "--frames", "%u", s->conf->frames);
    arg_made(&a, "--chunk", "%u", s->conf->chunk);
    arg(&a, "--progress");
    return player_start(s, BOB, "bob", &a, -1);
}

static int start_preparing(struct show *s)
{
    struct args a;
    child_fini(&s->player[BOB].child);
    args_begin(&a, s, "prepare", "bob");
    arg_made(&a, "--count", "%u", s->conf->runs > 0 ? s->conf->runs : 1);
    arg(&a, "--progress");
    return player_start(s, BOB, "bob", &a, -1);
}

static int start_alice(struct show *s)
{
    struct args a;
    args_begin(&a, s, "classify", "alice");
    arg(&a, "--json");
    arg(&a, "--progress");
    if (s->conf->pace > 0)
        arg_made(&a, "--pace", "%g", s->conf->pace);
    arg_pair(&a, "--", s->conf->clip);
    return player_start(s, ALICE, "alice", &a, -1);
}

/* ---- what players say ---- */

static void take_account(struct show *s, struct player *p, unsigned party,
                         const struct account *a)
{
    if (a->prepare) {
        outcome_prepared(s->o, party, a);
        return;
    }
    s->o->party[party] = *a;
    p->accounted = 1;
}

static void on_line(void *ctx, int to_stderr, int progress, const char *line)
{
    struct player *p = ctx;
    struct show *s = p->show;
    unsigned who = (unsigned)(p - s->player);
    struct err bad = { 0 };
    if (progress) {
        s->deadline = deadline(s);
        if (who == ALICE && s->visible)
            fprintf(stderr, "\r%s\r", line);
    } else if (to_stderr) {
        snprintf(p->said, sizeof p->said, "%s", line);
        if (s->conf->log != NULL)
            fprintf(stderr, "%s\n", line);
    } else if (who < s->conf->proto->parties) {
        struct account a;
        if (account_parse(&a, line, &bad) != 0)
            show_fail(s, ERR_FAILED, bad.text);
        else
            take_account(s, p, who, &a);
    } else if (who == BOB) {
        s->taken = 1;               /* whatever he says as a result */
    } else if (who == ALICE) {
        if (outcome_parse(s->o, line, &bad) != 0)
            show_fail(s, ERR_FAILED, bad.text);
        s->have_result = 1;
    }
}

static int all_accounted(const struct show *s)
{
    for (unsigned i = 0; i < s->conf->proto->parties; i++)
        if (!s->player[i].accounted)
            return 0;
    return 1;
}

/* The next act, which begins with a new player. */
static void show_next(struct show *s, enum act act)
{
    s->act = act;
    s->deadline = deadline(s);
    if ((act == ACT_PREPARE ? start_preparing(s) : start_alice(s)) != 0)
        s->act = ACT_OVER;
}

/* One classification is over: the next one. */
static void show_again(struct show *s)
{
    for (unsigned i = 0; i < s->conf->proto->parties; i++)
        s->player[i].accounted = 0;
    child_fini(&s->player[ALICE].child);
    s->have_result = 0;
    show_next(s, ACT_CLASSIFY);
}

/* Alice may come while Bob still shares. When she has her label and he is done: the accounts, then
 * she comes again, or the parties are told to end. */
static void show_advance(struct show *s)
{
    if (s->act == ACT_PROVIDE && s->taken && !s->conf->prepare && !s->conf->model_first)
        show_next(s, ACT_CLASSIFY);
    if (s->act != ACT_ACCOUNTS || s->player[BOB].child.pid > 0 || !all_accounted(s))
        return;
    s->runs++;
    if (s->conf->ran != NULL)
        s->conf->ran(s->conf->ctx, s->o);
    if (s->runs < s->conf->runs) {
        show_again(s);
        return;
    }
    drag_end(&s->drag);
    for (unsigned i = 0; i < s->conf->proto->parties; i++)
        child_kill(&s->player[i].child, SIGTERM);
    s->act = ACT_ENDING;
    s->deadline = now_ms() + 10000;
}

static void player_failed(struct show *s, const struct player *p)
{
    char text[TEXT];
    int code = child_verdict(&p->child, text, sizeof text);
    const char *said = p->said;
    if (strncmp(said, "obscura ", 8) == 0)
        said += 8;
    if (said[0] != '\0' && WIFEXITED(p->child.status))
        snprintf(text, sizeof text, "%.*s", TEXT - 1, said);
    show_fail(s, code != 0 ? code : ERR_FAILED, text);
}

static void on_end(struct show *s, unsigned who)
{
    struct player *p = &s->player[who];
    int good = WIFEXITED(p->child.status) && WEXITSTATUS(p->child.status) == 0;
    if (!good || (who < BOB && s->act != ACT_ENDING)) {
        player_failed(s, p);
    } else if (who == BOB && s->act <= ACT_PREPARE) {
        show_next(s, s->act == ACT_PROVIDE && s->conf->prepare ? ACT_PREPARE : ACT_CLASSIFY);
    } else if (who == ALICE) {
        s->act = ACT_ACCOUNTS;
        s->deadline = now_ms() + 10000;
        if (!s->have_result)
            show_fail(s, ERR_FAILED, "alice ended without a result");
    }
}

/* ---- the loop ---- */

static void read_signals(struct show *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD)
            show_fail(s, ERR_FAILED, "interrupted; every process of the demo was ended");
}

static void reap_all(struct show *s)
{
    int left = 0;
    for (unsigned i = 0; i < CHILDREN && s->act != ACT_OVER; i++) {
        struct player *p = &s->player[i];
        if (p->child.pid == 0 || !child_reap(&p->child))
            continue;
        child_read(&p->child, 0, on_line, p);
        child_read(&p->child, 1, on_line, p);
        on_end(s, i);
    }
    for (unsigned i = 0; i < CHILDREN; i++)
        left += s->player[i].child.pid > 0;
    if (s->act == ACT_ENDING && left == 0)
        s->act = ACT_OVER;
}

static void wait_once(struct show *s)
{
    struct pollfd fds[2 * CHILDREN + 1];
    struct player *owner[2 * CHILDREN + 1];
    int which[2 * CHILDREN + 1];
    nfds_t n = 1;
    fds[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
    for (unsigned i = 0; i < CHILDREN; i++)
        for (int k = 0; k < 2; k++)
            if (s->player[i].show != NULL && s->player[i].child.pipe[k].fd >= 0) {
                owner[n] = &s->player[i];
                which[n] = k;
                fds[n++] = (struct pollfd){ .fd = s->player[i].child.pipe[k].fd, .events = POLLIN };
            }
    uint64_t now = now_ms();
    poll(fds, n, now < s->deadline ? (int)(s->deadline - now) : 0);
    for (nfds_t i = 1; i < n; i++)
        if (fds[i].revents != 0)
            child_read(&owner[i]->child, which[i], on_line, owner[i]);
    if (fds[0].revents != 0)
        read_signals(s);
}

static void show_loop(struct show *s)
{
    while (s->act != ACT_OVER) {
        wait_once(s);
        reap_all(s);
        show_advance(s);
        if (s->act != ACT_OVER && now_ms() >= s->deadline)
            show_fail(s, ERR_PEER, s->act <= ACT_CLASSIFY
                      ? "nothing moved within the time of --timeout; the demo was given up"
                      : "a party did not end in time after the label; the demo was given up");
    }
}

/* Whoever is left ends by force: keys and shares of a demo are nobody's loss. */
static void show_end(struct show *s)
{
    drag_end(&s->drag);
    for (unsigned i = 0; i < CHILDREN; i++)
        child_kill(&s->player[i].child, SIGKILL);
    for (unsigned i = 0; i < CHILDREN; i++) {
        struct child *c = &s->player[i].child;
        while (c->pid > 0 && !child_reap(c))
            poll(NULL, 0, 2);
        if (s->player[i].show != NULL)
            child_fini(c);
    }
}

static int network_begin(struct show *s)
{
    if (s->conf->network == NULL)
        return 0;
    s->wan = wan_open(s->conf->network, s->e);
    return s->wan != NULL ? 0 : s->e->code;
}

static int show_begin(struct show *s)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
    s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0)
        return err_set(s->e, ERR_FAILED, "signals cannot be watched: %s", strerror(errno));
    if (network_begin(s) != 0 || demo_folder_make(&s->folder, s->conf, s->wan, s->e) != 0)
        return s->e->code;
    for (unsigned i = 0; i < s->conf->proto->parties; i++)
        if (start_party(s, i) != 0)
            return s->e->code;
    demo_folder_close(&s->folder);
    if (s->conf->slowed != 0 && drag_start(&s->drag, s->player[s->conf->slowed - 1].child.pid,
                                           DEMO_SLOWED, s->e) != 0)
        return s->e->code;
    return start_bob(s);
}

static int join_traces(struct show *s)
{
    char path[LINK_PARTIES][DEMO_PATH + 32];
    const char *parts[LINK_PARTIES];
    for (unsigned i = 0; i < s->conf->proto->parties; i++) {
        snprintf(path[i], sizeof path[i], "%s/trace%u.json", s->folder.path, i);
        parts[i] = path[i];
    }
    return trace_join(s->conf->trace, parts, s->conf->proto->parties, s->e);
}

int demo_real(const struct demo_conf *conf, struct outcome *o, struct err *e)
{
    struct show *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    s->conf = conf;
    s->o = o;
    s->e = e;
    s->signals = -1;
    s->visible = !conf->quiet && isatty(STDERR_FILENO);
    s->deadline = deadline(s);
    e->code = 0;
    o->proto = conf->proto;
    o->have_parties = 1;
    if (show_begin(s) == 0)
        show_loop(s);
    show_end(s);
    if (e->code == 0 && conf->trace != NULL)
        join_traces(s);
    demo_folder_close(&s->folder);
    demo_folder_remove(&s->folder);
    wan_close(s->wan);
    if (s->signals >= 0)
        close(s->signals);
    sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
    free(s);
    return e->code;
}
