"""Binds `schema/files.graphql`: uploading files of artifacts, and pages of files with signed addresses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from registrum.core import digests, ids
from registrum.core.artifacts import Artifact, Membership
from registrum.core.digests import ArtifactAlgorithm, artifact_algorithm
from registrum.core.files import ArtifactFile
from registrum.core.pages import Edge, Page, PageAsk, page_ask, whole
from registrum.server.blobs.store import BlobKey, Expected
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.context import Context
from registrum.server.graphql.pages import connection
from registrum.server.services import files, uploads
from registrum.server.services.uploads import UploadFile, UploadPlace


@dataclass(slots=True)
class File:
    """What every field of the wire's `File` is read from, whether a file of an artifact, of a run, or one to come.

    Attributes:
        id: global id.
        make_url: makes the signed address to download from; called only where it is asked for.
        artifact: the one that the bytes were first stored for; only in answers to uploads.
    """

    id: str
    name: str
    make_url: Callable[[], str]
    size_bytes: int = 0
    storage_path: str | None = None
    mimetype: str | None = None
    updated_at: datetime | None = None
    digest: str | None = None
    md5: str | None = None
    upload_url: str | None = None
    upload_headers: Sequence[str] = ()
    upload_multipart_urls: dict[str, Any] | None = None
    artifact: Artifact | None = None


def _url(file: File, arguments: dict[str, Any]) -> str | None:
    return file.upload_url if arguments.get("upload") else file.make_url()


file = Type(
    "File",
    value=File,
    reads={
        "displayName": "name",
        "url": _url,
        "directUrl": lambda f: f.make_url(),
    },
)
file_connection = Type("FileConnection", reads={"uploadHeaders": lambda _: ()})
mutation = Root("Mutation")
artifact = Type("Artifact")
membership = Type("ArtifactCollectionMembership")


def download_url(
    context: Context,
    blob_id: str,
    filename: str,
    size_bytes: int,
    *,
    md5: bytes | None = None,
    content_type: str | None = None,
) -> str:
    """A signed address from which anybody who holds it downloads a blob, as long as `download_url_expiry_s` says."""
    key = BlobKey(blob_id)
    if not context.store.serves_bytes:
        lasts = timedelta(seconds=context.urls.get_lasts_s)
        direct = context.store.signed_get(key, filename, content_type, lasts)
        if direct is not None:
            return direct.url
    return context.urls.get_blob(key, filename, size_bytes, md5=md5, content_type=content_type)


def upload_address(
    context: Context, blob_id: str, filename: str, expect: Expected, content_type: str | None
) -> tuple[str, list[str]]:
    """A signed address to put a blob, and the headers that must go with it, each `Name:Value`."""
    key = BlobKey(blob_id)
    if not context.store.serves_bytes:
        lasts = timedelta(seconds=context.urls.put_lasts_s)
        direct = context.store.signed_put(key, expect, content_type, lasts)
        if direct is not None:
            return direct.url, [f"{name}:{value}" for name, value in direct.headers.items()]
    return context.urls.put_blob(key, filename, expect), []


def storage_path(blob_id: str) -> str:
    """How the wire calls the place of a blob in the store."""
    return f"wandb_artifacts/{blob_id}"


def of_artifact(context: Context, found: ArtifactFile) -> File:
    """The wire's file for one entry of an artifact; the address of a reference is what it refers to."""
    entry = found.entry
    is_md5 = entry.ref is None and entry.algorithm is digests.Algorithm.MD5
    md5, mimetype = entry.digest if is_md5 else None, found.mimetype
    return File(
        id=ids.encode(f"ArtifactFile:{found.artifact_id}", found.ordinal),
        name=entry.path,
        make_url=_Address(context, found, md5, mimetype),
        size_bytes=entry.size_bytes,
        storage_path=storage_path(found.blob_id) if found.blob_id else None,
        mimetype=mimetype,
        updated_at=found.updated_at,
        digest=entry.digest,
        md5=md5,
    )


@dataclass(slots=True)
class _Address:
    """Signs once, however often it is asked: the client wants `url` and `directUrl` of each of 5,000 files."""

    context: Context
    found: ArtifactFile
    md5: str | None
    mimetype: str | None
    made: str | None = None

    def __call__(self) -> str:
        if self.made is None:
            self.made = self._make()
        return self.made

    def _make(self) -> str:
        entry, blob_id = self.found.entry, self.found.blob_id
        if entry.ref is not None or blob_id is None:
            return entry.ref or ""
        return download_url(
            self.context,
            blob_id,
            entry.path,
            entry.size_bytes,
            md5=digests.from_base64(self.md5) if self.md5 is not None else None,
            content_type=self.mimetype,
        )


def _as_files(context: Context, page: Page[ArtifactFile]) -> Page[File]:
    edges = tuple([Edge(of_artifact(context, edge.node), edge.place) for edge in page.edges])
    return Page(edges, page.has_next_page, page.total_count)


