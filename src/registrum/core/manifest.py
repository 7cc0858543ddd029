"""Manifests: the list of an artifact's files and references, as clients upload it and as the server keeps it.

What comes in is read strictly and never trusted. What is kept is *canonical*: entries sorted by path, without the
fields that only meant something on the client's machine, and written so that any run of entries can be read alone
(`core/manifest_pages.py`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from registrum.core.digests import Algorithm
from registrum.core.errors import Invalid, InvalidName, TooLarge, Unprocessable

NAME = "wandb_manifest.json"
MAX_MANIFEST_BYTES = 512 << 20
MAX_ENTRIES = 1_000_000
_SMALL_BYTES = 32 << 20
MAX_PATH = 4096
MAX_REFERENCE = 8192
_HEADER = b"wandb-artifact-manifest-v1\n"
_STORAGE_POLICY = "wandb-storage-policy-v1"
# What a manifest says about how bytes are laid out is the server's own business; there is one layout.
_PREFIX = (
    b'{"version":1,"storagePolicy":"wandb-storage-policy-v1",'
    b'"storagePolicyConfig":{"storageLayout":"V2"},"contents":{'
)
_SUFFIX = b"}}"


class Entry(NamedTuple):
    """A file or a reference of an artifact.

    Attributes:
        path: within the artifact, with `/` between folders.
        digest: of a file base64; of a reference whatever its client took.
        size_bytes: of the content; 0 for a reference of unknown size.
        ref: the URI of a reference; None for a file.
        birth_artifact: global id of the artifact it was first uploaded for.
        extra: the client's own remarks.
    """

    path: str
    digest: str
    size_bytes: int
    ref: str | None = None
    birth_artifact: str | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def algorithm(self) -> Algorithm:
        """By which a file's digest is computed."""
        alg = self.extra.get("alg") if self.extra else None
        return Algorithm.XXH128 if alg == "XXH128" else Algorithm.MD5

    def document(self) -> dict[str, Any]:
        """As it stands in the canonical manifest."""
        found: dict[str, Any] = {"digest": self.digest, "size": self.size_bytes}
        if self.birth_artifact:
            found["birthArtifactID"] = self.birth_artifact
        if self.ref is not None:
            found["ref"] = self.ref
        if self.extra:
            found["extra"] = dict(self.extra)
        return found


@dataclass(frozen=True, slots=True)
class Manifest:
    """Entries sorted by path."""

    entries: tuple[Entry, ...]

    @property
    def size_bytes(self) -> int:
        """Sum over all entries, references included."""
        return sum(entry.size_bytes for entry in self.entries)

    def identity(self) -> bytes:
        """The bytes whose digest is the artifact's digest."""
        lines = "".join([f"{entry.path}:{entry.digest}\n" for entry in self.entries])
        return _HEADER + lines.encode()


def check_path(path: str) -> str:
    """The path of a file in an artifact: relative, without `.` and `..`, at most 4,096 characters.

    Raises:
        InvalidName: it is none.
    """
    if not path or len(path) > MAX_PATH:
        raise InvalidName(
            f"The path of a file has 1 to {MAX_PATH} characters; this one has {len(path)}."
        )
    if "\x00" in path or not _is_unicode(path):
        raise InvalidName(f"The path of a file cannot contain such characters: {path[:200]!r}.")
    # Few paths have a part that begins with a dot, and only those are taken apart.
    if path[0] == "/" or ("/." in f"/{path}" and not {"..", "."}.isdisjoint(path.split("/"))):
        raise InvalidName(f"The path of a file must stay within its artifact: {path[:200]!r}.")
    return path


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(content: bytes, read_json: Callable[[bytes], Any] = json.loads) -> Manifest:
    """Reads a manifest that a client uploaded.

    Args:
        read_json: gives the same as `json.loads`, or raises as it does.

    Raises:
        Invalid: it is no manifest of version 1, or one of its entries is malformed; the message names it.
        TooLarge: more entries than a manifest may have.
        Unprocessable: it asks for a storage that this server does not have.
    """
    if len(content) > _SMALL_BYTES:
        # What no million of entries needs would only fill the memory.
        if content.count(b"{") + content.count(b"[") > 4 * MAX_ENTRIES:
            raise TooLarge("The manifest has too many lists and objects.")
        if content.count(b",") > 16 * MAX_ENTRIES:
            raise TooLarge("The manifest has too many values.")
    try:
        document = read_json(content)
    except (ValueError, RecursionError):
        raise Invalid("The manifest is not valid JSON.") from None
    if not isinstance(document, dict) or type(document.get("version")) is not int:
        raise Invalid("The manifest has no version.")
    if document["version"] != 1:
        raise Invalid(f"The manifest is of version {document['version']}; only 1 is known here.")
    _check_storage(document)
    contents = document.get("contents")
    if not isinstance(contents, dict):
        raise Invalid("The manifest has no contents.")
    if len(contents) > MAX_ENTRIES:
        raise TooLarge(f"A manifest may have at most {MAX_ENTRIES} entries.")
    return Manifest(tuple(_entry(path, contents[path]) for path in sorted(contents)))


