// SPDX-License-Identifier: GPL-2.0
/* What `--net user` can be told behind its commas. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "../kevctl.h"
#include "options.h"

#define DEFAULT_NETWORK	0x0a000200U	/* 10.0.2.0/24 */
#define DEFAULT_PREFIX	24

/* Addresses up to 30 are in use; more than a private network's 8 bits make no sense. */
#define LEAST_PREFIX	8
#define MOST_PREFIX	27

static int refuse(const char *word, const char *advice)
{
	message("--net", "user: %s", word);
	hint("%s", advice);
	return -EINVAL;
}

/* Cuts @text at the first @separator; returns what is behind it, or NULL. */
static char *cut(char *text, char separator)
{
	char *found = strchr(text, separator);

	if (found)
		*found++ = '\0';
	return found;
}

static int parse_network(struct options *options, const char *word, char *value)
{
	char *prefix = cut(value, '/');
	struct in_addr address;

	if (prefix && inet_pton(AF_INET, value, &address) == 1 &&
	    !parse_count(prefix, LEAST_PREFIX, MOST_PREFIX, &options->prefix)) {
		options->network = ntohl(address.s_addr);
		if (options->network && !(options->network & (UINT32_MAX >> options->prefix)))
			return 0;
	}
	return refuse(word, "net=ADDRESS/PREFIX, the first address and 8 to 27: net=10.0.2.0/24");
}

static int parse_port(const char *text, uint16_t *port)
{
	unsigned int value;
	int error = parse_count(text, 1, UINT16_MAX, &value);

	*port = value;
	return error;
}

static int parse_forward(struct options *options, const char *word, char *value)
{
	struct forward *forward = &options->forwards[options->nr_forwards];
	char *host = cut(value, ':'), *guest_port = host ? cut(host, '-') : NULL;
	char *port = host ? cut(host, ':') : NULL;

	if (options->nr_forwards == MAX_FORWARDS)
		return refuse(word, "there are too many");
	if (!port) {
		port = host;
		host = "127.0.0.1";
	}
	forward->udp = !strcmp(value, "udp");
	if ((forward->udp || !strcmp(value, "tcp")) && guest_port &&
	    inet_pton(AF_INET, host, &forward->address) == 1 &&
	    !parse_port(port, &forward->port) && !parse_port(guest_port, &forward->guest_port)) {
		options->nr_forwards++;
		return 0;
	}
	return refuse(word, "hostfwd=tcp:PORT-GUESTPORT or hostfwd=udp:ADDRESS:PORT-GUESTPORT");
}

/* The value of @word if its name is @name, "NAME=" */
static const char *value_of(const char *word, const char *name)
{
	return strncmp(word, name, strlen(name)) ? NULL : word + strlen(name);
}

static int parse_word(struct options *options, const char *word)
{
	const char *value;
	char text[64];

	if (strlen(word) >= sizeof(text))
		return refuse(word, "it is too long");
	if (!strcmp(word, "loopback")) {
		options->loopback = true;
		return 0;
	}
	value = value_of(word, "net=");
	if (value)
		return parse_network(options, word, strcpy(text, value));
	value = value_of(word, "hostfwd=");
	if (value)
		return parse_forward(options, word, strcpy(text, value));
	return refuse(word, "net=ADDRESS/PREFIX, hostfwd=tcp:PORT-GUESTPORT, loopback, "
		      "mac=ADDRESS, legacy and modern can stand behind user");
}

int options_parse(struct options *options, char *const words[])
{
	int error = 0;

	*options = (struct options){ .network = DEFAULT_NETWORK, .prefix = DEFAULT_PREFIX };
	for (size_t i = 0; words[i] && !error; i++)
		error = parse_word(options, words[i]);
	return error;
}
