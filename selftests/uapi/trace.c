// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events, as tracefs prints them. Guards that each comes as often as what it tells of,
 * with the values that the guest has had, and that a trace changes nothing for the guest.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "kevtest.h"

#define TRACEFS		"/sys/kernel/tracing"
/* Of our own: what else is traced does not come in between. */
#define INSTANCE	TRACEFS "/instances/kev-test"

#define TRAP_GPA	0x40000000UL

/* The trace, as text */
static char text[1 << 18];

static int write_to(const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	return kt_write_file(path, value);
}

static int set_event(const char *event, bool on)
{
	char file[64];

	snprintf(file, sizeof(file), "events/kev/%s/enable", event);
	return write_to(file, on ? "1" : "0");
}

/* Stop, and read what has come into @text. */
static int collect(void)
{
	int file = open(INSTANCE "/trace", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n = -1;

	if (file < 0)
		return -errno;
	while (size < sizeof(text) - 1 &&
	       (n = read(file, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	text[size] = '\0';
	close(file);
	return n ? -EIO : 0;
}

/*
 * The line of @text from @from on that is of this event and has all of these words, blanks
 * between them; NULL for none.
 */
static const char *find(const char *from, const char *event, const char *words)
{
	char name[64], line[512], word[128];
	const char *end, *at;
	bool all;
	int used;

	snprintf(name, sizeof(name), " %s: ", event);
	for (; *from; from = *end ? end + 1 : end) {
		end = from + strcspn(from, "\n");
		snprintf(line, sizeof(line), "%.*s ", (int)(end - from), from);
		all = strstr(line, name);
		for (at = words; all && sscanf(at, " %126s%n", word, &used) == 1; at += used) {
			strcat(word, " ");
			all = strstr(line, word);
		}
		if (all)
			return from;
	}
	return NULL;
}

static unsigned int count(const char *event, const char *words)
{
	const char *at = text;
	unsigned int n = 0;

	while ((at = find(at, event, words))) {
		n++;
		at += strcspn(at, "\n");
	}
	return n;
}

FIXTURE(trace) {
	struct kt_guest guest;
	char who[64];		/* "vm=N vcpu_id=0" */
};

FIXTURE_SETUP(trace)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	if (access(TRACEFS "/events/kev", F_OK))
		SKIP(return, "no trace events");
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
}

FIXTURE_TEARDOWN(trace)
{
	kt_guest_fini(&self->guest);
	rmdir(INSTANCE);
}

static int init(FIXTURE_DATA(trace) *self, const struct kt_code *code)
{
	int ret = kt_guest_init(&self->guest, code, KEV_VM_REPORT_HLT, NULL);

	snprintf(self->who, sizeof(self->who), "vm=%llu vcpu_id=0",
		 (unsigned long long)kt_vm_stats(self->guest.vm).id);
	return ret;
}

#define INIT(code)	ASSERT_EQ(0, init(self, &(code)))
#define ENABLE(event)	ASSERT_EQ(0, set_event(event, true))
#define COLLECT()	ASSERT_EQ(0, collect())

/* The guest's lines of an event with these words */
#define COUNT(event, ...) ({						\
	char _words[256];						\
	int _n = snprintf(_words, sizeof(_words), "%s ", self->who);	\
	snprintf(_words + _n, sizeof(_words) - _n, __VA_ARGS__);	\
	count(event, _words); })

#define EXPECT_LINES(nr, event, ...)					\
	EXPECT_EQ(nr, COUNT(event, __VA_ARGS__)) {			\
		TH_LOG("trace:\n%s", text);				\
	}

/*
 * CPUID at its byte 2, the first touch of a page, and OUT of a byte, to an immediate port, at
 * its byte 16
 */
KT_CODE(answers, "xor %eax, %eax\n cpuid\n"
		 "mov $0x5a, %eax\n mov %al, 0x180000\n out %al, $0x80\n"
		 "in $0x81, %al\n"
		 "hlt");

#define RIP_CPUID	(KT_CODE_GPA + 2)
#define RIP_OUT		(KT_CODE_GPA + 16)

TEST_F(trace, entry_and_exit)
{
	unsigned int entries;

	INIT(answers);
	ENABLE("kev_entry");
	ENABLE("kev_exit");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, self->guest.run->kind);
	COLLECT();
	EXPECT_LINES(1, "kev_exit", "exit_reason=CPUID guest_rip=0x%lx info1=0x0 info2=0x0",
		     RIP_CPUID);
	/* SDM Vol. 3, exit qualification for I/O instructions: one byte, out, immediate */
	EXPECT_LINES(1, "kev_exit", "exit_reason=IO_INSTRUCTION guest_rip=0x%lx info1=0x800040",
		     RIP_OUT);
	EXPECT_LINES(1, "kev_exit", "exit_reason=EPT_VIOLATION");
	entries = COUNT("kev_entry", " ");
	EXPECT_EQ(kt_vcpu_stats(self->guest.vcpu).exits, entries);
	EXPECT_LINES(entries, "kev_exit", " ");
	/* An interrupt of the host's may end the guest before it has done anything. */
	EXPECT_LINES(1 + COUNT("kev_exit", "exit_reason=EXTERNAL_INTERRUPT guest_rip=0x%lx",
			       RIP_CPUID + 2),
		     "kev_entry", "guest_rip=0x%lx", RIP_CPUID + 2);
}

