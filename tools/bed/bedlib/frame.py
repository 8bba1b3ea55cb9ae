# SPDX-License-Identifier: GPL-2.0
"""The channel from the machine: frames of "KB", a type, a zero, a length of 4 bytes, then bytes.

The types are those of guest/agent.h; NOTE comes from the library in Bochs (bochs/bed.h).
"""

import struct

HELLO = "H"
STDOUT = "O"
STDERR = "E"
KLOG = "K"
TAR = "T"
FAILED = "F"
STATUS = "X"
END = "Z"
NOTE = "N"

_HEAD = struct.Struct("<2scxI")


class Parser:
    """Bytes in, frames out."""

    def __init__(self):
        self._data = bytearray()

    def feed(self, data):
        """Yield (type, bytes) for each frame that is complete now. Noise between them is skipped."""
        self._data += data
        while True:
            start = self._data.find(b"KB")
            if start < 0:
                del self._data[:-1]
                return
            del self._data[:start]
            if len(self._data) < _HEAD.size:
                return
            _, kind, length = _HEAD.unpack_from(self._data)
            end = _HEAD.size + length
            if len(self._data) < end:
                return
            content = bytes(self._data[_HEAD.size:end])
            del self._data[:end]
            yield kind.decode("latin-1"), content
