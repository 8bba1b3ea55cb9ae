# SPDX-License-Identifier: GPL-2.0
"""Bochs: an emulator that has VMX.

A machine boots from the disc of image.py and stops at a magic breakpoint in its agent. Bochs'
debugger, driven by a script, then puts the run's files into a window of memory that the kernel was
told to leave alone, and goes on. A saved machine starts right there.
"""

import functools
import re
import shutil
import subprocess
from pathlib import Path

from bedlib import helpers, image
from bedlib.cache import BedError, build_once, command, digest, discard
from bedlib.emulator import Emulator
from bedlib.session import Session

DEFAULT_MODEL = "broadwell_ult"
_BINARY = Path("/usr/bin/bochs-bin")
_SHARE = Path("/usr/share/bochs")
_MIB = 1 << 20
_WINDOW_MIB = 144
_ABOVE_MIB = 16  # the BIOS has its tables at the end of memory
_MAX_MIB = 2048
_BOOT_SECONDS = 900
TSC_KHZ = 50000  # it counts instructions
# Ample: an instrumented kernel with two CPUs on a busy host takes more than a minute.
RESTORE_SECONDS = 300

# A saved machine brings its timers along by number, in the order in which the devices took them
# when it booted. Restored, the USB controller takes its own before the serial port instead of after
# it, and the serial port would receive noise for ever; plugin_ctrl makes that the order at boot.
_BOCHSRC = """\
plugin_ctrl: speaker=0, parallel=0, gameport=0, serial=0, usb_uhci=1, serial=1
cpu: model={model}, count={cpus}, ips={khz}000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
display_library: term
com1: enabled=1, mode=term, dev=com1
port_e9_hack: enabled=1
magic_break: enabled=1
clock: sync=none, time0=local
log: bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""

# Crypto self-tests, certificates and delay calibration would make a boot take twice as long. A
# processor that was saved in MWAIT does not notice writes that should wake it: it idles with HLT.
# The newer models' CPUID tells of the TSC of the processor that they stand for, which is 70 times
# as fast as theirs: a tick of the kernel would take that much longer.
_CMDLINE = ("console=ttyS0,115200 nokaslr panic=0 tsc=reliable mitigations=off cryptomgr.notests "
            "initcall_blacklist=load_system_certificate_list lpj=4000000 quiet "
            "random.trust_cpu=on log_buf_len=1M idle=nomwait tsc_early_khz={khz} "
            "memmap={size}M${addr:#x} bed.window={bytes:#x}@{addr:#x}")


def available():
    """True when Bochs and its BIOS are installed."""
    return _BINARY.exists() and (_SHARE / "BIOS-bochs-latest").exists()


@functools.cache
def models():
    """The processor models that this Bochs knows."""
    text = subprocess.run([_BINARY, "-q", "--help", "cpu"], cwd="/", check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout.decode(errors="replace")
    lines = text.partition("Supported CPU models:")[2].splitlines()
    return [line for line in lines if re.fullmatch(r"\w+", line)]


class Bochs:
    """A kind of machine: kernel, model, processors, memory, kernel arguments."""

    name = "bochs"

    def __init__(self, kernel, model, cpus, mem, append, khz=TSC_KHZ):
        if not available():
            raise BedError("Bochs is not there: run tools/bed/bed setup")
        self.model = model or DEFAULT_MODEL
        if self.model not in models():
            raise BedError(f"Bochs knows no model {self.model}; it knows: {' '.join(models())}")
        if not 2 * _WINDOW_MIB <= mem <= _MAX_MIB:
            raise BedError(f"--mem {mem}: Bochs machines have {2 * _WINDOW_MIB} to {_MAX_MIB} MiB")
        self.idle_sleeps = False  # an idle machine takes no processor time, but more time
        self.profile = None  # a file for what the library counts
        self.coverage = None  # and one for what it sees executed
        self._khz = khz
        self._cpus = cpus
        self._mem = mem
        self._window = (mem - _WINDOW_MIB - _ABOVE_MIB) * _MIB
        line = _CMDLINE.format(size=_WINDOW_MIB, addr=self._window, bytes=_WINDOW_MIB * _MIB,
                               khz=khz)
        self._disc = image.boot_disc(kernel, f"{line} {append}".strip())
        self._library = helpers.bochs_library()

    def _bochsrc(self):
        return _BOCHSRC.format(model=self.model, cpus=self._cpus, mem=self._mem, share=_SHARE,
                               disc=self._disc, khz=self._khz)

    def _start(self, directory, script, *arguments):
        (directory / "script").write_text("\n".join(script) + "\n")
        argv = [str(_BINARY), "-q", *arguments, "-rc", "script"]
        environment = {"LD_PRELOAD": str(self._library), "BED_PORT_FD": "{port}",
                       "BXSHARE": str(_SHARE)}
        if self.idle_sleeps:
            environment["BED_IDLE_SLEEPS"] = "1"
        if self.profile:
            environment["BED_PROFILE"] = str(self.profile)
        if self.coverage:
            environment["BED_COVERAGE"] = str(self.coverage)
        return Emulator(argv, directory, environment)

    def _load(self, directory, payload):
        if len(payload) > _WINDOW_MIB * _MIB:
            raise BedError(f"the run's files take {len(payload) // _MIB + 1} MiB, "
                           f"more than the {_WINDOW_MIB} MiB that there is room for")
        (directory / "payload").write_bytes(payload)
        return f"bed-load payload {self._window:#x}"

    def boot(self, directory, payload):
        """Start a machine from nothing; returns the emulator."""
        load = self._load(directory, payload)
        (directory / "bochsrc").write_text(self._bochsrc())
        return self._start(directory, ["c", load, "c"], "-f", "bochsrc")

    def restore(self, directory, payload, state):
        """Start a machine from a saved state; returns the emulator."""
        return self._start(directory, [self._load(directory, payload), "c"], "-r", str(state))

    def saved_state(self, say):
        """The path of a saved machine, made now if there is none; None when it cannot be made."""
        bios = [_SHARE / "BIOS-bochs-latest", _SHARE / "VGABIOS-lgpl-latest"]
        key = digest(self._bochsrc(), self._library, _BINARY, *bios, Path(__file__))

        def build(directory):
            say(f"saving a booted machine for later runs ({self.model}, {self._cpus} CPU, "
                f"{self._mem} MiB)")
            self._save(directory)

        try:
            return build_once("states", key, build, keep=12)
        except (BedError, OSError) as error:
            say(f"no saved machine, booting instead: {error}")
            return None

    def _save(self, directory):
        work = directory / "work"
        work.mkdir()
        state = directory / "state"
        (work / "bochsrc").write_text(self._bochsrc())
        emulator = self._start(work, ["c", f"bed-save {state}", "bed-leave"], "-f", "bochsrc")
        try:
            result = Session(emulator, _BOOT_SECONDS, _BOOT_SECONDS, bytes, bytes).run(
                until=lambda r: "save" in r.notes)
        finally:
            emulator.end()
        if result.notes.get("save") != "done":
            tail = " | ".join([line for line in result.console_lines() if line][-3:])
            raise BedError(result.notes.get("save") or f"the machine did not come up: {tail}")
        # Most of the memory was never written.
        command("fallocate", "-d", state / "memory.ram")
        shutil.rmtree(work)

    @staticmethod
    def forget(state):
        """Remove a state that does not work."""
        discard(state)

    @staticmethod
    def last_words(directory):
        """What Bochs wrote into its log about its end."""
        log = directory / "bochs.log"
        if not log.exists():
            return []
        lines = log.read_text(errors="replace").splitlines()
        return [line for line in lines if line[11:12] in ("p", "e")][-5:] or lines[-5:]
