// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that kev carries out for a vCPU: what they reach, and how they wait for it.
 *
 * An instruction that has to wait, for user space, a page or the console, is started
 * again from its first byte when the wait is over. What devices have seen of it is kept,
 * so that they see it once; registers change at the end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/doorbell.h>
#include <kev/emulation.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static enum kev_executed stop(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	vcpu->emulation->verdict = verdict;
	return KEV_EXECUTED_STOP;
}

static struct kev_touch touch_for(struct kev_vcpu *vcpu, u64 gpa, u32 access)
{
	return (struct kev_touch) {
		.gpa = gpa,
		.access = access,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
}

/* Memory cannot be had: interrupted, or reported and tried again at the next RUN. */
static enum kev_executed memory_failed(struct kev_vcpu *vcpu, const struct kev_touch *touch,
				       int ret)
{
	const struct kev_exit_memory memory = {
		.gpa = touch->gpa,
		.access = touch->access,
		.kind = touch->kind,
		.prot = touch->prot,
	};

	if (ret == -EINTR)
		return stop(vcpu, KEV_KICKED);
	vcpu->answer = KEV_EXIT_MEMORY;
	return stop(vcpu, kev_report_memory(vcpu, &memory, ret));
}

/* Is there a page, or a device; makes the page present. */
static enum kev_executed find_place(struct kev_vcpu *vcpu, u32 access, struct kev_place *place)
{
	struct kev_touch touch = touch_for(vcpu, place->gpa, access);
	struct page *page;
	int ret;

	place->device = kev_apic_owns(vcpu, place->gpa);
	if (place->device)
		return KEV_EXECUTED;
	ret = kev_mem_get_page(&vcpu->vm->mem, &touch, &page);
	if (!ret) {
		put_page(page);
		return KEV_EXECUTED;
	}
	place->device = ret == -EACCES && kev_is_device(touch.kind, access);
	return place->device ? KEV_EXECUTED : memory_failed(vcpu, &touch, ret);
}

static enum kev_executed translate(void *ctx, u64 linear, unsigned int access,
				   struct kev_place *place)
{
	struct kev_vcpu *vcpu = ctx;
	struct kev_emulation *e = vcpu->emulation;
	struct kev_cpu *cpu = &e->cpu;
	const struct kev_mem_user user = { cpu->cpl == 3, cpu->rflags & X86_EFLAGS_AC };
	struct kev_translation *seen = &e->seen[!!(access & KEV_MEM_WRITE)];
	struct kev_touch touch = touch_for(vcpu, 0, access);
	enum kev_executed ret;
	struct kev_walk walk;
	u32 error;
	int err;

	if (!seen->valid || seen->linear != (linear & PAGE_MASK)) {
		err = kev_mem_walk_as_cpu(&vcpu->vm->mem, &e->paging, linear, &user, &touch, &walk,
					  &error);
		if (err == -EFAULT) {
			cpu->fault.vector = X86_TRAP_PF;
			cpu->fault.has_error = true;
			cpu->fault.error = error;
			cpu->fault.address = linear;
			return KEV_EXECUTED_FAULT;
		}
		if (err)
			return memory_failed(vcpu, &touch, err);
		seen->valid = false;
		seen->place.gpa = walk.gpa & PAGE_MASK;
		ret = find_place(vcpu, access, &seen->place);
		if (ret)
			return ret;
		seen->linear = linear & PAGE_MASK;
		seen->valid = true;
	}
	*place = seen->place;
	place->gpa |= offset_in_page(linear);
	return KEV_EXECUTED;
}

/*
 * The local APIC's registers have 32 bits, which are loaded and stored at once; of what
 * else a guest does the SDM promises nothing. Vol. 3, "Local APIC Register Address Map"
 */
static void access_apic(struct kev_vcpu *vcpu, struct kev_device_access *access)
{
	unsigned int offset = offset_in_page(access->gpa), odd = offset % sizeof(u32);

	if (!access->write)
		access->data = kev_apic_mmio_read(vcpu, offset - odd) >> (8 * odd);
	else if (access->width == sizeof(u32) && !odd)
		kev_apic_mmio_write(vcpu, offset, access->data);
}

/* What the kernel answers by itself: KEV_PASS if it does not. */
static enum kev_verdict inside(struct kev_vcpu *vcpu, struct kev_device_access *access)
{
	u32 kind, prot;

