"""The only room that holds bytes."""

from pathlib import Path

from registrum.core.errors import Invalid
from registrum.server.blobs.store import BlobStore


def open_store(url: str) -> BlobStore:
    """The store behind a URL: `file:///path` or `s3://bucket/prefix`.

    The S3 store is imported only where it is used: its driver is an optional extra.

    Raises:
        Invalid: the URL is of no kind known here, its driver is not installed, or its folder cannot be used.
    """
    if url.startswith("file://"):
        from registrum.server.blobs.disk import DiskStore

        folder = Path(url.removeprefix("file://"))
        try:
            return DiskStore(folder)
        except OSError as error:
            raise Invalid(
                f"The folder {folder} cannot be made or written: {error.strerror} (REGISTRUM_BLOB_URL)."
            ) from None
    if url.startswith("s3://"):
        try:
            from registrum.server.blobs.s3 import S3Store
        except ImportError as missing:
            raise Invalid(
                f"S3 needs the extra of that name: pip install 'registrum[server,s3]' ({missing})."
            ) from None
        return S3Store(url)
    raise Invalid("The blob URL must start with file:/// or s3:// (REGISTRUM_BLOB_URL).")


__all__ = ["BlobStore", "open_store"]
