/*
 * test_prepare.c: correlated randomness made beforehand, by the roles in the simulator: stored at
 * all parties, used by one classification each, and never again, whoever fails and whatever comes
 * of the folders meanwhile. Labels are judged by the twin, as in test_roles.c; so an item that did
 * not fit its counterpart would show.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roles_world.h"
#include "src/store.h"

enum { TWO = 2 };

static char base[64];
static struct store *store[TWO];
static const struct store_ops *ops_of[TWO];

/* ---- folders ---- */

static void folder_of(char path[static 256], unsigned i, const char *of)
{
    snprintf(path, 256, "%s/%s%u", base, of, i);
}

/* The files of a folder that end so; removed, or copied into another folder, if asked. */
static unsigned files(const char *dir, const char *end, const char *to, int gone)
{
    char from[600], path[600];
    unsigned n = 0;
    struct dirent *d;
    DIR *list = opendir(dir);
    while (list != NULL && (d = readdir(list)) != NULL) {
        size_t a = strlen(d->d_name), b = strlen(end);
        if (d->d_name[0] == '.' || a < b || strcmp(d->d_name + a - b, end) != 0)
            continue;
        n++;
        snprintf(from, sizeof from, "%s/%s", dir, d->d_name);
        if (to != NULL) {
            snprintf(path, sizeof path, "%s/%s", to, d->d_name);
            unlink(path);
            CHECK(link(from, path) == 0);
        }
        if (gone)
            unlink(from);
    }
    if (list != NULL)
        closedir(list);
    return n;
}

static unsigned items_of(unsigned i)
{
    char path[256];
    folder_of(path, i, "party");
    return files(path, ".item", NULL, 0);
}

/* Puts what party i's folder holds aside, or back as it was then. */
static void backup(unsigned i, int back)
{
    char path[256], safe[256];
    folder_of(path, i, "party");
    folder_of(safe, i, "safe");
    mkdir(safe, 0700);
    files(back ? path : safe, "", NULL, 1);
    files(back ? safe : path, "", back ? path : safe, 0);
}

/* ---- a world of two ---- */

static void with_store(unsigned i, struct party_conf *c)
{
    c->store = store[i];
    memset(c->identity, 7, sizeof c->identity);
}

static void stores_open(void)
{
    char path[256];
    struct err e = { 0 };
    for (unsigned i = 0; i < TWO; i++) {
        folder_of(path, i, "party");
        files(path, "", NULL, 1);
        store[i] = store_open(path, (const uint8_t *)"secret 0" + i, 7, ops_of[i], &e);
        if (store[i] == NULL) {
            fprintf(stderr, "%s\n", e.text);
            exit(1);
        }
    }
}

static struct world *begin(uint64_t seed)
{
    struct sim_options o = { .seed = seed, .latency_ns = W_MS };
    stores_open();
    struct world *w = w_new_of(&protocol_semi2k, &o, with_store);
    w_provide(w);
    return w;
}

static void end(struct world *w)
{
    CHECK(w_idle(w));
    w_free(w);
    for (unsigned i = 0; i < TWO; i++) {
        char path[256];
        folder_of(path, i, "party");
        CHECK_EQ(files(path, ".new", NULL, 0), 0);
        store_close(store[i]);
        files(path, "", NULL, 1);
    }
}

static void settle(struct world *w)
{
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
}

/* ---- Bob ---- */

struct preparer {
    struct w_client *c;
    struct prepare *prepare;
    struct prepare_result result;
    unsigned progress;
};

static void on_done(void *ctx, const struct err *e, const struct prepare_result *r)
{
    struct preparer *o = ctx;
    o->c->done++;
    o->c->err = *e;
    o->result = *r;
}

static void on_progress(void *ctx, unsigned items, double part)
{
    struct preparer *o = ctx;
    CHECK(part >= 0 && part < 1 && items < 64);
    o->progress++;
}

