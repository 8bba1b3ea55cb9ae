# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# bed setup: everything the project needs, in two places.
#
#   The system   the packages listed in the file "packages", by apt, without questions, and with
#                --kernel those in "packages-kernels", with --also those in further files.
#   $KEV_CACHE   stock Debian kernels and parts of the kernel's source, downloaded with apt and
#                unpacked there, never installed:
#
#     kernels/NAME/       one kernel; NAME is its release ("6.1.0-56-cloud-amd64")
#       boot/ lib/ usr/   as the Debian packages hold them
#       release version   what uname -r says; the package version
#       vmlinuz modules build   links: boot image, /lib/modules/RELEASE, module build directory
#     kernels/FLAVOUR     link to a kernel that --kernel FLAVOUR has fetched ("rt-amd64")
#     kernels/default     link to the kernel that is used when none is named
#     images/xen          Xen's hypervisor, which unit tests read the headers of
#     programs/gdb        GDB without Python, for tests in the bed
#     ksrc/               tools/testing/selftests (the framework), scripts/checkpatch.pl, ...
#
# A kernel made in another way is usable with --kernel NAME when its directory has the same five
# names. Everything is unpacked under a temporary name and renamed when complete, so whatever
# carries its final name is whole. A lock keeps two setups apart.

readonly SETUP_FLAVOUR=cloud-amd64
readonly SETUP_SOURCE=linux-source-6.1
readonly SETUP_XEN=xen-hypervisor-4.17-amd64
readonly SETUP_GDB=gdb-minimal
SETUP_UPDATED=no

say() { echo "bed: $*" >&2; }

# setup_packages LIST...: the package names in these files, one a line
setup_packages() { grep -hv '^#' "$@" | grep .; }

# setup_missing LIST...: those that are not installed
setup_missing()
{
	# shellcheck disable=SC2046 # a list of package names
	comm -23 <(setup_packages "$@" | sort) <(
		dpkg-query -W -f='${Package} ${db:Status-Status}\n' $(setup_packages "$@") 2>/dev/null |
			sed -n 's/ installed$//p' | sort
	)
}

# setup_root CMD...: runs a command as root, or returns 1 where that is not possible
setup_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
		sudo "$@"
	else
		return 1
	fi
}

# setup_update: refreshes apt's lists, once, where we may. Old lists are often good enough.
setup_update()
{
	[ "$SETUP_UPDATED" = no ] || return 0
	SETUP_UPDATED=yes
	setup_root true || return 0
	say "refreshing the package lists"
	setup_root apt-get -q -o Acquire::Retries=3 update >"$SETUP_TMP/update.log" 2>&1 ||
		say "apt-get update had trouble (going on): $(tail -n 1 "$SETUP_TMP/update.log")"
}

