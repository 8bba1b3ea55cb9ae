// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users whose files are read, and how many reads of them are under way: a read that hangs keeps
 * its worker, and of workers there are only so many for everybody.
 */
#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <kev/mem.h>
#include <kev/readers.h>

static DEFINE_HASHTABLE(users, 6);		/* [users_lock] by user */
static DEFINE_SPINLOCK(users_lock);		/* innermost */
static struct kev_readers one;			/* [users_lock] of the only user, as mostly */

/* users_lock held */
static struct kev_readers *find(const struct user_struct *user)
{
	struct kev_readers *readers;

	hash_for_each_possible(users, readers, node, (unsigned long)user)
		if (readers->user == user)
			return readers;
	return NULL;
}

/* One more image of a user that is in the table, or is put there: NULL if neither */
static struct kev_readers *add_image(const struct user_struct *user, struct kev_readers *new)
{
	struct kev_readers *readers;

	spin_lock(&users_lock);
	readers = find(user);
	if (!readers && !new && !one.images)
		new = &one;
	if (!readers && new) {
		readers = new;
		readers->user = user;
		for (unsigned int i = 0; i < ARRAY_SIZE(readers->places); i++) {
			atomic_set(&readers->places[i].taken, 0);
			init_waitqueue_head(&readers->places[i].wait);
		}
		hash_add(users, &readers->node, (unsigned long)user);
	}
	if (readers)
		readers->images++;
	spin_unlock(&users_lock);
	return readers;
}

struct kev_readers *kev_readers_get(const struct user_struct *user)
{
	struct kev_readers *readers = add_image(user, NULL), *new;

	if (readers)
		return readers;
	new = kzalloc(sizeof(*new), KEV_GFP_GUEST);
	if (!new)
		return NULL;
	readers = add_image(user, new);
	/* Somebody else was faster. */
	if (readers != new)
		kfree(new);
	return readers;
}

void kev_readers_put(struct kev_readers *readers)
{
	bool last;

	spin_lock(&users_lock);
	last = !--readers->images;
	if (last)
		hash_del(&readers->node);
	spin_unlock(&users_lock);
	if (last && readers != &one)
		kfree(readers);
}
