#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The terminal that kevctl run is started on: its modes, and the keys for signals."""
import os
import pty
import signal
import sys
import tempfile
import termios
import time

KEVCTL = os.environ.get("KEVCTL_FAKE", "./kevctl-sandboxed")
SPIN = "print ready\nspin\n"
LFLAG = 3
number = 0
failures = 0


def result(good, name):
    """Print one test's result."""
    global number, failures
    number += 1
    failures += not good
    print("ok" if good else "not ok", number, name, flush=True)


def until(condition, seconds=10):
    """Wait for it; whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Run:
    """kevctl run on a terminal of its own, in the foreground"""

    def __init__(self, script, *options):
        self.file = tempfile.NamedTemporaryFile("w")
        self.file.write(script)
        self.file.flush()
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.execv(KEVCTL, [KEVCTL, "run", *options, self.file.name])
        self.before = self.modes()
        self.output = b""

    def modes(self):
        """Local modes of the terminal"""
        return termios.tcgetattr(self.master)[LFLAG]

    def is_raw(self):
        """Neither lines nor echo"""
        return not self.modes() & (termios.ICANON | termios.ECHO)

    def read_until(self, text):
        """Read what it prints; whether @text is in it."""
        while text not in self.output:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                return False
            if not data:
                return False
            self.output += data
        return True

    def is_stopped(self):
        """By job control"""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    def key(self, name):
        """Press the key that the terminal has for a signal."""
        os.write(self.master, termios.tcgetattr(self.master)[6][name])

    def end(self):
        """The wait status"""
        self.read_until(b"\0never")
        return os.waitpid(self.pid, 0)[1]


def main():
    """All cases"""
    print("TAP version 13")
    run = Run(SPIN)
    result(run.read_until(b"ready") and run.modes() == run.before, "lines are the default")
    run.key(termios.VINTR)
    result(os.WEXITSTATUS(run.end()) == 130 and b"ended by SIGINT" in run.output, "Ctrl-C")

    run = Run(SPIN, "--raw")
    result(run.read_until(b"ready") and run.is_raw(), "--raw: keys")
    result(run.modes() & termios.ISIG, "--raw: keys for signals stay")
    run.key(termios.VSUSP)
    result(until(run.is_stopped), "Ctrl-Z stops it")
    result(run.modes() == run.before, "with the terminal as it was")
    os.kill(run.pid, signal.SIGCONT)
    result(until(run.is_raw), "SIGCONT: keys again")
    run.key(termios.VINTR)
    result(os.WEXITSTATUS(run.end()) == 130, "Ctrl-C ends it")
    result(run.modes() == run.before, "with the terminal as it was")

    for name, script, status in (("its own end", "print ready\nhalt 3\n", 3),
                                 ("a report", "print ready\nreport shutdown\n", 125)):
        run = Run(script, "--raw")
        result(os.WEXITSTATUS(run.end()) == status and run.modes() == run.before,
               f"after {name} the terminal is as it was")
    for number_of in (signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT):
        run = Run(SPIN, "--raw")
        run.read_until(b"ready")
        until(run.is_raw)
        os.kill(run.pid, number_of)
        status = run.end()
        result((os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 128 + number_of) and
               run.modes() == run.before, f"after {number_of.name} the terminal is as it was")

    # A vCPU that does not come back: the first signal waits for it, the second does not.
    run = Run("print ready\ndeaf\n", "--raw")
    run.read_until(b"ready")
    run.key(termios.VINTR)
    time.sleep(0.1)
    result(os.waitpid(run.pid, os.WNOHANG) == (0, 0), "a first Ctrl-C waits for the vCPUs")
    run.key(termios.VINTR)
    result(os.WEXITSTATUS(run.end()) == 130, "a second one does not")
    result(run.modes() == run.before, "and the terminal is as it was")
    print(f"1..{number}")
    return failures > 0


sys.exit(main())
