// SPDX-License-Identifier: GPL-2.0
/* A driver for the virtio network card (Virtual I/O Device 1.2). */
#include "exception.h"
#include "virtio.h"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define PCI_ENABLE	0x80000000U

#define ID_LEGACY	0x10001af4U
#define ID_MODERN	0x10411af4U

#define QUEUE_MAX	256
#define RX_LARGE	2048	/* bytes of a buffer for frames */
#define RX_SMALL	256	/* of a mergeable one */
#define RX_BUFFERS	128
#define TX_BUFFERS	64

#define DESC_NEXT	1
#define DESC_WRITE	2
#define NO_INTERRUPT	1

#define F_CSUM		BIT(0)
#define F_GUEST_CSUM	BIT(1)
#define F_MAC		BIT(5)
#define F_MRG_RXBUF	BIT(15)
#define F_STATUS	BIT(16)
#define F_EVENT_IDX	BIT(29)
#define F_VERSION_1	BIT(32)

#define LEGACY_WANTED	(F_MAC | F_STATUS)
#define MODERN_WANTED	(F_MAC | F_STATUS | F_CSUM | F_GUEST_CSUM | F_MRG_RXBUF | F_EVENT_IDX | \
			 F_VERSION_1)

#define S_ACKNOWLEDGE	1
#define S_DRIVER	2
#define S_DRIVER_OK	4
#define S_FEATURES_OK	8

/* Legacy registers */
#define L_OFFERED	0
#define L_ACCEPTED	4
#define L_PFN		8
#define L_SIZE		12
#define L_SELECT	14
#define L_NOTIFY	16
#define L_STATUS	18
#define L_ISR		19
#define L_MAC		20
#define L_LINK		26

#define VECTOR_PIC	0x20
#define VECTOR_CARD	(VECTOR_PIC + 11)
#define VECTOR_MSI	0x50
#define VECTOR_CONFIG	0x51
#define VECTOR_TIMER	0x52

#define CAP_MSIX	0x11
#define CAP_VENDOR	0x09
#define NO_VECTOR	0xffff

struct desc {
	u64 address;
	u32 length;
	u16 flags, next;
};

struct used_entry {
	u32 head, length;
};

/* A queue as the legacy interface wants it: the used ring starts a page. */
struct ring {
	struct desc desc[QUEUE_MAX];
	struct {
		u16 flags, index;
		u16 heads[QUEUE_MAX];
		u16 used_event;
	} avail;
	struct {
		u16 flags, index;
		struct used_entry entries[QUEUE_MAX];
		u16 avail_event;
	} used __page_aligned;
} __page_aligned;

struct common {
	u32 offered_half, offered, accepted_half, accepted;
	u16 config_vector, queues;
	u8 status, generation;
	u16 select, size, vector, enable, notify;
	u32 desc[2], driver[2], device[2];
};

struct virtio_card card;

static volatile struct ring rings[2];
static u16 seen[2];		/* used entries that were looked at */
static u8 rx_buffers[RX_BUFFERS][RX_LARGE] __page_aligned;
static u8 tx_buffers[TX_BUFFERS][RX_LARGE] __page_aligned;
static u32 slot;		/* of the card */
static u16 ports;
static volatile struct common *common;
static volatile u8 *notify, *config;
static volatile u32 *table;

static u32 pci_read(u32 offset)
{
	out32(PCI_ADDRESS, PCI_ENABLE | slot << 11 | (offset & 0xfc));
	return in32(PCI_DATA);
}

static void pci_write(u32 offset, u32 value)
{
	out32(PCI_ADDRESS, PCI_ENABLE | slot << 11 | (offset & 0xfc));
	out32(PCI_DATA, value);
}

static u32 header_size(void)
{
	return card.modern ? 12 : 10;
}

static void read_link(void)
{
	card.link = card.modern ? config[6] & 1 : in16(ports + L_LINK) & 1;
}

__attribute__((interrupt)) static void on_card(struct interrupt_frame *frame)
{
	(void)frame;
	if (in8(ports + L_ISR) & 2)
		read_link();
	out8(0xa0, 0x20);
	out8(0x20, 0x20);
}

__attribute__((interrupt)) static void on_message(struct interrupt_frame *frame)
{
	(void)frame;
	wrmsr(MSR_X2APIC_EOI, 0);
}

__attribute__((interrupt)) static void on_config(struct interrupt_frame *frame)
{
	(void)frame;
	read_link();
	wrmsr(MSR_X2APIC_EOI, 0);
}

