"""Bodies that come compressed: small on the wire, and without a bound huge in memory."""

import zlib

from registrum.core.errors import Invalid

_GZIP = 31


def unpacked(body: bytes, most_bytes: int) -> bytes | None:
    """What a body in gzip has in it; None if that is more than `most_bytes`.

    Raises:
        Invalid: it is no gzip, or ends half-way.
    """
    unpack = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = unpack.decompress(body, most_bytes)
    except zlib.error:
        raise Invalid("The body says that it is gzip, but it is not.") from None
    if unpack.unconsumed_tail:
        return None
    if not unpack.eof:
        raise Invalid("The body says that it is gzip, but it ends half-way.")
    return plain
