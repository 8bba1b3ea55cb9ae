// SPDX-License-Identifier: GPL-2.0
/* --net: the network card of a guest, its thread, and its way to the host. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <libkev.h>

#include "../events.h"
#include "../kevctl.h"
#include "../nudge.h"
#include "net.h"
#include "option.h"
#include "tap.h"
#include "user.h"
#include "virtio_pci.h"

/* Frames that are taken before the thread looks at its other descriptors */
#define BURST	64

#define MAC_LOCAL	0x02	/* of the first byte: not given by a manufacturer */

/**
 * struct net - a card and the wire that it is on
 * @card: what the guest sees
 * @wire: what the host sees
 * @model: as which device
 * @machine: machine that has the card
 * @wake: eventfd: the thread is to look
 * @thread: takes frames from the wire
 * @stop: it is to end [atomic]
 * @waiting: it waits for buffers of the guest's [machine's lock]
 * @lost: the far end of the wire has gone
 * @held: bytes of the frame that waits with it, or 0
 * @packet: that frame
 */
struct net {
	struct virtio_pci card;
	struct wire *wire;
	enum net_model model;
	struct machine *machine;
	int wake;
	pthread_t thread;
	bool stop;
	bool waiting;
	bool lost;
	size_t held;
	struct net_packet packet;
};

static bool send_frame(void *owner, struct net_packet *packet, size_t length)
{
	struct net *net = owner;

	return net->wire->ops->send(net->wire, packet, length);
}

static void listen_again(void *owner)
{
	struct net *net = owner;

	if (net->waiting || net->card.net.unfinished)
		eventfd_write(net->wake, 1);
	net->waiting = false;
}

static void random_mac(uint8_t *mac)
{
	if (getrandom(mac, NET_MAC_LENGTH, 0) != NET_MAC_LENGTH)
		memset(mac, 0, NET_MAC_LENGTH);
	mac[0] = (mac[0] & ~NET_MAC_GROUP) | MAC_LOCAL;
}

static int open_wire(struct net *net, const struct net_option *option, unsigned int sandbox,
		     int log)
{
	if (option->has_mac)
		memcpy(net->card.net.mac, option->mac, sizeof(option->mac));
	net->model = option->model;
	if (option->user)
		return user_open(&net->wire, sandbox, log, option->words);
	return tap_open(&net->wire, option->name);
}

static int open_parts(struct net *net, const char *given, unsigned int sandbox, int log)
{
	struct net_option option;
	char *text = strdup(given);
	int error = text ? net_option_parse(&option, text) : -ENOMEM;

	if (!error)
		error = open_wire(net, &option, sandbox, log);
	free(text);
	if (error)
		return error;
	net->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (net->wake >= 0)
		return 0;
	message("--net", "%s", strerror(errno));
	net->wire->ops->close(net->wire);
	return -EMFILE;
}

int net_open(struct net **result, const char *option, unsigned int sandbox, int log)
{
	struct net *net = calloc(1, sizeof(*net));

	if (!net) {
		message("--net", "%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	random_mac(net->card.net.mac);
	if (open_parts(net, option, sandbox, log)) {
		free(net);
		return STATUS_FAILURE;
	}
	*result = net;
	return 0;
}

void net_close(struct net *net)
{
	close(net->wake);
	net->wire->ops->close(net->wire);
	free(net);
}

int net_attach(struct net *net, struct machine *machine, int vm, bool hermit)
{
	struct virtio_net *card = &net->card.net;

	net->machine = machine;
	card->memory = (struct guest_view){ .vm = vm };
	card->owner = net;
	card->send = send_frame;
	card->listen = listen_again;
	card->link = net->wire->up;
	virtio_pci_init(&net->card, machine, 0,
			net->model == MODEL_MODERN ? NET_MODERN_ID : NET_LEGACY_ID);
	if (hermit && net->model == MODEL_AUTO)
		virtio_pci_add_modern(&net->card, machine, 1);
	return kev_vm_add_region(vm, KEV_REGION_TRAP, 0, NET_MEMORY, NET_MEMORY_SIZE);
}

/* Gives the guest the frame that is held; false: it has to wait. */
static bool give_frame(struct net *net)
{
	enum net_verdict verdict;

	machine_enter(net->machine, events_now());
	verdict = virtio_net_receive(&net->card.net, &net->packet, net->held);
	net->waiting = verdict == NET_WAIT;
	machine_leave(net->machine);
	if (verdict != NET_WAIT)
		net->held = 0;
	return verdict != NET_WAIT;
}

static void set_link(struct net *net, bool up)
{
	machine_enter(net->machine, events_now());
	virtio_pci_set_link(&net->card, up);
	machine_leave(net->machine);
}

static void take_frames(struct net *net)
{
	ssize_t n;

	if (net->held && !give_frame(net))
		return;
	for (unsigned int i = 0; i < BURST; i++) {
		n = net->wire->ops->receive(net->wire, &net->packet);
		if (n < 0) {
			message("--net", "the far end has gone: %s", strerror(-n));
			net->lost = true;
			set_link(net, false);
		}
		if (n <= 0)
			return;
		net->held = n;
		if (!give_frame(net))
			return;
	}
}

static void work(struct net *net)
{
	machine_enter(net->machine, events_now());
	virtio_net_poll(&net->card.net);
	machine_leave(net->machine);
}

static void *net_thread(void *argument)
{
	enum { WAKE, LINK, WIRE };
	struct net *net = argument;
	struct pollfd fds[] = {
		[WAKE] = { .fd = net->wake, .events = POLLIN },
		[LINK] = { .fd = net->wire->link, .events = POLLIN },
		[WIRE] = { .events = POLLIN },
	};
	eventfd_t count;

	while (!__atomic_load_n(&net->stop, __ATOMIC_ACQUIRE)) {
		fds[WIRE].fd = net->lost || net->held ? -1 : net->wire->fd;
		if (poll(fds, 3, -1) < 0)
			continue;	/* a signal: only EINTR is possible */
		if (fds[LINK].revents) {
			net->wire->ops->look(net->wire);
			if (!net->lost)
				set_link(net, net->wire->up);
		}
		if (fds[WAKE].revents) {
			eventfd_read(net->wake, &count);
			work(net);
		}
		if (fds[WIRE].revents || (fds[WAKE].revents && net->held))
			take_frames(net);
	}
	return NULL;
}

int net_start(struct net *net)
{
	return -pthread_create(&net->thread, NULL, net_thread, net);
}

void net_nudge(struct net *net)
{
	nudge(net->thread);
}

void net_stop(struct net *net)
{
	__atomic_store_n(&net->stop, true, __ATOMIC_RELEASE);
	eventfd_write(net->wake, 1);
	nudge_join(net->thread);
}

void net_add_stats(struct stats_list *list, const struct net *net)
{
	const struct net_counters *in = &net->card.net.counters[NET_RX];
	const struct net_counters *out = &net->card.net.counters[NET_TX];

	stats_add(list, "net_in", in->packets);
	stats_add(list, "net_in_bytes", in->bytes);
	stats_add(list, "net_in_dropped", in->dropped);
	stats_add(list, "net_out", out->packets);
	stats_add(list, "net_out_bytes", out->bytes);
	stats_add(list, "net_out_dropped", out->dropped);
}
