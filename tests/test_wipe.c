/* Memory that is wiped on workers. */
#include "src/party_st.h"
#include "tests/check.h"

static struct work *given;
static unsigned works;

static void take_work(struct host *h, struct work *w)
{
    (void)h;
    CHECK(given == NULL);
    given = w;
    works++;
}

static const struct host_ops ops = { .work = take_work };
static struct host host = { .ops = &ops };

/* One step of a worker; is there more? */
static int step(void)
{
    struct work *w = given;
    given = NULL;
    if (w != NULL) {
        w->run(w);
        w->done(w);
    }
    return given != NULL;
}

/* An arena's blocks: n of some 5 MB. */
static struct block *blocks(unsigned n)
{
    struct arena *a = arena_new(0);
    void *block;
    for (unsigned i = 0; i < n; i++) {
        CHECK((block = arena_take(a, 5 << 20)) != NULL);
        memset(block, 1, 5 << 20);
    }
    return arena_end(a);
}

/* 25 MB are three bites, after each of which other work has its turn. */
static void in_bites(void)
{
    struct party p = { .host = &host };
    works = 0;
    party_wipe(&p, blocks(5));
    CHECK(p.wiping != NULL);
    while (step())
        CHECK(p.wiping != NULL);
    CHECK(p.wiping == NULL);
    CHECK_EQ(works, 3);
    party_wipe(&p, NULL);
    CHECK_EQ(works, 3);
}

/* What the workers have not come to is wiped in the end; without memory, at once. */
static void the_rest(void)
{
    struct party p = { .host = &host };
    works = 0;
    party_wipe(&p, blocks(5));
    CHECK(step());
    CHECK(p.wiping != NULL);
    party_wipe_all(&p);
    given = NULL;
    CHECK(p.wiping == NULL);
    struct block *b = blocks(1);
    works = 0;
    mem_fail_at(1);
    party_wipe(&p, b);
    mem_fail_at(0);
    CHECK(p.wiping == NULL);
    CHECK_EQ(works, 0);
}

int main(void)
{
    CASE(in_bites);
    CASE(the_rest);
    return check_done();
}
