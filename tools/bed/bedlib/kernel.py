# SPDX-License-Identifier: GPL-2.0
"""A kernel in the cache, laid out as setup.sh describes."""

import re
from pathlib import Path

from bedlib.cache import CACHE, BedError, command

# Modules that tests use, and one that ext4 asks for. What a kernel lacks, or has built in, is
# left out.
_MODULES = ("kvm", "kvm-intel", "kvm-amd", "loop", "brd", "null-blk", "ext4", "crc32c-generic",
            "squashfs", "erofs", "isofs", "overlay", "fuse", "msr", "tun")

_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
_DEPENDS = re.compile(r"\S+\.ko(\.\w+)?:")


class Kernel:
    """One kernel: its boot image, release and modules."""

    def __init__(self, name=None):
        self.path = (CACHE / "kernels" / (name or "default")).resolve()
        if not (self.path / "release").exists():
            raise BedError(f"no kernel {name or 'default'} in {CACHE}/kernels: "
                           "run tools/bed/bed setup")
        self.release = (self.path / "release").read_text().strip()
        self.version = (self.path / "version").read_text().strip()
        self.vmlinuz = (self.path / "vmlinuz").resolve()
        self.modules = (self.path / "modules").resolve()

    def key(self):
        """What makes this kernel different from others."""
        stat = self.vmlinuz.stat()
        return f"{self.path} {self.release} {self.version} {stat.st_size} {stat.st_mtime_ns}"

    def module_files(self):
        """Paths of the modules for tests, and of those they need, relative to self.modules."""
        depends = self._depends()
        found = {}

        def add(path):
            if path not in found:
                found[path] = True
                for needed in depends[path]:
                    add(needed)

        for path in depends:
            if Path(path).name.split(".")[0].replace("_", "-") in _MODULES:
                add(path)
        return sorted(found)

    def _depends(self):
        root = self.modules.parent.parent.parent
        text = command("depmod", "-n", "-b", root, self.release, env={"PATH": _SBIN}).decode()
        # The dry run prints all of depmod's tables, modules.dep among them.
        lines = (line.split(":", 1) for line in text.splitlines() if _DEPENDS.match(line))
        return {name: needs.split() for name, needs in lines}
