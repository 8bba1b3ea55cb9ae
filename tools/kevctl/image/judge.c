// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own reading of images, as src/image/attach.c goes through it: what is said here
 * cannot differ from what it does.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kev/boot.h>

#include "judge.h"

#define RAM_LEAST	(64ULL << 20)
#define RAM_MOST	(1ULL << 40)

/* An image that is being looked at */
struct judge {
	int fd;
	u64 file_size;
	struct kev_boot_header header;
	struct kev_elf_plan elf;
	struct kev_boot_plan boot;
	struct kev_image_fault why;
};

/* All of it, in memory that is to be freed */
static int read_part(const struct judge *judge, u64 offset, size_t length, void **part)
{
	size_t done = 0;
	int error = 0;
	ssize_t n;

	*part = malloc(length ?: 1);
	if (!*part)
		return -ENOMEM;
	while (done < length && !error) {
		n = pread(judge->fd, (u8 *)*part + done, length - done, offset + done);
		if (n > 0)
			done += n;
		else if (!n)
			error = -EIO;	/* it has become shorter */
		else if (errno != EINTR)
			error = -errno;
	}
	if (error)
		free(*part);
	return error;
}

static int plan_elf(struct judge *judge, const void *window, size_t length)
{
	struct kev_elf_rules rules = { .phys_bits = KEV_PHYS_BITS_MAX };
	struct kev_elf_header header;
	size_t bytes;
	void *phdrs;
	int error;

	kev_boot_elf_rules(&judge->header, &rules);
	error = kev_elf_decode_header(window, length, judge->file_size, &rules, &header,
				      &judge->why);
	if (error)
		return error;
	bytes = header.phnum * header.phentsize;
	error = read_part(judge, header.phoff, bytes, &phdrs);
	if (error)
		return error;
	error = kev_elf_plan(&header, phdrs, bytes, judge->file_size, &rules, &judge->elf,
			     &judge->why);
	free(phdrs);
	return error;
}

static int read_notes(struct judge *judge)
{
	int error = 0;

	for (u32 i = 0; !error && i < judge->elf.nr_notes; i++) {
		const struct kev_elf_extent *extent = &judge->elf.note[i];
		size_t length = min_t(u64, extent->size, KEV_BOOT_NOTE_MAX);
		void *note;

		if (!kev_boot_wants_notes(&judge->header))
			break;
		error = read_part(judge, extent->offset, length, &note);
		if (error)
			return error;
		error = kev_boot_find_note(&judge->header, note, length, &judge->why);
		free(note);
	}
	return error;
}

static int plan_image(struct judge *judge)
{
	size_t length = min_t(u64, judge->file_size, kev_boot_window(KEV_BOOT_AUTO));
	void *window;
	int error = read_part(judge, 0, length, &window);

	if (error)
		return error;
	error = kev_boot_find(KEV_BOOT_AUTO, window, length, &judge->header, &judge->why);
	if (!error && judge->header.has_flat)
		error = kev_boot_plan_flat(&judge->header, judge->file_size, KEV_PHYS_BITS_MAX,
					   &judge->elf, &judge->why);
	else if (!error)
		error = plan_elf(judge, window, length);
	free(window);
	if (!error)
		error = read_notes(judge);
	return error ?: kev_boot_resolve(&judge->header, &judge->elf, &judge->why);
}

static int place(struct judge *judge)
{
	struct kev_boot_args args = {
		.ram_bytes = RAM_LEAST, .phys_bits = KEV_PHYS_BITS_MAX, .cmdline = "",
	};
	int error;

	for (;;) {
		error = kev_boot_place(&judge->header, &judge->elf, &args, &judge->boot,
				       &judge->why);
		if (judge->why.problem != KEV_IMAGE_RAM || args.ram_bytes == RAM_MOST)
			return error;
		args.ram_bytes *= 2;
	}
}

int image_judge(int fd, struct image_verdict *verdict)
{
	struct judge *judge = calloc(1, sizeof(*judge));
	struct stat stat;
	int error;

	if (!judge)
		return -ENOMEM;
	judge->fd = fd;
	judge->header.protocol = KEV_BOOT_AUTO;
	error = fstat(fd, &stat) ? -errno : 0;
	if (!error) {
		judge->file_size = stat.st_size;
		error = plan_image(judge);
	}
	if (!error)
		error = place(judge);
	*verdict = (struct image_verdict){
		.boot = judge->header.protocol,
		.problem = judge->why.problem,
		.segment = judge->why.segment,
	};
	free(judge);
	/* A problem is what was asked for. */
	return verdict->problem == KEV_IMAGE_OK ? error : 0;
}
