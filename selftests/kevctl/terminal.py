#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The terminal that kevctl run is started on: its modes, and the keys for signals."""
import os
import pty
import select
import signal
import subprocess
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


class Command:
    """kevctl on a terminal of its own, in the foreground"""

    def __init__(self, *arguments, program=KEVCTL, **environment):
        # It is not to begin before it is known how the terminal was.
        known, tell = os.pipe()
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.read(known, 1)
            os.execve(program, [program, *arguments], {**os.environ, **environment})
        self.before = self.modes()
        os.write(tell, b".")
        os.close(known)
        os.close(tell)
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
            if not select.select([self.master], [], [], 60)[0]:
                return False
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


class Run(Command):
    """kevctl run"""

    def __init__(self, script, *options):
        self.file = tempfile.NamedTemporaryFile("w")
        self.file.write(script)
        self.file.flush()
        super().__init__("run", *options, self.file.name)


class Job(Command):
    """kevctl run in the background of a shell, until the file @flag is there; again if it stops"""

    def __init__(self, *arguments, flag):
        script = ('set -m; "$@" & while [ ! -e "$0" ]; do sleep .05; done; fg; status=$?; '
                  'if [ "$status" -gt 128 ]; then stty -a | grep -o " echo "; fg; status=$?; fi; '
                  'exit "$status"')
        super().__init__("-c", script, flag, KEVCTL, "run", *arguments, program="/bin/sh")


def start(script):
    """A guest in the background; its PID"""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(script)
        file.flush()
        output = subprocess.run([KEVCTL, "run", "-d", file.name], check=True,
                                stdout=subprocess.PIPE).stdout
    return output.decode().strip()


# Waits for an x.
INPUT = ("in 0x3f8 1 0\nprint ready\npoll 0x3fd 1 0x61\nin 0x3f8 1 0x78\nprint seen\n"
         "halt 7\n")


def in_background(before, after, *options, stop=False):
    """Keys of a job before and after it comes into the foreground; does the guest get its x"""
    with tempfile.TemporaryDirectory() as directory, \
            tempfile.NamedTemporaryFile("w") as file:
        file.write(INPUT)
        file.flush()
        job = Job("--boot", "multiboot", *options, file.name, flag=directory + "/flag")
        ready = job.read_until(b"ready") and not job.is_raw()
        os.write(job.master, before)
        time.sleep(0.5)
        with open(directory + "/flag", "w", encoding="ascii"):
            pass
        ready &= not options or until(job.is_raw)
        if stop:
            job.key(termios.VSUSP)
            ready &= job.read_until(b" echo ") and until(job.is_raw)
        os.write(job.master, after)
        seen = job.read_until(b"seen")
        if not seen:
            job.key(termios.VINTR)
        return job.end() == 7 << 8 and ready and seen


def test_background():
    """kevctl run: a job in the background gets its input once it is in the foreground"""
    result(in_background(b"x\n", b""), "a job has its input once it is in the foreground")
    result(in_background(b"", b"x", "--raw"), "and with --raw each key")
    result(in_background(b"", b"x", "--raw", stop=True),
           "and Ctrl-Z stops it with the terminal as it was")


def test_console():
    """kevctl console: a guest in the background gets each key"""
    pid = start("""out 0x20 1 0x11
out 0x21 1 0x20
out 0x21 1 4
out 0x21 1 1
out 0x21 1 0xef
out 0x3fa 1 1
out 0x3fc 1 8
out 0x3f9 1 1
print ready
hlt 1
vector 0x24
in 0x3f8 1 03
print seen
spin
""".replace("print ready", "boot 3\nprint ready"))
    console = Command("console", pid)
    result(console.read_until(b"ready") and until(console.is_raw) and
           not console.modes() & termios.ISIG, "console: keys")
    os.write(console.master, b"\x03")
    result(console.read_until(b"seen"), "console: Ctrl-C is the guest's")
    os.write(console.master, b"\x1d")
    result(os.waitstatus_to_exitcode(console.end()) == 0 and console.modes() == console.before,
           "console: Ctrl-] leaves, with the terminal as it was")
    for number_of in (signal.SIGTERM, signal.SIGQUIT):
        console = Command("console", pid)
        console.read_until(b"seen")
        until(console.is_raw)
        os.kill(console.pid, number_of)
        result(os.WTERMSIG(console.end()) == number_of and console.modes() == console.before,
               f"console: after {number_of.name} the terminal is as it was")
    console = Command("console", pid)
    console.read_until(b"seen")
    subprocess.run([KEVCTL, "kill", pid], check=True)
    result(os.waitstatus_to_exitcode(console.end()) == 0 and console.modes() == console.before,
           "console: the guest's end is its own")


