/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace events of guest memory, which also exists without VMs and vCPUs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kev

#if !defined(_KEV_TRACE_MEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KEV_TRACE_MEM_H

#include <linux/tracepoint.h>
#include <kev/mem.h>

TRACE_DEFINE_ENUM(KEV_MADE_ZERO);
TRACE_DEFINE_ENUM(KEV_MADE_HUGE);
TRACE_DEFINE_ENUM(KEV_MADE_SHARED);
TRACE_DEFINE_ENUM(KEV_MADE_FILE);
TRACE_DEFINE_ENUM(KEV_MADE_COPY);
TRACE_DEFINE_ENUM(KEV_MADE_BOOT);
TRACE_DEFINE_ENUM(KEV_MADE_USER);
TRACE_DEFINE_ENUM(KEV_MADE_AROUND);

/* Pages have become present, by a fault or around one: there gpa is where the look began. */
TRACE_EVENT(kev_page_load,
	TP_PROTO(const struct kev_mem *mem, u64 gpa, u32 made, u32 pages),
	TP_ARGS(mem, gpa, made, pages),
	TP_STRUCT__entry(
		__field(u64, vm)
		__field(u64, gpa)
		__field(u32, made)
		__field(u32, pages)
	),
	TP_fast_assign(
		__entry->vm = mem->id;
		__entry->gpa = gpa;
		__entry->made = made;
		__entry->pages = pages;
	),
	TP_printk("vm=%llu gpa=0x%llx made=%s pages=%u", __entry->vm, __entry->gpa,
		  __print_symbolic(__entry->made,
				   { KEV_MADE_ZERO, "ZERO" },
				   { KEV_MADE_HUGE, "HUGE" },
				   { KEV_MADE_SHARED, "SHARED" },
				   { KEV_MADE_FILE, "FILE" },
				   { KEV_MADE_COPY, "COPY" },
				   { KEV_MADE_BOOT, "BOOT" },
				   { KEV_MADE_USER, "USER" },
				   { KEV_MADE_AROUND, "AROUND" }),
		  __entry->pages)
);

#endif /* _KEV_TRACE_MEM_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kev
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_mem

#include <trace/define_trace.h>
