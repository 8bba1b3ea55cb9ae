/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that fail, or are interrupted, in every place where they can: what a call is made
 * on, and what has to hold around it.
 */
#ifndef WORLD_H
#define WORLD_H

#include "vmem.h"

#define KT_WORLD_PAGES	8UL		/* of the image's data */
#define KT_WORLD_RAM	(512 * KT_MIB)
#define KT_WORLD_RAM_SIZE	(4 * KT_MIB)

/* What a call is made on: each level has what those before it have. */
enum kt_level { KT_NOTHING, KT_DEVICE, KT_VM, KT_IMAGE, KT_VCPU };

struct kt_call;

/* One for each time that a call is made, but for the files */
struct kt_world {
	const struct kt_call *call;
	struct kt_image image;
	int file;		/* it, unchangeable: its pages are shared */
	int disk;		/* it, on a disk; -1: there is none */
	int code;		/* another image, of kt_call.code; or -1 */
	int event;
	uint8_t *user;		/* KT_WORLD_PAGES of our own */
	struct kt_vm vm;
	/* For calls to keep what they have made: closed, or unmapped */
	int fd;
	uint8_t *map;
	size_t map_size;
	/* For them to use as they like */
	struct kev_vcpu_state state;
	uint8_t xsave[KT_PAGE];
};

struct kt_call {
	const char *name;
	enum kt_level level;
	/* What to prepare beside the level, and then what may fail: both return an errno */
	int (*ready)(struct kt_world *w);
	long (*call)(struct kt_world *w);
	/* After a success; NULL: a guest does a job there */
	int (*check)(struct kt_world *w);
	uint32_t flags;			/* KEV_VM_* */
	uint32_t huge_pages;
	const struct kt_code *code;	/* instead of the image's: the VM has the ABI "kev" */
	uint32_t arg;
	bool once;			/* once it is done, it cannot be done again: -EBUSY */
};

/* Of what follows the four, each says what it is. */
#define KT_CALL(text, where, before, what, ...)				\
	{ .name = text, .level = where, .ready = before, .call = what, ##__VA_ARGS__ }

/*
 * Let every call of a list, which ends with one without a name, fail in every place. In a
 * process of its own, in a cgroup: how many things were wrong, or left. Prints them.
 */
int kt_fail_calls(const struct kt_call *calls);
/* The same with signals, which are spread over the time that the call takes, instead of failures */
int kt_interrupt_calls(const struct kt_call *calls);

/* The steps to each level: 0 or an errno. What is there already is not made again. */
int kt_world_open(struct kt_world *w);
int kt_world_create_vm(struct kt_world *w);
int kt_world_create_vcpu(struct kt_world *w);
int kt_world_map_run(struct kt_world *w);
int kt_world_bring_to(struct kt_world *w, enum kt_level level);

/* RAM at KT_WORLD_RAM */
int kt_world_add_ram(struct kt_world *w);
/* An MSR of the VM's own: what KEV_VM_SET_MSRS says */
long kt_world_set_msrs(struct kt_world *w);

#endif /* WORLD_H */
