"""Writes the pages of docs/ that are made from the code: settings, command line, error codes.

`make docs` runs this; tests/house checks that what it would write is what stands there.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import click

from docs.sdk_reference import reference
from registrum.cli import registrum
from registrum.core.policy import (
    ORGANIZATION_ADMIN_IN_TEAMS,
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
)
from registrum.server.config import Config
from registrum.server.config_sources import kind_of, variable_of

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "registrum"
LOCAL = (
    "cli/",
    "sdk/",
    "errors.py",
    "server/config.py",
    "server/lockfile.py",
    "server/db/migrations/",
)
MADE = "<!-- Made by `make docs` from {source}. Edit that, not this page. -->\n\n"


def configuration() -> str:
    """Every setting: flag, variable, default, meaning."""
    rows = []
    for own in fields(Config):
        flag = f"`--{own.name.replace('_', '-')}`" if own.metadata["flag"] else "–"
        variable = f"`{variable_of(own.name)}`"
        if own.metadata["secret"]:
            variable += f", `{variable_of(own.name)}_FILE`"
        rows.append(
            f"| `{own.name}` | {flag} | {variable} | {_default(own.default)} | {_meaning(own)} |\n"
        )
    table = "| setting | flag | variable | default | meaning |\n|---|---|---|---|---|\n"
    text = (HERE / "configuration.head.md").read_text(encoding="utf-8")
    return (
        MADE.format(source="src/registrum/server/config.py") + text + "\n" + table + "".join(rows)
    )


def _default(value: object) -> str:
    return "–" if value in (None, ()) else f"`{value}`"


def _meaning(own: Any) -> str:
    choices = getattr(kind_of(own.name), "__args__", ())
    words = [f"`{choice}`" for choice in choices if isinstance(choice, str)]
    return str(own.metadata["doc"]) + (f" One of {', '.join(words)}." if words else "")


def error_codes() -> str:
    """Every error code: status and meaning."""
    kinds = _error_kinds()
    answers = sorted(
        (kind for kind in kinds if not kind.is_local), key=lambda k: (k.status, k.code)
    )
    local = sorted((kind for kind in kinds if kind.is_local), key=lambda k: k.code)
    text = (HERE / "errors.head.md").read_text(encoding="utf-8")
    head = "| status | code | meaning |\n|---|---|---|\n"
    rows = "".join(f"| {kind.status} | `{kind.code}` | {kind.meaning} |\n" for kind in answers)
    ours = (
        "\n## At the start of a server and on the command line\n\n| code | meaning |\n|---|---|\n"
    )
    more = "".join(f"| `{kind.code}` | {kind.meaning} |\n" for kind in local)
    return MADE.format(
        source="the classes of core/errors.py and those derived from them"
    ) + "\n".join([text, head + rows + ours + more])


class ErrorKind(NamedTuple):
    """A class with an error code of its own; a local one is never sent over the wire."""

    code: str
    status: int
    meaning: str
    is_local: bool


def _error_kinds() -> list[ErrorKind]:
    """Read from the source, so that no module has to be imported for it."""
    statuses: dict[str, int] = {}
    kinds = []
    files = sorted(SOURCE.rglob("*.py"), key=lambda path: (path.name != "errors.py", path))
    for path in files:
        for kind in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(kind, ast.ClassDef):
                continue
            own = dict(_constants(kind))
            parents = [
                statuses[base.id] for base in kind.bases if getattr(base, "id", "") in statuses
            ]
            if "status" in own or parents:
                statuses[kind.name] = own.get("status") or parents[0]
            if isinstance(own.get("code"), str) and kind.name in statuses:
                if kind.name == "RegistrumError":
                    meaning = "The server failed unexpectedly; its log says why, under the request's number."
                else:
                    meaning = (
                        (ast.get_docstring(kind) or "").partition("\n\n")[0].replace("\n", " ")
                    )
                is_local = path.relative_to(SOURCE).as_posix().startswith(LOCAL)
                kinds.append(ErrorKind(own["code"], statuses[kind.name], meaning, is_local))
    return kinds


def _constants(kind: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for statement in kind.body:
        if isinstance(statement, ast.AnnAssign):
            targets: list[ast.expr] = [statement.target]
        elif isinstance(statement, ast.Assign):
            targets = statement.targets
        else:
            continue
        if isinstance(statement.value, ast.Constant):
            yield from (
                (name.id, statement.value.value) for name in targets if isinstance(name, ast.Name)
            )


def command_line() -> str:
    """Every command's help page, and the names of the JSON values that they print."""
    head = (HERE / "cli.head.md").read_text(encoding="utf-8")
    parts = [MADE.format(source="src/registrum/cli"), head, "\n## JSON\n\n", *_json_values()]
    for path, command in commands(registrum, "registrum"):
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"\n## {path}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _json_values() -> Iterator[str]:
    yield "Names are added, never taken away or given another meaning, within a major version.\n\n"
    yield "| thing | values |\n|---|---|\n"
    tree = ast.parse((SOURCE / "cli" / "records.py").read_text(encoding="utf-8"))
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("of_"):
            continue
        told = next(node for node in ast.walk(function) if isinstance(node, ast.Dict))
        names = ", ".join(f"`{key.value}`" for key in told.keys if isinstance(key, ast.Constant))
        yield f"| {function.name.removeprefix('of_')} | {names} |\n"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The command and every one below it, with what one types to reach it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")


def permissions() -> str:
    """What each act takes: in registries, projects, organizations and entities."""
    head = (HERE / "permissions.head.md").read_text(encoding="utf-8")
    projects = ["| to | in a registry | in a team's project |\n|---|---|---|\n"]
    for action, rule in PROJECT_RULES.items():
        team = rule.team.words + (" or organization admin" if rule.organization_admin else "")
        projects.append(f"| {action.value} | {rule.registry.words} | {team} |\n")
    organization = ["| to | in the organization |\n|---|---|\n"]
    organization += [
        f"| {action.value} | {role.words} |\n" for action, role in ORGANIZATION_RULES.items()
    ]
    team = ["| to | in the team |\n|---|---|\n"]
    for action, role in TEAM_RULES.items():
        also = " or organization admin" if action in ORGANIZATION_ADMIN_IN_TEAMS else ""
        team.append(f"| {action.value} | {role.words}{also} |\n")
    parts = [
        MADE.format(source="src/registrum/core/policy.py") + head,
        "\n## Projects and registries\n\nA personal project is its owner's alone, who may do all of this.\n\n",
        *projects,
        "\n## Organizations\n\nGuests of one of its registries or teams may see that it is there.\n\n",
        *organization,
        "\n## Teams\n\nMembers of the organization may see its teams. Who is viewer in the organization only reads in teams.\n\n",
        *team,
    ]
    return "".join(parts)


def sdk() -> str:
    """The Python package."""
    return MADE.format(source="the docstrings of src/registrum/sdk") + reference()


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": command_line,
    "configuration.md": configuration,
    "errors.md": error_codes,
    "permissions.md": permissions,
    "sdk-reference.md": sdk,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
