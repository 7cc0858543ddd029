"""What goes with an account, a team or a project when it ends; used by the nouns' own services, which asked for the right."""

from collections.abc import Sequence

from registrum.core.aliases import protected_words
from registrum.core.errors import InUse
from registrum.core.policy import Action
from registrum.server.db import (
    entities,
    jobs,
    keys,
    members,
    organizations,
    project_removal,
    sessions,
    teams,
    users,
)
from registrum.server.db.tx import Tx

EMPTYING_JOB = "empty_projects"
EMPTIED_AT_ONCE = 200


def check_unprotected(tx: Tx, project_ids: Sequence[int]) -> None:
    """Refuses to go on where a protected alias stands in these projects, or on one of their versions elsewhere.

    Raises:
        InUse: names one.
    """
    standing = project_removal.protected_alias_in(tx, project_ids)
    if standing is not None:
        alias, collection = standing
        where = f"in collection {collection!r}" if collection else "on one of the versions"
        raise InUse(
            f"It cannot be deleted while {protected_words(alias)} stands {where}: remove it first. "
            "An administrator of the organization may delete a registry or the organization with force."
        )


def end_projects(tx: Tx, project_ids: Sequence[int]) -> None:
    """Ends projects: nothing of them is seen from then on, and their names are free.

    What is in them, and the links of their artifacts elsewhere, go at once if that is little, else by a job in steps.

    Raises:
        NotFound, Forbidden: the actor may not delete one of them.
    """
    if not project_ids:
        return
    project_removal.end(tx, Action.DELETE_PROJECT, project_ids)
    if empty_step(tx, project_ids):
        jobs.add(tx, EMPTYING_JOB, {"projects": list(project_ids)})


def empty_step(tx: Tx, project_ids: Sequence[int]) -> bool:
    """Takes away some of what is in projects that have ended; whether more remains. Idempotent."""
    return project_removal.empty_some(tx, project_ids, EMPTIED_AT_ONCE) == EMPTIED_AT_ONCE


def end_teams(tx: Tx, team_ids: Sequence[int]) -> None:
    """Ends teams with their memberships and service accounts, by as many statements however many they are.

    Their projects have ended before.
    """
    if not team_ids:
        return
    end_accounts(tx, teams.service_ids(tx, team_ids))
    teams.remove_members(tx, team_ids)
    members.remove_teams_everywhere(tx, team_ids)
    entities.remove(tx, team_ids)


def end_accounts(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends accounts with their keys, sessions, links and memberships; their projects have ended or moved before."""
    if not user_ids:
        return
    for remove_all in (
        keys.remove_all,
        sessions.remove_all,
        sessions.end_links,
        teams.remove_everywhere,
        organizations.remove_everywhere,
        members.remove_everywhere,
        users.remove,
        entities.remove_own,
    ):
        remove_all(tx, user_ids)
