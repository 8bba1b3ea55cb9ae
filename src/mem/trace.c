// SPDX-License-Identifier: GPL-2.0-only
/* The trace events of include/kev/trace_mem.h, once */
#define CREATE_TRACE_POINTS
#include <kev/trace_mem.h>
