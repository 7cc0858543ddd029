"""`registrum cache`: this machine's cache of downloaded files."""

import re

import click

from registrum.cli.connection import prints
from registrum.cli.lazy import Noun
from registrum.cli.screen import Screen, size_text
from registrum.errors import BadValue

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@click.group("cache", cls=Noun)
def command() -> None:
    """Show and prune this machine's cache of files, which all its programs share."""


@command.command("info")
@prints
def usage(screen: Screen) -> None:
    """Show where the cache is, and how full."""
    from registrum.sdk import cache

    found = cache.usage()
    told = {
        "folder": str(found.folder),
        "files": found.files,
        "size": found.size_bytes,
        "limit": found.limit_bytes,
    }
    if not screen.as_json:
        told |= {"size": size_text(found.size_bytes), "limit": size_text(found.limit_bytes)}
    screen.record(told)


@command.command("prune")
@click.option(
    "--to",
    "target",
    default="0",
    metavar="SIZE",
    help="Keep what was used last, up to this, such as 10G. [default: nothing]",
)
@click.option("--dry-run", is_flag=True, help="Tell how much would go, and leave it.")
@prints
def prune(screen: Screen, target: str, dry_run: bool) -> None:
    """Remove cached files, those first that were not used for longest."""
    from registrum.sdk import cache

    if dry_run:
        size = max(cache.usage().size_bytes - _bytes(target), 0)
        screen.said(f"Would remove {size_text(size)}.", size=size)
        return
    gone = cache.prune(_bytes(target))
    screen.said(
        f"Removed {gone.files} files, {size_text(gone.size_bytes)}.",
        files=gone.files,
        size=gone.size_bytes,
    )


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise BadValue(f"{text!r} is no size, such as 500M or 10G.")
    return int(float(found[1]) * UNITS[found[2].upper()])
