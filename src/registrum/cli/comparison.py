"""What differs between two versions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from registrum.cli.screen import Screen, cell, size_text, styled

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact
    from registrum.sdk.runs import Run


LONGEST_NAME = 40
"""Names up to this are put one below the other, with their values beside them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One name under which two versions have different values; None where one has none."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, by subject.

    Attributes:
        same_content: whether their files are equal, whatever else is not.
        about: description, type, size, number of files, and the run that logged it where the caller sees that.
        metadata: by dotted path.
        files: by path; the values are sizes in bytes and digests.
        aliases: the aliases and tags that only one has.
        metrics: last values of those runs.
    """

    same_content: bool
    about: tuple[Change, ...]
    metadata: tuple[Change, ...]
    files: tuple[Change, ...]
    aliases: tuple[Change, ...]
    metrics: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def compare(first: "Artifact", second: "Artifact") -> Comparison:
    """What differs between two versions."""
    runs = first.logged_by(), second.logged_by()
    return Comparison(
        same_content=first.digest == second.digest,
        about=changes(_about(first, runs[0]), _about(second, runs[1])),
        metadata=changes(flat(first.metadata), flat(second.metadata)),
        files=changes(_files(first), _files(second)) if first.digest != second.digest else (),
        aliases=changes(_labels(first), _labels(second)),
        metrics=changes(*map(_metrics, runs)),
    )


def changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Change, ...]:
    """Names whose values differ, in order of name."""
    names = sorted({*first, *second})
    pairs = (Change(name, first.get(name), second.get(name)) for name in names)
    return tuple(own for own in pairs if own.first != own.second)


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested mappings as one, by dotted path."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def show(screen: Screen, found: Comparison, first: str, second: str) -> None:
    """Prints a comparison for people: under each subject what is new, gone and changed."""
    screen.hint(f"From {first} to {second}:")
    if found.same_content:
        screen.hint("The files of both are the same.")
    sections = {
        "ABOUT": [_readable(own) for own in found.about],
        "METADATA": list(found.metadata),
        "FILES": [_file(own) for own in found.files],
        "ALIASES AND TAGS": list(found.aliases),
        "METRICS": list(found.metrics),
    }
    for title, changed in sections.items():
        if changed:
            click.echo(f"{styled(title, bold=True)}  {styled(_counts(changed), dim=True)}")
            _show_changes(changed)
    if not any(sections.values()):
        screen.hint(f"{first} and {second} do not differ.")


def _counts(changed: Sequence[Change]) -> str:
    new = sum(own.first is None for own in changed)
    gone = sum(own.second is None for own in changed)
    told = {"new": new, "gone": gone, "changed": len(changed) - new - gone}
    return ", ".join(f"{count} {what}" for what, count in told.items() if count)


def _show_changes(changed: Sequence[Change]) -> None:
    width = min(max(len(own.name) for own in changed), LONGEST_NAME)
    for own in changed:
        name = own.name.ljust(width)
        if own.first is None:
            line, colour = f"  + {name}  {_value(own.second)}", "green"
        elif own.second is None:
            line, colour = f"  - {name}  {_value(own.first)}", "red"
        else:
            line, colour = f"  ~ {name}  {_value(own.first)} → {_value(own.second)}", "yellow"
            line += _difference(own.first, own.second)
        click.echo(styled(line.rstrip(), fg=colour))


def _value(value: Any) -> str:
    return "" if value is True else cell(value)


def _difference(first: Any, second: Any) -> str:
    """How far a number went, and what share of it that is."""
    numbers = (first, second)
    if not all(isinstance(own, int | float) and not isinstance(own, bool) for own in numbers):
        return ""
    share = f", {(second - first) / abs(first):+.1%}" if first else ""
    return f"  ({second - first:+.6g}{share})"


def _readable(own: Change) -> Change:
    if own.name != "size":
        return own
    return Change(own.name, size_text(own.first), size_text(own.second))


def _file(own: Change) -> Change:
    first, second = (side and size_text(side["size"]) for side in (own.first, own.second))
    if first == second:
        second = f"{second}, other content"
    return Change(own.name, first, second)


def _about(version: "Artifact", run: "Run | None") -> dict[str, Any]:
    return {
        "description": version.description or None,
        "type": version.type,
        "size": version.size,
        "files": version.file_count,
        "run": "/".join(run.path) if run else None,
    }


def _files(version: "Artifact") -> dict[str, Any]:
    return {
        path: {"size": entry.size, "digest": entry.digest}
        for path, entry in version.manifest.entries.items()
    }


def _labels(version: "Artifact") -> dict[str, bool]:
    return dict.fromkeys(version.aliases, True) | {f"#{name}": True for name in version.tags}


def _metrics(run: "Run | None") -> dict[str, Any]:
    if run is None:
        return {}
    return {name: value for name, value in flat(dict(run.summary)).items() if name[:1] != "_"}
