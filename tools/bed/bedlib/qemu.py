# SPDX-License-Identifier: GPL-2.0
"""QEMU: with nested KVM where the host offers VMX to guests, or TCG for what needs no VMX."""

import os
import shutil
from pathlib import Path

from bedlib import image
from bedlib.cache import BedError
from bedlib.emulator import Emulator
from bedlib.archive import Archive

_BINARY = "qemu-system-x86_64"
_CMDLINE = ("console=ttyS0,115200 nokaslr panic=0 tsc=reliable mitigations=off cryptomgr.notests "
            "initcall_blacklist=load_system_certificate_list quiet random.trust_cpu=on "
            "log_buf_len=1M")


def has_nested_vmx(proc=Path("/proc"), sys=Path("/sys"), dev=Path("/dev")):
    """True when guests of this host's KVM really get VMX."""
    try:
        flags = next((line.split() for line in (proc / "cpuinfo").read_text().splitlines()
                      if line.startswith("flags")), [])
        nested = (sys / "module/kvm_intel/parameters/nested").read_text().strip()
    except OSError:
        return False
    return ("vmx" in flags and nested in ("Y", "1")
            and os.access(dev / "kvm", os.R_OK | os.W_OK))


class Qemu:
    """A kind of machine, run by QEMU."""

    def __init__(self, accelerator, kernel, model, cpus, mem, append):
        if not shutil.which(_BINARY):
            raise BedError(f"{_BINARY} is not there: run tools/bed/bed setup")
        if accelerator == "kvm" and not has_nested_vmx():
            raise BedError("this host's KVM offers no VMX to guests")
        self.name = accelerator
        self.model = model or ("host" if accelerator == "kvm" else "max")
        self._kernel = kernel
        self._argv = [_BINARY, "-accel", accelerator, "-cpu", self.model, "-smp", str(cpus),
                      "-m", str(mem), "-nodefaults", "-no-user-config", "-display", "none",
                      "-no-reboot", "-kernel", str(kernel.vmlinuz), "-initrd", "initrd",
                      "-append", f"{_CMDLINE} {append}".strip(),
                      "-chardev", "serial,id=com1,path=com1", "-serial", "chardev:com1",
                      "-chardev", "file,id=port,path=/dev/fd/{port}",
                      "-device", "isa-debugcon,iobase=0xe9,chardev=port"]

    def boot(self, directory, payload):
        """Start a machine; returns the emulator."""
        first = Archive()
        first.data("bed/payload", payload)
        # The kernel unpacks both. The packed one comes last: its format does not say where it ends.
        (directory / "initrd").write_bytes(first.newc() + image.initrd(self._kernel).read_bytes())
        return Emulator(self._argv, directory)

    @staticmethod
    def last_words(_directory):
        """QEMU keeps no log: what it says is on its terminal."""
        return []
