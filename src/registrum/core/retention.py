"""How long versions live: TTL inputs, what is effective, and when it ends."""

from datetime import datetime, timedelta

from registrum.core.artifacts import INHERIT_TTL, NO_TTL
from registrum.core.errors import Invalid

LONGEST_TTL_S = 100 * 366 * 24 * 3600


def own_ttl(wire: int | None) -> int | None:
    """The artifact's own TTL that a wire value asks for: seconds, `NO_TTL`, or None to inherit.

    Raises:
        Invalid: zero, below -2, or beyond a century.
    """
    if wire is None or wire == INHERIT_TTL:
        return None
    if wire == NO_TTL or 0 < wire <= LONGEST_TTL_S:
        return wire
    raise Invalid(
        f"{wire} is not a TTL: give seconds (at most {LONGEST_TTL_S}), -1 to inherit, -2 for none."
    )


def effective_ttl(own: int | None, default: int | None) -> int:
    """Seconds that a version lives, or `NO_TTL`.

    Args:
        own: the artifact's; None: inherited.
        default: that of its project or entity; None: none.
    """
    ttl = default if own is None else own
    return ttl if ttl is not None and ttl > 0 else NO_TTL


def expires_at(created_at: datetime, ttl_seconds: int) -> datetime | None:
    """When a version of that effective TTL ends; None: never."""
    return created_at + timedelta(seconds=ttl_seconds) if ttl_seconds > 0 else None
