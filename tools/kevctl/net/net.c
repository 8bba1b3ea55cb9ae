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
#include "net.h"
#include "tap.h"
#include "virtio_pci.h"

/* Frames that are taken before the thread looks at its other descriptors */
#define BURST	64

#define MAC_LOCAL	0x02	/* of the first byte: not given by a manufacturer */
#define MAC_GROUP	0x01

/* Which drivers are to find the card */
enum net_model { MODEL_AUTO, MODEL_LEGACY, MODEL_MODERN };

/**
 * struct net - a card and its TAP device
 * @card: what the guest sees
 * @tap: what the host sees
 * @model: as which device
 * @machine: machine that has the card
 * @wake: eventfd: the thread is to look
 * @thread: takes frames from the TAP device
 * @stop: it is to end [atomic]
 * @waiting: it waits for buffers of the guest's [machine's lock]
 * @lost: the TAP device has gone
 * @held: bytes of the frame that waits with it, or 0
 * @packet: that frame
 */
struct net {
	struct virtio_pci card;
	struct tap tap;
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

static bool send_frame(void *owner, const struct net_packet *packet, size_t length)
{
	const struct net *net = owner;

	return write(net->tap.fd, packet, length) == (ssize_t)length;
}

static void listen_again(void *owner)
{
	struct net *net = owner;

	if (net->waiting || net->card.net.unfinished)
		eventfd_write(net->wake, 1);
	net->waiting = false;
}

static int parse_mac(const char *text, uint8_t *mac)
{
	unsigned int bytes[NET_MAC_LENGTH];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2],
		   &bytes[3], &bytes[4], &bytes[5], &end) != NET_MAC_LENGTH ||
	    text[end] || bytes[0] & MAC_GROUP) {
		message("--net", "%s is no address of a card", text);
		hint("for example mac=02:00:00:00:00:01");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < NET_MAC_LENGTH; i++)
		mac[i] = bytes[i];
	return 0;
}

static int parse_word(struct net *net, const char *word)
{
	static const char mac[] = "mac=";

	if (!strncmp(word, mac, sizeof(mac) - 1))
		return parse_mac(word + sizeof(mac) - 1, net->card.net.mac);
	if (!strcmp(word, "legacy"))
		net->model = MODEL_LEGACY;
	else if (!strcmp(word, "modern"))
		net->model = MODEL_MODERN;
	else {
		message("--net", "%s is unknown", word);
		hint("--net tap or --net NAME, with ,mac=ADDRESS ,legacy or ,modern behind it");
		return -EINVAL;
	}
	return 0;
}

static int check_name(const char *name)
{
	if (!strcmp(name, "user")) {
		message("--net", "user: kevctl has no network stack of its own");
		hint("--net tap, and an address or a bridge for the device that it makes");
		return -EINVAL;
	}
	if (*name && strlen(name) < IFNAMSIZ && !strpbrk(name, "/%: \t\n"))
		return 0;
	message("--net", "%s is no name of a TAP device", *name ? name : "an empty text");
	return -EINVAL;
}

/* A text of the caller's own, cut at its commas */
static int parse(struct net *net, char *text)
{
	char *word = strsep(&text, ",");
	int error = check_name(word);

	while (!error && text)
		error = parse_word(net, strsep(&text, ","));
	return error;
}

static void random_mac(uint8_t *mac)
{
	if (getrandom(mac, NET_MAC_LENGTH, 0) != NET_MAC_LENGTH)
		memset(mac, 0, NET_MAC_LENGTH);
	mac[0] = (mac[0] & ~MAC_GROUP) | MAC_LOCAL;
}

static int open_parts(struct net *net, const char *option)
{
	char *text = strdup(option);
	int error = text ? parse(net, text) : -ENOMEM;

	if (!error)
		error = tap_open(&net->tap, strcmp(text, "tap") ? text : "");
	free(text);
	if (error)
		return error;
	net->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (net->wake >= 0)
		return 0;
	message("--net", "%s", strerror(errno));
	tap_close(&net->tap);
	return -EMFILE;
}

int net_open(struct net **result, const char *option)
{
	struct net *net = calloc(1, sizeof(*net));

	if (!net) {
		message("--net", "%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	random_mac(net->card.net.mac);
	if (open_parts(net, option)) {
		free(net);
		return STATUS_FAILURE;
	}
	*result = net;
	return 0;
}

void net_close(struct net *net)
{
	close(net->wake);
	tap_close(&net->tap);
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
	card->link = net->tap.up;
	virtio_pci_init(&net->card, machine, 0,
			net->model == MODEL_MODERN ? NET_MODERN_ID : NET_LEGACY_ID);
	if (hermit && net->model == MODEL_AUTO)
		virtio_pci_add_modern(&net->card, machine, 1);
	if (net->tap.created)
		message("--net", "made %s", net->tap.name);
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
		n = read(net->tap.fd, &net->packet, sizeof(net->packet));
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO) {
			/* The device was taken away from the host. */
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
	enum { WAKE, LINK, TAP };
	struct net *net = argument;
	struct pollfd fds[] = {
		[WAKE] = { .fd = net->wake, .events = POLLIN },
		[LINK] = { .fd = net->tap.link, .events = POLLIN },
		[TAP] = { .events = POLLIN },
	};
	eventfd_t count;

	while (!__atomic_load_n(&net->stop, __ATOMIC_ACQUIRE)) {
		fds[TAP].fd = net->lost || net->held ? -1 : net->tap.fd;
		if (poll(fds, 3, -1) < 0)
			continue;	/* a signal: only EINTR is possible */
		if (fds[LINK].revents) {
			tap_read_link(&net->tap);
			if (!net->lost)
				set_link(net, net->tap.up);
		}
		if (fds[WAKE].revents) {
			eventfd_read(net->wake, &count);
			work(net);
		}
		if (fds[TAP].revents || (fds[WAKE].revents && net->held))
			take_frames(net);
	}
	return NULL;
}

int net_start(struct net *net)
{
	return -pthread_create(&net->thread, NULL, net_thread, net);
}

void net_stop(struct net *net)
{
	__atomic_store_n(&net->stop, true, __ATOMIC_RELEASE);
	eventfd_write(net->wake, 1);
	pthread_join(net->thread, NULL);
}

void net_print_stats(FILE *to, const struct net *net)
{
	const struct net_counters *in = &net->card.net.counters[NET_RX];
	const struct net_counters *out = &net->card.net.counters[NET_TX];
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{ "net_in", in->packets },
		{ "net_in_bytes", in->bytes },
		{ "net_in_dropped", in->dropped },
		{ "net_out", out->packets },
		{ "net_out_bytes", out->bytes },
		{ "net_out_dropped", out->dropped },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		fprintf(to, "  %-18s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}
