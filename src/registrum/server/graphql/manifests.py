"""Binds `schema/manifests.graphql`: announcing manifests, and where the committed one is read."""

from typing import Any

from registrum.core import digests, ids
from registrum.core.artifacts import Artifact
from registrum.core.files import StoredManifest
from registrum.core.manifest import NAME
from registrum.server.blobs.store import BlobKey, Expected
from registrum.server.db.manifests import AnnouncedManifest
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.context import Context
from registrum.server.graphql.files import File, download_url, storage_path, upload_address
from registrum.server.services import files, uploads
from registrum.server.services.uploads import AnnounceManifest

_JSON = "application/json"
mutation = Root(
    "Mutation",
    unsupported={
        "updateArtifactManifest": "Distributed and incremental uploads of artifacts are not supported."
    },
)
artifact = Type("Artifact")


@artifact.field("currentManifest")
def resolve_current_manifest(found: Artifact, info: Info) -> dict[str, Any] | None:
    """The canonical manifest of a committed version."""
    manifest = files.manifest_of(info.context.tx, found.id)
    return _stored(info.context, manifest) if manifest else None


def _stored(context: Context, manifest: StoredManifest) -> dict[str, Any]:
    def url() -> str:
        return download_url(
            context,
            manifest.blob_id,
            NAME,
            manifest.size_bytes,
            md5=manifest.md5,
            content_type=_JSON,
        )

    md5 = digests.to_base64(manifest.md5) if manifest.md5 else None
    return {
        "id": ids.encode("ArtifactManifest", manifest.id),
        "file": File(
            id=ids.encode("ManifestFile", manifest.id),
            name=NAME,
            make_url=url,
            size_bytes=manifest.size_bytes,
            storage_path=storage_path(manifest.blob_id),
            mimetype=_JSON,
            updated_at=manifest.committed_at,
            digest=md5,
            md5=md5,
        ),
    }


@mutation.field("createArtifactManifest")
def resolve_create_manifest(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Announces a manifest and says where to put it, once its MD5 is known."""
    context: Context = info.context
    base = input.get("baseArtifactID")
    ask = AnnounceManifest(
        artifact_id=ids.decode("Artifact", input["artifactID"]),
        name=input["name"],
        kind=input.get("type") or "FULL",
        md5=input["digest"],
        base_artifact_id=ids.decode("Artifact", base) if base else None,
    )
    blob_id = BlobKey.new().text
    manifest = context.write(lambda tx: uploads.announce_manifest(tx, ask, blob_id))
    return {"artifactManifest": _announced(context, manifest)}


def _announced(context: Context, manifest: AnnouncedManifest) -> dict[str, Any]:
    url, headers = None, list[str]()
    if manifest.blob_id is not None:
        expect = Expected(manifest.md5)
        url, headers = upload_address(context, manifest.blob_id, manifest.name, expect, _JSON)
    return {
        "id": ids.encode("ArtifactManifest", manifest.id),
        "file": File(
            id=ids.encode("ManifestFile", manifest.id),
            name=manifest.name,
            make_url=lambda: "",
            mimetype=_JSON,
            upload_url=url,
            upload_headers=headers,
        ),
    }


BINDINGS = [mutation, artifact]
