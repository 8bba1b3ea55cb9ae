# SPDX-License-Identifier: GPL-2.0
"""bed run, shell and boot: see bedlib/__init__.py for the parts, "bed run --help" for the use."""

import os
import signal
import sys
import tempfile
import termios
import traceback
import tty
from pathlib import Path

from bedlib import bochs, coverage, disk, options, outdir, payload, profile, qemu
from bedlib.cache import BedError, run_directory
from bedlib.kernel import Kernel
from bedlib.session import Session

TIMED_OUT = 124
BED_FAILED = 125
KERNEL_REPORT = 126
# How many reports behind the first one are named
REPORTS_SHOWN = 20

# Ample: a cold boot of an instrumented kernel with two CPUs takes about 200 s.
_BOOT_SECONDS = 900
_TAIL_LINES = 25


def say(text):
    """One line for people."""
    print(f"bed: {text}", file=sys.stderr, flush=True)


def _write_all(fd):
    def write(data):
        while data:
            data = data[os.write(fd, data):]
    return write


def choose_machine(opts):
    """The machine that the options ask for."""
    kernel = Kernel(opts.kernel)
    words = (kernel, opts.cpu, opts.cpus, opts.mem, opts.append)
    emulator = opts.emulator
    if emulator == "auto":
        # What only Bochs knows or does asks for Bochs.
        wants_bochs = (opts.tsc_khz or opts.profile or opts.coverage or
                       opts.cpu and bochs.available() and opts.cpu in bochs.models())
        emulator = "kvm" if qemu.has_nested_vmx() and not wants_bochs else "bochs"
    if emulator == "bochs":
        return bochs.Bochs(*words, opts.tsc_khz or bochs.TSC_KHZ)
    if opts.tsc_khz:
        raise BedError("--tsc-khz: only Bochs can be told")
    return qemu.Qemu(emulator, *words)


def choose_module(opts, machine):
    """The module to bring along, or None; and whether to load it."""
    if opts.module:
        return opts.module, True
    if not payload.MODULE.exists():
        if not opts.no_module:
            say("kev.ko is not built: running without it")
        return None, False
    # Without VMX the module refuses to load, which is only of interest to who asks for it by name.
    return payload.MODULE, not opts.no_module and machine.name != "tcg"


def follow(emulator, opts, start_seconds, tar):
    """Run a started emulator to its end."""
    shell = not opts.command
    try:
        session = Session(emulator, opts.timeout, start_seconds, _write_all(1), _write_all(2),
                          notice=say, console=_write_all(1) if shell else None, tar=tar,
                          known=opts.known_report)
        if shell:
            session.add_input(0)
        return session.run()
    finally:
        emulator.end()


def run_machine(machine, opts, files, directory, tar):
    """Run the machine, from a saved state where there is one. Returns the session's result."""
    if isinstance(machine, bochs.Bochs):
        machine.idle_sleeps = not opts.command
        state = None if opts.cold else machine.saved_state(say)
        machine.profile = opts.profile and directory / "profile"
        machine.coverage = opts.coverage and directory / "coverage"
        if state:
            result = follow(machine.restore(directory, files, state / "state"), opts,
                            bochs.RESTORE_SECONDS, tar)
            if result.started or result.failed or result.timed_out:
                return result
            say("the saved machine does not start: booting instead")
            machine.forget(state)
    return follow(machine.boot(directory, files), opts, _BOOT_SECONDS, tar)


def show_tail(result):
    """The last lines of what the machine said."""
    for title, lines in (("kernel log", result.log), ("console", result.console_lines())):
        lines = [line for line in lines if line.strip()][-_TAIL_LINES:]
        if lines:
            say(f"the last lines of the {title}:")
            print("\n".join(f"  {line}" for line in lines), file=sys.stderr, flush=True)


def last_words(machine, directory, result):
    """What an emulator that left by itself had to say about that, as lines."""
    if not result.ended:
        return []
    return machine.last_words(directory) or result.screen_lines()


def keep_logs(result):
    """Write the logs where $BED_LOG says."""
    directory = os.environ.get("BED_LOG")
    if directory:
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        (path / "console.txt").write_bytes(bytes(result.console))
        (path / "kernel.txt").write_text("".join(f"{line}\n" for line in result.log))


