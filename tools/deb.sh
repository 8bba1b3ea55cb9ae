#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh DIR [VERSION]: Debian packages of the tree as it is, and their source package, in DIR; as
# those of another version where one is given. They are built in a copy: nothing is left in the
# tree. DEB_BUILD says what is built, in the words of dpkg-buildpackage: full, source, binary, any, all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$1 version=${2:-$(<VERSION)}
rm -rf "$out"
mkdir -p "$out"
out=$(realpath "$out")
tree=$out/kev-$version
selftests/copy-tree.sh "$tree"
if [[ ${2-} ]]; then
	echo "$version" >"$tree/VERSION"
	sed -i "1s/(.*)/($version-1)/" "$tree/debian/changelog"
fi

# The source package consists of this, and of the directory debian. One thread: with more, what xz
# writes depends on their number.
date=$(dpkg-parsechangelog -l "$tree/debian/changelog" -S Timestamp)
tar -C "$out" --format=gnu --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner \
	--mode=u=rwX,go=rX --exclude="kev-$version/debian" -c "kev-$version" |
	xz -T1 >"$out/kev_$version.orig.tar.xz"

(cd "$tree" && dpkg-buildpackage --build="${DEB_BUILD:-full}" -us -uc -j"$(nproc)") \
	>"$out/build.log" 2>&1 </dev/null || {
	tail -n 40 "$out/build.log"
	echo "building the packages failed; the whole log is $out/build.log"
	exit 1
}
rm -rf "$tree"
ls "$out"/*.d[es][bc]
