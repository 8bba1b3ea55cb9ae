// SPDX-License-Identifier: GPL-2.0
/* The guest of script.h */
#include <string.h>
#include <unistd.h>

#include "script.h"

_Static_assert(sizeof(struct kt_step) == 32, "the guest counts on it");
_Static_assert(offsetof(struct kt_script_page, taken) == 0x800, "the guest counts on it");
_Static_assert(sizeof(struct kt_script_page) == KT_PAGE, "the guest counts on it");

/*
 * RBP is the vCPU's page, RBX its step. Exceptions end the step. The IDT is in this image:
 * 256 gates to stubs of 16 bytes. With R9 a handler returns with interrupts off: where a step
 * waits, a timer that fires faster than its handler ends leaves time to look.
 */
KT_CODE(guest,
	"script_enter:\n"
	" lidt script_idtr(%rip)\n xor %r9d, %r9d\n"
	" and $63, %esi\n shl $12, %esi\n lea 0x20000(%rsi), %rbp\n"
	" movl $1, 0x804(%rbp)\n"
	"script_again: lea 0x1000(%rbp), %rsp\n mov %rbp, %rbx\n"
	"script_step:\n"
	" movq $0, 24(%rbx)\n mov (%rbx), %eax\n lea script_ops(%rip), %rdx\n"
	" movslq (%rdx, %rax, 4), %rax\n add %rdx, %rax\n"
	" mov 4(%rbx), %ecx\n mov 8(%rbx), %rdi\n jmp *%rax\n"
	"script_edx: shl $32, %rdx\n or %rdx, %rax\n"
	"script_done: mov %rax, 16(%rbx)\n add $32, %rbx\n jmp script_step\n"

	"script_ops:\n"
	".long op_end - script_ops, op_rdmsr - script_ops, op_wrmsr - script_ops\n"
	".long op_hlt - script_ops, op_window - script_ops, op_cpuid - script_ops\n"
	".long op_rdtsc - script_ops, op_set_cr8 - script_ops, op_get_cr8 - script_ops\n"
	".long op_load - script_ops, op_store - script_ops, op_wait - script_ops\n"
	".long op_spin - script_ops, op_cli_hlt - script_ops, op_halt_cpu - script_ops\n"
	".long op_add - script_ops, op_ticks - script_ops, op_took - script_ops\n"
	".long op_eoi - script_ops\n"

	"op_end: mov $0xe0d, %eax\n vmcall\n jmp script_again\n"
	"op_rdmsr: rdmsr\n jmp script_edx\n"
	"op_wrmsr: mov %edi, %eax\n mov %rdi, %rdx\n shr $32, %rdx\n wrmsr\n xor %eax, %eax\n"
	" jmp script_done\n"
	"op_hlt: sti\n hlt\n cli\n jmp script_done\n"
	"op_window: sti\n nop\n nop\n cli\n jmp script_done\n"
	"op_cpuid: mov %rbx, %r8\n mov %ecx, %eax\n xor %ecx, %ecx\n cpuid\n mov %r8, %rbx\n"
	" jmp script_edx\n"
	"op_rdtsc: rdtsc\n jmp script_edx\n"
	"op_set_cr8: mov %rdi, %cr8\n jmp script_done\n"
	"op_get_cr8: mov %cr8, %rax\n jmp script_done\n"
	"op_load: mov (%rcx), %eax\n jmp script_done\n"
	"op_store: mov %edi, (%rcx)\n jmp script_done\n"
	"op_wait: cmp %edi, (%rcx)\n je script_done\n pause\n jmp op_wait\n"
	"op_spin: sti\n jmp .\n"
	"op_cli_hlt: hlt\n jmp op_cli_hlt\n"
	"op_halt_cpu: xor %eax, %eax\n vmcall\n jmp script_done\n"
	"op_add: lock add %edi, (%rcx)\n jmp script_done\n"
	"op_ticks: rdtsc\n shl $32, %rdx\n or %rdx, %rax\n add %rax, %rdi\n mov $1, %r9d\n"
	"1: sti\n pause\n cli\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n cmp %rdi, %rax\n jb 1b\n"
	" xor %r9d, %r9d\n jmp script_done\n"
	/* A test that fails ends some time. */
	"op_took: mov $0x10000000, %ecx\n mov $1, %r9d\n"
	"1: sti\n pause\n cli\n cmp %edi, 0x800(%rbp)\n jae 2f\n dec %ecx\n jnz 1b\n"
	"2: xor %r9d, %r9d\n jmp script_done\n"
	"op_eoi: mov %edi, 0x804(%rbp)\n jmp script_done\n"

	/* The vector is on the stack; below 32 only 2 is no exception. */
	"script_event: push %rax\n push %rcx\n push %rdx\n mov 24(%rsp), %rcx\n"
	" cmp $32, %ecx\n jae 1f\n cmp $2, %ecx\n je 1f\n"
	" or $0x100, %ecx\n mov %rcx, 24(%rbx)\n lea 0x1000(%rbp), %rsp\n xor %eax, %eax\n"
	" jmp script_done\n"
	"1: movzbl 0x800(%rbp), %eax\n mov %cl, 0x808(%rbp, %rax)\n incl 0x800(%rbp)\n"
	" cmp $2, %ecx\n je 2f\n cmpl $1, 0x804(%rbp)\n jne 3f\n"
	" mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n jmp 2f\n"
	"3: cmpl $2, 0x804(%rbp)\n jne 2f\n mov $0xfee000b0, %eax\n movl $0, (%rax)\n"
	"2: test %r9d, %r9d\n jz 4f\n andq $~0x200, 48(%rsp)\n"
	"4: pop %rdx\n pop %rcx\n pop %rax\n add $8, %rsp\n iretq\n"

	/* What a SIPI starts, at 0x8000: real mode, then straight into the tables of the boot. */
	"script_ap: .code16\n cli\n xor %ax, %ax\n mov %ax, %ds\n"
	" lgdtl 0x8000 + script_gdtr - script_ap\n"
	" mov $0x620, %eax\n mov %eax, %cr4\n mov $0x2000, %eax\n mov %eax, %cr3\n"
	" mov $0xc0000080, %ecx\n xor %edx, %edx\n mov $0x100, %eax\n wrmsr\n"
	" mov $0x80010033, %eax\n mov %eax, %cr0\n"
	" ljmpl $8, $0x8000 + script_ap64 - script_ap\n"
	".code64\n script_ap64: mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %ss\n"
	" mov $1, %eax\n cpuid\n mov %ebx, %esi\n shr $24, %esi\n"
	" mov $0x100000 + script_enter - guest_start, %eax\n jmp *%rax\n"
	"script_gdtr: .word 23\n .long 0x1000\n"
	"script_ap_end:\n"

	"script_idtr: .word 0xfff\n .quad 0x101000\n"
	".org guest_start + 0x1000\n"
	".set vector, 0\n .rept 256\n"
	".word 0x2000 + vector * 16, 8, 0x8e00, 0x10\n .quad 0\n"
	".set vector, vector + 1\n .endr\n"
	".set vector, 0\n .rept 256\n"
	".org guest_start + 0x2000 + vector * 16\n"
	"pushq $vector\n jmp script_event\n"
	".set vector, vector + 1\n .endr");

