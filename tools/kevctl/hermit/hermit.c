// SPDX-License-Identifier: GPL-2.0
/* A Hermit guest from image to entry. */
#include <errno.h>

#include "../image/info.h"
#include "../kevctl.h"
#include "internal.h"

int hermit_create(int vm, int fd, const struct image_info *info,
		  const struct run_options *options, struct hermit **hermit)
{
	(void)vm; (void)fd; (void)info; (void)options; (void)hermit;
	return STATUS_FAILURE;
}

void hermit_destroy(struct hermit *hermit)
{
	(void)hermit;
}

int hermit_start_vcpu(struct hermit *hermit, int vcpu, uint32_t id)
{
	(void)hermit; (void)vcpu; (void)id;
	return -ENOSYS;
}
