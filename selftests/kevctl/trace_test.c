// SPDX-License-Identifier: GPL-2.0
/* Lines of a trace_pipe, and what kevctl makes of them. */
#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/stat/trace_sum.h"
#include "tap.h"

#define TASK	"          kevctl-1234    [001] d..1. "
#define EXIT	"kev_exit: vm=3 vcpu_id=1 exit_reason="
#define REST	" guest_rip=0x1000 info1=0x0 info2=0x0 intr_info=0x0 error_code=0x0"

static const struct {
	const char *name, *text;
	enum trace_kind kind;
	uint64_t time, vm, vcpu, lost;
	const char *event, *reason;
} lines[] = {
	{ "an exit", TASK "123456789012: " EXIT "CPUID" REST, TRACE_EVENT, 123456789012, 3, 1, 0,
	  "kev_exit", "CPUID" },
	{ "an entry", TASK "77: kev_entry: vm=3 vcpu_id=1 guest_rip=0x1000", TRACE_EVENT, 77, 3, 1,
	  0, "kev_entry", "" },
	{ "a VM's event", TASK "77: kev_vm_destroy: vm=9", TRACE_EVENT, 77, 9, 0, 0,
	  "kev_vm_destroy", "" },
	{ "a failed entry", TASK "7: " EXIT "INVALID_STATE|FAILED_VMENTRY" REST, TRACE_EVENT, 7, 3,
	  1, 0, "kev_exit", "INVALID_STATE|FAILED_VMENTRY" },
	{ "five flags", "    kevctl-vcpu0-7       [000] d.... 7: " EXIT "HLT" REST, TRACE_EVENT, 7,
	  3, 1, 0, "kev_exit", "HLT" },
	{ "a great pid", "    kevctl-vcpu0-4194304 [127] d..1. 7: " EXIT "HLT" REST, TRACE_EVENT,
	  7, 3, 1, 0, "kev_exit", "HLT" },
	{ "a task with the name of an event", "    : kev_exit: -1234    [001] d..1. 7: " EXIT
	  "HLT" REST, TRACE_EVENT, 7, 3, 1, 0, "kev_exit", "HLT" },
	{ "a task with the name of a line", " 1 [0] d 1: kev_-1234    [001] d..1. 7: " EXIT
	  "HLT" REST, TRACE_EVENT, 7, 3, 1, 0, "kev_exit", "HLT" },
	{ "another system's event", TASK "7: kvm_exit: vm=3 vcpu_id=1", TRACE_OTHER, 7 },
	{ "a clock of seconds", TASK "1.000007: " EXIT "HLT" REST, TRACE_OTHER, 1 },
	{ "lost events", "CPU:1 [LOST 42 EVENTS]", TRACE_LOST, .lost = 42 },
	{ "who knows how many", "CPU:1 [LOST EVENTS]", TRACE_LOST },
	{ "nothing", "", TRACE_OTHER },
	{ "no context", "kev_exit: vm=3", TRACE_OTHER },
	{ "a long event", TASK "7: kev_0123456789012345678901234567890123456789: vm=3",
	  TRACE_OTHER, 7 },
	{ "a long reason", TASK "7: " EXIT "0123456789012345678901234567890123456789",
	  TRACE_EVENT, 7, 3, 1, 0, "kev_exit", "0123456789012345678901234567890" },
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void test_lines(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct trace_line line;

		trace_line_parse(lines[i].text, &line);
		tap_result(line.kind == lines[i].kind && line.time == lines[i].time &&
			   line.vm == lines[i].vm && line.vcpu == lines[i].vcpu &&
			   line.lost == lines[i].lost &&
			   (line.kind != TRACE_EVENT ||
			    (!strcmp(line.event, or_empty(lines[i].event)) &&
			     !strcmp(line.reason, or_empty(lines[i].reason)))), lines[i].name);
	}
}

