#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The release's tarball: the same twice, and everything can be built and installed from it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=kevctl/tap.sh
. kevctl/tap.sh
cd ..

# shellcheck disable=SC2154 # tap.sh's
dir=$tap_dir
version=$(git show HEAD:VERSION)
kdir=$(tools/bed/bed kdir)
tree=$dir/kev-$version

# A clone in which tags can be made
git clone -q --shared . "$dir/clone"
# shellcheck disable=SC2317 # called by its name
in_clone() { (cd "$dir/clone" && "$@"); }
# shellcheck disable=SC2317
commit_version() {
	echo "$1" >VERSION
	[[ -z ${2:-} ]] || sed -i "s/^## \[Unreleased\]/&\n\n## [$1] - $2/" CHANGELOG.md
	git -c user.name=test -c user.email=test@example.org commit -qam "Release $1"
	git tag "v$1"
}
# shellcheck disable=SC2317
makes_the_same() {
	in_clone tools/dist.sh >/dev/null && sleep 1 && tools/dist.sh >/dev/null &&
		cmp "build/dist/kev-$version.tar.xz" "$dir/clone/build/dist/kev-$version.tar.xz"
}
# shellcheck disable=SC2317
built() { make -C "$tree" "$@" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log" && false; }; }

# shellcheck disable=SC2317
sum_fits() { (cd build/dist && sha256sum --quiet -c "kev-$version.tar.xz.sha256"); }

tap_check "twice the same bytes" makes_the_same
tap_check "the sum" sum_fits
tar -xf "build/dist/kev-$version.tar.xz" -C "$dir"
tap_check "all of it is below one directory" test \
	"$(tar -tf "build/dist/kev-$version.tar.xz" | cut -d / -f 1 | sort -u)" = "kev-$version"
tap_check "it has what git has" diff <(git ls-tree -r --name-only HEAD | sort) \
	<(cd "$tree" && find . -type f -o -type l | sed 's|^\./||' | sort)

tap_check "the module builds" make -s -C "$kdir" M="$tree" modules
tap_check "and has the version" test "$(modinfo -F version "$tree/kev.ko")" = "$version"
tap_check "all is installed" built install DESTDIR="$dir/root" PREFIX=/usr KDIR="$kdir"
tap_check "the guests build" built -C guests
tap_check "kevctl has the version" grep -q "^kevctl $version," <("$dir/root/usr/bin/kevctl" version)
tap_check "so has libkev" grep -qx "Version: $version" "$dir/root/usr/lib/pkgconfig/libkev.pc"
for file in share/man/man1/kevctl-run.1 share/man/man3/libkev.3 share/man/man4/kev.4 \
	share/bash-completion/completions/kevctl include/linux/kev.h lib/libkev.so.0; do
	tap_check "there is $file" test -s "$dir/root/usr/$file"
done
# What packages and the image are built in
# shellcheck disable=SC2317
copied() {
	"$tree/selftests/copy-tree.sh" "$dir/copy" &&
		diff <(cd "$tree" && find src tools uapi debian -name '*.[chS]' -o -name .gitignore | sort) \
			<(cd "$dir/copy" && find src tools uapi debian -name '*.[chS]' -o -name .gitignore | sort) &&
		[[ -x $dir/copy/tools/bed/bed && ! -e $dir/copy/tools/kevctl/kevctl ]]
}
tap_check "its copy has what git would have, and nothing that was built" copied
expect "kevctl reads a guest" 0 "*" "" "$dir/root/usr/bin/kevctl" inspect "$tree/guests/hello"

expect "a tag that is not there" 1 "" "there is no tag v0$" in_clone tools/dist.sh v0
in_clone commit_version 99.0.1
expect "a tag without changes told" 1 "" "CHANGELOG.md has no section \[99.0.1\]$" \
	in_clone tools/dist.sh v99.0.1
in_clone commit_version 99.0.2 2030-01-01
expect "a tag with them" 0 "build/dist/kev-99.0.2.tar.xz" "" in_clone tools/dist.sh v99.0.2
in_clone git tag v99.0.3
expect "a tag of another version" 1 "" "v99.0.3 is not v99.0.2, as VERSION says$" \
	in_clone tools/dist.sh v99.0.3
in_clone commit_version 1.0-rc1
expect "what is no version" 1 "" "VERSION is no version: 1.0-rc1$" in_clone tools/dist.sh
tap_end
