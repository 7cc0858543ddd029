"""Binds `schema/run_files.graphql`: files that runs save beside their reports."""

from functools import partial
from typing import Any

from registrum.core import digests, ids
from registrum.core.pages import Edge, Page, page_ask
from registrum.core.policy import Action
from registrum.core.run_files import RunFile, asked_path
from registrum.core.runs import Run, RunName
from registrum.server.blobs.store import BlobKey, Expected
from registrum.server.db import run_files
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.context import Context
from registrum.server.graphql.files import File, download_url
from registrum.server.graphql.selection import selected
from registrum.server.services import run_files as service

mutation = Root("Mutation")
run = Type("Run")


@run.field("fileCount")
def resolve_file_count(found: Run, info: Info) -> int:
    """How many files a run has."""
    return run_files.count_of_run(info.context.tx, Action.READ, found)


@run.field("files")
def resolve_files(
    found: Run,
    info: Info,
    names: list[str | None] | None,
    pattern: str | None,
    after: str | None,
    first: int | None,
) -> Page[File]:
    """A page of a run's files, by path."""
    page = run_files.page_of_run(
        info.context.tx,
        Action.READ,
        found,
        page_ask(first, after, with_total="totalCount" in selected(info)),
        names=[asked_path(name) for name in names or () if name is not None],
        pattern=pattern,
    )
    edges = (Edge(_wire_file(info.context, edge.node), edge.cursor) for edge in page.edges)
    return Page(tuple(edges), page.has_next_page, page.total_count)


def _wire_file(context: Context, found: RunFile) -> File:
    md5 = digests.to_base64(found.md5) if found.md5 else None
    return File(
        id=ids.encode("RunFile", found.id),
        name=found.name,
        make_url=partial(
            download_url,
            context,
            found.blob_id,
            found.name,
            found.size_bytes,
            md5=found.md5,
            content_type=found.mimetype,
        ),
        size_bytes=found.size_bytes,
        mimetype=found.mimetype,
        updated_at=found.updated_at,
        digest=md5,
        md5=md5,
    )


@mutation.field("createRunFiles")
def resolve_create_files(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Reserves places for files. They go through this server whatever the store, which so learns that they have come."""
    context: Context = info.context
    paths = input["files"]
    keys = {path: BlobKey.new() for path in paths}
    blobs = {path: key.text for path, key in keys.items()}
    name = _run_name(input)
    number = context.write(lambda tx: service.create_run_files(tx, name, blobs))
    return {
        "runID": ids.encode("Run", number),
        "uploadHeaders": [],
        "files": [
            {"name": path, "uploadUrl": context.urls.put_blob(keys[path], path, Expected())}
            for path in paths
        ],
    }


@mutation.field("markRunFilesUploaded")
def resolve_mark_uploaded(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes the notice that files have come."""
    service.check_uploaded(info.context.tx, _run_name(input))
    return {"success": True}


@mutation.field("deleteFiles")
def resolve_delete_files(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Removes files of runs."""
    numbers = [ids.decode("RunFile", text) for text in input["files"]]
    info.context.write(lambda tx: service.delete_files(tx, numbers))
    return {"success": True}


def _run_name(input: dict[str, Any]) -> RunName:
    return RunName(input["entityName"], input["projectName"], input["runName"])


BINDINGS = [mutation, run]
