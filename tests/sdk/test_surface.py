"""Our classes take what those of the `wandb` package take: same methods, parameters, defaults and kinds."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb.apis.public import (
    Api,
    ArtifactCollection,
    ArtifactCollections,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
    ConsoleLogLine,
    ConsoleLogs,
    File,
    Files,
    HistoryScan,
    Member,
    Organization,
    Project,
    ProjectArtifactCollections,
    Projects,
    Registries,
    Registry,
    Run,
    RunArtifacts,
    Runs,
    Team,
    User,
)
from wandb.apis.public.registries._freezable_list import AddOnlyArtifactTypesList
from wandb.apis.public.registries._members import MemberKind, MemberRole, TeamMember, UserMember
from wandb.apis.public.registries.registries_search import Collections, Versions

import registrum
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
    runs,
    search,
    teams,
    type_lists,
    users,
)

PAIRS = {
    Api: api.Api,
    Registry: registries.Registry,
    Registries: registry_lists.Registries,
    Collections: search.Collections,
    Versions: search.Versions,
    AddOnlyArtifactTypesList: type_lists.AddOnlyArtifactTypesList,
    ArtifactCollection: collections.ArtifactCollection,
    ArtifactCollections: artifact_types.ArtifactCollections,
    ProjectArtifactCollections: artifact_types.ProjectArtifactCollections,
    ArtifactType: artifact_types.ArtifactType,
    ArtifactTypes: artifact_types.ArtifactTypes,
    Artifacts: collection_versions.Artifacts,
    User: users.User,
    Team: teams.Team,
    Member: teams.Member,
    Organization: organizations.Organization,
    Project: projects.Project,
    Projects: projects.Projects,
    Run: runs.Run,
    Runs: run_lists.Runs,
    RunArtifacts: run_artifacts.RunArtifacts,
    wandb.Artifact: artifacts.Artifact,
    wandb.Run: active_runs.Run,
    File: files.File,
    Files: run_files.Files,
    HistoryScan: run_history.HistoryScan,
    ConsoleLogs: run_history.ConsoleLogs,
    ConsoleLogLine: run_history.ConsoleLogLine,
    UserMember: members.UserMember,
    TeamMember: members.TeamMember,
}

NOTEBOOK = {"display", "snake_to_camel", "to_html"}
"""Frames around the vendor's own pages, and what serves them."""

INSIDE_PAGES = {"QUERY", "convert_objects", "last_response", "update_variables", "variables"}
"""How the vendor's lists ask their server; not for users."""

PYDANTIC = {name for name in dir(UserMember) if name.startswith(("model_", "_"))} | {
    "construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
    "schema_json", "update_forward_refs", "validate",
}  # fmt: skip
"""What every class of pydantic has."""

LEFT_OUT: dict[type, set[str]] = {
    # Automations, integrations, sweeps, Launch, reports, charts and TensorBoard are no part of a registry.
    Api: set(api.LEFT_OUT),
    Project: {"sweeps"},
    Run: {
        # Histories are not exported as Parquet files: `scan_history` has all of it.
        "beta_scan_history",
        "download_history_exports",
    },
    UserMember: PYDANTIC,
    TeamMember: PYDANTIC,
    # A run here is for lineage: metrics, configuration and artifacts. Its files, code, gradients, alerts and the folder that the
    # vendor's client keeps for them are left out.
    wandb.Run: {
        "alert", "config_static", "dir", "finish_artifact", "log_code", "mark_preempting", "pin_config_keys",
        "restore", "save", "settings", "status", "sweep_id", "sweep_url", "sync_dir", "unwatch", "upsert_artifact",
        "watch", "write_logs",
    },
}  # fmt: skip

OTHERWISE = {
    "Artifact.distributed_id": "set by the vendor's own client only",
    "Run.define_metric": "takes everything, and does nothing with it",
    "Run.config": "an attribute",
}
"""What is there, but made otherwise."""

ADDED = {"Artifact.download": {"include", "exclude", "link"}, "Artifact.checkout": {"link"}}
"""Keywords of ours."""

MADE_BY_ANOTHER = {Organization, wandb.Run}
"""Classes that nobody but the package makes, and whose constructors differ: pydantic spells the first one's in camel case."""


def public(kind: type) -> Iterator[tuple[str, Any]]:
    for name in dir(kind):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(kind, name)


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(function, classmethod | staticmethod):
        function = function.__func__
    return [
        (own.name, own.kind, own.default) for own in inspect.signature(function).parameters.values()
    ]


def without_more(name: str, function: Any) -> list[tuple[str, Any, Any]]:
    """The shape of `Class.method` without what we have added: keywords that may be left out."""
    wanted = inspect.Parameter.KEYWORD_ONLY
    return [
        own for own in shape(function) if own[1] is not wanted or own[0] not in ADDED.get(name, ())
    ]


