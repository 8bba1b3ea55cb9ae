#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tools can see in the sources that takes them longer than selftests/check.sh, which is run
# first: all warnings of the compiler, noinstr rules, the analyzers of GCC and Clang, the
# semantic patches of the kernel.
#
# usage: run.sh [CHECK...]	one of check warnings noinstr noinstr_debug analyzer tidy coccicheck;
#				all without, but noinstr_debug only where that kernel is
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

ksrc=$(tools/bed/bed ksrc)
kdir=$(tools/bed/bed kdir)
copy=build/lint

# shellcheck source=result.sh
. selftests/lint/result.sh

# The module, built with what the rules of noinstr are told by, and with the warnings that are
# off elsewhere
build() {
	[[ ! -e $scratch/warnings ]] || return 0
	rm -rf "$copy"	# or what is built by now would not be warned of again
	selftests/copy-tree.sh "$copy"
	make -k -j"$(nproc)" -C "$kdir" M="$PWD/$copy" W=12 \
		KCFLAGS="-DCONFIG_NOINSTR_VALIDATION=1 -Wframe-larger-than=1024" \
		modules >"$scratch/warnings" 2>&1 || true
}

# All but those in the kernel's headers (shadowed names and comparisons that are always true in
# its macros), and one: a row of handlers leaves out those that it does not have.
warnings() {
	build
	grep -E '(warning|error):' "$scratch/warnings" | grep -F "$copy/" |
		grep -v -F '[-Wmissing-field-initializers]' || true
	[[ -e $copy/kev.ko ]] || tail "$scratch/warnings"
}

# accept CHECK: what a check has found, but for what was looked at and is no error: "file|text|why",
# a line each
accept() {
	local file text why
	while IFS='|' read -r file text why; do
		grep -F "$file:" "$scratch/$1" | grep -qF "$text" ||
			echo "$file: no \"$text\" any more: take it off the list ($why)"
		awk -v file="$file:" -v text="$text" \
			'!(index($0, file) && index($0, text))' "$scratch/$1" >"$scratch/rest"
		mv "$scratch/rest" "$scratch/$1"
	done
	cat "$scratch/$1"
}

# Functions of the kernel in its .noinstr.text and .entry.text. objtool looks at one object: what it
# does not find there it takes for a call that leaves the section. Debian's kernels come without the
# table of their symbols.
NOINSTR="__ct_user_enter __ct_user_exit clear_bhb_loop"

# names MAP SECTION: the functions of a section, of a kernel whose table of symbols is there
names() {
	awk -v from="__$2_text_start" -v to="__$2_text_end" \
		'$3 == from { on = 1 } $3 == to { on = 0 } on && $2 == "T" { print $3 }' "$1"
}

# leaving OBJECT KDIR NAME...: calls from noinstr code to code that may be traced, outside of what
# begins and ends it, and not to NAMEs. The rules for entry code proper (unret, IBT) are about the
# kernel's own entry points, which a module does not have.
leaving() {
	local object=$1 kdir=$2 name
	shift 2
	grep -q 'discard.instr_begin' <<<"$(objdump -h "$object")" ||
		echo "$object: nothing marks where instrumentation is all right"
	for name; do
		echo "__attribute__((section(\".noinstr.text\"))) void $name(void) { }"
	done | gcc -xc -O2 -fno-builtin -fno-asynchronous-unwind-tables -mno-red-zone \
		-fcf-protection=none -c -o "$scratch/kernel.o" -
	ld -r -o "$scratch/kev.o" "$object" "$scratch/kernel.o"
	"$kdir/tools/objtool/objtool" --noinstr --link --dry-run "$scratch/kev.o" 2>&1 || true
}

noinstr() {
	build
	# shellcheck disable=SC2086 # a list of names
	leaving "$copy/kev.o" "$kdir" $NOINSTR
}

# The same with all that KASAN, KCOV, UBSAN and lockdep put in
noinstr_debug() {
	local debug names
	debug=$(tools/bed/bed kdir --kernel debug)
	selftests/copy-tree.sh "$copy-debug"
	make -k -j"$(nproc)" -C "$debug" M="$PWD/$copy-debug" \
		KCFLAGS=-DCONFIG_NOINSTR_VALIDATION=1 modules >"$scratch/debug" 2>&1 || {
		tail "$scratch/debug"
		return
	}
	names=$(comm -12 <(for name in noinstr entry; do names "$debug/System.map" "$name"; done | sort) \
		<(nm -u "$copy-debug/kev.o" | awk '{ print $2 }' | sort))
	# shellcheck disable=SC2086 # a list of names
	leaving "$copy-debug/kev.o" "$debug" $names
}

# What runs in user space, the tools and the module's pure code, a line each to $scratch/sources
user_sources() {
	{
		selftests/files.sh 'tools/kevctl/*.c' 'tools/libkev/*.c' &&
			make -s --no-print-directory -C selftests/unit sources
	} >"$scratch/sources" && grep -q ^src/ "$scratch/sources" ||
		echo "what runs in user space is not known"
}

USER_FLAGS=(-std=gnu11 -D_GNU_SOURCE -pthread -Iuapi -Iinclude -Itools/libkev
	'-DKEVCTL_VERSION="lint"' '-DKEVCTL_LIBEXECDIR="/libexec"')

