"""Logging, editing and deleting artifacts, and lineage, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registrum.core.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    InvalidName,
    NotFound,
    NotSupported,
    RegistrumError,
    TooLarge,
    TypeNotAccepted,
    Unprocessable,
)
from registrum.core.events import EventKind
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.core.runs import RunName, SaveRun
from registrum.server.db import Database, aliases, artifacts, lineage, projects, tags
from registrum.server.db.tables import events
from registrum.server.services import collections as collection_service
from registrum.server.services.artifacts import UpdateArtifact, delete_artifact, update_artifact
from registrum.server.services.collections import delete_collection
from registrum.server.services.lineage import UseArtifact, use_artifact
from registrum.server.services.projects import delete_project
from registrum.server.services.runs import save_run
from registrum.server.services.setup import SYSTEM
from tests.services.desk import BOB, STRANGER, VIEWER, Desk, digest_of, entries_of, open_desk

FILES = {"model.bin": b"weights"}
DIGEST = digest_of(entries_of(FILES))


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    found = open_desk(database, tmp_path / "blobs")
    yield found
    found.close()
    found.store.close()


def aliases_of(desk: Desk, artifact_id: int) -> list[str]:
    with desk.database.read(desk.actor) as tx:
        return [each.name for each in aliases.by_artifacts(tx, [artifact_id]).get(artifact_id, ())]


def tags_of(desk: Desk, artifact_id: int) -> list[str]:
    with desk.database.read(desk.actor) as tx:
        return [each.name for each in tags.by_artifacts(tx, [artifact_id]).get(artifact_id, ())]


def change(desk: Desk, artifact_id: int, **what: Any) -> None:
    desk.write(lambda tx: update_artifact(tx, UpdateArtifact(artifact_id, **what)))


def run(desk: Desk, name: str, project: str = "demo") -> int:
    return desk.write(lambda tx: save_run(tx, RunName("team", project, name), SaveRun())).id


def test_latest_follows_the_newest_version_and_other_aliases_move(desk: Desk) -> None:
    first = desk.log(FILES, aliases=("latest", "best"))
    second = desk.log({"model.bin": b"better"}, aliases=("latest", "best"))
    assert aliases_of(desk, first.id) == []
    assert aliases_of(desk, second.id) == ["best", "latest"]


def test_logging_old_content_again_moves_the_aliases_to_its_version(desk: Desk) -> None:
    first = desk.log(FILES)
    second = desk.log({"model.bin": b"better"})
    desk.log(FILES, aliases=("latest", "back"), tags=("seen twice",))
    assert aliases_of(desk, first.id) == ["back", "latest"]
    assert tags_of(desk, first.id) == ["seen twice"]
    assert aliases_of(desk, second.id) == []


def test_without_deduplication_the_same_content_is_a_new_version(desk: Desk) -> None:
    desk.log(FILES)
    assert desk.log(FILES, finds_same_content=False).version == 1


def test_content_in_the_trash_does_not_answer(desk: Desk) -> None:
    gone = desk.log(FILES)
    desk.write(lambda tx: delete_artifact(tx, gone.id, with_aliases=True))
    again = desk.log(FILES)
    assert (again.id == gone.id, again.version) == (False, 1)


def test_a_client_id_names_one_artifact_and_one_content(desk: Desk) -> None:
    first = desk.begin(DIGEST, client_id="c1")
    assert desk.begin(DIGEST, client_id="c1") == first
    with pytest.raises(Conflict, match="Invalid Client ID digest"):
        desk.begin("0" * 32, client_id="c1")
    with pytest.raises(Conflict, match="Invalid Client ID digest"):
        desk.as_(STRANGER).begin(DIGEST, client_id="c1", entity="others", project="p")


@pytest.mark.parametrize("what", ["project", "collection"])
def test_a_client_id_is_free_once_the_place_of_its_upload_is_gone(desk: Desk, what: str) -> None:
    lost = desk.begin(DIGEST, client_id="c1")
    root = desk.as_(SYSTEM)
    with desk.database.read(SYSTEM) as tx:
        source = artifacts.get_for(tx, Action.READ, lost).thing.source
        assert source.project
    if what == "project":
        root.write(lambda tx: delete_project(tx, source.project.id, force=False))
    else:
        root.write(lambda tx: delete_collection(tx, "sequence", source.id))
    again = desk.begin(DIGEST, client_id="c1")
    assert again != lost
    assert desk.begin(DIGEST, client_id="c1") == again
    with pytest.raises(NotFound):
        desk.reserve(lost, {"a": b"1"})


def test_a_sequence_has_one_type(desk: Desk) -> None:
    desk.log(FILES)
    with pytest.raises(TypeNotAccepted, match="model"):
        desk.begin(DIGEST, type_name="dataset")


def test_the_project_is_made_on_demand_and_registries_take_no_logged_artifacts(
    desk: Desk,
) -> None:
    assert desk.log(FILES, project="brand new").source.project
    with pytest.raises(Invalid, match="registr"):
        desk.begin(DIGEST, entity="acme-org", project="wandb-registry-model")


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        ({"collection": "a/b"}, InvalidName),
        ({"collection": ".."}, InvalidName),
        ({"collection": "n" * 10_000}, InvalidName),
        ({"collection": "nul\x00"}, InvalidName),
        ({"project": "a/b"}, InvalidName),
        ({"type_name": "a:b"}, InvalidName),
        ({"aliases": ("a/b",)}, InvalidName),
        ({"aliases": ("v3",)}, InvalidName),
        ({"tags": ("no/slash",)}, InvalidName),
        ({"metadata": "not json"}, Invalid),
        ({"metadata": "[1]"}, Invalid),
        ({"metadata": '{"a": NaN}'}, Invalid),
        ({"metadata": '{"a": ' + "[" * 2000 + "]" * 2000 + "}"}, Invalid),
        ({"metadata": '{"a": "' + "x" * (1 << 20) + '"}'}, TooLarge),
        ({"description": "nul\x00"}, Invalid),
        ({"ttl_seconds": 0}, Invalid),
        ({"history_step": -5}, Invalid),
        ({"region": "mars-1"}, Unprocessable),
        ({"distributed_id": "many"}, NotSupported),
        ({"run": "unknown"}, NotFound),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(
    desk: Desk, ask: dict[str, Any], error: type[RegistrumError]
) -> None:
    with pytest.raises(error):
        desk.begin(DIGEST, **ask)
    with desk.database.read(desk.actor) as tx, pytest.raises(NotFound):
        projects.get_for(tx, Action.READ, ProjectName("team", "demo"))


@pytest.mark.parametrize("digest", ["", "xyz", "0" * 31, "G" * 32, "../../etc"])
def test_what_is_no_digest_is_refused(desk: Desk, digest: str) -> None:
    with pytest.raises(Invalid):
        desk.begin(digest)


def test_only_writers_log(desk: Desk) -> None:
    desk.log(FILES)
    with pytest.raises(Forbidden, match="viewer"):
        desk.as_(VIEWER).begin(DIGEST)
    with pytest.raises(NotFound):
        desk.as_(STRANGER).begin(DIGEST)


def test_what_is_said_about_a_version_can_change(desk: Desk) -> None:
    found = desk.log(FILES, description="first", metadata='{"a": 1}')
    change(desk, found.id, metadata='{"a": 2}', tags_to_add=("good", "Two Words"))
    change(desk, found.id, tags_to_remove=("good",), aliases=("only",))
    now = desk.get(found.id)
    assert (now.description, now.metadata) == ("first", '{"a": 2}')
    assert (tags_of(desk, found.id), aliases_of(desk, found.id)) == (["Two Words"], ["only"])
    change(desk, found.id, description="")
    assert desk.get(found.id).description == ""
    assert now.updated_at is not None


def test_logging_the_same_again_moves_no_alias_and_tells_of_none(desk: Desk) -> None:
    logged = desk.log(FILES, aliases=("latest", "best"))
    for _ in range(3):
        desk.log(FILES, aliases=("latest", "best"))
    with desk.database.read(SYSTEM) as tx:
        kinds = tx.column(select(events.c.kind).where(events.c.kind == EventKind.ALIAS_SET.value))
    assert kinds == []
    assert aliases_of(desk, logged.id) == ["best", "latest"]


def test_aliases_and_tags_of_logging_and_editing_are_in_the_ledger(desk: Desk) -> None:
    logged = desk.log(FILES, tags=("born",))
    desk.log(FILES, finds_same_content=True, aliases=("again",), tags=("again",))
    change(desk, logged.id, aliases=("again", "best"), tags_to_remove=("born",))
    change(desk, logged.id, tags_to_add=("again",), tags_to_remove=("never", "born"))
    with desk.database.read(SYSTEM) as tx:
        found = tx.rows(select(events.c.kind, events.c.changes).order_by(events.c.id))
    about = [
        (event.kind, event.changes.get("aliases") or event.changes.get("tags"))
        for event in found
        if event.kind.startswith(("alias.", "version."))
    ]
    assert about == [
        ("version.tagged", ["born"]),
        ("version.committed", ["latest"]),
        ("alias.set", ["again"]),
        ("version.tagged", ["again"]),
        ("version.untagged", ["born"]),
        ("alias.removed", ["latest"]),
        ("alias.set", ["best"]),
    ]


def test_ttl_is_own_or_inherited_or_off(desk: Desk) -> None:
    found = desk.log(FILES)
    assert (found.ttl_seconds, found.ttl_is_inherited) == (-2, True)
    change(desk, found.id, ttl_seconds=3600)
    assert (desk.get(found.id).ttl_seconds, desk.get(found.id).ttl_is_inherited) == (3600, False)
    change(desk, found.id, ttl_seconds=-2)
    assert (desk.get(found.id).ttl_seconds, desk.get(found.id).ttl_is_inherited) == (-2, False)
    change(desk, found.id, ttl_seconds=-1)
    assert (desk.get(found.id).ttl_seconds, desk.get(found.id).ttl_is_inherited) == (-2, True)


@pytest.mark.parametrize(("actor", "error"), [(VIEWER, Forbidden), (STRANGER, NotFound)])
def test_only_writers_edit_and_delete(desk: Desk, actor: Any, error: type[RegistrumError]) -> None:
    found = desk.log(FILES)
    with pytest.raises(error):
        change(desk.as_(actor), found.id, description="mine")
    with pytest.raises(error):
        desk.as_(actor).write(lambda tx: delete_artifact(tx, found.id, with_aliases=True))


def test_aliases_are_deleted_only_where_the_caller_says_so(desk: Desk) -> None:
    found = desk.log(FILES)
    with pytest.raises(InUse, match="alias"):
        desk.write(lambda tx: delete_artifact(tx, found.id, with_aliases=False))
    desk.write(lambda tx: delete_artifact(tx, found.id, with_aliases=True))
    with pytest.raises(NotFound):
        desk.get(found.id)


def test_latest_moves_to_the_newest_version_left_and_numbers_are_not_reused(desk: Desk) -> None:
    first = desk.log(FILES)
    second = desk.log({"f": b"2"}, aliases=("latest", "best"))
    desk.write(lambda tx: delete_artifact(tx, second.id, with_aliases=True))
    assert aliases_of(desk, first.id) == ["latest"]
    assert desk.log({"f": b"3"}).version == 2


def test_a_run_is_the_producer_of_what_it_logs_and_of_what_it_logs_again(desk: Desk) -> None:
    one, two = run(desk, "one"), run(desk, "two")
    found = desk.log(FILES, run="one")
    assert desk.log(FILES, run="two").run_id == one
    with desk.database.read(BOB) as tx:
        for number in (one, two):
            page = lineage.page_of_outputs(tx, Action.READ, number, PageAsk(with_total=True))
            assert ([a.id for a in page.nodes], page.total_count) == ([found.id], 1)


def test_a_use_is_noted_once_and_seen_from_both_sides(desk: Desk) -> None:
    found, user = desk.log(FILES), run(desk, "user")
    ask = UseArtifact(RunName("team", "demo", "user"), found.id, "input")
    for _ in range(2):
        desk.write(lambda tx: use_artifact(tx, ask))
    with desk.database.read(VIEWER) as tx:
        inputs = lineage.page_of_inputs(tx, Action.READ, user, PageAsk(with_total=True))
        users = lineage.page_of_users(tx, Action.READ, found.id, PageAsk(with_total=True))
        assert ([a.id for a in inputs.nodes], inputs.total_count) == ([found.id], 1)
        assert ([r.id for r in users.nodes], users.total_count) == ([user], 1)
    with desk.database.read(STRANGER) as tx:
        assert lineage.page_of_users(tx, Action.READ, found.id, PageAsk()).nodes == ()


def test_what_is_deleted_with_its_sequence_leaves_lineage_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large sequence the versions follow in steps."""
    monkeypatch.setattr(collection_service, "DELETED_AT_ONCE", 0)
    maker, user = run(desk, "maker"), run(desk, "user")
    found = desk.log(FILES, run="maker")
    desk.write(lambda tx: use_artifact(tx, UseArtifact(RunName("team", "demo", "user"), found.id)))
    desk.write(lambda tx: delete_collection(tx, "sequence", found.source.id))
    with desk.database.read(BOB) as tx:
        for page_of, number in ((lineage.page_of_outputs, maker), (lineage.page_of_inputs, user)):
            page = page_of(tx, Action.READ, number, PageAsk(with_total=True))
            assert (page.nodes, page.total_count) == ((), 0)


