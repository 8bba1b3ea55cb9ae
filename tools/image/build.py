#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Build a small bootable system around kev: OUT/kev.iso and OUT/kev.img, a raw disk.

Both hold Debian's kernel, an initramfs (static busybox, kev.ko, kevctl, init), and site.cpio: a
second one, with kev.conf, which says what to run, and the guests. On the disk it can be replaced
without building anything. They boot by BIOS and GRUB.

The same tree gives the same bytes: files are in a fixed order and belong to root, and all dates are
SOURCE_DATE_EPOCH, or else that of the last commit, or of the file Makefile.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bed"))
# pylint: disable=wrong-import-position
from bedlib.archive import Archive
from bedlib.cache import REPO, BedError, command
from bedlib.elf import is_dynamic
from bedlib.kernel import Kernel

_HERE = Path(__file__).resolve().parent
_GRUB = Path("/usr/lib/grub/i386-pc")
_CMDLINE = "console=tty0 console=ttyS0,115200 quiet panic=10"

_SECTOR = 512
_CYLINDER = 16 * 63 * _SECTOR  # in which BIOSes like to count
_FIRST = 2048  # sectors before the partition: GRUB's place
_SIGNATURE = b"kev\0"  # of the disk, and the partition's serial number
_FAT16_LBA = 0x0e
_ENTRY = 446  # the first partition's, in the first sector


def _stripped(source, work, *options):
    """A copy without what depends on where and with what it was built."""
    if not source.exists():
        raise BedError(f"{source} is not built: make modules tools guests")
    target = work / source.name
    command("objcopy", *options, "-R", ".BTF", "-R", ".note.gnu.build-id", source, target)
    return target


def _program(archive, name, source):
    if is_dynamic(source):
        raise BedError(f"{source} is not static")
    archive.file(name, source, 0o755)


def initramfs(work):
    """What is the same for everybody, packed."""
    archive = Archive()
    for name in ("dev", "etc", "proc", "run", "sys", "root"):
        archive.directory(name)
    archive.directory("tmp", 0o1777)
    _program(archive, "bin/busybox", Path("/bin/busybox"))
    for applet in sorted(command("/bin/busybox", "--list").decode().split()):
        if applet != "busybox":
            archive.link(f"bin/{applet}", "busybox")
    archive.link("sbin", "bin")
    _program(archive, "bin/kevctl", _stripped(REPO / "tools/kevctl/kevctl", work, "--strip-all"))
    archive.file("lib/kev.ko", _stripped(REPO / "kev.ko", work, "--strip-debug"), 0o644)
    archive.file("init", _HERE / "init", 0o755)
    return subprocess.run(["lz4", "-l", "-9", "-q", "-c"], input=archive.newc(), check=True,
                          stdout=subprocess.PIPE).stdout


def site(conf, guests):
    """What this system is for. Its form says where it ends, unlike that of the packed one."""
    archive = Archive()
    archive.file("kev.conf", conf, 0o644)
    for guest in guests:
        archive.file(f"guests/{guest.name}", guest, 0o755)
    return archive.newc()


def _grub(kind, root, cmdline, prefix, modules, out):
    """GRUB as one file that boots a medium with the files."""
    config = out.parent / "grub.cfg"
    config.write_text(f"set root={root}\n"
                      f"linux /vmlinuz {cmdline}\n"
                      "initrd /site.cpio /initrd\n"
                      "boot\n")
    command("grub-mkimage", "-O", kind, "-p", prefix, "-c", config, "-o", out, *modules, "linux")


def build_iso(files, cmdline, work, out):
    """A disc by El Torito."""
    root = work / "iso"
    root.mkdir()
    for name, content in files.items():
        (root / name).write_bytes(content)
    _grub("i386-pc-eltorito", "cd", cmdline, "/", ("biosdisk", "iso9660"), work / "grub.img")
    (root / "grub.img").write_bytes((work / "grub.img").read_bytes())
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    for path in (*root.iterdir(), root):
        os.utime(path, (epoch, epoch))
    command("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "KEV", "-o", out, "-b", "grub.img",
            "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", root)


