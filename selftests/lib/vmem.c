// SPDX-License-Identifier: GPL-2.0
/* VMs whose vCPUs touch memory as they are told */
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmem.h"

/*
 * Each job starts at a label of its own, with RDI = address, RSI = value, RDX = first
 * index, R8 = pages, RCX = pages left, R9 = step, R11 = address of a counter. It ends
 * with the result as the hypercall's number.
 */
#define NEXT_PAGE							\
	"incq (%r11)\n"							\
	"add %r9, %rdx\n"						\
	"cmp %r8, %rdx\n"						\
	"jb 2f\n"							\
	"sub %r8, %rdx\n"						\
	"2: dec %rcx\n"							\
	"jnz 1b\n"

KT_CODE(worker,
	"job_read: mov (%rdi), %rax\n"
	"vmcall\n"
	"job_write: mov %rsi, (%rdi)\n"
	"xor %eax, %eax\n"
	"vmcall\n"
	"job_scan: xor %eax, %eax\n"
	"1: mov %rdx, %rbx\n"
	"shl $12, %rbx\n"
	"add (%rdi, %rbx), %rax\n"
	NEXT_PAGE
	"vmcall\n"
	"job_fill:\n"
	"1: mov %rdx, %rbx\n"
	"shl $12, %rbx\n"
	"lea (%rsi, %rdx), %rax\n"
	"mov %rax, (%rdi, %rbx)\n"
	NEXT_PAGE
	"vmcall\n"
	"job_count: incq (%rdi)\n"
	"jmp job_count\n"
	"job_watch: incq (%r11)\n"
	"mov (%rsi), %rbx\n"
	"mov (%rdi), %rax\n"
	"test %rbx, %rbx\n"
	"jz job_watch\n"
	"vmcall\n"
	"job_call: call *%rdi\n"
	"vmcall\n"
	"job_end: mov %rsi, %rdi\n"
	KT_HALT);

extern const char job_read[], job_write[], job_scan[], job_fill[], job_count[], job_watch[],
	job_call[], job_end[];

static const char * const entry[KT_NR_OPS] = {
	[KT_READ] = job_read,
	[KT_WRITE] = job_write,
	[KT_SCAN] = job_scan,
	[KT_FILL] = job_fill,
	[KT_COUNT] = job_count,
	[KT_WATCH] = job_watch,
	[KT_CALL] = job_call,
	[KT_END] = job_end,
};

/* ---- the image ---- */

/* Every eight bytes of data hold their own offset in the file, and a mark. */
#define MARK	0x6b65760000000000UL

static uint64_t word_at(uint64_t offset)
{
	return MARK | offset;
}

uint64_t kt_image_word(uint64_t page)
{
	return word_at(KT_DATA_OFFSET + page * KT_PAGE);
}

void kt_image_init(struct kt_image *image, uint64_t pages)
{
	size_t size = worker.end - worker.start;
	struct kt_elf elf;

	*image = (struct kt_image) {
		.pages = pages,
		.size = KT_DATA_OFFSET + pages * KT_PAGE,
	};
	kt_elf_init(&elf, size);
	elf.ehdr.e_phnum = 2;
	elf.phdr[1] = elf.phdr[0];
	elf.phdr[1].p_offset = KT_DATA_OFFSET;
	elf.phdr[1].p_vaddr = KT_DATA_GPA;
	elf.phdr[1].p_paddr = KT_DATA_GPA;
	elf.phdr[1].p_filesz = pages * KT_PAGE;
	elf.phdr[1].p_memsz = pages * KT_PAGE;
	memcpy(image->head, &elf, sizeof(elf));
	memcpy(image->head + KT_CODE_OFFSET, worker.start, size);
}

void kt_image_fill(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	const struct kt_image *image = arg;
	uint64_t *to = bytes;

	for (uint64_t at = offset; at < offset + size; at += sizeof(*to), to++) {
		if (at < KT_DATA_OFFSET)
			memcpy(to, image->head + at, sizeof(*to));
		else
			*to = word_at(at);
	}
}

uint64_t kt_image_sum(const struct kt_image *image)
{
	uint64_t sum = 0;

	for (uint64_t page = 0; page < image->pages; page++)
		sum += kt_image_word(page);
	return sum;
}

