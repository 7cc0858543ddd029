"""docs/search.md names exactly the fields and orders that there are."""

import json
import re
from collections.abc import Mapping

import pytest

from registrum.core.filters import LISTS, OPERATORS, parse_filter
from registrum.server.db import collection_pages, registries, run_search, version_statements
from registrum.server.db.fields import COLLECTION_FIELDS, PROJECT_FIELDS, VERSION_FIELDS
from registrum.server.db.filters import split
from tests.house.sources import ROOT

PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
LISTED = {
    "Registries": (PROJECT_FIELDS, registries.SORTABLE),
    "Collections": (COLLECTION_FIELDS, collection_pages.SORTABLE),
    "Versions": (VERSION_FIELDS, version_statements.SORTABLE),
    "Runs": (run_search.RUN_FIELDS, run_search.SORTABLE),
}


def section(name: str) -> str:
    return PAGE.partition(f"### {name}\n")[2].partition("\n#")[0]


def names_of(fields: Mapping[str, object]) -> list[list[str]]:
    """The names of each field, its own first."""
    found: dict[int, list[str]] = {}
    for name, field in fields.items():
        found.setdefault(id(field), []).append(name)
    return list(found.values())


@pytest.mark.parametrize("name", LISTED)
def test_the_fields_of_a_list_are_documented(name: str) -> None:
    rows = re.findall(r"^\| (`[^|]*)\|([^|]*)\|", section(name), re.M)
    documented = [re.findall(r"`(\w+)`", f"{own} {others}") for own, others in rows]
    assert documented == names_of(LISTED[name][0])


@pytest.mark.parametrize("name", LISTED)
def test_the_orders_of_a_list_are_documented(name: str) -> None:
    orders = section(name).partition("\nOrders: ")[2].partition("\n\n")[0]
    orders = orders.partition(", and any value")[0]
    assert re.findall(r"`(\w+)`", orders) == list(LISTED[name][1])


@pytest.mark.parametrize("operator", [*LISTS, *OPERATORS])
def test_every_operator_is_documented(operator: str) -> None:
    assert operator in PAGE


SHOWN = re.findall(r"`(\{[^`]*\})`", PAGE.partition("## Conditions")[2].partition("\n## ")[0])
CONDITIONS = [text for text in SHOWN if "…" not in text and text != "{m,n}"]


def test_there_are_examples() -> None:
    assert len(CONDITIONS) > 10


@pytest.mark.parametrize("text", CONDITIONS)
def test_every_condition_shown_is_one_of_a_version(text: str) -> None:
    shown = {"name": "collection_name"}
    asked = {shown.get(field, field): value for field, value in json.loads(text).items()}
    split(parse_filter(json.dumps(asked)), VERSION_FIELDS, "f")