def test_top():
    """kevctl top: its screen and its keys"""
    with tempfile.TemporaryDirectory() as debugfs:
        os.mkdir(debugfs + "/kev")
        for name, lines in (("vms", "vm pid state vcpus exits resident_pages comm\n"
                                    "7 1 alive 0 5 1 first\n8 1 alive 0 5 9 second\n"),
                            ("vcpus", "vm vcpu cpu state\n"),
                            ("exits", "vm vcpu exits slow reported name\n")):
            with open(f"{debugfs}/kev/{name}", "w", encoding="ascii") as file:
                file.write(lines)
        top = Command("top", "--delay", "3600", "--debugfs", debugfs, TERM="xterm")
        result(top.read_until(b"first") and top.read_until(b"second"), "top: all VMs")
        result(top.output.index(b"first") < top.output.index(b"second"), "top: in their order")
        result(top.read_until(b"q quit"), "top: a line of help")
        top.output = b""
        os.write(top.master, b"m")
        result(top.read_until(b"memory"), "top: m sorts by memory")
        os.write(top.master, b"q")
        result(os.waitstatus_to_exitcode(top.end()) == 0 and top.modes() == top.before,
               "top: q ends it, with the terminal as it was")
        for name, key, end in (("Ctrl-C", termios.VINTR, signal.SIGINT),
                               ("Ctrl-\\", termios.VQUIT, signal.SIGQUIT), ("SIGTERM", None, signal.SIGTERM)):
            top = Command("top", "--delay", "3600", "--debugfs", debugfs, TERM="xterm")
            top.read_until(b"q quit")
            if key is None:
                os.kill(top.pid, end)
            else:
                top.key(key)
            status = top.end()
            result(os.WIFSIGNALED(status) and os.WTERMSIG(status) == end and
                   top.modes() == top.before and b"\033[?1049l" in top.output,
                   f"top: {name} ends it, with the terminal as it was")
        top = Command("top", "--debugfs", debugfs, TERM="no-such-terminal")
        result(os.waitstatus_to_exitcode(top.end()) == 125 and
               b"nothing is known of the terminal no-such-terminal" in top.output,
               "top: a terminal that nobody knows")


def test_colors():
    """kevctl check: colours on a terminal, unless somebody does not want them"""
    for name, options, environment, wanted in (
            ("a terminal", [], {}, True),
            ("NO_COLOR", [], {"NO_COLOR": "1"}, False),
            ("an empty NO_COLOR", [], {"NO_COLOR": ""}, True),
            ("a dumb terminal", [], {"TERM": "dumb"}, False),
            ("--color=never", ["--color=never"], {}, False),
            ("--color=always", ["--color=always"], {"NO_COLOR": "1"}, True)):
        check = Command("check", *options, **{"TERM": "xterm", "NO_COLOR": "", **environment})
        check.end()
        result(b"This machine" in check.output and (b"\033[" in check.output) == wanted,
               f"colours: {name}")


def test_progress():
    """kevctl kill --wait: tells on a terminal that it takes time, and leaves no trace"""
    pid = start(SPIN)
    os.kill(int(pid), signal.SIGSTOP)
    kill = Command("kill", "--wait", pid)
    result(kill.read_until(f"waiting for {pid} to end".encode()),
           "kill --wait: tells that it waits")
    os.kill(int(pid), signal.SIGCONT)
    result(os.waitstatus_to_exitcode(kill.end()) == 0 and kill.output.endswith(b"\r\033[K"),
           "kill --wait: the line goes")


def main():
    """All cases"""
    print("TAP version 13")
    run = Run(SPIN)
    result(run.read_until(b"ready") and run.modes() == run.before, "lines are the default")
    run.key(termios.VINTR)
    result(os.waitstatus_to_exitcode(run.end()) == 130 and b"ended by SIGINT" in run.output, "Ctrl-C")

    run = Run(SPIN, "--raw")
    result(run.read_until(b"ready") and run.is_raw(), "--raw: keys")
    result(run.modes() & termios.ISIG, "--raw: keys for signals stay")
    run.key(termios.VSUSP)
    result(until(run.is_stopped), "Ctrl-Z stops it")
    result(run.modes() == run.before, "with the terminal as it was")
    os.kill(run.pid, signal.SIGCONT)
    result(until(run.is_raw), "SIGCONT: keys again")
    run.key(termios.VINTR)
    result(os.waitstatus_to_exitcode(run.end()) == 130, "Ctrl-C ends it")
    result(run.modes() == run.before, "with the terminal as it was")

    for name, script, status in (("its own end", "print ready\nhalt 3\n", 3),
                                 ("a report", "print ready\nreport shutdown\n", 125)):
        run = Run(script, "--raw")
        result(os.waitstatus_to_exitcode(run.end()) == status and run.modes() == run.before,
               f"after {name} the terminal is as it was")
    for number_of in (signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1,
                      signal.SIGXCPU):
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
    result(os.waitstatus_to_exitcode(run.end()) == 130, "a second one does not")
    result(run.modes() == run.before, "and the terminal is as it was")
    test_background()
    with tempfile.TemporaryDirectory() as runtime:
        os.environ["XDG_RUNTIME_DIR"] = runtime
        test_console()
        test_progress()
    test_colors()
    test_top()
    print(f"1..{number}")
    return failures > 0


sys.exit(main())