def _first_sector(code, sectors):
    """The master boot record: GRUB's code, and one partition to the end of the disk."""
    sector = bytearray(code[:_SECTOR])
    # Where a cylinder, head and sector would be: numbers that say that there are none
    entry = (b"\x80" + b"\xfe\xff\xff" + bytes((_FAT16_LBA,)) + b"\xfe\xff\xff" +
             _FIRST.to_bytes(4, "little") + (sectors - _FIRST).to_bytes(4, "little"))
    sector[440:_ENTRY] = _SIGNATURE + bytes(2)
    sector[_ENTRY:510] = entry + bytes(64 - len(entry))
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


def build_disk(files, cmdline, work, out):
    """A disk with GRUB before its only partition, which is FAT16."""
    core = work / "core.img"
    _grub("i386-pc", "hd0,msdos1", cmdline, "(hd0,msdos1)/", ("biosdisk", "part_msdos", "fat"), core)
    loader = core.read_bytes()
    if len(loader) > (_FIRST - 1) * _SECTOR:
        raise BedError("GRUB has no place before the partition")
    # Clusters of 2 KiB, and some room for another site.cpio
    content = sum(-(-len(data) // 2048) * 2048 for data in files.values())
    size = _FIRST * _SECTOR + content + (2 << 20)
    size = -(-size // _CYLINDER) * _CYLINDER
    sectors = size // _SECTOR
    with open(out, "wb") as disk:
        disk.write(_first_sector((_GRUB / "boot.img").read_bytes(), sectors) + loader)
        disk.truncate(size)
    place = f"{out}@@{_FIRST * _SECTOR}"
    command("mformat", "-i", place, "-T", sectors - _FIRST, "-h", 16, "-s", 63, "-c", 4,
            "-H", _FIRST, "-N", _SIGNATURE.hex(), "-v", "KEV", "::")
    for name, data in files.items():
        command("mcopy", "-i", place, "-m", _dated(work / name, data), f"::{name}")


def _dated(path, data):
    path.write_bytes(data)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    os.utime(path, (epoch, epoch))
    return path


def _epoch():
    """The date of all files."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch and (REPO / ".git").exists():
        epoch = command("git", "-C", REPO, "log", "-1", "--format=%ct").decode()
    os.environ["SOURCE_DATE_EPOCH"] = str(int(epoch or (REPO / "Makefile").stat().st_mtime))
    # FAT's dates are local
    os.environ["TZ"] = "UTC"


def _options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--conf", metavar="FILE", type=Path, default=_HERE / "kev.conf", help="the kev.conf")
    add("--guest", metavar="FILE", type=Path, action="append", default=[],
        help="a guest for /guests; may be repeated (guests/hello)")
    add("--kernel", metavar="NAME", help="a kernel below $KEV_CACHE/kernels, for which kev.ko is")
    add("--append", metavar="ARGS", default="", help="more kernel arguments")
    add("out", metavar="OUT", type=Path, help="the directory for both images")
    return parser.parse_args()


def _check_module(kernel):
    release = command("/sbin/modinfo", "-F", "vermagic", REPO / "kev.ko").decode().split()[0]
    if release != kernel.release:
        raise BedError(f"kev.ko is built for {release}, and the image has {kernel.release}")


def main():
    """Build both."""
    options = _options()
    _epoch()
    os.umask(0o022)
    kernel = Kernel(options.kernel)
    _check_module(kernel)
    cmdline = f"{_CMDLINE} {options.append}".strip()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        work = Path(name)
        files = {"vmlinuz": kernel.vmlinuz.read_bytes(),
                 "initrd": initramfs(work),
                 "site.cpio": site(options.conf, options.guest or [REPO / "guests/hello"])}
        for build, target in ((build_iso, "kev.iso"), (build_disk, "kev.img")):
            build(files, cmdline, work, work / target)
            (work / target).chmod(0o644)
            os.replace(work / target, options.out / target)
            print(f"{options.out / target}: {(options.out / target).stat().st_size >> 20} MiB")


if __name__ == "__main__":
    try:
        main()
    except (BedError, OSError, ValueError) as error:
        sys.exit(f"image: {error}")
