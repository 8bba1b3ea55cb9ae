// SPDX-License-Identifier: GPL-2.0
/* Programs of the ioctl fuzzer: made, changed, written and read */
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "program.h"

/* Between steps */
#define BLANKS	"\n\t "

/* Those that do more are taken more often. */
static unsigned int pick_call(uint64_t *state)
{
	unsigned int sum = 0, i, at;

	for (i = 0; i < fz_nr_calls; i++)
		sum += fz_calls[i].weight;
	at = fz_below(state, sum);
	for (i = 0; at >= fz_calls[i].weight; i++)
		at -= fz_calls[i].weight;
	return i;
}

static void patch(struct fz_step *step, uint64_t *state)
{
	unsigned int size = fz_calls[step->call].size;

	step->width = 0;
	if (size <= 8)
		return;
	step->width = 1 << fz_below(state, 4);
	/* Past the size, now and then at the size itself */
	step->at = fz_one_in(state, 16) ? 0 : 4 + fz_below(state, size - 4);
	step->at -= step->at % step->width;
	step->value = fz_number(state);
	if (step->width < 8)
		step->value &= (1ULL << step->width * 8) - 1;
}

static void new_step(struct fz_step *step, uint64_t *state)
{
	*step = (struct fz_step) {
		.call = pick_call(state),
		.thread = fz_below(state, FZ_THREADS),
		.object = fz_one_in(state, 3) ? fz_below(state, 8) : 0,
		.odd = fz_one_in(state, 4) ? 1 + fz_below(state, 3) : 0,
		.seed = fz_random(state),
	};
	if (fz_one_in(state, 6))
		patch(step, state);
}

void fz_generate(struct fz_program *program, uint64_t *state)
{
	uint32_t threads = 1 + fz_below(state, FZ_THREADS);
	unsigned int i, first = 0;

	program->nr = 4 + fz_below(state, FZ_MAX_STEPS - 3);
	for (i = 0; i < program->nr; i++) {
		new_step(&program->step[i], state);
		program->step[i].thread %= threads;
	}
	/* Without a guest most calls have nothing to do. */
	if (fz_one_in(state, 12))
		return;
	do {
		program->step[first].call = fz_guest_call;
		program->step[first].object = first;
		program->step[first].width = 0;
	} while (++first < 2 && fz_one_in(state, 3));
}

static void remove_step(struct fz_program *program, unsigned int at)
{
	program->nr--;
	memmove(&program->step[at], &program->step[at + 1],
		(program->nr - at) * sizeof(*program->step));
}

static void insert_step(struct fz_program *program, unsigned int at, const struct fz_step *step)
{
	if (program->nr == FZ_MAX_STEPS)
		remove_step(program, at ? at - 1 : FZ_MAX_STEPS - 1);
	if (at > program->nr)
		at = program->nr;
	memmove(&program->step[at + 1], &program->step[at],
		(program->nr - at) * sizeof(*program->step));
	program->step[at] = *step;
	program->nr++;
}

static void splice(struct fz_program *program, const struct fz_program *other, uint64_t *state)
{
	unsigned int to, from, nr;

	if (!other->nr)
		return;
	to = fz_below(state, program->nr + 1);
	from = fz_below(state, other->nr);
	for (nr = 1 + fz_below(state, other->nr - from); nr > 0 && to < FZ_MAX_STEPS; nr--)
		insert_step(program, to++, &other->step[from++]);
}

void fz_mutate(struct fz_program *program, const struct fz_program *other, uint64_t *state)
{
	struct fz_step fresh, *step;
	unsigned int at;

	for (unsigned int i = 1 + fz_below(state, 4); i > 0; i--) {
		if (!program->nr)
			fz_generate(program, state);
		at = fz_below(state, program->nr);
		step = &program->step[at];
		switch (fz_below(state, 9)) {
		case 0:
			remove_step(program, at);
			break;
		case 1:
			splice(program, other, state);
			break;
		case 2:
			step->seed = fz_random(state);
			break;
		case 3:
			step->odd = fz_below(state, 4);
			break;
		case 4:
			step->thread = fz_below(state, FZ_THREADS);
			break;
		case 5:
			step->object = fz_below(state, 8);
			break;
		case 6:
			fresh = *step;
			insert_step(program, fz_below(state, program->nr + 1), &fresh);
			break;
		case 7:
			patch(step, state);
			break;
		default:
			new_step(&fresh, state);
			insert_step(program, at, &fresh);
		}
	}
}

/* NAME:THREAD.OBJECT.ODD.SEED and, with a patch, .AT.WIDTH.VALUE; numbers from SEED on in hex */
void fz_text(const struct fz_program *program, char *text)
{
	char *end = text + FZ_TEXT;

	*text = 0;
	for (unsigned int i = 0; i < program->nr; i++) {
		const struct fz_step *step = &program->step[i];

		text += snprintf(text, end - text, "%s%s:%u.%u.%u.%x", i ? " " : "",
				 fz_calls[step->call].name, step->thread, step->object, step->odd,
				 step->seed);
		if (step->width)
			text += snprintf(text, end - text, ".%x.%x.%llx", step->at, step->width,
					 (unsigned long long)step->value);
	}
}

static bool parse_step(struct fz_step *step, const char *word)
{
	unsigned int thread, object, odd, seed, at, width;
	size_t length = strcspn(word, ":");
	unsigned long long value;
	int n;

	n = sscanf(word + length, ":%u.%u.%u.%x.%x.%x.%llx", &thread, &object, &odd, &seed,
		   &at, &width, &value);
	if (n != 4 && n != 7)
		return false;
	*step = (struct fz_step) {
		.thread = thread % FZ_THREADS, .object = object, .odd = odd, .seed = seed,
	};
	if (n == 7 && (width == 1 || width == 2 || width == 4 || width == 8)) {
		step->at = at;
		step->width = width;
		step->value = value;
	}
	for (unsigned int i = 0; i < fz_nr_calls; i++) {
		if (strlen(fz_calls[i].name) == length && !memcmp(fz_calls[i].name, word, length)) {
			step->call = i;
			return true;
		}
	}
	return false;
}

unsigned int fz_parse(struct fz_program *program, const char *text)
{
	unsigned int left_out = 0;

	program->nr = 0;
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		if (program->nr < FZ_MAX_STEPS && parse_step(&program->step[program->nr], text))
			program->nr++;
		else
			left_out++;
		text += strcspn(text, BLANKS);
	}
	return left_out;
}
