#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The Debian packages in a Debian of their own: built twice alike, installed by apt, built for a
# kernel by DKMS, upgraded, used, booted in the bed, and purged. Needs root, for the chroot.
#
# usage: packages.sh [--keep]	leaves the chroot in build/test-deb/root
#
# BED_WRAP may be a program that runs another: each run of the bed goes through it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What is mounted here is for us alone, and goes with us.
if [[ ${PACKAGES_UNSHARED-} != yes ]]; then
	[[ $(id -u) == 0 ]] || { echo "make test-deb needs root, for chroot and mount" >&2; exit 3; }
	exec env PACKAGES_UNSHARED=yes unshare --mount "$0" "$@"
fi
keep=${1-}

# shellcheck source=lint/result.sh
. selftests/lint/result.sh

cache=${KEV_CACHE:-${HOME:-/root}/.cache/kev}
release=$(<"$cache/kernels/default/release")
version=$(<VERSION) old=0.0.9
out=$PWD/build/test-deb root=$PWD/build/test-deb/root
packages=(kev-dkms kevctl libkev0 libkev-dev kev-guests kev-doc)
# What packages and tests need; all of it is there before, so that nothing else is left behind
needed=(dkms "linux-headers-$release" gcc make libc6-dev pkg-config man-db systemd udev kmod binutils
	libdw1 libelf1 libncurses6 libslirp0 libjs-sphinxdoc ca-certificates)
mkdir -p "$out"

# sources FORMAT: Debian's repositories as this machine has them
sources() {
	apt-get indextargets 'Origin: Debian' 'Identifier: Packages' --format "$1" | sort -u
}

# A Debian with what is needed, as an archive in the cache: some minutes, once for each kernel
make_base() {
	local base=$1 tmp suite mirror status
	tmp=$(mktemp -d "$cache/chroot.XXXXXX")
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mirror=$(sources "\$(RELEASE) \$(REPO_URI)" | sed -n "s/^$suite //p" | head -n 1)
	echo "# making a $suite from $mirror" >&2
	# In a condition nothing would end at the first failure.
	set +e
	(
		set -e
		debootstrap --variant=minbase "$suite" "$tmp/root" "$mirror"
		sources "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" >"$tmp/root/etc/apt/sources.list"
		printf '#!/bin/sh\nexit 101\n' >"$tmp/root/usr/sbin/policy-rc.d"
		chmod 755 "$tmp/root/usr/sbin/policy-rc.d"
		cp /etc/resolv.conf "$tmp/root/etc/resolv.conf"
		chroot "$tmp/root" apt-get -q update
		DEBIAN_FRONTEND=noninteractive chroot "$tmp/root" apt-get -q -y \
			--no-install-recommends install "${needed[@]}"
		chroot "$tmp/root" apt-get clean
		tar -C "$tmp/root" -I lz4 -cf "$tmp/base" .
		rm -f "$cache"/chroot-*.tar.lz4
		mv "$tmp/base" "$base"
	) >"$out/base.log" 2>&1 </dev/null
	status=$?
	set -e
	rm -rf "$tmp"
	((status == 0)) || {
		tail "$out/base.log" >&2
		echo "making the chroot failed; the whole log is $out/base.log" >&2
		return 1
	}
}

# inside CMD...: in the chroot, without what this machine's environment says
inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" </dev/null
}

# quiet CMD...: what it says only where it fails
quiet() {
	local status=0
	"$@" >"$out/command.log" 2>&1 || status=$?
	((status == 0)) || { cat "$out/command.log"; echo "ended with status $status: $*"; }
}

# says TEXT CMD...: what the command prints in the chroot has the text
says() {
	local text=$1 output
	shift
	output=$(inside "$@" 2>&1) || true
	[[ $output == *"$text"* ]] || printf 'no "%s": %s\n' "$text" "$output"
}

# expect WANTED GOT
expect() { [[ $2 == "$1" ]] || printf '%s\n' "expected:" "$1" "got:" "$2"; }

