"""The rules for names of every noun, and how two names compare.

Each `check_…` function takes what somebody typed and returns it as it is to be kept, or raises `InvalidName` with a sentence that says
what is wrong and what is allowed.
"""

import re
import unicodedata

from registrum.core.errors import InvalidName
from registrum.core.projects import REGISTRY_PREFIX, is_registry_name

LONGEST = 128
LONGEST_EMAIL = 254

# With these a name is shown in another order than it is written, and passes for another one.
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_PROJECT_FORBIDDEN = "/\\#?%:\r\n"
_WORDS = re.compile(r"[-\w]+( +[-\w]+)*")
_TYPE = re.compile(r"[-\w](?:[-.\w ]*[-.\w])?")
_ARTIFACT = re.compile(r"[a-zA-Z0-9_\-.]+")
_ENTITY = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.\-]*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_VERSION = re.compile(r"v[0-9]+")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")

# First segments of the server's own paths: an entity of that name would hide its pages.
RESERVED_ENTITIES = frozenset(
    {
        *("api", "artifacts", "artifactsv2", "assets", "authorize", "files", "graphql"),
        *("healthz", "invite", "invites", "login", "logout", "metrics", "oidc", "orgs", "readyz"),
        *("registry", "registries", "sdk", "search", "settings", "signup", "static", "uploads"),
        *("blobs", "version", "welcome", "password", "set-password", "favicon.ico", "profile"),
        *("site", "docs", "home"),
    }
)


def folded(name: str) -> str:
    """The form in which names that differ only in case are equal."""
    return unicodedata.normalize("NFC", name).casefold()


def check_project_name(name: str) -> str:
    """A project's name: 1 to 128 characters, none of `/ \\ # ? % :` or a control character."""
    _check_text("project", name)
    for bad in name:
        if bad in _PROJECT_FORBIDDEN:
            raise InvalidName(
                f"A project name cannot contain {bad!r} (nor any of / \\ # ? % :): {name!r}."
            )
    return name


def check_own_project_name(name: str) -> str:
    """The name of a user's or a team's project: as every project's, but none that registries have."""
    if is_registry_name(name):
        raise InvalidName(
            f"Names like {name[:LONGEST]!r} are those of an organization's registries: "
            "log to a project of another name, then link into the registry."
        )
    return check_project_name(name)


def check_registry_name(name: str) -> str:
    """A registry's name with the prefix `wandb-registry-`, which leaves 113 characters for its own."""
    if not is_registry_name(name):
        raise InvalidName(
            f"A registry's project name must begin with {REGISTRY_PREFIX!r} and go on after it: "
            f"{name[:LONGEST]!r}."
        )
    if len(name) > LONGEST:
        own = LONGEST - len(REGISTRY_PREFIX)
        raise InvalidName(f"A registry name may have at most {own} characters.")
    return check_project_name(name)


def check_entity_name(name: str, what: str = "team") -> str:
    """The name of a user or a team: letters, digits, `_`, `-` and `.`, not beginning with `-` or `.`.

    Args:
        name: as typed.
        what: the noun for messages, such as "user name".
    """
    _check_text(what, name)
    if not _ENTITY.fullmatch(name):
        raise InvalidName(
            f"A {what} name may have only letters A-Z, digits, '_', '-' and '.', "
            f"and begins with a letter, digit or '_': {name!r}."
        )
    if folded(name) in RESERVED_ENTITIES:
        raise InvalidName(f"The name {name!r} is reserved for the server's own pages.")
    return name


def check_organization_name(name: str) -> str:
    """An organization's display name: 1 to 128 characters without `/ \\ # ? % :`; spaces at its ends are dropped."""
    name = name.strip()
    _check_text("organization", name)
    for bad in name:
        if bad in _PROJECT_FORBIDDEN:
            raise InvalidName(f"An organization name cannot contain {bad!r}: {name!r}.")
    return name


def organization_slug(name: str) -> str:
    """The part of an organization's entity name that comes from its display name: `Acme Inc.` → `acme-inc`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[: LONGEST - 16].strip("-") or "organization"


def check_email(email: str) -> str:
    """An e-mail address: something, `@`, something, without spaces."""
    email = email.strip()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidName(f"{email[:LONGEST]!r} is not an e-mail address.")
    return email


def username_from(email: str) -> str:
    """A proposal of a user name out of an e-mail address: `ann.b+x@host` → `ann.b-x`."""
    local = email.partition("@")[0]
    plain = unicodedata.normalize("NFKD", local).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9_.\-]+", "-", plain).strip("-.")[:64] or "user"


def check_artifact_name(name: str) -> str:
    """The name of a sequence, as `wandb.Artifact` takes it: letters, digits, `_`, `-`, `.`; at most 128."""
    _check_text("artifact", name)
    if not _ARTIFACT.fullmatch(name):
        raise InvalidName(
            f"An artifact name may have only letters A-Z, digits, '_', '-' and '.': {name!r}."
        )
    return name


def check_collection_name(name: str) -> str:
    """The name of a collection: 1 to 128 characters without `/`, `:` and control characters."""
    _check_text("collection", name)
    for bad in "/:":
        if bad in name:
            raise InvalidName(f"A collection name cannot contain {bad!r}: {name!r}.")
    return name


def check_alias(name: str) -> str:
    """An alias to be set: 1 to 128 characters without `/`, `:`; `v0`, `v1`, … are versions' own names, not aliases."""
    _check_text("alias", name)
    for bad in "/:":
        if bad in name:
            raise InvalidName(f"An alias cannot contain {bad!r}: {name!r}.")
    if is_version_name(name):
        raise InvalidName(f"{name!r} cannot be an alias: it is the name of a version.")
    return name


def is_version_name(name: str) -> bool:
    """Whether this is `v` and a number, by which a version is named without an alias."""
    return bool(_VERSION.fullmatch(name))


def check_tag(name: str) -> str:
    """A tag: words of letters, digits, `_`, `-`, with single or more spaces between; at most 128 characters."""
    _check_text("tag", name)
    if not _WORDS.fullmatch(name):
        raise InvalidName(
            f"A tag may have only letters, digits, '_', '-' and spaces between words: {name!r}."
        )
    return name


def check_artifact_type(name: str) -> str:
    """An artifact type, in a project or in a registry's list: words as in a tag, `.` too; at most 128 characters."""
    _check_text("type", name)
    if not _TYPE.fullmatch(name):
        raise InvalidName(
            "An artifact type may have only letters, digits, '_', '-', '.' and spaces between "
            f"words: {name!r}."
        )
    return name


def _check_text(what: str, name: str) -> None:
    """What holds for all names: not empty, not too long, nothing invisible, no step in a path."""
    article = "An" if what[0] in "aeio" else "A"
    if not name or name.isspace():
        raise InvalidName(f"{article} {what} name cannot be empty.")
    if name in (".", ".."):
        raise InvalidName(f"{article} {what} name cannot be {name!r}: no address could hold it.")
    if len(name) > LONGEST:
        raise InvalidName(
            f"{article} {what} name may have at most {LONGEST} characters; this one has {len(name)}."
        )
    for char in name:
        if char in _DIRECTIONS or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise InvalidName(f"{article} {what} name cannot contain control characters: {name!r}.")
