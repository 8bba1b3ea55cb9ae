// SPDX-License-Identifier: GPL-2.0
/* kevctl check: can this machine run kev, and if not, what to do. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <libkev.h>

#include "color.h"
#include "command_line.h"
#include "json.h"
#include "kevctl.h"

#define CPUID_1_ECX_VMX	(1U << 5)

enum result { RESULT_OK, RESULT_FAIL, RESULT_SKIP };

static const char *const result_names[] = { "ok", "fail", "skip" };

/* What the checks find out for those after them */
struct machine_facts {
	const char *device;
	bool cpu_has_vmx;
	bool kernel_has_vmx;
	int kev;		/* device, or negative */
	bool has_query;
	struct kev_query query;
};

struct finding {
	enum result result;
	char detail[256];
	const char *advice;	/* what to do, or NULL */
};

static void found(struct finding *finding, enum result result, const char *advice,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static void found(struct finding *finding, enum result result, const char *advice,
		  const char *format, ...)
{
	va_list args;

	finding->result = result;
	finding->advice = advice;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

/* Is @word one of the words of /proc/cpuinfo's first line @key? -ENOENT: no such line. */
static int cpuinfo_has(const char *key, const char *word)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL, *rest, *token;
	size_t size = 0, key_length = strlen(key);
	int has = -ENOENT;

	while (has == -ENOENT && file && getline(&line, &size, file) > 0) {
		rest = strchr(line, ':');
		if (!rest || strncmp(line, key, key_length) ||
		    !isspace((unsigned char)line[key_length]))
			continue;
		has = 0;
		for (rest++; (token = strsep(&rest, " \t\n")) != NULL; )
			if (!strcmp(token, word))
				has = 1;
	}
	free(line);
	if (file)
		fclose(file);
	return has;
}

/* First line of a small file, without its newline; false if it cannot be read. */
static bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(text, size, file);

	if (file)
		fclose(file);
	if (read)
		text[strcspn(text, "\n")] = '\0';
	return read;
}

static void check_cpu(struct machine_facts *facts, struct finding *finding)
{
#ifdef __x86_64__
	unsigned int eax, ebx, ecx, edx;

	facts->cpu_has_vmx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & CPUID_1_ECX_VMX;
#endif
	if (facts->cpu_has_vmx)
		found(finding, RESULT_OK, NULL, "the CPU has VMX");
	else
		found(finding, RESULT_FAIL,
		      "use an Intel CPU with VMX; in a VM, its host has to allow nested virtualisation",
		      "the CPU shows no VMX (CPUID leaf 1, ECX bit 5)");
}

static void check_firmware(struct machine_facts *facts, struct finding *finding)
{
	if (!facts->cpu_has_vmx) {
		found(finding, RESULT_SKIP, NULL, "no VMX");
		return;
	}
	/* The kernel takes the flag away when the firmware has locked VMX off. */
	facts->kernel_has_vmx = cpuinfo_has("flags", "vmx") == 1;
	if (facts->kernel_has_vmx)
		found(finding, RESULT_OK, NULL, "the firmware leaves VMX on");
	else
		found(finding, RESULT_FAIL,
		      "turn on \"Intel Virtualization Technology\" in the firmware's set-up",
		      "the CPU has VMX, but the firmware has locked it off");
}

static void check_ept(struct machine_facts *facts, struct finding *finding)
{
	if (!facts->kernel_has_vmx) {
		found(finding, RESULT_SKIP, NULL, "no VMX");
		return;
	}
	switch (cpuinfo_has("vmx flags", "ept")) {
	case 1:
		found(finding, RESULT_OK, NULL, "the CPU has EPT");
		break;
	case 0:
		found(finding, RESULT_FAIL, "use a CPU with extended page tables (2008 or later)",
		      "the CPU has no EPT");
		break;
	default:
		found(finding, RESULT_SKIP, NULL, "/proc/cpuinfo has no line \"vmx flags\"");
		break;
	}
}

