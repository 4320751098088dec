/*
 * test_store.c: the store of correlated randomness: what goes in comes out, once; a process that
 * ends between any two changes of the folder leaves an item whole and unused, or passed over; and
 * what is not as it was written is refused with a line that says so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "net/base_bytes.h"
#include "src/store.h"

/* What a file looks like, as store.h and the documents say: magic, upload, plan, serial, tag,
 * length, salt; then chunks of 1 MiB, each with 16 bytes behind it. */
enum { HEADER = 136, CHUNK = 1 << 20, TAG = 16, ITEM = 2 * CHUNK + 1000, FILE_MOST = ITEM + 4096 };

static const uint8_t secret[] = "the secret of party 0";
static const struct store_kind kind = { .model = { 1, 2, 3 }, .plan = { 4, 5, 6 } };
static char folder[64];
static uint8_t out[ITEM];

/* ---- operations that break off ---- */

enum { KILL = 99, FOREVER = 1 << 20 };

static int left = FOREVER;          /* changes of the folder until the end */
static int refuse;                  /* at the end the disk is full; else the process is gone */

/* 1: this one does not happen. */
static int last(void)
{
    if (left-- > 0)
        return 0;
    if (!refuse)
        _exit(KILL);
    errno = ENOSPC;
    return 1;
}

static int op_create(int dir, const char *name)
{
    return last() ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* The last one is torn: half of it is written. */
static ssize_t op_write(int fd, const void *p, size_t n)
{
    if (left == 0 && write(fd, p, n / 2) < 0)
        return -1;
    return last() ? -1 : write(fd, p, n);
}

static int op_sync(int fd)
{
    return last() ? -1 : fsync(fd);
}

static int op_link(int dir, const char *from, const char *to)
{
    return last() ? -1 : linkat(dir, from, dir, to, 0);
}

static int op_rename(int dir, const char *from, const char *to)
{
    return last() ? -1 : renameat(dir, from, dir, to);
}

static int op_unlink(int dir, const char *name)
{
    return last() ? -1 : unlinkat(dir, name, 0);
}

static const struct store_ops breaking = { op_create, op_write, op_sync, op_link, op_rename,
                                           op_unlink };

/* ---- folders and items ---- */

static void clear_folder(void)
{
    char path[400];
    struct dirent *d;
    DIR *dir = opendir(folder);
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        unlink(path);
    }
    if (dir != NULL)
        closedir(dir);
    left = FOREVER;
    refuse = 0;
}

static struct store *open_store(const struct store_ops *ops)
{
    struct err e = { 0 };
    struct store *s = store_open(folder, secret, sizeof secret, ops, &e);
    if (s == NULL) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    return s;
}

static uint8_t item_byte(uint64_t serial, size_t i)
{
    return (uint8_t)(serial * 31 + i * 7 + i / 251);
}

static struct store_mark mark_of(uint64_t serial)
{
    struct store_mark m = { .serial = serial };
    memset(m.tag, (int)(0x40 + serial), sizeof m.tag);
    return m;
}

/* Writes an item in pieces of odd sizes. */
static int put(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e)
{
    static uint8_t in[ITEM];
    struct store_mark m = mark_of(serial);
    for (size_t i = 0; i < ITEM; i++)
        in[i] = item_byte(serial, i);
    struct store_file *f = store_create(s, k, &m, ITEM, e);
    for (size_t at = 0, n = 777; f != NULL && at < ITEM; at += n, n = n * 3 + 1) {
        n = n < ITEM - at ? n : ITEM - at;
        if (store_write(f, in + at, n, e) != 0) {
            store_drop(f);
            return e->code;
        }
    }
    return f == NULL ? e->code : store_commit(f, e);
}

/* Reads an item; 0 when all of it came out right. */
static int get(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e)
{
    struct store_mark m = { .serial = serial }, should = mark_of(serial);
    struct store_file *f = store_load(s, k, &m, ITEM, e);
    memset(out, 0, sizeof out);
    int code = f == NULL || store_read(f, out, CHUNK, e) != 0 ||
               store_read(f, out + CHUNK, ITEM - CHUNK, e) != 0 ? e->code : 0;
    store_drop(f);
    for (size_t i = 0; i < ITEM && code == 0; i++)
        code = out[i] == item_byte(serial, i) ? 0 : -1;
    return code == 0 && memcmp(m.tag, should.tag, sizeof m.tag) != 0 ? -1 : code;
}

