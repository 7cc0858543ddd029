"""The reference of the Python package, made from its classes' signatures and docstrings."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import registrum
from registrum.errors import __all__ as error_names
from registrum.sdk import (
    active_runs,
    api,
    artifact_types,
    artifacts,
    collection_versions,
    collections,
    files,
    members,
    organizations,
    projects,
    registries,
    registry_lists,
    run_artifacts,
    run_files,
    run_history,
    run_lists,
    run_summary,
    runs,
    search,
    settings,
    teams,
    type_lists,
    users,
)

FUNCTIONS = (
    "init", "finish", "log", "log_artifact", "use_artifact", "link_artifact", "log_model", "use_model", "link_model", "login",
    "setup", "teardown",
)  # fmt: skip
"""Those of the package itself."""

CLASSES: dict[str, tuple[type, ...]] = {
    "Beginning": (api.Api,),
    "Registries": (
        registries.Registry,
        registry_lists.Registries,
        search.Collections,
        search.Versions,
        search.Chained,
        type_lists.AddOnlyArtifactTypesList,
        members.UserMember,
        members.TeamMember,
        members.MemberRole,
    ),
    "Artifacts": (
        artifacts.Artifact,
        collections.ArtifactCollection,
        artifact_types.ArtifactType,
        collection_versions.Artifacts,
        artifact_types.ArtifactTypes,
        artifact_types.ArtifactCollections,
        artifact_types.ProjectArtifactCollections,
        files.File,
    ),
    "Runs": (
        active_runs.Run,
        settings.Settings,
        runs.Run,
        run_summary.Summary,
        run_lists.Runs,
        run_artifacts.RunArtifacts,
        run_files.Files,
        run_history.HistoryScan,
        run_history.ConsoleLogs,
        run_history.ConsoleLogLine,
    ),
    "People and projects": (
        users.User,
        teams.Team,
        teams.Member,
        organizations.Organization,
        projects.Project,
        projects.Projects,
    ),
}

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):$", re.M)
_ENTRY = re.compile(r"^    (\S[^:]*): (.*)$")
_WORDS = {"Args": "Takes", "Attributes": "Attributes", "Returns": "Returns", "Raises": "Raises"}


def reference() -> str:
    """Every function, class, property and method that users meet."""
    parts = ["# The Python package\n"]
    parts.append(
        "\n`import registrum` gives the functions below, `Api`, `Artifact`, `Registry`, `Run` and `errors`; the other"
        " classes are met as what their methods return. [The guide](sdk.md) shows how they are used.\n"
    )
    parts.append("\n## Functions\n")
    parts += [_function(f"registrum.{name}", getattr(registrum, name), "###") for name in FUNCTIONS]
    for title, kinds in CLASSES.items():
        parts.append(f"\n## {title}\n")
        parts += [part for kind in kinds for part in _class(kind)]
    parts.append(
        "\n## Errors\n\nIn `registrum.errors`; what each code means is in [errors.md](errors.md).\n\n"
    )
    parts += [_error(getattr(registrum.errors, name)) for name in sorted(error_names)]
    return "".join(parts)


def public_members(kind: type) -> Iterator[tuple[str, Any]]:
    """What users meet of a class: its own properties and methods, and those of our classes below it."""
    for name in dir(kind):
        found = inspect.getattr_static(kind, name)
        is_ours = any(
            name in vars(base) and base.__module__.startswith("registrum.") for base in kind.__mro__
        )
        if is_ours and not name.startswith("_"):
            yield name, found


def _class(kind: type) -> Iterator[str]:
    where = "" if kind is not active_runs.Run else " (reporting)"
    yield f"\n### {kind.__name__}{where}\n\n{_markdown(_doc(kind))}"
    members_ = list(public_members(kind))
    properties = [(name, found) for name, found in members_ if isinstance(found, property)]
    if properties:
        yield "\n| property | |\n|---|---|\n"
        for name, found in properties:
            text = _doc(found.fget).partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            yield f"| `{name}` | {text} |\n"
    for name, found in members_:
        function = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if inspect.isfunction(function):
            yield _function(f"{kind.__name__}.{name}", function, "####")


def _function(title: str, function: Callable[..., Any], level: str) -> str:
    parameters = [
        own.replace(annotation=inspect.Parameter.empty)
        for own in inspect.signature(function).parameters.values()
        if own.name not in ("self", "cls")
    ]
    shape = inspect.Signature(parameters)
    return f"\n{level} {title}\n\n```text\n{title}{shape}\n```\n\n{_markdown(_doc(function))}"


def _error(kind: type) -> str:
    parents = ", ".join(f"`{parent.__name__}`" for parent in kind.__bases__)
    first = _doc(kind).partition("\n\n")[0].replace("\n", " ")
    return f"* `{kind.__name__}` ({parents}): {first}\n"


def _doc(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


def _markdown(text: str) -> str:
    head, *sections = _SECTION.split(text)
    parts = [head.strip() + "\n"]
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        parts.append(f"\n{_WORDS[name]}:\n\n{_entries(body)}")
    return "".join(parts)


def _entries(body: str) -> str:
    lines: list[str] = []
    for line in body.strip("\n").splitlines():
        if found := _ENTRY.match(line):
            lines.append(f"* `{found[1]}`: {found[2]}")
        elif lines:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(f"* {line.strip()}")
    return "\n".join(lines) + "\n"
