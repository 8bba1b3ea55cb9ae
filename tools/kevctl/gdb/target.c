// SPDX-License-Identifier: GPL-2.0
/* How the server's questions reach the guest: all of them while the vCPUs are stopped. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libkev.h>

#include "../dump.h"
#include "internal.h"

static struct vcpu *vcpu_of(struct gdb *gdb, unsigned int thread)
{
	return &gdb->session->vcpus[thread];
}

static struct guest_view view_of(struct gdb *gdb, unsigned int thread)
{
	return (struct guest_view){
		.vm = gdb->session->vm, .virtual = true, .vcpu_id = vcpu_of(gdb, thread)->id,
	};
}

static void send_bytes(void *owner, const char *bytes, size_t length)
{
	struct gdb *gdb = owner;

	gdb_transport_send(&gdb->transport, bytes, length);
}

static void prepare_state(struct gdb *gdb, struct gdb_registers *registers, uint32_t groups)
{
	registers->state.size = sizeof(registers->state);
	registers->state.groups = groups;
	registers->state.xsave = (uintptr_t)registers->xsave;
	registers->state.xsave_size = gdb->xsave_size;
}

static int read_registers(void *owner, unsigned int thread, struct gdb_registers *registers)
{
	struct gdb *gdb = owner;
	unsigned int tries = 0;
	int error;

	memset(registers, 0, sizeof(*registers));
	prepare_state(gdb, registers, GDB_STATE_GROUPS);
	do
		error = kev_vcpu_get_state(vcpu_of(gdb, thread)->fd, &registers->state);
	while (guest_try_again(error, &tries));
	return error;
}

static int write_registers(void *owner, unsigned int thread, struct gdb_registers *registers,
			   uint32_t groups)
{
	struct gdb *gdb = owner;
	unsigned int tries = 0;
	int error;

	prepare_state(gdb, registers, groups);
	do
		error = kev_vcpu_set_state(vcpu_of(gdb, thread)->fd, &registers->state);
	while (guest_try_again(error, &tries));
	if (error)
		return error;
	/* It gets another chance. */
	pthread_mutex_lock(&gdb->lock);
	gdb->vcpus[thread].doomed = false;
	pthread_mutex_unlock(&gdb->lock);
	return 0;
}

static ssize_t read_memory(void *owner, unsigned int thread, uint64_t address, void *buffer,
			   size_t length)
{
	struct gdb *gdb = owner;
	const struct guest_view view = view_of(gdb, thread);

	return gdb_memory_read(&gdb->breakpoints, &view, address, buffer, length);
}

static ssize_t write_memory(void *owner, unsigned int thread, uint64_t address,
			    const void *buffer, size_t length)
{
	struct gdb *gdb = owner;
	const struct guest_view view = view_of(gdb, thread);

	return gdb_memory_write(&gdb->breakpoints, &view, address, buffer, length);
}

static int insert(void *owner, unsigned int thread, enum gdb_breakpoint kind, uint64_t address,
		  uint64_t length)
{
	struct gdb *gdb = owner;
	const struct guest_view view = view_of(gdb, thread);
	int error;

	pthread_mutex_lock(&gdb->lock);
	if (kind == GDB_SOFTWARE)
		error = gdb_software_insert(&gdb->breakpoints, &view, address);
	else
		error = gdb_hardware_insert(&gdb->breakpoints, kind, address, length);
	pthread_mutex_unlock(&gdb->lock);
	return error;
}

static int remove_breakpoint(void *owner, unsigned int thread, enum gdb_breakpoint kind,
			     uint64_t address, uint64_t length)
{
	struct gdb *gdb = owner;
	const struct guest_view view = view_of(gdb, thread);
	int error;

	pthread_mutex_lock(&gdb->lock);
	if (kind == GDB_SOFTWARE)
		error = gdb_software_remove(&gdb->breakpoints, &view, address);
	else
		error = gdb_hardware_remove(&gdb->breakpoints, kind, address, length);
	pthread_mutex_unlock(&gdb->lock);
	return error;
}

