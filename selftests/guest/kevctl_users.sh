#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kevctl of users who are not root: members of the group that owns the device, with guests of their
# own, and one who is no member.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
group=kevtest
one=kevone two=kevtwo stranger=kevthree
dir=$(mktemp -d)
chmod 711 "$dir"
modes=$(stat -c %a /dev/kev)

# become USER COMMAND...: with the user's groups and runtime directory
become() {
	user=$1
	shift
	su -s /bin/sh "$user" -c "XDG_RUNTIME_DIR=$dir/$user $*"
}

# refused NAME PATTERN COMMAND...: kevctl fails, and says why and what to do
refused() {
	name=$1 pattern=$2
	shift 2
	output=$("$@" 2>&1 </dev/null)
	result "$name" $(($? != 125))
	says "$name: why" "$pattern"
	says "$name: what to do" '^  hint: '
}

# shellcheck disable=SC2317	# called by the trap
end() {
	chown root:root /dev/kev
	chmod "$modes" /dev/kev
	sed -i '/^kev\(one\|two\|three\|test\):/d' /etc/passwd /etc/group
	rm -rf "$dir"
}
trap end EXIT

id=64010
for user in $one $two $stranger; do
	echo "$user:x:$id:$id::/:/bin/sh" >>/etc/passwd
	echo "$user:x:$id:" >>/etc/group
	mkdir -m 700 "$dir/$user"
	chown $id:$id "$dir/$user"
	id=$((id + 10))
done
echo "$group:x:64000:$one,$two" >>/etc/group
# As the udev rule does
chgrp 64000 /dev/kev
chmod 660 /dev/kev

results_begin 0
refused "a stranger's run" '^kevctl: /dev/kev: Permission denied$' \
	become $stranger kevctl run /guests/hello
output=$(become $stranger kevctl check 2>&1)
says "a stranger's check" '/dev/kev.*Permission denied'
refused "a stranger's trace" '^kevctl: ' become $stranger kevctl trace --duration 1

output=$(become $one kevctl run --memory 16M /guests/hello 2>&1 </dev/null)
result "a member's run" $(($? != 254))
pid=$(become $one kevctl run --detach --memory 16M /guests/spin)
[ "$(stat -c %U "/proc/$pid")" = $one ]
result "a member's guest in the background" $?
output=$(become $one kevctl ps)
says "its ps" "^ +[0-9]+ +$pid +1 +16M +[0-9a-z]+  /guests/spin\$"
output=$(become $one kevctl stat "$pid" 2>&1)
says "its stat" "^VM [1-9][0-9]*  pid $pid  alive  kevctl  /guests/spin\$"
says "its stat: counters" '^entries +[1-9]'
output=$(become $one kevctl top --batch --count 1 2>&1)
says "its top" '/guests/spin'
# The guest prints nothing: a console that is let in waits until it is ended.
output=$(become $one timeout 2 kevctl console --no-input "$pid" 2>&1)
status=$?
# 143: busybox's timeout, of which the shell tells
{ [ $status -eq 124 ] || [ $status -eq 143 ]; } && ! echo "$output" | grep -q kevctl
result "its console" $?

output=$(become $two kevctl ps)
is "another member's ps" "$(echo "$output" | wc -l)" 1
output=$(become $two kevctl stat)
says "another member's stat" '^no VM$'
refused "another member's kill" "^kevctl: $pid: no such guest of this user's\$" \
	become $two kevctl kill "$pid"
says "another member's kill: whose it is" '^  hint: it is a process of the user 64010, '
refused "another member's console" "^kevctl: $pid: no such guest of this user's\$" \
	become $two kevctl console "$pid"
kill -0 "$pid"
result "the guest is still there" $?
output=$(kevctl ps)
says "root's ps" " $pid +1 +- +-  \[kevctl\]\$"

output=$(become $one kevctl kill --wait "$pid" 2>&1)
result "its kill" $?
output=$(become $one kevctl ps)
is "no guest is left" "$(echo "$output" | wc -l)" 1
results_end