static void owner_start(struct preparer *o, struct world *w, const char *name, uint32_t frames,
                        unsigned count)
{
    struct err e = { 0 };
    struct prepare_conf conf = { .proto = w->proto, .model_name = "default", .frames = frames,
                                 .count = count, .timeout = 20, .ctx = o, .done = on_done,
                                 .progress = on_progress };
    *o = (struct preparer){ .c = w_client(w, name) };
    o->prepare = prepare_new(o->c->host, &conf, &e);
    CHECK(o->prepare != NULL);
}

static void owner_end(struct preparer *o)
{
    CHECK_EQ(o->c->done, 1);
    w_leave(o->c);
    settle(o->c->w);
    prepare_free(o->prepare);
}

static void prepare_items(struct world *w, unsigned count)
{
    struct preparer o;
    owner_start(&o, w, "bob", W_FRAMES, count);
    settle(w);
    CHECK_EQ(o.c->err.code, 0);
    if (o.c->err.code != 0)
        fprintf(stderr, "prepare: %s\n", o.c->err.text);
    CHECK_EQ(o.result.items, count);
    CHECK_EQ(o.result.selected, W_SELECTED);
    CHECK(o.result.stored[0] > 0 && o.result.stored[0] == o.result.stored[1]);
    CHECK(o.progress > 0);
    owner_end(&o);
}

/* A classification whose deals should come from there. */
static void classify(struct world *w, enum material material, int reveal)
{
    struct alice_conf conf = w_alice_conf();
    conf.reveal_scores = reveal;
    struct w_client *c = w_alice_with(w, conf);
    settle(w);
    w_judge(c);
    uint32_t rounds = 0;
    for (unsigned i = 0; i < TWO; i++) {
        const struct job_report *r = &w->party[i].report[w->party[i].reports - 1];
        uint64_t sent = r->stats.sent[1 - i];
        CHECK_EQ(r->code, 0);
        CHECK_EQ(r->material, material);
        CHECK_EQ(sent, r->planned_bytes);
        rounds = r->stats.rounds > rounds ? r->stats.rounds : rounds;
        CHECK(material == MATERIAL_STORED ? r->stats.dealt == 0
                                          : r->stats.dealt > 0 && r->stats.dealt < sent);
        if (i == 1)
            CHECK_EQ(rounds, r->planned_rounds);
    }
    CHECK(w_idle(w));
    w_leave(c);
}

/* ---- when nobody fails ---- */

static void items_are_used_once(void)
{
    struct world *w = begin(1);
    classify(w, MATERIAL_MADE, 1);
    prepare_items(w, 3);
    CHECK(items_of(0) == 3 && items_of(1) == 3);
    for (unsigned i = 0; i < TWO; i++) {
        const struct job_report *r = &w->party[i].report[1];
        CHECK(r->prepare && r->code == 0 && r->stored_bytes > 0);
        CHECK_EQ(r->stats.sent[1 - i], r->planned_bytes);
        CHECK_EQ(r->stats.sent[1 - i], r->stats.dealt);
        CHECK_EQ(r->stats.dealt, w->party[i].report[0].stats.dealt);
    }
    classify(w, MATERIAL_STORED, 1);
    classify(w, MATERIAL_STORED, 0);        /* the same deals serve both */
    CHECK(items_of(0) == 1 && items_of(1) == 1);
    classify(w, MATERIAL_STORED, 1);
    CHECK(items_of(0) == 0 && items_of(1) == 0);
    classify(w, MATERIAL_MADE, 1);
    prepare_items(w, 1);
    classify(w, MATERIAL_STORED, 1);
    end(w);
}

/* Other clip lengths have items of their own. */
static void kinds_of_clips(void)
{
    struct world *w = begin(2);
    struct preparer o;
    owner_start(&o, w, "bob", 5, 1);
    settle(w);
    CHECK_EQ(o.c->err.code, 0);
    CHECK_EQ(o.result.selected, 3);
    owner_end(&o);
    classify(w, MATERIAL_MADE, 1);
    CHECK_EQ(items_of(0), 1);
    end(w);
}

