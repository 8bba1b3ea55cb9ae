# SPDX-License-Identifier: GPL-2.0
"""A running emulator: its process, and the lines to and from its machine.

    port     bytes that the machine writes to port 0xe9 (frames, see frame.py)
    console  the machine's first serial port, both ways: our end of a pseudo-terminal
    screen   the emulator's own terminal, which nobody reads but somebody must
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import tty

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _new_terminal():
    """A pseudo-terminal that changes no byte: (our end, its end)."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    return ours, theirs


class Emulator:
    """Starts argv in directory; {port} in argv and environment is the port's descriptor."""

    def __init__(self, argv, directory, environment=()):
        self.console, console_end = _new_terminal()
        self.screen, screen_end = _new_terminal()
        self.port, port_end = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.port, fcntl.F_SETPIPE_SZ, 1 << 20)
        # The emulator opens the serial port by name, from a place that the run may choose.
        (directory / "com1").unlink(missing_ok=True)
        (directory / "com1").symlink_to(os.ttyname(console_end))
        # Kept open here as well: a pseudo-terminal without any user reports errors to us.
        self._console_end = console_end
        names = {"port": port_end}
        env = dict(os.environ, TERM="vt100", LC_ALL="C",
                   **{k: v.format(**names) for k, v in dict(environment).items()})
        self.process = subprocess.Popen(
            [a.format(**names) for a in argv], cwd=directory, env=env, stdin=screen_end,
            stdout=screen_end, stderr=screen_end, pass_fds=(port_end,), start_new_session=True,
            preexec_fn=_die_with_parent)
        os.close(screen_end)
        os.close(port_end)
        self.pidfd = os.pidfd_open(self.process.pid)

    def end(self):
        """End it, however it feels about that."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for fd in (self.console, self._console_end, self.screen, self.port, self.pidfd):
            with contextlib.suppress(OSError):
                os.close(fd)

    def ended(self):
        """True when it ended by itself."""
        return self.process.poll() is not None

    def write_console(self, data):
        """Type on the machine's console."""
        while data:
            select.select([], [self.console], [])
            data = data[os.write(self.console, data):]
