"""`registrum artifact`: upload, download and check versions."""

import json
from pathlib import Path
from typing import Any, Literal

import click

from registrum.cli import records
from registrum.cli.connection import Connection, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.rehearsal import changes
from registrum.cli.versions import show_all
from registrum.core.errors import DigestMismatch
from registrum.errors import BadValue, Missing


@click.group("artifact", cls=Noun)
def command() -> None:
    """Upload, download, list and verify versions, by path: [ENTITY/]PROJECT/NAME[:ALIAS].

    A registry's project is wandb-registry-NAME.
    """


@command.command("put")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--name", "-n", required=True, metavar="[ENTITY/]PROJECT/NAME", help="What to log it as."
)
@click.option("--type", "-t", "kind", default="dataset", show_default=True, help="Its type.")
@click.option("--alias", "-a", "aliases", multiple=True, help="Beside latest; may be repeated.")
@click.option("--tag", "tags", multiple=True, help="Of the version; may be repeated.")
@click.option("--description", "-d", help="What it is.")
@click.option("--metadata", help="A JSON object, or @FILE with one.")
@changes
@talks_to_server
def put(
    server: Connection,
    *,
    paths: tuple[Path, ...],
    name: str,
    kind: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    metadata: str | None,
) -> None:
    """Upload files and folders as a version.

    The files of a single folder are at the version's top; otherwise each path keeps its own last name.
    """
    from registrum.sdk import uploads
    from registrum.sdk.artifacts import Artifact

    api = server.api()
    parts = name.split("/")
    if len(parts) not in {2, 3} or not all(parts):
        raise BadValue(f"{name!r} is not [ENTITY/]PROJECT/NAME.")
    entity = parts[0] if len(parts) == 3 else api.default_entity
    if entity is None:
        raise BadValue(f"You have no default entity: name one, as in ENTITY/{name}.")
    project, collection = parts[-2:]
    artifact = Artifact(collection, kind, description, _metadata(metadata))
    for path in paths:
        if not path.is_dir():
            artifact.add_file(str(path))
        else:
            artifact.add_dir(str(path), name=None if len(paths) == 1 else path.name)
    uploads.commit(api.service, artifact, entity, project, aliases=list(aliases), tags=list(tags))
    server.say(f"Logged {artifact.qualified_name}.", **records.of_version(artifact))


@command.command("get")
@click.argument("name", metavar="PATH")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder to write to. [default: ./artifacts/NAME:vN]",
)
@click.option(
    "--include", multiple=True, metavar="GLOB", help="Only files like this; may be repeated."
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="No files like this; may be repeated."
)
@click.option(
    "--link",
    type=click.Choice(["hard"]),
    help="Share files with the cache by hard links, read only, instead of copying them.",
)
@talks_to_server
def get(
    server: Connection,
    *,
    name: str,
    root: Path | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    link: Literal["hard"] | None,
) -> None:
    """Download a version, or some of its files, and print the folder."""
    artifact = server.api().artifact(name)
    folder = artifact.download(
        root=None if root is None else str(root),
        include=include or None,
        exclude=exclude or None,
        link=link,
    )
    server.screen.given(str(folder), folder=str(folder), **records.of_version(artifact))


@command.command("ls")
@click.argument("project", metavar="[ENTITY/]PROJECT")
@click.option("--name", "-n", help="List the versions of the collection of this name.")
@click.option("--type", "-t", "kind", help="Only of this type.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most.")
@talks_to_server
def ls(server: Connection, *, project: str, name: str | None, kind: str | None, limit: int) -> None:
    """List a project's collections or, with --name, the versions of one."""
    api = server.api()
    kinds = [kind] if kind else [own.name for own in api.artifact_types(project)]
    collections = (own for each in kinds for own in api.artifact_collections(project, each))
    if name is None:
        told = map(records.of_collection, collections)
        server.screen.table(told, ("name", "type", "tags", "description"), limit)
        return
    found = next((own for own in collections if own.name == name), None)
    if found is None:
        raise Missing(f"There is no collection {name!r} in {project}.")
    show_all(server, found.artifacts(), limit)


@command.command("verify")
@click.argument("name", metavar="PATH")
@click.option(
    "--root",
    type=click.Path(exists=True, path_type=Path),
    help="Where it was downloaded to. [default: as for get]",
)
@talks_to_server
def verify(server: Connection, name: str, root: Path | None) -> None:
    """Check that a folder holds exactly the files of a version."""
    artifact = server.api().artifact(name)
    try:
        artifact.verify(None if root is None else str(root))
    except ValueError as error:
        raise DigestMismatch(str(error)) from None
    server.say(
        f"{artifact.qualified_name}: all files are whole.",
        name=artifact.qualified_name,
        is_whole=True,
    )


def _metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        told = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise BadValue(f"--metadata is no JSON object: {error}") from None
    if not isinstance(told, dict):
        raise BadValue("--metadata must be a JSON object.")
    return told
