# SPDX-License-Identifier: GPL-2.0
"""What a machine boots from: the initramfs that all runs share, and a disc for Bochs.

The initramfs holds nothing of a run: no module of ours, no tests, no command. Those come later, as
a second archive.
"""

import subprocess
import tempfile
from pathlib import Path

from bedlib import elf, helpers
from bedlib.cache import BED, BedError, build_once, command, digest
from bedlib.archive import Archive

_BUSYBOX = Path("/bin/busybox")
_DIRECTORIES = ("dev", "proc", "sys", "root", "out", "mnt", "run", "var/tmp", "bed", "usr")


def _busybox():
    if not _BUSYBOX.exists() or elf.is_dynamic(_BUSYBOX):
        raise BedError("/bin/busybox is not there or not static: run tools/bed/bed setup")
    return _BUSYBOX


def _add_modules(archive, kernel):
    with tempfile.TemporaryDirectory() as work:
        root = Path(work) / "root"
        base = root / "lib/modules" / kernel.release
        for name in kernel.module_files():
            target = base / name.removesuffix(".xz")
            target.parent.mkdir(parents=True, exist_ok=True)
            elf.strip_module(kernel.modules / name, target)
        base.mkdir(parents=True, exist_ok=True)
        for name in ("modules.order", "modules.builtin"):
            if (kernel.modules / name).exists():
                (base / name).write_bytes((kernel.modules / name).read_bytes())
        command("depmod", "-b", root, kernel.release,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        archive.tree(f"lib/modules/{kernel.release}", base)


def _initramfs(kernel):
    archive = Archive()
    for name in _DIRECTORIES:
        archive.directory(name)
    archive.directory("tmp", 0o1777)
    archive.directory("bin")
    for name in ("sbin", "usr/bin", "usr/sbin"):
        archive.link(name, "/bin")
    for applet in command(_BUSYBOX, "--list").decode().split():
        archive.link(f"bin/{applet}", "busybox")
    archive.file("bin/busybox", _busybox())
    archive.file("bin/bed-agent", helpers.agent())
    archive.file("bin/bed-disk", BED / "guest/bed-disk")
    archive.file("init", BED / "guest/init")
    archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.data("etc/group", b"root:x:0:\n")
    _add_modules(archive, kernel)
    return archive.newc()


def initrd(kernel):
    """The path of the compressed initramfs for a kernel."""
    code = (BED / "bedlib" / name for name in ("archive.py", "elf.py", "image.py", "kernel.py"))
    inputs = (BED / "guest/init", BED / "guest/bed-disk", *code, helpers.agent(), _busybox())

    def build(directory):
        plain = _initramfs(kernel)
        packed = subprocess.run(["lz4", "-l", "-9", "-q", "-c"], input=plain, check=True,
                                stdout=subprocess.PIPE).stdout
        (directory / "initrd").write_bytes(packed)

    return build_once("initrd", digest(kernel.key(), *inputs), build) / "initrd"


def _grub_word(text):
    """A word for GRUB's simplest parser, which knows backslashes."""
    return "".join("\\" + c if c in "\\$\"'{};&|<>#" else c for c in text)


def boot_disc(kernel, cmdline):
    """The path of a disc that boots a kernel with this command line."""
    ramdisk = initrd(kernel)
    key = digest(kernel.key(), str(ramdisk), cmdline, BED / "bedlib/image.py")

    def build(directory):
        root = directory / "root"
        root.mkdir()
        (root / "k").write_bytes(kernel.vmlinuz.read_bytes())
        (root / "i").write_bytes(ramdisk.read_bytes())
        line = " ".join(_grub_word(word) for word in cmdline.split())
        config = directory / "grub.cfg"
        config.write_text(f"set root=cd\nlinux /k {line}\ninitrd /i\nboot\n")
        command("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/", "-c", config,
                "-o", root / "g", "biosdisk", "iso9660", "linux")
        command("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", directory / "boot.iso",
                "-b", "g", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", root)
        for path in sorted(root.iterdir()):
            path.unlink()
        root.rmdir()

    return build_once("disc", key, build) / "boot.iso"
