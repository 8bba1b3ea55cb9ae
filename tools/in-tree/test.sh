#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make test-in-tree: kev in the source tree of Debian's kernel, built as a module and built in, and
# the kernel with kev built in boots in the bed, where a guest and tests run. The last line is
# "N passed, N failed".
#
# The tree stays in build/in-tree/linux, so that the next time little is built.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

BED_DIR=$PWD/tools/bed
KEV_CACHE=$(realpath -m "${KEV_CACHE:-${HOME:-/root}/.cache/kev}")
# shellcheck source=../bed/setup.sh
. "$BED_DIR/setup.sh"
# shellcheck source=../bed/debug/build.sh
. "$BED_DIR/debug/build.sh"

out=$PWD/build/in-tree
linux=$out/linux
jobs=${JOBS:-$(nproc)}
passed=0 failed=0
mkdir -p "$out"

# The same source gives the same kernel.
export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=kev KBUILD_BUILD_HOST=kev

# check NAME CMD...: one test, which ends with the first command that fails; what it says is shown
# then
check() {
	local name=$1 log=$out/log status
	shift
	# In a condition "set -e" would mean nothing.
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1
	status=$?
	set -e
	if ((status == 0)); then
		echo "ok: $name"
		passed=$((passed + 1))
	else
		tail -n 40 "$log"
		echo "not ok: $name"
		failed=$((failed + 1))
	fi
}

# kernel ARGS...: make in the tree
kernel() { nice make -s -C "$linux" -j"$jobs" "$@"; }

# tree_state: names, dates and sizes of all that could have been touched
tree_state() {
	(cd "$linux" && find virt arch/x86/kvm include/uapi Documentation/virt \
		tools/testing/selftests -printf '%p %T@ %s %m\n' | sort)
}

second_time() {
	local before
	before=$(tree_state)
	tools/in-tree/install.sh "$linux"
	diff <(echo "$before") <(tree_state)
}

# A source that the project has no more goes, what a build made and others' files stay.
follows() {
	local file
	touch "$linux"/virt/kev/src/{gone.c,built.o} "$linux/include/uapi/linux/others.h"
	echo broken >>"$linux/virt/kev/src/main.c"
	tools/in-tree/install.sh "$linux"
	[[ ! -e $linux/virt/kev/src/gone.c ]]
	cmp src/main.c "$linux/virt/kev/src/main.c"
	for file in virt/kev/src/built.o include/uapi/linux/others.h; do
		[[ -e $linux/$file ]]
		rm "$linux/$file"
	done
}

refuses() {
	! tools/in-tree/install.sh "" || return 1
	! tools/in-tree/install.sh "$("$BED_DIR/bed" kdir)" || return 1
}

# configure VALUE: the configuration with CONFIG_KEV=VALUE
configure() {
	sed "s/^CONFIG_KEV=.*/CONFIG_KEV=$1/" tools/in-tree/kernel.config >"$out/config"
	kernel KCONFIG_ALLCONFIG="$out/config" allnoconfig
	local line
	while IFS= read -r line; do
		[[ $line != CONFIG_* ]] || grep -qxF -- "$line" "$linux/.config" || {
			echo "the configuration does not come out with $line"
			return 1
		}
	done <"$out/config"
}

# build TARGET...: with the warnings that kev's own files are clean of
build() {
	kernel "$@" 2>&1 | tee "$out/build.log"
	if grep -E 'virt/kev|kev\.o|[Ss]ection mismatch' "$out/build.log" | grep -i warning; then
		return 1
	fi
}

build_module() {
	configure m
	# KVM is configured, but nobody needs to build it.
	build bzImage virt/kev/kev.ko
	[[ $(modinfo -F intree "$linux/virt/kev/kev.ko") == Y ]]
}

build_in() {
	configure y
	build bzImage
	grep -q ' kev_vm_init$' "$linux/System.map"
}

headers() {
	local header
	kernel headers
	for header in "$linux"/usr/include/linux/kev*.h; do
		gcc -std=c90 -Wall -Werror -fsyntax-only -I"$linux/usr/include" -x c "$header"
	done
	[[ -e $linux/usr/include/linux/kev.h ]]
}

selftests() {
	local dir=$linux/tools/testing/selftests
	rm -rf "$out/kselftest"
	nice make -s -C "$dir" -j"$jobs" TARGETS=kev install INSTALL_PATH="$out/kselftest"
	grep -qx kev:query "$out/kselftest/kselftest-list.txt"
	[[ -x $out/kselftest/kev/images/hello ]]
}

