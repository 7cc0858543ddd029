"""What metadata a registry has is known from linking and from changes, and search finds all that is there."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from registrum.core.actors import Actor
from registrum.core.filters import parse_filter
from registrum.core.linking import LinkArtifact
from registrum.core.pages import page_ask
from registrum.core.policy import Action, Role
from registrum.core.projects import Project, ProjectName
from registrum.server.db import Database, membership_pages, registry_values
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.tx import Tx
from registrum.server.services.artifacts import UpdateArtifact, update_artifact
from registrum.server.services.linking import link_artifact
from tests import make


@dataclass
class Scene:
    """One who logs in a team's project and links into two registries."""

    database: Database
    ann: Actor
    acme: int
    training: Project
    models: Project
    datasets: Project

    def log(self) -> int:
        """A version without metadata."""
        return self.database.write(make.ROOT, lambda tx: make.version(tx, self.training, "net"))

    def describe(self, artifact_id: int, **metadata: Any) -> None:
        """Gives it other metadata."""
        ask = UpdateArtifact(artifact_id, metadata=json.dumps(metadata))
        self.database.write(self.ann, lambda tx: update_artifact(tx, ask))

    def link(self, artifact_id: int, to: Project) -> None:
        """Links it into a registry."""
        target = ProjectName(to.entity.name, to.name)
        ask = LinkArtifact(artifact_id, None, target, "line", None, ())
        self.database.write(self.ann, lambda tx: link_artifact(tx, ask))

    def find(self, **condition: Any) -> list[tuple[str, int]]:
        """Registry and artifact of what a filter finds in the organization, oldest link first."""
        filter_ = parse_filter(json.dumps({f"metadata.{k}": v for k, v in condition.items()}))
        ask = VersionsAsk(page_ask(100, None, with_total=True), filter=filter_, order="+linked_at")
        with self.database.read(self.ann) as tx:
            page = membership_pages.page_of_organization(tx, Action.READ, self.acme, ask)
        assert page.total_count == len(page.nodes)
        places = [(node.collection.project, node.artifact.id) for node in page.nodes]
        return [(place.name.rpartition("-")[2], number) for place, number in places if place]

    def may_have(self, path: str, value: str | None) -> list[int]:
        """Those of both registries that may have it."""
        with self.database.read(self.ann) as tx:
            both = [self.models.id, self.datasets.id]
            return registry_values.may_have(tx, both, path, value)


@pytest.fixture
def scene(database: Database) -> Scene:
    def build(tx: Tx) -> Scene:
        acme, ann = make.organization(tx, "acme"), make.user(tx, "ann")
        team = make.team(tx, acme, "team")
        make.joins_organization(tx, ann, acme, Role.MEMBER)
        make.joins_team(tx, ann, team, Role.MEMBER)
        models, datasets = (make.registry(tx, "acme", acme, n) for n in ("models", "datasets"))
        for registry in (models, datasets):
            make.joins_project(tx, ann, registry, Role.MEMBER)
        training = make.project(tx, "team", team, "training", organization_id=acme)
        return Scene(database, ann, acme, training, models, datasets)

    return database.write(make.ROOT, build)


def test_linking_notes_what_there_is(scene: Scene) -> None:
    model, rows = scene.log(), scene.log()
    scene.describe(model, kind="net", accuracy=0.9, deep={"er": [1, True]})
    scene.describe(rows, kind="table", rows=3)
    scene.link(model, scene.models)
    scene.link(rows, scene.datasets)
    assert scene.may_have("accuracy", registry_values.NUMBER) == [scene.models.id]
    assert scene.may_have("accuracy", registry_values.text_value("0.9")) == []
    assert scene.may_have("kind", registry_values.text_value("table")) == [scene.datasets.id]
    assert scene.may_have("kind", None) == [scene.models.id, scene.datasets.id]
    assert scene.find(kind="net") == [("models", model)]
    assert scene.find(kind="table", rows={"$gt": 2}) == [("datasets", rows)]
    assert scene.find(kind="table", accuracy={"$gt": 0.5}) == []
    assert scene.find(**{"deep.er": "true"}) == [("models", model)]
    assert scene.find(**{"deep.er": [1, "true"]}) == [("models", model)]
    assert scene.find(rows={"$exists": True}) == [("datasets", rows)]
    assert scene.find(rows={"$exists": False}) == [("models", model)]
    assert scene.find(rows=None) == [("models", model)]


def test_a_change_of_metadata_is_noted_wherever_the_version_is_linked(scene: Scene) -> None:
    version = scene.log()
    scene.link(version, scene.models)
    scene.link(version, scene.datasets)
    assert scene.find(stage="final") == []
    scene.describe(version, stage="final")
    assert scene.find(stage="final") == [("models", version), ("datasets", version)]


def test_what_is_noted_once_stays_and_finds_nothing(scene: Scene) -> None:
    version = scene.log()
    scene.describe(version, stage="draft")
    scene.link(version, scene.models)
    scene.describe(version, stage="final")
    assert scene.may_have("stage", registry_values.text_value("draft")) == [scene.models.id]
    assert scene.find(stage="draft") == []
    assert scene.find(stage="final") == [("models", version)]


def test_of_very_many_texts_nothing_is_known(scene: Scene) -> None:
    most = registry_values.MOST_VALUES
    versions = []
    for number in range(most + 3):
        versions.append(scene.log())
        scene.describe(versions[-1], run=f"run-{number}")
        scene.link(versions[-1], scene.models)
        if number in (most - 1, most):
            known = scene.may_have("run", registry_values.text_value("none"))
            assert known == ([] if number < most else [scene.models.id])
    assert scene.find(run=f"run-{most + 2}") == [("models", versions[-1])]
    assert scene.find(run="none") == []