# setup_system LIST...: installs the packages of these files
setup_system()
{
	local missing
	missing=$(setup_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if ! setup_root true; then
		say "neither root nor sudo; as root run: apt-get install -y --no-install-recommends ${missing% }"
		exit 3
	fi
	setup_update
	say "installing ${missing% }"
	# shellcheck disable=SC2086 # a list of package names
	setup_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Acquire::Retries=3 \
		-o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold \
		install --no-install-recommends $missing \
		>"$SETUP_TMP/install.log" 2>&1 </dev/null || {
		tail -n 20 "$SETUP_TMP/install.log" >&2
		say "apt-get install failed (see above)"
		exit 1
	}
}

# setup_candidate PKG: the version that apt would take
setup_candidate() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p' | grep -v none; }

# setup_depends PKG PATTERN: the first dependency of PKG that matches
setup_depends()
{
	apt-cache depends --no-recommends --no-suggests "$1" |
		sed -n 's/^ *Depends: //p' | grep -E -m 1 "$2"
}

# setup_fetch DIR PKG...: downloads packages into DIR
setup_fetch()
{
	local dir=$1
	shift
	(cd "$dir" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" \
		download "$@" >"$SETUP_TMP/fetch.log" 2>&1) || {
		tail -n 5 "$SETUP_TMP/fetch.log" >&2
		say "apt-get download $* failed; if the package lists are old, run apt-get update as root"
		exit 1
	}
}

# setup_kernel FLAVOUR LINK UPGRADE: unpacks the newest stock kernel of what linux-image-FLAVOUR
# stands for, and links it as LINK; if LINK is there, only where an upgrade was asked for
setup_kernel()
{
	local flavour=$1 link=$2 upgrade=$3 kernels=$KEV_CACHE/kernels image release version tmp deb
	if [ "$upgrade" = no ] && [ -e "$kernels/$link/build/Makefile" ]; then
		return 0
	fi
	setup_update
	image=$(setup_depends "linux-image-$flavour" '^linux-image-[0-9]') || {
		say "apt knows no linux-image-$flavour: is this Debian, and are its package lists there?"
		exit 1
	}
	release=${image#linux-image-}
	release=${release%-unsigned}
	version=$(setup_candidate "$image")
	if [ "$(cat "$kernels/$release/version" 2>/dev/null)" = "$version" ]; then
		setup_link "$release" "$link"
		return 0
	fi
	tmp=$SETUP_TMP/kernel
	rm -rf "$tmp"
	mkdir -p "$tmp/debs" "$tmp/tree"
	say "downloading kernel $release ($version) and its headers"
	setup_fetch "$tmp/debs" "$image" "linux-headers-$release" \
		"$(setup_depends "linux-headers-$release" '^linux-headers-.*-common')" \
		"$(setup_depends "linux-headers-$release" '^linux-kbuild-')"
	say "unpacking kernel $release"
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$tmp/tree"
	done
	setup_relocate "$tmp/tree" "$release"
	echo "$release" >"$tmp/tree/release"
	echo "$version" >"$tmp/tree/version"
	mkdir -p "$kernels"
	if [ -e "$kernels/$release" ]; then
		mv "$kernels/$release" "$SETUP_TMP/old-kernel"
	fi
	mv "$tmp/tree" "$kernels/$release"
	setup_link "$release" "$link"
}

# setup_link NAME LINK: makes LINK another name of the kernel NAME
setup_link()
{
	[ "$(readlink "$KEV_CACHE/kernels/$2")" != "$1" ] || return 0
	ln -s "$1" "$SETUP_TMP/link"
	mv -T "$SETUP_TMP/link" "$KEV_CACHE/kernels/$2"
}

# setup_relocate TREE RELEASE: the packages name their parts by absolute paths below /usr/src and
# /lib/modules; makes every such name relative, so that the tree works (and moves) anywhere
setup_relocate()
{
	local tree=$1 release=$2 makefile
	makefile=$tree/usr/src/linux-headers-$release/Makefile
	# shellcheck disable=SC2016 # make's variables, not the shell's
	sed -i 's|^include /usr/src/|include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))../|' "$makefile"
	grep -qF 'lastword' "$makefile" || {
		say "the headers of kernel $release have an unknown form: $makefile"
		exit 1
	}
	ln -sfn "../../../usr/src/linux-headers-$release" "$tree/lib/modules/$release/build"
	rm -f "$tree/lib/modules/$release/source"
	ln -s "boot/vmlinuz-$release" "$tree/vmlinuz"
	ln -s "lib/modules/$release" "$tree/modules"
	ln -s "usr/src/linux-headers-$release" "$tree/build"
}

# setup_source TREE VERSION PART...: parts of the kernel's source. The archive is read once as a
# stream and not kept.
setup_source()
{
	local tree=$1 version=$2 debs=$SETUP_TMP/source
	shift 2
	say "downloading $SETUP_SOURCE ($version), about 140 MB"
	mkdir -p "$debs" "$tree"
	setup_fetch "$debs" "$SETUP_SOURCE"
	say "unpacking parts of $SETUP_SOURCE"
	dpkg-deb --fsys-tarfile "$debs"/*.deb |
		tar -xO "./usr/src/$SETUP_SOURCE.tar.xz" |
		tar -xJ -C "$tree" --strip-components=1 --wildcards --no-wildcards-match-slash \
			"${@/#/$SETUP_SOURCE/}"
	rm -r "$debs"
}

# setup_source_version: of the kernel's source that apt would take
setup_source_version()
{
	setup_update
	setup_candidate "$SETUP_SOURCE" || {
		say "apt knows no $SETUP_SOURCE"
		exit 1
	}
}

# setup_ksrc: the parts of the kernel's source that no header package has: the selftest framework,
# checkpatch, semantic patches
setup_ksrc()
{
	local upgrade=$1 version have tmp=$SETUP_TMP/ksrc
	# The last part that came into the list
	[ ! -e "$KEV_CACHE/ksrc/scripts/coccinelle" ] || have=$(cat "$KEV_CACHE/ksrc/version")
	[ "$upgrade" = no ] && [ -n "${have-}" ] && return 0
	version=$(setup_source_version)
	[ "${have-}" != "$version" ] || return 0
	setup_source "$tmp" "$version" COPYING scripts/checkpatch.pl scripts/spelling.txt \
		scripts/const_structs.checkpatch scripts/subarch.include scripts/kernel-doc \
		scripts/coccinelle Documentation/dev-tools/checkpatch.rst Documentation/sphinx \
		tools/testing/selftests/lib.mk tools/testing/selftests/kselftest \
		'tools/testing/selftests/kselftest*.h' 'tools/testing/selftests/*.sh'
	echo "$version" >"$tmp/version"
	if [ -e "$KEV_CACHE/ksrc" ]; then
		mv "$KEV_CACHE/ksrc" "$SETUP_TMP/old-ksrc"
	fi
	mv "$tmp" "$KEV_CACHE/ksrc"
}

# setup_images: images of others that tests read. Without them these tests are skipped, so
# that it is no failure if apt does not have them, or cannot get them now.
setup_images()
{
	local tmp=$SETUP_TMP/images
	[ ! -e "$KEV_CACHE/images/xen" ] || return 0
	setup_candidate "$SETUP_XEN" >/dev/null || return 0
	say "downloading $SETUP_XEN, about 4 MB"
	mkdir -p "$tmp/debs" "$tmp/tree" "$KEV_CACHE/images"
	(setup_fetch "$tmp/debs" "$SETUP_XEN") || return 0
	dpkg-deb -x "$tmp"/debs/*.deb "$tmp/tree"
	gzip -dc "$tmp"/tree/boot/xen-*.gz >"$tmp/xen"
	mv "$tmp/xen" "$KEV_CACHE/images/xen"
}

# setup_programs: programs for the bed that cannot be installed beside others of this machine; as
# with images, tests can do without
setup_programs()
{
	local tmp=$SETUP_TMP/programs
	[ ! -e "$KEV_CACHE/programs/gdb" ] || return 0
	setup_candidate "$SETUP_GDB" >/dev/null || return 0
	say "downloading $SETUP_GDB, about 3 MB"
	mkdir -p "$tmp/debs" "$tmp/tree" "$KEV_CACHE/programs"
	(setup_fetch "$tmp/debs" "$SETUP_GDB") || return 0
	dpkg-deb -x "$tmp"/debs/*.deb "$tmp/tree"
	mv "$tmp/tree/usr/bin/gdb" "$KEV_CACHE/programs/gdb"
}

# setup_begin NAME: waits for others of that name; SETUP_TMP is ours until we end
setup_begin()
{
	mkdir -p "$KEV_CACHE"
	exec 9>"$KEV_CACHE/$1.lock"
	if ! flock -n 9; then
		say "another $1 is at work, waiting for it"
		flock 9
	fi
	rm -rf "$KEV_CACHE/$1".tmp.*
	SETUP_TMP=$(mktemp -d "$KEV_CACHE/$1.tmp.XXXXXX")
	trap 'rm -rf "$SETUP_TMP"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# setup_main [--upgrade] [--lint] [--kernel FLAVOUR]... [--also FILE]...
setup_main()
{
	local upgrade=no debug=no flavour
	local -a flavours=() also=()
	while [ $# != 0 ]; do
		case $1 in
		--upgrade) upgrade=yes ;;
		--lint) also+=("$BED_DIR/lint/packages") ;;
		--kernel)
			[[ ${2-} =~ ^[a-z0-9][a-z0-9.-]*$ ]] || {
				say "setup: --kernel wants what follows linux-image- in a package's name, as rt-amd64"
				exit 125
			}
			if [ "$2" = debug ]; then debug=yes; else flavours+=("$2"); fi
			shift
			;;
		--also)
			[ -f "${2-}" ] || {
				say "setup: --also wants a file that lists packages"
				exit 125
			}
			also+=("$2")
			shift
			;;
		*) say "setup: unknown option $1" && exit 125 ;;
		esac
		shift
	done
	setup_begin setup
	setup_system "$BED_DIR/packages" ${flavours[@]+"$BED_DIR/packages-kernels"} \
		${also[@]+"${also[@]}"}
	setup_kernel "$SETUP_FLAVOUR" default "$upgrade"
	for flavour in ${flavours[@]+"${flavours[@]}"}; do
		setup_kernel "$flavour" "$flavour" "$upgrade"
	done
	setup_ksrc "$upgrade"
	setup_images
	setup_programs
	# It takes long, and has a lock of its own.
	[ $debug = no ] || { exec 9>&- && "$BED_DIR/bed" debug-kernel; }
}
