/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: Documentation/statistics.rst describes them.
 *
 * Fields are named as the SDM names what they hold, or as KVM's events of the same kind do.
 * What only an event wants to know is read in TP_fast_assign(): it costs nothing while
 * nobody listens. None of them is for code that is noinstr.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kev

#if !defined(_KEV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KEV_TRACE_H

#include <linux/jump_label.h>
#include <linux/tracepoint.h>
#include <asm/vmx.h>
#include <kev/backend.h>
#include <kev/hypercall.h>
#include <kev/stats.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

TRACE_DEFINE_ENUM(KEV_INJECTED_INTERRUPT);
TRACE_DEFINE_ENUM(KEV_INJECTED_NMI);
TRACE_DEFINE_ENUM(KEV_INJECTED_EXCEPTION);
TRACE_DEFINE_ENUM(KEV_INJECTED_SOFTWARE);

#ifndef KEV_TRACE_WANTS_EXITS
#define KEV_TRACE_WANTS_EXITS

/*
 * Does somebody listen to an event that exits without anything unusual bring: then none may
 * be answered where nothing can be traced. Counted for each of these events.
 */
DECLARE_STATIC_KEY_FALSE(kev_trace_exits);

int kev_trace_exits_begin(void);
void kev_trace_exits_end(void);

static inline bool kev_trace_wants_exits(void)
{
	return static_branch_unlikely(&kev_trace_exits);
}

#endif

/* Who it is about; every event of a vCPU begins so. */
#define KEV_TRACE_VCPU								\
	__field(u64, vm)							\
	__field(u32, vcpu_id)
#define KEV_TRACE_ASSIGN_VCPU(vcpu)						\
	(__entry->vm = (vcpu)->vm->id, __entry->vcpu_id = (vcpu)->id)
#define KEV_TRACE_PRINT_VCPU	"vm=%llu vcpu_id=%u "
#define KEV_TRACE_PRINT_ARGS	__entry->vm, __entry->vcpu_id

/* An entry is tried. IRQs off, the guest's state in place. */
TRACE_EVENT_FN(kev_entry,
	TP_PROTO(struct kev_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u64, guest_rip)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->guest_rip = kev_backend->read_rip(vcpu);
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "guest_rip=0x%llx",
		  KEV_TRACE_PRINT_ARGS, __entry->guest_rip),
	kev_trace_exits_begin, kev_trace_exits_end
);

/*
 * Its exit, before anything is done about it. info1 is the exit qualification, info2 the
 * IDT-vectoring information.
 */
TRACE_EVENT_FN(kev_exit,
	TP_PROTO(struct kev_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u32, exit_reason)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(u64, guest_rip)
		__field(u64, info1)
		__field(u64, info2)
	),
	TP_fast_assign(
		struct kev_exit_info info;

		kev_backend->exit_info(vcpu, &info);
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->exit_reason = info.reason;
		__entry->intr_info = info.intr_info;
		__entry->error_code = info.error_code;
		__entry->guest_rip = info.rip;
		__entry->info1 = info.info1;
		__entry->info2 = info.info2;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "exit_reason=%s%s guest_rip=0x%llx info1=0x%llx info2=0x%llx intr_info=0x%x error_code=0x%x",
		  KEV_TRACE_PRINT_ARGS,
		  __print_symbolic(__entry->exit_reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->exit_reason & 0x80000000 ? "|FAILED_VMENTRY" : "",
		  __entry->guest_rip, __entry->info1, __entry->info2,
		  __entry->intr_info, __entry->error_code),
	kev_trace_exits_begin, kev_trace_exits_end
);

