/* SPDX-License-Identifier: GPL-2.0 */
/* What --net takes. */
#ifndef KEVCTL_NET_OPTION_H
#define KEVCTL_NET_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_net.h"

#define NET_MAC_GROUP	0x01	/* of the first byte: no single card's */

/* Words that are the network stack's to judge */
#define NET_WORDS	32

/* Which drivers are to find the card */
enum net_model { MODEL_AUTO, MODEL_LEGACY, MODEL_MODERN };

/**
 * struct net_option - the option, taken apart
 * @user: the network stack is kev-net-user's; else a TAP device's:
 * @name: its name, or "" for a new one
 * @has_mac: @mac is given
 * @mac: address of the card
 * @model: which card it is
 * @words: with @user: what is not the card's, behind the last one NULL
 */
struct net_option {
	bool user;
	const char *name;
	bool has_mac;
	uint8_t mac[NET_MAC_LENGTH];
	enum net_model model;
	char *words[NET_WORDS + 1];
};

/**
 * net_option_parse() - take the option's value apart, or say what is wrong with it
 * @option: out; it keeps parts of @text
 * @text: value, which is cut at its commas
 *
 * Return: 0 or a negative errno.
 */
int net_option_parse(struct net_option *option, char *text);

#endif /* KEVCTL_NET_OPTION_H */