static void check_module(struct machine_facts *facts, struct finding *finding)
{
	char version[64] = "";

	(void)facts;
	if (access("/sys/module/kev", F_OK)) {
		found(finding, RESULT_FAIL,
		      "modprobe kev, or insmod kev.ko; where it refuses, dmesg says why",
		      "the module kev is not loaded");
		return;
	}
	if (read_line("/sys/module/kev/version", version, sizeof(version)))
		found(finding, RESULT_OK, NULL, "the module kev is loaded, version %s", version);
	else
		found(finding, RESULT_OK, NULL, "the module kev is loaded");
}

static void check_device(struct machine_facts *facts, struct finding *finding)
{
	struct stat info;

	if (stat(facts->device, &info))
		found(finding, RESULT_FAIL, "load the module: the kernel then makes the device",
		      "%s: %s", facts->device, strerror(errno));
	else if (!S_ISCHR(info.st_mode))
		found(finding, RESULT_FAIL, "remove it and load the module again",
		      "%s is no character device", facts->device);
	else
		found(finding, RESULT_OK, NULL, "%s is there", facts->device);
}

static void check_permission(struct machine_facts *facts, struct finding *finding)
{
	if (access(facts->device, F_OK)) {
		found(finding, RESULT_SKIP, NULL, "no device");
		return;
	}
	facts->kev = kev_open(facts->device);
	if (facts->kev < 0)
		found(finding, RESULT_FAIL, open_hint(-facts->kev), "%s: %s", facts->device,
		      strerror(-facts->kev));
	else
		found(finding, RESULT_OK, NULL, "%s can be opened", facts->device);
}

static void check_query(struct machine_facts *facts, struct finding *finding)
{
	static const char advice[] = "use module and kevctl of the same version";
	int error;

	if (facts->kev < 0) {
		found(finding, RESULT_SKIP, NULL, "no device");
		return;
	}
	facts->query.size = sizeof(facts->query);
	error = kev_query(facts->kev, &facts->query);
	if (error) {
		found(finding, RESULT_FAIL, advice, "KEV_QUERY: %s", strerror(-error));
	} else if (facts->query.api_version < KEV_API_VERSION) {
		found(finding, RESULT_FAIL, advice, "the module has interface %u, kevctl needs %d",
		      facts->query.api_version, KEV_API_VERSION);
	} else {
		facts->has_query = true;
		found(finding, RESULT_OK, NULL, "interface %u, backend %s, up to %u vCPUs",
		      facts->query.api_version, facts->query.backend, facts->query.max_vcpus);
	}
}

static void check_features(struct machine_facts *facts, struct finding *finding)
{
	size_t used = 0, room = sizeof(finding->detail);

	if (!facts->has_query) {
		found(finding, RESULT_SKIP, NULL, "no answer from the module");
		return;
	}
	found(finding, RESULT_OK, NULL, "none");
	for (unsigned int bit = 0; bit < 64 && used < room; bit++)
		if (facts->query.features >> bit & 1)
			used += snprintf(finding->detail + used, room - used, "%s%s",
					 used ? ", " : "", kev_feature_name(bit));
}

static void check_vm(struct machine_facts *facts, struct finding *finding)
{
	char users[16] = "";
	bool kvm;
	int vm;

	if (!facts->has_query) {
		found(finding, RESULT_SKIP, NULL, "no answer from the module");
		return;
	}
	vm = kev_create_vm(facts->kev, 0, NULL);
	kvm = read_line("/sys/module/kvm_intel/refcnt", users, sizeof(users));
	if (vm >= 0) {
		kev_close(vm);
		found(finding, RESULT_OK, NULL, "a VM can be made");
	} else if (vm == -EBUSY && kvm && strcmp(users, "0")) {
		found(finding, RESULT_FAIL, "end KVM's VMs, or modprobe -r kvm_intel",
		      "VMX is held by kvm_intel, which has %s users", users);
	} else if (vm == -EBUSY) {
		found(finding, RESULT_FAIL,
		      kvm ? "modprobe -r kvm_intel, or load kvm with enable_virt_at_load=0; "
			    "or it is another hypervisor's" :
			    "end the other hypervisor's VMs or unload it",
		      "VMX is held by %s",
		      kvm ? "kvm_intel, without a user, or another hypervisor" :
			    "another hypervisor");
	} else {
		found(finding, RESULT_FAIL, vm == -EDQUOT ? vm_hint(EDQUOT) : "dmesg may say more",
		      "KEV_CREATE_VM: %s", strerror(-vm));
	}
}

