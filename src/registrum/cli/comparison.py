"""What differs between two versions."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from registrum.cli.screen import Screen, cell, size_text

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact


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
        about: description, type, size and number of files.
        metadata: by dotted path.
        files: by path; the values are sizes in bytes and digests.
        aliases: the aliases and tags that only one has.
        metrics: last values of the runs that logged them, where the caller sees those.
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
    return Comparison(
        same_content=first.digest == second.digest,
        about=changes(_about(first), _about(second)),
        metadata=changes(flat(first.metadata), flat(second.metadata)),
        files=changes(_files(first), _files(second)) if first.digest != second.digest else (),
        aliases=changes(_labels(first), _labels(second)),
        metrics=changes(_metrics(first), _metrics(second)),
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
    """Prints a comparison for people."""
    if found.same_content:
        screen.hint("The files of both are the same.")
    for title, own in (
        ("ABOUT", found.about),
        ("METADATA", found.metadata),
        ("FILES", found.files),
        ("ALIASES AND TAGS", found.aliases),
        ("METRICS", found.metrics),
    ):
        if own:
            click.echo(click.style(title, bold=True))
            _show_changes(own, title == "FILES")
    if not any((found.about, found.metadata, found.files, found.aliases, found.metrics)):
        screen.hint(f"{first} and {second} do not differ.")


def _show_changes(own: Iterable[Change], are_files: bool) -> None:
    for change in own:
        first, second = change.first, change.second
        if are_files:
            first, second = (side and size_text(side["size"]) for side in (first, second))
        if change.first is None:
            click.secho(f"  + {change.name}  {cell(second)}", fg="green")
        elif change.second is None:
            click.secho(f"  - {change.name}  {cell(first)}", fg="red")
        else:
            click.secho(f"  ~ {change.name}  {cell(first)} → {cell(second)}", fg="yellow")


def _about(version: "Artifact") -> dict[str, Any]:
    return {
        "description": version.description or None,
        "type": version.type,
        "size": version.size,
        "files": version.file_count,
    }


def _files(version: "Artifact") -> dict[str, Any]:
    return {
        path: {"size": entry.size, "digest": entry.digest}
        for path, entry in version.manifest.entries.items()
    }


def _labels(version: "Artifact") -> dict[str, bool]:
    return dict.fromkeys(version.aliases, True) | {f"#{name}": True for name in version.tags}


def _metrics(version: "Artifact") -> dict[str, Any]:
    run = version.logged_by()
    if run is None:
        return {}
    return {name: value for name, value in flat(dict(run.summary)).items() if name[:1] != "_"}
