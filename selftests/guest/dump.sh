#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What kevctl says about a guest that has died, from real registers: the table of segments,
# the code, the callers' names; and that the sandbox is in effect with this kernel.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"

results_begin 16

output=$(kevctl run -v --memory 16M /guests/triple 2>&1 </dev/null)
result "a triple fault is a failure" $(($? != 125))
echo "$output" | sed 's/^/# /'
says "in words" '^kevctl: vCPU 0: triple fault$'
says "general registers" '^  rax [0-9a-f]{16}  rbx [0-9a-f]{16}  rcx '
says "control registers" '^  cr0 000000008[0-9a-f]{7}  cr2 [0-9a-f]{16}  cr3 [0-9a-f]{13}000  cr4 '
says "efer and APIC base" '^  efer [0-9a-f]*[4-7c-f]00  .*apic base fee00[0-9a-f]00$'
says "cs" '^  cs   0008      0{16}  ffffffff  [bf]     1  0    0   1  1  1  [01]$'
says "tr" '^  tr   [0-9a-f]{4}      [0-9a-f]{16}  [0-9a-f]{8}  b '
says "gdt" '^  gdt            [0-9a-f]{16}  [0-9a-f]{4}$'
says "idt" '^  idt            [0-9a-f]{16}  [0-9a-f]{4}$'
says "code" '^  code .* <[0-9a-f]{2}> '
says "where it was" '^  #0  0000000000100[0-9a-f]{3}  [a-z_]+\+0x[0-9a-f]+$'
says "who has called" '^  [?]   0000000000100[0-9a-f]{3}  _start\+0x[0-9a-f]+$'
says "the whole sandbox" '^kevctl: sandbox: capabilities, limits, landlock, seccomp$'

output=$(kevctl run --cpus 2 --memory 16M /guests/triple 2>&1 </dev/null)
says "the other vCPU, in one line" '^  vCPU [01] at [0-9a-f]{16}'

# The guest's own code, 0xcafe
kevctl run --sandbox=off /guests/hello >/dev/null 2>&1 </dev/null
result "without sandbox" $(($? != 254))
kevctl run -a 0 --thp /guests/hello >/dev/null 2>&1 </dev/null
result "bound to CPU 0, in large pages" $(($? != 254))

results_end
