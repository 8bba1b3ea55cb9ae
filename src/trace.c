// SPDX-License-Identifier: GPL-2.0-only
/* The trace events of include/kev/trace.h, once */
#define CREATE_TRACE_POINTS
#include <kev/trace.h>

DEFINE_STATIC_KEY_FALSE(kev_trace_exits);

int kev_trace_exits_begin(void)
{
	static_branch_inc(&kev_trace_exits);
	return 0;
}

void kev_trace_exits_end(void)
{
	static_branch_dec(&kev_trace_exits);
}
