// SPDX-License-Identifier: GPL-2.0
/* --net: its option, and the thread, on a socket that stands for a TAP device. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/kevctl/net/net.h"
#include "../../tools/kevctl/net/tap.h"
#include "../../tools/kevctl/net/user.h"
#include "../../tools/kevctl/nudge.h"
#include "net_rig.h"

static struct kev_add_region region;

int kev_vm_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length)
{
	(void)vm;
	region = (struct kev_add_region){
		.kind = kind, .prot = prot, .gpa = gpa, .length = length,
	};
	return 0;
}

static int cable = -1;		/* the far end of the fake TAP device */
static int link_out = -1;
static bool link_up;

/* What user_open() was asked for */
static unsigned int user_sandbox, user_words;
static char user_last;

static bool cable_send(struct wire *wire, struct net_packet *packet, size_t length)
{
	return write(wire->fd, packet, length) == (ssize_t)length;
}

static ssize_t cable_receive(struct wire *wire, struct net_packet *packet)
{
	ssize_t n = read(wire->fd, packet, sizeof(*packet));

	return n < 0 ? 0 : n;
}

static void cable_look(struct wire *wire)
{
	char byte;

	if (read(wire->link, &byte, 1) == 1)
		wire->up = __atomic_load_n(&link_up, __ATOMIC_ACQUIRE);
}

static void cable_close(struct wire *wire)
{
	close(wire->fd);
	close(wire->link);
	close(link_out);
	close(cable);
}

static const struct wire_ops cable_ops = {
	.send = cable_send,
	.receive = cable_receive,
	.look = cable_look,
	.close = cable_close,
};

int tap_open(struct wire **result, const char *name)
{
	static struct wire wire;
	int ends[2], pipes[2];

	if (!strcmp(name, "refused"))
		return -EPERM;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) || pipe(pipes))
		abort();
	wire = (struct wire){ .ops = &cable_ops, .fd = ends[0], .link = pipes[0], .up = true };
	cable = ends[1];
	link_out = pipes[1];
	*result = &wire;
	return 0;
}

int user_open(struct wire **wire, unsigned int sandbox, int log, char *const words[])
{
	(void)log;
	user_sandbox = sandbox;
	for (user_words = 0; words[user_words]; user_words++)
		user_last = words[user_words][0];
	(void)wire;
	return -ENOENT;
}

static int open_net(struct net **net, const char *option, unsigned int sandbox)
{
	return net_open(net, option, sandbox, STDERR_FILENO);
}

static void wait_signals(unsigned int count)
{
	for (unsigned int i = 0; i < 5000; i++) {
		if (__atomic_load_n(&seen.signals, __ATOMIC_ACQUIRE) >= count)
			break;
		poll(NULL, 0, 1);
	}
}

static void put_frame(size_t length)
{
	static struct net_packet packet;

	for (size_t i = 0; i < length; i++)
		packet.frame[i] = i * 7;
	if (write(cable, &packet, sizeof(packet.header) + length) < 0)
		abort();
}

static void setup_thread_card(void)
{
	out(NET_PORTS + 18, 1, 3);
	out(NET_PORTS + 4, 4, NET_F_MAC | NET_F_STATUS);
	for (unsigned int q = 0; q < 2; q++) {
		out(NET_PORTS + 14, 2, q);
		out(NET_PORTS + 8, 4, DESC(q) >> 12);
	}
	set_desc(DESC(0), 0, DATA, 2048, WRITE, 0);
	/* The 8259s: vectors from 0x20, all lines open */
	for (unsigned int i = 0; i < 2; i++) {
		out(i ? 0xa0 : 0x20, 1, 0x11);
		out(i ? 0xa1 : 0x21, 1, i ? 0x28 : 0x20);
		out(i ? 0xa1 : 0x21, 1, i ? 2 : 4);
		out(i ? 0xa1 : 0x21, 1, 3);	/* automatic end of interrupt */
		out(i ? 0xa1 : 0x21, 1, 0);
	}
	out(NET_PORTS + 18, 1, 7);
}

