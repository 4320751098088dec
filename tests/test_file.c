/* Whole files, read by io_uring and by the pool, against fread; and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/file.h"
#include "tests/check.h"
#include "tests/node.h"
#include "tests/without_ring.h"

static int with_ring;
static char folder[64];
static struct loop *loop;
static struct pool *pool;
static struct ring *ring;
static struct files *files;
static unsigned open_reads;

static void set_up(void)
{
    struct err e = { 0 };
    loop = loop_new(&e);
    pool = pool_new(loop, 2, &e);
    ring = with_ring ? ring_new(loop, &e) : NULL;
    files = files_new(loop, pool, ring, &e);
    CHECK(files != NULL);
}

static void tear_down(void)
{
    files_free(files);
    ring_free(ring);
    pool_free(pool);
    loop_free(loop);
}

static void on_read(struct file_read *f)
{
    CHECK(f->impl == NULL);
    if (--open_reads == 0)
        loop_stop(loop);
}

static void start_read(struct file_read *f, const char *path, size_t limit)
{
    *f = (struct file_read){ .path = path, .limit = limit, .done = on_read };
    open_reads++;
    files_read(files, f);
}

static void wait_reads(void)
{
    struct err e = { 0 };
    if (open_reads > 0)
        CHECK_EQ(loop_run(loop, &e), 0);
}

static void make_file(char path[static 96], unsigned number, size_t n)
{
    uint64_t seed = 1000 + number;
    snprintf(path, 96, "%s/%u", folder, number);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; i < n; i++)
        putc((int)(check_random(&seed) & 0xff), f);
    fclose(f);
}

static int is_file(const struct file_read *f, unsigned number, size_t n)
{
    uint64_t seed = 1000 + number;
    if (f->err.code != 0 || f->n != n || f->data == NULL || f->data[n] != 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (f->data[i] != (uint8_t)check_random(&seed))
            return 0;
    return 1;
}

static void contents(void)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 100000, (1 << 20) - 1, 1 << 20,
                                    (1 << 20) + 1, 3333333 };
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    char path[COUNT][96];
    struct file_read f[COUNT];
    set_up();
    for (unsigned i = 0; i < COUNT; i++) {
        make_file(path[i], i, sizes[i]);
        start_read(&f[i], path[i], sizes[i]);   /* the limit is just met */
    }
    wait_reads();
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK(is_file(&f[i], i, sizes[i]));
        free(f[i].data);
        unlink(path[i]);
    }
    tear_down();
}

/* More reads at once than the ring has places. */
static void many(void)
{
    enum { COUNT = 300 };
    static struct file_read f[COUNT];
    char path[96];
    set_up();
    make_file(path, 7, 5000);
    for (unsigned i = 0; i < COUNT; i++)
        start_read(&f[i], path, 1 << 20);
    wait_reads();
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK(is_file(&f[i], 7, 5000));
        free(f[i].data);
    }
    unlink(path);
    tear_down();
}

static void refuse(const char *path, size_t limit, const char *word)
{
    struct file_read f;
    start_read(&f, path, limit);
    wait_reads();
    CHECK(f.err.code == ERR_INPUT && f.data == NULL && f.n == 0);
    CHECK(strstr(f.err.text, word) != NULL && strstr(f.err.text, path) != NULL);
    if (strstr(f.err.text, word) == NULL)
        fprintf(stderr, "\"%s\" is not in: %s\n", word, f.err.text);
}

static void refusals(void)
{
    char path[96], fifo[96];
    set_up();
    snprintf(path, sizeof path, "%s/none", folder);
    refuse(path, 100, "No such file");
    refuse(folder, 100, "directory");
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CHECK(mkfifo(fifo, 0600) == 0);
    refuse(fifo, 100, "FIFO");
    refuse("/dev/zero", 100, "special file");
    make_file(path, 3, 101);
    refuse(path, 100, "longer than the 100 bytes");
    /* A file whose length is not known beforehand. */
    refuse("/proc/self/status", 20, "longer than the 20 bytes");
    unlink(path);
    unlink(fifo);
    tear_down();
}

static void unknown_length(void)
{
    struct file_read f;
    set_up();
    start_read(&f, "/proc/self/status", 1 << 20);
    wait_reads();
    CHECK(f.err.code == 0 && f.n > 100 && strlen((char *)f.data) == f.n);
    CHECK(f.n > 100 && strncmp((char *)f.data, "Name:", 5) == 0);
    free(f.data);
    tear_down();
}

static void freed_while_reading(void)
{
    static struct file_read f[80];
    char path[96];
    set_up();
    make_file(path, 9, 2000000);
    for (unsigned i = 0; i < 80; i++)
        start_read(&f[i], path, 1 << 24);
    tear_down();
    CHECK_EQ(open_reads, 80);           /* `done` was not called */
    open_reads = 0;
    unlink(path);
}

static void no_memory(void)
{
    struct file_read f;
    char path[96];
    make_file(path, 1, 10);
    set_up();
    mem_fail_at(1);
    start_read(&f, path, 100);
    mem_fail_at(0);
    CHECK_EQ(open_reads, 1);            /* not from inside files_read */
    wait_reads();
    CHECK(f.err.code == ERR_FAILED && f.data == NULL);
    unlink(path);
    tear_down();
}

/* In a process that the kernel forbids io_uring, files are read all the same. */
static int read_without_ring(void)
{
    struct file_read f;
    set_up();
    CHECK(ring == NULL);
    start_read(&f, "/proc/self/status", 1 << 20);
    wait_reads();
    CHECK(f.err.code == 0 && f.n > 100);
    free(f.data);
    tear_down();
    return check_bad > 0;
}

static void forbidden_ring(void)
{
    without_ring(read_without_ring);
}

static void all_cases(void)
{
    CASE(contents);
    CASE(many);
    CASE(refusals);
    CASE(unknown_length);
    CASE(freed_while_reading);
    CASE(no_memory);
}

int main(void)
{
    node_folder(folder);
    all_cases();
    with_ring = 1;
    set_up();
    int there = ring != NULL;
    tear_down();
    if (there)
        all_cases();
    else
        check_skip("io_uring", "the kernel forbids io_uring here");
    CASE(forbidden_ring);
    rmdir(folder);
    return check_done();
}
