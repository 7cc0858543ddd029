"""Bodies on their way to S3: checked while they pass, never completed if they are wrong, nowhere in memory as a whole."""

import asyncio
import hashlib
import http.client
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import Executor
from urllib.parse import urlsplit

from registrum.core.errors import Invalid, Unavailable
from registrum.server.blobs.s3_parts import check_answer
from registrum.server.blobs.store import Digester, Expected, StoredBlob
from registrum.server.blobs.streams import Buffers, pour

_PATIENCE_S = 60.0


class Checked:
    """A body that fails where it ends when it is not what was expected, so that S3 never completes it."""

    def __init__(self, head: Iterable[bytes], rest: AsyncIterator[bytes], expect: Expected) -> None:
        self.failure: BaseException | None = None
        self._head = head
        self._rest = rest
        self._expect = expect
        self._digester = Digester(with_xxh128=expect.xxh128 is not None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body."""
        try:
            for chunk in self._head:
                self._digester.update(chunk)
                yield chunk
            async for chunk in self._rest:
                await asyncio.to_thread(self._digester.update, chunk)
                yield chunk
            self._expect.check(self._digester.result())
        except BaseException as failure:
            self.failure = failure
            raise

    def found(self) -> StoredBlob:
        """What it was."""
        return self._digester.result()


async def send_part(
    url: str,
    headers: Mapping[str, str],
    size_bytes: int,
    md5: bytes,
    chunks: AsyncIterator[bytes],
    *,
    buffers: Buffers,
    pool: Executor,
) -> None:
    """Puts a part as it comes, and completes it only if it is what was announced.

    Args:
        url, headers: signed.
        size_bytes: of the part; at least one.

    Raises:
        Invalid, DigestMismatch: it is not; S3 keeps nothing.
        NotFound: S3 has no such upload (any more).
        Unavailable: S3 can't be reached, or refuses the part.
    """
    sender, found = _Sender(url, headers, size_bytes), hashlib.md5(usedforsecurity=False)
    try:
        await pour(chunks, (sender.write, found.update), buffers, pool)
        Expected(md5, size_bytes).check(StoredBlob(sender.taken_bytes, found.digest()))
        await asyncio.get_running_loop().run_in_executor(pool, sender.finish)
    finally:
        sender.close()


class _Sender:
    """A PUT under way, whose last byte is held back until the part has been checked. Methods block."""

    def __init__(self, url: str, headers: Mapping[str, str], size_bytes: int) -> None:
        parts = urlsplit(url)
        is_plain = parts.scheme == "http"
        kind = http.client.HTTPConnection if is_plain else http.client.HTTPSConnection
        self._connection = kind(parts.netloc, timeout=_PATIENCE_S)
        self._target = f"{parts.path}?{parts.query}"
        self._headers = {**headers, "Content-Length": str(size_bytes)}
        self._size = size_bytes
        self._last = b""
        self.taken_bytes = 0

    def write(self, block: memoryview) -> None:
        """Sends what comes next of the part."""
        if self.taken_bytes + len(block) > self._size:
            raise Invalid(f"The part has more than the {self._size} bytes announced.")
        try:
            if not self.taken_bytes:
                self._begin()
            self.taken_bytes += len(block)
            if self.taken_bytes == self._size:
                self._last = bytes(block[-1:])
                block = block[:-1]
            self._connection.send(block)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(error) from None

    def finish(self) -> None:
        """Sends the last byte and waits for the answer."""
        try:
            self._connection.send(self._last)
            answer = self._connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(error) from None
        check_answer(answer.status, text)

    def close(self) -> None:
        """Hangs up; of a part that was not finished S3 keeps nothing."""
        self._connection.close()

    def _begin(self) -> None:
        self._connection.putrequest("PUT", self._target, skip_accept_encoding=True)
        for name, value in self._headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()


def _unreachable(error: Exception) -> Unavailable:
    # Not the error's text, which may have the signed address in it.
    return Unavailable(f"S3 can't be reached ({type(error).__name__}).")