	if (kev_apic_owns(vcpu, access->gpa)) {
		access_apic(vcpu, access);
		return KEV_RESUME;
	}
	if (!access->write)
		return KEV_PASS;
	kev_mem_page_state(&vcpu->vm->mem, access->gpa, &kind, &prot);
	if (kind == KEV_REGION_PRINT)
		return kev_print_device_write(vcpu, access->gpa, access->data, access->width);
	if (kev_doorbell_ring(vcpu->vm, false, access->gpa, access->width, access->data))
		return KEV_RESUME;
	return KEV_PASS;
}

static void report_mmio(struct kev_vcpu *vcpu, const struct kev_device_access *access)
{
	kev_report(vcpu, KEV_EXIT_MMIO);
	vcpu->run->mmio = (struct kev_exit_mmio) {
		.gpa = access->gpa,
		.data = access->write ? access->data : 0,
		.direction = access->write ? KEV_MMIO_WRITE : KEV_MMIO_READ,
		.width = access->width,
	};
	vcpu->answer = KEV_EXIT_MMIO;
}

/* One access to a device: it has been made in an earlier try, or it is made now. */
static enum kev_executed access_device(struct kev_vcpu *vcpu, struct kev_device_access *access)
{
	struct kev_emulation *e = vcpu->emulation;
	struct kev_device_access *known = &e->access[e->at];
	enum kev_verdict verdict;

	/* No instruction has more. */
	if (e->at == KEV_EMULATION_ACCESSES) {
		vcpu->fail = -EIO;
		return stop(vcpu, KEV_FAIL);
	}
	/* Other tables or registers than before: it is another access. */
	if (e->at < e->done && (known->gpa != access->gpa || known->width != access->width ||
				known->write != access->write))
		e->done = e->at;
	if (e->at < e->done) {
		access->data = known->data;
		e->at++;
		return KEV_EXECUTED;
	}

	verdict = inside(vcpu, access);
	*known = *access;
	/* A read that user space answers is traced then; a line that is printed, when it is. */
	if (verdict == KEV_RESUME || (verdict == KEV_PASS && access->write))
		trace_kev_mmio(vcpu, access->write, access->gpa, access->width, access->data);
	if (verdict == KEV_RESUME) {
		e->done = ++e->at;
		return KEV_EXECUTED;
	}
	if (verdict == KEV_PASS) {
		report_mmio(vcpu, access);
		verdict = KEV_REPORT;
	}
	return stop(vcpu, verdict);
}

static enum kev_executed read_place(void *ctx, const struct kev_place *place, void *buf,
				    unsigned int len)
{
	struct kev_device_access access = { .gpa = place->gpa, .width = len };
	struct kev_vcpu *vcpu = ctx;
	struct kev_touch touch = touch_for(vcpu, place->gpa, KEV_MEM_READ);
	enum kev_executed ret;
	ssize_t copied;

	/* What refuses writes may be memory for reads. */
	copied = -EACCES;
	if (!kev_apic_owns(vcpu, place->gpa))
		copied = kev_mem_copy(&vcpu->vm->mem, &touch, buf, len);
	if (copied == len)
		return KEV_EXECUTED;
	if (!place->device || copied != -EACCES)
		return memory_failed(vcpu, &touch, copied);
	ret = access_device(vcpu, &access);
	if (!ret)
		memcpy(buf, &access.data, len);
	return ret;
}

static enum kev_executed write_place(void *ctx, const struct kev_place *place, const void *buf,
				     unsigned int len)
{
	struct kev_device_access access = { .gpa = place->gpa, .width = len, .write = true };
	struct kev_vcpu *vcpu = ctx;
	struct kev_touch touch = touch_for(vcpu, place->gpa, KEV_MEM_WRITE);
	u64 data = 0;
	ssize_t ret;

	memcpy(&data, buf, len);
	if (place->device) {
		access.data = data;
		return access_device(vcpu, &access);
	}
	ret = kev_mem_copy(&vcpu->vm->mem, &touch, &data, len);
	return ret == len ? KEV_EXECUTED : memory_failed(vcpu, &touch, ret);
}

static u64 value_at(const void *values, unsigned int width, u32 i)
{
	u64 value = 0;

	memcpy(&value, values + i * width, width);
	return value;
}

static void report_string(struct kev_vcpu *vcpu, u16 port, bool in, unsigned int width,
			  const void *values, u32 count)
{
	struct kev_run *run = vcpu->run;

	kev_report(vcpu, KEV_EXIT_IO);
	run->io = (struct kev_exit_io) {
		.port = port,
		.direction = in ? KEV_IO_IN : KEV_IO_OUT,
		.width = width,
		.count = count,
		.flags = KEV_IO_STRING,
	};
	if (!in)
		memcpy(run->data, values, count * width);
	vcpu->answer = KEV_EXIT_IO;
}

static enum kev_executed access_port(void *ctx, u16 port, bool in, unsigned int width,
				     void *values, u32 *count)
{
	struct kev_vcpu *vcpu = ctx;
	struct kev_emulation *e = vcpu->emulation;
	u32 i;

	/* The values are there since the answer. */
	if (e->string_done) {
		*count = e->string_done;
		return KEV_EXECUTED;
	}
	/* A value that rings a doorbell goes by itself. */
	for (i = 0; !in && i < *count; i++)
		if (kev_doorbell_matches(vcpu->vm, true, port, width, value_at(values, width, i)))
			break;
	if (!in && !i && kev_doorbell_ring(vcpu->vm, true, port, width,
					   value_at(values, width, 0))) {
		*count = 1;
		trace_kev_pio(vcpu, true, port, width, 1, value_at(values, width, 0));
		return KEV_EXECUTED;
	}
	if (!in) {
		*count = max_t(u32, i, 1);
		trace_kev_pio(vcpu, true, port, width, *count, value_at(values, width, 0));
	}
	e->string_asked = *count;
	report_string(vcpu, port, in, width, values, *count);
	return stop(vcpu, KEV_REPORT);
}

static const struct kev_bus bus = {
	.translate = translate,
	.read = read_place,
	.write = write_place,
	.port = access_port,
};

static void call_collect(struct kev_vcpu *vcpu, void *arg)
{
	struct kev_emulation *e = vcpu->emulation;

	kev_backend->get(vcpu, KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS,
			 &e->state);
	kev_backend->paging(vcpu, &e->paging);
}

static enum kev_code code_of(const struct kev_vcpu_state *state)
{
	const struct kev_segment *cs = &state->segments.cs;

