"""How commands print: tables for people, JSON for programs, bare names for pipes; data on stdout, talk on stderr."""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import click

Record = Mapping[str, Any]
"""One thing as it is printed: JSON values by stable names, which docs/cli.md lists."""

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|\+00:00)")


@dataclass(frozen=True, slots=True)
class Screen:
    """The form that one command's answers are printed in.

    Attributes:
        as_json: as JSON.
        is_quiet: of each thing only its name; no talk.
    """

    as_json: bool = False
    is_quiet: bool = False

    def table(
        self, records: Iterable[Record], columns: Sequence[str], limit: int | None = None
    ) -> None:
        """Prints things: to a terminal as a table of these columns, into a pipe as lines of cells parted by tabs.

        JSON holds every value of each, and `--quiet` prints the first column alone.

        Args:
            records: the things; read as they are printed.
            columns: of the table.
            limit: how many at most; people are told where there are more.
        """
        all_of_them = iter(records)
        shown = islice(all_of_them, limit)
        if self.as_json:
            _print_json(list(shown))
        elif self.is_quiet:
            for record in shown:
                click.echo(cell(record[columns[0]]))
        elif not sys.stdout.isatty():
            for record in shown:
                click.echo("\t".join(cell(record[column]) for column in columns))
        elif rows := list(shown):
            _print_table(rows, columns)
            if limit and next(all_of_them, None) is not None:
                self.hint(f"These are the first {limit}; --limit shows more.")
        else:
            self.hint("Nothing found.")

    def record(self, record: Record) -> None:
        """Prints one thing, value by value."""
        if self.as_json:
            _print_json(record)
        elif self.is_quiet:
            click.echo(cell(next(iter(record.values()))))
        else:
            width = max(map(len, record), default=0) + 1
            for name, value in record.items():
                label = styled(f"{name.replace('_', ' ')}:".ljust(width + 1), dim=True)
                click.echo(f"{label} {_block(value, width + 2)}")

    def said(self, sentence: str, **values: Any) -> None:
        """Tells what was done; in JSON, as these values."""
        if self.as_json:
            _print_json(values)
        elif not self.is_quiet:
            click.echo(sentence, err=True)

    def given(self, text: str, **values: Any) -> None:
        """Prints what a program would want to read, such as a new key; in JSON, as these values."""
        if self.as_json:
            _print_json(values)
        else:
            click.echo(text)

    def hint(self, sentence: str) -> None:
        """Tells people something beside the answer."""
        if not self.as_json and not self.is_quiet:
            click.echo(sentence, err=True)


def styled(text: str, **how: Any) -> str:
    """A text with colours and weights, unless NO_COLOR is set."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def cell(value: object) -> str:
    """A value in one line."""
    if value is None or value in ((), [], {}, ""):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split())


def size_text(count: int | None) -> str:
    """A number of bytes as people read it."""
    size = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _block(value: object, indent: int) -> str:
    if isinstance(value, dict) and value:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return text.replace("\n", "\n" + " " * (indent + 1))
    return cell(value)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _print_table(records: Iterable[Record], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        is_whole = number == 0 or column.endswith("_at")
        table.add_column(
            column.replace("_", " ").upper(),
            no_wrap=is_whole,
            overflow="fold",
            min_width=len(column),
        )
    for record in records:
        table.add_row(*(escape(_MOMENT.sub(r"\1 \2", cell(record[own]))) for own in columns))
    Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto").print(
        table
    )
