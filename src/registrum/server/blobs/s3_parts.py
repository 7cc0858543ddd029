"""S3's own calls for uploads in parts, which obstore keeps to itself: begin, put, list, complete, abort."""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Self

import urllib3

from registrum.core.errors import NotFound, Unavailable
from registrum.server.blobs.plans import expected_as_json, expected_of_json
from registrum.server.blobs.sigv4 import Presigner, Verb
from registrum.server.blobs.store import BlobKey, Expected

_SOON = timedelta(minutes=15)
_LONG = timedelta(days=1)
_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_PARTS_A_PAGE = 1000
_MOST_KNOWN = 32
_CONNECT_S = 10.0
_ANSWER_S = 300.0
"""How long S3 may say nothing: joining thousands of parts takes it minutes."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What was announced of an upload in parts, and S3's own id of it."""

    upload_id: str
    part_md5s: tuple[bytes, ...]
    expect: Expected

    def part_md5(self, number: int) -> bytes:
        """The digest that a part must have.

        Raises:
            NotFound: there is no part of that number.
        """
        if not 1 <= number <= len(self.part_md5s):
            raise NotFound(f"The upload has parts 1 to {len(self.part_md5s)}, not {number}.")
        return self.part_md5s[number - 1]

    def document(self) -> bytes:
        """As it is kept beside the blobs."""
        return json.dumps(
            {
                "upload_id": self.upload_id,
                "part_md5s": [md5.hex() for md5 in self.part_md5s],
                "expect": expected_as_json(self.expect),
            }
        ).encode()

    @classmethod
    def of(cls, document: bytes) -> Self:
        """Reads `document` back."""
        fields = json.loads(document)
        return cls(
            fields["upload_id"],
            tuple(bytes.fromhex(md5) for md5 in fields["part_md5s"]),
            expected_of_json(fields["expect"]),
        )


class KnownUploads:
    """The uploads that this process has seen last, so that signing thousands of parts asks S3 only once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[BlobKey, Upload] = OrderedDict()

    def add(self, key: BlobKey, upload: Upload) -> None:
        """Remembers one, and forgets the oldest of many."""
        with self._lock:
            self._known[key] = upload
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def get(self, key: BlobKey) -> Upload | None:
        """One that is remembered."""
        with self._lock:
            return self._known.get(key)

    def drop(self, key: BlobKey) -> None:
        """Forgets one."""
        with self._lock:
            self._known.pop(key, None)


class PartCalls:
    """Blocking calls against one bucket."""

    def __init__(self, presigner: Presigner) -> None:
        self._presigner = presigner
        self._http = urllib3.PoolManager(
            maxsize=8,
            retries=urllib3.Retry(3, status_forcelist=[500, 502, 503], backoff_factor=0.2),
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_ANSWER_S),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.clear()

    def begin(self, key: str) -> str:
        """Opens an upload and returns S3's id of it."""
        return _first("UploadId", self._ask("POST", key, {"uploads": ""}))

    def put(self, key: str, upload: str, number: int, content: bytes, md5: str) -> None:
        """Sends one part; `md5` is its base64 digest, which S3 compares."""
        query = {"partNumber": str(number), "uploadId": upload}
        self._ask("PUT", key, query, content, {"Content-MD5": md5})

    def part_address(self, key: str, upload: str, number: int, md5: str) -> str:
        """Where a part of that digest can be put, with the digest as a header."""
        query = {"partNumber": str(number), "uploadId": upload}
        return self._presigner.url("PUT", key, _LONG, query=query, headers={"Content-MD5": md5})

    def landed(self, key: str, upload: str) -> dict[int, str]:
        """The ETag of every part that is there."""
        found: dict[int, str] = {}
        while True:
            marker = {"part-number-marker": str(max(found))} if found else {}
            page = self._ask("GET", key, {"uploadId": upload, **marker})
            parts = _PART.findall(page)
            for part in parts:
                found[int(_first("PartNumber", part))] = _first("ETag", part).strip('"')
            if len(parts) < _PARTS_A_PAGE and "<IsTruncated>true" not in page:
                return found

    def complete(self, key: str, upload: str, etags: Sequence[str]) -> None:
        """Makes the object of its parts."""
        parts = "".join(
            f'<Part><PartNumber>{at}</PartNumber><ETag>"{etag}"</ETag></Part>'
            for at, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._ask("POST", key, {"uploadId": upload}, body)
        if "<Error>" in answer:
            raise Unavailable(f"S3 could not join the parts: {_first('Message', answer)}")

    def abort(self, key: str, upload: str) -> None:
        """Drops an upload; one that is absent is fine."""
        try:
            self._ask("DELETE", key, {"uploadId": upload})
        except NotFound:
            return

    def _ask(
        self,
        verb: Verb,
        key: str,
        query: Mapping[str, str],
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        url = self._presigner.url(verb, key, _SOON, query=query, headers=headers)
        try:
            answer = self._http.request(verb, url, body=body, headers=dict(headers or {}))
        except urllib3.exceptions.HTTPError as error:
            # Not the error's text, which has the signed address in it.
            raise Unavailable(f"S3 can't be reached ({type(error).__name__}).") from None
        text = answer.data.decode("utf-8", "replace")
        check_answer(answer.status, text)
        return text


def check_answer(status: int, text: str) -> None:
    """Does nothing where a call has succeeded.

    Raises:
        NotFound: there is no such upload.
        Unavailable: S3 refuses, for the reason that it names.
    """
    if status == 404:
        raise NotFound("S3 has no such upload in parts.")
    if status >= 300:
        raise Unavailable(f"S3 answered {status}: {_first('Code', text) or 'no reason'}.")


def _first(tag: str, text: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return unescape(found.group(1)) if found else ""
