/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bed adds to a Bochs that Debian ships, as one library loaded with LD_PRELOAD:
 *
 *   irqcure.c   host interrupts are not lost while a guest runs, virtual ones do not come masked
 *               and are not mistaken for others (an emulator's errors)
 *   command.c   debugger commands: save the machine, put a file into its memory, leave
 *   profile.c   counts instructions by function, where the bed asks for it
 *   coverage.c  notes which addresses of modules are executed, likewise
 *   instruction.c  a look at each instruction, for these two
 *   port.c      port 0xe9 of the machine becomes a channel to the bed
 *
 * Bochs exports its own symbols, so all of them are found by name with dlsym(); a Bochs that lacks
 * one makes that part say so and stay out of the way.
 */
#ifndef BED_BOCHS_H
#define BED_BOCHS_H

#include <stddef.h>
#include <stdint.h>

/* The frames on the channel: this header, then len bytes. Also in ../guest and bedlib/frame.py. */
struct bed_frame {
	uint8_t magic[2]; /* "KB" */
	uint8_t type;
	uint8_t zero;
	uint32_t len;
};

/* A note from the emulator's side: "NAME: text" */
#define BED_FRAME_NOTE 'N'

/**
 * bed_port_note() - tell the bed something by a frame of type BED_FRAME_NOTE
 * @fmt: printf format
 */
void bed_port_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What is known of struct bxInstruction_c: it begins with the function that carries it out. */
struct bed_instruction {
	void *handler;
};

typedef void bed_instruction_fn(unsigned int number, const struct bed_instruction *i);

/**
 * bed_instruction_watch() - be called for each instruction
 * @before: before it is executed, on processor @number
 * @repeat: for each repetition of a string instruction, or NULL
 *
 * Return: "applied", or what is wrong.
 */
const char *bed_instruction_watch(bed_instruction_fn *before, bed_instruction_fn *repeat);

/* bed_instruction_rip() - where a processor is; once bed_instruction_watch() has succeeded */
uint64_t bed_instruction_rip(unsigned int number);

#endif
