#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tools can see in the sources: sparse, checkpatch, headers that compile
# alone, shellcheck. With --tap as test results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ksrc=$(tools/bed/bed ksrc)
kdir=$(tools/bed/bed kdir)
number=0 failures=0

# result NAME OUTPUT: no output is success
result() {
	((++number))
	if [[ -z $2 ]]; then
		echo "ok $number $1"
	else
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$2"
		echo "not ok $number $1"
		((++failures))
	fi
}

# Types that kev.md's users and hardware name, and the one place that may look at
# the kernel's version, are no faults of style.
checkpatch() {
	git ls-files '*.c' '*.h' '*.S' |
		xargs "$ksrc/scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
			--ignore CAMELCASE,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_REUSE \
			--ignore MACRO_WITH_FLOW_CONTROL,AVOID_EXTERNS,SPLIT_STRING,VOLATILE,SSCANF_TO_KSTRTO \
			-f 2>/dev/null || true
}

# Every compiler message of a build with all warnings and sparse
sparse() {
	make -C "$kdir" M="$PWD" W=1 C=2 modules 2>&1 | grep -E 'warning:|error:' || true
}

headers() {
	local header
	for header in include/kev/*.h; do
		printf '#include <%s>\n' "${header#include/}" >"$scratch/alone.c"
		printf 'obj-m := alone.o\nccflags-y := -I%s/uapi -I%s/include\n' "$PWD" "$PWD" \
			>"$scratch/Kbuild"
		make -C "$kdir" M="$scratch" alone.o 2>&1 | grep -E 'warning:|error:' || true
	done
	printf '#include <linux/kev.h>\n' | gcc -Wall -Wextra -Wpedantic -std=c99 -Iuapi -fsyntax-only -xc - 2>&1
	printf '#include <linux/kev.h>\n' | g++ -Wall -Wextra -Iuapi -fsyntax-only -xc++ - 2>&1 || true
}

shell() {
	git ls-files | while read -r file; do
		[[ -f $file ]] || continue
		case $(head -c 40 "$file" | head -n 1 | tr -d '\0') in
		'#!/bin/bash'* | '#!/bin/sh'*) shellcheck -x -f gcc "$file" || true ;;
		esac
	done
}

long_files() {
	git ls-files '*.c' '*.h' '*.S' '*.sh' '*.py' '*.rst' | xargs wc -l |
		awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

[[ ${1:-} == --tap ]] && echo "TAP version 13"
result "sparse and W=1" "$(sparse)"
result "checkpatch" "$(checkpatch)"
result "headers compile alone" "$(headers)"
result "shellcheck" "$(shell)"
result "no file beyond 800 lines" "$(long_files)"
echo "1..$number"
((failures == 0))
