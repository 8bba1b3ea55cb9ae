#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The memory core in the kernel, without a guest: selftests/modules/mem. The
# module runs its tests when it is loaded and writes their results to the log.

before=$(dmesg | wc -l)
insmod /selftests/modules/kev_mem_test.ko
status=$?
# insmod of busybox tries a load that failed a second time.
dmesg | tail -n +$((before + 1)) | sed 's/^\[[^]]*\] //' |
	awk '/^TAP version/ { n++ } n == 1 && /^(TAP|1\.\.|ok|not ok|#)/'
[ $status -eq 0 ] && rmmod kev_mem_test
exit $status