@pytest.mark.parametrize("theirs", PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_class_has_the_same_members(theirs: type) -> None:
    ours = PAIRS[theirs]
    left_out = LEFT_OUT.get(theirs, set()) | NOTEBOOK | INSIDE_PAGES
    wanted = {name for name, _ in public(theirs)} - left_out
    found = {name for name, _ in public(ours)} | set(getattr(ours, "__dataclass_fields__", ()))
    found |= {name.partition(".")[2] for name in OTHERWISE if name.startswith(f"{ours.__name__}.")}
    assert not wanted - found
    assert not left_out & found - NOTEBOOK - INSIDE_PAGES - PYDANTIC


@pytest.mark.parametrize("theirs", PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_class_takes_the_same_arguments(theirs: type) -> None:
    ours = PAIRS[theirs]
    if theirs not in MADE_BY_ANOTHER:
        assert shape(ours) == shape(theirs)
    for name, member in public(theirs):
        own = inspect.getattr_static(ours, name, None)
        if own is None or name in NOTEBOOK | INSIDE_PAGES or theirs in (UserMember, TeamMember):
            continue
        if f"{theirs.__name__}.{name}" in OTHERWISE:
            continue
        if isinstance(member, property):
            assert isinstance(own, property), name
            assert (own.fset is None) == (member.fset is None), name
        elif callable(member) or isinstance(member, classmethod):
            assert without_more(f"{theirs.__name__}.{name}", own) == shape(member), name


@pytest.mark.parametrize(
    ("theirs", "ours"), [(MemberRole, members.MemberRole), (MemberKind, members.MemberKind)]
)
def test_a_choice_has_the_same_values(theirs: Any, ours: Any) -> None:
    assert {name: one.value for name, one in theirs.__members__.items()} == {
        name: one.value for name, one in ours.__members__.items()
    }
    assert [str(one) for one in theirs] == [str(one) for one in ours]


@pytest.mark.parametrize("name", sorted(api.LEFT_OUT))
def test_what_is_left_out_says_so(name: str) -> None:
    assert hasattr(wandb.Api, name)
    with pytest.raises(AttributeError, match="not supported by Registrum"):
        getattr(api.Api.__new__(api.Api), name)


NOT_OURS = {
    "AgentRuns", "Automations", "BetaReport", "DownloadHistoryResult", "IncompleteRunHistoryError", "Integrations",
    "Job", "PanelMetricsHelper", "PythonMongoishQueryGenerator", "QueryGenerator", "QueuedRun", "Reports", "RunQueue",
    "RunQueueAccessType", "RunQueuePrioritizationMode", "RunQueueResourceType", "SlackIntegrations", "Sweep", "Sweeps",
    "WebhookIntegrations",
}  # fmt: skip
"""Classes of automations, sweeps, Launch, reports and exports."""


def test_the_classes_stand_where_scripts_look_for_them() -> None:
    assert not set(wandb.apis.public.__all__) - NOT_OURS - set(registrum.apis.public.__all__)
    assert registrum.apis.Api is registrum.Api is registrum.apis.public.Api


def test_the_modules_that_scripts_import_from_are_there() -> None:
    """`from wandb.apis.public.runs import Runs`, with our package's name for theirs."""
    folder = Path(wandb.apis.public.__file__).parent
    modules = [path.stem for path in folder.glob("[a-z]*.py")] + ["registries"]
    ours = [own for own in modules if find_spec(f"registrum.apis.public.{own}")]
    assert {"api", "artifacts", "files", "projects", "registries", "runs", "teams", "users"} <= {
        *ours
    }
    seen = set()
    for module in ours:
        theirs = import_module(f"wandb.apis.public.{module}")
        names = import_module(f"registrum.apis.public.{module}").__all__
        seen |= {*names}
        assert all(hasattr(theirs, own) for own in names if module != "registries")
    assert seen >= set(registrum.apis.public.__all__) - {"Organization"}


FUNCTIONS = (
    "init", "login", "log", "log_artifact", "use_artifact", "finish", "log_model", "use_model", "link_model", "setup",
    "teardown",
)  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_the_package_takes_the_same(name: str) -> None:
    theirs = inspect.signature(getattr(wandb, name)).parameters
    ours = inspect.signature(getattr(registrum, name)).parameters
    assert [own for own in ours if own != "self"] == [own for own in theirs if own != "self"]


def test_a_name_of_the_package_is_there_or_says_that_it_is_not() -> None:
    for name in (
        *wandb.__all__,
        "Settings",
        "CommError",
        "UsageError",
        "errors",
        "apis",
        "alert",
        "restore",
    ):
        try:
            assert hasattr(registrum, name)
        except registrum.errors.Conflict:  # `config` and `summary`, without a run
            assert name in {"config", "summary"}
        except AssertionError:
            with pytest.raises(
                AttributeError, match="is not supported: it is no part of a registry"
            ):
                getattr(registrum, name)
    for error in wandb.errors.__all__:
        theirs, ours = getattr(wandb.errors, error), getattr(registrum.errors, error, None)
        if isinstance(theirs, type) and ours:
            parents = {own.__name__ for own in theirs.__mro__} - {"object"}
            assert parents <= {own.__name__ for own in ours.__mro__} | {"Error"}
            assert issubclass(ours, registrum.Error)


@pytest.mark.parametrize("theirs", PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_what_is_public_has_a_docstring(theirs: type) -> None:
    ours = PAIRS[theirs]
    assert ours.__doc__
    for name, member in public(ours):
        if isinstance(member, property) or inspect.isfunction(member):
            assert inspect.getdoc(member), name
        if isinstance(member, property) and member.fset is not None:
            assert "set" in (member.__doc__ or "").lower(), (
                f"{name} can be set, and does not say so"
            )