	if (state->controls.efer & EFER_LMA && cs->access & KEV_SEG_L)
		return KEV_CODE_64;
	return cs->access & KEV_SEG_DB ? KEV_CODE_32 : KEV_CODE_16;
}

static void fill_cpu(struct kev_emulation *e)
{
	const struct kev_vcpu_state *state = &e->state;
	const struct kev_segments *s = &state->segments;
	u64 rflags = state->gprs.rflags, cr0 = state->controls.cr0;
	/* SDM Vol. 3, "Guest Register State": SS.DPL is the CPL. */
	u8 cpl = (s->ss.access & KEV_SEG_DPL) >> 5;

	e->cpu = (struct kev_cpu) {
		.rip = state->gprs.rip,
		.rflags = rflags,
		.segment = { s->es, s->cs, s->ss, s->ds, s->fs, s->gs },
		.code = code_of(state),
		.cpl = cpl,
		.linear_bits = state->controls.cr4 & X86_CR4_LA57 ? 57 : 48,
		.protected = cr0 & X86_CR0_PE && !(rflags & X86_EFLAGS_VM),
		.alignment = cpl == 3 && cr0 & X86_CR0_AM && rflags & X86_EFLAGS_AC,
		.values = e->values,
		.max_values = sizeof(e->values),
		.string_done = e->string_done,
	};
	memcpy(e->cpu.gpr, state->gprs.gpr, sizeof(e->cpu.gpr));
}

/**
 * kev_emulate_fetch_more() - read what there may be behind the bytes that there are
 * @vcpu: the caller holds its lock, and has called kev_emulate_fetch()
 *
 * Context: process, may sleep.
 * Return: 0 with what could be read, if anything; -EINTR.
 */
int kev_emulate_fetch_more(struct kev_vcpu *vcpu)
{
	struct kev_emulation *e = vcpu->emulation;
	struct kev_touch touch = touch_for(vcpu, 0, KEV_MEM_EXEC);
	u64 linear = e->cpu.rip + e->nr_bytes;
	ssize_t len;

	if (e->cpu.code != KEV_CODE_64)
		linear = (u32)(linear + e->cpu.segment[KEV_CS].base);
	len = min_t(size_t, sizeof(e->bytes) - e->nr_bytes, PAGE_SIZE - offset_in_page(linear));
	len = kev_mem_copy_gva(&vcpu->vm->mem, &e->paging, linear, &touch,
			       e->bytes + e->nr_bytes, len);
	if (len == -EINTR)
		return -EINTR;
	e->nr_bytes += max_t(ssize_t, len, 0);
	return 0;
}

/**
 * kev_emulate_fetch() - read the registers, and the bytes at RIP
 * @vcpu: the caller holds its lock
 *
 * The CPU has executed them: only where they are is asked, not whether it may. The bytes
 * end with their page: the next one is the instruction's business only if it goes on there.
 *
 * Context: process, may sleep.
 * Return: 0 with what could be read, if anything; -EINTR; -ENOMEM; -EIO the vCPU is broken.
 */
int kev_emulate_fetch(struct kev_vcpu *vcpu)
{
	int ret;

	if (!vcpu->emulation)
		vcpu->emulation = kev_mem_zalloc(&vcpu->vm->mem, sizeof(*vcpu->emulation));
	if (!vcpu->emulation)
		return -ENOMEM;
	ret = kev_vcpu_loaded_call(vcpu, call_collect, NULL);
	if (ret)
		return ret;
	fill_cpu(vcpu->emulation);
	vcpu->emulation->nr_bytes = 0;
	return kev_emulate_fetch_more(vcpu);
}

/* Is the instruction at RIP one that kev carries out? Its bytes are read. */
static int read_instruction(struct kev_vcpu *vcpu, bool *known)
{
	int ret = kev_emulate_fetch(vcpu);
	struct kev_emulation *e = vcpu->emulation;

	*known = !ret && kev_decode(e->bytes, e->nr_bytes, e->cpu.code, &e->insn);
	if (ret || *known)
		return ret;
	ret = kev_emulate_fetch_more(vcpu);
	*known = !ret && kev_decode(e->bytes, e->nr_bytes, e->cpu.code, &e->insn);
	return ret;
}

static void call_commit(struct kev_vcpu *vcpu, void *arg)
{
	const struct kev_cpu *cpu = &vcpu->emulation->cpu;

	kev_backend->commit(vcpu, cpu->gpr[KEV_RSP], cpu->rflags);
}

/* The registers as the instruction leaves them; RIP moves where it always does. */
static enum kev_verdict commit(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	struct kev_emulation *e = vcpu->emulation;

	kev_emulate_drop(vcpu);
	/* A report of an element behind those that are done: it has ended the string before it. */
	vcpu->answer = KEV_EXIT_NONE;
	memcpy(vcpu->gpr, e->cpu.gpr, sizeof(vcpu->gpr));
	if (e->cpu.gpr[KEV_RSP] == e->state.gprs.gpr[KEV_RSP] &&
	    e->cpu.rflags == e->state.gprs.rflags)
		return verdict;
	vcpu->fail = kev_vcpu_loaded_call(vcpu, call_commit, NULL);
	return vcpu->fail ? KEV_FAIL : verdict;
}

static enum kev_verdict raise_fault(struct kev_vcpu *vcpu)
{
	const struct kev_cpu *cpu = &vcpu->emulation->cpu;

