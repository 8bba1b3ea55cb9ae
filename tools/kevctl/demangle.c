// SPDX-License-Identifier: GPL-2.0
/* Apart from the rest: this header has macros of the same names as kevctl.h. */
#include <libiberty/demangle.h>

#include "symbols.h"

char *symbols_demangle(const char *name)
{
	return cplus_demangle(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
}
