/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A debugger outside the guest: `kevctl run --gdb`. One thread talks to it; the vCPUs'
 * threads tell that one what they meet. The guest does not start before a debugger has come.
 */
#ifndef KEVCTL_GDB_H
#define KEVCTL_GDB_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kev.h>

struct dump;
struct gdb;
struct sandbox_path;
struct session;

/**
 * gdb_open() - listen for a debugger
 * @where: PORT or unix:PATH
 * @xsave_size: kev_query.xsave_size
 * @dump: what `monitor regs` prints with; has to stay
 * @gdb: out
 *
 * Says on stderr where it listens, or what is wrong.
 *
 * Return: 0 or a negative errno.
 */
int gdb_open(const char *where, uint32_t xsave_size, struct dump *dump, struct gdb **gdb);
void gdb_close(struct gdb *gdb);

/* gdb_path() - what it removes at its end; returns whether there is such a thing */
bool gdb_path(const struct gdb *gdb, struct sandbox_path *path);

/* gdb_moved() - the image's first segment is at @address, not where its file says */
void gdb_moved(struct gdb *gdb, uint64_t address);

/**
 * gdb_start() - stop the vCPUs and wait for a debugger in a thread of its own
 * @gdb: debugger
 * @session: with vCPUs, whose threads have not been started
 *
 * Return: 0 or a negative errno; without an error gdb_stop() is due.
 */
int gdb_start(struct gdb *gdb, struct session *session);

/* gdb_stop() - all vCPUs' threads have ended: tell a debugger that waits, and end the thread */
void gdb_stop(struct gdb *gdb);

/**
 * gdb_report() - a vCPU has reported KEV_EXIT_DEBUG
 * @gdb: debugger
 * @id: vCPU; in its own thread
 *
 * A stop holds the vCPU back at the gate.
 *
 * Return: 0, or a negative errno if the guest's own INT3 cannot be given to it.
 */
int gdb_report(struct gdb *gdb, uint32_t id);

/**
 * gdb_last_words() - a vCPU has reported what nobody can answer
 * @gdb: debugger
 * @id: vCPU; in its own thread
 *
 * Return: whether a debugger looks at it first. Then the vCPU is held back; when the debugger
 * lets it go on as it was, gdb_gives_up() says so.
 */
bool gdb_last_words(struct gdb *gdb, uint32_t id);

/* gdb_gives_up() - before RUN, in the vCPU's thread: has its end been put off until now */
bool gdb_gives_up(struct gdb *gdb, uint32_t id);

/* gdb_steps() - a vCPU that waits for an interrupt shall take a step instead */
bool gdb_steps(struct gdb *gdb, uint32_t id);

#endif /* KEVCTL_GDB_H */
