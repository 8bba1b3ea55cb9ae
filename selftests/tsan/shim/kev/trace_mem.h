/* SPDX-License-Identifier: GPL-2.0 */
#define trace_kev_page_load(...)	do { } while (0)
