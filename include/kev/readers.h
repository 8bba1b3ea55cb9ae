/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users whose files are read, and how many reads of them are under way.
 */
#ifndef _KEV_READERS_H
#define _KEV_READERS_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/wait.h>

struct user_struct;

/**
 * struct kev_read_places - places for reads
 * @taken: [a] by reads under way, whether somebody waits for them or not
 * @wait: who waits for one: a place that gets free wakes one of them
 */
struct kev_read_places {
	atomic_t taken;
	wait_queue_head_t wait;
};

/**
 * struct kev_readers - a user who has images
 * @node: in the table, by @user
 * @user: [I] who; images hold the reference
 * @images: that count here; it goes with the last one
 * @places: by kev_image.local: a server that hangs takes none from disks
 */
struct kev_readers {
	struct hlist_node node;
	const struct user_struct *user;
	unsigned int images;
	struct kev_read_places places[2];
};

/**
 * kev_readers_get() - a user has one more image
 * @user: who; the image holds a reference
 *
 * Context: process, may sleep. Return: to be given to kev_readers_put() by the image, which every
 * read of it keeps; NULL: no memory.
 */
struct kev_readers *kev_readers_get(const struct user_struct *user);

/**
 * kev_readers_put() - an image is gone; no read of it is under way
 * @readers: its user
 *
 * Context: process.
 */
void kev_readers_put(struct kev_readers *readers);

#endif /* _KEV_READERS_H */
