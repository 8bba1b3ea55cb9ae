#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# For packages.sh, in the bed: boots the Debian of the file /debian in a PID namespace, systemd as
# its first process. There units of kev@.service run guests, and packages are upgraded (/kevctl.deb)
# and removed meanwhile.
# Prints TAP.
#
# usage: service.sh		in the bed
#        service.sh inside	by a unit there
set -e

# expect NAME WANTED GOT
number=0
expect() {
	number=$((number + 1))
	if [ "$3" = "$2" ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		echo "# expected: $2, got: $3"
	fi
}

# values UNIT PROPERTY...
values() {
	unit=$1
	shift
	for property; do
		systemctl show -P "$property" "$unit"
	done | tr '\n' ' '
}

# printed UNIT TEXT: how many lines of its journal have the text
printed() {
	journalctl -q --sync
	journalctl -q -o cat -u "$1" | grep -c -e "$2" || :
}

# ended UNIT: it is not active, nor about to be started again. Both are asked for at once.
ended() {
	systemctl show -p ActiveState -p Job "$1" >/state
	grep -qE '^ActiveState=(inactive|failed)$' /state && ! grep -q '^Job=[1-9]' /state
}

# run UNIT: starts it, and waits until it has ended for good. (systemctl's own --wait needs D-Bus.)
run() {
	tries=0
	systemctl start "$1" || :
	until ended "$1" || [ $tries = 500 ]; do
		tries=$((tries + 1))
	done
}

# also UNIT LINE...: what `systemctl edit` would add to it
also() {
	dir=/etc/systemd/system/$1.service.d
	shift
	mkdir -p "$dir"
	printf '%s\n' "$@" >"$dir/also.conf"
	systemctl daemon-reload
}

# status CMD...
status() {
	status=0
	"$@" >/said 2>&1 || status=$?
	sed 's/^/# /' /said
}

services() {
	mkdir -p /etc/kev
	echo "OPTIONS=\"--cpus 2 --memory '64M'\"" >/etc/kev/spin.conf
	echo 'IMAGE=/nowhere' >/etc/kev/none.conf
	echo 'OPTIONS="--memory 32M"' >/etc/kev/hermit_boot2.conf

	run kev@cpuid
	expect "an example guest has run as a unit, and ended well" "inactive success 0 " \
		"$(values kev@cpuid ActiveState Result NRestarts)"
	expect "the journal has its console" 1 "$(printed kev@cpuid 'hypervisor KVMKVMKVM')"

	also kev@hello '[Unit]' StartLimitBurst=3 StartLimitIntervalSec=infinity
	run kev@hello
	expect "a guest that ends otherwise is started again, not for ever" "failed 254 " \
		"$(values kev@hello ActiveState ExecMainStatus)"
	expect "each time the journal has its console" 3 "$(printed kev@hello '^Hello guest os!')"
	also kev@hello '[Service]' SuccessExitStatus=254
	systemctl reset-failed kev@hello
	run kev@hello
	expect "its status can be said to be a success" "inactive success 0 4" \
		"$(values kev@hello ActiveState Result NRestarts)$(printed kev@hello '^Hello guest os!')"

	run kev@hermit_boot2
	expect "a Hermit guest has run, whose start asks for more than a unit may" \
		"inactive success 0 " "$(values kev@hermit_boot2 ActiveState Result NRestarts)"

	# A datagram to its port 9 ends it, once it has an address, and says with what code.
	echo 'OPTIONS="--net user,hostfwd=udp:127.0.0.1:9009-9"' >/etc/kev/net_dhcp.conf
	systemctl start kev@net_dhcp
	tries=0
	until ended kev@net_dhcp || [ $tries = 300 ]; do
		tries=$((tries + 1))
		bash -c 'printf "\\0" >/dev/udp/127.0.0.1/9009' 2>/dev/null || :
		sleep 0.1
	done
	expect "a guest has a network that needs no rights" "inactive success 0 " \
		"$(values kev@net_dhcp ActiveState Result NRestarts)"

	run kev@none
	expect "an image that is not there is not tried again" "failed 127 0 " \
		"$(values kev@none ActiveState ExecMainStatus NRestarts)"

	systemctl start kev@spin
	expect "one that goes on is active" "active " "$(values kev@spin ActiveState)"
	pid=$(systemctl show -P MainPID kev@spin)
	expect "it is a user's whom the unit has made, in the group" "dynamic kev" "$(
		[ "$(stat -c %u "/proc/$pid")" -ge 61184 ] && echo dynamic) $(
		grep -q "^Groups:.*\b$(getent group kev | cut -d : -f 3)\b" "/proc/$pid/status" && echo kev)"
	expect "its pages may be shared, however many" unlimited \
		"$(sed -nE 's/^Max locked memory +([a-z0-9]+).*/\1/p' "/proc/$pid/limits")"
	expect "it has no capabilities" 0000000000000000 \
		"$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")"
	expect "its options are those of its file" \
		"/usr/bin/kevctl run --cpus 2 --memory 64M -- /usr/lib/kev/guests/spin " \
		"$(tr '\0 ' ' _' <"/proc/$pid/cmdline")"
	status systemctl restart kev@spin
	expect "it restarts" "0 active another" "$status $(values kev@spin ActiveState)$(
		[ "$(systemctl show -P MainPID kev@spin)" = "$pid" ] || echo another)"
	systemctl stop kev@spin
	expect "it is stopped, and that is no failure" "inactive success " \
		"$(values kev@spin ActiveState Result)"
}