static void start_interrupts(void)
{
	static const u8 words[][4] = { { 0x11, VECTOR_PIC, 4, 1 }, { 0x11, VECTOR_PIC + 8, 2, 1 } };
	static const u16 chips[] = { 0x20, 0xa0 };

	exceptions_init();
	set_interrupt_gate(VECTOR_CARD, (u64)on_card);
	set_interrupt_gate(VECTOR_MSI, (u64)on_message);
	set_interrupt_gate(VECTOR_CONFIG, (u64)on_config);
	set_interrupt_gate(VECTOR_TIMER, (u64)on_message);
	for (int chip = 0; chip < 2; chip++)
		for (int i = 0; i < 4; i++)
			out8(chips[chip] + (i > 0), words[chip][i]);
	out8(0x21, 0xfb);	/* but the other chip's line */
	out8(0xa1, 0xf7);	/* but line 11 */
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BIT(10));
	wrmsr(MSR_X2APIC_SVR, 0x1ff);
	wrmsr(MSR_X2APIC_LVT_TIMER, 2U << 17 | VECTOR_TIMER);
}

static void offer(int queue, u16 head)
{
	volatile struct ring *ring = &rings[queue];

	ring->avail.heads[ring->avail.index % QUEUE_MAX] = head;
	asm volatile("" : : : "memory");
	ring->avail.index++;
}

static void kick(int queue, u16 before)
{
	volatile struct ring *ring = &rings[queue];
	u16 now = ring->avail.index;
	bool wanted;

	asm volatile("mfence" : : : "memory");
	if (card.features & F_EVENT_IDX)
		wanted = (u16)(now - ring->used.avail_event - 1) < (u16)(now - before);
	else
		wanted = !(ring->used.flags & 1);
	if (!wanted || now == before)
		return;
	if (card.modern)
		*(volatile u16 *)(notify + 4 * queue) = queue;
	else
		out16(ports + L_NOTIFY, queue);
}

static void fill_rings(void)
{
	u32 size = card.modern ? RX_SMALL : RX_LARGE;

	for (u16 i = 0; i < RX_BUFFERS; i++) {
		rings[0].desc[i] = (struct desc){ (u64)rx_buffers[i], size, DESC_WRITE, 0 };
		offer(0, i);
	}
	for (u16 i = 0; i < TX_BUFFERS; i++)
		rings[1].desc[i] = (struct desc){ (u64)tx_buffers[i], 0, 0, 0 };
	/* Frames that are out need not be told of. */
	rings[1].avail.flags = NO_INTERRUPT;
	rings[1].avail.used_event = 0x8000;
}

static int start_legacy(void)
{
	u32 bar = pci_read(0x10);

	if (!(bar & 1))
		return 2;
	ports = bar & ~3U;
	out8(ports + L_STATUS, 0);
	out8(ports + L_STATUS, S_ACKNOWLEDGE);
	out8(ports + L_STATUS, S_ACKNOWLEDGE | S_DRIVER);
	if ((in32(ports + L_OFFERED) & LEGACY_WANTED) != LEGACY_WANTED)
		return 3;
	card.features = LEGACY_WANTED;
	out32(ports + L_ACCEPTED, LEGACY_WANTED);
	for (u16 queue = 0; queue < 2; queue++) {
		out16(ports + L_SELECT, queue);
		if (in16(ports + L_SIZE) != QUEUE_MAX)
			return 4;
		out32(ports + L_PFN, (u64)&rings[queue] / PAGE_SIZE);
	}
	for (int i = 0; i < MAC_LENGTH; i++)
		card.mac[i] = in8(ports + L_MAC + i);
	fill_rings();
	out8(ports + L_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_DRIVER_OK);
	out16(ports + L_NOTIFY, 0);
	return 0;
}

static u64 bar_address(u32 number)
{
	u32 low = pci_read(0x10 + 4 * number);

	if ((low & 6) == 4)
		return (low & ~15U) | (u64)pci_read(0x14 + 4 * number) << 32;
	return low & ~15U;
}

static int find_parts(void)
{
	u32 at = pci_read(0x34) & 0xfc;

	while (at) {
		u32 word = pci_read(at);
		u64 place;

		if ((word & 0xff) == CAP_MSIX) {
			place = pci_read(at + 4);
			table = (void *)(bar_address(place & 7) + (place & ~7UL));
			pci_write(at, word | 0x80000000U);
		} else if ((word & 0xff) == CAP_VENDOR) {
			place = bar_address(pci_read(at + 4) & 7) + pci_read(at + 8);
			switch (word >> 24) {
			case 1:
				common = (void *)place;
				break;
			case 2:
				notify = (void *)place;
				if (pci_read(at + 16) != 4)
					return 5;
				break;
			case 4:
				config = (void *)place;
				break;
			}
		}
		at = word >> 8 & 0xfc;
	}
	return common && notify && config && table ? 0 : 6;
}

