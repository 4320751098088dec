/* What the kernel says of this process's threads. */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "src/process.h"
#include "tests/check.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void spin(double seconds)
{
    double end = now() + seconds;
    while (now() < end)
        continue;
}

static pthread_barrier_t barrier;

static void *other(void *arg)
{
    pthread_barrier_wait(&barrier);
    spin(0.1);
    pthread_barrier_wait(&barrier);
    return arg;
}

/* Two threads on one processor: each stands in line while the other runs. Those that wait for
 * something else do not. */
static void starved(void)
{
    cpu_set_t all, one;
    pthread_t thread;
    struct starved s = { .n = 0 };
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, other, NULL);
    process_starved_begin(&s);
    CHECK(s.n >= 2);
    uint64_t before = process_starved_ns(&s);
    usleep(200000);
    uint64_t slept = process_starved_ns(&s) - before;
    pthread_barrier_wait(&barrier);
    spin(0.1);
    uint64_t spun = process_starved_ns(&s) - before - slept;
    pthread_barrier_wait(&barrier);
    printf("# in line for %.1f ms when asleep, for %.1f ms when two ran\n", (double)slept * 1e-6,
           (double)spun * 1e-6);
    CHECK(spun > 50000000);
    CHECK(slept < 50000000);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
    process_starved_end(&s);
    CHECK_EQ(s.n, 0);
    CHECK_EQ(process_starved_ns(&s), 0);
    CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void)
{
    if (access("/proc/self/schedstat", R_OK) != 0) {
        check_skip("starved", "this kernel does not tell");
        return check_done();
    }
    CASE(starved);
    return check_done();
}
