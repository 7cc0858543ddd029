"""Reading the files of committed artifacts: pages of them, their manifest, and the addresses clients make themselves."""

from collections.abc import Sequence

import orjson

from registrum.core import ids
from registrum.core.digests import from_hex
from registrum.core.errors import Invalid, NotFound
from registrum.core.files import ArtifactFile, Blob, StoredManifest
from registrum.core.manifest import entries_of
from registrum.core.manifest_pages import KEY_BYTES, NO_BLOB, ManifestIndex
from registrum.core.memberships import Wants
from registrum.core.pages import Edge as Row
from registrum.core.pages import Page, PageAsk
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.server.blobs.store import BlobKey
from registrum.server.db import artifacts, files, manifests, membership_pages, projects
from registrum.server.db.tx import Tx
from registrum.server.services.edges import Edge

MAX_NAMES = 5000
_NO_BLOB_ID = NO_BLOB.hex()


def manifest_of(tx: Tx, artifact_id: int) -> StoredManifest | None:
    """The manifest of an artifact that the actor may see: names, sizes and digests are no secret from viewers.

    Raises:
        NotFound: the actor may not see the artifact.
    """
    artifacts.get_for(tx, Action.READ, artifact_id)
    return manifests.current(tx, artifact_id)


def files_by_artifact(
    edge: Edge, artifact_id: int, names: Sequence[str] | None, ask: PageAsk
) -> Page[ArtifactFile]:
    """A page of an artifact's files by path, references included, if the actor may download it through some path.

    Args:
        names: only these; None: all.

    Raises:
        NotFound, Forbidden: the actor may not see, or not download, the artifact.
        Invalid: the cursor is of another list, or too many names.
    """
    artifacts.get_for(edge.tx, Action.DOWNLOAD, artifact_id)
    return page_of_files(edge, artifact_id, names, ask)


def files_by_membership(
    edge: Edge, membership_id: int, names: Sequence[str] | None, ask: PageAsk
) -> Page[ArtifactFile]:
    """The same by way of a version's place in a collection: what the actor may do there decides.

    Raises:
        NotFound, Forbidden: the actor may not see, or not download from, that collection.
        Invalid: the cursor is of another list, or too many names.
    """
    found = membership_pages.get_for_id(edge.tx, Action.DOWNLOAD, membership_id, Wants())
    return page_of_files(edge, found.thing.artifact.id, names, ask)


def page_of_files(
    edge: Edge, artifact_id: int, names: Sequence[str] | None, ask: PageAsk
) -> Page[ArtifactFile]:
    """A page of files of an artifact whose download the caller has checked, by whatever path it came."""
    tx = edge.tx
    manifest = manifests.current(tx, artifact_id)
    if manifest is None:
        return Page((), False, 0)
    index = manifests.index_of(tx, manifest)
    behind = ask.number_behind()
    start = 0 if behind is None else behind + 1
    if names is None:
        end = min(start + ask.first, index.count)
        found = _entries(edge, manifest, index, start, end)
        return _page(found, end < index.count, index.count)
    wanted = _named(edge, manifest, index, names)
    rest = [file for file in wanted if file.ordinal >= start]
    return _page(rest[: ask.first], len(rest) > ask.first, len(wanted))


def _page(found: Sequence[ArtifactFile], has_more: bool, total: int) -> Page[ArtifactFile]:
    return Page(tuple([Row(file, (file.ordinal,)) for file in found]), has_more, total)


def _entries(
    edge: Edge, manifest: StoredManifest, index: ManifestIndex, start: int, end: int
) -> list[ArtifactFile]:
    """The entries from `start` up to `end`, from their part of the manifest alone."""
    if start >= end:
        return []
    keys = manifests.blob_keys(edge.tx, manifest, index, start, end)
    at, first_byte, end_byte = index.span_of(start, end)
    text = edge.await_(_read(edge, manifest.blob_id, first_byte, end_byte - first_byte))
    contents = orjson.loads(b"{" + text.rstrip(b",") + b"}")
    blob_ids, width = keys.hex(), 2 * KEY_BYTES
    found = []
    for ordinal, entry in enumerate(entries_of(contents), at):
        if start <= ordinal < end:
            at_key = (ordinal - start) * width
            blob_id = blob_ids[at_key : at_key + width]
            known = None if blob_id == _NO_BLOB_ID else blob_id
            found.append(
                ArtifactFile(manifest.artifact_id, ordinal, entry, known, manifest.committed_at)
            )
    return found


async def _read(edge: Edge, blob_id: str, start: int, length: int) -> bytes:
    return b"".join([chunk async for chunk in edge.store.read(BlobKey(blob_id), start, length)])


def _named(
    edge: Edge, manifest: StoredManifest, index: ManifestIndex, names: Sequence[str]
) -> list[ArtifactFile]:
    if len(names) > MAX_NAMES:
        raise Invalid(f"At most {MAX_NAMES} files can be asked for by name at once.")
    wanted = set(names)
    groups = {index.group_with(name) for name in wanted} - {None}
    found: list[ArtifactFile] = []
    for group in sorted(g for g in groups if g is not None):
        first = group * index.group_size
        last = min(first + index.group_size, index.count)
        entries = _entries(edge, manifest, index, first, last)
        found += [file for file in entries if file.entry.path in wanted]
    return found


def resolve_fallback(tx: Tx, segments: Sequence[str]) -> tuple[Blob, str]:
    """What an address below `/artifacts/` or `/artifactsV2/` stands for, if the actor may download it.

    Args:
        segments: of the path, decoded, without `artifacts` or `artifactsV2`. With 2 of them: entity, digest. Else
            region, entity, then project and collection where there are at least 6, artifact id where there are 8,
            birth artifact id, digest, and perhaps a name.

    Returns:
        The blob, and the name to save it by.

    Raises:
        NotFound: no such file, or its project or artifact is hidden.
        Forbidden: the actor sees it, but may not download there.
    """
    try:
        found = _fallback(tx, segments)
    except Invalid:
        found = None
    if found is None or found[0].size_bytes is None:
        raise NotFound("There is no file at this address, or you may not download it.")
    return found


def _fallback(tx: Tx, segments: Sequence[str]) -> tuple[Blob, str] | None:
    match segments:
        case (entity, digest):
            name, blob = digest, files.blob_of_entity(tx, entity, from_hex(digest))
        case (_, _, birth, digest, *names) if len(names) <= 1:
            name = names[0] if names else digest
            found = artifacts.get_for(tx, Action.DOWNLOAD, ids.decode("Artifact", birth)).thing
            blob = files.blob_of_artifact(tx, found.id, from_hex(digest))
        case (_, entity, project, collection, _, digest):
            name = digest
            blob = _in_collection(tx, ProjectName(entity, project), collection, "", digest)
        case (_, entity, project, collection, *artifact, _, digest, name) if len(artifact) <= 1:
            where = ProjectName(entity, project)
            blob = _in_collection(tx, where, collection, "".join(artifact), digest)
        case _:
            return None
    return (blob, name) if blob else None


def _in_collection(
    tx: Tx, where: ProjectName, collection: str, artifact: str, digest: str
) -> Blob | None:
    artifact_id = ids.decode("Artifact", artifact) if artifact else None
    projects.get_for(tx, Action.DOWNLOAD, where)
    return files.blob_in_collection(tx, where, collection, artifact_id, from_hex(digest))