# offer DIR: its packages are what the chroot's apt finds
offer() {
	rm -rf "$root/packages"
	mkdir "$root/packages"
	cp "$1"/*.deb "$root/packages"
	(cd "$root/packages" && dpkg-scanpackages -m . >Packages 2>/dev/null)
	inside apt-get -q -o Dir::Etc::sourcelist=/etc/apt/kev.list -o Dir::Etc::sourceparts=- \
		-o APT::Get::List-Cleanup=0 update
}

apt() { inside apt-get -q -y --no-install-recommends "$@"; }

# Names of all that is there, but for what apt, dpkg and their like write of their own work. DKMS
# makes its key to sign by when it builds a module for the first time, and keeps it.
names() {
	find "$root" -xdev -mindepth 1 -printf '%y /%P\n' | sort |
		grep -vE ' /(packages|proc|sys|tmp|run|var/(cache|log|lib/(apt|dpkg|dkms/mok\.(key|pub))))(/|$)'
}

# run_in_bed: the module that DKMS has built, the kevctl that apt has installed with its libraries,
# and the guest, on a machine
run_in_bed() {
	local status=0 lib module log
	local -a files=()
	module=$(find "$root/lib/modules/$release" -name kev.ko)
	while read -r lib; do
		files+=(--file "$(realpath "$root$lib"):$lib")
	done < <(inside ldd /usr/bin/kevctl | grep -o '/lib[^ ]*')
	log=$(${BED_WRAP-} tools/bed/bed run --timeout 250 --module "$module" "${files[@]}" \
		--file "$root/usr/bin/kevctl:/packaged/kevctl" \
		--file "$root/usr/lib/kev/guests/hello:/packaged/hello" \
		-- sh -c '/packaged/kevctl version; exec /packaged/kevctl run /packaged/hello' 2>&1) ||
		status=$?
	expect 254 "$status"
	grep -q "Hello guest os!" <<<"$log" || echo "the guest has not printed"
	grep -q "^module $version," <<<"$log" || echo "not the module of version $version"
	[[ $status == 254 ]] || echo "$log"
}

# service_in_bed: the Debian as it is, with systemd as its first process. Not all of it: what a service
# and dpkg do not need has no room there.
service_in_bed() {
	local lib=usr/lib/x86_64-linux-gnu
	quiet mksquashfs "$root" "$out/debian" -noappend -comp lz4 -no-progress -wildcards -e \
		proc packages tree 'tmp/*' 'boot/*' 'usr/src/linux-*' 'usr/include/*' 'usr/share/*' \
		'usr/lib/gcc/*' 'usr/lib/linux-kbuild-*' 'usr/bin/x86_64-linux-gnu-*' \
		'usr/lib/udev/hwdb*' "$lib/*.a" "$lib/lib*san.so*" "$lib/perl" "$lib/gprofng" \
		'var/cache/*' 'var/lib/apt/*'
	${BED_WRAP-} tools/bed/bed run --timeout 1500 --no-module --file "$out/debian:/debian" \
		--file selftests/service.sh:/service.sh \
		--file "$(echo build/deb/kevctl_*.deb):/kevctl.deb" -- /service.sh >"$out/service.log" 2>&1 ||
		echo "the bed ended with status $?"
	if grep -q '^not ok' "$out/service.log" || ! grep -qx '1\.\.[0-9]*' "$out/service.log"; then
		cat "$out/service.log"
	fi
}

# files: what people look for
files() {
	local file
	for file in /usr/bin/kevctl /usr/libexec/kev/kev-net-user /etc/kev \
		/lib/systemd/system/kev@.service /lib/udev/rules.d/60-kev.rules \
		/usr/lib/sysusers.d/kev.conf /usr/share/bash-completion/completions/kevctl \
		/usr/share/doc/kevctl/examples/guest.conf \
		/usr/share/doc/kev-doc/examples/first/guest.c \
		/usr/share/doc/kev-dkms/examples/modprobe.conf \
		/usr/share/doc/kev-dkms/examples/modules-load.conf \
		/usr/lib/x86_64-linux-gnu/libkev.so.0 /usr/lib/x86_64-linux-gnu/libkev.so \
		/usr/lib/x86_64-linux-gnu/libkev.a /usr/lib/x86_64-linux-gnu/pkgconfig/libkev.pc \
		/usr/include/libkev.h /usr/include/linux/kev.h /usr/lib/kev/guests/hello \
		/usr/share/doc/kev-guests/examples/hello.c /usr/share/doc/kev-doc/html/index.html \
		"/usr/src/kev-$version/dkms.conf" "/usr/src/kev-$version/VERSION"; do
		[[ -e $root$file ]] || echo "no $file"
	done
}

# manual: every page that the packages have is found by its name, and the main ones are there
manual() {
	local page name
	for page in man1/kevctl.1 man1/kevctl-run.1 man3/libkev.3 man4/kev.4; do
		[[ -e $root/usr/share/man/$page.gz ]] || echo "no $page"
	done
	inside dpkg -L "${packages[@]}" | grep '/man/man[0-9]/.*\.gz$' | while read -r page; do
		name=${page##*/}
		name=${name%.gz}
		[[ $(inside man -w "${name##*.}" "${name%.*}" 2>&1) == "$page" ]] || echo "no $name"
	done
}