def show_reports(reports):
    """The first one, and of the others how they begin"""
    if not reports:
        return
    (name, _, lines), *others = reports
    say(f"{name} in the kernel's log:")
    print("\n".join(f"  {line}" for line in lines), file=sys.stderr, flush=True)
    if others:
        say(f"{len(others)} more behind it:")
        heads = [f"  {name}: {head}" for name, head, _ in others[:REPORTS_SHOWN]]
        print("\n".join(heads), file=sys.stderr, flush=True)


def verdict(result, words):
    """The exit status of the bed, with all messages that belong to it."""
    reports = result.reports()
    show_reports(reports)
    if result.timed_out:
        show_tail(result)
        say("timed out")
        return TIMED_OUT
    if not result.started:
        show_tail(result)
        say("; ".join([result.failed or "the machine did not come up", *words]))
        return BED_FAILED
    gone = "; ".join(["the machine was reset or switched off", *words])
    if reports:
        if result.rebooted or result.ended:
            say(gone)
        return KERNEL_REPORT
    if result.failed:
        show_tail(result)
        say(result.failed)
        return BED_FAILED
    if result.rebooted or result.ended:
        show_tail(result)
        say(gone)
        return KERNEL_REPORT
    return result.status


def raw_terminal():
    """Set our terminal up for a shell; returns what undoes it."""
    if not os.isatty(0):
        return lambda: None
    before = termios.tcgetattr(0)
    tty.setraw(0)
    return lambda: termios.tcsetattr(0, termios.TCSADRAIN, before)


def prepare_profile(opts, machine, directory):
    """Have brought back what the addresses stand for; see write_profile()."""
    if not isinstance(machine, bochs.Bochs):
        raise BedError("--profile, --coverage: only Bochs tells of instructions")
    around = coverage.COMMAND if opts.coverage else [
        "sh", "-c", '"$@"; s=$?; cat /proc/kallsyms >/out/kallsyms.end; exit $s', "sh"]
    opts.command = [*around, *opts.command]
    opts.out = opts.out or directory / "out"


def write_profile(opts, machine):
    """What the library has counted or seen, of a finished run."""
    if opts.profile:
        texts = [path.read_text() for path in sorted(opts.out.glob("kallsyms*"))]
        profile.write(machine.profile, texts, opts.profile)
    else:
        coverage.write(machine.coverage, opts.out, opts.module or payload.MODULE, opts.coverage)


def boot(words):
    """bed boot; returns the exit status."""
    opts = disk.parse(words)
    with run_directory() as directory:
        emulator = disk.boot(opts, directory)
        try:
            result = Session(emulator, opts.timeout, opts.timeout, bytes, bytes, notice=say,
                             console=_write_all(1)).run()
        finally:
            emulator.end()
        if result.timed_out:
            say("timed out")
            return TIMED_OUT
        if not disk.switched_off(directory):
            say("; ".join(["the machine did not switch itself off",
                           *last_words(bochs.Bochs, directory, result)]))
            return BED_FAILED
    return 0


def run(name, words):
    """bed run or bed shell; returns the exit status."""
    opts = options.parse(name, words)
    machine = choose_machine(opts)
    with run_directory() as directory, tempfile.TemporaryFile(dir=directory) as tar:
        if opts.profile or opts.coverage:
            prepare_profile(opts, machine, directory)
        files = payload.pack(opts.command, *choose_module(opts, machine), opts.file,
                             bool(opts.out))
        if opts.out:
            opts.out.mkdir(parents=True, exist_ok=True)
        restore_terminal = raw_terminal() if name == "shell" else lambda: None
        try:
            result = run_machine(machine, opts, files, directory, tar if opts.out else None)
        finally:
            restore_terminal()
        keep_logs(result)
        status = verdict(result, last_words(machine, directory, result))
        if opts.out and result.complete:
            tar.seek(0)
            outdir.extract(tar, opts.out)
            if opts.profile or opts.coverage:
                write_profile(opts, machine)
    return status


class Stopped(Exception):
    """A signal asked us to end."""


def _stop(number, _frame):
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


def main():
    """Run, and turn every end into an exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # As nohup has it
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        if sys.argv[1] == "boot":
            return boot(sys.argv[2:])
        return run(sys.argv[1], sys.argv[2:])
    except BedError as error:
        say(error)
        return BED_FAILED
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except OSError as error:
        say(f"{error.filename or 'the bed'}: {error.strerror}")
        return BED_FAILED
    except Stopped as stopped:
        return 128 + stopped.args[0]
    except Exception:  # pylint: disable=broad-exception-caught
        # 1 would be the command's own.
        traceback.print_exc()
        return BED_FAILED


if __name__ == "__main__":
    sys.exit(main())
