"""The index block of a canonical manifest: where groups of entries begin in it, and which blob each entry's content is.

With it a page of files is read from its own bytes of the manifest and its own keys of the index, whatever the size
of the whole.

Layout, big endian: 4 bytes `RMI1`; u32 entries; u32 entries a group; u32 bytes of the table; the table (u64 offset of
every group and of the end; then for each group u16 length and UTF-8 of its first path); then 16 bytes for each entry:
the blob's key, zeros for a reference.
"""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

GROUP_SIZE = 500
KEY_BYTES = 16
NO_BLOB = bytes(KEY_BYTES)
_MAGIC = b"RMI1"
_HEAD = struct.Struct(">4sIII")
HEAD_BYTES = _HEAD.size


@dataclass(frozen=True, slots=True)
class ManifestIndex:
    """The head and the table of an index block.

    Attributes:
        count: entries of the manifest.
        offsets: where each group begins in the document, and where the last one ends.
        first_paths: of each group.
        keys_at: where in the block the blob keys begin.
    """

    count: int
    group_size: int
    offsets: tuple[int, ...]
    first_paths: tuple[str, ...]
    keys_at: int

    def span_of(self, first_entry: int, end_entry: int) -> tuple[int, int, int]:
        """Where the groups stand that hold these entries.

        Returns:
            Number of the first entry in the first of the groups; the byte range of the groups in the document.
        """
        first, last = first_entry // self.group_size, (end_entry - 1) // self.group_size
        return first * self.group_size, self.offsets[first], self.offsets[last + 1]

    def group_with(self, path: str) -> int | None:
        """The group that holds this path, if any does."""
        group = bisect_right(self.first_paths, path) - 1
        return group if group >= 0 else None

    def keys_span(self, first_entry: int, end_entry: int) -> tuple[int, int]:
        """Byte offset in the block, and length, of these entries' keys."""
        return self.keys_at + first_entry * KEY_BYTES, (end_entry - first_entry) * KEY_BYTES


def pack(offsets: Sequence[int], first_paths: Sequence[str], keys: Sequence[bytes]) -> bytes:
    """The index block.

    Args:
        offsets: of `manifest.written`.
        first_paths: of each group.
        keys: of each entry: 16 bytes, `NO_BLOB` for a reference.
    """
    encoded = [path.encode() for path in first_paths]
    table = struct.pack(f">{len(offsets)}Q", *offsets) + b"".join(
        struct.pack(">H", len(path)) + path for path in encoded
    )
    return b"".join([_HEAD.pack(_MAGIC, len(keys), GROUP_SIZE, len(table)), table, *keys])


def head_size(block: bytes) -> int:
    """How many bytes of the block head and table take, read from its first `HEAD_BYTES`."""
    magic, _, _, table = _HEAD.unpack_from(block)
    if magic != _MAGIC:
        raise AssertionError("the index block of a manifest is damaged")
    return HEAD_BYTES + int(table)


def unpack(block: bytes) -> ManifestIndex:
    """Head and table of a block; what follows may be missing."""
    keys_at = head_size(block)
    _, count, group_size, _ = _HEAD.unpack_from(block)
    groups = -(-count // group_size)
    offsets = struct.unpack_from(f">{groups + 1}Q", block, HEAD_BYTES)
    at = HEAD_BYTES + 8 * (groups + 1)
    first_paths = []
    for _ in range(groups):
        (length,) = struct.unpack_from(">H", block, at)
        first_paths.append(block[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return ManifestIndex(count, group_size, offsets, tuple(first_paths), keys_at)
