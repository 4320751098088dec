/*
 * Plays the files of tests/corpus through the fuzz targets, with the compiler at hand: inputs made
 * by hand, and those that once found a fault.
 */
#include <dirent.h>

#include "check.h"
#include "fuzz.h"

static const struct target {
    const char *name;
    int (*run)(const uint8_t *p, size_t n);
} targets[] = {
    { "cascade", fuzz_cascade },
    { "checkpoint", fuzz_checkpoint },
    { "client", fuzz_client },
    { "clip", fuzz_clip },
    { "dataset", fuzz_dataset },
    { "film", fuzz_film },
    { "fixed_net", fuzz_fixed_net },
    { "frame", fuzz_frame },
    { "intake", fuzz_intake },
    { "joblib", fuzz_joblib },
    { "keras", fuzz_keras },
    { "model", fuzz_model },
    { "party", fuzz_party },
    { "picture", fuzz_picture },
    { "safetensors", fuzz_safetensors },
    { "selection", fuzz_selection },
    { "settings", fuzz_settings },
    { "video", fuzz_video },
    { "wire", fuzz_wire },
};

static const struct target *target;

/* A block of exactly the file's length, so that a read past its end is seen by tools. */
static int play(const char *path)
{
    FILE *f = fopen(path, "rb");
    long n = f != NULL && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    uint8_t *p = n >= 0 ? malloc(n > 0 ? (size_t)n : 1) : NULL;
    int ok = p != NULL && fseek(f, 0, SEEK_SET) == 0 && fread(p, 1, (size_t)n, f) == (size_t)n;
    if (ok)
        ok = target->run(p, (size_t)n) == 0;
    free(p);
    if (f != NULL)
        fclose(f);
    return ok;
}

static void play_all(void)
{
    char folder[1024], path[2048];
    const char *top = getenv("srcdir");
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s/tests/corpus/%s", top != NULL ? top : ".", target->name);
    DIR *d = opendir(folder);
    CHECK(d != NULL);
    if (d == NULL)
        return;
    for (const struct dirent *f; (f = readdir(d)) != NULL;) {
        if (f->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        printf("# %s\n", path);
        fflush(stdout);
        CHECK(play(path));
        count++;
    }
    closedir(d);
    CHECK(count > 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        target = &targets[i];
        check_case(target->name, play_all);
    }
    return check_done();
}