/* Off again, it says nothing. */
TEST_F(trace, disabled)
{
	INIT(answers);
	ENABLE("kev_exit");
	ASSERT_EQ(0, set_event("kev_exit", false));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(0, "kev_exit", " ");
}

TEST_F(trace, cpuid)
{
	INIT(answers);
	ENABLE("kev_cpuid");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(1, "kev_cpuid", "function=0x0 ebx=0x%x ecx=0x%x edx=0x%x",
		     (uint32_t)self->guest.run->gpr[KEV_RBX],
		     (uint32_t)self->guest.run->gpr[KEV_RCX],
		     (uint32_t)self->guest.run->gpr[KEV_RDX]);
}

TEST_F(trace, pio)
{
	INIT(answers);
	ENABLE("kev_pio");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_IO_IN, self->guest.run->io.direction);
	self->guest.run->io.data = 0xa5;
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(1, "kev_pio", "write=1 port=0x80 size=1 count=1 val=0x5a");
	EXPECT_LINES(1, "kev_pio", "write=0 port=0x81 size=1 count=1 val=0xa5");
	EXPECT_LINES(2, "kev_pio", " ");
}

/* Reads one, writes it, and reads one that there is not */
KT_CODE(msrs, "mov $0x1b, %ecx\n rdmsr\n"
	      "rdmsr\n wrmsr\n"
	      "mov $0xc0de, %ecx\n rdmsr");

TEST_F(trace, msr)
{
	INIT(msrs);
	ENABLE("kev_msr");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
	COLLECT();
	/* The local APIC is on, and this is the bootstrap processor. */
	EXPECT_LINES(2, "kev_msr", "write=0 ecx=0x1b data=0xfee00900 exception=0");
	EXPECT_LINES(1, "kev_msr", "write=1 ecx=0x1b data=0xfee00900 exception=0");
	EXPECT_LINES(1, "kev_msr", "write=0 ecx=0xc0de data=0x0 exception=1");
	EXPECT_LINES(4, "kev_msr", " ");
}

TEST_F(trace, hypercall)
{
	INIT(kt_halt);
	ENABLE("kev_hypercall");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(1, "kev_hypercall", "nr=0x0 a0=0x1234");
	EXPECT_LINES(1, "kev_hypercall", " ");
}

KT_CODE(device, "mov $0x40000010, %edi\n movl $0x11223344, (%rdi)\n movb 2(%rdi), %al\n hlt");

TEST_F(trace, mmio)
{
	INIT(device);
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, TRAP_GPA, KT_PAGE));
	ENABLE("kev_mmio");
	ENABLE("kev_fault");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, self->guest.run->kind);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	self->guest.run->mmio.data = 0x77;
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(1, "kev_mmio", "write=1 gpa=0x%lx len=4 val=0x11223344", TRAP_GPA + 0x10);
	EXPECT_LINES(1, "kev_mmio", "write=0 gpa=0x%lx len=1 val=0x77", TRAP_GPA + 0x12);
	EXPECT_LINES(2, "kev_mmio", " ");
}

