"""The names under which scripts for W&B's client import what reads and manages: `registrum.apis.public`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registrum.apis import public as public
    from registrum.sdk.api import Api as Api

__all__ = ["Api", "public"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        public = import_module("registrum.apis.public")
        return public if name == "public" else public.Api
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
