#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compare the entry check with the CPU that the bed emulates, over random states: a module
# that takes what the check refuses is built in a copy of the tree.
#
# usage: entry.sh [--states N] [--seed N]
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "$here/../.."

tree=build/unchecked
rm -rf "$tree"
selftests/copy-tree.sh "$tree"
patch -d "$tree" -p1 -F0 -s <"$here/unchecked.patch"
{
	make -C "$(tools/bed/bed kdir)" M="$PWD/$tree" modules
	make -C "$tree/selftests/fuzzers"
} >"$tree/log" 2>&1 || {
	tail -n 30 "$tree/log"
	exit 1
}
begun=$(date +%s)
"$tree/tools/bed/bed" run --timeout 2400 -- /selftests/fuzzers/entry "$@" | tee "$tree/log"
selftests/fuzz/sum.sh entry "$(sed -n 's/^\([0-9]*\) states: .*/\1/p' "$tree/log")" \
	$(($(date +%s) - begun))
