# SPDX-License-Identifier: GPL-2.0
"""Bring back what the command left under /out."""

import os
import shutil
import tarfile
from pathlib import Path

from bedlib.cache import BedError


def extract(archive, directory):
    """Unpack a tar archive (an open file) into directory: files, directories, symbolic links.

    The machine's word is not taken for names: nothing is written outside of directory.
    """
    top = Path(directory).resolve()
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for member in tar:
                _extract_member(tar, member, top)
    except (tarfile.TarError, OSError) as error:
        raise BedError(f"bringing back /out: {error}") from None


def _extract_member(tar, member, top):
    parts = [p for p in member.name.split("/") if p not in ("", ".")]
    if ".." in parts:
        raise BedError(f"bringing back /out: bad name {member.name}")
    if not parts:
        return
    target = top.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(top):
        raise BedError(f"bringing back /out: {member.name} leads out of it")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if target.is_symlink() or target.is_file():
        target.unlink()
    if member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        linked = (top / member.linkname).parent.resolve()
        if ".." in Path(member.linkname).parts or not linked.is_relative_to(top):
            raise BedError(f"bringing back /out: {member.name} is linked to what is not in it")
        os.link(top / member.linkname, target, follow_symlinks=False)
    elif member.isfile():
        with open(target, "wb") as f:
            shutil.copyfileobj(tar.extractfile(member), f)
        target.chmod(member.mode & 0o755 | 0o600)