KT_CODE(store, "mov $0x40000abc, %edi\n movb $1, (%rdi)\n hlt");

TEST_F(trace, fault)
{
	INIT(store);
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, TRAP_GPA, KT_PAGE));
	ENABLE("kev_fault");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	EXPECT_LINES(1, "kev_fault", "gpa=0x%lx gva=0x%lx access=w kind=%d ret=0",
		     TRAP_GPA + 0xabc, TRAP_GPA + 0xabc, KEV_REGION_RAM);
	EXPECT_LINES(kt_vcpu_stats(self->guest.vcpu).memory, "kev_fault", " ");
}

TEST_F(trace, page_load)
{
	INIT(store);
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, TRAP_GPA, KT_PAGE));
	ENABLE("kev_page_load");
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	COLLECT();
	*strchr(self->who, ' ') = '\0';
	EXPECT_LINES(1, "kev_page_load", "gpa=0x%lx made=ZERO pages=1", TRAP_GPA);
	EXPECT_LINES(1, "kev_page_load", "gpa=0x%lx made=FILE pages=1", KT_CODE_GPA);
	EXPECT_LT(0, COUNT("kev_page_load", "made=BOOT pages=1"));
	EXPECT_LINES(kt_vm_stats(self->guest.vm).faults, "kev_page_load", " ");
}

/* There is no IDT: the delivery ends in a triple fault. */
TEST_F(trace, inject)
{
	struct kev_vcpu_inject args = {
		.size = sizeof(args), .flags = KEV_INJECT_ERROR_CODE,
		.type = KEV_INJECT_EXCEPTION, .vector = 13, .error_code = 0x18,
	};

	INIT(kt_spin);
	ENABLE("kev_inject");
	ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_INJECT, &args));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
	COLLECT();
	EXPECT_LT(0, COUNT("kev_inject", "type=EXCEPTION vector=13 has_error=1 error_code=0x18"));
}

TEST_F(trace, kick)
{
	INIT(kt_spin);
	ENABLE("kev_kick");
	ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
	EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_interrupt(self->guest.vcpu, 32));
	COLLECT();
	EXPECT_LINES(1, "kev_kick", "request=KICK cpu=-1");
	EXPECT_LINES(1, "kev_kick", "request=INTERRUPT cpu=-1");
}

TEST_F(trace, life)
{
	char words[128];
	uint64_t id;

	ENABLE("kev_vm_create");
	ENABLE("kev_vm_destroy");
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, KEV_VM_USER_CALLS, "akaros"));
	id = kt_vm_stats(self->guest.vm).id;
	snprintf(words, sizeof(words), "vm=%lu pid=%d flags=0x%lx abi=akaros", id, getpid(),
		 KEV_VM_USER_CALLS);
	COLLECT();
	EXPECT_EQ(1, count("kev_vm_create", words)) {
		TH_LOG("not \"%s\":\n%s", words, text);
	}
	snprintf(words, sizeof(words), "vm=%lu", id);
	EXPECT_EQ(0, count("kev_vm_destroy", words));
	kt_guest_fini(&self->guest);
	COLLECT();
	EXPECT_EQ(1, count("kev_vm_destroy", words));
}

/*
 * A guest's CR2 outlives exits that are traced with the stack of the user program, whose
 * pages may be anywhere: CR2 is the host's meanwhile.
 */
KT_CODE(keeps_cr2, "mov $0x12345678, %eax\n mov %rax, %cr2\n"
		   "mov $10, %r15d\n"
		   "1: xor %eax, %eax\n cpuid\n"
		   "mov %cr2, %rbx\n cmp $0x12345678, %rbx\n jne 2f\n"
		   "dec %r15d\n jnz 1b\n"
		   "2: hlt");

TEST_F(trace, guest_cr2)
{
	INIT(keeps_cr2);
	ENABLE("kev_entry");
	ENABLE("kev_exit");
	ASSERT_EQ(0, write_to("options/userstacktrace", "1"));
	ASSERT_EQ(0, write_to("options/stacktrace", "1"));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->guest.run->kind);
	EXPECT_EQ(0, (uint32_t)self->guest.run->gpr[KEV_R15]);
	EXPECT_EQ(0x12345678, self->guest.run->cr2);
}

TEST_HARNESS_MAIN
