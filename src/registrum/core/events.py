"""The ledger's language: what kinds of acts are recorded, and what they are done to."""

from enum import StrEnum

LARGEST_CHANGES_BYTES = 4096


class EventKind(StrEnum):
    """An act of governance; `noun.verb`, stable, as feeds and webhooks name it."""

    # People.
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_DELETED = "user.deleted"
    KEY_CREATED = "key.created"
    KEY_DELETED = "key.deleted"
    # What they belong to.
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_DELETED = "organization.deleted"
    ORGANIZATION_MEMBER_ADDED = "organization.member_added"
    ORGANIZATION_MEMBER_CHANGED = "organization.member_changed"
    ORGANIZATION_MEMBER_REMOVED = "organization.member_removed"
    TEAM_CREATED = "team.created"
    TEAM_DELETED = "team.deleted"
    TEAM_MEMBER_ADDED = "team.member_added"
    TEAM_MEMBER_CHANGED = "team.member_changed"
    TEAM_MEMBER_REMOVED = "team.member_removed"
    INVITE_CREATED = "invite.created"
    # Projects and registries.
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_RENAMED = "project.renamed"
    PROJECT_DELETED = "project.deleted"
    REGISTRY_CREATED = "registry.created"
    REGISTRY_CHANGED = "registry.changed"
    REGISTRY_RENAMED = "registry.renamed"
    REGISTRY_DELETED = "registry.deleted"
    MEMBER_ADDED = "registry.member_added"
    MEMBER_CHANGED = "registry.member_changed"
    MEMBER_REMOVED = "registry.member_removed"
    # Collections and versions.
    COLLECTION_CREATED = "collection.created"
    COLLECTION_CHANGED = "collection.changed"
    COLLECTION_DELETED = "collection.deleted"
    COLLECTION_TAGGED = "collection.tagged"
    COLLECTION_UNTAGGED = "collection.untagged"
    VERSION_COMMITTED = "version.committed"
    VERSION_CHANGED = "version.changed"
    VERSION_DELETED = "version.deleted"
    VERSION_EXPIRED = "version.expired"
    VERSION_LINKED = "version.linked"
    VERSION_UNLINKED = "version.unlinked"
    VERSION_TAGGED = "version.tagged"
    VERSION_UNTAGGED = "version.untagged"
    ALIAS_SET = "alias.set"
    ALIAS_REMOVED = "alias.removed"
    ALIAS_PROTECTED = "alias.protected"
    ALIAS_UNPROTECTED = "alias.unprotected"
    # Runs.
    RUN_DELETED = "run.deleted"


class SubjectKind(StrEnum):
    """The kind of thing an event is about; its id is a number of that kind's table."""

    USER = "user"
    KEY = "key"
    ORGANIZATION = "organization"
    TEAM = "team"
    INVITE = "invite"
    PROJECT = "project"
    COLLECTION = "collection"
    ARTIFACT = "artifact"
    MEMBERSHIP = "membership"
    RUN = "run"
