// SPDX-License-Identifier: GPL-2.0
/* Output that is lost is a failure. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kevctl.h"
#include "output.h"

/* Why something is lost: a stream remembers no more than that it is. */
static int lost;

void output_lost(int error)
{
	if (!lost)
		lost = error;
}

int output_flush(void)
{
	if (fflush(stdout))
		output_lost(errno);
	if (ferror(stdout))
		output_lost(EIO);
	return -lost;
}

int output_end(int status)
{
	output_flush();
	/* Some file systems tell only now. */
	if (fclose(stdout))
		output_lost(errno);
	if (!lost)
		return status;
	/* As SIGPIPE would have done. */
	if (lost == EPIPE)
		return STATUS_SIGNAL + SIGPIPE;
	message("stdout", "%s", strerror(lost));
	return status ? status : STATUS_FAILURE;
}
