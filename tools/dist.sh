#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dist.sh [TAG]: build/dist/kev-VERSION.tar.xz, of what is committed or of a tag, and its sum
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
	echo "dist: $*" >&2
	exit 1
}

git rev-parse -q --verify HEAD >/dev/null 2>&1 || fail "needs the git repository"
tag=${1:-}
if [[ -n $tag ]]; then
	commit=$(git rev-parse -q --verify "refs/tags/$tag^{commit}") || fail "there is no tag $tag"
else
	commit=$(git rev-parse HEAD)
	git diff --quiet HEAD || echo "dist: changes that are not committed are left out" >&2
fi
version=$(git show "$commit:VERSION")
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "VERSION is no version: $version"
if [[ -n $tag ]]; then
	[[ $tag == "v$version" ]] || fail "$tag is not v$version, as VERSION says"
	git show "$commit:CHANGELOG.md" | grep -q "^## \[${version//./\\.}\] - " ||
		fail "CHANGELOG.md has no section [$version]"
fi

name=kev-$version.tar.xz
mkdir -p build/dist
# One thread: with more, what xz writes depends on their number.
git -c tar.umask=0022 archive --format=tar --prefix="kev-$version/" "$commit" |
	xz -T1 -9e >"build/dist/$name.new"
mv "build/dist/$name.new" "build/dist/$name"
(cd build/dist && sha256sum "$name" >"$name.sha256")
echo "build/dist/$name"
