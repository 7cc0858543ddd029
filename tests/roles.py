"""Who may do what, in plain Python: `core/policy.py`'s tables applied to a list of who is what, to compare the SQL with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from registrum.core.policy import (
    ORGANIZATION_ADMIN_IN_TEAMS,
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
    organization_part,
)

Roles = Mapping[str, Role]


@dataclass(frozen=True)
class Place:
    """A project or registry.

    Attributes:
        owner: the user, team or organization it belongs to.
        organization: of a registry or of its team; None for a personal project.
        people, teams: roles in the registry, by name.
    """

    kind: Literal["registry", "team", "user"]
    owner: str
    organization: str | None = None
    visibility: str = "organization"
    organization_role: Role = Role.VIEWER
    people: Roles = field(default_factory=dict)
    teams: Roles = field(default_factory=dict)


@dataclass(frozen=True)
class Team:
    """A team of an organization and who is what in it."""

    organization: str
    people: Roles


@dataclass(frozen=True)
class Facts:
    """Everybody and everything, by name.

    Attributes:
        admins: administrators of the instance.
        organizations: roles in each.
    """

    organizations: Mapping[str, Roles]
    teams: Mapping[str, Team]
    projects: Mapping[str, Place]
    admins: frozenset[str] = frozenset()

    def registry_role(self, who: str | None, name: str) -> Role | None:
        """The effective role in a registry, instance administrators aside."""
        place = self.projects[name]
        assert place.organization is not None
        held = []
        own = self.organizations[place.organization].get(who or "")
        if own is Role.ADMIN or (own and place.visibility == "organization"):
            held.append(organization_part(own, place.organization_role))
        if who in place.people:
            held.append(place.people[who])
        held += [role for team, role in place.teams.items() if who in self.teams[team].people]
        return max(held, default=None)

    def may(self, who: str | None, action: Action, name: str) -> bool:
        """Whether somebody may do this in a project."""
        place, rule = self.projects[name], PROJECT_RULES[action]
        if who in self.admins:
            return True
        if place.kind == "user":
            return who == place.owner
        if place.kind == "registry":
            held = self.registry_role(who, name)
            return held is not None and held >= rule.registry
        assert place.organization is not None
        in_organization = self.organizations[place.organization].get(who or "")
        if rule.organization_admin and in_organization is Role.ADMIN:
            return True
        in_team = self.teams[place.owner].people.get(who or "")
        if in_team is None or (in_organization is Role.VIEWER and rule.team > Role.VIEWER):
            return False
        return in_team >= rule.team

    def held(self, who: str | None, name: str) -> Role | None:
        """The role that a refusal names: the highest whose typical act is allowed."""
        typical = {
            Role.ADMIN: Action.PROTECT_ALIAS,
            Role.MEMBER: Action.WRITE,
            Role.VIEWER: Action.DOWNLOAD,
            Role.RESTRICTED_VIEWER: Action.READ,
        }
        return next((role for role, action in typical.items() if self.may(who, action, name)), None)

    def may_in_organization(self, who: str | None, action: Action, name: str) -> bool:
        """Whether somebody may do this in an organization; its guests see that it is there."""
        held = self.organizations[name].get(who or "")
        if who in self.admins or (held is not None and held >= ORGANIZATION_RULES[action]):
            return True
        return action is Action.READ_ORGANIZATION and who in self._guests(name)

    def _guests(self, name: str) -> set[str]:
        teams = [team for team in self.teams.values() if team.organization == name]
        found = {who for team in teams for who in team.people}
        for place in self.projects.values():
            if place.kind == "registry" and place.organization == name:
                found.update(place.people)
                found.update(who for team in place.teams for who in self.teams[team].people)
        return found

    def may_in_team(self, who: str | None, action: Action, name: str) -> bool:
        """Whether somebody may do this in a team."""
        team = self.teams[name]
        in_organization = self.organizations[team.organization].get(who or "")
        if who in self.admins:
            return True
        if action is Action.READ_ENTITY and in_organization is not None:
            return True
        if action in ORGANIZATION_ADMIN_IN_TEAMS and in_organization is Role.ADMIN:
            return True
        if action is Action.CREATE_PROJECT and in_organization is Role.VIEWER:
            return False
        held = team.people.get(who or "")
        return held is not None and held >= TEAM_RULES[action]
