#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tools can see in the sources in a minute: sparse, checkpatch, kernel-doc, documentation,
# manual pages, licences, headers that compile alone, frames and recursion, shellcheck, what the
# entry code is on CPUs with bugs, packages that agree with the tree, mutants that apply, names in
# lists. With --tap as test results. lint/run.sh has what takes longer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ksrc=$(tools/bed/bed ksrc)
kdir=$(tools/bed/bed kdir)

# shellcheck source=lint/result.sh
. selftests/lint/result.sh

# checkpatch IGNORED FILE...: what it has to say, a line each
checkpatch_files() {
	local ignored=$1
	shift
	(($# > 0)) || echo "no files to check"
	"$ksrc/scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--ignore "$ignored" -f "$@" 2>/dev/null || (($? == 1)) || echo "checkpatch.pl died"
}

# In the module: the kernel's own MSR names, and compat.h, whose work it is to look
# at the kernel's version. Elsewhere also what only kernel headers offer.
checkpatch() {
	local kernel=CAMELCASE,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_REUSE
	local user=$kernel,BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,EMBEDDED_FUNCTION_NAME
	kernel+=,MACRO_WITH_FLOW_CONTROL
	user+=,STATIC_CONST_CHAR_ARRAY,AVOID_EXTERNS,FUNCTION_ARGUMENTS,PREFER_FALLTHROUGH
	user+=,PREFER_KERNEL_TYPES,NEW_TYPEDEFS,COMPARISON_TO_NULL,BRACES,COMPLEX_MACRO
	user+=,MACRO_WITH_FLOW_CONTROL,SSCANF_TO_KSTRTO,ENOSYS,VOLATILE,MULTISTATEMENT_MACRO_USE_DO_WHILE
	user+=,SPLIT_STRING,TYPO_SPELLING,MACRO_ARG_PRECEDENCE,AVOID_BUG
	# The harness's macros look like functions with a block to it; a row of a table that
	# is a macro may end with a semicolon.
	user+=,SPACING,TRAILING_SEMICOLON
	local -a files
	mapfile -t files < <(selftests/files.sh 'src/*.[chS]' 'include/*.h' 'uapi/*.h' 'selftests/modules/*.[ch]' \
		examples/abi/tally.c 'examples/exercises/*/skeleton.c' \
		'examples/exercises/*/solution.c' ':!*/pager/*' ':!include/kev/trace*.h')
	# The label of an asm goto is an operand, not the rest of a division.
	checkpatch_files "$kernel" "${files[@]}" | grep -v "SPACING: spaces preferred around that '%'"
	# Trace events have a form of their own.
	checkpatch_files "$kernel,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,COMPLEX_MACRO" \
		include/kev/trace*.h
	mapfile -t files < <(selftests/files.sh 'tools/*.[chS]' 'guests/*.[chS]' 'selftests/*.[chS]' \
		'bench/*.[ch]' 'examples/*.[chS]' \
		':!selftests/modules' ':!selftests/tsan/shim' ':!examples/abi/tally.c' \
		':!examples/exercises/[hm]*/s*.c')
	checkpatch_files "$user" "${files[@]}"
	# The kernel's names once more
	mapfile -t files < <(selftests/files.sh 'selftests/tsan/shim/*.[ch]')
	checkpatch_files "$user,MEMORY_BARRIER,ASSIGN_IN_IF" "${files[@]}"
}

# The compiler's own warnings are told where it compiles: in the builds for each kernel.
sparse() {
	make -C "$kdir" M="$PWD" W=1 C=2 modules 2>&1 | grep -E 'warning:|error:|Error [0-9]|No rule' || true
}

# Here and below: what a tool says as it dies is a finding, too.
# Warnings of the documentation, and names in it that lead nowhere
documentation() {
	KERNEL_DOC="$ksrc/scripts/kernel-doc" \
		sphinx-build -q -W --keep-going -E -b html -d "$scratch/doctrees" Documentation \
		"$scratch/docs" 2>&1 || true
	selftests/docs.py 2>&1
}

# What a description lacks, results as well, or describes that is not there
kernel_doc() {
	selftests/files.sh 'src/*.[ch]' 'include/*.h' 'uapi/*.h' 'tools/libkev/*.[ch]' |
		xargs "$ksrc/scripts/kernel-doc" -v -none 2>&1 |
		grep -vE 'info: Scanning doc for|contents before sections$|^[0-9]+ warnings' || true
}

headers() {
	local header name
	local -a objects=()
	printf 'ccflags-y := -I%s/uapi -I%s/include\n' "$PWD" "$PWD" >"$scratch/Kbuild"
	for header in include/kev/*.h src/*/*.h; do
		name=${header//[\/.]/_}
		printf '#include "%s/%s"\n' "$PWD" "$header" >"$scratch/alone_$name.c"
		echo "obj-m += alone_$name.o" >>"$scratch/Kbuild"
		objects+=("alone_$name.o")
	done
	make -k -C "$kdir" M="$scratch" "${objects[@]}" 2>&1 |
		grep -E 'warning:|error:|Error [0-9]|No rule' || true
	selftests/files.sh 'uapi/*.h' 'tools/libkev/*.h' 'tools/kevctl/*.h' | while read -r header; do
		printf '#include "%s"\n' "$PWD/$header" |
			gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Iuapi -Itools/libkev \
				-Itools/kevctl -fsyntax-only -xc - 2>&1 || true
	done
	# A hole would go to user space with whatever is there.
	printf '#include <linux/kev.h>\n' |
		gcc -Wall -Wextra -Wpadded -std=gnu99 -Iuapi -fsyntax-only -xc - 2>&1
	for header in linux/kev.h linux/kev_policy.h linux/kev_run.h linux/kev_state.h libkev.h; do
		printf '#include <%s>\n' "$header" |
			g++ -Wall -Wextra -Iuapi -Itools/libkev -fsyntax-only -xc++ - 2>&1 || true
	done
}

shell() {
	selftests/files.sh | while read -r file; do
		case $(head -c 40 "$file" | head -n 1 | tr -d '\0') in
		'#!/bin/bash'* | '#!/bin/sh'*)
			(cd "$(dirname "$file")" && shellcheck -x -f gcc "${file##*/}" 2>&1 | sed "s|^|${file%/*}/|") || true
			;;
		esac
	done
}

long_files() {
	selftests/files.sh '*.c' '*.h' '*.S' '*.sh' '*.py' '*.rst' | xargs wc -l |
		awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
}

# Exactly: with lines of context left out, patch would find a place elsewhere.
mutants() {
	local patch
	for patch in selftests/mutants/*.patch selftests/fuzzers/*.patch; do
		patch -p1 -F0 -f -s --dry-run <"$patch" >/dev/null 2>&1 ||
			echo "$patch does not apply"
	done
}

# Why lines are not reached is said of functions that are there.
reasons() {
	local name
	sed -n 's/^ //p' selftests/reached.reasons | tr ' ' '\n' | while read -r name; do
		grep -rqw --include='*.[chS]' "${name##*:}" src include ||
			echo "selftests/reached.reasons: there is no $name"
	done
}

# Sphinx's warnings, mandoc's, and what the pages leave out
manual() {
	{ make -s --no-print-directory man >/dev/null || true; } 2>&1
	mandoc -T lint -W warning build/man/man?/* 2>&1 || true
	selftests/lint/manual.py 2>&1 || true
}

# What the packages, and an example of the system's, repeat from elsewhere
packaging() {
	exec 2>&1
	diff <(awk '/^LIBKEV_/ { v = $1; print v "@" v } /^\tkev_/ { sub(/;/, ""); print $1 "@" v }' \
		tools/libkev/libkev.map | sort) <(sed -n 's/^ \(.*\) .*/\1/p' debian/libkev0.symbols | sort) |
		sed -n 's/^[<>]/libkev.map and debian\/libkev0.symbols differ:/p'
	diff <(modinfo -F parm kev.ko | sed 's/:.*//' | sort) \
		<(sed -n 's/^#options kev \([a-z_]*\)=.*/\1/p' tools/system/modprobe.conf | sort) |
		sed -n 's/^[<>]/the module and tools\/system\/modprobe.conf differ:/p'
	sed -n '1s/^kev (\(.*\)-[^-]*).*/\1/p' debian/changelog | diff VERSION - >/dev/null ||
		echo "debian/changelog is of another version than VERSION"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

[[ ${1:-} == --tap ]] && echo "TAP version 13"
result "sparse" "$(sparse)"
result "checkpatch" "$(checkpatch)"
result "kernel-doc" "$(kernel_doc)"
result "documentation" "$(documentation)"
result "headers compile alone, without holes" "$(headers)"
result "frames below 1 KiB, no recursion" "$(selftests/lint/stack.py kev.ko 2>&1)"
result "shellcheck" "$(shell)"
result "entry code on CPUs with bugs" "$(selftests/entry_code.py --quiet 2>&1)"
result "packages agree with what they pack" "$(packaging)"
result "no file beyond 800 lines" "$(long_files)"
result "manual pages" "$(manual)"
result "licences" "$(selftests/lint/licences.py 2>&1)"
result "every mutant applies" "$(mutants)"
result "reasons for what is not reached are about functions" "$(reasons)"
echo "1..$number"
((failures == 0))
