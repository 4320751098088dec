#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define CONV_KERNEL conv_row_portable
#define CONV_PIXELS 2
#include "nn/conv_row_impl.h"

int conv_row_has_avx2(void)
{
#ifdef HAVE_X86_KERNELS
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

void conv_row(const struct conv_row *r)
{
#ifdef HAVE_X86_KERNELS
    if (conv_row_has_avx2()) {
        conv_row_avx2(r);
        return;
    }
#endif
    conv_row_portable(r);
}

unsigned conv_blocks(unsigned cout)
{
    return (cout + CONV_BLOCK - 1) / CONV_BLOCK;
}

void conv_pack(float *to, const float *from, size_t k, unsigned cout)
{
    for (unsigned first = 0; first < cout; first += CONV_BLOCK)
        for (size_t i = 0; i < k; i++)
            for (unsigned c = first; c < first + CONV_BLOCK; c++)
                *to++ = c < cout ? from[i * cout + c] : 0;
}
