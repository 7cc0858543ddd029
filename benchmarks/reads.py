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
    wanted = [n * 7919 % size.lines for n in range(rounds)]
    names = [n for n in wanted if n % size.registries != size.registries - 1]
    requests = [
        client.body(
            ARTIFACT_MEMBERSHIP_BY_NAME_GQL,
            {
                "entity": "big-org",
                "project": f"wandb-registry-r{n % size.registries}",
                "name": f"{collection_name(n)}:latest",
                "includeAliases": False,
            },
        )
        for n in names
    ]
    first = client.send(requests[0])
    assert b'"versionIndex"' in first, first[:500]
    taken = measured(served, [partial(client.send, r) for r in requests])
    report.add("get by alias, server CPU ms", taken.cpu_ms, where, Budget(0.8))
    report.add("get by alias, latency ms (median)", taken.median_ms, where)
    report.add("get by alias, latency ms (p99)", taken.p99_ms, where)

    pages = max(rounds // 20, 5)
    open_to_all = size.registries - 1
    asks = [
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
    found = client.send(asks[0])
    assert b"versionIndex" in found, found[:500]
    taken = measured(served, [partial(client.send, r) for r in asks])
    report.add("page of 100 versions, server CPU ms", taken.cpu_ms, where, Budget(6))
    report.add("page of 100 versions, latency ms (p99)", taken.p99_ms, where)

    asks = [
        client.body(
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
        for _ in range(pages)
    ]
    taken = measured(served, [partial(client.send, r) for r in asks])
    report.add("page of 100 collections, server CPU ms", taken.cpu_ms, where, Budget(4))
    report.add("page of 100 collections, latency ms (p99)", taken.p99_ms, where)
    client.close()
