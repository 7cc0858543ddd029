"""Writes: linking a version into a registry, and moving an alias, alone and by eight writers at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from wandb.sdk.artifacts._generated.operations import ADD_ALIASES_GQL, LINK_ARTIFACT_GQL

from benchmarks.measures import Budget, Report, measured, p99
from benchmarks.populate import Size
from benchmarks.reads import collection_name
from benchmarks.served import Client, Served
from registrum.core import ids

WRITERS = 8
LINKED = 200  # versions that the benchmark links into each new collection
LEAST = 500  # of fewer writes, much of what is measured is how a server warms up


def measure(served: Served, key: str, size: Size, where: str, report: Report, count: int) -> None:
    """Links and alias moves on one database.

    Args:
        key: an API key of an administrator of the organization.
        count: links, and alias moves; at least `LEAST`.
    """
    count = max(count, LEAST)
    client = Client(served, key)
    links = [
        client.body(
            LINK_ARTIFACT_GQL,
            {
                "input": {
                    "artifactID": ids.encode("Artifact", n + 1),
                    "entityName": "big-org",
                    "projectName": "wandb-registry-r0",
                    "artifactPortfolioName": f"linked-{n // LINKED}",
                    "aliases": [],
                },
                "includeAliases": True,
            },
        )
        for n in range(min(count, size.versions))
    ]
    taken = measured(served, [partial(client.send, r) for r in links])
    report.add("link, server CPU ms", taken.cpu_ms, where, Budget(1.5))
    report.add("link, latency ms (p99)", taken.p99_ms, where)

    moves = [_move(client, size, n) for n in range(count)]
    taken = measured(served, [partial(client.send, r) for r in moves])
    report.add("alias move, server CPU ms", taken.cpu_ms, where, Budget(1.5))
    report.add("alias move, latency ms (p99)", taken.p99_ms, where)

    waited = _at_once(served, key, size, count)
    report.add("alias move by 8 writers, latency ms (p99)", p99(waited) * 1000, where, Budget(50))
    client.close()


def _move(client: Client, size: Size, number: int) -> bytes:
    """A request that moves `candidate` to a version of one of 19 collections, another version each time."""
    line = number % min(19, size.lines)
    versions = (size.versions - 1 - line) // size.lines + 1
    version = number // 19 % versions
    return client.body(
        ADD_ALIASES_GQL,
        {
            "input": {
                "artifactID": ids.encode("Artifact", version * size.lines + line + 1),
                "aliases": [
                    {
                        "entityName": "big-org",
                        "projectName": f"wandb-registry-r{line % size.registries}",
                        "artifactCollectionName": collection_name(line),
                        "alias": "candidate",
                    }
                ],
            }
        },
    )


def _at_once(served: Served, key: str, size: Size, count: int) -> list[float]:
    """Seconds that each move took, of eight clients that do nothing else."""

    def work(writer: int) -> list[float]:
        client = Client(served, key)
        waited = []
        for number in range(writer, count, WRITERS):
            request = _move(client, size, number)
            began = time.perf_counter()
            client.send(request)
            waited.append(time.perf_counter() - began)
        client.close()
        return waited

    with ThreadPoolExecutor(WRITERS) as pool:
        return [each for waited in pool.map(work, range(WRITERS)) for each in waited]
