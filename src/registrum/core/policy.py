"""Who may do what: the roles, the actions, and for each action the least role that it takes (docs/permissions.md).

Three kinds of project have three sources of a role. In a **registry** a role comes from the organization, from the registry's own
members, and from the teams that are members; the highest counts. In a **team** project it is the role in the team, capped to
viewer for who is only a viewer of the organization. A **personal** project is its owner's. Everything else in the server asks
these tables; `db/visibility.py` turns them into SQL, and the page in docs is made of them.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from registrum.core.errors import Invalid


class Role(IntEnum):
    """What somebody is in a registry, a team or an organization; a higher number includes the lower ones."""

    RESTRICTED_VIEWER = 10
    VIEWER = 20
    MEMBER = 30
    ADMIN = 40

    @property
    def label(self) -> str:
        """The name on the wire: `restricted_viewer`, `viewer`, `member`, `admin`."""
        return self.name.lower()

    @property
    def words(self) -> str:
        """The name in a sentence: `restricted viewer`, `viewer`, `member`, `admin`."""
        return self.label.replace("_", " ")

    @property
    def at_least(self) -> str:
        """The role and those above it, in a sentence: `viewer or higher`, `admin`."""
        return self.words if self is max(Role) else f"{self.words} or higher"


REGISTRY_ROLES = frozenset(Role)
TEAM_ROLES = ORGANIZATION_ROLES = frozenset({Role.VIEWER, Role.MEMBER, Role.ADMIN})


def role_named(text: str, among: frozenset[Role] = REGISTRY_ROLES) -> Role:
    """The role of that wire name.

    Raises:
        Invalid: no such role; the message lists the roles there are.
    """
    for role in among:
        if role.label == text:
            return role
    known = ", ".join(r.label for r in sorted(among))
    raise Invalid(f"There is no role {text[:60]!r}; the roles are {known}.")


class Action(StrEnum):
    """What somebody may want to do; the value is said after "to", and with its place after "may not"."""

    # In a project or registry.
    READ = "see anything"
    DOWNLOAD = "download or use artifacts"
    WRITE = "log or edit runs and artifacts"
    LINK = "link or unlink versions, or create collections"
    EDIT_COLLECTION = "edit collections, their tags or aliases"
    DELETE_COLLECTION = "delete collections"
    EDIT_PROJECT = "edit the name or description"
    AUTOMATE = "create or delete automations"
    ADD_TYPES = "change the accepted artifact types"
    PROTECT_ALIAS = "create, apply or remove protected aliases"
    ADMINISTER = "change the visibility, members or roles"
    DELETE_PROJECT = "delete"
    # In an organization.
    READ_ORGANIZATION = "see the organization"
    CREATE_REGISTRY = "create registries"
    ADMINISTER_ORGANIZATION = "manage the people, teams and settings"
    # In an entity: a user's own, a team's, an organization's.
    READ_ENTITY = "see the entity"
    CREATE_PROJECT = "create projects"
    ADMINISTER_TEAM = "manage the members and invites"

    def done_to(self, place: str) -> str:
        """The act with its place, as it goes on after "You may not"; e.g. `delete registry 'models'`."""
        return " ".join(word for word in (self.value, _PREPOSITIONS.get(self, "in"), place) if word)


_PREPOSITIONS = {
    Action.EDIT_PROJECT: "of",
    Action.ADD_TYPES: "of",
    Action.ADMINISTER: "of",
    Action.DELETE_PROJECT: "",
    Action.ADMINISTER_ORGANIZATION: "of",
    Action.ADMINISTER_TEAM: "of",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """The least roles for one action on a project.

    Attributes:
        registry: least role in a registry.
        team: least role in the team that owns a project.
        organization_admin: an admin of the organization may do it in a team's project, whatever their role in the team.
    """

    registry: Role
    team: Role
    organization_admin: bool = False


PROJECT_RULES: dict[Action, Rule] = {
    Action.READ: Rule(Role.RESTRICTED_VIEWER, Role.VIEWER, organization_admin=True),
    Action.DOWNLOAD: Rule(Role.VIEWER, Role.VIEWER, organization_admin=True),
    Action.WRITE: Rule(Role.MEMBER, Role.MEMBER),
    Action.LINK: Rule(Role.MEMBER, Role.MEMBER),
    Action.EDIT_COLLECTION: Rule(Role.MEMBER, Role.MEMBER),
    Action.DELETE_COLLECTION: Rule(Role.MEMBER, Role.MEMBER),
    Action.EDIT_PROJECT: Rule(Role.MEMBER, Role.MEMBER),
    Action.AUTOMATE: Rule(Role.MEMBER, Role.MEMBER),
    Action.ADD_TYPES: Rule(Role.ADMIN, Role.ADMIN),
    Action.PROTECT_ALIAS: Rule(Role.ADMIN, Role.ADMIN),
    Action.ADMINISTER: Rule(Role.ADMIN, Role.ADMIN, organization_admin=True),
    Action.DELETE_PROJECT: Rule(Role.ADMIN, Role.ADMIN, organization_admin=True),
}

# What it takes in the organization itself; guests of a registry may see that the organization is there.
ORGANIZATION_RULES: dict[Action, Role] = {
    Action.READ_ORGANIZATION: Role.VIEWER,
    Action.CREATE_REGISTRY: Role.MEMBER,
    Action.ADMINISTER_ORGANIZATION: Role.ADMIN,
}

# What it takes in a team; an admin of the organization may do those of the second set as well.
TEAM_RULES: dict[Action, Role] = {
    Action.READ_ENTITY: Role.VIEWER,
    Action.CREATE_PROJECT: Role.MEMBER,
    Action.ADMINISTER_TEAM: Role.ADMIN,
}
ORGANIZATION_ADMIN_IN_TEAMS = frozenset({Action.READ_ENTITY, Action.ADMINISTER_TEAM})

DEFAULT_REGISTRY_ROLE = Role.RESTRICTED_VIEWER
DEFAULT_SERVICE_ROLE = Role.MEMBER
DEFAULT_ORGANIZATION_ROLE = Role.VIEWER
CORE_ORGANIZATION_ROLE = Role.MEMBER


def check_assignable(role: Role, *, to_service_account: bool) -> None:
    """Refuses the two roles that a service account cannot have in a registry.

    Raises:
        Invalid: a service account was to become viewer or restricted viewer.
    """
    if to_service_account and role < Role.MEMBER:
        raise Invalid(f"A service account cannot be {role.words}; give it member or admin.")


def organization_part(role: Role, organization_role: Role) -> Role:
    """What a registry of visibility "organization" gives to somebody with that role in the organization.

    Args:
        role: theirs in the organization.
        organization_role: the registry's role for everybody in its organization.
    """
    if role is Role.ADMIN:
        return Role.ADMIN
    return min(organization_role, Role.VIEWER) if role is Role.VIEWER else organization_role
