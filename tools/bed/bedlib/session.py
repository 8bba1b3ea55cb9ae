# SPDX-License-Identifier: GPL-2.0
"""Follow a machine from its start to its end: what it prints, what it says, and how it ended."""

import contextlib
import errno
import os
import re
import selectors
import time

from bedlib import frame, klog

# After the panic's last line nothing comes; should that line be lost, this long is enough.
_PANIC_SECONDS = 5
_PANIC_LINE = 1024  # bytes; the lines of interest are shorter

_CHUNK = 1 << 18
_SCREEN = 4096  # bytes of what an emulator wrote last on its own terminal
_END_OF_INPUT = b"\x04"

# What the library in Bochs reports, in words for people; and its reports that are no news.
_NOTES = {"cure": "the cure for lost host interrupts",
          "delivery": "the cure for the delivery of virtual interrupts",
          "load": "putting the run's files in", "save": "saving the machine",
          "profile": "the profile", "coverage": "the coverage"}
_GOOD_NOTES = ("applied", "done")


class Result:
    """What is known of a run."""

    def __init__(self, known=()):
        self._known = known  # see klog.reports()
        self.started = False  # the agent had everything that it needs
        self.status = None  # of the command
        self.complete = False  # the agent sent all
        self.failed = None  # why the bed failed, from the agent
        self.timed_out = False
        self.panicked = False
        self.rebooted = False
        self.ended = False  # the emulator left by itself
        self.notes = {}  # from the library in Bochs
        self.log = []  # the kernel's log as lines
        self.judged = []  # those of them that the kernel itself wrote
        self.console = bytearray()
        self.screen = b""  # the end of what the emulator wrote on its own terminal

    def console_lines(self):
        """The console's text as lines."""
        text = bytes(self.console).replace(b"\0", b"").decode(errors="replace")
        return [line.rstrip("\r") for line in text.split("\n")]

    def screen_lines(self):
        """The last lines of the emulator's own terminal, without what moves its cursor."""
        text = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()].|.)", "",
                      self.screen.decode(errors="replace"))
        return [line.strip() for line in text.split("\n") if line.strip()][-5:]

    def reports(self):
        """The reports in the kernel's log, see klog.reports().

        The console is asked only where the machine could not send the rest of its log.
        """
        found = list(klog.reports(self.judged, self._known))
        if not found and not self.complete and self.started:
            found = list(klog.reports(self.console_lines(), self._known))
        return found


class Session:
    """Runs an emulator until its machine is done.

    stdout, stderr, console: functions that take bytes; notice: one that takes a line for people;
    tar: a file for /out or None. The machine has to be done within seconds, and its agent ready
    within start_seconds. known: texts of reports that are none, see klog.reports().
    """

    def __init__(self, emulator, seconds, start_seconds, stdout, stderr,
                 notice=lambda text: None, console=None, tar=None, known=()):
        self._emulator = emulator
        self._deadline = time.monotonic() + seconds
        self._start_deadline = time.monotonic() + start_seconds
        self._tar = tar
        self._console = console
        self._notice = notice
        self._parser = frame.Parser()
        self._panic_seen = None
        self.result = Result(known)
        self._sinks = {frame.STDOUT: stdout, frame.STDERR: stderr}
        self._selector = selectors.PollSelector()  # takes plain files, too
        self._done = False

    def add_input(self, fd):
        """What can be read from fd is typed on the machine's console."""
        self._selector.register(fd, selectors.EVENT_READ, self._on_input)

    def run(self, until=None):
        """Run to the end, or until until(result) is true. Returns the result."""
        emulator, select = self._emulator, self._selector
        select.register(emulator.port, selectors.EVENT_READ, self._on_port)
        select.register(emulator.console, selectors.EVENT_READ, self._on_console)
        select.register(emulator.screen, selectors.EVENT_READ, self._on_screen)
        select.register(emulator.pidfd, selectors.EVENT_READ, self._on_end)
        try:
            while not self._done and not (until and until(self.result)):
                left = self._time_left()
                if left <= 0:
                    break
                for key, _ in select.select(left):
                    key.data(key.fd)
        finally:
            select.close()
        return self.result

    def _time_left(self):
        now = time.monotonic()
        if self._panic_seen is not None and now - self._panic_seen > _PANIC_SECONDS:
            return 0
        if now >= self._deadline:
            self.result.timed_out = self._panic_seen is None
            return 0
        if not self.result.started and now >= self._start_deadline:
            return 0
        return 1 if self._panic_seen is not None else min(self._deadline - now, 5)

    def _read(self, fd):
        try:
            return os.read(fd, _CHUNK)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def _forget(self, fd):
        with contextlib.suppress(KeyError):
            self._selector.unregister(fd)

    def _on_screen(self, fd):
        """Returns true when there may be more."""
        data = self._read(fd)
        if data == b"":
            self._forget(fd)
        self.result.screen = (self.result.screen + (data or b""))[-_SCREEN:]
        return bool(data)

    def _on_input(self, fd):
        data = self._read(fd)
        if data == b"":
            self._forget(fd)
            data = _END_OF_INPUT
        if data:
            self._emulator.write_console(data)

    def _on_console(self, fd):
        """Returns true when there may be more."""
        data = self._read(fd)
        if not data:
            return False
        self.result.console += data
        if self._console:
            self._console(data)
        recent = self.result.console[-len(data) - _PANIC_LINE:]
        if self._panic_seen is None and b"Kernel panic - not syncing" in recent:
            self._panic_seen = time.monotonic()
            self.result.panicked = True
        if b"\n" in recent.partition(b"---[ end Kernel panic")[2]:
            self._done = True
        return True

    def _on_end(self, fd):
        """The emulator is gone; what it left in the lines is still read."""
        self._forget(fd)
        self._drain(self._emulator.port, self._on_port)
        self._drain(self._emulator.console, self._on_console)
        self._drain(self._emulator.screen, self._on_screen)
        self.result.ended = not self.result.complete
        self._done = True

    @staticmethod
    def _drain(fd, handler):
        os.set_blocking(fd, False)
        while handler(fd):
            pass

    def _on_port(self, fd):
        """Returns true when there may be more."""
        data = self._read(fd)
        for kind, content in self._parser.feed(data or b""):
            self._on_frame(kind, content)
        if data == b"":
            self._forget(fd)
        return bool(data)

    def _on_frame(self, kind, content):
        result = self.result
        if kind in self._sinks:
            self._sinks[kind](content)
        elif kind == frame.KLOG:
            own, lines = klog.parse_record(content)
            result.log += lines
            if own:
                result.judged += lines
        elif kind == frame.TAR:
            if self._tar:
                self._tar.write(content)
        elif kind == frame.NOTE:
            name, _, text = content.decode(errors="replace").partition(": ")
            result.notes[name] = text
            if text not in _GOOD_NOTES:
                self._notice(f"{_NOTES.get(name, name)}: {text}")
        elif kind == frame.FAILED:
            result.failed = content.decode(errors="replace")
        elif kind == frame.STATUS:
            result.status = int(content)
        elif kind == frame.HELLO:
            if result.started:
                result.rebooted = self._done = True
            result.started = content == b"run"
        elif kind == frame.END:
            result.complete = self._done = True
