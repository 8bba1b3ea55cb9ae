/* SPDX-License-Identifier: GPL-2.0 */
/* The differences between kernels are none of the shim's. */
#include "shim.h"
