// SPDX-License-Identifier: GPL-2.0
/* A report of kev's, in readable form: a headline, the exit. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "kevctl.h"
#include "report.h"

/* SDM Vol. 3, "Information for VM Exits Due to Vectored Events" */
#define INTR_VALID	(1U << 31)
#define INTR_HAS_ERROR	(1U << 11)
#define INTR_VECTOR	0xffU
#define INTR_TYPE(info)	((info) >> 8 & 7)

#define VECTOR_BREAKPOINT	3

static void print_rights(FILE *to, uint32_t access)
{
	static const char *const names[] = { "read", "write", "execute" };
	const char *separator = "";

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(access & 1U << i))
			continue;
		fprintf(to, "%s%s", separator, names[i]);
		separator = "+";
	}
	if (!*separator)
		fputs("access", to);
}

static void print_memory(FILE *to, const struct kev_run *run)
{
	print_rights(to, run->memory.access);
	fprintf(to, " of guest-physical 0x%llx", run->memory.gpa);
	if (run->memory.gva_valid)
		fprintf(to, " (linear 0x%llx)", run->memory.gva);
	if (run->kind == KEV_EXIT_MEMORY_ERROR)
		fprintf(to, ": the page cannot be had: %s", strerror(run->error));
	else if (run->memory.kind == KEV_REGION_TRAP)
		fputs(": a device, by an instruction that is not decoded", to);
	else if (run->flags & KEV_RUN_BACKED)
		fputs(": the memory there does not allow it", to);
	else
		fputs(": no memory there", to);
}

static void print_hypercall(FILE *to, const struct kev_exit_hypercall *call)
{
	fprintf(to, "hypercall %llu (0x%llx) is unknown; arguments", call->nr, call->nr);
	for (unsigned int i = 0; i < ARRAY_SIZE(call->args); i++)
		fprintf(to, " 0x%llx", call->args[i]);
}

static void print_io(FILE *to, const struct kev_exit_io *io)
{
	bool in = io->direction == KEV_IO_IN;

	if (io->flags & KEV_IO_STRING)
		fprintf(to, "string %s of %u times %u bytes %s", in ? "read" : "write", io->count,
			io->width, in ? "from" : "to");
	else if (in)
		fprintf(to, "read of %u bytes from", io->width);
	else
		fprintf(to, "write of 0x%x (%u bytes) to", io->data, io->width);
	fprintf(to, " port 0x%x, which has no device", io->port);
}

static void print_mmio(FILE *to, const struct kev_exit_mmio *mmio)
{
	if (mmio->direction == KEV_MMIO_READ)
		fprintf(to, "read of %u bytes from", mmio->width);
	else
		fprintf(to, "write of 0x%llx (%u bytes) to", mmio->data, mmio->width);
	fprintf(to, " guest-physical 0x%llx, which has no device", mmio->gpa);
}

static void print_debug(FILE *to, const struct kev_exit_debug *debug)
{
	if (debug->vector == VECTOR_BREAKPOINT)
		fprintf(to, "breakpoint instruction at 0x%llx", debug->address);
	else
		fprintf(to, "debug exception at 0x%llx, DR6 0x%llx, DR7 0x%llx", debug->address,
			debug->dr6, debug->dr7);
}

static void print_intercept(FILE *to, const struct kev_run *run)
{
	/* Bit -1 is unknown, as it should be. */
	unsigned int bit = (unsigned int)__builtin_ffsll(run->intercept.intercept) - 1;

	fprintf(to, "exit that was asked for: %s, %s",
		kev_intercept_name(bit),
		kev_exit_reason_text(run->exit_reason));
}

static void print_msr(FILE *to, const struct kev_exit_msr *msr)
{
	if (msr->direction == KEV_MSR_READ)
		fprintf(to, "RDMSR of 0x%x, which nobody handles", msr->index);
	else
		fprintf(to, "WRMSR of 0x%llx to 0x%x, which nobody handles", msr->data, msr->index);
}

static void print_what(FILE *to, const struct kev_run *run)
{
	char text[256];

	switch (run->kind) {
	case KEV_EXIT_VM_EXITED:
		fprintf(to, "the VM has ended with code 0x%llx", run->exit_code);
		break;
	case KEV_EXIT_FAILED:
		fprintf(to, "kev could not go on: %s", strerror(run->error));
		break;
	case KEV_EXIT_ENTRY_FAILED:
		kev_entry_failure_text(run, text, sizeof(text));
		fprintf(to, "the CPU refused to enter the guest: %s", text);
		break;
	case KEV_EXIT_SHUTDOWN:
		fputs("triple fault", to);
		break;
	case KEV_EXIT_HALTED:
		fputs("HLT, and nothing can wake the guest", to);
		break;
	case KEV_EXIT_HYPERCALL:
		print_hypercall(to, &run->hypercall);
		break;
	case KEV_EXIT_IO:
		print_io(to, &run->io);
		break;
	case KEV_EXIT_MMIO:
		print_mmio(to, &run->mmio);
		break;
	case KEV_EXIT_DEBUG:
		print_debug(to, &run->debug);
		break;
	case KEV_EXIT_INTERCEPT:
		print_intercept(to, run);
		break;
	case KEV_EXIT_MSR:
		print_msr(to, &run->msr);
		break;
	case KEV_EXIT_MEMORY:
	case KEV_EXIT_MEMORY_ERROR:
		print_memory(to, run);
		break;
	case KEV_EXIT_UNHANDLED:
		fprintf(to, "exit that nobody handles: %s",
			kev_exit_reason_text(run->exit_reason));
		break;
	default:
		fprintf(to, "report of kind %u (%s)", run->kind, kev_exit_kind_name(run->kind));
		break;
	}
}

