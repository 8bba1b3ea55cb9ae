// SPDX-License-Identifier: GPL-2.0
/*
 * An exception on the way to another one's handler. Pure.
 */
#include <kev/double_fault.h>

#define DIVIDE_ERROR		0
#define DOUBLE_FAULT		8
#define INVALID_TSS		10
#define SEGMENT_NOT_PRESENT	11
#define STACK_FAULT		12
#define GENERAL_PROTECTION	13
#define PAGE_FAULT		14
#define VIRTUALIZATION		20
#define CONTROL_PROTECTION	21

enum class { BENIGN, CONTRIBUTORY, PAGE };

static enum class class_of(unsigned int event)
{
	switch (event) {
	case DIVIDE_ERROR:
	case INVALID_TSS:
	case SEGMENT_NOT_PRESENT:
	case STACK_FAULT:
	case GENERAL_PROTECTION:
	case CONTROL_PROTECTION:
		return CONTRIBUTORY;
	case PAGE_FAULT:
	case VIRTUALIZATION:
		return PAGE;
	default:
		return BENIGN;
	}
}

enum kev_combined kev_combine_events(unsigned int first, unsigned int second)
{
	enum class class = class_of(second);

	if (class == BENIGN)
		return KEV_COMBINED_SECOND;
	if (first == DOUBLE_FAULT)
		return KEV_COMBINED_SHUTDOWN;
	switch (class_of(first)) {
	case CONTRIBUTORY:
		return class == CONTRIBUTORY ? KEV_COMBINED_DOUBLE_FAULT : KEV_COMBINED_SECOND;
	case PAGE:
		return KEV_COMBINED_DOUBLE_FAULT;
	default:
		return KEV_COMBINED_SECOND;
	}
}
