"""The files of runs, under the path by which scripts import it."""

from registrum.sdk.files import File
from registrum.sdk.run_files import Files

__all__ = [
    "File",
    "Files",
]
