/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hermit unikernels: what such a guest finds at its entry, and the calls that
 * it makes by port accesses. Facts: Documentation/hermit.rst.
 */
#ifndef KEVCTL_HERMIT_H
#define KEVCTL_HERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <libkev.h>

#include "../machine/machine.h"
#include "../run_options.h"

struct console;
struct image_info;
struct hermit;
struct sandbox_path;

/* Descriptors that the guest's calls may open beside those that are open */
#define HERMIT_FILES	(256 + 4)

/**
 * hermit_create() - give a VM a Hermit image, its memory and its boot information
 * @vm: VM without image
 * @fd: image, open for reading
 * @info: what the image is
 * @options: command line
 * @hermit: out
 *
 * Says on stderr what is wrong.
 *
 * Return: 0, or the exit status.
 */
int hermit_create(int vm, int fd, const struct image_info *info,
		  const struct run_options *options, struct hermit **hermit);
void hermit_destroy(struct hermit *hermit);

/**
 * hermit_start_vcpu() - put a new vCPU at the image's entry
 * @hermit: what hermit_create() made
 * @vcpu: vCPU fd
 * @id: its id
 *
 * Return: 0 or a negative errno.
 */
int hermit_start_vcpu(struct hermit *hermit, int vcpu, uint32_t id);

/* hermit_ram_kib() - the guest's memory */
uint64_t hermit_ram_kib(const struct hermit *hermit);

/* hermit_load_base() - what the image's addresses have been moved by */
uint64_t hermit_load_base(const struct hermit *hermit);

/**
 * hermit_paths() - what of the host's files the guest's calls have to reach
 * @hermit: what hermit_create() made
 * @paths: out
 * @room: how many fit
 *
 * Return: how many there are.
 */
unsigned int hermit_paths(struct hermit *hermit, struct sandbox_path *paths, unsigned int room);

/**
 * hermit_io() - answer a port access that is a call
 * @hermit: what hermit_create() made
 * @run: run page of the vCPU, KEV_EXIT_IO
 * @console: the way to stdout
 * @stop: eventfd: readable once the VM is to end; a call that waits ends then
 * @code: out, with ACCESS_END: the guest's exit code
 *
 * From each vCPU's own thread; calls of several vCPUs may wait at the same time.
 *
 * Return: ACCESS_UNCLAIMED if the port is none of a call: a device's, or nobody's;
 * ACCESS_ERROR when @console cannot be written.
 */
enum verdict hermit_io(struct hermit *hermit, struct kev_run *run, struct console *console,
		       int stop, uint64_t *code);

#endif /* KEVCTL_HERMIT_H */
