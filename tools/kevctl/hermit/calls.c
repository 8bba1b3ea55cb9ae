// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest, by port. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../kevctl.h"
#include "../sandbox.h"
#include "call.h"
#include "internal.h"

/* The one call that may be an IN: its result is the byte. */
#define PORT_SERIAL_READ_BYTE	0x1040
/* Of version 1, the one that takes no address, so that its width does not count */
#define PORT_UART		0x800

static bool list_mounts(struct hermit_calls *calls)
{
	char *mount, **more;

	while ((mount = files_mount(&calls->files, calls->nr_mounts))) {
		more = realloc(calls->mounts, (calls->nr_mounts + 1) * sizeof(*more));
		if (!more) {
			free(mount);
			return false;
		}
		calls->mounts = more;
		calls->mounts[calls->nr_mounts++] = mount;
	}
	return true;
}

const struct arguments *hermit_arguments(const struct hermit *hermit)
{
	return hermit->calls ? &hermit->calls->arguments : NULL;
}

const char *hermit_mount(const struct hermit *hermit, unsigned int index)
{
	if (!hermit->calls || index >= hermit->calls->nr_mounts)
		return NULL;
	return hermit->calls->mounts[index];
}

int hermit_calls_create(struct hermit *hermit)
{
	struct hermit_calls *calls = calloc(1, sizeof(*calls));
	int status;

	if (!calls) {
		message("the guest's calls", "%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	status = arguments_create(&calls->arguments, hermit->options, hermit->interface);
	if (status)
		goto free_calls;
	status = files_init(&calls->files, &hermit->options->file_mappings, hermit->ram_bytes);
	if (status)
		goto destroy_arguments;
	pthread_mutex_init(&calls->input, NULL);
	if (!list_mounts(calls)) {
		message("--file-mapping", "%s", strerror(ENOMEM));
		hermit->calls = calls;
		hermit_calls_destroy(hermit);
		return STATUS_FAILURE;
	}
	calls->verbose = hermit->options->verbose;
	hermit->calls = calls;
	return 0;

destroy_arguments:
	arguments_destroy(&calls->arguments);
free_calls:
	free(calls);
	return status;
}

void hermit_calls_destroy(struct hermit *hermit)
{
	struct hermit_calls *calls = hermit->calls;

	if (!calls)
		return;
	for (unsigned int i = 0; i < calls->nr_mounts; i++)
		free(calls->mounts[i]);
	free(calls->mounts);
	pthread_mutex_destroy(&calls->input);
	files_fini(&calls->files);
	arguments_destroy(&calls->arguments);
	free(calls);
	hermit->calls = NULL;
}

static void add_path(struct sandbox_path path, struct sandbox_path *paths, unsigned int room,
		     unsigned int *nr)
{
	if (*nr < room)
		paths[*nr] = path;
	++*nr;
}

/*
 * A file that is there can be reached, and removed from its directory; one that is not
 * there yet needs all of the directory.
 */
unsigned int hermit_paths(struct hermit *hermit, struct sandbox_path *paths, unsigned int room)
{
	const struct place *place;
	unsigned int nr = 0;

	for (unsigned int i = 0; (place = files_place(&hermit->calls->files, i)); i++) {
		if (place->itself < 0) {
			add_path((struct sandbox_path){ .fd = place->directory, .writable = true },
				 paths, room, &nr);
			continue;
		}
		add_path((struct sandbox_path){ .fd = place->itself, .writable = place->writable },
			 paths, room, &nr);
		if (place->name && place->writable)
			add_path((struct sandbox_path){ .fd = place->directory, .removable = true },
				 paths, room, &nr);
	}
	return nr;
}

static enum verdict verdict_of(const struct call *call, uint64_t *code)
{
	if (call->failed)
		return ACCESS_ERROR;
	if (!call->ended)
		return ACCESS_DONE;
	*code = call->code;
	return ACCESS_END;
}

/* The n-th value of a string of accesses, or the only one */
static uint32_t value_at(const struct kev_run *run, uint32_t n)
{
	uint32_t value = 0;

	if (!(run->io.flags & KEV_IO_STRING))
		return run->io.data;
	memcpy(&value, run->data + n * run->io.width, run->io.width);
	return value;
}

static void set_value_at(struct kev_run *run, uint32_t n, uint32_t value)
{
	if (run->io.flags & KEV_IO_STRING)
		memcpy(run->data + n * run->io.width, &value, run->io.width);
	else
		run->io.data = value;
}

/* All ones at the end of the input, as from a port where nothing is */
static void read_bytes(struct call *call, struct kev_run *run)
{
	int byte;

	for (uint32_t i = 0; i < run->io.count; i++) {
		byte = call_input_byte(call);
		set_value_at(run, i, byte < 0 ? UINT32_MAX : (uint32_t)byte);
	}
}

enum verdict hermit_io(struct hermit *hermit, struct kev_run *run, struct console *console,
		       int stop, uint64_t *code)
{
	struct call call = {
		.calls = hermit->calls,
		.physical = { .vm = hermit->vm },
		.virtual = { .vm = hermit->vm, .virtual = true, .vcpu_id = run->vcpu_id },
		.console = console,
		.stop = stop,
	};
	call_function *v1 = call_v1(run->io.port), *v2 = call_v2(run->io.port);

	if (run->io.direction == KEV_IO_IN) {
		if (run->io.port != PORT_SERIAL_READ_BYTE)
			return ACCESS_UNCLAIMED;
		read_bytes(&call, run);
		return ACCESS_DONE;
	}
	if (v1 && run->io.port != PORT_UART && run->io.width != sizeof(uint32_t))
		return ACCESS_UNCLAIMED;
	if (!v1 && !v2)
		return ACCESS_UNCLAIMED;
	for (uint32_t i = 0; i < run->io.count && !call.failed && !call.ended; i++) {
		if (v1)
			v1(&call, value_at(run, i));
		else
			v2(&call, run->gpr[KEV_RDI]);
	}
	return verdict_of(&call, code);
}