int kt_image_write(const struct kt_image *image, int fd)
{
	uint64_t bytes[KT_PAGE / sizeof(uint64_t)];
	ssize_t n;

	for (uint64_t at = 0; at < image->size; at += KT_PAGE) {
		kt_image_fill(image, at, bytes, sizeof(bytes));
		n = pwrite(fd, bytes, sizeof(bytes), at);
		if (n != sizeof(bytes))
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

/* ---- the VM ---- */

static int create(struct kt_vm *vm, const struct kt_vm_options *options)
{
	struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = options->flags,
		.huge_pages = options->huge_pages,
		.fault_around = options->fault_around,
	};

	strncpy(args.hypercall_abi, options->abi ?: "report", KEV_NAME_LEN - 1);
	vm->kev = kt_open();
	if (vm->kev < 0)
		return vm->kev;
	vm->vm = kt_ioctl(vm->kev, KEV_CREATE_VM, &args);
	return vm->vm < 0 ? vm->vm : 0;
}

static int attach(struct kt_vm *vm, const struct kt_image *image, int fd,
		  const struct kt_vm_options *options)
{
	/* All RAM below the image, its span, and what is asked for */
	struct kev_attach_image args = {
		.size = sizeof(args),
		.flags = options->attach,
		.fd = fd,
		.boot = KEV_BOOT_DIRECT64,
		.ram_kib = (kt_vm_ram(image) >> 10) + options->ram_kib,
	};

	return kt_ioctl(vm->vm, KEV_VM_ATTACH_IMAGE, &args);
}

static int create_vcpu(struct kt_vm *vm, uint32_t id)
{
	vm->vcpu[id] = kt_create_vcpu(vm->vm, id);
	if (vm->vcpu[id] < 0)
		return vm->vcpu[id];
	vm->run[id] = kt_map_run(vm->vcpu[id]);
	return vm->run[id] ? 0 : -ENOMEM;
}

int kt_vm_init(struct kt_vm *vm, const struct kt_image *image, int fd,
	       const struct kt_vm_options *options)
{
	static const struct kt_vm_options defaults;
	int ret;

	*vm = (struct kt_vm) { .kev = -1, .vm = -1 };
	if (!options)
		options = &defaults;
	for (uint32_t i = 0; i < KT_VM_VCPUS; i++)
		vm->vcpu[i] = -1;
	vm->vcpus = options->vcpus ?: 1;
	ret = create(vm, options);
	if (!ret)
		ret = attach(vm, image, fd, options);
	for (uint32_t i = 0; !ret && i < vm->vcpus; i++)
		ret = create_vcpu(vm, i);
	return ret;
}

void kt_vm_fini(struct kt_vm *vm)
{
	for (uint32_t i = 0; i < KT_VM_VCPUS; i++) {
		if (vm->run[i])
			kt_unmap_run(vm->run[i]);
		if (vm->vcpu[i] >= 0)
			close(vm->vcpu[i]);
		vm->run[i] = NULL;
		vm->vcpu[i] = -1;
	}
	if (vm->vm >= 0)
		close(vm->vm);
	if (vm->kev >= 0)
		close(vm->kev);
	vm->vm = -1;
	vm->kev = -1;
}

int kt_mount_disk(void)
{
	static const char *const argv[] = { "bed-disk", NULL };
	struct stat root, disk;

	if (!stat("/", &root) && !stat("/disk", &disk) && root.st_dev != disk.st_dev)
		return 0;
	return kt_command(argv);
}

/* ---- jobs ---- */

int kt_vm_set(struct kt_vm *vm, uint32_t vcpu, const struct kt_job *job)
{
	struct kev_vcpu_state state = {
		.gprs = {
			.gpr = {
				[KEV_RDI] = job->address,
				[KEV_RSI] = job->value,
				[KEV_RDX] = job->first,
				[KEV_RCX] = job->pages,
				[KEV_R8] = job->pages,
				[KEV_R9] = job->step,
				[KEV_R11] = job->counter ?: KT_SCRATCH_GPA,
				[KEV_RSP] = 0xa0000 - vcpu * KT_PAGE,
			},
			.rip = KT_CODE_GPA + (entry[job->op] - worker.start),
			.rflags = 2,
		},
	};

	return kt_set_state(vm->vcpu[vcpu], KEV_STATE_GPRS, &state);
}

bool kt_vm_result(const struct kt_vm *vm, uint32_t vcpu, uint64_t *result)
{
	if (vm->run[vcpu]->kind != KEV_EXIT_HYPERCALL)
		return false;
	if (result)
		*result = vm->run[vcpu]->hypercall.nr;
	return true;
}

long kt_vm_do(struct kt_vm *vm, uint32_t vcpu, const struct kt_job *job, uint64_t *result)
{
	long ret = kt_vm_set(vm, vcpu, job);

	if (!ret)
		ret = kt_run(vm->vcpu[vcpu]);
	if (ret)
		return ret;
	return kt_vm_result(vm, vcpu, result) ? 0 : -EREMOTEIO;
}

void kt_wait_memory(int vcpu, uint64_t faults)
{
	while (kt_vcpu_stats(vcpu).memory <= faults)
		sched_yield();
}
