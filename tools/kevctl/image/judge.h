/* SPDX-License-Identifier: GPL-2.0 */
/* What the module would say of an image. */
#ifndef KEVCTL_IMAGE_JUDGE_H
#define KEVCTL_IMAGE_JUDGE_H

#include <stdint.h>

/**
 * struct image_verdict - what KEV_VM_ATTACH_IMAGE would come to
 * @boot: enum kev_boot; KEV_BOOT_AUTO if it has not come so far
 * @problem: enum kev_image_problem
 * @segment: program header that is at fault, or KEV_IMAGE_NO_SEGMENT
 */
struct image_verdict {
	uint32_t boot;
	uint32_t problem;
	uint32_t segment;
};

/**
 * image_judge() - take the same steps as the module, by its own pure code
 * @fd: image, a regular file
 * @verdict: out
 *
 * With KEV_BOOT_AUTO, as much memory as the image needs, and the widest addresses that a CPU may
 * have; relocations are not looked at.
 *
 * Return: 0 with @verdict, whatever it is, or a negative errno: the file cannot be read.
 */
int image_judge(int fd, struct image_verdict *verdict);

#endif /* KEVCTL_IMAGE_JUDGE_H */
