#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libkev as it is installed: what it exports, and a program built with its pkg-config file.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

libkev=../../tools/libkev
make -s -C "$libkev" install PREFIX="$tap_dir/usr" >"$tap_dir/log" 2>&1

header=$tap_dir/usr/include/libkev.h
declared=$(grep -oE '\bkev_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$tap_dir/usr/lib/libkev.so.0" | awk '$2 == "T" { print $3 }')
tap_check "every declared function is exported, and no other" test \
	"$(cut -d@ -f1 <<<"$exported" | sort)" = "$declared"
# A program that was linked with an older library finds what it asks for.
while read -r version functions; do
	tap_check "the functions of $version keep their version" test -z "$(comm -13 \
		<(sed -n "s/@@$version\$//p" <<<"$exported" | sort) \
		<(tr ' ' '\n' <<<"$functions" | sort))"
done <<'END'
LIBKEV_0 kev_close kev_create_vm kev_query kev_vcpu_run kev_vm_add_region kev_vm_read
LIBKEV_1 kev_boot_name kev_create_vm_from kev_vcpu_interrupt kev_vm_read_memory
LIBKEV_2 kev_intercept_name kev_vcpu_inject kev_vm_set_cpuid kev_vm_signal
LIBKEV_3 kev_vcpu_counters kev_vm_counters
END
tap_check "no function is without a version" test -z "$(grep -v '@@LIBKEV_[0123]$' <<<"$exported")"
tap_check "the soname" grep -q 'soname: \[libkev.so.0\]' <(readelf -d "$tap_dir/usr/lib/libkev.so.0")

cat >"$tap_dir/program.c" <<'END'
#include <libkev.h>

int main(void)
{
	return kev_open("/nonexistent") < 0 && kev_exit_kind_name(KEV_EXIT_IO)[0] == 'i' ? 0 : 1;
}
END
export PKG_CONFIG_PATH=$tap_dir/usr/lib/pkgconfig
if command -v pkg-config >/dev/null; then
	flags=$(pkg-config --cflags --libs libkev)
else
	flags="-I$tap_dir/usr/include -L$tap_dir/usr/lib -lkev"
fi
# shellcheck disable=SC2086	# several flags
tap_check "a program links with the shared library" cc -Wall -Wextra -Werror \
	"$tap_dir/program.c" -o "$tap_dir/program" $flags
tap_check "and runs" env LD_LIBRARY_PATH="$tap_dir/usr/lib" "$tap_dir/program"
# shellcheck disable=SC2086
tap_check "and with the static one" cc -static "$tap_dir/program.c" -o "$tap_dir/program" $flags
tap_check "and runs alone" "$tap_dir/program"
cp "$tap_dir/program.c" "$tap_dir/program.cc"
# shellcheck disable=SC2086
tap_check "and with C++" g++ -Wall -Wextra -Werror "$tap_dir/program.cc" -o "$tap_dir/program" $flags
tap_end