static void set_message(u32 number, u8 vector)
{
	table[number * 4] = 0xfee00000;
	table[number * 4 + 1] = 0;
	table[number * 4 + 2] = vector;
	table[number * 4 + 3] = 0;
}

static void set_pair(volatile u32 *pair, volatile void *address)
{
	pair[0] = (u64)address;
	pair[1] = (u64)address >> 32;
}

static int start_modern(void)
{
	int error = find_parts();
	u64 offered;

	if (error)
		return error;
	common->status = 0;
	common->status = S_ACKNOWLEDGE;
	common->status = S_ACKNOWLEDGE | S_DRIVER;
	common->offered_half = 0;
	offered = common->offered;
	common->offered_half = 1;
	offered |= (u64)common->offered << 32;
	if ((offered & MODERN_WANTED) != MODERN_WANTED)
		return 7;
	card.features = MODERN_WANTED;
	common->accepted_half = 0;
	common->accepted = (u32)MODERN_WANTED;
	common->accepted_half = 1;
	common->accepted = MODERN_WANTED >> 32;
	common->status = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK;
	if (!(common->status & S_FEATURES_OK))
		return 8;
	set_message(0, VECTOR_CONFIG);
	set_message(1, VECTOR_MSI);
	common->config_vector = 0;
	for (u16 queue = 0; queue < 2; queue++) {
		common->select = queue;
		if (common->size != QUEUE_MAX || common->notify != queue)
			return 9;
		common->vector = queue ? NO_VECTOR : 1;
		if (common->vector != (queue ? NO_VECTOR : 1))
			return 10;
		set_pair(common->desc, rings[queue].desc);
		set_pair(common->driver, &rings[queue].avail);
		set_pair(common->device, &rings[queue].used);
		common->enable = 1;
	}
	for (int i = 0; i < MAC_LENGTH; i++)
		card.mac[i] = config[i];
	fill_rings();
	common->status = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK;
	*(volatile u16 *)notify = 0;
	return 0;
}

int virtio_start(bool modern)
{
	u32 id = pci_read(0);
	int error;

	if (id != ID_LEGACY && id != ID_MODERN)
		return 1;
	card.modern = modern;
	start_interrupts();
	error = modern ? start_modern() : start_legacy();
	if (!error)
		read_link();
	return error;
}

/* The next buffer with bytes of a frame, which goes back at once */
static u32 take(u8 *to, u32 room)
{
	volatile struct used_entry *entry = &rings[0].used.entries[seen[0] % QUEUE_MAX];
	u32 length = entry->length;
	u16 head = entry->head;

	if (head >= RX_BUFFERS || length > room)
		halt(90);
	memcpy(to, rx_buffers[head], length);
	seen[0]++;
	offer(0, head);
	return length;
}

u32 virtio_receive(struct virtio_header *header, u8 *frame)
{
	static u8 whole[sizeof(*header) + RX_LARGE];
	u16 before = rings[0].avail.index;
	u32 length, parts = 1;

	if (rings[0].used.index == seen[0])
		return 0;
	*header = (struct virtio_header){ };
	length = take(whole, sizeof(whole));
	if (length < header_size())
		halt(91);
	memcpy(header, whole, header_size());
	if (card.modern)
		parts = header->buffers;
	for (u32 i = 1; i < parts; i++) {
		if (rings[0].used.index == seen[0])
			halt(92);
		length += take(whole + length, sizeof(whole) - length);
	}
	length -= header_size();
	if (length > FRAME_MAX)
		halt(93);
	memcpy(frame, whole + header_size(), length);
	kick(0, before);
	return length;
}

bool virtio_send(const struct virtio_header *header, const u8 *frame, u32 length)
{
	u16 before = rings[1].avail.index;
	u16 head = before % TX_BUFFERS;

	/* Buffers come back in order. */
	if ((u16)(before - rings[1].used.index) >= TX_BUFFERS)
		return false;
	memcpy(tx_buffers[head], header, header_size());
	memcpy(tx_buffers[head] + header_size(), frame, length);
	rings[1].desc[head].length = header_size() + length;
	offer(1, head);
	kick(1, before);
	return true;
}

void virtio_wait(void)
{
	/* What comes after the look interrupts the HLT. */
	rings[0].avail.used_event = seen[0];
	asm volatile("mfence" : : : "memory");
	if (rings[0].used.index == seen[0])
		asm volatile("sti; hlt; cli" : : : "memory");
}

void virtio_alarm(u64 deadline)
{
	wrmsr(MSR_TSC_DEADLINE, deadline);
}
