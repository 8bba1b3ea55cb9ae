/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process tells of its guest, as text: a line "name value" each. Who reads it trusts
 * neither.
 */
#ifndef KEVCTL_INFO_H
#define KEVCTL_INFO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* What is told of a guest that runs */
struct runtime_info {
	pid_t pid;
	uint64_t vm;		/* id in the kernel */
	uint64_t started;	/* seconds since 1970 */
	uint64_t memory_kib;
	unsigned int vcpus;
	bool detached;
	char image[PATH_MAX];
};

/* The longest text: each byte of the image's name takes up to four. */
#define INFO_BYTES	(4 * PATH_MAX + 512)

/* info_print() - write the text */
void info_print(FILE *to, const struct runtime_info *info);

/**
 * info_parse() - read the text
 * @text: whatever a process has written; it is cut into pieces
 * @info: out; what the text does not tell, and the pid in any case, is 0
 */
void info_parse(char *text, struct runtime_info *info);

#endif /* KEVCTL_INFO_H */
