"""Guests: who has a place in a registry or team of an organization without belonging to that."""

from functools import cache

from sqlalchemy import select

from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db.projects import PROJECT_COLUMNS, project_from, with_owner
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    organizations,
    project_members,
    project_teams,
    projects,
    team_members,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import ACTOR, allowed, allowed_organization, belongs_to

MOST = 100

_OWN = select(project_members.c.project_id).where(project_members.c.user_id == ACTOR)
_OF_TEAMS = (
    select(project_teams.c.project_id)
    .join(team_members, team_members.c.team_id == project_teams.c.team_id)
    .where(team_members.c.user_id == ACTOR)
)


@cache
def _shared_statement() -> Prepared:
    return prepared(
        select(*PROJECT_COLUMNS)
        .select_from(with_owner())
        .where(
            projects.c.kind == "registry",
            projects.c.id.in_(_OWN.union(_OF_TEAMS)),
            ~belongs_to(projects.c.organization_id),
            allowed(Action.READ),
        )
        .order_by(projects.c.id.desc())
        .limit(MOST)
    )


def registries_of_guest(tx: Tx, action: Action) -> list[Project]:
    """The registries that the actor sees as a guest, newest first; the first `MOST` of them."""
    assert action is Action.READ
    return [project_from(row) for row in tx.rows(_shared_statement())]


@cache
def _visited_statement() -> Prepared:
    return prepared(
        select(organizations.c.id)
        .where(
            organizations.c.deleted_at.is_(None),
            allowed_organization(Action.READ_ORGANIZATION, organizations.c.id),
            ~belongs_to(organizations.c.id),
        )
        .order_by(organizations.c.id)
        .limit(MOST)
    )


def organization_ids_of_guest(tx: Tx) -> list[int]:
    """The organizations that the actor is a guest of, oldest first; none for instance administrators, who see all."""
    return [] if tx.actor.is_admin else tx.column(_visited_statement())