def test_one_uses_with_a_run_of_ones_own_what_one_may_download(desk: Desk) -> None:
    found = desk.log(FILES)
    run(desk, "user")
    ask = UseArtifact(RunName("team", "demo", "user"), found.id)
    with pytest.raises(Forbidden):
        desk.as_(VIEWER).write(lambda tx: use_artifact(tx, ask))
    with pytest.raises(NotFound):
        desk.as_(STRANGER).write(lambda tx: use_artifact(tx, ask))


def test_a_client_id_stands_for_the_artifact_to_those_who_may_see_it(desk: Desk) -> None:
    found = desk.log(FILES, client_id="mine")
    with desk.database.read(VIEWER) as tx:
        known = artifacts.by_client_id(tx, "mine")
        assert known is not None
        assert known.id == found.id
    with desk.database.read(STRANGER) as tx:
        assert artifacts.by_client_id(tx, "mine") is None


def test_a_version_takes_a_hundred_tags_at_once_and_no_more(desk: Desk) -> None:
    logged = desk.log(FILES, tags=tuple(f"tag {n}" for n in range(100)))
    assert len(tags_of(desk, logged.id)) == 100
    with pytest.raises(Invalid, match="100 tags"):
        change(desk, logged.id, tags_to_add=tuple(f"more {n}" for n in range(101)))
