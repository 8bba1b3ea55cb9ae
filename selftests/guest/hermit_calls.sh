#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The calls of Hermit images, made by guests that check their results: both versions of the
# interface, with good and bad arguments, files of a mapped directory, in the sandbox.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"

results_begin 15
directory=$(mktemp -d)
mkdir "$directory/outside"
echo secret >"$directory/outside/secret"

# calls VERSION NAME [OPTION...]: guest, and what it leaves behind
calls() {
	version=$1 name="version $1, $2"
	shift 2
	rm -rf "$directory/data"
	mkdir "$directory/data"
	echo "from the host" >"$directory/data/input"
	output=$(echo typed | kevctl run --file-mapping "$directory/data:/data" "$@" \
		"/guests/hermit_calls$version" one "two words" 2>"$directory/errors")
	status=$?
	[ $status -eq 0 ] || echo "# exit $status: $output $(cat "$directory/errors")"
	[ $status -eq 0 ]
	result "$name: exit code" $?
	[ "$output" = "+serial
windows
calls of version $version: ok" ]
	result "$name: output in order" $?
	[ "$(cat "$directory/data/output")" = "from the guest" ]
	result "$name: a file of the host's" $?
}

calls 1 "one vCPU" --cpus 1
grep -q "network" "$directory/errors" && [ "$(grep -c network "$directory/errors")" -eq 1 ]
result "old network calls: one warning" $?
calls 1 "two vCPUs" --cpus 2
calls 2 "one vCPU" --cpus 1
grep -q "^to stderr$" "$directory/errors"
result "stderr" $?
[ -d "$directory/data/made" ]
result "mkdir" $?
calls 2 "without sandbox" --sandbox=off
rm -r "$directory"

results_end