# In place, on this machine: only two that do nothing to it, in a copy. Without /dev/kev they fail
# or are skipped, but they are run.
run_tests() {
	local copy=$out/few part=tools/testing/selftests name log
	rm -rf "$copy"
	mkdir -p "$copy/$part" "$copy/scripts"
	cp "$linux/scripts/subarch.include" "$copy/scripts"
	ln -s "$linux/usr" "$copy/usr"
	cp -r "$linux/$part"/{Makefile,lib.mk,kselftest*,kev} "$copy/$part"
	make -s -C "$copy/$part" TARGETS=kev clean
	for name in "$copy/$part"/kev/*.c; do
		[[ $name == */query.c || $name == */run.c ]] || rm "$name"
	done
	log=$(nice make -s -C "$copy/$part" TARGETS=kev run_tests || true)
	echo "$log"
	(($(grep -cE '^(not )?ok [0-9]+ selftests: kev: (query|run)' <<<"$log") == 2))
}

# pack: the kernel, which has no modules, where the bed finds kernels
pack() {
	local tree=$out/tree final=$KEV_CACHE/kernels/in-tree release
	release=$(kernel kernelrelease)
	rm -rf "$tree"
	mkdir -p "$tree/lib/modules/$release"
	cp "$linux/arch/x86/boot/bzImage" "$tree/vmlinuz"
	cp "$linux"/modules.builtin{,.modinfo} "$tree/lib/modules/$release"
	: >"$tree/lib/modules/$release/modules.order"
	ln -s "lib/modules/$release" "$tree/modules"
	echo "$release" >"$tree/release"
	sha256sum "$tree/vmlinuz" | cut -c -16 >"$tree/version"
	rm -rf "$final"
	mkdir -p "$KEV_CACHE/kernels"
	mv "$tree" "$final"
}

# in_bed ARGS... -- CMD...: on that kernel; BED_WRAP may be a program that runs another
in_bed() { ${BED_WRAP:-} "$BED_DIR/bed" run --kernel in-tree --no-module --cold --timeout 900 "$@"; }

# The module is not there as a file; its parameters are the kernel's.
boots() {
	in_bed --append "kev.huge_pages=never kev.keep_vmx=1 kev.max_vms=7" -- sh -c '
		cd /sys/module/kev/parameters && head huge_pages keep_vmx max_vms
		dmesg | grep "kev: "
		kevctl run /guests/hello
		echo "status $?"' | tee "$out/boot.log"
	grep -q '^Hello guest os!' "$out/boot.log"
	grep -q '^status 254$' "$out/boot.log"
	[[ $(grep -xE 'never|Y|7' "$out/boot.log" | tr '\n' ' ') == "never Y 7 " ]]
}

# busybox's timeout lacks what the runner wants of it, and without one it does without.
tests_pass() {
	in_bed --file "$out/kselftest:/kselftest" -- sh -c '
		rm /bin/timeout
		cd /kselftest && ./run_kselftest.sh -t kev:query -t kev:run -t kev:reference' |
		tee "$out/tests.log"
	! grep -q '^not ok' "$out/tests.log" || return 1
	(($(grep -c '^ok [0-9]* selftests: kev: ' "$out/tests.log") == 3))
}

prepare() {
	local version
	setup_begin in-tree
	version=$(setup_candidate "$SETUP_SOURCE") || version=$(setup_source_version)
	[[ $(cat "$out/version" 2>/dev/null) != "$version" ]] || return 0
	rm -rf "$linux"
	debug_kernel_unpack "$linux" "$version"
	echo "$version" >"$out/version"
}

prepare
check "what is no source tree is refused" refuses
check "kev goes into the tree" tools/in-tree/install.sh "$linux"
check "a second time changes nothing" second_time
check "the tree follows the project" follows
check "kev builds as a module of the kernel, without warnings" build_module
check "building changes no source" second_time
check "kev builds into the kernel, without warnings" build_in
check "the uapi headers install" headers
check "the selftests build and install" selftests
check "the selftests run" run_tests
check "the kernel is packed" pack
check "the kernel boots in the bed and runs a guest" boots
check "the selftests pass there" tests_pass
echo "$passed passed, $failed failed"
((failed == 0))
