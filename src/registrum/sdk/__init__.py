"""The Python package's side of the wire.

A module is imported when it is first looked at here: so nouns that know one another, as an artifact its run and a run its
artifacts, can meet without an import that begins before the other has ended.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if not TYPE_CHECKING:

    def __getattr__(name):
        where = f"{__name__}.{name}"
        if name.startswith("_") or find_spec(where) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(where)
