// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for libkev's calls that executes a 64-bit guest as processes under ptrace: one for
 * each vCPU, all with the guest's memory mapped where it is guest-physical. So a debugger can
 * be tried where there is no VMX. Privileged instructions fault, and a few are carried out:
 * VMCALL, IN, OUT and HLT.
 *
 * ptrace(2) takes calls from the tracer alone, so each vCPU has a thread that makes them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libkev.h>

#define RAM_SIZE	(16UL << 20)
#define RAM_LEAST	0x10000UL	/* below, Linux maps nothing */
#define BOOT_INFO	0x11000UL
#define STACK		0xa0000UL
#define MAX_VCPUS	4
#define XSAVE_SIZE	832		/* as far as AVX */
#define XSTATE_SIZE	16384		/* of a process, at most */
#define HANG_SECONDS	60

#define DR6_BITS	0x400fULL
#define DR6_STEP	0x4000ULL

struct vcpu {
	int fd;
	uint32_t id;
	struct kev_run *run;
	pthread_mutex_t owner;		/* as kev's lock of the vCPU: tried, never waited for */
	pthread_mutex_t lock;		/* guards the call, and is handed over with it */
	pthread_cond_t changed;
	int (*call)(struct vcpu *vcpu, void *argument);
	void *argument;
	int result;
	bool calling;
	pthread_t tracer;
	pid_t pid;
	bool kicked;
	unsigned int advance;		/* bytes of an instruction whose answer is awaited */
	struct kev_vcpu_debug debug;
};

static struct {
	uint8_t *ram;
	int memfd;
	uint64_t entry;
	int console;
	bool ended;
	uint64_t exit_code;
	struct vcpu vcpus[MAX_VCPUS];
	unsigned int nr_vcpus;
	pthread_mutex_t lock;		/* guards printing */
} vm = { .memfd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

int kev_open(const char *path)
{
	(void)path;
	alarm(HANG_SECONDS);	/* SIGALRM ends a kevctl that does not end itself */
	return eventfd(0, EFD_CLOEXEC);
}

int kev_close(int fd)
{
	return close(fd);
}

int kev_query(int kev, struct kev_query *query)
{
	(void)kev;
	*query = (struct kev_query){
		.size = query->size,
		.api_version = KEV_API_VERSION,
		.max_vcpus = MAX_VCPUS,
		.run_page_size = 4096,
		.xsave_size = XSAVE_SIZE,
		.backend = "native",
		.module_version = "0",
	};
	return 0;
}

int kev_create_vm_from(int kev, const struct kev_create_vm *create)
{
	int ends[2];

	(void)kev;
	(void)create;
	vm.memfd = memfd_create("ram", MFD_CLOEXEC);
	if (vm.memfd < 0 || ftruncate(vm.memfd, RAM_SIZE) || pipe2(ends, O_CLOEXEC))
		return -errno;
	vm.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vm.memfd, 0);
	if (vm.ram == MAP_FAILED)
		return -errno;
	vm.console = ends[1];
	return ends[0];
}

int kev_create_vm(int kev, uint32_t flags, const char *abi)
{
	(void)flags;
	(void)abi;
	return kev_create_vm_from(kev, NULL);
}

static bool in_ram(uint64_t address, uint64_t length)
{
	return address < RAM_SIZE && length <= RAM_SIZE - address;
}

/* A VMCALL of a process would be another hypervisor's; UD2 faults. */
static void replace_calls(uint8_t *code, size_t length)
{
	static const uint8_t call[] = { 0x0f, 0x01, 0xc1 }, fault[] = { 0x0f, 0x0b, 0x90 };

	for (size_t i = 0; i + sizeof(call) <= length; i++)
		if (!memcmp(code + i, call, sizeof(call)))
			memcpy(code + i, fault, sizeof(fault));
}

int kev_vm_attach_image(int fd, struct kev_attach_image *image)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	(void)fd;
	if (pread(image->fd, &header, sizeof(header), 0) != sizeof(header))
		return -ENOEXEC;
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		if (pread(image->fd, &segment, sizeof(segment),
			  header.e_phoff + i * sizeof(segment)) != sizeof(segment))
			return -ENOEXEC;
		if (segment.p_type != PT_LOAD)
			continue;
		if (!in_ram(segment.p_vaddr, segment.p_memsz) ||
		    pread(image->fd, vm.ram + segment.p_vaddr, segment.p_filesz,
			  segment.p_offset) != (ssize_t)segment.p_filesz)
			return -ENOEXEC;
		if (segment.p_flags & PF_X)
			replace_calls(vm.ram + segment.p_vaddr, segment.p_filesz);
	}
	vm.entry = header.e_entry;
	image->entry = vm.entry;
	if (image->boot == KEV_BOOT_AUTO)
		image->boot = KEV_BOOT_DIRECT64;
	return 0;
}

