"""Lineage: a run uses an artifact."""

from dataclasses import dataclass

from registrum.core.errors import Invalid
from registrum.core.policy import Action
from registrum.core.runs import RunName
from registrum.server.db import artifacts, lineage, runs
from registrum.server.db.tx import Tx

MAX_USED_AS = 1024


@dataclass(frozen=True, slots=True)
class UseArtifact:
    """A run's input.

    Attributes:
        used_as: what the run calls it.
    """

    run: RunName
    artifact_id: int
    used_as: str | None = None


def use_artifact(tx: Tx, ask: UseArtifact) -> int:
    """Notes that a run used an artifact.

    Returns:
        The artifact's number.

    Raises:
        NotFound: the run or the artifact is missing or unreadable.
        Forbidden: the actor may not write the run, or may see the artifact but not download it.
    """
    if ask.used_as is not None and len(ask.used_as) > MAX_USED_AS:
        raise Invalid(f"`usedAs` may have at most {MAX_USED_AS} characters.")
    used = artifacts.get_for(tx, Action.DOWNLOAD, ask.artifact_id)
    run = runs.get_for_path(tx, Action.WRITE, ask.run)
    lineage.add_use(tx, run, used, ask.used_as)
    return used.thing.id