static void side_by_side(void)
{
    struct world *w = begin(3);
    prepare_items(w, 2);
    struct w_client *c[2] = { w_alice(w), w_alice(w) };
    settle(w);
    w_judge(c[0]);
    w_judge(c[1]);
    unsigned stored = 0;
    for (unsigned k = 2; k < 4; k++) {
        CHECK_EQ(w->party[0].report[k].material == MATERIAL_STORED,
                 w->party[1].report[k].material == MATERIAL_STORED);
        stored += w->party[0].report[k].material == MATERIAL_STORED;
    }
    CHECK(stored >= 1);
    CHECK_EQ(items_of(0), 2 - stored);
    classify(w, stored == 1 ? MATERIAL_STORED : MATERIAL_MADE, 1);
    end(w);
}

static void refused(struct world *w, const char *name, uint32_t frames, int code, const char *text)
{
    struct preparer o;
    owner_start(&o, w, name, frames, 1);
    settle(w);
    CHECK_EQ(o.c->err.code, code);
    CHECK(strstr(o.c->err.text, text) != NULL);
    if (strstr(o.c->err.text, text) == NULL)
        fprintf(stderr, "expected \"%s\", got \"%s\"\n", text, o.c->err.text);
    CHECK_EQ(o.result.items, 0);
    owner_end(&o);
}

static void refusals(void)
{
    struct world *w = begin(4);
    refused(w, "mallory", W_FRAMES, ERR_USAGE, "only its owner prepares");
    refused(w, "bob", 0, ERR_INPUT, "serves clips of 2 lengths");
    refused(w, "bob", 9, ERR_INPUT, "no frame selection for clips of 9 frames");
    struct preparer a, b;
    owner_start(&a, w, "bob", W_FRAMES, 1);
    owner_start(&b, w, "bob", W_FRAMES, 1);
    settle(w);
    CHECK(a.c->err.code == 0 || b.c->err.code == 0);
    CHECK(strstr(a.c->err.code == 0 ? b.c->err.text : a.c->err.text, "preparing already") != NULL);
    owner_end(&a);
    owner_end(&b);
    end(w);
    struct sim_options o = { .seed = 5, .latency_ns = W_MS };
    w = w_new_of(&protocol_semi2k, &o, NULL);
    w_provide(w);
    refused(w, "bob", W_FRAMES, ERR_USAGE, "keeps no material");
    w_free(w);
    w = w_new(&o, NULL);
    w_provide(w);
    refused(w, "bob", W_FRAMES, ERR_USAGE, "makes nothing beforehand");
    w_free(w);
}

/* ---- folders that are not what they were ---- */

static void one_folder_goes_back(void)
{
    struct world *w = begin(6);
    prepare_items(w, 3);
    backup(1, 0);
    classify(w, MATERIAL_STORED, 1);        /* item 1 */
    backup(1, 1);
    CHECK(items_of(0) == 2 && items_of(1) == 3);
    classify(w, MATERIAL_MADE, 1);          /* party 1 would use item 1 again */
    CHECK(items_of(0) == 2 && items_of(1) == 2);
    classify(w, MATERIAL_STORED, 1);
    backup(1, 1);
    classify(w, MATERIAL_MADE, 1);
    classify(w, MATERIAL_STORED, 1);        /* item 3 */
    classify(w, MATERIAL_MADE, 1);
    end(w);
}

/* Changes the first item of party i in the middle, or cuts it. */
static void spoil(unsigned i, int cut)
{
    char path[256], item[600] = "", other[600];
    struct dirent *d;
    folder_of(path, i, "party");
    DIR *list = opendir(path);
    while ((d = readdir(list)) != NULL)
        if (strstr(d->d_name, ".item") != NULL) {
            snprintf(other, sizeof other, "%s/%s", path, d->d_name);
            if (item[0] == '\0' || strcmp(other, item) < 0)
                memcpy(item, other, sizeof item);
        }
    closedir(list);
    int fd = open(item, O_RDWR);
    uint8_t byte = 0;
    CHECK(fd >= 0 && pread(fd, &byte, 1, 5000) == 1);
    byte ^= 1;
    CHECK(cut ? ftruncate(fd, 5000) == 0 : pwrite(fd, &byte, 1, 5000) == 1);
    close(fd);
}

