#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# files.sh [PATTERN...]: the tree's files, all or those that match, a line each: what git has and
# what it would be given, but not what is gone or ignored. In a released tree without a repository,
# too. That there are none is an error.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# Around a tree without a repository there may be another's.
if [[ ! -e .git ]]; then
	GIT_DIR=$(mktemp -d)
	trap 'rm -rf "$GIT_DIR"' EXIT
	export GIT_DIR GIT_WORK_TREE=$PWD
	git init -q
	git config core.excludesFile /dev/null
fi
files=$(git ls-files -co --exclude-standard -- "$@")
found=$(while read -r file; do if [[ -f $file ]]; then echo "$file"; fi; done <<<"$files")
[[ -n $found ]] || { echo "files.sh: there is no $*" >&2; exit 1; }
echo "$found"
