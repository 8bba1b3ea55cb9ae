// SPDX-License-Identifier: GPL-2.0
/*
 * The little hardware of `kevctl run --machine min`, as test kernels use it: timer
 * ticks and serial input come as interrupts, output goes to the serial port and to the
 * debug console, and the debug-exit port ends the machine. Reads a line from the
 * serial port and gives it back.
 *
 * The interrupts come by the 8259s, or with --append=ioapic by the I/O APIC and the local
 * APIC, both by their pages in memory.
 */
#include "tables32.h"

#define MAGIC	0x1badb002U
#define FLAGS	0U

static const u32 header[3] __boot_header = { MAGIC, FLAGS, -(MAGIC + FLAGS) };

/* The Multiboot Specification, "Boot information format": its beginning */
struct multiboot_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline;
};

#define IRQ_BASE	0x20
#define IRQ_TIMER	0
#define IRQ_UART	4

#define PIC1		0x20
#define PIC2		0xa0
#define PIC_EOI		0x20
#define PIT		0x40
#define PIT_HZ		1193182
#define IOAPIC		0xfec00000
#define IOAPIC_DATA	(IOAPIC + 0x10)
#define IOAPIC_ENTRY(n)	(0x10 + 2 * (n))
#define PIN_TIMER	2
#define PIN_UART	4
#define ENTRY_LEVEL	0x8000
#define APIC_EOI	0xfee000b0
#define APIC_SVR	0xfee000f0
#define SVR_ENABLED	0x1ff

#define UART		0x3f8
#define UART_LSR	(UART + 5)
#define LSR_DATA	0x01
#define LSR_EMPTY	0x20
#define DEBUG_CONSOLE	0xe9
#define DEBUG_EXIT	0xf4

#define TICKS		5
/* kevctl's exit status is twice this and one: 85 */
#define EXIT_VALUE	42

static struct gate idt[IRQ_BASE + 16];
static bool by_ioapic;
static volatile u32 ticks;
static volatile u32 received;
static char line[128];

static inline void outb(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void write32(u32 address, u32 value)
{
	*(volatile u32 *)at(address) = value;
}

static void end_of_interrupt(void)
{
	if (by_ioapic)
		write32(APIC_EOI, 0);
	else
		outb(PIC1, PIC_EOI);
}

/* Called by the stubs below, interrupts off */
__attribute__((used)) static void timer_tick(void)
{
	ticks++;
	end_of_interrupt();
}

__attribute__((used)) static void uart_input(void)
{
	while (inb(UART_LSR) & LSR_DATA) {
		char byte = inb(UART);

		if (received < sizeof(line) - 1)
			line[received++] = byte;
	}
	end_of_interrupt();
}

void timer_stub(void);
void uart_stub(void);
asm("timer_stub: pusha; cld; call timer_tick; popa; iret\n"
	"uart_stub: pusha; cld; call uart_input; popa; iret\n");

static void load_tables(void)
{
	idt[IRQ_BASE + IRQ_TIMER] = interrupt_gate((u32)timer_stub);
	idt[IRQ_BASE + IRQ_UART] = interrupt_gate((u32)uart_stub);
	load_gdt();
	load_idt(idt, sizeof(idt));
}

/* ICW1 to ICW4; then only the lines that are not in @mask are let through. */
static void start_pics(u8 mask)
{
	outb(PIC1, 0x11);
	outb(PIC1 + 1, IRQ_BASE);
	outb(PIC1 + 1, 0x04);
	outb(PIC1 + 1, 0x01);
	outb(PIC2, 0x11);
	outb(PIC2 + 1, IRQ_BASE + 8);
	outb(PIC2 + 1, 0x02);
	outb(PIC2 + 1, 0x01);
	outb(PIC1 + 1, mask);
	outb(PIC2 + 1, 0xff);
}

/* To the local APIC with the id 0, as a vector of fixed delivery */
static void redirect(u32 pin, u32 entry)
{
	write32(IOAPIC, IOAPIC_ENTRY(pin) + 1);
	write32(IOAPIC_DATA, 0);
	write32(IOAPIC, IOAPIC_ENTRY(pin));
	write32(IOAPIC_DATA, entry);
	expect(21, "I/O APIC: entry", *(volatile u32 *)at(IOAPIC_DATA), entry);
}

static void start_apics(void)
{
	write32(APIC_SVR, SVR_ENABLED);
	expect(22, "APIC: SVR", *(volatile u32 *)at(APIC_SVR), SVR_ENABLED);
	redirect(PIN_TIMER, IRQ_BASE + IRQ_TIMER);
	redirect(PIN_UART, ENTRY_LEVEL | (IRQ_BASE + IRQ_UART));
}

static void start_devices(void)
{
	start_pics(by_ioapic ? 0xff : (u8)~(1 << IRQ_TIMER | 1 << IRQ_UART));
	if (by_ioapic)
		start_apics();

	/* Channel 0, rate generator, 100 Hz */
	outb(PIT + 3, 0x34);
	outb(PIT, (PIT_HZ / 100) & 0xff);
	outb(PIT, (PIT_HZ / 100) >> 8);

	/* OUT2 lets the interrupt out; received data raise it. */
	outb(UART + 3, 0x03);
	outb(UART + 4, 0x0b);
	outb(UART + 1, 0x01);
}

static void serial_print(const char *string)
{
	for (; *string; string++) {
		while (!(inb(UART_LSR) & LSR_EMPTY))
			;
		outb(UART, *string);
	}
}

static bool line_is_complete(void)
{
	return received && line[received - 1] == '\n';
}

u32 main(const struct registers *registers)
{
	const struct multiboot_info *info = at(registers->ebx);

	expect(20, "EAX", registers->eax, 0x2badb002);
	by_ioapic = same_string(at(info->cmdline), "ioapic");
	load_tables();
	start_devices();
	while (ticks < TICKS)
		asm volatile("sti; hlt; cli" : : : "memory");
	serial_print("pc: the timer ticks\n");
	while (!line_is_complete())
		asm volatile("sti; hlt; cli" : : : "memory");
	serial_print("pc: got ");
	serial_print(line);
	outb(DEBUG_CONSOLE, 'D');
	outb(DEBUG_CONSOLE, '\n');
	outb(DEBUG_EXIT, EXIT_VALUE);
	return 30;
}
