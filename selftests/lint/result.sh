# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What checks have to say, as test results.

number=0 failures=0

# result NAME OUTPUT: no output is success
result() {
	((++number))
	if [[ -z $2 ]]; then
		echo "ok $number $1"
	else
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$2"
		echo "not ok $number $1"
		((++failures))
	fi
}
