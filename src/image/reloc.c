// SPDX-License-Identifier: GPL-2.0
/*
 * Relocations of a position-independent image. Pure.
 *
 * Tags and types: System V ABI, chapter "Dynamic Linking", and its AMD64
 * supplement, chapter "Relocation". As in elf.c nothing in the file is trusted
 * and nothing in it is aligned.
 */
#include <linux/elf.h>

#include <kev/pure.h>
#include <kev/reloc.h>

/* The names that not every <linux/elf.h> has */
#define TAG_RELRSZ	35
#define TYPE_NONE	0
#define TYPE_RELATIVE	8

#define RELOC_SIZE	sizeof(u64)

static_assert(sizeof(Elf64_Rela) == KEV_RELOC_ENTRY_SIZE, "as the format has it");

static int fault(struct kev_image_fault *why, enum kev_image_problem problem)
{
	return kev_image_fault(why, problem, KEV_IMAGE_NO_SEGMENT);
}

/* What a dynamic section says of relocations */
struct dynamic_tags {
	struct value {
		u64 value;
		bool given;
	} rela, relasz, relaent;
	bool other;	/* a table of another kind that is not empty */
	bool ended;	/* by DT_NULL */
};

/* Whether it is the first of its kind */
static bool set(struct value *value, u64 new)
{
	bool first = !value->given;

	*value = (struct value) { .value = new, .given = true };
	return first;
}

static bool read_dynamic(const void *dyn, size_t len, struct dynamic_tags *out)
{
	Elf64_Dyn entry;
	size_t at;

	*out = (struct dynamic_tags) {};
	for (at = 0; !out->ended && len - at >= sizeof(entry); at += sizeof(entry)) {
		bool good = true;

		memcpy(&entry, (const u8 *)dyn + at, sizeof(entry));
		switch (entry.d_tag) {
		case DT_NULL:
			out->ended = true;
			break;
		case DT_RELA:
			good = set(&out->rela, entry.d_un.d_ptr);
			break;
		case DT_RELASZ:
			good = set(&out->relasz, entry.d_un.d_val);
			break;
		case DT_RELAENT:
			good = set(&out->relaent, entry.d_un.d_val);
			break;
		case DT_RELSZ:
		case DT_PLTRELSZ:
		case TAG_RELRSZ:
			out->other |= entry.d_un.d_val != 0;
			break;
		}
		if (!good)
			return false;
	}
	return out->ended;
}

/* Virtual addresses of a range to its place in the file */
static bool find_in_file(const struct kev_elf_plan *plan, u64 vaddr, u64 size,
			 struct kev_elf_extent *out)
{
	const struct kev_elf_segment *seg = kev_elf_holder(plan, vaddr, size);
	u64 offset;

	if (!seg)
		return false;
	offset = vaddr - seg->vaddr;
	if (size > seg->filesz || offset > seg->filesz - size)
		return false;
	*out = (struct kev_elf_extent) { .offset = seg->offset + offset, .size = size };
	return true;
}

int kev_reloc_find(const void *dyn, size_t len, const struct kev_elf_plan *plan,
		   struct kev_elf_extent *table, struct kev_image_fault *why)
{
	struct dynamic_tags d;

	*table = (struct kev_elf_extent) {};
	if (!len)
		return fault(why, KEV_IMAGE_OK);
	if (plan->class32)
		return fault(why, KEV_IMAGE_RELOCATION);
	if (!read_dynamic(dyn, len, &d))
		return fault(why, KEV_IMAGE_DYNAMIC);
	if (d.other)
		return fault(why, KEV_IMAGE_RELOCATION);
	if (!d.rela.given && !d.relasz.value)
		return fault(why, KEV_IMAGE_OK);
	if (!d.rela.given || !d.relasz.given || !d.relaent.given ||
	    d.relaent.value != KEV_RELOC_ENTRY_SIZE || d.relasz.value % KEV_RELOC_ENTRY_SIZE)
		return fault(why, KEV_IMAGE_DYNAMIC);
	if (!d.relasz.value)
		return fault(why, KEV_IMAGE_OK);
	if (d.relasz.value / KEV_RELOC_ENTRY_SIZE > KEV_RELOC_MAX)
		return fault(why, KEV_IMAGE_RELOCATIONS);
	if (!find_in_file(plan, d.rela.value, d.relasz.value, table))
		return fault(why, KEV_IMAGE_DYNAMIC);
	return fault(why, KEV_IMAGE_OK);
}

static int compare(const void *a, const void *b)
{
	const struct kev_relocation *x = a, *y = b;

	/* The kernel's sort does not, and works for a second at a million. */
	kev_give_way();
	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

int kev_reloc_decode(const struct kev_elf_plan *plan, u64 base, const void *table, u64 nr,
		     struct kev_relocation *out, struct kev_image_fault *why)
{
	bool sorted = true;
	u64 i, n = 0;

	if (nr > KEV_RELOC_MAX)
		return fault(why, KEV_IMAGE_RELOCATIONS);
	for (i = 0; i < nr; i++) {
		const struct kev_elf_segment *seg;
		Elf64_Rela rela;

		kev_give_way();
		memcpy(&rela, (const u8 *)table + i * sizeof(rela), sizeof(rela));
		if (ELF64_R_TYPE(rela.r_info) == TYPE_NONE)
			continue;
		seg = kev_elf_holder(plan, rela.r_offset, RELOC_SIZE);
		if (ELF64_R_TYPE(rela.r_info) != TYPE_RELATIVE || !seg)
			return fault(why, KEV_IMAGE_RELOCATION);
		out[n] = (struct kev_relocation) {
			.gpa = rela.r_offset - seg->vaddr + seg->gpa,
			.value = base + (u64)rela.r_addend,
		};
		sorted = sorted && (!n || out[n - 1].gpa < out[n].gpa);
		n++;
	}
	/* Linkers sort them, mostly. */
	if (!sorted)
		kev_sort(out, n, sizeof(*out), compare);
	for (i = 1; i < n; i++)
		if (out[i].gpa - out[i - 1].gpa < RELOC_SIZE)
			return fault(why, KEV_IMAGE_RELOCATION);
	fault(why, KEV_IMAGE_OK);
	return n;
}

/* Index of the first relocation that ends above @gpa, or @nr */
static u64 first_above(const struct kev_relocation *relocs, u64 nr, u64 gpa)
{
	u64 low = 0, high = nr;

	while (low < high) {
		u64 middle = low + (high - low) / 2;

		if (relocs[middle].gpa + RELOC_SIZE > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

u64 kev_reloc_next(const struct kev_relocation *relocs, u64 nr, u64 gpa)
{
	u64 i = first_above(relocs, nr, gpa);

	return i < nr ? max(relocs[i].gpa, gpa) : ~0ULL;
}

void kev_reloc_apply(const struct kev_relocation *relocs, u64 nr, u64 page_gpa, void *page)
{
	u64 i = first_above(relocs, nr, page_gpa);
	u8 *bytes = page;

	for (; i < nr && relocs[i].gpa < page_gpa + KEV_PAGE_SIZE; i++) {
		unsigned int byte;

		for (byte = 0; byte < RELOC_SIZE; byte++) {
			u64 at = relocs[i].gpa + byte - page_gpa;

			if (at < KEV_PAGE_SIZE)
				bytes[at] = relocs[i].value >> 8 * byte;
		}
	}
}