static void spoilt_items_are_passed_over(void)
{
    for (int cut = 0; cut < 2; cut++) {
        struct world *w = begin(7);
        prepare_items(w, 2);
        spoil((unsigned)cut, cut);
        classify(w, MATERIAL_MADE, 1);      /* here it is refused, there it is whole */
        classify(w, MATERIAL_MADE, 1);      /* 2 here, 1 there */
        classify(w, MATERIAL_STORED, 1);
        classify(w, MATERIAL_MADE, 1);
        end(w);
    }
}

static void a_new_upload(void)
{
    struct world *w = begin(8);
    prepare_items(w, 2);
    w_provide(w);
    settle(w);
    CHECK(items_of(0) == 0 && items_of(1) == 0);
    classify(w, MATERIAL_MADE, 1);
    prepare_items(w, 1);
    classify(w, MATERIAL_STORED, 1);
    end(w);
}

/* A party that lost what it had stored, with the items of its peer and its cursor. */
static void one_folder_is_empty(void)
{
    char path[256];
    struct world *w = begin(9);
    prepare_items(w, 2);
    folder_of(path, 0, "party");
    files(path, ".item", NULL, 1);
    classify(w, MATERIAL_MADE, 1);
    prepare_items(w, 1);                    /* 3 here and there: 1 is not given twice */
    classify(w, MATERIAL_MADE, 1);          /* 3 here, 1 there */
    classify(w, MATERIAL_STORED, 1);
    end(w);
}

/* ---- failures ---- */

static int left;

static ssize_t full_write(int fd, const void *p, size_t n)
{
    if (left-- > 0)
        return write(fd, p, n);
    errno = ENOSPC;
    return -1;
}