@artifact.field("files")
def resolve_artifact_files(
    found: Artifact, info: Info, names: list[str] | None, after: str | None, first: int | None
) -> Page[File]:
    """Files of a version reached by its id."""
    page = files.files_by_artifact(info.context, found.id, names, page_ask(first, after))
    return _as_files(info.context, page)


@artifact.field("filesByManifestEntries")
def resolve_files_by_entries(
    found: Artifact,
    info: Info,
    entries: list[dict[str, Any]] | None,
    after: str | None,
    first: int | None,
    **_: object,
) -> Page[File]:
    """Files that entries of a manifest name, in so far as they are those entries."""
    wanted = {entry["name"]: entry["digest"] for entry in entries or ()}
    ask = PageAsk(files.MAX_NAMES) if first is None else page_ask(first, after)
    page = files.files_by_artifact(info.context, found.id, list(wanted), ask)
    kept = tuple(
        edge for edge in page.edges if edge.node.entry.digest == wanted[edge.node.entry.path]
    )
    return _as_files(info.context, Page(kept, page.has_next_page, page.total_count))


@membership.field("files")
def resolve_membership_files(
    found: Membership, info: Info, names: list[str] | None, after: str | None, first: int | None
) -> Page[File]:
    """Files of a version reached by its name in a collection."""
    page = files.files_by_membership(info.context, found.id, names, page_ask(first, after))
    return _as_files(info.context, page)


@mutation.field("createArtifactFiles")
def resolve_create_files(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Says of each file where to put it, or that it is stored."""
    context: Context = info.context
    asked = input["artifactFiles"]
    artifacts = {
        each: ids.decode("Artifact", each) for each in {every["artifactID"] for every in asked}
    }
    wanted = [_upload_file(each, artifacts[each["artifactID"]]) for each in asked]
    given = input.get("digestAlgorithm")
    algorithm: ArtifactAlgorithm | None = artifact_algorithm(given) if given else None
    places = uploads.create_files(context, wanted, algorithm)
    return {"files": whole([_to_upload(context, place) for place in places])}


def _upload_file(each: dict[str, Any], artifact_id: int) -> UploadFile:
    parts = each.get("uploadPartsInput") or ()
    if parts:
        parts = sorted(parts, key=lambda part: part["partNumber"])
    return UploadFile(
        artifact_id,
        each["name"],
        each.get("md5"),
        each.get("digest"),
        each.get("mimetype"),
        tuple([part["hexMD5"] for part in parts]),
        bool(each.get("resume")),
    )


def _to_upload(context: Context, place: UploadPlace) -> File:
    wanted, blob_id = place.file.wanted, place.file.blob_id
    url, headers, parts = None, list[str](), None
    if not place.file.is_stored:
        url, headers = upload_address(context, blob_id, wanted.path, place.expect, wanted.mimetype)
        if place.upload_id is not None:
            parts = _part_addresses(context, BlobKey(blob_id), place.upload_id, place)
    digest = digests.to_base64(wanted.digest)
    md5: str | None = digest
    if wanted.algorithm is not digests.Algorithm.MD5:
        md5 = digests.to_base64(wanted.md5) if wanted.md5 else None
    return File(
        id=ids.encode("ArtifactFile", place.artifact.id),
        name=wanted.path,
        make_url=_nowhere,
        storage_path=storage_path(blob_id),
        mimetype=wanted.mimetype,
        digest=digest,
        md5=md5,
        upload_url=url,
        upload_headers=headers,
        upload_multipart_urls=parts,
        artifact=place.artifact,
    )


def _nowhere() -> str:
    """The address to read from of a file that is yet to come."""
    return ""


def _part_addresses(
    context: Context, key: BlobKey, upload_id: str, place: UploadPlace
) -> dict[str, Any]:
    lasts, found = timedelta(seconds=context.urls.put_lasts_s), []
    for number, md5 in enumerate(place.part_md5s, 1):
        if number in place.landed:
            continue
        direct = context.store.signed_part_put(key, upload_id, number, md5, lasts)
        url = direct.url if direct else context.urls.put_part(key, upload_id, number, md5)
        found.append({"partNumber": number, "uploadUrl": url})
    return {"uploadID": upload_id, "uploadUrlParts": found}


@mutation.field("completeMultipartUploadArtifact")
def resolve_complete_parts(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Joins the parts of a file, or gives them up."""
    artifact_id = ids.decode("Artifact", input["artifactID"])
    if input["completeMultipartAction"] == "Abort":
        uploads.abort_parts(info.context, artifact_id, input["uploadID"])
        return {"digest": None}
    md5 = uploads.complete_parts(info.context, artifact_id, input["uploadID"])
    return {"digest": digests.to_base64(md5)}


BINDINGS = [file, *connection("File"), file_connection, mutation, artifact, membership]
