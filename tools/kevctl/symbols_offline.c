// SPDX-License-Identifier: GPL-2.0
/*
 * libdw's way to a server for debugging information: cut off. Linked statically it would
 * load a shared library, and neither a guest's name nor its tables leave the machine.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>

int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id, size_t length);
int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id, size_t length);
void __libdwfl_debuginfod_end(void *client);

int __libdwfl_debuginfod_find_executable(Dwfl *dwfl, const unsigned char *id, size_t length)
{
	(void)dwfl;
	(void)id;
	(void)length;
	return -ENOSYS;
}

int __libdwfl_debuginfod_find_debuginfo(Dwfl *dwfl, const unsigned char *id, size_t length)
{
	(void)dwfl;
	(void)id;
	(void)length;
	return -ENOSYS;
}

void __libdwfl_debuginfod_end(void *client)
{
	(void)client;
}
