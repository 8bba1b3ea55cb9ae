# SPDX-License-Identifier: GPL-2.0
"""The options of "bed run" and "bed shell"."""

import argparse
import sys
from pathlib import Path

_DESCRIPTION = {
    "run": "Boot a real kernel in an emulator, load kev.ko, run CMD there as root. Its output "
           "comes live, its exit status is ours.",
    "shell": "Boot a real kernel in an emulator, load kev.ko, and give a shell on its console.",
}

_EPILOG = """\
inside: kevctl in /bin, guests in /guests, selftests in /selftests, the module's file at /kev.ko;
  modprobe knows kvm_intel, loop, brd, squashfs, erofs, isofs, overlay, fuse, msr, tun;
  bed-disk mounts a file system at /disk whose page cache can be dropped; /out comes back with
  --out.

exit status: the command's, or
  124  the command took longer than --timeout; the last lines of the console are shown
  125  the bed itself failed; the message says where
  126  the kernel's log has, since init started, an oops, WARN, BUG, a lockdep or KASAN report, an
       RCU stall, a hung task or the like; the report is shown. Or the machine was reset or
       switched off

environment: KEV_CACHE  where kernels and saved machines are kept (default ~/.cache/kev)
             BED_LOG    a directory that gets console.txt and kernel.txt of the run
"""


class Parser(argparse.ArgumentParser):
    """One whose errors are the bed's."""

    def error(self, message):
        print(f"bed: {message}; see bed {self.prog.split()[-1]} --help", file=sys.stderr)
        sys.exit(125)


def positive(text):
    """A number above 0."""
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _tsc_khz(text):
    """What Bochs takes: at most 32 bits of instructions a second."""
    value = positive(text)
    if not 1000 <= value <= 4000000:
        raise argparse.ArgumentTypeError(f"{text} is not within 1000 and 4000000")
    return value


def _parser(name):
    usage = f"bed {name} [OPTIONS]" + (" -- CMD ARGS..." if name == "run" else "")
    parser = Parser(prog=f"bed {name}", usage=usage, description=_DESCRIPTION[name],
                     epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                     allow_abbrev=False)
    add = parser.add_argument
    add("--emulator", choices=("auto", "kvm", "bochs", "tcg"), default="auto",
        help="auto: nested KVM where the host offers it, else Bochs; tcg has no VMX")
    add("--cpu", metavar="MODEL", help="processor model, in the emulator's words "
        "(default: broadwell_ult in Bochs)")
    add("--cpus", metavar="N", type=positive, default=1, help="number of processors (1)")
    add("--mem", metavar="MIB", type=positive, default=704, help="memory (704)")
    add("--kernel", metavar="NAME", help="a kernel below $KEV_CACHE/kernels")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--module", metavar="FILE", type=Path,
                       help="the module to load (default: the project's kev.ko, if built; with "
                            "tcg it is not loaded)")
    which.add_argument("--no-module", action="store_true",
                       help="leave the module unloaded at /kev.ko")
    add("--file", metavar="SRC[:DST]", action="append", default=[],
        help="bring a file or directory along (DST: /NAME); may be repeated")
    add("--append", metavar="ARGS", default="", help="more kernel arguments")
    add("--tsc-khz", metavar="N", type=_tsc_khz,
        help="thousands of instructions that a second has, for all clocks (50000); in Bochs")
    add("--known-report", metavar="TEXT", action="append", default=[],
        help="a report in the kernel's log whose first line has TEXT is no failure; may be "
             "repeated")
    if name == "run":
        add("--profile", metavar="FILE", type=Path,
            help="count the instructions between RDTSCs of the lower half of the address space, "
                 "a guest's or a program's: FILE gets a table, FILE.json the same as data. "
                 "Functions are named by /proc/kallsyms as it is when CMD ends, and by what CMD "
                 "has left in /out/kallsyms*; only in Bochs")
        add("--coverage", metavar="FILE", type=Path,
            help="note which instructions of the module are executed: FILE gets their addresses, "
                 "for selftests/reached.py. Where CMD loads the module anew, those of the first and "
                 "of the last count; not together with --profile; only in Bochs")
    add("--out", metavar="DIR", type=Path, help="bring what CMD wrote under /out back into DIR")
    add("--timeout", metavar="S", type=positive,
        default=600 if name == "run" else 7 * 86400, help="seconds until the run is given up (600)")
    add("--cold", action="store_true", help="boot from nothing instead of from a saved machine")
    return parser


def parse(name, words):
    """The options as an object; .command is the list of the command's words."""
    parser = _parser(name)
    command = []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1:]
    options = parser.parse_args(words)
    if name == "run" and not command:
        parser.error("no command: bed run [OPTIONS] -- CMD ARGS...")
    if name == "shell" and command:
        parser.error("a shell takes no command")
    options.command = command
    options.profile = getattr(options, "profile", None)
    options.coverage = getattr(options, "coverage", None)
    if options.profile and options.coverage:
        parser.error("--profile and --coverage exclude each other")
    return options
