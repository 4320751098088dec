#define CONV_KERNEL conv_row_avx2
#define CONV_PIXELS 6
#include "nn/conv_row_impl.h"
