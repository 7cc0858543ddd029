"""Runs that branch off others: from which run, at which step, and what becomes of the settings."""

import json
from typing import NamedTuple

from registrum.core.runs import dump_json, own_section

MOST_STEPS = 2**62
_OWN = "_wandb"


class BranchPoint(NamedTuple):
    """Where a run branched off: another run of its project, by its id, and the last step that both have."""

    run: str
    step: int


def branch_point_of(config: str | None) -> BranchPoint | None:
    """Where a run says in its settings that it branched off; None where it says nothing of that.

    Args:
        config: the run's settings, a JSON object as text.
    """
    if config is None or "branch_point" not in config:
        return None
    point = json.loads(own_section(config, ("branch_point",))).get("branch_point")
    run, step = (point.get("run_id"), point.get("step")) if isinstance(point, dict) else (None, 0)
    if not isinstance(run, str) or not isinstance(step, int | float) or abs(step) >= MOST_STEPS:
        return None
    return BranchPoint(run, int(step))


def inherited_settings(config: str | None) -> str:
    """The settings that a branch begins with: its parent's without what the client keeps among them.

    Args:
        config: the parent's, a JSON object as text; None for none.
    """
    return dump_json({k: v for k, v in json.loads(config or "{}").items() if k != _OWN})


def settings_over(below: str | None, above: str) -> str:
    """Settings of a branch: what it says itself, and for the rest what it inherited. JSON objects as text."""
    return dump_json(json.loads(below or "{}") | json.loads(above))
