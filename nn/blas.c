#include "nn/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

typedef void sgemm_fn(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, int, int, int,
                      float, const float *, int, const float *, int, float, float *, int);

/* The library reads this once, while it is loaded; later calls of ours could not undo the threads
 * that it starts then. The variable is put back for our children. */
static void *open_without_threads(const char *name)
{
    static const char variable[] = "OPENBLAS_NUM_THREADS";
    const char *was = getenv(variable);
    char *kept = was != NULL ? strdup(was) : NULL;
    setenv(variable, "1", 1);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (kept != NULL)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
    return library;
}

int blas_open(struct blas *b, struct err *e)
{
    *b = (struct blas){ .library = open_without_threads(OB_BLAS_LIBRARY) };
    if (b->library == NULL)
        return err_set(e, ERR_FAILED, "%s cannot be loaded: %.200s; Debian and Ubuntu: apt-get "
                       "install libopenblas0", OB_BLAS_LIBRARY, dlerror());
    b->sgemm = dlsym(b->library, "cblas_sgemm");
    if (b->sgemm == NULL) {
        blas_close(b);
        return err_set(e, ERR_FAILED, "%s has no cblas_sgemm: not a library with the C interface "
                       "of the BLAS", OB_BLAS_LIBRARY);
    }
    return 0;
}

void blas_close(struct blas *b)
{
    if (b->library != NULL)
        dlclose(b->library);
    *b = (struct blas){ 0 };
}

static sgemm_fn *sgemm_of(const struct blas *b)
{
    sgemm_fn *f;
    memcpy(&f, &b->sgemm, sizeof f);
    return f;
}

void blas_add(const struct blas *b, float *z, const float *x, const float *y, size_t m, size_t n,
              size_t k)
{
    sgemm_of(b)(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, x, (int)k, y,
                (int)n, 1, z, (int)n);
}

void blas_add_tx(const struct blas *b, float *z, const float *x, const float *y, size_t m,
                 size_t n, size_t k)
{
    sgemm_of(b)(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, x, (int)m, y,
                (int)n, 1, z, (int)n);
}

void blas_set_ty(const struct blas *b, float *z, const float *x, const float *y, size_t m,
                 size_t n, size_t k)
{
    sgemm_of(b)(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, x, (int)k, y,
                (int)k, 0, z, (int)n);
}
