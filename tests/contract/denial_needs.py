"""What an example of the denial tests takes, and from that, what each person must be answered."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from registrum.core.policy import (
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
)
from tests.contract.denial_world import FACTS, PLACES, PROJECTS, TEAMS


class Need(ABC):
    """A right."""

    @abstractmethod
    def visible(self, who: str | None) -> bool:
        """Whether the thing exists for this person."""

    @abstractmethod
    def allowed(self, who: str | None) -> bool:
        """Whether it may be done."""

    @abstractmethod
    def words(self, who: str | None) -> tuple[str, ...]:
        """What a refusal of somebody who sees the thing says."""

    def status(self, who: str | None) -> int:
        """The answer's status."""
        if self.allowed(who):
            return 200
        if who is None:
            return 401
        return 403 if self.visible(who) else 404


def _held(role: Role | None) -> str:
    return role.words if role else "none"


@dataclass(frozen=True)
class Within(Need):
    """An action in a project, reached by its name or id."""

    action: Action
    project: str

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may(who, Action.READ, self.project)

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may(who, self.action, self.project)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        rule = PROJECT_RULES[self.action]
        needed = rule.registry if PROJECTS[self.project].kind == "registry" else rule.team
        held = _held(FACTS.held(who, self.project))
        return self.action.value, f"your role there is {held}", f"it takes {needed.words}"


@dataclass(frozen=True)
class LoggedInto(Within):
    """The same in a team's project that is made where it is missing: who sees the team is told that it is not for them."""

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        team = PROJECTS[self.project].owner
        return super().visible(who) or FACTS.may_in_team(who, Action.READ_ENTITY, team)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        return super().words(who) if super().visible(who) else (Action.CREATE_PROJECT.value,)


@dataclass(frozen=True)
class NamedRegistry(Within):
    """An action in a registry by its name; for who cannot see it, asking is an attempt to make a new one."""

    def status(self, who: str | None) -> int:
        """See `Need`."""
        owner = InOrganization(Action.CREATE_REGISTRY, PROJECTS[self.project].owner)
        if self.visible(who) or owner.status(who) != 200:
            return (super() if self.visible(who) else owner).status(who)
        return 409

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        return super().words(who) if self.visible(who) else (Action.CREATE_REGISTRY.value,)


@dataclass(frozen=True)
class Leaving(Need):
    """Taking somebody out of a team, which that person may do as well."""

    leaver: str
    team: str

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may_in_team(who, Action.READ_ENTITY, self.team)

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return who == self.leaver or FACTS.may_in_team(who, Action.ADMINISTER_TEAM, self.team)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        return (Action.ADMINISTER_TEAM.value,)


@dataclass(frozen=True)
class Version(Need):
    """An action on an artifact by its id: through any of its places, editing in its source only."""

    action: Action
    name: str

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return any(FACTS.may(who, Action.READ, place) for place in PLACES[self.name])

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        places = PLACES[self.name][:1] if self.action is Action.WRITE else PLACES[self.name]
        return any(FACTS.may(who, self.action, place) for place in places)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        if self.action is Action.WRITE and not FACTS.may(who, Action.READ, PLACES[self.name][0]):
            return ("you see it through a link",)
        return self.action.value, "your role there is", "it takes"


@dataclass(frozen=True)
class InOrganization(Need):
    """An action in an organization."""

    action: Action
    name: str = "qacme"

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may_in_organization(who, Action.READ_ORGANIZATION, self.name)

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may_in_organization(who, self.action, self.name)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        role = FACTS.organizations[self.name].get(who or "")
        held = role.words if role else "guest"
        needed = ORGANIZATION_RULES[self.action].words
        return self.action.value, f"your role there is {held}", f"it takes {needed}"


@dataclass(frozen=True)
class InTeam(Need):
    """An action in a team."""

    action: Action
    name: str = "qresearch"

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may_in_team(who, Action.READ_ENTITY, self.name)

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return FACTS.may_in_team(who, self.action, self.name)

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        role = TEAMS[self.name].people.get(who or "")
        held = f"your role there is {role.words}" if role else "you have no role there"
        return self.action.value, held, f"it takes {TEAM_RULES[self.action].words}"


@dataclass(frozen=True)
class SignedIn(Need):
    """Being somebody."""

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return who is not None

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return who is not None

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        return ()


@dataclass(frozen=True)
class Administrator(SignedIn):
    """Being an administrator of the instance."""

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return who in FACTS.admins

    def words(self, who: str | None) -> tuple[str, ...]:
        """See `Need`."""
        return ("Only an administrator of this instance may",)


@dataclass(frozen=True)
class Account(Administrator):
    """Being that person, or an administrator of the instance.

    Attributes:
        is_hidden: for others it does not exist.
    """

    name: str
    is_hidden: bool = False

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return self.allowed(who) if self.is_hidden else who is not None

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return who == self.name or super().allowed(who)


@dataclass(frozen=True)
class Acquaintance(SignedIn):
    """Belonging to an organization or team together with that person."""

    name: str

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        groups = [*FACTS.organizations.values(), *(team.people for team in TEAMS.values())]
        together = any(who in people and self.name in people for people in groups)
        return together or who == self.name or who in FACTS.admins

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return self.visible(who)


@dataclass(frozen=True)
class Never(SignedIn):
    """What is not there for anybody."""

    def visible(self, who: str | None) -> bool:
        """See `Need`."""
        return False

    def allowed(self, who: str | None) -> bool:
        """See `Need`."""
        return False