# unit: it can be loaded, and is as closed as it is meant to be: 10 is open, 0 closed
unit() {
	local log
	log=$(inside systemd-analyze verify kev@hello.service 2>&1 | grep -F kev || true)
	[[ -z $log ]] || echo "$log"
	quiet inside systemd-analyze security --offline=true --threshold=25 kev@hello.service
}

# parameters: the example has those that the module has
parameters() {
	local module
	module=$(find "$root/lib/modules/$release" -name kev.ko)
	expect "$(modinfo -F parm "$module" | sed 's/:.*//' | sort)" \
		"$(sed -n 's/^#options kev \([a-z_]*\)=.*/\1/p' \
			"$root/usr/share/doc/kev-dkms/examples/modprobe.conf" | sort)"
}

# by_hand: dkms takes the tree itself, without a package
by_hand() {
	local header
	selftests/copy-tree.sh "$root/tree"
	quiet inside sh -c 'cd /tree && dkms add .'
	expect "kev/$version: added" "$(inside dkms status kev)"
	# This kernel as its first releases were
	cp -r "$root/usr/src/linux-headers-$release" "$root/tree/old"
	mkdir -p "$root/tree/old/arch/x86/include/asm"
	for header in reboot nospec-branch; do
		inside cat "/lib/modules/$release/source/arch/x86/include/asm/$header.h" |
			sed '/cpu_emergency_register_virt_callback/d' \
				>"$root/tree/old/arch/x86/include/asm/$header.h"
	done
	grep -l CLEAR_CPU_BUF "$root/tree/old/arch/x86/include/asm/nospec-branch.h" >/dev/null ||
		echo "the kernel's headers are not where they were"
	says "BUILD_EXCLUSIVE directive which does not match" dkms build "kev/$version" \
		-k "$release" --kernelsourcedir /tree/old
	quiet inside dkms remove "kev/$version" --all
	rm -rf "$root/tree" "$root/usr/src/kev-$version"
}

built() { expect "kev/$1, $release, x86_64: installed" "$(inside dkms status kev)"; }

# again: the source package is made a second time, and has what is here; from it the others are
# built elsewhere
again() {
	local file dir=$out/again
	quiet env DEB_BUILD=source TZ=Asia/Tokyo LC_ALL=C tools/deb.sh "$dir"
	selftests/copy-tree.sh "$dir/tree"
	quiet dpkg-source --no-check -x "$dir"/kev_*.dsc "$dir/elsewhere"
	diff -r -x .pc "$dir/tree" "$dir/elsewhere" || true
	(
		cd "$dir/elsewhere"
		quiet env TZ=Asia/Tokyo LC_ALL=C dpkg-buildpackage --build=binary -us -uc -j"$(nproc)"
	)
	for file in build/deb/*.{deb,dsc,tar.xz}; do
		cmp "$file" "$dir/${file##*/}" 2>&1 || true
	done
}

