/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An exception on the way to another one's handler. Pure.
 */
#ifndef _KEV_DOUBLE_FAULT_H
#define _KEV_DOUBLE_FAULT_H

#include <kev/pure.h>

/* What becomes of two events */
enum kev_combined {
	KEV_COMBINED_SECOND,		/* the second is delivered, the first comes no more */
	KEV_COMBINED_DOUBLE_FAULT,	/* #DF, with error code 0 */
	KEV_COMBINED_SHUTDOWN,		/* the CPU shuts down: a triple fault */
};

/* For kev_combine_events(): an interrupt, whatever its vector */
#define KEV_EVENT_INTERRUPT	256U

/**
 * kev_combine_events() - an exception comes up while another event is being delivered
 * @first: vector of the exception that was being delivered, or KEV_EVENT_INTERRUPT for
 *	an interrupt, INT n or an NMI
 * @second: vector of the exception
 *
 * SDM Vol. 3, "Interrupt 8—Double Fault Exception (#DF)"
 *
 * Context: Any.
 * Return: which of them is delivered, or #DF, or a shutdown.
 */
enum kev_combined kev_combine_events(unsigned int first, unsigned int second);

#endif /* _KEV_DOUBLE_FAULT_H */
