"""An edge without a server, people in one team, and the steps by which a client logs an artifact."""

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from registrum.core.actors import Actor
from registrum.core.artifacts import Artifact
from registrum.core.ids import encode
from registrum.core.manifest import NAME
from registrum.core.policy import Action, Role
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.store import BlobKey, Expected, StoredBlob
from registrum.server.db import Database, artifacts
from registrum.server.db.tables import entities, organizations, team_members, users
from registrum.server.db.tx import Tx
from registrum.server.services import uploads
from registrum.server.services.artifacts import CreateArtifact, create_artifact
from registrum.server.services.commits import commit_artifact
from registrum.server.services.uploads import AnnounceManifest, UploadFile, UploadPlace
from tests.rows import put

T = TypeVar("T")
ANN, BOB, VIEWER, STRANGER = (
    Actor(1, "ann"),
    Actor(2, "bob"),
    Actor(3, "vic"),
    Actor(4, "sam"),
)


def people(tx: Tx) -> None:
    """Acme with a team of two members and a viewer, and somebody else with a team of his own."""
    for number, name in enumerate(("ann", "bob", "vic", "sam"), 1):
        names = {"username": name, "username_key": name, "name": name.title()}
        put(tx, users, id=number, created_at=tx.now, **names)
    for number, name in enumerate(("acme-org", "team", "others"), 1):
        row = {"name": name, "name_key": name, "organization_id": 1, "created_at": tx.now}
        put(tx, entities, id=number, kind="team" if number > 1 else "organization", **row)
    put(tx, organizations, id=1, name="Acme", name_key="acme", entity_id=1, created_at=tx.now)
    member, viewer = Role.MEMBER, Role.VIEWER
    for team, user, role in ((2, 1, member), (2, 2, member), (2, 3, viewer), (3, 4, member)):
        put(tx, team_members, team_id=team, user_id=user, role=role, created_at=tx.now)


def md5_of(content: bytes) -> str:
    """Base64 MD5."""
    return b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def digest_of(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The artifact digest of manifest entries, as clients compute it."""
    lines = "".join(f"{path}:{entries[path]['digest']}\n" for path in sorted(entries))
    text = f"wandb-artifact-manifest-v1\n{lines}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def entries_of(files: Mapping[str, bytes], **references: str) -> dict[str, dict[str, Any]]:
    """Manifest entries as a client uploads them."""
    entries: dict[str, dict[str, Any]] = {
        path: {
            "digest": md5_of(content),
            "size": len(content),
            "local_path": f"/staging/{path}",
            "skip_cache": False,
        }
        for path, content in files.items()
    }
    for path, uri in references.items():
        entries[path] = {"digest": uri, "ref": uri, "size": 7}
    return entries


@dataclass
class Desk:
    """A request's edge: a database, a store, and who asks."""

    database: Database
    store: DiskStore
    actor: Actor = ANN
    uploaded: list[str] = field(default_factory=list)

    def as_(self, actor: Actor) -> "Desk":
        """The same for somebody else."""
        return replace(self, actor=actor, uploaded=[])

    @property
    def tx(self) -> Tx:
        """A snapshot that a test may keep."""
        self.close()
        self._reading = self.database.read(self.actor)
        found: Tx = self._reading.__enter__()
        return found

    def close(self) -> None:
        """Ends the snapshot."""
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.__exit__(None, None, None)

    def apart(self) -> "Desk":
        """See `Edge.apart`."""
        return replace(self, _reading=None)

    def write(self, work: Callable[[Tx], T]) -> T:
        """See `Edge.write`."""
        self.close()
        return self.database.write(self.actor, work)

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """See `Edge.await_`."""
        return asyncio.run(work)

    _reading: Any = None

    def begin(self, digest: str, **ask: Any) -> int:
        """Begins a version of team/demo/net."""
        given: dict[str, Any] = {
            "entity": "team",
            "project": "demo",
            "type_name": "model",
            "collection": "net",
            "aliases": ("latest",),
            "finds_same_content": True,
        }
        given.update(ask)
        return self.write(lambda tx: create_artifact(tx, CreateArtifact(digest=digest, **given)))

    def reserve(self, artifact_id: int, files: Mapping[str, bytes]) -> list[UploadPlace]:
        """Asks for places."""
        wanted = [UploadFile(artifact_id, path, md5_of(c), None, None) for path, c in files.items()]
        places = uploads.create_files(self, wanted, None)
        self.close()
        return places

    def upload(self, artifact_id: int, files: Mapping[str, bytes]) -> list[UploadPlace]:
        """Reserves places, puts what is not stored yet, and notes that all in one transaction."""
        places = self.reserve(artifact_id, files)
        came: dict[BlobKey, StoredBlob] = {}
        for place, (path, content) in zip(places, files.items(), strict=True):
            if not place.file.is_stored:
                self.uploaded.append(path)
                key = BlobKey(place.file.blob_id)
                came[key] = self.store.put_whole(key, content, place.expect)
        assert self.write(lambda tx: uploads.record_all_stored(tx, came)) == []
        return places

    def put(self, blob_id: str, content: bytes, expect: Expected) -> None:
        """What the PUT route does."""
        stored = self.store.put_whole(BlobKey(blob_id), content, expect)
        self.write(lambda tx: uploads.record_stored(tx, blob_id, stored))

    def upload_manifest(self, artifact_id: int, document: bytes) -> None:
        """Announces and puts a manifest."""
        md5 = md5_of(document)
        ask = AnnounceManifest(artifact_id, NAME, "FULL", "")
        self.write(lambda tx: uploads.announce_manifest(tx, ask, BlobKey.new().text))
        ask = replace(ask, md5=md5)
        key = BlobKey.new().text
        announced = self.write(lambda tx: uploads.announce_manifest(tx, ask, key))
        assert announced.blob_id is not None
        self.put(announced.blob_id, document, Expected(announced.md5))

    def commit(self, artifact_id: int) -> int:
        """Commits."""
        try:
            return commit_artifact(self, artifact_id)
        finally:
            self.close()

    def log(
        self, files: Mapping[str, bytes], *, references: Mapping[str, str] | None = None, **ask: Any
    ) -> Artifact:
        """The whole of it."""
        entries = entries_of(files, **references or {})
        artifact_id = self.begin(digest_of(entries), **ask)
        if self.get(artifact_id).state == "committed":
            return self.get(artifact_id)
        self.upload(artifact_id, files)
        self.upload_manifest(artifact_id, manifest(entries))
        self.commit(artifact_id)
        return self.get(artifact_id)

    def get(self, artifact_id: int) -> Artifact:
        """The artifact as it is."""
        with self.database.read(self.actor) as tx:
            return artifacts.get_for(tx, Action.READ, artifact_id).thing


def manifest(entries: Mapping[str, Any], **change: Any) -> bytes:
    """A manifest document."""
    document = {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": dict(entries),
    }
    return json.dumps(document | change).encode()


def artifact_id(number: int) -> str:
    """The wire's id."""
    return encode("Artifact", number)


def open_desk(database: Database, folder: Path) -> Desk:
    """A desk of Ann's on an empty database."""
    database.write(Actor(None, is_admin=True), people)
    return Desk(database, DiskStore(folder))
