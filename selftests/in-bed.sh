#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs inside the bed: each program of /selftests/uapi and /selftests/guest, or
# those named, between lines that selftests/tap.py understands.

[ $# -gt 0 ] || set -- /selftests/uapi/* /selftests/guest/*
for program; do
	if [ ! -x "$program" ] || [ -d "$program" ]; then continue; fi
	name=${program#/selftests/}
	echo "# begin $name"
	(cd "$(dirname "$program")" && exec "$program") 2>&1 </dev/null
	echo "# end $name $?"
done
