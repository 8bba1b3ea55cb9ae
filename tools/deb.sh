#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh DIR [VERSION]: Debian packages of the tree as it is, in DIR; as those of another version
# where one is given. They are built in a copy: nothing is left in the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$1 version=$(<VERSION)
rm -rf "$out"
mkdir -p "$out"
out=$(realpath "$out")
tree=$out/kev-$version
selftests/copy-tree.sh "$tree"
if [[ ${2-} ]]; then
	echo "$2" >"$tree/VERSION"
	sed -i "1s/(.*)/($2-1)/" "$tree/debian/changelog"
fi

(cd "$tree" && dpkg-buildpackage -b -us -uc -j"$(nproc)") >"$out/build.log" 2>&1 </dev/null || {
	tail -n 40 "$out/build.log"
	echo "building the packages failed; the whole log is $out/build.log"
	exit 1
}
rm -rf "$tree"
ls "$out"/*.deb
