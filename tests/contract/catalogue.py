"""A small organization full of odd values, in the database and as plain records, for tests of searching."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from registrum.core.actors import Actor
from registrum.core.metadata import facts_of
from registrum.core.policy import Role
from registrum.server.db import registry_values
from registrum.server.db.columns import from_micros
from registrum.server.db.conditions import path_key
from registrum.server.db.tables import (
    alias_spans,
    artifact_tags,
    artifact_types,
    artifacts,
    collection_tags,
    collections,
    entities,
    facts,
    memberships,
    organization_members,
    organizations,
    project_members,
    projects,
    users,
)
from registrum.server.db.tx import Tx
from tests.rows import put, put_many

ANN, GUS = Actor(1, "ann"), Actor(2, "gus")
"""A member of the organization, who does not see the restricted registry; a guest, who sees that one only."""
ORGANIZATION, RESTRICTED = 1, 22
REGISTRIES = range(2, 23)
START = 1_700_000_000_000_000
STEP = 2_000
"""Seconds between the moments at which things happen: they spread over many cells of time (`db/version_grids.py`)."""
TEXTS = ["alpha", "Beta", "foo", "boo", "é", "", "true", "v1"]
TAGS = ["a", "b", "foo", "é"]
ALIASES = ["latest", "best", "foo"]
NUMBERS = [-1, 0, 1, 2.5, 3, 1e300, 2**53 + 1, 2**53]


@dataclass
class Catalogue:
    """The rows as plain records, by id; `project_id` in each tells who sees it."""

    projects: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    collections: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    versions: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    runs: dict[int, dict[str, list[Any]]] = field(default_factory=dict)


def fill(tx: Tx, *, versions: int = 300, lines: int = 60) -> Catalogue:
    """Writes the rows; the same ones each time."""
    luck, made = random.Random(7), Catalogue()
    _people(tx)
    _registries(tx, luck, made)
    for number in range(1, lines + 1):
        _collection(tx, luck, made, number)
    for number in range(1, versions + 1):
        _version(tx, luck, made, number, lines)
    return made


def _people(tx: Tx) -> None:
    for number, name in ((1, "ann"), (2, "gus")):
        put(tx, users, id=number, username=name, username_key=name, name=name, created_at=tx.now)
    for number, kind in ((1, "organization"), (2, "team")):
        name = f"{kind}-entity"
        put(
            tx,
            entities,
            id=number,
            kind=kind,
            name=name,
            name_key=name,
            organization_id=ORGANIZATION,
            created_at=tx.now,
        )
    put(tx, organizations, id=1, name="Acme", name_key="acme", entity_id=1, created_at=tx.now)
    put(tx, organization_members, organization_id=1, user_id=1, role=Role.MEMBER, created_at=tx.now)


def _registries(tx: Tx, luck: random.Random, made: Catalogue) -> None:
    _project(tx, luck, made, 1, "team", "training")
    put(
        tx,
        collections,
        id=1000,
        project_id=1,
        type_id=_type(tx, 1),
        kind="sequence",
        name="run",
        created_at=tx.now,
    )
    for number in REGISTRIES:
        _project(tx, luck, made, number, "registry", f"wandb-registry-{number}")
        _type(tx, number)
    put(tx, project_members, project_id=RESTRICTED, user_id=2, role=Role.VIEWER, created_at=tx.now)


def _type(tx: Tx, number: int) -> int:
    put(
        tx,
        artifact_types,
        id=number,
        project_id=number,
        name=f"type{number % 2}",
        created_at=tx.now,
    )
    return number


def _moment(luck: random.Random) -> int:
    return START + luck.randrange(20) * STEP * 1_000_000 + luck.choice([0, 0, 1, 500_000])


def _project(
    tx: Tx, luck: random.Random, made: Catalogue, number: int, kind: str, name: str
) -> None:
    created, updated = _moment(luck), luck.choice([None, _moment(luck)])
    description = luck.choice([None, *TEXTS])
    is_registry = kind == "registry"
    put(
        tx,
        projects,
        id=number,
        kind=kind,
        entity_id=1 if is_registry else 2,
        organization_id=ORGANIZATION,
        name=name,
        description=description,
        visibility="restricted" if number == RESTRICTED else "organization",
        created_at=from_micros(created),
        updated_at=updated and from_micros(updated),
    )
    if is_registry:
        made.projects[number] = {
            "id": [number],
            "name": [name],
            "entity_id": [1],
            "visibility": ["restricted" if number == RESTRICTED else "organization"],
            "description": _one(description),
            "created_at": [created],
            "updated_at": [updated or created],
        }


def _one(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _collection(tx: Tx, luck: random.Random, made: Catalogue, number: int) -> None:
    created, updated = _moment(luck), luck.choice([None, _moment(luck)])
    description, project_id = luck.choice([None, *TEXTS]), luck.choice(REGISTRIES)
    name = f"{luck.choice(TEXTS)}{number % 7}-{number}"
    tags = luck.sample(TAGS, luck.randrange(3))
    put(
        tx,
        collections,
        id=number,
        project_id=project_id,
        organization_id=ORGANIZATION,
        type_id=project_id,
        kind="portfolio",
        name=name,
        description=description,
        created_at=from_micros(created),
        updated_at=updated and from_micros(updated),
    )
    for tag in tags:
        put(tx, collection_tags, collection_id=number, name=tag, created_at=tx.now)
    made.collections[number] = {
        "id": [number],
        "project_id": [project_id],
        "name": [name],
        "type": [f"type{project_id % 2}"],
        "tag": tags,
        "description": _one(description),
        "created_at": [created],
        "updated_at": [updated or created],
    }


def _metadata(luck: random.Random) -> dict[str, Any] | None:
    if luck.random() < 0.15:
        return None
    scalars = [*TEXTS, *NUMBERS, True, False, None]
    found: dict[str, Any] = {"score": luck.choice(scalars)}
    if luck.random() < 0.5:
        found["deep"] = {"er": luck.choice(scalars), "list": luck.sample(scalars, 3)}
    if luck.random() < 0.3:
        found["deep.er"] = luck.choice(scalars)
    if luck.random() < 0.2:
        found["nested"] = [[1, [2.5]], "foo", {"x": "alpha"}]
    if luck.random() < 0.2:
        # More than is indexed; what is asked for stands behind it, or is too long.
        found = {"many": list(range(64)), **found, "long": "o" * 300, 'quo"te é%': 3}
    return found


def _version(tx: Tx, luck: random.Random, made: Catalogue, number: int, lines: int) -> None:
    created, linked = _moment(luck), _moment(luck)
    size, digest = luck.choice([0, 5, 5, 10, 1 << 40]), f"d{number % 9}"
    document, description = _metadata(luck), luck.choice([None, *TEXTS])
    text = json.dumps(document) if document is not None else None
    found, line = facts_of(text), luck.randrange(1, lines + 1)
    put(
        tx,
        artifacts,
        id=number,
        project_id=1,
        collection_id=1000,
        state="committed",
        digest=digest,
        digest_algorithm="MANIFEST_MD5",
        version=number,
        description=description,
        metadata=text,
        more_facts={path_key(p): v for p, v in (found.more or {}).items()} or None,
        size_bytes=size,
        created_at=from_micros(created),
    )
    put_many(
        tx,
        facts,
        [
            {
                "artifact_id": number,
                "path": fact.path,
                "ordinal": fact.ordinal,
                "number": fact.number,
                "text": fact.text,
            }
            for fact in found.indexed
        ],
    )
    place = {
        "artifact_id": number,
        "size_bytes": size,
        "artifact_created_at": from_micros(created),
        "created_at": from_micros(linked),
    }
    put(tx, memberships, id=number, collection_id=1000, project_id=1, version=number, **place)
    there = made.collections[line]
    project_id = there["project_id"][0]
    put(
        tx,
        memberships,
        id=10_000 + number,
        collection_id=line,
        project_id=project_id,
        organization_id=ORGANIZATION,
        version=number,
        **place,
    )
    registry_values.note(tx, number)
    tags, aliases = luck.sample(TAGS, luck.randrange(3)), []
    for tag in tags:
        put(tx, artifact_tags, artifact_id=number, name=tag, created_at=tx.now)
    for alias in luck.sample(ALIASES, luck.randrange(3)):
        if not any(
            alias in other["alias"] for other in made.versions.values() if other["line"] == [line]
        ):
            aliases.append(alias)
            put(
                tx,
                alias_spans,
                collection_id=line,
                membership_id=10_000 + number,
                alias=alias,
                since=tx.now,
            )
    made.versions[10_000 + number] = {
        "id": [number],
        "line": [line],
        "project_id": [project_id],
        "collection_id": [line],
        "collection_name": there["name"],
        "type": there["type"],
        "version": [number],
        "tag": tags,
        "alias": aliases,
        "created_at": [created],
        "updated_at": [created],
        "linked_at": [linked],
        "size": [size],
        "state": ["committed"],
        "digest": [digest],
        "description": _one(description),
        **_document("metadata", document),
    }


def plain_scalar(value: Any) -> str | float:
    """A scalar as the language sees it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else float(value)


def _document(name: str, document: Any) -> dict[str, list[Any]]:
    """The values of a document by dotted path, and all of them."""
    found: dict[str, list[Any]] = {name: []}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}", inner)
        elif isinstance(value, list):
            for inner in value:
                walk(path, inner)
        elif value is not None:
            plain = plain_scalar(value)
            found.setdefault(path, []).append(plain)
            found[name].append(plain)

    walk(name, document or {})
    return found