/* The process */

static void become_guest(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent ||
	    mmap((void *)RAM_LEAST, RAM_SIZE - RAM_LEAST, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, vm.memfd, RAM_LEAST) == MAP_FAILED ||
	    ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(1);
	raise(SIGSTOP);
	_exit(1);
}

static int start(struct vcpu *vcpu)
{
	pid_t parent = getpid();
	struct user_regs_struct regs;
	int status;

	vcpu->pid = fork();
	if (!vcpu->pid)
		become_guest(parent);
	if (vcpu->pid < 0 || waitpid(vcpu->pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, vcpu->pid, 0, PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	regs.rip = vm.entry;
	regs.rsp = STACK;
	regs.rdi = BOOT_INFO;
	regs.rsi = vcpu->id;
	regs.rax = 0;
	regs.orig_rax = -1;
	regs.eflags = 2;
	return ptrace(PTRACE_SETREGS, vcpu->pid, 0, &regs) ? -EIO : 0;
}

static void *trace(void *argument)
{
	struct vcpu *vcpu = argument;

	pthread_mutex_lock(&vcpu->lock);
	vcpu->result = start(vcpu);
	for (;;) {
		vcpu->calling = false;
		pthread_cond_broadcast(&vcpu->changed);
		while (!vcpu->calling)
			pthread_cond_wait(&vcpu->changed, &vcpu->lock);
		vcpu->result = vcpu->call(vcpu, vcpu->argument);
	}
	return NULL;
}

/* Make a call in the tracer's thread. */
static int hand_over(struct vcpu *vcpu, int (*call)(struct vcpu *vcpu, void *argument),
		     void *argument)
{
	int result;

	if (pthread_mutex_trylock(&vcpu->owner))
		return -EBUSY;
	pthread_mutex_lock(&vcpu->lock);
	vcpu->call = call;
	vcpu->argument = argument;
	vcpu->calling = true;
	pthread_cond_broadcast(&vcpu->changed);
	while (vcpu->calling)
		pthread_cond_wait(&vcpu->changed, &vcpu->lock);
	result = vcpu->result;
	pthread_mutex_unlock(&vcpu->lock);
	pthread_mutex_unlock(&vcpu->owner);
	return result;
}

static struct vcpu *vcpu_of(int fd)
{
	for (unsigned int i = 0; i < vm.nr_vcpus; i++)
		if (vm.vcpus[i].fd == fd)
			return &vm.vcpus[i];
	abort();
}

int kev_vm_create_vcpu(int fd, uint32_t id)
{
	struct vcpu *vcpu = &vm.vcpus[vm.nr_vcpus];

	(void)fd;
	vcpu->fd = eventfd(0, EFD_CLOEXEC);
	vcpu->id = id;
	vcpu->run = calloc(1, 4096);
	vcpu->run->vcpu_id = id;
	pthread_mutex_init(&vcpu->owner, NULL);
	pthread_mutex_init(&vcpu->lock, NULL);
	pthread_cond_init(&vcpu->changed, NULL);
	vcpu->calling = true;
	if (pthread_create(&vcpu->tracer, NULL, trace, vcpu))
		return -EAGAIN;
	pthread_mutex_lock(&vcpu->lock);
	while (vcpu->calling)
		pthread_cond_wait(&vcpu->changed, &vcpu->lock);
	pthread_mutex_unlock(&vcpu->lock);
	if (vcpu->result)
		return vcpu->result;
	vm.nr_vcpus++;
	return vcpu->fd;
}

int kev_vcpu_map_run(int fd, size_t size, struct kev_run **run)
{
	(void)size;
	*run = vcpu_of(fd)->run;
	return 0;
}

int kev_vcpu_unmap_run(struct kev_run *run, size_t size)
{
	(void)size;
	free(run);
	return 0;
}

int kev_vcpu_kick(int fd)
{
	struct vcpu *vcpu = vcpu_of(fd);

	__atomic_store_n(&vcpu->kicked, true, __ATOMIC_SEQ_CST);
	kill(vcpu->pid, SIGUSR1);
	return 0;
}

/* Running */

static int report(struct vcpu *vcpu, uint32_t kind, const struct user_regs_struct *regs)
{
	struct kev_run *run = vcpu->run;

	run->kind = kind;
	run->rip = regs->rip;
	run->rflags = regs->eflags;
	run->gpr[KEV_RAX] = regs->rax;
	run->gpr[KEV_RSP] = regs->rsp;
	return 0;
}

static int report_end(struct vcpu *vcpu, const struct user_regs_struct *regs)
{
	vcpu->run->exit_code = vm.exit_code;
	return report(vcpu, KEV_EXIT_VM_EXITED, regs);
}

static void end(uint64_t code)
{
	pthread_mutex_lock(&vm.lock);
	if (!vm.ended) {
		vm.ended = true;
		vm.exit_code = code;
		close(vm.console);
	}
	pthread_mutex_unlock(&vm.lock);
}

static int report_debug(struct vcpu *vcpu, const struct user_regs_struct *regs, uint32_t vector,
			uint64_t dr6)
{
	vcpu->run->debug = (struct kev_exit_debug){
		.vector = vector, .address = regs->rip, .dr6 = dr6, .dr7 = vcpu->debug.dr7,
	};
	return report(vcpu, KEV_EXIT_DEBUG, regs);
}

static long debug_register(unsigned int n)
{
	return offsetof(struct user, u_debugreg) + n * sizeof(((struct user *)0)->u_debugreg[0]);
}

static int handle_trap(struct vcpu *vcpu, struct user_regs_struct *regs)
{
	siginfo_t info;
	uint64_t dr6;

	if (ptrace(PTRACE_GETSIGINFO, vcpu->pid, 0, &info))
		return -EIO;
	if (info.si_code == SI_KERNEL) {
		regs->rip--;
		if (ptrace(PTRACE_SETREGS, vcpu->pid, 0, regs))
			return -EIO;
		return report_debug(vcpu, regs, 3, 0);
	}
	dr6 = ptrace(PTRACE_PEEKUSER, vcpu->pid, debug_register(6), 0);
	ptrace(PTRACE_POKEUSER, vcpu->pid, debug_register(6), 0);
	if (vcpu->debug.flags & KEV_DEBUG_STEP)
		dr6 |= DR6_STEP;
	return report_debug(vcpu, regs, 1, dr6 & DR6_BITS);
}

static int go_behind(struct vcpu *vcpu, unsigned int length)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	regs.rip += length;
	return ptrace(PTRACE_SETREGS, vcpu->pid, 0, &regs) ? -EIO : 0;
}

/* 1: it has been carried out. */
static int handle_call(struct vcpu *vcpu, const struct user_regs_struct *regs)
{
	int result = 1;

	if (regs->rax == 0) {
		end(regs->rdi);
		return report_end(vcpu, regs);
	}
	pthread_mutex_lock(&vm.lock);
	if (regs->rax != 1 || vm.ended || !in_ram(regs->rdi, regs->rsi) ||
	    write(vm.console, vm.ram + regs->rdi, regs->rsi) != (ssize_t)regs->rsi)
		result = report(vcpu, KEV_EXIT_UNHANDLED, regs);
	pthread_mutex_unlock(&vm.lock);
	if (result == 1 && go_behind(vcpu, 3))
		return -EIO;
	return result;
}

static int handle_io(struct vcpu *vcpu, const struct user_regs_struct *regs, uint8_t opcode)
{
	vcpu->advance = 1;
	vcpu->run->io = (struct kev_exit_io){
		.port = regs->rdx, .width = opcode & 1 ? 4 : 1, .count = 1,
		.direction = opcode & 2 ? KEV_IO_OUT : KEV_IO_IN,
		.data = opcode & 2 ? (opcode & 1 ? regs->rax : regs->rax & 0xff) : 0,
	};
	return report(vcpu, KEV_EXIT_IO, regs);
}

static int handle_fault(struct vcpu *vcpu, const struct user_regs_struct *regs)
{
	const uint8_t *code = in_ram(regs->rip, 3) ? vm.ram + regs->rip : (const uint8_t *)"\0\0\0";

	if (code[0] == 0x0f && code[1] == 0x0b && code[2] == 0x90)
		return handle_call(vcpu, regs);
	if (code[0] >= 0xec && code[0] <= 0xef)
		return handle_io(vcpu, regs, code[0]);
	if (code[0] == 0xf4) {
		go_behind(vcpu, 1);
		return report(vcpu, KEV_EXIT_HALTED, regs);
	}
	vcpu->run->exit_reason = 2;
	return report(vcpu, KEV_EXIT_SHUTDOWN, regs);
}

/* The awaited answer, or 1 if there is none. */
static int complete(struct vcpu *vcpu)
{
	unsigned int length = vcpu->advance;
	struct user_regs_struct regs;

	vcpu->advance = 0;
	if (!length)
		return 1;
	if (ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	if (vcpu->run->io.direction == KEV_IO_IN)
		regs.rax = vcpu->run->io.width == 4 ? vcpu->run->io.data :
			(regs.rax & ~0xffULL) | (vcpu->run->io.data & 0xff);
	regs.rip += length;
	if (ptrace(PTRACE_SETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	if (vcpu->debug.flags & KEV_DEBUG_STEP && !vcpu->run->request)
		return report_debug(vcpu, &regs, 1, DR6_STEP);
	return 1;
}

static int step_or_go(struct vcpu *vcpu)
{
	bool step = vcpu->debug.flags & KEV_DEBUG_STEP;
	struct user_regs_struct regs;
	int status, result;

	if (ptrace(step ? PTRACE_SINGLESTEP : PTRACE_CONT, vcpu->pid, 0, 0) ||
	    waitpid(vcpu->pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	switch (WSTOPSIG(status)) {
	case SIGTRAP:
		return handle_trap(vcpu, &regs);
	case SIGSEGV:
	case SIGILL:
	case SIGBUS:
		result = handle_fault(vcpu, &regs);
		if (result == 1 && step && !ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
			return report_debug(vcpu, &regs, 1, DR6_STEP);
		return result;
	default:
		return -EINTR;
	}
}

static int run(struct vcpu *vcpu, void *argument)
{
	int result = complete(vcpu);

	(void)argument;
	while (result == 1) {
		if (vm.ended)
			return report_end(vcpu, &(struct user_regs_struct){ });
		if (__atomic_exchange_n(&vcpu->kicked, false, __ATOMIC_SEQ_CST) ||
		    vcpu->run->request)
			return -EINTR;
		result = step_or_go(vcpu);
	}
	return result;
}

int kev_vcpu_run(int fd)
{
	return hand_over(vcpu_of(fd), run, NULL);
}

/* State */

/* Where each register of struct kev_gprs is */
#define AT(name)	offsetof(struct user_regs_struct, name)
static const size_t gprs[KEV_NR_GPRS] = {
	AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
	AT(r8), AT(r9), AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
};

/* Linux takes all of a process' registers, or none. */
static int move_xsave(struct vcpu *vcpu, const struct kev_vcpu_state *state, bool set)
{
	static __thread uint8_t bytes[XSTATE_SIZE];
	struct iovec all = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	void *xsave = (void *)(uintptr_t)state->xsave;

	if (ptrace(PTRACE_GETREGSET, vcpu->pid, NT_X86_XSTATE, &all))
		return -EIO;
	if (!set) {
		memcpy(xsave, bytes, XSAVE_SIZE);
		return 0;
	}
	memcpy(bytes, xsave, XSAVE_SIZE);
	return ptrace(PTRACE_SETREGSET, vcpu->pid, NT_X86_XSTATE, &all) ? -EINVAL : 0;
}

static int get_state(struct vcpu *vcpu, void *argument)
{
	struct kev_vcpu_state *state = argument;
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		memcpy(&state->gprs.gpr[i], (char *)&regs + gprs[i], 8);
	state->gprs.rip = regs.rip;
	state->gprs.rflags = regs.eflags;
	state->segments.cs.selector = regs.cs;
	state->segments.ss.selector = regs.ss;
	state->segments.fs.base = regs.fs_base;
	state->segments.gs.base = regs.gs_base;
	state->controls.cr0 = 0x80000031;
	state->mp.state = KEV_MP_RUNNABLE;
	return state->groups & KEV_STATE_XSAVE ? move_xsave(vcpu, state, false) : 0;
}

int kev_vcpu_get_state(int fd, struct kev_vcpu_state *state)
{
	return hand_over(vcpu_of(fd), get_state, state);
}

static int set_state(struct vcpu *vcpu, void *argument)
{
	const struct kev_vcpu_state *state = argument;
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, vcpu->pid, 0, &regs))
		return -EIO;
	if (state->groups & KEV_STATE_GPRS) {
		vcpu->advance = 0;
		for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
			memcpy((char *)&regs + gprs[i], &state->gprs.gpr[i], 8);
		regs.rip = state->gprs.rip;
		regs.eflags = state->gprs.rflags;
	}
	if (state->groups & KEV_STATE_SEGMENTS) {
		regs.fs_base = state->segments.fs.base;
		regs.gs_base = state->segments.gs.base;
	}
	if (state->groups & KEV_STATE_XSAVE && move_xsave(vcpu, state, true))
		return -EINVAL;
	return ptrace(PTRACE_SETREGS, vcpu->pid, 0, &regs) ? -EINVAL : 0;
}

int kev_vcpu_set_state(int fd, struct kev_vcpu_state *state)
{
	return hand_over(vcpu_of(fd), set_state, state);
}

static int set_debug(struct vcpu *vcpu, void *argument)
{
	/* Linux checks each one by what DR7 says of it: first none. */
	if (ptrace(PTRACE_POKEUSER, vcpu->pid, debug_register(7), 0))
		return -EIO;
	vcpu->debug = *(const struct kev_vcpu_debug *)argument;
	for (unsigned int n = 0; n < 4; n++)
		if (ptrace(PTRACE_POKEUSER, vcpu->pid, debug_register(n), vcpu->debug.dr[n]))
			return -EINVAL;
	return ptrace(PTRACE_POKEUSER, vcpu->pid, debug_register(7), vcpu->debug.dr7) ?
		-EINVAL : 0;
}

int kev_vcpu_set_debug(int fd, const struct kev_vcpu_debug *debug)
{
	return hand_over(vcpu_of(fd), set_debug, (void *)debug);
}

int kev_vcpu_stats(int fd, struct kev_vcpu_stats *stats)
{
	stats->exits = 40 + vcpu_of(fd)->id;
	return 0;
}

/* Memory: guest-virtual is guest-physical. */

static int copy(struct kev_access *access, bool write)
{
	void *buffer = (void *)(uintptr_t)access->buffer;

	if (access->address >= RAM_SIZE)
		return -ENOENT;
	access->done = access->length;
	if (access->done > RAM_SIZE - access->address)
		access->done = RAM_SIZE - access->address;
	if (write)
		memcpy(vm.ram + access->address, buffer, access->done);
	else
		memcpy(buffer, vm.ram + access->address, access->done);
	return 0;
}

int kev_vm_read_memory(int fd, struct kev_access *access)
{
	(void)fd;
	return copy(access, false);
}

int kev_vm_write_memory(int fd, struct kev_access *access)
{
	(void)fd;
	return copy(access, true);
}

int kev_vm_translate(int fd, struct kev_translate *translate)
{
	(void)fd;
	translate->gpa = translate->address;
	translate->mapped = translate->address < RAM_SIZE;
	return 0;
}

ssize_t kev_vm_read(int fd, void *buffer, size_t length)
{
	ssize_t n = read(fd, buffer, length);

	return n < 0 ? -errno : n;
}

int kev_vm_stats(int fd, struct kev_vm_stats *stats)
{
	(void)fd;
	stats->file_pages = 17;
	return 0;
}

/* What there is not */

int kev_vm_add_region(int fd, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length)
{
	(void)fd;
	(void)kind;
	(void)prot;
	(void)gpa;
	(void)length;
	return 0;
}

int kev_vm_set_cpuid(int fd, const struct kev_cpuid *cpuid)
{
	(void)fd;
	(void)cpuid;
	return -EOPNOTSUPP;
}

int kev_vcpu_interrupt(int fd, uint32_t vector)
{
	(void)fd;
	(void)vector;
	return -EOPNOTSUPP;
}

int kev_vcpu_inject(int fd, const struct kev_vcpu_inject *inject)
{
	(void)fd;
	(void)inject;
	return -EOPNOTSUPP;
}

int kev_vm_signal(int fd, uint64_t address, uint32_t data)
{
	(void)fd;
	(void)address;
	(void)data;
	return -EOPNOTSUPP;
}