static void check_stats(const struct net *net)
{
	char text[512] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");
	struct stats_list list = { .nr = 0 };

	net_add_stats(&list, net);
	stats_print(to, &list);
	fclose(to);
	tap_result(!strcmp(text, "  net_in             2\n"
				 "  net_in_bytes       150\n"
				 "  net_in_dropped     1\n"
				 "  net_out            1\n"
				 "  net_out_bytes      60\n"
				 "  net_out_dropped    0\n"), "net: statistics");
}

static void test_thread(void)
{
	static struct net_packet packet;
	struct net *net = NULL;

	expect("net: refused", open_net(&net, "refused", 0), STATUS_FAILURE);
	expect("net: user", open_net(&net, "user,x=1,modern,y", 5), STATUS_FAILURE);
	expect("net: words for the stack", user_words == 2 && user_last == 'y', true);
	expect("net: parts of its sandbox", user_sandbox, 5);
	expect("net: no name", open_net(&net, "", 0), STATUS_FAILURE);
	expect("net: a path", open_net(&net, "a/b", 0), STATUS_FAILURE);
	expect("net: a long name", open_net(&net, "abcdefghijklmnop", 0), STATUS_FAILURE);
	expect("net: a word", open_net(&net, "x,fast", 0), STATUS_FAILURE);
	expect("net: no address", open_net(&net, "x,mac=02:00:00:00:00", 0), STATUS_FAILURE);
	expect("net: a group's address", open_net(&net, "x,mac=01:00:00:00:00:00", 0),
	       STATUS_FAILURE);
	expect("net: more than an address", open_net(&net, "x,mac=02:00:00:00:00:001", 0),
	       STATUS_FAILURE);

	start_machine();
	expect("net: opened", open_net(&net, "x,mac=02:00:00:00:00:09", 0), 0);
	expect("net: attached", net_attach(net, &machine, -1, false), 0);
	expect("net: its page", region.gpa == NET_MEMORY && region.kind == KEV_REGION_TRAP, true);
	nudge_init();
	expect("net: started", net_start(net), 0);
	expect("net: MAC", in(NET_PORTS + 22, 4), 0x09000000);

	put_frame(60);			/* nobody is there */
	while (recv(cable, &packet, 1, 0) >= 0)
		;
	poll(NULL, 0, 20);
	setup_thread_card();
	expect("net: nothing can interrupt but the card", machine_can_interrupt(&machine), true);
	put_frame(70);			/* no buffer: it waits */
	put_frame(80);
	poll(NULL, 0, 20);
	expect("net: no interrupt without a buffer", seen.signals, 0);
	offer(0, 0);
	out(NET_PORTS + 16, 2, 0);
	wait_signals(1);
	expect("net: vector of line 11", seen.data, 0x2b);
	expect("net: the frame that has waited", get32(USED(0) + 8), 80);
	expect("net: cause", in(NET_PORTS + 19, 1), 1);
	offer(0, 0);
	out(NET_PORTS + 16, 2, 0);
	wait_signals(2);
	expect("net: and the next", get32(USED(0) + 16), 90);
	in(NET_PORTS + 19, 1);

	set_desc(DESC(1), 0, DATA + 0x1000, 70, 0, 0);
	offer(1, 0);
	out(NET_PORTS + 16, 2, 1);
	expect("net: out", recv(cable, &packet, sizeof(packet), 0), 72);
	in(NET_PORTS + 19, 1);

	__atomic_store_n(&link_up, false, __ATOMIC_RELEASE);
	if (write(link_out, "", 1) != 1)
		abort();
	wait_signals(4);
	expect("net: link down", in(NET_PORTS + 26, 2), 0);
	expect("net: link down: cause", in(NET_PORTS + 19, 1), 2);
	__atomic_store_n(&link_up, true, __ATOMIC_RELEASE);
	if (write(link_out, "", 1) != 1)
		abort();
	wait_signals(5);
	expect("net: link up", in(NET_PORTS + 26, 2), 1);

	put_frame(70);			/* and stopped while a frame waits */
	poll(NULL, 0, 20);
	net_stop(net);
	check_stats(net);
	machine_fini(&machine);
	net_close(net);
}

int main(void)
{
	test_thread();
	return tap_end();
}
