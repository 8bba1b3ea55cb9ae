# SPDX-License-Identifier: GPL-2.0
"""bed boot: a machine in Bochs that boots from a disc or disk image, as it is on its own.

The bed puts nothing in and asks nothing of the machine: its first serial port is shown until it
switches itself off.
"""

from pathlib import Path

from bedlib import bochs, helpers
from bedlib.cache import BedError
from bedlib.emulator import Emulator
from bedlib.options import Parser, positive

_ISO_MARK = 16 * 2048 + 1  # "CD001"

# See bochs.py for what the values do.
_BOCHSRC = """\
plugin_ctrl: speaker=0, parallel=0, gameport=0
cpu: model={model}, count={cpus}, ips={khz}000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
ata0-master: {drive}, path=image
boot: {boot}
display_library: term
com1: enabled=1, mode=term, dev=com1
clock: sync=none, time0=local
log: bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""

_SHARE = Path("/usr/share/bochs")
_BINARY = "/usr/bin/bochs-bin"
_POWER_OFF = "soft power off"


def _is_disc(image):
    with open(image, "rb") as f:
        f.seek(_ISO_MARK)
        return f.read(5) == b"CD001"


def parse(words):
    """The options of "bed boot" as an object."""
    parser = Parser(
        prog="bed boot", usage="bed boot [OPTIONS] IMAGE", allow_abbrev=False,
        description="Boot a disc (ISO 9660) or a raw disk in Bochs, show its first serial port. "
                    "Exit status 0: it switched itself off; 124: it took longer than --timeout; "
                    "125: it ended in another way, or never began.")
    add = parser.add_argument
    add("--cpu", metavar="MODEL", default=bochs.DEFAULT_MODEL, help="processor model (%(default)s)")
    add("--cpus", metavar="N", type=positive, default=1, help="number of processors (1)")
    add("--mem", metavar="MIB", type=positive, default=512, help="memory (512)")
    add("--timeout", metavar="S", type=positive, default=600, help="seconds (600)")
    add("image", metavar="IMAGE", type=Path)
    return parser.parse_args(words)


def boot(opts, directory):
    """Start the machine; returns the emulator."""
    if not bochs.available():
        raise BedError("Bochs is not there: run tools/bed/bed setup")
    if opts.cpu not in bochs.models():
        raise BedError(f"Bochs knows no model {opts.cpu}")
    disc = _is_disc(opts.image)
    # What the machine writes is lost, and Bochs' lock stays in the run's directory.
    (directory / "image").symlink_to(opts.image.resolve())
    drive = "type=cdrom, status=inserted" if disc else "type=disk, mode=volatile, cylinders=0"
    (directory / "bochsrc").write_text(_BOCHSRC.format(
        model=opts.cpu, cpus=opts.cpus, mem=opts.mem, khz=bochs.TSC_KHZ, share=_SHARE,
        drive=drive, boot="cdrom" if disc else "disk"))
    (directory / "script").write_text("c\n")
    environment = {"LD_PRELOAD": str(helpers.bochs_library()), "BED_PORT_FD": "{port}",
                   "BXSHARE": str(_SHARE)}
    return Emulator([_BINARY, "-q", "-f", "bochsrc", "-rc", "script"], directory, environment)


def switched_off(directory):
    """True when the machine ended by its own will."""
    return any(_POWER_OFF in line for line in bochs.Bochs.last_words(directory))