extern const char script_ap[], script_ap_end[];

static int init(struct kt_script *script, int image, uint32_t flags)
{
	size_t size = script_ap_end - script_ap;
	long ret;

	script->kev = kt_open();
	if (script->kev < 0)
		return script->kev;
	script->vm = kt_create_vm(script->kev, flags, "kev");
	if (script->vm < 0)
		return script->vm;
	ret = kt_attach(script->vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	if (ret)
		return ret;
	script->pages = kt_map_memory(script->vm, KT_SCRIPT_GPA, KT_SCRIPT_VCPUS * KT_PAGE);
	if (!script->pages)
		return -errno;
	ret = kt_write_guest(script->vm, KT_SCRIPT_SIPI * KT_PAGE, script_ap, size);
	return ret == (long)size ? 0 : -EIO;
}

int kt_script_init(struct kt_script *script, uint32_t flags)
{
	size_t size = guest.end - guest.start;
	struct kt_elf elf;
	int image, ret;

	memset(script, 0, sizeof(*script));
	script->kev = -1;
	script->vm = -1;
	for (int i = 0; i < KT_SCRIPT_VCPUS; i++)
		script->vcpu[i].fd = -1;
	kt_elf_init(&elf, size);
	image = kt_elf_file(&elf, guest.start, size);
	if (image < 0)
		return image;
	ret = init(script, image, flags);
	close(image);
	return ret;
}

void kt_script_fini(struct kt_script *script)
{
	for (int i = 0; i < KT_SCRIPT_VCPUS; i++) {
		if (script->vcpu[i].run)
			kt_unmap_run(script->vcpu[i].run);
		if (script->vcpu[i].fd >= 0)
			close(script->vcpu[i].fd);
	}
	if (script->vm >= 0)
		close(script->vm);
	if (script->kev >= 0)
		close(script->kev);
}

int kt_script_vcpu(struct kt_script *script, uint32_t id)
{
	int slot = kt_slot(id);

	script->vcpu[slot].fd = kt_create_vcpu(script->vm, id);
	if (script->vcpu[slot].fd < 0)
		return script->vcpu[slot].fd;
	script->vcpu[slot].run = kt_map_run(script->vcpu[slot].fd);
	script->vcpu[slot].page = &script->pages[slot];
	return script->vcpu[slot].run ? 0 : -errno;
}

void kt_script_set(struct kt_script *script, uint32_t id, const struct kt_step *steps, size_t nr)
{
	struct kt_script_page *page = &script->pages[kt_slot(id)];

	memset(page->steps, 0, sizeof(page->steps));
	memcpy(page->steps, steps, nr * sizeof(*steps));
	page->taken = 0;
	memset(page->log, 0, sizeof(page->log));
}

long kt_script_run(struct kt_script *script, uint32_t id)
{
	int slot = kt_slot(id);
	long ret = kt_run(script->vcpu[slot].fd);

	if (ret)
		return ret;
	return script->vcpu[slot].run->kind == KEV_EXIT_HYPERCALL ? 0 : -EREMOTEIO;
}

long kt_script_do(struct kt_script *script, uint32_t id, const struct kt_step *steps, size_t nr)
{
	kt_script_set(script, id, steps, nr);
	return kt_script_run(script, id);
}
