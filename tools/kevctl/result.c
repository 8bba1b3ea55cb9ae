// SPDX-License-Identifier: GPL-2.0
/* How a run ended, as an object in a file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "kevctl.h"
#include "report.h"
#include "result.h"

int result_open(struct result *result, const char *path)
{
	int error = 0;

	*result = (struct result){ .path = path, .fd = -1 };
	if (!path)
		return 0;
	result->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	if (result->fd < 0)
		error = -errno;
	else
		result->body = open_memstream(&result->text, &result->length);
	if (!error && !result->body) {
		error = -errno;
		close(result->fd);
	}
	if (error)
		message(path, "%s", strerror(-error));
	return error;
}

const char *outcome_step(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_NONE:
	case OUTCOME_RUN_ERROR:
	case OUTCOME_SYSTEM_ERROR:
		return "running the guest";
	case OUTCOME_INTERRUPT_ERROR:
		return "raising an interrupt";
	case OUTCOME_OUTPUT_ERROR:
		return "stdout";
	case OUTCOME_EXITED:
	case OUTCOME_REPORT:
	case OUTCOME_SIGNAL:
		break;
	}
	return NULL;
}

static void tell_outcome(FILE *to, const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_EXITED:
		fprintf(to, "\"outcome\": \"exited\", \"code\": %" PRIu64, outcome->code);
		return;
	case OUTCOME_REPORT:
		fputs("\"outcome\": \"report\",\n \"report\": ", to);
		report_print_json(to, &outcome->run);
		return;
	case OUTCOME_SIGNAL:
		fprintf(to, "\"outcome\": \"signal\", \"signal\": \"SIG%s\"",
			sigabbrev_np(outcome->signal));
		return;
	default:
		fputs("\"outcome\": \"failed\", \"step\": ", to);
		json_string(to, outcome_step(outcome->kind));
		fputs(", \"error\": ", to);
		json_string(to, outcome->error ? strerror(outcome->error) : NULL);
	}
}

static void tell_vcpus(FILE *to, const struct session *session, struct dump *dump)
{
	fputs(",\n \"vcpus\": [", to);
	for (unsigned int i = 0; i < session->nr_vcpus; i++) {
		const struct vcpu *vcpu = &session->vcpus[i];
		char name[DUMP_NAME];
		uint64_t rip;
		int error = dump_place(dump, vcpu->fd, &rip, name);

		fprintf(to, "%s\n  {\"id\": %u, \"rip\": ", i ? "," : "", vcpu->id);
		if (error)
			fputs("null", to);
		else
			fprintf(to, "%" PRIu64, rip);
		fputs(", \"place\": ", to);
		json_string(to, *name ? name : NULL);
		fputc('}', to);
	}
	fputc(']', to);
}

void result_tell(struct result *result, const struct session *session,
		 const struct run_image *image, struct dump *dump, const struct stats_list *stats)
{
	struct kev_vm_stats vm = { .size = sizeof(vm) };
	FILE *to = result->body;

	if (!to)
		return;
	tell_outcome(to, &session->outcome);
	fputs(",\n \"vm\": ", to);
	if (kev_vm_stats(session->vm, &vm))
		fputs("null", to);
	else
		fprintf(to, "%llu", vm.id);
	fprintf(to, ", \"boot\": \"%s\", \"memory_kib\": %" PRIu64,
		image->hermit ? "hermit" : kev_boot_name(image->boot), image->ram_kib);
	tell_vcpus(to, session, dump);
	if (stats) {
		fputs(",\n \"stats\": ", to);
		stats_print_json(to, stats);
	}
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= n;
		}
	}
	return 0;
}

/* A reader shall not find half an object where there is room for all of it. */
static int write_object(struct result *result, const char *image, int status)
{
	size_t length = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &length);
	int error = -ENOMEM;

	if (!to)
		return -errno;
	fputs("{\"image\": ", to);
	json_string(to, image);
	fprintf(to, ", %s,\n \"status\": %d}\n",
		*result->text ? result->text : "\"outcome\": \"not-started\"", status);
	if (!fclose(to))
		error = write_all(result->fd, text, length);
	free(text);
	return error;
}

int result_close(struct result *result, const char *image, int status)
{
	int error = 0;

	if (!result->path)
		return status;
	if (fclose(result->body))
		error = -ENOMEM;
	if (!error)
		error = write_object(result, image, status);
	free(result->text);
	if (close(result->fd) && !error)
		error = -errno;
	if (!error)
		return status;
	message(result->path, "%s", strerror(-error));
	return STATUS_FAILURE;
}