static const struct {
	const char *name;
	void (*check)(struct machine_facts *facts, struct finding *finding);
} checks[] = {
	{ "cpu", check_cpu },
	{ "firmware", check_firmware },
	{ "ept", check_ept },
	{ "module", check_module },
	{ "device", check_device },
	{ "permission", check_permission },
	{ "query", check_query },
	{ "features", check_features },
	{ "vm", check_vm },
};

#define NR_CHECKS ARRAY_SIZE(checks)

static void print_json(const struct finding *findings, bool usable)
{
	printf("{\"usable\": %s, \"checks\": [\n", usable ? "true" : "false");
	for (size_t i = 0; i < NR_CHECKS; i++) {
		printf("  {\"name\": \"%s\", \"result\": \"%s\", \"detail\": ", checks[i].name,
		       result_names[findings[i].result]);
		json_string(stdout, findings[i].detail);
		fputs(", \"advice\": ", stdout);
		json_string(stdout, findings[i].advice);
		printf("}%s\n", i + 1 < NR_CHECKS ? "," : "");
	}
	puts("]}");
}

static void print_text(const struct finding *findings, bool usable)
{
	static const enum color colors[] = {
		[RESULT_OK] = COLOR_GOOD, [RESULT_FAIL] = COLOR_BAD, [RESULT_SKIP] = COLOR_DIM,
	};

	for (size_t i = 0; i < NR_CHECKS; i++) {
		printf("%s%-4s%s  %-10s  %s\n", color(colors[findings[i].result]),
		       result_names[findings[i].result], color(COLOR_NONE), checks[i].name,
		       findings[i].detail);
		if (findings[i].advice)
			printf("      %-10s  -> %s\n", "", findings[i].advice);
	}
	puts(usable ? "This machine can run kev." : "This machine cannot run kev as it is.");
}

static const char help[] =
	"Usage: kevctl check [OPTION]...\n"
	"\n"
	"Find out whether this machine can run kev, and what to do where it cannot.\n"
	"\n"
	"  --json         print the findings as one JSON object\n"
	"  --color WHEN   auto (default: on a terminal, unless NO_COLOR is set), always or never\n"
	"  --device PATH  the device, instead of " KEV_DEVICE "\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0 when it can, 1 when a check failed, 125 after a wrong option.\n";

int cmd_check(int argc, char **argv)
{
	struct machine_facts facts = { .device = KEV_DEVICE, .kev = -ENOENT };
	struct finding findings[NR_CHECKS] = { };
	bool json = false, usable = true;
	const struct command_option options[] = {
		{ "json", .kind = OPTION_FLAG, .value = &json },
		{ "color", .kind = OPTION_CALL, .set = color_option },
		{ "device", .kind = OPTION_TEXT, .value = &facts.device },
		{ }
	};
	const struct command_line line = { "check", help, .options = options };
	int status;

	if (command_line_take(&line, argc, argv, &status) < 0)
		return status;
	for (size_t i = 0; i < NR_CHECKS; i++) {
		checks[i].check(&facts, &findings[i]);
		usable = usable && findings[i].result != RESULT_FAIL;
	}
	if (facts.kev >= 0)
		kev_close(facts.kev);
	if (json)
		print_json(findings, usable);
	else
		print_text(findings, usable);
	return usable ? 0 : 1;
}