static uint64_t next_of(struct store *s)
{
    uint64_t serial = 77;
    struct err e = { 0 };
    CHECK_EQ(store_next(s, &kind, &serial, &e), 0);
    return serial;
}

static uint64_t fresh_of(struct store *s)
{
    uint64_t serial = 77;
    struct err e = { 0 };
    CHECK_EQ(store_fresh(s, &kind, &serial, &e), 0);
    return serial;
}

/* ---- what a store does ---- */

static void in_and_out(void)
{
    struct err e = { 0 };
    clear_folder();
    struct store *s = open_store(NULL);
    CHECK(next_of(s) == 0 && fresh_of(s) == 1);
    for (uint64_t i = 1; i <= 3; i++)
        CHECK_EQ(put(s, &kind, i, &e), 0);
    CHECK(next_of(s) == 1 && fresh_of(s) == 4);
    CHECK_EQ(get(s, &kind, 1, &e), 0);
    CHECK_EQ(store_use(s, &kind, 1, &e), 0);
    CHECK_EQ(next_of(s), 2);
    store_close(s);
    s = open_store(NULL);
    CHECK(next_of(s) == 2 && fresh_of(s) == 4);
    CHECK_EQ(get(s, &kind, 3, &e), 0);
    CHECK_EQ(store_skip(s, &kind, 3, &e), 0);
    CHECK_EQ(store_skip(s, &kind, 2, &e), 0);       /* never back */
    CHECK_EQ(next_of(s), 3);
    CHECK_EQ(store_use(s, &kind, 3, &e), 0);
    CHECK(next_of(s) == 0 && fresh_of(s) == 4);
    store_close(s);
}

static void used_once(void)
{
    struct err e = { 0 };
    clear_folder();
    struct store *s = open_store(NULL);
    CHECK_EQ(put(s, &kind, 1, &e), 0);
    CHECK_EQ(store_use(s, &kind, 1, &e), 0);
    CHECK_EQ(store_use(s, &kind, 1, &e), ERR_FAILED);
    CHECK(strstr(e.text, "used or passed over") != NULL);
    CHECK_EQ(get(s, &kind, 1, &e), ERR_FAILED);     /* deleted */
    CHECK_EQ(put(s, &kind, 1, &e), ERR_FAILED);     /* and its number refused */
    CHECK(strstr(e.text, "such an item before") != NULL);
    CHECK_EQ(put(s, &kind, 2, &e), 0);
    CHECK_EQ(put(s, &kind, 2, &e), ERR_FAILED);     /* nothing is overwritten */
    CHECK_EQ(get(s, &kind, 2, &e), 0);
    store_close(s);
}

static void kinds_apart(void)
{
    struct err e = { 0 };
    struct store_kind other = kind;
    unsigned items = 0;
    uint64_t serial = 0;
    other.plan[0]++;
    clear_folder();
    struct store *s = open_store(NULL);
    CHECK_EQ(put(s, &kind, 1, &e), 0);
    CHECK_EQ(put(s, &kind, 2, &e), 0);
    CHECK_EQ(put(s, &other, 1, &e), 0);
    CHECK_EQ(store_use(s, &other, 1, &e), 0);
    CHECK_EQ(next_of(s), 1);
    struct store_kind model = kind;
    model.model[7]++;
    CHECK_EQ(put(s, &model, 1, &e), 0);
    CHECK_EQ(store_forget(s, kind.model, &items, &e), 0);
    CHECK_EQ(items, 2);
    CHECK_EQ(next_of(s), 0);
    CHECK_EQ(store_next(s, &model, &serial, &e), 0);
    CHECK_EQ(serial, 1);
    CHECK_EQ(store_forget(s, NULL, &items, &e), 0);
    CHECK_EQ(items, 1);
    store_close(s);
}

static void one_process(void)
{
    struct err e = { 0 };
    clear_folder();
    struct store *s = open_store(NULL);
    CHECK(store_open(folder, secret, sizeof secret, NULL, &e) == NULL);
    CHECK_EQ(e.code, ERR_USAGE);
    CHECK(strstr(e.text, "another party is using") != NULL);
    store_close(s);
    s = open_store(NULL);
    CHECK(s != NULL);
    store_close(s);
    CHECK(store_open("/nowhere/at/all", secret, sizeof secret, NULL, &e) == NULL);
    CHECK_EQ(e.code, ERR_USAGE);
}