	if (cpu->fault.vector == X86_TRAP_PF)
		vcpu->cr2 = cpu->fault.address;
	return commit(vcpu, kev_queue_exception(vcpu, cpu->fault.vector, cpu->fault.has_error,
						cpu->fault.error));
}

/* Is it an instruction that can have caused the exit */
static bool fits_exit(const struct kev_exit *exit, const struct kev_insn *insn)
{
	bool port = insn->op == KEV_INSN_INS || insn->op == KEV_INSN_OUTS;

	if (exit->event != KEV_EV_IO)
		return !port;
	return port && exit->io.in == (insn->op == KEV_INSN_INS) && exit->io.width == insn->width;
}

/* An instruction that kev does not know: user space is given its bytes. */
static enum kev_verdict report_unknown(struct kev_vcpu *vcpu)
{
	const struct kev_emulation *e = vcpu->emulation;
	const struct kev_exit *exit = &vcpu->exit;
	struct kev_touch touch = touch_for(vcpu, exit->memory.gpa, exit->memory.access);
	struct kev_exit_memory memory = {
		.gpa = exit->memory.gpa,
		.gva = exit->memory.gva,
		.access = exit->memory.access,
		.gva_valid = exit->memory.gva_valid,
	};

	kev_emulate_drop(vcpu);
	if (exit->event == KEV_EV_IO) {
		kev_report(vcpu, KEV_EXIT_UNHANDLED);
	} else {
		kev_mem_page_state(&vcpu->vm->mem, touch.gpa, &memory.kind, &memory.prot);
		kev_report_memory(vcpu, &memory, -EACCES);
	}
	kev_report_has_more(vcpu);
	vcpu->run->instruction_bytes_len = e->nr_bytes;
	memcpy(vcpu->run->instruction_bytes, e->bytes, e->nr_bytes);
	return KEV_REPORT;
}

/**
 * kev_emulate() - carry out the instruction at RIP, or go on with it
 * @vcpu: the caller holds its lock; its exit came from an access to a device by an operand
 *	of that instruction, or from INS or OUTS
 *
 * Context: process, may sleep.
 * Return: KEV_RESUME done, or a part of a REP done; KEV_INJECT it faults; KEV_REPORT,
 * KEV_KICKED: to be called again at the next RUN; KEV_FAIL.
 */
enum kev_verdict kev_emulate(struct kev_vcpu *vcpu)
{
	struct kev_emulation *e;
	bool known;
	int ret;

