#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs inside the bed: each program of /selftests/uapi and /selftests/guest, or
# those named, between lines that selftests/tap.py understands.
# KEV_SECONDS in the environment: how long one may take, by this machine's clock. What hangs must
# not keep the others from running.

named=$#
[ "$named" -gt 0 ] || set -- /selftests/uapi/* /selftests/guest/*
for program; do
	name=${program#/selftests/}
	if [ ! -x "$program" ] || [ -d "$program" ]; then
		[ "$named" -eq 0 ] || printf '# begin %s\n1..1\nnot ok 1 %s\n# end %s 1\n' \
			"$name" "there is no such program" "$name"
		continue
	fi
	echo "# begin $name"
	(cd "$(dirname "$program")" && exec timeout -k 10 "${KEV_SECONDS:-900}" "$program") \
		2>&1 </dev/null
	echo "# end $name $?"
done

# Lockdep turns itself off when it runs out of room too, and finds nothing more then.
if [ -e /proc/lockdep_stats ]; then
	echo "# begin lockdep"
	echo "1..1"
	if grep -q "debug_locks: *1$" /proc/lockdep_stats; then
		echo "ok 1 lockdep is on at the end"
		echo "# end lockdep 0"
	else
		echo "not ok 1 lockdep is on at the end"
		echo "# end lockdep 1"
	fi
fi

# leaks: the objects that nobody knows of; but for the names of slabs that the kernel forgets where
# it cannot make their directories, as when fault injection wants it so
leaks() {
	awk '/^unreferenced object/ { if (!known) printf "%s", object; object = ""; known = 0 }
		{ object = object $0 "\n" }
		/ sysfs_slab_add\+/ { known = 1 }
		END { if (!known) printf "%s", object }' /sys/kernel/debug/kmemleak
}

# The second scan tells, of what is five seconds old and did not change since the first.
if grep -q "kmemleak=on" /proc/cmdline; then
	kmemleak=/sys/kernel/debug/kmemleak
	echo "# begin kmemleak"
	echo "1..1"
	if sleep 6 && echo scan >$kmemleak && echo scan >$kmemleak && [ -z "$(leaks)" ]; then
		echo "ok 1 nothing is left that nobody knows of"
		echo "# end kmemleak 0"
	else
		leaks
		echo "not ok 1 nothing is left that nobody knows of"
		echo "# end kmemleak 1"
	fi
fi