# apart KIND...: packages of one kind are built without the others, as Debian's machines do
apart() {
	local kind dirs=("${@/#/$out/}")
	for kind; do
		quiet env DEB_BUILD="$kind" tools/deb.sh "$out/$kind"
	done
	diff <(find build/deb -name '*.deb' -printf '%f\n' | sort) \
		<(find "${dirs[@]}" -name '*.deb' -printf '%f\n' | sort) || true
}

# tests: those of debian/tests, in a directory as autopkgtest would make it
tests() {
	local command tests=/packages/source
	rm -rf "$root$tests"
	mkdir "$root$tests"
	cp -r debian "$root$tests"
	sed -nE 's|^Tests: |debian/tests/|p; s/^Test-Command: //p' debian/tests/control |
		while read -r command; do
			quiet inside env AUTOPKGTEST_TMP=/packages sh -c "cd $tests && $command"
		done
}

clean_up() {
	umount "$root/proc" 2>/dev/null || true
	[[ $keep == --keep ]] || rm -rf --one-file-system "$root"
}
trap clean_up EXIT

echo "TAP version 13"
log=$(quiet tools/deb.sh build/deb)
result "the packages build" "$log"
[[ -z $log ]] || { echo "1..1"; exit 1; }
result "the source package is whole, and all is the same bytes again" "$(again)"
result "those for one architecture and those for all build apart" "$(apart any all)"
result "they build as version $old" "$(quiet env DEB_BUILD=binary tools/deb.sh "$out/old" "$old")"
result "lintian" "$(lintian --allow-root --fail-on none build/deb/*.changes 2>&1 | grep -v '^N:' || true)"

base=$cache/chroot-$(sources "\$(RELEASE)" | cat - <(echo "${needed[@]}") | sha256sum | head -c 16).tar.lz4
[[ -e $base ]] || make_base "$base"
rm -rf --one-file-system "$root"
mkdir -p "$root"
tar -C "$root" -I lz4 -xf "$base"
mount -t proc proc "$root/proc"
echo "deb [trusted=yes] file:/packages ./" >"$root/etc/apt/kev.list"
echo "deb [trusted=yes] file:/packages ./" >"$root/etc/apt/sources.list.d/kev.list"

result "dkms add takes the tree" "$(by_hand)"
quiet inside depmod "$release"
names >"$out/before"

result "apt installs version $old" "$(quiet offer "$out/old"; quiet apt install "${packages[@]}")"
result "DKMS has built version $old" "$(built "$old")"
result "apt upgrades to version $version" "$(quiet offer build/deb; quiet apt upgrade)"
result "DKMS has built version $version, and has no other" "$(built "$version")"
result "nothing of version $old is left" "$(find "$root/usr/src" "$root/var/lib/dkms" -name "*$old*")"
result "files are in place" "$(files)"
result "the group is there" "$(quiet inside getent group kev)"
result "kevctl tells its version" "$(says "kevctl $version" kevctl --version)"
result "kevctl finds what is missing" "$(says "the module kev is not loaded" kevctl check)"
result "kevctl tells of a guest" "$(says direct64 kevctl inspect /usr/lib/kev/guests/hello)"
result "the manual is found" "$(manual)"
result "the unit is valid, and closed" "$(unit)"
result "the example names the module's parameters" "$(parameters)"
result "the packages' own tests pass" "$(tests)"
result "the module and kevctl run a guest" "$(run_in_bed)"
result "units run guests, and packages go while one runs" "$(service_in_bed)"
result "apt purges all of it" "$(quiet apt purge "${packages[@]}" && quiet apt autoremove --purge)"
# The group stays: files of its, and a number that another group could get, may be left anywhere.
names >"$out/after"
result "nothing is left behind" "$(diff "$out/before" "$out/after")"
echo "1..$number"
((failures == 0))
