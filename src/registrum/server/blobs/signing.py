"""Signed URLs of the server's own byte routes: what one allows, how it is written, and how it is checked.

A URL says what may be done with one blob until when: `/blobs/<blob id>/<file name>?e=…&s=…`.
Everything in it is covered by an HMAC-SHA256, so that the byte routes need neither credentials nor
the database to know what they may do. The file name is decoration, kept at the end because some
clients look for it there. Signed URLs are secrets: they are never logged.
"""

import binascii
import hmac
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from registrum.core.errors import SignatureInvalid
from registrum.server.blobs.store import BlobKey, Expected

GET_LASTS_S = 3600
PUT_LASTS_S = 24 * 3600
PREFIX = "/blobs/"

Method = Literal["GET", "PUT"]
Disposition = Literal["attachment", "inline"]
_SECRET_MIN_BYTES = 16
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")  # What quoting leaves as it is; most names.
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Claims(NamedTuple):
    """What the holder of a signed URL may do.

    Attributes:
        method: GET allows HEAD as well.
        filename: shown to people who save the file; last in the path.
        expires_at: seconds since the epoch.
        size_bytes: of the blob; for PUT, none where any size may come.
        md5: raw; the ETag of a GET, what a PUT has to bring.
        upload_id, part: a part of an upload in parts, instead of the whole.
    """

    method: Method
    key: BlobKey
    filename: str
    expires_at: int
    size_bytes: int | None = None
    md5: bytes | None = None
    xxh128: bytes | None = None
    content_type: str | None = None
    disposition: Disposition = "attachment"
    upload_id: str | None = None
    part: int | None = None

    @property
    def expected(self) -> Expected:
        """What the body of a PUT has to be."""
        return Expected(self.md5, self.size_bytes, self.xxh128)


