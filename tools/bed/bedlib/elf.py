# SPDX-License-Identifier: GPL-2.0
"""The little that the bed wants to know of ELF files."""

import lzma
import os
import struct
import subprocess
from pathlib import Path

from bedlib.cache import command

_PT_INTERP = 3


def is_elf(path):
    """True for an ELF file, of 32 or 64 bits."""
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def is_dynamic(path):
    """True for an ELF file of 64 bits that needs a loader."""
    with open(path, "rb") as f:
        head = f.read(64)
        if len(head) < 64 or head[:5] != b"\x7fELF\x02":
            return False
        (offset,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        f.seek(offset)
        table = f.read(size * count)
    kinds = (struct.unpack_from("<I", table, i)[0] for i in range(0, len(table) - 3, size or 1))
    return _PT_INTERP in kinds


def libraries(path, search=()):
    """What a dynamic program needs: (name in the machine, file here) for each library."""
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(str(p) for p in search), LC_ALL="C")
    done = subprocess.run(["ldd", str(path)], env=env, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    for line in done.stdout.decode(errors="replace").splitlines():
        # "name => /path (address)", or "/path (address)" for the loader
        words = line.split()
        if "=>" in words and len(words) > 2 and words[2].startswith("/"):
            found = Path(words[2])
            here = any(found.is_relative_to(p) for p in search)
            yield (f"/usr/lib/x86_64-linux-gnu/{words[0]}" if here else str(found)), found
        elif words and words[0].startswith("/"):
            yield words[0], Path(words[0])


def strip_module(source, target):
    """Copy a module, unpacked and without what only a debugger needs: it loads much faster."""
    if source.suffix == ".xz":
        target.write_bytes(lzma.decompress(source.read_bytes()))
        source = target
    command("objcopy", "--strip-debug", "-R", ".BTF", source, target)
