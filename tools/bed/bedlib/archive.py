# SPDX-License-Identifier: GPL-2.0
"""A set of files for the machine, and the two forms in which it gets there.

newc() is cpio's format of that name, which an initramfs is made of. sparse() is the bed's own, for
the agent: it leaves out what is zero, so that a guest image with a large hole costs nothing. It
holds records of 8-byte words: "BEDF", mode (4 bytes each), size of the file, length of the name,
number of chunks; the name with a NUL; then for each chunk its offset, its length and its bytes.
Name and bytes are padded to 8. A record with an empty name ends it. (guest/payload.c reads it.)

All files belong to root.
"""

import os
import stat
import struct

_BLOCK = 4096
_ZERO = bytes(_BLOCK)


class Archive:
    """Files in the making. Parent directories come by themselves; later entries win."""

    def __init__(self):
        self._entries = {}

    def directory(self, name, mode=0o755):
        """Add a directory."""
        self._put(name, stat.S_IFDIR | mode, b"")

    def data(self, name, content, mode=0o644):
        """Add a file with this content."""
        self._put(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        """Add a symbolic link."""
        self._put(name, stat.S_IFLNK | 0o777, os.fsencode(target))

    def file(self, name, source, mode=None):
        """Add a copy of a file."""
        if mode is None:
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
        with open(source, "rb") as f:
            self.data(name, f.read(), mode)

    def tree(self, name, source):
        """Add a file, or a directory with everything below it."""
        if not os.path.isdir(source):
            self.file(name, source)
            return
        self.directory(name)
        for entry in sorted(os.listdir(source)):
            path = os.path.join(source, entry)
            if os.path.islink(path):
                self.link(f"{name}/{entry}", os.readlink(path))
            else:
                self.tree(f"{name}/{entry}", path)

    def _put(self, name, mode, content):
        name = os.path.normpath("/" + str(name)).lstrip("/")
        parent = os.path.dirname(name)
        if parent and parent not in self._entries:
            self.directory(parent)
        self._entries[name] = (mode, content)

    def newc(self):
        """As a cpio archive."""
        out = bytearray()
        for number, (name, (mode, content)) in enumerate(self._entries.items(), 1):
            _newc_entry(out, number, name, mode, content)
        _newc_entry(out, 0, "TRAILER!!!", 0, b"")
        return bytes(out)

    def sparse(self):
        """As an archive for the agent."""
        out = bytearray()
        for name, (mode, content) in self._entries.items():
            _sparse_entry(out, name, mode, content)
        _sparse_entry(out, "", 0, b"")
        return bytes(out)


def _pad(out, alignment):
    out += bytes(-len(out) % alignment)


def _newc_entry(out, number, name, mode, content):
    name = os.fsencode(name) + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
    _pad(out, 4)
    out += content
    _pad(out, 4)


def _sparse_entry(out, name, mode, content):
    name = os.fsencode(name) + b"\0"
    chunks = _chunks(content)
    out += struct.pack("<4sIQQQ", b"BEDF", mode, len(content), len(name) - 1, len(chunks)) + name
    _pad(out, 8)
    for start, end in chunks:
        out += struct.pack("<QQ", start, end - start)
        out += content[start:end]
        _pad(out, 8)


def _chunks(content):
    """The parts of content that have blocks which are not zero: [(start, end)]."""
    found = []
    for start in range(0, len(content), _BLOCK):
        block = content[start:start + _BLOCK]
        if block == _ZERO[:len(block)]:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], start + len(block))
        else:
            found.append((start, start + len(block)))
    return found
