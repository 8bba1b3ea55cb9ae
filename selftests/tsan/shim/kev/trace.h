/* SPDX-License-Identifier: GPL-2.0 */
#define trace_kev_kick(...)	do { } while (0)
