"""How what is expected of a blob is written down while its parts are on their way."""

from collections.abc import Mapping
from typing import Any

from registrum.core.errors import Conflict
from registrum.server.blobs.store import Expected


def expected_as_json(expect: Expected) -> dict[str, Any]:
    """Digests as hexadecimal text."""
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in expect._asdict().items()
    }


def expected_of_json(fields: Mapping[str, Any]) -> Expected:
    """Reads `expected_as_json` back."""
    return Expected(_from_hex(fields["md5"]), fields["size_bytes"], _from_hex(fields["xxh128"]))


def other_parts() -> Conflict:
    """The error where an upload is begun once more, and not as the first time."""
    return Conflict("The upload of this file was begun with other parts.")


def _from_hex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
