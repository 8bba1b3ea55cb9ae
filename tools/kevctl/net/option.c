// SPDX-License-Identifier: GPL-2.0
/* What --net takes: a device, and words behind commas. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "../kevctl.h"
#include "option.h"

/* Digits and colons: sscanf() alone would take signs and blanks, too. */
static int parse_mac(struct net_option *option, const char *text)
{
	unsigned int bytes[NET_MAC_LENGTH];
	int end = 0;

	if (text[strspn(text, "0123456789abcdefABCDEF:")] ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2],
		   &bytes[3], &bytes[4], &bytes[5], &end) != NET_MAC_LENGTH ||
	    text[end] || bytes[0] & NET_MAC_GROUP) {
		message("--net", "%s is no address of a card", text);
		hint("for example mac=02:00:00:00:00:01");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < NET_MAC_LENGTH; i++)
		option->mac[i] = bytes[i];
	option->has_mac = true;
	return 0;
}

static int parse_word(struct net_option *option, char *word, unsigned int *others)
{
	static const char mac[] = "mac=";

	if (!strncmp(word, mac, sizeof(mac) - 1))
		return parse_mac(option, word + sizeof(mac) - 1);
	if (!strcmp(word, "legacy"))
		option->model = MODEL_LEGACY;
	else if (!strcmp(word, "modern"))
		option->model = MODEL_MODERN;
	else if (option->user && *others < NET_WORDS)
		option->words[(*others)++] = word;
	else {
		message("--net", option->user ? "%s is too much" : "%s is unknown", word);
		hint("--net tap or --net NAME, with ,mac=ADDRESS ,legacy or ,modern behind it");
		return -EINVAL;
	}
	return 0;
}

static int check_name(const char *name)
{
	if (*name && strlen(name) < IFNAMSIZ && !strpbrk(name, "/%: \t\n"))
		return 0;
	message("--net", "%s is no name of a TAP device", *name ? name : "an empty text");
	return -EINVAL;
}

int net_option_parse(struct net_option *option, char *text)
{
	const char *name = strsep(&text, ",");
	int error = check_name(name);
	unsigned int others = 0;

	*option = (struct net_option){
		.user = !strcmp(name, "user"), .name = strcmp(name, "tap") ? name : "",
	};
	while (!error && text)
		error = parse_word(option, strsep(&text, ","), &others);
	return error;
}
