#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run.sh NAME FILE: the tests of one exercise, against FILE.c of it: skeleton, solution or mine.
# For the machine that has kev loaded.

cd "$(dirname "$0")/$1" || exit
if [ -e "$2.ko" ]; then
	export KEV_EXERCISE="$PWD/$2.ko" KEV_EXERCISE_NAME="$2"
	./test
	status=$?
	rmmod "$2" 2>/dev/null
	exit $status
fi
exec "./test-$2"