/* What --events --json makes of a line; @object without its newline */
static const struct {
	const char *name, *text, *object;
} objects[] = {
	{ "an exit", TASK "12: " EXIT "CPUID guest_rip=0xffffffff81000000 info1=0x0",
	  "{\"event\": \"kev_exit\", \"ticks\": 12, \"cpu\": 1, \"pid\": 1234, \"task\": "
	  "\"kevctl\", \"fields\": {\"vm\": 3, \"vcpu_id\": 1, \"exit_reason\": \"CPUID\", "
	  "\"guest_rip\": 18446744071578845184, \"info1\": 0}}" },
	{ "numbers and texts", TASK "7: kev_fault: vm=1 ret=-14 access= kind=007 a=- b=0x c=1x d",
	  "{\"event\": \"kev_fault\", \"ticks\": 7, \"cpu\": 1, \"pid\": 1234, \"task\": "
	  "\"kevctl\", \"fields\": {\"vm\": 1, \"ret\": -14, \"access\": \"\", \"kind\": "
	  "\"007\", \"a\": \"-\", \"b\": \"0x\", \"c\": \"1x\"}}" },
	{ "a task of any name", "        \"}, {\"a\\-1234    [001] d..1. 7: kev_vm_destroy: vm=9",
	  "{\"event\": \"kev_vm_destroy\", \"ticks\": 7, \"cpu\": 1, \"pid\": 1234, \"task\": "
	  "\"\\\"}, {\\\"a\\\\\", \"fields\": {\"vm\": 9}}" },
	{ "lost events", "CPU:1 [LOST 42 EVENTS]",
	  "{\"event\": \"lost\", \"cpu\": 1, \"lost\": 42}" },
	{ "who knows how many", "CPU:1 [LOST EVENTS]",
	  "{\"event\": \"lost\", \"cpu\": 1, \"lost\": null}" },
	{ "another system's event", "no \"context\"",
	  "{\"event\": \"other\", \"text\": \"no \\\"context\\\"\"}" },
};

static void test_objects(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		char text[512] = "", name[64];
		FILE *to = fmemopen(text, sizeof(text), "w");
		size_t length;

		trace_line_print_json(to, objects[i].text);
		fclose(to);
		length = strlen(text);
		snprintf(name, sizeof(name), "json: %s", objects[i].name);
		tap_result(length && text[length - 1] == '\n' &&
			   length - 1 == strlen(objects[i].object) &&
			   !strncmp(text, objects[i].object, length - 1), name);
	}
}

/* A story: letters are reasons of exits, '.' is an entry, '!' lost events, '1' another vCPU. */
static const struct {
	const char *name, *story;
	uint64_t exits, lost, exits_a, timed_a, sum_a, least_a, most_a;
	const char *first;
} stories[] = {
	{ "nothing", "", .first = "" },
	{ "an exit and its entry", "A.", 1, 0, 1, 1, 1, 1, 1, "A" },
	{ "an entry alone", ".", .first = "" },
	{ "the last exit", "A.A", 2, 0, 2, 1, 1, 1, 1, "A" },
	{ "two entries", "A..", 1, 0, 1, 1, 1, 1, 1, "A" },
	{ "times", "A.A-.A--.", 3, 0, 3, 3, 6, 1, 3, "A" },
	{ "two reasons", "B.A-.B.", 3, 0, 1, 1, 2, 2, 2, "B" },
	{ "as many of each: by name", "B.A-.", 2, 0, 1, 1, 2, 2, 2, "A" },
	{ "two vCPUs", "A1B1.0--.", 2, 0, 1, 1, 8, 8, 8, "A" },
	{ "lost events: the entry is nobody's", "A!.A.", 2, 9, 2, 1, 1, 1, 1, "A" },
};

static void tell(struct trace_sum *sum, const char *story)
{
	struct trace_line line = { .vm = 3 };

	for (line.time = 100; *story; story++, line.time++) {
		line.kind = TRACE_EVENT;
		line.reason[0] = '\0';
		switch (*story) {
		case '.':
			strcpy(line.event, "kev_entry");
			break;
		case '!':
			line.kind = TRACE_LOST;
			line.lost = 9;
			break;
		case '0':
		case '1':
			line.vcpu = *story - '0';
			continue;
		case '-':
			continue;
		default:
			strcpy(line.event, "kev_exit");
			line.reason[0] = *story;
			line.reason[1] = '\0';
		}
		trace_sum_add(sum, &line);
	}
}

static bool same(const struct trace_sum *sum, size_t i)
{
	struct trace_reason none = { .least = UINT64_MAX };
	const struct trace_reason *a = &none;

	for (unsigned int j = 0; j < sum->nr_reasons; j++)
		if (!strcmp(sum->reasons[j].name, "A"))
			a = &sum->reasons[j];
	return sum->exits == stories[i].exits && sum->lost == stories[i].lost &&
	       a->exits == stories[i].exits_a && a->timed == stories[i].timed_a &&
	       a->sum == stories[i].sum_a && a->most == stories[i].most_a &&
	       (!a->timed || a->least == stories[i].least_a) &&
	       !strcmp(sum->nr_reasons ? sum->reasons[0].name : "", stories[i].first);
}

static void test_stories(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct trace_sum sum = { };

		tell(&sum, stories[i].story);
		trace_sum_sort(&sum);
		tap_result(same(&sum, i), stories[i].name);
		trace_sum_fini(&sum);
	}
}

int main(void)
{
	test_lines();
	test_objects();
	test_stories();
	return tap_end();
}
