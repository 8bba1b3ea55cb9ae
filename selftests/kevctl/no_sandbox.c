// SPDX-License-Identifier: GPL-2.0
/* For kevctl-fake: the parts of the sandbox that sanitizers cannot live with do nothing. */
#include "../../tools/kevctl/sandbox.h"

int sandbox_landlock(const struct sandbox_needs *needs)
{
	(void)needs;
	return 0;
}

int sandbox_seccomp(const struct sandbox_needs *needs)
{
	(void)needs;
	return 0;
}
