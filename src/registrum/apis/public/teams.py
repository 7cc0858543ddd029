"""Teams, under the path by which scripts import it."""

from registrum.sdk.teams import Member, Team

__all__ = [
    "Member",
    "Team",
]