	ret = read_instruction(vcpu, &known);
	if (ret == -EINTR)
		return KEV_KICKED;
	if (ret == -ENOMEM)
		return kev_report_no_memory(vcpu);
	if (ret) {
		vcpu->fail = ret;
		return KEV_FAIL;
	}
	if (!known || !fits_exit(&vcpu->exit, &vcpu->emulation->insn))
		return report_unknown(vcpu);

	e = vcpu->emulation;
	if (!e->active)
		kev_mmio_remember(vcpu);
	e->active = true;
	e->at = 0;
	e->seen[0].valid = false;
	e->seen[1].valid = false;
	switch (kev_execute(&e->cpu, &e->insn, &bus, vcpu)) {
	case KEV_EXECUTED:
		vcpu->exit.instruction_length = e->insn.length;
		return commit(vcpu, KEV_RESUME);
	case KEV_EXECUTED_PART:
		/*
		 * RIP stays, and yet a step is made: interrupts and single steps come here. The
		 * instruction's breakpoint was met before the first one.
		 */
		vcpu->exit.instruction_length = 0;
		e->cpu.rflags |= X86_EFLAGS_RF;
		return commit(vcpu, KEV_RESUME);
	case KEV_EXECUTED_FAULT:
		return raise_fault(vcpu);
	default:
		return e->verdict;
	}
}

/**
 * kev_emulate_answer() - user space has answered to KEV_EXIT_MMIO
 * @vcpu: the caller holds its lock
 * @data: what a read gives
 *
 * Return: KEV_RETRY done; KEV_KICKED the instruction goes on.
 */
int kev_emulate_answer(struct kev_vcpu *vcpu, u64 data)
{
	struct kev_emulation *e = vcpu->emulation;
	struct kev_device_access *access = &e->access[e->at];

	if (e->plain) {
		kev_mmio_complete(vcpu, data);
		return KEV_RETRY;
	}
	if (!access->write) {
		access->data = data;
		trace_kev_mmio(vcpu, false, access->gpa, access->width, data);
	}
	e->done = e->at + 1;
	return KEV_KICKED;
}

/* Its values are in no report behind it. */
static void clear_string(struct kev_vcpu *vcpu)
{
	memset(vcpu->run->data, 0, sizeof(vcpu->run->data));
	vcpu->emulation->string_asked = 0;
}

/**
 * kev_emulate_string_answer() - user space has answered to a string of port accesses
 * @vcpu: the caller holds its lock
 */
void kev_emulate_string_answer(struct kev_vcpu *vcpu)
{
	struct kev_emulation *e = vcpu->emulation;

	if (vcpu->exit.io.in)
		memcpy(e->values, vcpu->run->data, sizeof(e->values));
	e->string_done = e->string_asked;
	clear_string(vcpu);
	if (vcpu->exit.io.in)
		trace_kev_pio(vcpu, false, vcpu->exit.io.port, vcpu->exit.io.width,
			      e->string_done, value_at(e->values, vcpu->exit.io.width, 0));
}

/**
 * kev_emulate_drop() - nothing is left of an instruction
 * @vcpu: the caller holds its lock
 *
 * It is done, or the guest goes on elsewhere.
 */
void kev_emulate_drop(struct kev_vcpu *vcpu)
{
	struct kev_emulation *e = vcpu->emulation;

	/* A store to a print device that was not finished prints from its start. */
	vcpu->printed = 0;
	if (!e)
		return;
	e->active = false;
	e->plain = NULL;
	e->done = 0;
	e->string_done = 0;
	if (e->string_asked)
		clear_string(vcpu);
}