# Without the search for leaks: it does not know that a structure's owner frees what was put into
# it, and so tells of any list, table and interface. That memory is freed is what the tests'
# address sanitizer says.
analyzer() {
	user_sources
	xargs -a "$scratch/sources" -P"$(nproc)" -I{} gcc "${USER_FLAGS[@]}" -O2 -Wall -Wextra -Wvla \
		-fanalyzer -Wno-analyzer-malloc-leak -c -o /dev/null {} 2>&1 |
		grep -E '(warning|error|xargs):' || true
}

# Left out:
#   DeprecatedOrUnsafeBufferHandling	asks for memcpy_s(), which there is not
#   valist.Uninitialized		does not know va_start() behind another file's use of it
#   Padding				the order of fields is for readers
#   easily-swappable-parameters		(base, length) is what half of the functions take
#   narrowing-conversions, implicit-widening-of-multiplication-result
#					not one that loses a value; W=12 and sparse look at the rest
#   macro-parentheses			rows of tables, whose operands are names
#   reserved-identifier			asks for names of others
#   strcpy				each stands behind a look at the length, or between
#					arrays of one size, which the compiler looks at
#   incorrect-roundings			of rates, which are positive and small
#   assignment-in-if-condition, suspicious-string-compare, branch-clone
#					what the kernel's style allows: if (!strcmp()), a case a line
TIDY_CHECKS='clang-analyzer-*,bugprone-*'
TIDY_CHECKS+=,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
TIDY_CHECKS+=,-clang-analyzer-security.insecureAPI.strcpy,-bugprone-incorrect-roundings
TIDY_CHECKS+=,-clang-analyzer-valist.Uninitialized,-clang-analyzer-optin.performance.Padding
TIDY_CHECKS+=,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions
TIDY_CHECKS+=,-bugprone-implicit-widening-of-multiplication-result,-bugprone-macro-parentheses
TIDY_CHECKS+=,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition
TIDY_CHECKS+=,-bugprone-suspicious-string-compare,-bugprone-branch-clone

tidy() {
	user_sources
	xargs -a "$scratch/sources" -P"$(nproc)" -I{} clang-tidy --quiet --checks="$TIDY_CHECKS" {} -- \
		"${USER_FLAGS[@]}" 2>/dev/null | grep -E '(warning|error):' >"$scratch/tidy" || true
	accept tidy <<-'END'
		tools/kevctl/control/control.c|clang-analyzer-unix.Malloc|drop() clears the state
		tools/kevctl/hermit/arguments.c|clang-analyzer-core.NonNullParamChecker|as many as were counted
		tools/kevctl/machine/bus.c|clang-analyzer-core.UndefinedBinaryOperatorResult|a width is 1, 2 or 4
		tools/kevctl/net/user.c|clang-analyzer-core.CallAndMessage|errno is not 0 behind a failure
		tools/kevctl/run_image.c|clang-analyzer-core.uninitialized.UndefReturn|set where it fails
		src/emulate/decode.c|clang-analyzer-core.UndefinedBinaryOperatorResult|a size is 1 to 8
	END
}

# The kernel's semantic patches, and those beside this file. Each names its own options. Left out: minmax (min(ret, 0) says
# less than what stands there), and those that want an OCaml compiler, which are about a driver and
# about comparisons with 0 in place of NULL, which sparse finds.
coccicheck() {
	local patch options
	find "$ksrc/scripts/coccinelle" selftests/lint -name '*.cocci' ! -name minmax.cocci | sort |
		while read -r patch; do
			grep -q '^virtual report' "$patch" || continue
			grep -q '^@.*initialize:ocaml@' "$patch" && continue
			options=$(sed -n 's|^// Options: ||p' "$patch" | head -n 1)
			# shellcheck disable=SC2086 # a list of options
			timeout 600 spatch --very-quiet -D report --no-show-diff $options \
				-I include -I uapi --cocci-file "$patch" --dir src 2>/dev/null ||
				echo "$patch: status $?"
		done | grep . >"$scratch/coccicheck" || true
	accept coccicheck <<-'END'
		src/vm.c|preceding lock|kev_vm_lock_policy() returns with the lock
		src/image/read.c|atomic_dec_and_test|the count has a flag beside it
		src/uapi.c|a second time|the size is the one that was checked
	END
}

declare -A NAMES=(
	[check]="selftests/check.sh"
	[warnings]="no warning of the compiler with W=12"
	[noinstr]="objtool: noinstr"
	[noinstr_debug]="objtool: noinstr, on the instrumented kernel"
	[analyzer]="gcc -fanalyzer"
	[tidy]="clang-tidy"
	[coccicheck]="coccicheck"
)

check() {
	selftests/check.sh >"$scratch/check" 2>&1 || grep -v -E '^(ok |1\.\.)' "$scratch/check" ||
		echo "check.sh died"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if (($# == 0)); then
	set -- check warnings noinstr analyzer tidy coccicheck
	if tools/bed/bed kdir --kernel debug >"$scratch/kdir" 2>&1; then set -- "$@" noinstr_debug; fi
fi
for name in "$@"; do
	[[ -n ${NAMES[$name]:-} ]] || { echo "run.sh: no check $name" >&2; exit 2; }
	result "${NAMES[$name]}" "$("$name")"
done
echo "1..$number"
((failures == 0))
