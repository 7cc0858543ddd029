"""Makes a version of a draft: begins it, sends the bytes that its project does not have yet, and commits it.

What can be sent twice is: a version has an id of the client's own, so that beginning it again finds what was begun.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from registrum.core.aliases import LATEST
from registrum.core.manifest import NAME as MANIFEST_NAME
from registrum.sdk import transfers
from registrum.sdk.artifact_facts import checked_aliases, checked_tags
from registrum.sdk.hashing import new_hash
from registrum.sdk.http import Service
from registrum.sdk.manifests import Manifest
from registrum.sdk.operations import uploads as operations
from registrum.sdk.progress import Progress
from registrum.sdk.sending import FRESH_PLACES, PARTS, Parts, Sender, headers_of
from registrum.sdk.transfers import Stop
from registrum.sdk.versions import Node, version_of

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact


class Beginning(NamedTuple):
    """What a version is to be; everything but its files.

    Attributes:
        client_id: of the caller's making; beginning again with it finds the version begun.
        ttl_s: seconds, -1 to inherit, -2 for none; None says nothing.
    """

    entity: str
    project: str
    collection: str
    type: str
    client_id: str
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    ttl_s: int | None = None
    run_name: str | None = None
    history_step: int | None = None

    def document(self, manifest: Manifest) -> dict[str, Any]:
        """The input of the mutation that begins it."""
        named = {"artifactCollectionName": self.collection}
        return {
            "entityName": self.entity,
            "projectName": self.project,
            "artifactTypeName": self.type,
            "artifactCollectionName": self.collection,
            "runName": self.run_name,
            "digest": manifest.digest(),
            "digestAlgorithm": str(manifest.algorithm),
            "aliases": [{**named, "alias": alias} for alias in with_latest(self.aliases)],
            "tags": [{"tagName": tag} for tag in self.tags],
            "description": self.description,
            "metadata": json.dumps(self.metadata) if self.metadata else None,
            "ttlDurationSeconds": self.ttl_s,
            "historyStep": self.history_step,
            "enableDigestDeduplication": True,
            "clientID": self.client_id,
        }


def commit(
    service: Service,
    artifact: Artifact,
    entity: str,
    project: str,
    run_name: str | None = None,
    aliases: Iterable[str] | None = None,
    tags: Iterable[str] | None = None,
    history_step: int | None = None,
) -> None:
    """Makes a version of a draft, which is that version from then on; of a version, an output of the run.

    Args:
        service: the server.
        artifact: the draft; or a version, which keeps what it has.
        entity: owner of the project.
        project: made where new.
        run_name: id of the run that logs it. None: the caller does.
        aliases: to give, besides `latest`.
        tags: to give.
        history_step: the step of the run's history that it was logged at.

    Raises:
        What `upload` raises.
    """
    manifest = artifact.manifest
    beginning = Beginning(
        entity,
        project,
        artifact.name.partition(":")[0],
        artifact.type,
        artifact.client_id_for(manifest.digest()),
        artifact.description,
        artifact.metadata,
        checked_aliases(aliases or ()),
        checked_tags(tags or ()),
        artifact.ttl_to_set(),
        run_name,
        history_step,
    )
    artifact.settle(service, version_of(upload(service, beginning, manifest)))


def with_latest(aliases: Iterable[str]) -> list[str]:
    """The aliases of a new version: those given, and `latest`."""
    return list(dict.fromkeys([*aliases, LATEST]))


def upload(
    service: Service, beginning: Beginning, manifest: Manifest, parts: Parts = PARTS
) -> Node:
    """Makes a version, or finds the one that has the same content.

    Args:
        service: the server.
        beginning: what it is to be.
        manifest: its files, those of them with content that are new; their birth ids are filled in.
        parts: which files go in parts, and how large those are.

    Returns:
        The node of the version, with `VersionParts` and `AliasesParts`.

    Raises:
        Refused: the server does not take it.
        DigestMismatch: a file was changed after it was added.
        StorageFull: the server has no room.
        Unavailable: it can't be reached any more.
    """
    begun = service.ask(
        operations.CREATE, {"input": beginning.document(manifest)}, repeatable=True
    )["createArtifact"]["artifact"]
    found: Node = begun
    if found["state"] == "COMMITTED":
        return found
    total = sum(entry.size or 0 for entry in manifest.entries.values() if entry.content)
    with Progress(f"↑ {beginning.collection}", total) as progress:
        Sender(service, found["id"], manifest, progress, parts).send_all()
    _send_manifest(service, beginning, found["id"], manifest)
    # A commit that is not over in time answers 503 and goes on; asking again joins it.
    committed = service.ask(
        operations.COMMIT, {"input": {"artifactID": found["id"]}}, repeatable=True
    )
    version: Node = committed["commitArtifact"]["artifact"]
    return version


def _send_manifest(
    service: Service, beginning: Beginning, artifact_id: str, manifest: Manifest
) -> None:
    content = json.dumps(manifest.to_manifest_json(), separators=(",", ":")).encode()
    taken = new_hash()
    taken.update(content)
    given = {
        "artifactID": artifact_id,
        "name": MANIFEST_NAME,
        "digest": b64encode(taken.digest()).decode(),
        "entityName": beginning.entity,
        "projectName": beginning.project,
        "runName": beginning.run_name or "",
        "type": "FULL",
    }
    for tries_left in reversed(range(FRESH_PLACES)):
        answer = service.ask(operations.CREATE_MANIFEST, {"input": given}, repeatable=True)
        file = answer["createArtifactManifest"]["artifactManifest"]["file"]
        try:
            transfers.send(
                service,
                file["uploadUrl"],
                headers_of(file["uploadHeaders"]),
                lambda: iter([content]),
                len(content),
                lambda _: None,
                Stop(),
            )
        except transfers.AddressRefused:
            if not tries_left:
                raise
        else:
            return