static int plain_create(int dir, const char *name)
{
    return openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int plain_link(int dir, const char *from, const char *to)
{
    return linkat(dir, from, dir, to, 0);
}

static int plain_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int plain_unlink(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

static const struct store_ops full = { plain_create, full_write, fsync, plain_link, plain_rename,
                                       plain_unlink };

/* One disk is full while items are made, then while one is about to be used. */
static void full_disks(void)
{
    struct preparer o;
    ops_of[1] = &full;
    left = 1 << 20;
    struct world *w = begin(10);
    prepare_items(w, 1);
    left = 1;
    owner_start(&o, w, "bob", W_FRAMES, 1);
    settle(w);
    CHECK_EQ(o.c->err.code, ERR_FAILED);
    CHECK(strstr(o.c->err.text, "party 1 gave up") != NULL);
    CHECK(strstr(o.c->err.text, "No space left") != NULL);
    owner_end(&o);
    CHECK(w_idle(w));
    CHECK_EQ(items_of(1), 1);
    left = 0;
    struct w_client *c = w_alice(w);        /* the cursor cannot move: the item is not used */
    settle(w);
    CHECK_EQ(c->done, 1);
    CHECK_EQ(c->err.code, ERR_FAILED);
    CHECK(strstr(c->err.text, "No space left") != NULL);
    w_leave(c);
    settle(w);
    left = 1 << 20;
    unsigned stored = 0;
    for (int k = 0; k < 4; k++) {           /* and life goes on, in step after a while */
        c = w_alice(w);
        settle(w);
        w_judge(c);
        w_leave(c);
        const struct job_report *a = &w->party[0].report[w->party[0].reports - 1];
        const struct job_report *b = &w->party[1].report[w->party[1].reports - 1];
        CHECK_EQ(a->material, b->material);
        stored += a->material == MATERIAL_STORED;
    }
    CHECK_EQ(stored, 0);                    /* party 0 had moved past 1, and has 2 alone */
    prepare_items(w, 1);
    classify(w, MATERIAL_MADE, 1);
    classify(w, MATERIAL_STORED, 1);
    end(w);
    ops_of[1] = NULL;
}

/* A party dies at some moment of preparing, of a classification with an item, or Bob leaves. */
static void deaths(void)
{
    unsigned seen[2] = { 0 };
    for (uint64_t seed = 20; seed < 38; seed++) {
        struct world *w = begin(seed);
        struct preparer o;
        prepare_items(w, 1);
        uint64_t when = sim_now(w->sim) + seed * 7919 % 25 * W_MS;
        unsigned what = (unsigned)seed % 3;
        owner_start(&o, w, "bob", W_FRAMES, 3);
        struct w_client *c = what == 0 ? w_alice(w) : NULL;
        sim_crash(w->sim, what == 2 ? o.c->node : 1, when);
        sim_run(w->sim, sim_now(w->sim) + 90 * W_S, 70 * W_S);     /* timeouts, too */
        CHECK_EQ(o.c->done, what != 2);
        if (c != NULL && c->err.code == 0)
            w_judge(c);
        seen[o.result.items < 3]++;
        if (what == 2) {
            CHECK(w_idle(w));
            prepare_free(o.prepare);
            classify(w, MATERIAL_STORED, 1);
        } else {
            CHECK(party_idle(w->party[0].party));
            owner_end(&o);
        }
        w_free(w);
        for (unsigned i = 0; i < TWO; i++)
            store_close(store[i]);
    }
    CHECK(seen[1] > 8);
}

/* After a new start nothing of before is left. */
static void a_new_start(void)
{
    struct world *w = begin(11);
    prepare_items(w, 2);
    CHECK_EQ(items_of(1), 2);
    w_free(w);
    struct sim_options o = { .seed = 12, .latency_ns = W_MS };
    w = w_new_of(&protocol_semi2k, &o, with_store);
    CHECK(items_of(0) == 0 && items_of(1) == 0);
    w_provide(w);
    classify(w, MATERIAL_MADE, 1);
    end(w);
}

static int taken;

static void on_taken(void *ctx)
{
    struct w_client *c = ctx;
    taken = 1;
    sim_stop(c->w->sim);
}

/* The daemons end while a job runs on a model that still arrives: freeing a party takes its host,
 * with the workers, to be gone. */
static void ends_while_a_model_arrives(void)
{
    struct sim_options o = { .seed = 77, .latency_ns = 50 * W_MS };
    o.bits_out[LINK_CLIENT] = 8 * 400;
    o.bits_out[0] = o.bits_out[1] = 200000;
    stores_open();
    struct world *w = w_new_of(&protocol_semi2k, &o, with_store);
    struct bob_conf conf = w_bob_conf(w);
    conf.taken = on_taken;
    conf.timeout = 20;
    taken = 0;
    w_bob_with(w, &conf);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK(taken);
    w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + W_S, W_S);
    for (unsigned i = 0; i < TWO; i++)
        CHECK_EQ(party_jobs(w->party[i].party), 1);
    w_free(w);
    for (unsigned i = 0; i < TWO; i++)
        store_close(store[i]);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[256];
    snprintf(base, sizeof base, "%.30s/ob-prepare-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    mkdir(base, 0700);
    log_configure("error");
    CASE(items_are_used_once);
    CASE(ends_while_a_model_arrives);
    CASE(kinds_of_clips);
    CASE(side_by_side);
    CASE(refusals);
    CASE(one_folder_goes_back);
    CASE(spoilt_items_are_passed_over);
    CASE(a_new_upload);
    CASE(one_folder_is_empty);
    CASE(full_disks);
    CASE(deaths);
    CASE(a_new_start);
    for (unsigned i = 0; i < 2 * TWO; i++) {
        folder_of(path, i / 2, i % 2 ? "safe" : "party");
        files(path, "", NULL, 1);
        rmdir(path);
    }
    rmdir(base);
    return check_done();
}
