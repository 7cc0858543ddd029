"""From a template and its values to HTML: Jinja with escaping always on, and the few words that all pages share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from registrum.server.web import jinja

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_JSON = 20_000
MOST_TEXT = 20_000
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def render(template: str, values: Mapping[str, Any]) -> str:
    """The HTML of a template in `web/templates`."""
    return _templates().get_template(template).render(values)


def size(size_bytes: int | None) -> str:
    """`1.4 MB`: decimal units, two digits of interest; "" for none."""
    if size_bytes is None:
        return ""
    amount, unit = float(size_bytes), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    shown = f"{amount:.0f}" if unit == 0 or amount >= 99.5 else f"{amount:.1f}".removesuffix(".0")
    return f"{shown} {_UNITS[unit]}"


def when(moment: datetime | None) -> Markup:
    """A moment for people, UTC to the minute; the exact one for machines."""
    if moment is None:
        return Markup("")
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M UTC")
    )


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clipped(text: str, most: int = MOST_TEXT) -> str:
    """A text, or as much of its beginning as a page takes."""
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most:,} characters more)"


def pretty_json(text: str | None) -> str:
    """JSON text indented, or its beginning; what is no JSON as it is; "" for nothing worth showing."""
    if not text or text in ("{}", "null"):
        return ""
    if len(text) > 4 * MOST_JSON:
        return clipped(text, MOST_JSON)
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        pass
    return clipped(text, MOST_JSON)


@cache
def _templates() -> "Environment":
    made: Environment = jinja().Environment(
        loader=jinja().PackageLoader("registrum.server.web"),
        autoescape=True,
        undefined=jinja().StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(size=size, when=when, count=count, clipped=clipped, pretty_json=pretty_json)
    return made
