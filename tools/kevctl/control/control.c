// SPDX-License-Identifier: GPL-2.0
/* What a kevctl that runs a guest offers to others. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../incoming.h"
#include "../kevctl.h"
#include "../sandbox.h"
#include "../session.h"
#include "../stat/tell.h"
#include "control.h"
#include "ring.h"
#include "runtime.h"

#define REQUEST_BYTES	32
#define CHUNK		4096

enum client_state {
	CLIENT_FREE,
	CLIENT_REQUEST,		/* its line is not complete */
	CLIENT_REPLY,		/* gets a text, and no more */
	CLIENT_CONSOLE,
};

/*
 * @request: what has come of its line. @reply, @reply_length: the text. @position: of the next
 * byte to send, in the text or the console.
 */
struct client {
	enum client_state state;
	int fd;
	char request[REQUEST_BYTES];
	size_t request_length;
	char *reply;
	size_t reply_length;
	uint64_t position;
};

/*
 * @runtime: the entry. @session: whose VM it is. @input: pipe, or two of -1. @wake: eventfd: the
 * console has more, or it is time to stop. @watched: there are clients of the console [atomic].
 * @stop: [atomic]. @lock guards @ring.
 */
struct control {
	struct runtime runtime;
	struct session *session;
	int input[2];
	int wake;
	bool watched;
	bool stop;
	pthread_t thread;
	struct client clients[CONTROL_FILES];
	pthread_mutex_t lock;
	struct ring ring;
};

int control_open(const struct runtime_info *info, bool input, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	const int no_input[] = { -1, -1 };
	int error;

	if (!control)
		return -ENOMEM;
	memcpy(control->input, no_input, sizeof(no_input));
	pthread_mutex_init(&control->lock, NULL);
	control->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = runtime_open(&control->runtime, info);
	if (!error && (control->wake < 0 ||
		       (input && pipe2(control->input, O_CLOEXEC | O_NONBLOCK))))
		error = -errno;
	if (error) {
		control_close(control);
		return error;
	}
	*out = control;
	return 0;
}

void control_close(struct control *control)
{
	const int fds[] = { control ? control->wake : -1, control ? control->input[0] : -1,
			    control ? control->input[1] : -1 };

	if (!control)
		return;
	runtime_close(&control->runtime);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&control->lock);
	free(control);
}

int control_input(const struct control *control)
{
	return control->input[0];
}

unsigned int control_paths(const struct control *control, struct sandbox_path *paths)
{
	paths[0] = (struct sandbox_path){ .fd = control->runtime.dir, .removable = true };
	paths[1] = (struct sandbox_path){ .fd = control->runtime.base, .removable_dirs = true };
	return CONTROL_PATHS;
}

void control_console(void *owner, const void *bytes, size_t length)
{
	struct control *control = owner;

	pthread_mutex_lock(&control->lock);
	ring_put(&control->ring, bytes, length);
	pthread_mutex_unlock(&control->lock);
	if (__atomic_load_n(&control->watched, __ATOMIC_SEQ_CST))
		eventfd_write(control->wake, 1);
}

static void drop(struct client *client)
{
	close(client->fd);
	free(client->reply);
	*client = (struct client){ };
}

/* A pipe that has no room for the input would block none but the client. */
static bool has_room(const struct control *control)
{
	struct pollfd fd = { .fd = control->input[1], .events = POLLOUT };

	return fd.fd >= 0 && poll(&fd, 1, 0) > 0 && fd.revents & POLLOUT;
}

static unsigned int count_consoles(const struct control *control)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < CONTROL_FILES; i++)
		nr += control->clients[i].state == CLIENT_CONSOLE;
	return nr;
}

/* A new client has room for the line. */
static void open_console(struct control *control, struct client *client)
{
	bool busy = count_consoles(control) == CONTROL_CONSOLES;
	const char *line = busy ? CONTROL_BUSY : CONTROL_OK;

	if (send(client->fd, line, strlen(line), MSG_NOSIGNAL) < 0 || busy) {
		drop(client);
		return;
	}
	__atomic_store_n(&control->watched, true, __ATOMIC_SEQ_CST);
	client->state = CLIENT_CONSOLE;
}

static void answer(struct control *control, struct client *client)
{
	if (!strcmp(client->request, CONTROL_CONSOLE)) {
		open_console(control, client);
		return;
	}
	if (!strcmp(client->request, CONTROL_STATS))
		client->reply = tell_counters(control->session, &client->reply_length);
	if (client->reply)
		client->state = CLIENT_REPLY;
	else
		drop(client);
}

/* What comes behind the line is dropped, but for a client that waits for an answer. */
static void take_request(struct control *control, struct client *client)
{
	ssize_t n = recv(client->fd, client->request + client->request_length, 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || client->request_length == REQUEST_BYTES - 1) {
		drop(client);
		return;
	}
	if (client->request[client->request_length] != '\n') {
		client->request_length++;
		return;
	}
	client->request[client->request_length] = '\0';
	answer(control, client);
}

static void take_input(struct control *control, struct client *client)
{
	char bytes[CHUNK];
	ssize_t n;

	/* Up to PIPE_BUF bytes go into a pipe that polls as writable. */
	n = recv(client->fd, bytes, sizeof(bytes), 0);
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop(client);
	else if (n > 0 && control->input[1] >= 0 && write(control->input[1], bytes, n) < 0)
		return;		/* the guest takes no input any more */
}