/* With @between between their names, and @around around each */
static void print_flags(FILE *to, uint32_t flags, const char *between, const char *around)
{
	static const char *const names[] = {
		"retry", "backed", "entry-failed", "event-delivery", "interrupt-pending",
	};
	const char *separator = "";

	for (unsigned int i = 0; i < 32; i++) {
		if (!(flags & 1U << i))
			continue;
		if (i < ARRAY_SIZE(names))
			fprintf(to, "%s%s%s%s", separator, around, names[i], around);
		else
			fprintf(to, "%s%sbit%u%s", separator, around, i, around);
		separator = between;
	}
}

static unsigned int nr_instruction_bytes(const struct kev_run *run)
{
	if (run->instruction_bytes_len < sizeof(run->instruction_bytes))
		return run->instruction_bytes_len;
	return sizeof(run->instruction_bytes);
}

static void print_event(FILE *to, const char *what, uint32_t info, uint32_t error)
{
	static const char *const types[] = {
		"external interrupt", "reserved type", "NMI", "exception",
		"software interrupt", "privileged software exception", "software exception",
		"other event",
	};

	if (!(info & INTR_VALID))
		return;
	fprintf(to, "  %s: %s, vector %u", what, types[INTR_TYPE(info)], info & INTR_VECTOR);
	if (info & INTR_HAS_ERROR)
		fprintf(to, ", error code 0x%x", error);
	fputc('\n', to);
}

static void print_exit(FILE *to, const struct kev_run *run)
{
	fprintf(to, "  exit reason %u (%s), raw 0x%08x, qualification 0x%llx\n", run->exit_reason,
		kev_exit_reason_text(run->exit_reason), run->exit_reason_raw,
		run->exit_qualification);
	fprintf(to, "  guest-linear 0x%llx, guest-physical 0x%llx\n", run->guest_linear,
		run->guest_physical);
	fprintf(to, "  instruction length %u", run->instruction_length);
	for (unsigned int i = 0; i < nr_instruction_bytes(run); i++)
		fprintf(to, "%s%02x", i ? " " : ", bytes ", run->instruction_bytes[i]);
	fprintf(to, ", interruptibility 0x%x, interrupt status 0x%x\n", run->interruptibility,
		run->guest_interrupt_status);
	print_event(to, "event", run->intr_info, run->intr_error);
	print_event(to, "while delivering", run->idt_vectoring_info, run->idt_vectoring_error);
	if (run->flags) {
		fputs("  flags ", to);
		print_flags(to, run->flags, " ", "");
		fputc('\n', to);
	}
}

void report_print(FILE *to, const struct kev_run *run)
{
	flockfile(to);
	fprintf(to, "kevctl: vCPU %u: ", run->vcpu_id);
	print_what(to, run);
	fputc('\n', to);
	print_exit(to, run);
	funlockfile(to);
}

static void print_event_json(FILE *to, const char *name, uint32_t info, uint32_t error)
{
	fprintf(to, ",\n  \"%s\": ", name);
	if (!(info & INTR_VALID)) {
		fputs("null", to);
		return;
	}
	fprintf(to, "{\"type\": %u, \"vector\": %u, \"error_code\": ", INTR_TYPE(info),
		info & INTR_VECTOR);
	if (info & INTR_HAS_ERROR)
		fprintf(to, "%u}", error);
	else
		fputs("null}", to);
}

static void print_what_json(FILE *to, const struct kev_run *run)
{
	size_t length;
	char *text = NULL;
	FILE *file = open_memstream(&text, &length);

	if (file) {
		print_what(file, run);
		fclose(file);
	}
	json_string(to, text);
	free(text);
}

void report_print_json(FILE *to, const struct kev_run *run)
{
	fprintf(to, "{\"vcpu\": %u, \"kind\": \"%s\", \"text\": ", run->vcpu_id,
		kev_exit_kind_name(run->kind));
	print_what_json(to, run);
	fprintf(to, ",\n  \"exit_reason\": %u, \"exit_reason_text\": \"%s\", "
		"\"exit_reason_raw\": %u,\n  \"exit_qualification\": %llu, "
		"\"guest_linear\": %llu, \"guest_physical\": %llu,\n  \"instruction\": \"",
		run->exit_reason, kev_exit_reason_text(run->exit_reason), run->exit_reason_raw,
		run->exit_qualification, run->guest_linear, run->guest_physical);
	for (unsigned int i = 0; i < nr_instruction_bytes(run); i++)
		fprintf(to, "%02x", run->instruction_bytes[i]);
	fputs("\", \"flags\": [", to);
	print_flags(to, run->flags, ", ", "\"");
	fputc(']', to);
	print_event_json(to, "event", run->intr_info, run->intr_error);
	print_event_json(to, "delivering", run->idt_vectoring_info, run->idt_vectoring_error);
	fputc('}', to);
}
