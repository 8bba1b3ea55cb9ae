# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how they get there: whole, and once."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BED = Path(__file__).resolve().parent.parent
REPO = BED.parent.parent
CACHE = Path(os.environ.get("KEV_CACHE") or Path.home() / ".cache/kev").resolve()


class BedError(Exception):
    """The bed itself failed (exit status 125); the text says where."""


def digest(*parts):
    """A short name for everything that went into a thing: texts, bytes, and paths of files."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = hashlib.sha256(part.read_bytes()).digest()
        elif isinstance(part, bytes):
            data = part
        else:
            data = str(part).encode()
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:20]


@contextlib.contextmanager
def locked(path, wait=True):
    """Hold the lock of the file at path; without wait, BlockingIOError says that it is taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _build_lock(kind, name):
    # A few locks that stay for ever: removing a lock file that somebody waits for breaks it.
    return CACHE / "locks" / f"{kind}.{int(digest(name), 16) % 16}"


def build_once(kind, name, build, keep=16):
    """The directory CACHE/kind/name, made by build(directory) if it is not there yet.

    It appears under its name only when complete. Of each kind the keep last used are kept.
    """
    final = CACHE / kind / name
    if not final.exists():
        with locked(_build_lock(kind, name)):
            if not final.exists():
                _build(final, build)
        _prune(kind, keep)
    with contextlib.suppress(OSError):
        os.utime(final)
    return final


def _build(final, build):
    final.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{final.name}.tmp.", dir=final.parent))
    try:
        work.chmod(0o755)
        build(work)
        work.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def discard(final):
    """Remove what build_once() has made; nobody sees a part of it under its name."""
    away = final.with_name(f"{final.name}.tmp.{os.getpid()}")
    with contextlib.suppress(OSError):
        final.rename(away)
    shutil.rmtree(away, ignore_errors=True)


def _last_used(path):
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        # Another run has just removed it.
        return 0


def _prune(kind, keep):
    """Remove what was not used for long, and what somebody began and never finished."""
    whole, begun = [], []
    for path in (CACHE / kind).iterdir():
        (begun if ".tmp." in path.name else whole).append(path)
    whole.sort(key=_last_used, reverse=True)
    for path in whole[keep:]:
        discard(path)
    for path in begun:
        with contextlib.suppress(BlockingIOError):
            with locked(_build_lock(kind, path.name.partition(".tmp.")[0]), wait=False):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def run_directory():
    """A directory for one run; it goes away with the run, or with the next one if we are killed."""
    base = CACHE / "run"
    base.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with locked(CACHE / "locks/run"):
            for old in base.iterdir():
                with contextlib.suppress(OSError), _held(old):
                    shutil.rmtree(old, ignore_errors=True)
            path = Path(tempfile.mkdtemp(prefix="run.", dir=base))
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            stack.enter_context(_held(path))
        yield path


@contextlib.contextmanager
def _held(directory):
    """Hold the lock of a directory, which says that its run is alive."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def command(*argv, **kwargs):
    """Run a tool; a failure is the bed's."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=kwargs.pop("stdin", subprocess.DEVNULL), check=False, **kwargs)
    except FileNotFoundError:
        raise BedError(f"{argv[0]} is not there: run tools/bed/bed setup") from None
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip()
        raise BedError(f"{' '.join(argv)}: {text or f'status {done.returncode}'}")
    return done.stdout