/* A call of the guest that its VM's ABI has resolved, before it is answered */
TRACE_EVENT_FN(kev_hypercall,
	TP_PROTO(const struct kev_vcpu *vcpu, const struct kev_hypercall *call),
	TP_ARGS(vcpu, call),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u64, nr)
		__field(u64, a0)
		__field(u64, a1)
		__field(u64, a2)
		__field(u64, a3)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->nr = call->nr;
		__entry->a0 = call->args[0];
		__entry->a1 = call->args[1];
		__entry->a2 = call->args[2];
		__entry->a3 = call->args[3];
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "nr=0x%llx a0=0x%llx a1=0x%llx a2=0x%llx a3=0x%llx",
		  KEV_TRACE_PRINT_ARGS, __entry->nr, __entry->a0, __entry->a1, __entry->a2,
		  __entry->a3),
	kev_trace_exits_begin, kev_trace_exits_end
);

/* RDMSR or WRMSR, answered: what is read is in the guest's registers. */
TRACE_EVENT_FN(kev_msr,
	TP_PROTO(const struct kev_vcpu *vcpu, bool write, bool exception),
	TP_ARGS(vcpu, write, exception),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(bool, write)
		__field(bool, exception)
		__field(u32, ecx)
		__field(u64, data)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->write = write;
		__entry->exception = exception;
		__entry->ecx = vcpu->gpr[KEV_RCX];
		__entry->data = 0;
		if (write || !exception)
			__entry->data = vcpu->gpr[KEV_RDX] << 32 | (u32)vcpu->gpr[KEV_RAX];
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "write=%d ecx=0x%x data=0x%llx exception=%d",
		  KEV_TRACE_PRINT_ARGS, __entry->write, __entry->ecx, __entry->data,
		  __entry->exception),
	kev_trace_exits_begin, kev_trace_exits_end
);

/* CPUID, answered */
TRACE_EVENT_FN(kev_cpuid,
	TP_PROTO(const struct kev_vcpu *vcpu, u32 function, u32 index),
	TP_ARGS(vcpu, function, index),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u32, function)
		__field(u32, index)
		__field(u32, eax)
		__field(u32, ebx)
		__field(u32, ecx)
		__field(u32, edx)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->function = function;
		__entry->index = index;
		__entry->eax = vcpu->gpr[KEV_RAX];
		__entry->ebx = vcpu->gpr[KEV_RBX];
		__entry->ecx = vcpu->gpr[KEV_RCX];
		__entry->edx = vcpu->gpr[KEV_RDX];
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "function=0x%x index=0x%x eax=0x%x ebx=0x%x ecx=0x%x edx=0x%x",
		  KEV_TRACE_PRINT_ARGS, __entry->function, __entry->index, __entry->eax,
		  __entry->ebx, __entry->ecx, __entry->edx),
	kev_trace_exits_begin, kev_trace_exits_end
);

/* An access to a port: a write when it is made, a read when it is answered */
TRACE_EVENT(kev_pio,
	TP_PROTO(const struct kev_vcpu *vcpu, bool write, u16 port, u32 size, u32 count, u32 val),
	TP_ARGS(vcpu, write, port, size, count, val),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(bool, write)
		__field(u16, port)
		__field(u32, size)
		__field(u32, count)
		__field(u32, val)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->write = write;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = val;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "write=%d port=0x%x size=%u count=%u val=0x%x",
		  KEV_TRACE_PRINT_ARGS, __entry->write, __entry->port, __entry->size,
		  __entry->count, __entry->val)
);

/* An access to a device in memory, as above */
TRACE_EVENT(kev_mmio,
	TP_PROTO(const struct kev_vcpu *vcpu, bool write, u64 gpa, u32 len, u64 val),
	TP_ARGS(vcpu, write, gpa, len, val),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(bool, write)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->write = write;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = val;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "write=%d gpa=0x%llx len=%u val=0x%llx",
		  KEV_TRACE_PRINT_ARGS, __entry->write, __entry->gpa, __entry->len, __entry->val)
);

