"""Copies of files that share their blocks with the original, where the file system can do that (Btrfs, XFS, bcachefs, APFS)."""

import os
import shutil
import struct

try:
    import fcntl
except ImportError:  # Windows shares no blocks this way.
    fcntl = None  # type: ignore[assignment]

READ_ONLY = 0o444
_FICLONE = 0x40049409
_FICLONERANGE = 0x4020940D


def share_range(source: int, target: int, offset: int, count: int) -> bool:
    """Lets a file, given by its descriptor, have the blocks of another one from an offset on; whether that was possible.

    Args:
        source: descriptor of the file to share, from its beginning.
        target: descriptor of the file that gets them.
        offset: in the target; a multiple of the block size.
        count: bytes to share; a multiple of the block size as well.
    """
    if fcntl is None or not count:
        return False
    asked = struct.pack("qQQQ", source, 0, count, offset)
    try:
        fcntl.ioctl(target, _FICLONERANGE, asked)
    except OSError:
        return False
    return True


def copy(source: str, target: str) -> None:
    """Copies a file to a path where none is, sharing blocks where that is possible.

    Raises:
        OSError: it can't be read, or there is no room.
    """
    with open(source, "rb", buffering=0) as old, open(target, "xb", buffering=0) as new:
        if not _clone(old.fileno(), new.fileno()):
            _copy_bytes(old.fileno(), new.fileno())


def link(source: str, target: str) -> None:
    """Makes a file appear at a path where none is, without its bytes anew: sharing blocks, else as a hard link to be read only.

    Where neither is possible, it is copied.

    Raises:
        OSError: it can't be read, or there is no room.
    """
    with open(source, "rb", buffering=0) as old:
        with open(target, "xb", buffering=0) as new:
            if _clone(old.fileno(), new.fileno()):
                return
        os.unlink(target)
        try:
            os.link(source, target)
        except OSError:
            copy(source, target)
        else:
            os.chmod(target, READ_ONLY)


def _clone(source: int, target: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, target: int) -> None:
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source, target, 1 << 30):
                pass
        except OSError:
            pass  # Not between these file systems: the rest goes by hand.
        else:
            return
    with open(source, "rb", closefd=False) as old, open(target, "wb", closefd=False) as new:
        shutil.copyfileobj(old, new, 1 << 20)
