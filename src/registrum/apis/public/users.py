"""People, under the path by which scripts import it."""

from registrum.sdk.users import User

__all__ = [
    "User",
]