/* ---- crashes ---- */

/* A party's day: makes two items, uses the first, passes the second over, makes a third. What has
 * certainly happened is told before anything else happens. */
static void day(int tell)
{
    struct err e = { 0 };
    struct store *s = store_open(folder, secret, sizeof secret, &breaking, &e);
    if (s == NULL || put(s, &kind, 1, &e) != 0 || write(tell, "a", 1) != 1 ||
        put(s, &kind, 2, &e) != 0 || write(tell, "b", 1) != 1 ||
        get(s, &kind, 1, &e) != 0 || store_use(s, &kind, 1, &e) != 0 || write(tell, "c", 1) != 1 ||
        store_skip(s, &kind, 3, &e) != 0 || write(tell, "d", 1) != 1 ||
        put(s, &kind, 3, &e) != 0 || write(tell, "e", 1) != 1)
        _exit(1);
    _exit(0);
}

/* Runs a day that ends before change k; gives the exit status, and what was told. */
static int broken_day(int k, char told[static 8])
{
    int tube[2], status;
    memset(told, 0, 8);
    if (pipe(tube) != 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        left = k;
        day(tube[1]);
    }
    close(tube[1]);
    waitpid(pid, &status, 0);
    if (read(tube[0], told, 7) < 0)
        told[0] = '?';
    close(tube[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What must hold of what a broken day left. */
static void judge_day(const char *told)
{
    struct err e = { 0 };
    size_t done = strlen(told);
    struct store *s = open_store(NULL);
    uint64_t next = next_of(s), fresh = fresh_of(s);
    if (done >= 1 && done < 2)
        CHECK_EQ(next, 1);
    if (done >= 3)                              /* item 1 was computed with */
        CHECK(next != 1 && store_use(s, &kind, 1, &e) != 0);
    if (done >= 4)
        CHECK(next != 2 && store_use(s, &kind, 2, &e) != 0);
    if (done == 5)
        CHECK_EQ(next, 3);
    if (next > 0) {                             /* whole, and good for one use */
        CHECK_EQ(get(s, &kind, next, &e), 0);
        CHECK_EQ(store_use(s, &kind, next, &e), 0);
        CHECK(store_use(s, &kind, next, &e) != 0);
    }
    CHECK(fresh > next && fresh >= (done >= 3 ? 2 : 1));
    CHECK_EQ(put(s, &kind, fresh, &e), 0);      /* and life goes on */
    CHECK(next_of(s) > next);
    store_close(s);
}

static void killed_at_every_step(void)
{
    char told[8];
    int k = 0, status, seen = 0;
    do {
        clear_folder();
        status = broken_day(k, told);
        CHECK(status == KILL || status == 0);
        judge_day(told);
        seen |= 1 << strlen(told);
    } while (status == KILL && ++k < 200 && check_bad == 0);
    printf("# %d steps\n", k);
    CHECK(k > 30);
    CHECK_EQ(seen, 63);                         /* broken off between any two of the five marks */
}

/* The disk is full, or syncing fails, at every step: an error each time, and nothing worse. */
static void refused_at_every_step(void)
{
    struct err e = { 0 };
    int k = 0, failed = 1;
    for (; failed && k < 200; k++) {
        clear_folder();
        struct store *s = open_store(&breaking);
        refuse = 1;
        left = k;
        e = (struct err){ 0 };
        int made = put(s, &kind, 1, &e) == 0, used = made && store_use(s, &kind, 1, &e) == 0;
        failed = !used;
        CHECK(used || (e.code == ERR_FAILED && strstr(e.text, "No space left") != NULL));
        left = FOREVER;
        store_close(s);
        s = open_store(NULL);
        uint64_t next = next_of(s);
        CHECK(next == 0 || (next == 1 && get(s, &kind, 1, &e) == 0));
        CHECK(!used || next == 0);
        store_close(s);
    }
    CHECK(k > 10 && k < 200);
}

/* ---- what is not as it was written ---- */

static uint8_t image[FILE_MOST];
static size_t image_bytes;

static void path_of(char path[static 256], uint64_t serial, const struct store_kind *k)
{
    size_t n = (size_t)snprintf(path, 256, "%s/", folder);
    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(path + n, 256 - n, "%s%02x", i == 8 ? "-" : "",
                              i < 8 ? k->model[i] : k->plan[i - 8]);
    if (serial == 0)
        snprintf(path + n, 256 - n, ".next");
    else
        snprintf(path + n, 256 - n, "-%010" PRIu64 ".item", serial);
}

static void write_file(const char *path, const uint8_t *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

static size_t read_file(const char *path, uint8_t *p, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(p, 1, room, f) : 0;
    CHECK(f != NULL && fclose(f) == 0);
    return n;
}

/* Item 1 is the image now; is it refused, with these words? */
static void refused_as(struct store *s, const uint8_t *p, size_t n, const char *words)
{
    char path[256];
    struct err e = { 0 };
    path_of(path, 1, &kind);
    write_file(path, p, n);
    int code = get(s, &kind, 1, &e);
    CHECK_EQ(code, ERR_FAILED);
    CHECK(strstr(e.text, words) != NULL && strchr(e.text, '\n') == NULL);
    if (check_bad > 0)
        fprintf(stderr, "%zu bytes: %d, \"%s\", expected \"%s\"\n", n, code, e.text, words);
}

static struct store *tamper_begin(void)
{
    char path[256];
    struct err e = { 0 };
    clear_folder();
    struct store *s = open_store(NULL);
    CHECK_EQ(put(s, &kind, 1, &e), 0);
    path_of(path, 1, &kind);
    image_bytes = read_file(path, image, sizeof image);
    CHECK_EQ(image_bytes, HEADER + ITEM + 3 * TAG);
    return s;
}

static void altered(void)
{
    static const struct { size_t at; const char *words; } spots[] = {
        { 0, "no item" }, { 7, "no item" },                         /* magic */
        { 8, "another model" }, { 39, "another model" },            /* upload */
        { 40, "another model" }, { 71, "another model" },           /* plan */
        { 72, "under this one's name" }, { 79, "under this one's name" },
        { 80, "altered" }, { 95, "altered" },                       /* tag of the run */
        { 96, "cut short" }, { 103, "cut short" },                  /* length */
        { 104, "altered" }, { 135, "altered" },                     /* salt */
        { HEADER, "altered" }, { HEADER + CHUNK - 1, "altered" },   /* first chunk and its tag */
        { HEADER + CHUNK, "altered" }, { HEADER + CHUNK + TAG - 1, "altered" },
        { HEADER + CHUNK + TAG, "altered" }, { HEADER + 2 * CHUNK + TAG + 5, "altered" },
        { HEADER + 2 * (CHUNK + TAG), "altered" },                  /* last chunk and its tag */
        { HEADER + ITEM + 2 * TAG, "altered" }, { HEADER + ITEM + 3 * TAG - 1, "altered" },
    };
    struct err e = { 0 };
    struct store *s = tamper_begin();
    for (size_t i = 0; i < sizeof spots / sizeof spots[0]; i++)
        for (unsigned bit = 0; bit < 8; bit += 7) {
            image[spots[i].at] ^= (uint8_t)(1u << bit);
            refused_as(s, image, image_bytes, spots[i].words);
            image[spots[i].at] ^= (uint8_t)(1u << bit);
        }
    char path[256];
    path_of(path, 1, &kind);
    write_file(path, image, image_bytes);
    CHECK_EQ(get(s, &kind, 1, &e), 0);          /* the control: as it was */
    store_close(s);
}

static void cut_and_extended(void)
{
    static const size_t lengths[] = { 0, 1, 7, 8, HEADER - 1, HEADER, HEADER + 1, HEADER + CHUNK,
                                      HEADER + CHUNK + TAG, HEADER + 2 * (CHUNK + TAG),
                                      HEADER + ITEM + 3 * TAG - 1, HEADER + ITEM + 3 * TAG + 1 };
    struct store *s = tamper_begin();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        refused_as(s, image, lengths[i], lengths[i] < HEADER ? "no item" : "cut short");
    store_close(s);
}

static void reordered(void)
{
    static uint8_t swap[CHUNK + TAG], other[FILE_MOST];
    char path[256];
    struct err e = { 0 };
    struct store *s = tamper_begin();
    uint8_t *a = image + HEADER, *b = a + CHUNK + TAG;
    memcpy(swap, a, sizeof swap);
    memcpy(a, b, sizeof swap);
    memcpy(b, swap, sizeof swap);
    refused_as(s, image, image_bytes, "altered");
    memcpy(a, b, sizeof swap);
    refused_as(s, image, image_bytes, "altered");       /* the second chunk twice */
    memcpy(a, swap, sizeof swap);
    CHECK_EQ(put(s, &kind, 2, &e), 0);
    path_of(path, 2, &kind);
    CHECK_EQ(read_file(path, other, sizeof other), image_bytes);
    refused_as(s, other, image_bytes, "under this one's name");
    memcpy(other + 72, image + 72, 24);                 /* with serial and tag made to fit */
    refused_as(s, other, image_bytes, "altered");
    memcpy(other, image, HEADER);                       /* chunks of 2 behind the header of 1 */
    refused_as(s, other, image_bytes, "altered");
    store_close(s);
}

static void of_another(void)
{
    char path[256];
    struct err e = { 0 };
    struct store_kind other = kind;
    other.plan[31]++;                                   /* the same name, another peer */
    struct store *s = tamper_begin();
    CHECK_EQ(get(s, &other, 1, &e), ERR_FAILED);
    CHECK(strstr(e.text, "another model, program or peer") != NULL);
    other = kind;
    other.model[0]++;                                   /* moved to another upload's name */
    path_of(path, 1, &other);
    write_file(path, image, image_bytes);
    CHECK_EQ(get(s, &other, 1, &e), ERR_FAILED);
    CHECK(strstr(e.text, "another model, program or peer") != NULL);
    store_close(s);
    s = store_open(folder, (const uint8_t *)"another party", 13, NULL, &e);     /* stolen */
    CHECK_EQ(get(s, &kind, 1, &e), ERR_FAILED);
    CHECK(strstr(e.text, "made with another key") != NULL);
    store_close(s);
}

static void cursors_altered(void)
{
    uint8_t bytes[64];
    char path[256];
    uint64_t serial;
    struct err e = { 0 };
    struct store *s = tamper_begin();
    CHECK_EQ(put(s, &kind, 2, &e), 0);
    CHECK_EQ(store_use(s, &kind, 1, &e), 0);
    path_of(path, 0, &kind);
    size_t n = read_file(path, bytes, sizeof bytes);
    CHECK_EQ(n, 40);
    for (size_t i = 0; i < n; i += 3) {
        bytes[i] ^= 1;
        write_file(path, bytes, n);
        CHECK_EQ(store_next(s, &kind, &serial, &e), ERR_FAILED);
        CHECK_EQ(store_use(s, &kind, 2, &e), ERR_FAILED);
        CHECK_EQ(put(s, &kind, 3, &e), ERR_FAILED);
        CHECK(strstr(e.text, "altered, or made with another key") != NULL);
        bytes[i] ^= 1;
    }
    write_file(path, bytes, n - 1);
    CHECK_EQ(store_next(s, &kind, &serial, &e), ERR_FAILED);
    write_file(path, bytes, n);
    CHECK_EQ(next_of(s), 2);                            /* the control */
    store_close(s);
}

/* The same item twice: nothing on the disk is alike, and nothing of the plain bytes is there. */
static void sealed(void)
{
    static uint8_t again[FILE_MOST];
    char path[256];
    struct err e = { 0 };
    struct store_kind other = kind;
    struct stat st;
    other.plan[0] ^= 0xff;
    struct store *s = tamper_begin();
    CHECK_EQ(put(s, &other, 1, &e), 0);
    path_of(path, 1, &other);
    CHECK_EQ(read_file(path, again, sizeof again), image_bytes);
    size_t same = 0, plain = 0;
    for (size_t i = 0; i < ITEM; i++) {
        same += image[HEADER + i] == again[HEADER + i];
        plain += image[HEADER + i] == item_byte(1, i);
    }
    CHECK(same > ITEM / 300 && same < ITEM / 220);      /* one in 256 by chance */
    CHECK(plain > ITEM / 300 && plain < ITEM / 220);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
    store_close(s);
}

int main(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/ob-store-%d", base != NULL ? base : "/tmp",
             (int)getpid());
    CASE(in_and_out);
    CASE(used_once);
    CASE(kinds_apart);
    CASE(one_process);
    CASE(killed_at_every_step);
    CASE(refused_at_every_step);
    CASE(altered);
    CASE(cut_and_extended);
    CASE(reordered);
    CASE(of_another);
    CASE(cursors_altered);
    CASE(sealed);
    clear_folder();
    rmdir(folder);
    return check_done();
}