static void send_reply(struct client *client)
{
	ssize_t n = send(client->fd, client->reply + client->position,
			 client->reply_length - client->position, MSG_NOSIGNAL);

	if (n > 0)
		client->position += n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) ||
	    client->position == client->reply_length)
		drop(client);
}

static bool has_console(struct control *control, const struct client *client)
{
	bool more;

	pthread_mutex_lock(&control->lock);
	more = client->position < control->ring.end;
	pthread_mutex_unlock(&control->lock);
	return more;
}

static void send_console(struct control *control, struct client *client)
{
	uint64_t position = client->position;
	char bytes[CHUNK];
	size_t length;
	ssize_t n;

	pthread_mutex_lock(&control->lock);
	length = ring_get(&control->ring, &position, bytes, sizeof(bytes));
	pthread_mutex_unlock(&control->lock);
	if (!length)
		return;
	n = send(client->fd, bytes, length, MSG_NOSIGNAL);
	if (n > 0)
		client->position = position - length + n;
	else if (errno != EAGAIN && errno != EINTR)
		drop(client);
}

static void take_client(struct control *control)
{
	int fd = incoming_accept(control->runtime.listener);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CONTROL_FILES; i++) {
		if (control->clients[i].state != CLIENT_FREE)
			continue;
		control->clients[i] = (struct client){ .state = CLIENT_REQUEST, .fd = fd };
		return;
	}
	close(fd);
}

/* What to wait for; a client whose console has nothing new only has to be heard. */
static short wanted(struct control *control, const struct client *client, bool room)
{
	switch (client->state) {
	case CLIENT_REQUEST:
		return POLLIN;
	case CLIENT_REPLY:
		return POLLOUT;
	case CLIENT_CONSOLE:
		return (room || control->input[1] < 0 ? POLLIN : 0) |
		       (has_console(control, client) ? POLLOUT : 0);
	case CLIENT_FREE:
		break;
	}
	return 0;
}

static void serve(struct control *control, struct client *client, short events)
{
	if (client->state == CLIENT_REQUEST && events & (POLLIN | POLLHUP | POLLERR)) {
		take_request(control, client);
		return;
	}
	if (client->state == CLIENT_REPLY && events)
		send_reply(client);
	if (client->state == CLIENT_CONSOLE && events & POLLOUT)
		send_console(control, client);
	/* What another client has sent meanwhile may have taken the room. */
	if (client->state == CLIENT_CONSOLE && events & POLLIN &&
	    (control->input[1] < 0 || has_room(control)))
		take_input(control, client);
	if (client->state == CLIENT_CONSOLE && events & (POLLHUP | POLLERR))
		drop(client);
}

static void note_watched(struct control *control)
{
	__atomic_store_n(&control->watched, count_consoles(control) > 0, __ATOMIC_SEQ_CST);
}

void control_turn(struct control *control, int timeout)
{
	enum { WAKE, LISTENER, INPUT, FIRST };
	bool room = has_room(control);
	struct pollfd fds[FIRST + CONTROL_FILES] = {
		[WAKE] = { .fd = control->wake, .events = POLLIN },
		[LISTENER] = { .fd = control->runtime.listener, .events = POLLIN },
		/* Without room there is something to wait for: only then. */
		[INPUT] = { .fd = room ? -1 : control->input[1], .events = POLLOUT },
	};
	eventfd_t count;

	note_watched(control);
	for (size_t i = 0; i < CONTROL_FILES; i++) {
		struct client *client = &control->clients[i];

		fds[FIRST + i] = (struct pollfd){
			.fd = client->state == CLIENT_FREE ? -1 : client->fd,
			.events = wanted(control, client, room),
		};
	}
	if (poll(fds, ARRAY_SIZE(fds), timeout) < 0)
		return;		/* a signal: only EINTR is possible */
	if (fds[WAKE].revents)
		eventfd_read(control->wake, &count);
	for (size_t i = 0; i < CONTROL_FILES; i++)
		if (fds[FIRST + i].revents)
			serve(control, &control->clients[i], fds[FIRST + i].revents);
	if (fds[LISTENER].revents)
		take_client(control);
}

static void *control_thread(void *argument)
{
	struct control *control = argument;

	while (!__atomic_load_n(&control->stop, __ATOMIC_ACQUIRE))
		control_turn(control, -1);
	return NULL;
}

int control_start(struct control *control, struct session *session)
{
	control->session = session;
	return -pthread_create(&control->thread, NULL, control_thread, control);
}

/* As much as goes without waiting */
static void send_rest(struct control *control, struct client *client)
{
	uint64_t before;

	do {
		before = client->position;
		send_console(control, client);
	} while (client->state == CLIENT_CONSOLE && client->position != before);
}

void control_stop(struct control *control)
{
	__atomic_store_n(&control->stop, true, __ATOMIC_RELEASE);
	eventfd_write(control->wake, 1);
	pthread_join(control->thread, NULL);
	for (size_t i = 0; i < CONTROL_FILES; i++) {
		if (control->clients[i].state == CLIENT_CONSOLE)
			send_rest(control, &control->clients[i]);
		if (control->clients[i].state != CLIENT_FREE)
			drop(&control->clients[i]);
	}
}