def _check_storage(document: Mapping[str, Any]) -> None:
    policy = document.get("storagePolicy", _STORAGE_POLICY)
    config = document.get("storagePolicyConfig") or {}
    if policy != _STORAGE_POLICY or not isinstance(config, dict):
        raise Unprocessable(f"There is no storage policy {str(policy)[:80]!r} here.")
    check_region(config.get("storageRegion"))


def check_region(region: Any) -> None:
    """This server has one place for bytes, called "default".

    Raises:
        Unprocessable: another one is asked for; the message names it.
    """
    if region not in (None, "", "default"):
        raise Unprocessable(f"There is no storage region {str(region)[:80]!r} here.")


def _entry(path: str, found: Any) -> Entry:
    check_path(path)
    if not isinstance(found, dict):
        raise _malformed(path, "it is not an object")
    digest, size, ref = found.get("digest"), found.get("size"), found.get("ref")
    birth, extra = found.get("birthArtifactID"), found.get("extra")
    if not isinstance(digest, str) or len(digest) > MAX_REFERENCE or not _is_unicode(digest):
        raise _malformed(path, "its digest is not a text")
    if ref is not None:
        if not isinstance(ref, str) or len(ref) > MAX_REFERENCE or not _is_unicode(ref):
            raise _malformed(path, f"its reference is not a text of at most {MAX_REFERENCE}")
        size = 0 if size is None else size
    if type(size) is not int or not 0 <= size < 1 << 62:
        raise _malformed(path, "its size is not a number of bytes")
    if birth is not None and (not isinstance(birth, str) or len(birth) > 256):
        raise _malformed(path, "its birthArtifactID is not an id")
    if extra is not None and not isinstance(extra, dict):
        raise _malformed(path, "its extra is not an object")
    return Entry(path, digest, size, ref, birth or None, extra or None)


def _malformed(path: str, why: str) -> Invalid:
    return Invalid(f"The manifest's entry {path[:200]!r} is malformed: {why}.")


def entries_of(contents: Mapping[str, Any]) -> Iterator[Entry]:
    """The entries of a part of a canonical manifest, which needs no checking."""
    for path, found in contents.items():
        yield Entry(
            path,
            found["digest"],
            found["size"],
            found.get("ref"),
            found.get("birthArtifactID"),
            found.get("extra"),
        )


def written(entries: Iterable[Entry], group_size: int) -> tuple[bytes, list[int]]:
    """The canonical manifest.

    Args:
        entries: sorted by path.
        group_size: how many entries stand between two offsets.

    Returns:
        The document, and the byte offset of each group, the end of the last one behind them.

    Raises:
        Invalid: an entry has in it what Python reads and JSON has no word for.
    """
    entries = list(entries)
    parts, offsets, at = [_PREFIX], [], len(_PREFIX)
    for start in range(0, len(entries), group_size):
        group = {e.path: e.document() for e in entries[start : start + group_size]}
        text = _json(group)[1:-1]
        part = text if start == 0 else b"," + text
        offsets.append(at + (start > 0))
        parts.append(part)
        at += len(part)
    parts.append(_SUFFIX)
    return b"".join(parts), [*offsets, at]


def _json(group: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(group, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (ValueError, RecursionError):
        raise Invalid(
            "The manifest is not valid JSON: it has half a character, a number that is none, or is nested too deeply."
        ) from None