static int load_debug(struct gdb *gdb, unsigned int thread)
{
	struct gdb_vcpu *vcpu = &gdb->vcpus[thread];
	struct kev_vcpu_debug debug = { .size = sizeof(debug) };
	unsigned int tries = 0;
	int error;

	if (vcpu->order.action == GDB_STEP)
		debug.flags |= KEV_DEBUG_STEP;
	if (gdb->breakpoints.nr_software)
		debug.flags |= KEV_DEBUG_SOFTWARE;
	gdb_hardware_load(&gdb->breakpoints, &debug);
	if (!memcmp(&debug, &vcpu->debug, sizeof(debug)))
		return 0;
	do
		error = kev_vcpu_set_debug(vcpu_of(gdb, thread)->fd, &debug);
	while (guest_try_again(error, &tries));
	if (!error)
		vcpu->debug = debug;
	return error;
}

int gdb_load_debug(struct gdb *gdb)
{
	int error = 0;

	for (unsigned int i = 0; i < gdb->target.threads && !error; i++)
		error = load_debug(gdb, i);
	return error;
}

void gdb_forget(struct gdb *gdb)
{
	const struct guest_view view = { .vm = gdb->session->vm };

	pthread_mutex_lock(&gdb->lock);
	gdb->attached = false;
	gdb_software_remove_all(&gdb->breakpoints, &view);
	gdb->breakpoints.nr_hardware = 0;
	for (unsigned int i = 0; i < gdb->target.threads; i++) {
		gdb_set_order(&gdb->vcpus[i], &(struct gdb_order){ .action = GDB_CONTINUE });
		gdb->vcpus[i].stopped = false;
		gdb->vcpus[i].later = false;
	}
	pthread_mutex_unlock(&gdb->lock);
	/* A vCPU that kev can no longer talk to will say so itself. */
	gdb_load_debug(gdb);
}

static void end_guest(void *owner)
{
	struct gdb *gdb = owner;

	session_kill(gdb->session);
}

static void describe(void *owner, unsigned int thread, char *text, size_t size)
{
	struct gdb *gdb = owner;
	struct kev_vcpu_state state = { .size = sizeof(state), .groups = KEV_STATE_MP };
	const char *what = "";

	if (!kev_vcpu_get_state(vcpu_of(gdb, thread)->fd, &state)) {
		if (state.mp.state == KEV_MP_HALTED)
			what = ", halted";
		else if (state.mp.state == KEV_MP_WAIT_FOR_SIPI)
			what = ", not started";
	}
	snprintf(text, size, "vCPU %u%s", vcpu_of(gdb, thread)->id, what);
}

/* GDB takes the image for one of 32 bits. */
static bool is_32bit_image(int image)
{
	unsigned char ident[EI_NIDENT];

	return pread(image, ident, sizeof(ident), 0) == sizeof(ident) &&
	       !memcmp(ident, ELFMAG, SELFMAG) && ident[EI_CLASS] == ELFCLASS32;
}

void gdb_choose_shape(struct gdb *gdb)
{
	struct kev_vcpu_state state = { .size = sizeof(state), .groups = KEV_STATE_CONTROLS };
	unsigned int tries = 0;
	int error;

	do
		error = kev_vcpu_get_state(vcpu_of(gdb, 0)->fd, &state);
	while (guest_try_again(error, &tries));
	gdb->target.shape &= ~GDB_SHAPE_I386;
	/* Such an image may hold a kernel of 64 bits: it shows once that is in its mode. */
	if (is_32bit_image(gdb->dump->image) && !error && !(state.controls.efer & EFER_LMA))
		gdb->target.shape |= GDB_SHAPE_I386;
}

void gdb_target_init(struct gdb *gdb)
{
	gdb->target = (struct gdb_target){
		.owner = gdb,
		.threads = gdb->session->nr_vcpus,
		.shape = gdb->xsave_size >= GDB_XSAVE_AVX_SIZE ? GDB_SHAPE_AVX : 0,
		.moved = gdb->target.moved,
		.first_segment = gdb->target.first_segment,
		.send = send_bytes,
		.read_registers = read_registers,
		.write_registers = write_registers,
		.read_memory = read_memory,
		.write_memory = write_memory,
		.insert = insert,
		.remove = remove_breakpoint,
		.kill = end_guest,
		.describe = describe,
		.monitor = gdb_monitor,
		.resume = gdb_resume,
		.interrupt = gdb_interrupt,
		.detach = gdb_detach,
	};
}
