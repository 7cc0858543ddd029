"""From a signed address, as a request has it or as a line of a batch names it, to what its holder may do."""

from urllib.parse import unquote

from registrum.core.errors import Invalid, NotFound
from registrum.server.blobs.signing import PREFIX, Claims, Method, Signer
from registrum.server.blobs.store import BlobKey


def read_address(signer: Signer, method: Method, path: str, query: str) -> Claims:
    """The claims of an address.

    Args:
        path: decoded, from `/blobs/` on.
        query: as it came.

    Raises:
        NotFound: the path names no blob.
        SignatureInvalid: missing, altered, of another method, or expired.
    """
    blob_id, slash, filename = path.removeprefix(PREFIX).partition("/")
    if not path.startswith(PREFIX) or not slash:
        raise NotFound("There is nothing at this address.")
    try:
        key = BlobKey(blob_id)
    except Invalid:
        raise NotFound("There is nothing at this address.") from None
    return signer.read(method, key, filename, query)


def read_target(signer: Signer, method: Method, target: bytes) -> Claims:
    """The same of path and query as they stand in a URL. Raises as `read_address`."""
    path, _, query = target.decode("latin-1").partition("?")
    return read_address(signer, method, unquote(path), query)
