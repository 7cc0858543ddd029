"""One version of 100,000 files, as a client logs it: reserved, uploaded, committed, and listed with signed URLs.

The `wandb` client uploads each file by itself, ours in batches: the first 20,000 go the one way, the rest the other.
"""

import hashlib
import json
import struct
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from wandb.sdk.artifacts._generated.operations import ARTIFACT_MEMBERSHIP_FILES_GQL

from benchmarks.measures import Budget, Report, measured
from benchmarks.served import Client, Served

CONNECTIONS = 8
ALONE = 20_000
IN_BATCH = 500
BATCHES_AT_ONCE = 4
BATCH = 1000
PAGE = 5000
CREATE = """mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state } } }"""
RESERVE = """mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node { storagePath uploadUrl } } } } }"""
ANNOUNCE = """mutation CreateArtifactManifest($input: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $input) { artifactManifest { id file { id uploadUrl } } } }"""
COMMIT = """mutation CommitArtifact($input: CommitArtifactInput!) {
  commitArtifact(input: $input) { artifact { id digest } } }"""
PROJECT = {"entityName": "team", "projectName": "training"}


def measure(served: Served, key: str, where: str, report: Report, count: int) -> None:
    """Logs a version of `count` small files and reads its list.

    Args:
        key: an API key of somebody who writes in the team's project.
    """
    files = [_File.make(number) for number in range(count)]
    client = Client(served, key)
    artifact = client.ask(CREATE, {"input": _new_artifact(files)})["createArtifact"]["artifact"]
    began, before = time.perf_counter(), served.cpu_s()
    urls = _reserve(client, artifact["id"], files)
    report.add(f"reserve {count:,} files, s", time.perf_counter() - began, where)
    report.add(f"reserve {count:,} files, server CPU s", served.cpu_s() - before, where)
    work = list(zip(urls, files, strict=True))
    alone = min(ALONE, count // 2)
    for how, upload, some in (
        ("each by itself", _upload, work[:alone]),
        ("in batches", _upload_batches, work[alone:]),
    ):
        began, before = time.perf_counter(), served.cpu_s()
        upload(served, key, some)
        took, cpu = time.perf_counter() - began, served.cpu_s() - before
        report.add(f"upload files of 100 bytes, {how}, files/s", len(some) / took, where)
        report.add(f"upload of a file, {how}, server CPU ms", 1000 * cpu / len(some), where)
    manifest = _manifest(files)
    client.put(_announce(client, artifact["id"], manifest), manifest)
    began, before = time.perf_counter(), served.cpu_s()
    client.ask(COMMIT, {"input": {"artifactID": artifact["id"]}})
    took = time.perf_counter() - began
    report.add(f"commit of {count:,} files, s", took, where, Budget(5 * count / 100_000))
    report.add(f"commit of {count:,} files, server CPU s", served.cpu_s() - before, where)
    _list(served, client, where, report, min(count, PAGE))
    client.close()


@dataclass(frozen=True)
class _File:
    path: str
    content: bytes
    md5: str

    @classmethod
    def make(cls, number: int) -> "_File":
        content = b"%d of the benchmark\n" % number
        content += b"x" * (100 - len(content))
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        path = f"part-{number % 100:02}/shard-{number:06}.bin"
        return cls(path, content, b64encode(digest).decode())


def _new_artifact(files: list[_File]) -> dict[str, Any]:
    lines = "".join(f"{f.path}:{f.md5}\n" for f in sorted(files, key=lambda f: f.path))
    text = f"wandb-artifact-manifest-v1\n{lines}".encode()
    return {
        **PROJECT,
        "artifactTypeName": "model",
        "artifactCollectionName": "many-files",
        "digest": hashlib.md5(text, usedforsecurity=False).hexdigest(),
        "digestAlgorithm": "MANIFEST_MD5",
        "aliases": [{"artifactCollectionName": "many-files", "alias": "latest"}],
        "enableDigestDeduplication": True,
    }


def _reserve(client: Client, artifact_id: str, files: list[_File]) -> list[str]:
    urls: list[str] = []
    for start in range(0, len(files), BATCH):
        asked = [
            {"artifactID": artifact_id, "name": f.path, "md5": f.md5}
            for f in files[start : start + BATCH]
        ]
        data = client.ask(RESERVE, {"input": {"artifactFiles": asked, "storageLayout": "V2"}})
        edges = data["createArtifactFiles"]["files"]["edges"]
        urls += [edge["node"]["uploadUrl"] for edge in edges]
    return urls


def _upload(served: Served, key: str, work: list[tuple[str, _File]]) -> None:
    def some(share: range) -> None:
        client = Client(served, key)
        for at in share:
            url, file = work[at]
            client.put(url, file.content)
        client.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(some, [range(i, len(work), CONNECTIONS) for i in range(CONNECTIONS)]))


def _upload_batches(served: Served, key: str, work: list[tuple[str, _File]]) -> None:
    def one(start: int) -> None:
        client = Client(served, key)
        client.post("/blobs/uploads", b"".join(map(_frame, work[start : start + IN_BATCH])))
        client.close()

    with ThreadPoolExecutor(BATCHES_AT_ONCE) as pool:
        list(pool.map(one, range(0, len(work), IN_BATCH)))


def _frame(work: tuple[str, _File]) -> bytes:
    url, file = work
    target = url[url.index("/blobs/") :].encode()
    return struct.pack(">II", len(target), len(file.content)) + target + file.content


def _manifest(files: list[_File]) -> bytes:
    contents = {f.path: {"digest": f.md5, "size": len(f.content)} for f in files}
    return json.dumps(
        {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": contents,
        }
    ).encode()


def _announce(client: Client, artifact_id: str, manifest: bytes) -> str:
    asked = {
        **PROJECT,
        "artifactID": artifact_id,
        "name": "wandb_manifest.json",
        "digest": b64encode(hashlib.md5(manifest, usedforsecurity=False).digest()).decode(),
        "runName": "",
        "type": "FULL",
    }
    data = client.ask(ANNOUNCE, {"input": asked})
    return str(data["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"])


def _list(served: Served, client: Client, where: str, report: Report, count: int) -> None:
    asked = {
        "entity": "team",
        "project": "training",
        "collection": "many-files",
        "alias": "latest",
        "perPage": PAGE,
    }
    request = client.body(ARTIFACT_MEMBERSHIP_FILES_GQL, asked)
    assert b"directUrl" in client.send(request)
    taken = measured(served, [lambda: client.send(request)] * 10)
    report.add(
        f"page of {count:,} files with signed URLs, latency ms",
        taken.median_ms,
        where,
        Budget(150 * count / PAGE),
    )
    report.add(f"page of {count:,} files with signed URLs, server CPU ms", taken.cpu_ms, where)
