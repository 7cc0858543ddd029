"""Where everything begins, under the path by which scripts import it."""

from registrum.sdk.api import Api

__all__ = [
    "Api",
]
