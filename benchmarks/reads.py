"""Reads by the documents of the installed client: one version by its alias, pages of versions and of collections."""

import json
from functools import partial

from wandb.sdk.artifacts._generated.operations import (
    ARTIFACT_MEMBERSHIP_BY_NAME_GQL,
    REGISTRY_COLLECTIONS_GQL,
    REGISTRY_VERSIONS_GQL,
)

from benchmarks.measures import Budget, Report, measured
from benchmarks.populate import Size
from benchmarks.served import Client, Served

PAGE = 100


def collection_name(number: int) -> str:
    """The registry collection of that number, as `populate` names it."""
    return f"model-{number * 7919 % 100003}-{number}"


def measure(served: Served, key: str, size: Size, where: str, report: Report, rounds: int) -> None:
    """All reads on one database.

    Args:
        key: an API key of somebody who sees the registries.
        where: names the column.
        rounds: look-ups; pages are asked a twentieth as often.
    """
    client = Client(served, key)
    pages = max(rounds // 20, 5)
    for what, requests, shows, budget_ms in (
        ("get by alias", _look_ups(client, size, rounds), b'"versionIndex"', 0.8),
        ("page of 100 versions", _version_pages(client, size, pages), b'"versionIndex"', 6),
        ("page of 100 collections", _collection_pages(client, pages), b'"edges":[{', 4),
    ):
        found = client.send(requests[0])
        assert shows in found, found[:500]
        taken = measured(served, [partial(client.send, each) for each in requests])
        report.add(f"{what}, server CPU ms", taken.cpu_ms, where, Budget(budget_ms))
        report.add(f"{what}, latency ms (median)", taken.median_ms, where)
        report.add(f"{what}, latency ms (p99)", taken.p99_ms, where)
    client.close()


def _look_ups(client: Client, size: Size, rounds: int) -> list[bytes]:
    """One version each, in registries that everybody sees."""
    wanted = [n * 7919 % size.lines for n in range(rounds)]
    return [
        client.body(
            ARTIFACT_MEMBERSHIP_BY_NAME_GQL,
            {
                "entity": "big-org",
                "project": f"wandb-registry-r{n % size.registries}",
                "name": f"{collection_name(n)}:latest",
                "includeAliases": False,
            },
        )
        for n in wanted
        if n % size.registries != size.registries - 1
    ]


def _version_pages(client: Client, size: Size, pages: int) -> list[bytes]:
    """The newest versions of one registry each."""
    open_to_all = size.registries - 1
    return [
        client.body(
            REGISTRY_VERSIONS_GQL,
            {
                "organization": "Big",
                "registryFilter": json.dumps({"name": f"wandb-registry-r{number % open_to_all}"}),
                "collectionFilter": None,
                "artifactFilter": None,
                "cursor": None,
                "perPage": PAGE,
                "order": "-created_at",
            },
        )
        for number in range(pages)
    ]


def _collection_pages(client: Client, pages: int) -> list[bytes]:
    """The newest collections of all registries."""
    body = client.body(
        REGISTRY_COLLECTIONS_GQL,
        {
            "organization": "Big",
            "registryFilter": None,
            "collectionFilter": None,
            "collectionTypes": ["PORTFOLIO"],
            "cursor": None,
            "perPage": PAGE,
        },
    )
    return [body] * pages