/* A second-level fault of the guest, handled; ret is what the memory core said. */
TRACE_EVENT_FN(kev_fault,
	TP_PROTO(const struct kev_vcpu *vcpu, u64 gpa, u64 gva, u32 access, u32 kind, int ret),
	TP_ARGS(vcpu, gpa, gva, access, kind, ret),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u64, gpa)
		__field(u64, gva)
		__field(u32, access)
		__field(u32, kind)
		__field(int, ret)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->gpa = gpa;
		__entry->gva = gva;
		__entry->access = access;
		__entry->kind = kind;
		__entry->ret = ret;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "gpa=0x%llx gva=0x%llx access=%s%s%s kind=%u ret=%d",
		  KEV_TRACE_PRINT_ARGS, __entry->gpa, __entry->gva,
		  __entry->access & KEV_MEM_READ ? "r" : "",
		  __entry->access & KEV_MEM_WRITE ? "w" : "",
		  __entry->access & KEV_MEM_EXEC ? "x" : "",
		  __entry->kind, __entry->ret),
	kev_trace_exits_begin, kev_trace_exits_end
);

/* An event that the entry which follows delivers into the guest */
TRACE_EVENT(kev_inject,
	TP_PROTO(const struct kev_vcpu *vcpu, u32 type, u8 vector, bool has_error, u32 error_code),
	TP_ARGS(vcpu, type, vector, has_error, error_code),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u32, type)
		__field(u8, vector)
		__field(bool, has_error)
		__field(u32, error_code)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->type = type;
		__entry->vector = vector;
		__entry->has_error = has_error;
		__entry->error_code = has_error ? error_code : 0;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "type=%s vector=%u has_error=%d error_code=0x%x",
		  KEV_TRACE_PRINT_ARGS,
		  __print_symbolic(__entry->type,
				   { KEV_INJECTED_INTERRUPT, "INTERRUPT" },
				   { KEV_INJECTED_NMI, "NMI" },
				   { KEV_INJECTED_EXCEPTION, "EXCEPTION" },
				   { KEV_INJECTED_SOFTWARE, "SOFTWARE" }),
		  __entry->vector, __entry->has_error, __entry->error_code)
);

/* Somebody asks a vCPU to leave its guest, or its wait, and look; cpu is where it runs or -1. */
TRACE_EVENT(kev_kick,
	TP_PROTO(const struct kev_vcpu *vcpu, u32 request, int cpu),
	TP_ARGS(vcpu, request, cpu),
	TP_STRUCT__entry(
		KEV_TRACE_VCPU
		__field(u32, request)
		__field(int, cpu)
	),
	TP_fast_assign(
		KEV_TRACE_ASSIGN_VCPU(vcpu);
		__entry->request = request;
		__entry->cpu = cpu;
	),
	TP_printk(KEV_TRACE_PRINT_VCPU "request=%s cpu=%d",
		  KEV_TRACE_PRINT_ARGS,
		  __print_symbolic(__entry->request,
				   { KEV_REQ_KICK, "KICK" },
				   { KEV_REQ_VM_ENDED, "VM_ENDED" },
				   { KEV_REQ_INTERRUPT, "INTERRUPT" },
				   { KEV_REQ_MP, "MP" },
				   { KEV_REQ_CLOCK, "CLOCK" }),
		  __entry->cpu)
);

TRACE_EVENT(kev_vm_create,
	TP_PROTO(const struct kev_vm *vm),
	TP_ARGS(vm),
	TP_STRUCT__entry(
		__field(u64, vm)
		__field(pid_t, pid)
		__field(u32, flags)
		__array(char, abi, KEV_NAME_LEN)
	),
	TP_fast_assign(
		__entry->vm = vm->id;
		__entry->pid = vm->pid;
		__entry->flags = vm->flags;
		memcpy(__entry->abi, vm->abi->name, KEV_NAME_LEN);
	),
	TP_printk("vm=%llu pid=%d flags=0x%x abi=%s",
		  __entry->vm, __entry->pid, __entry->flags, __entry->abi)
);

/* Its last reference is gone. */
TRACE_EVENT(kev_vm_destroy,
	TP_PROTO(const struct kev_vm *vm),
	TP_ARGS(vm),
	TP_STRUCT__entry(
		__field(u64, vm)
	),
	TP_fast_assign(
		__entry->vm = vm->id;
	),
	TP_printk("vm=%llu", __entry->vm)
);

#endif /* _KEV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kev
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