class Signer:
    """Signs claims and reads them back; the first secret signs, all of them verify, so that they can be rotated."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or any(len(secret) < _SECRET_MIN_BYTES for secret in secrets):
            raise ValueError(f"signing needs secrets of at least {_SECRET_MIN_BYTES} bytes")
        # A key of its own for URLs: the same secret also guards API keys and sessions.
        own = [hmac.digest(secret, b"registrum signed url v1", "sha256") for secret in secrets]
        # Keyed once and copied for each use: setting up the key costs more than the message.
        self._macs = [hmac.new(key, digestmod="sha256") for key in own]

    def path(self, claims: Claims) -> str:
        """Path and query of the signed URL."""
        return self.address(claims.method, claims.key.text, claims.filename, _query(claims))

    def address(self, method: Method, key: str, filename: str, query: str) -> str:
        """The same where the query that says the rest of the claims is written already."""
        signature = _sign(self._macs[0], method, key, filename, query)
        return f"{PREFIX}{key}/{_quoted(filename)}?{query}&s={signature}"

    def read(self, method: Method, key: BlobKey, filename: str, query: str) -> Claims:
        """The claims of a URL that came in.

        Args:
            method: what is asked; HEAD counts as GET.
            key: the blob named in the path.
            filename: the rest of the path, decoded.
            query: the query string as it came.

        Raises:
            SignatureInvalid: missing, altered, for something else, or expired.
        """
        signed, _, signature = query.rpartition("&s=")
        if not signed or not signature.isascii():
            raise SignatureInvalid("This address is not signed.")
        for mac in self._macs:
            if hmac.compare_digest(_sign(mac, method, key.text, filename, signed), signature):
                break
        else:
            raise SignatureInvalid("The signature of this address is wrong.")
        claims = _parse(method, key, filename, signed)
        if claims.expires_at < time.time():
            raise SignatureInvalid("This address has expired; ask for a new one.")
        return claims


@dataclass(frozen=True, slots=True)
class Urls:
    """Signed addresses below one base URL, such as `https://registry.example.org` or one with a path prefix.

    Attributes:
        get_lasts_s, put_lasts_s: for how many seconds one is good to read from, and to put to, where nothing else is said.
    """

    base_url: str
    signer: Signer
    get_lasts_s: int = GET_LASTS_S
    put_lasts_s: int = PUT_LASTS_S

    def get_blob(
        self,
        key: BlobKey,
        filename: str,
        size_bytes: int,
        *,
        md5: bytes | None = None,
        content_type: str | None = None,
        disposition: Disposition = "attachment",
        lasts_s: int | None = None,
    ) -> str:
        """Where the blob can be read, from now for `lasts_s` seconds."""
        # Written at once and not by way of claims: a page of files has thousands of them.
        query = f"e={_from_now(self.get_lasts_s if lasts_s is None else lasts_s)}&n={size_bytes}"
        if md5 is not None:
            query += f"&m={_pack(md5)}"
        if content_type is not None:
            query += _type_of(content_type)
        if disposition != "attachment":
            query += f"&d={disposition}"
        return self._below(self.signer.address("GET", key.text, _last_segment(filename), query))

    def put_blob(
        self, key: BlobKey, filename: str, expect: Expected, *, lasts_s: int | None = None
    ) -> str:
        """Where the blob can be put, for `lasts_s` seconds and as often as it takes."""
        query = _put_query(_from_now(self.put_lasts_s if lasts_s is None else lasts_s), expect)
        return self._below(self.signer.address("PUT", key.text, _last_segment(filename), query))

    def put_part(self, key: BlobKey, upload_id: str, part: int, md5: bytes) -> str:
        """Where one part of an upload in parts can be put."""
        expires_at = _from_now(self.put_lasts_s)
        claims = Claims(
            "PUT", key, f"part-{part}", expires_at, md5=md5, upload_id=upload_id, part=part
        )
        return self._below(self.signer.path(claims))

    def _below(self, path: str) -> str:
        base_url = self.base_url
        return (base_url.rstrip("/") if base_url.endswith("/") else base_url) + path


def _from_now(seconds: int) -> int:
    return int(time.time()) + seconds


def content_disposition(disposition: Disposition, filename: str) -> str:
    """The header of RFC 6266: a name in ASCII for old readers, and the true one where that differs."""
    plain = "".join(
        char if " " <= char <= "~" and char not in '"\\%/' else "_" for char in filename
    )
    value = f'{disposition}; filename="{plain}"'
    if plain != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return value


def _quoted(filename: str) -> str:
    return filename if _PLAIN.fullmatch(filename) else quote(filename, safe="")


def _sign(keyed: hmac.HMAC, method: str, key: str, filename: str, query: str) -> str:
    # A newline can't stand in a key or a query, and comes last of what may hold one.
    mac = keyed.copy()
    mac.update(f"{method}\n{key}\n{query}\n{filename}".encode("utf-8", "surrogatepass"))
    return _pack(mac.digest())


def _put_query(expires_at: int, expect: Expected) -> str:
    query = f"e={expires_at}"
    if expect.size_bytes is not None:
        query += f"&n={expect.size_bytes}"
    if expect.md5 is not None:
        query += f"&m={_pack(expect.md5)}"
    if expect.xxh128 is not None:
        query += f"&x={_pack(expect.xxh128)}"
    return query


def _shown(content_type: str | None, disposition: Disposition) -> str:
    """What an address says of how its blob is shown, which goes behind the rest."""
    query = "" if content_type is None else _type_of(content_type)
    return query if disposition == "attachment" else f"{query}&d={disposition}"


def _query(claims: Claims) -> str:
    query = _put_query(claims.expires_at, claims.expected)
    query += _shown(claims.content_type, claims.disposition)
    if claims.upload_id is not None:
        query += f"&u={quote(claims.upload_id, safe='')}&p={claims.part}"
    return query


@lru_cache(1024)
def _type_of(content_type: str) -> str:
    return f"&t={quote(content_type, safe='')}"


def _parse(method: Method, key: BlobKey, filename: str, query: str) -> Claims:
    """Reads what this server itself has written and signed, so that it need not be doubted again."""
    fields = dict(pair.split("=", 1) for pair in query.split("&"))
    content_type, upload_id = fields.get("t"), fields.get("u")
    return Claims(
        method,
        key,
        filename,
        int(fields["e"]),
        int(fields["n"]) if "n" in fields else None,
        _unpack(fields.get("m")),
        _unpack(fields.get("x")),
        None if content_type is None else unquote(content_type),
        "inline" if fields.get("d") == "inline" else "attachment",
        None if upload_id is None else unquote(upload_id),
        int(fields["p"]) if "p" in fields else None,
    )


def _pack(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).translate(_URL_SAFE, b"=").decode()


def _unpack(text: str | None) -> bytes | None:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if text is not None else None


def _last_segment(filename: str) -> str:
    name = filename.rpartition("/")[2]
    if not name.isascii():
        name = name.encode("utf-8", "replace").decode()
    # Clients resolve dots in a path before they send it.
    return "file" if name in ("", ".", "..") else name
