# SPDX-License-Identifier: GPL-2.0
"""What the library in Bochs has seen executed of the kernel's modules, and where kev.ko was.

The file has lines "module PATH SHA256", "section NAME ADDRESS" and "executed ADDRESS".
"""

import hashlib

# As in ../bochs/coverage.c: where modules begin, of one kind of kernel and of the other
_FIRST = (0xffffffffa0000000, 0xffffffffc0000000)
_BYTES = (32 << 20) // 8  # of the bitmap, for each

# Around the command, which may load the module anew: where its sections are
_SECTIONS = 'grep "" /sys/module/kev/sections/.*text* >/out/sections.{} 2>/dev/null'
COMMAND = [
    "sh", "-c",
    f'{_SECTIONS.format("begin")}; "$@"; s=$?; {_SECTIONS.format("end")}; exit $s',
    "sh",
]


def _executed(bitmap):
    """The addresses, ascending."""
    for at, byte in enumerate(bitmap):
        if byte:
            for bit in range(8):
                if byte >> bit & 1:
                    yield _FIRST[at // _BYTES] + 8 * (at % _BYTES) + bit


def write(bitmap, out, module, path):
    """Make the file of the library's bitmap and of what COMMAND has left in out."""
    sections = set()
    for when in ("begin", "end"):
        for line in (out / f"sections.{when}").read_text().splitlines():
            name, _, address = line.rpartition("/")[2].partition(":")
            sections.add(f"section {name} {int(address, 16):x}")
    lines = [f"module {module.resolve()} {hashlib.sha256(module.read_bytes()).hexdigest()}",
             *sorted(sections)]
    lines += [f"executed {address:x}" for address in _executed(bitmap.read_bytes())]
    path.write_text("".join(f"{line}\n" for line in lines))