# group: whose the device is, once udev has done what it was asked for
group() {
	udevadm settle
	stat -c %G /dev/kev
}

packages() {
	groupdel kev
	udevadm control --reload
	udevadm trigger --sysname-match=kev
	expect "without the group the device is nobody's" UNKNOWN "$(group)"
	status dpkg --no-triggers --install /kevctl.deb
	expect "the group that a package makes has it at once" "0 kev" "$status $(group)"

	systemctl enable --now kev@spin
	pid=$(systemctl show -P MainPID kev@spin)
	touch -d 2001-01-01 /lib/systemd/system/kev@.service
	systemctl daemon-reload
	status dpkg --no-triggers --install /kevctl.deb
	expect "an upgrade touches no guest" "0 active $pid " \
		"$status $(values kev@spin ActiveState MainPID)"
	expect "systemd has read the upgrade's unit" "no " "$(values kev@spin NeedDaemonReload)"
	status dpkg --no-triggers --remove kev-dkms
	expect "the module's package goes while a guest runs" "0 active " \
		"$status $(values kev@spin ActiveState)"
	expect "the module stays, and that is told" "live 1" "$(cat /sys/module/kev/initstate) $(
		grep -c 'kev is in use' /said)"
	expect "its file has gone" "" "$(find /lib/modules -name 'kev.ko*')"
	status dpkg --no-triggers --purge kevctl
	expect "the command's package takes its units along" "0 inactive success " \
		"$status $(values kev@spin ActiveState Result)"
	expect "no unit is left to be started" "" \
		"$(find /etc/systemd/system/multi-user.target.wants -name 'kev@*')"
	expect "what others have written in /etc/kev stays" "hermit_boot2.conf net_dhcp.conf none.conf spin.conf" \
		"$(cd /etc/kev && echo *)"
	status rmmod kev
	expect "the module can be unloaded then" 0 "$status"
}

inside() {
	services
	packages
	echo "1..$number"
	journalctl -q -o cat -u 'kev@*' -u modprobe@kev | sed 's/^/# /'
}

if [ "${1-}" = inside ]; then
	inside >>/result 2>&1 || echo "not ok the test has ended early" >>/result
	exit 0
fi

for module in loop squashfs overlay; do
	modprobe "$module"
done
mkdir -p /lower /layers /machine
mount -t squashfs -o loop /debian /lower
mount -t tmpfs tmpfs /layers
mkdir /layers/upper /layers/work
mount -t overlay -o lowerdir=/lower,upperdir=/layers/upper,workdir=/layers/work overlay /machine
cp "$0" /machine/service.sh
cp /kevctl.deb /machine
# It forbids maintainers' scripts to touch services.
rm -f /machine/usr/sbin/policy-rc.d
cat >/machine/etc/systemd/system/test.service <<END
[Unit]
After=basic.target
Requires=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh /service.sh inside
ExecStartPost=/bin/touch /finished
TimeoutStartSec=infinity
END
# The machine is slow.
mkdir -p /machine/etc/systemd/system.conf.d
printf '%s\n' '[Manager]' DefaultTimeoutStartSec=15min DefaultTimeoutStopSec=15min \
	>/machine/etc/systemd/system.conf.d/slow.conf
for unit in systemd-hwdb-update systemd-journal-catalog-update; do
	ln -s /dev/null "/machine/etc/systemd/system/$unit.service"
done
: >/machine/result
tail -f -n +1 /machine/result &
tail=$!
# It ends with its first process.
unshare --mount --pid --fork chroot /machine /lib/systemd/systemd --unit=test.service </dev/null &
while [ ! -e /machine/finished ] && kill -0 $! 2>/dev/null; do
	sleep 0.1
done
# tail looks once a second.
sleep 2
kill $tail
