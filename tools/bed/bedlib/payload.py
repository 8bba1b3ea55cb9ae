# SPDX-License-Identifier: GPL-2.0
"""What a run brings along: the module, programs, guests, tests, files, and the request itself.

The request is the file /bed/request: words that end with a NUL, options as "+name", "--", then the
command's words. No command means a shell.
"""

import os
import tempfile
from pathlib import Path

from bedlib import elf
from bedlib.cache import REPO, BedError
from bedlib.archive import Archive

MODULE = REPO / "kev.ko"
_KEVCTL = REPO / "tools/kevctl/kevctl"
_GUESTS = REPO / "guests"
_SELFTESTS = REPO / "selftests"
_EXAMPLES = REPO / "examples"
_BENCH = REPO / "bench/bench"
_SELFTEST_ROOMS = ("uapi", "guest", "fuzzers")
_SEARCH = (REPO / "tools/libkev",)


def _executable(path):
    return path.is_file() and os.access(path, os.X_OK)


def _guests():
    if _GUESTS.is_dir():
        for path in sorted(_GUESTS.iterdir()):
            if not path.suffix and _executable(path) and elf.is_elf(path):
                yield f"/guests/{path.name}", path


def _selftests():
    for room in _SELFTEST_ROOMS:
        for path in sorted((_SELFTESTS / room).rglob("*")):
            if not _executable(path):
                continue
            if path.suffix == ".sh" or (not path.suffix and elf.is_elf(path)):
                yield f"/selftests/{path.relative_to(_SELFTESTS)}", path
    for path in sorted((_SELFTESTS / "lib").glob("*.sh")):
        yield f"/selftests/lib/{path.name}", path
    for path in sorted((_SELFTESTS / "modules").glob("*.ko")):
        yield f"/selftests/modules/{path.name}", path
    for path in sorted((_SELFTESTS / "images").glob("*.img")):
        yield f"/selftests/images/{path.name}", path
    for path in sorted((_SELFTESTS / "fuzzers/corpus").glob("*")):
        yield f"/selftests/fuzzers/corpus/{path.name}", path


def _examples():
    for path in sorted(_EXAMPLES.rglob("*")):
        if path.suffix in (".sh", ".ko") or path.name == "output" or \
                (not path.suffix and _executable(path) and elf.is_elf(path)):
            yield f"/examples/{path.relative_to(_EXAMPLES)}", path


def _defaults():
    if _KEVCTL.exists():
        yield "/bin/kevctl", _KEVCTL
    if _BENCH.exists():
        yield "/bin/bench", _BENCH
    yield from _guests()
    yield from _selftests()
    yield from _examples()


def _wanted(spec):
    """SRC[:DST] as (destination, source)."""
    source, _, target = spec.partition(":")
    path = Path(source)
    if not source or not path.exists():
        raise BedError(f"--file {spec}: no file {source}")
    if not target or target.endswith("/"):
        target = f"{target or '/'}{path.resolve().name}"
    return target, path


def _add_libraries(archive, programs):
    have = set()
    for path in programs:
        for name, source in elf.libraries(path, _SEARCH):
            if name not in have:
                have.add(name)
                archive.file(name, source.resolve(), 0o755)


def _add(archive, name, path, work):
    if path.suffix == ".ko":
        stripped = Path(work) / path.name
        elf.strip_module(path, stripped)
        archive.file(name, stripped, 0o644)
    else:
        archive.tree(name, path)


def _programs_below(path):
    files = path.rglob("*") if path.is_dir() else (path,)
    return [p for p in files if _executable(p) and elf.is_dynamic(p)]


def pack(command, module=None, load=False, files=(), out=False):
    """The bytes of the archive for a run.

    command: its words, none for a shell; module: path of kev.ko or None; load: insert it; files:
    --file options; out: /out is wanted back.
    """
    archive = Archive()
    programs = []
    with tempfile.TemporaryDirectory() as work:
        if module:
            if not Path(module).is_file():
                raise BedError(f"no module {module}")
            _add(archive, "/kev.ko", Path(module), work)
        for name, path in (*_defaults(), *map(_wanted, files)):
            _add(archive, name, path, work)
            programs += _programs_below(path)
    _add_libraries(archive, programs)
    words = ["+module"] * bool(module and load) + ["+out"] * bool(out) + ["--", *command]
    archive.data("/bed/request", b"".join(os.fsencode(w) + b"\0" for w in words))
    return archive.sparse()
