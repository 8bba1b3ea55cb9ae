# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# bed debug-kernel: builds the instrumented kernel from Debian's source into
# $KEV_CACHE/kernels/debug, laid out as setup.sh describes. It has KASAN, lockdep, UBSAN, checks of
# objects, lists and contexts, fault injection, and /sys/power/pm_test; "config" lists all.
#
# The build takes some ten minutes of two CPUs and 3 GB in $KEV_CACHE, which go at the end. It has
# a lock of its own, so that nobody's setup waits for it.

readonly DEBUG_NAME=debug

# debug_kernel_key: what the kernel is made of; also its version
debug_kernel_key()
{
	echo "$1-$(cat "$BED_DIR/debug/config" "$BED_DIR/debug/build.sh" | sha256sum | cut -c -12)"
}

# debug_kernel_config DIR: configures the source, and makes sure of each line of the list
debug_kernel_config()
{
	local dir=$1 list=$BED_DIR/debug/config line lost=no
	make -s -C "$dir" KCONFIG_ALLCONFIG="$list" allnoconfig
	while IFS= read -r line; do
		case $line in
		CONFIG_*) grep -qxF -- "$line" "$dir/.config" ;;
		"# CONFIG_"*" is not set")
			line=${line#\# }
			! grep -q "^${line% is not set}=" "$dir/.config"
			;;
		esac || {
			say "debug-kernel: the configuration does not come out with $line"
			lost=yes
		}
	done <"$list"
	[ "$lost" = no ]
}

# debug_kernel_pack DIR TREE: image, modules and what external modules are built with
debug_kernel_pack()
{
	local dir=$1 tree=$2 release
	release=$(make -s -C "$dir" kernelrelease)
	mkdir -p "$tree/boot" "$tree/build/arch" "$tree/build/tools/objtool"
	cp "$dir/arch/x86/boot/bzImage" "$tree/boot/vmlinuz-$release"
	make -s -C "$dir" INSTALL_MOD_PATH="$tree" INSTALL_MOD_STRIP=1 modules_install
	rm -f "$tree/lib/modules/$release/build" "$tree/lib/modules/$release/source"
	ln -s ../../../build "$tree/lib/modules/$release/build"
	cp "$dir/Makefile" "$dir/.config" "$dir/Module.symvers" "$dir/System.map" "$tree/build"
	cp "$dir/tools/objtool/objtool" "$tree/build/tools/objtool"
	(cd "$dir" && find include scripts arch/x86/include arch/x86/Makefile* \
		! -name '*.cmd' ! -type d | cpio -pdm --quiet "$tree/build")
	ln -s "boot/vmlinuz-$release" "$tree/vmlinuz"
	ln -s "lib/modules/$release" "$tree/modules"
	echo "$release" >"$tree/release"
}

# debug_kernel_unpack DIR VERSION: the whole source
debug_kernel_unpack()
{
	say "downloading $SETUP_SOURCE ($2), about 140 MB"
	setup_fetch "$SETUP_TMP" "$SETUP_SOURCE"
	mkdir -p "$1"
	dpkg-deb --fsys-tarfile "$SETUP_TMP"/*.deb | tar -xO "./usr/src/$SETUP_SOURCE.tar.xz" |
		tar -xJ -C "$1" --strip-components=1
}

# debug_kernel_main: builds it, unless the one that is there is made of the same
debug_kernel_main()
{
	local version key dir final=$KEV_CACHE/kernels/$DEBUG_NAME
	[ $# = 0 ] || { say "debug-kernel takes no option" && exit 125; }
	setup_begin debug-kernel
	setup_system "$BED_DIR/packages" "$BED_DIR/debug/packages"
	version=$(setup_candidate "$SETUP_SOURCE") || {
		setup_update
		version=$(setup_candidate "$SETUP_SOURCE")
	} || {
		say "apt knows no $SETUP_SOURCE"
		exit 1
	}
	key=$(debug_kernel_key "$version")
	[ "$(cat "$final/version" 2>/dev/null)" != "$key" ] || return 0

	dir=$SETUP_TMP/debug-kernel
	debug_kernel_unpack "$dir" "$version"
	debug_kernel_config "$dir" || exit 1
	say "building the instrumented kernel: $KEV_CACHE/debug-kernel.log"
	# The same source gives the same kernel.
	KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=kev KBUILD_BUILD_HOST=kev \
		nice make -C "$dir" -j"$(nproc)" bzImage modules >"$KEV_CACHE/debug-kernel.log" 2>&1 || {
		tail -n 30 "$KEV_CACHE/debug-kernel.log" >&2
		say "building the instrumented kernel failed"
		exit 1
	}
	debug_kernel_pack "$dir" "$SETUP_TMP/tree"
	echo "$key" >"$SETUP_TMP/tree/version"
	mkdir -p "$KEV_CACHE/kernels"
	if [ -e "$final" ]; then
		mv "$final" "$SETUP_TMP/old-kernel"
	fi
	mv "$SETUP_TMP/tree" "$final"
}
