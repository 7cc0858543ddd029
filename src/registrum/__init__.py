"""Registrum: an open, self-hosted registry of model and data artifacts.

The names below are imported when they are first used: importing the package itself costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_WHERE = {
    "Run": "registrum.sdk.active_runs",
    "define_metric": "registrum.sdk.current_run",
    "finish": "registrum.sdk.current_run",
    "init": "registrum.sdk.current_run",
    "link_artifact": "registrum.sdk.current_run",
    "link_model": "registrum.sdk.current_run",
    "log": "registrum.sdk.current_run",
    "log_artifact": "registrum.sdk.current_run",
    "log_model": "registrum.sdk.current_run",
    "teardown": "registrum.sdk.current_run",
    "use_artifact": "registrum.sdk.current_run",
    "use_model": "registrum.sdk.current_run",
    "login": "registrum.sdk.login",
    "Settings": "registrum.sdk.settings",
    "setup": "registrum.sdk.settings",
    "Api": "registrum.sdk.api",
    "Artifact": "registrum.sdk.artifacts",
    "ArtifactTTL": "registrum.sdk.artifact_facts",
    "CommError": "registrum.errors",
    "Error": "registrum.errors",
    "UsageError": "registrum.errors",
    "Registry": "registrum.sdk.registries",
}
_MODULES = ("apis", "errors")
_OF_THE_CURRENT_RUN = ("config", "summary")
_LEFT_OUT = frozenset(
    {
        "AlertLevel", "Audio", "Classes", "EvalTable", "Graph", "Histogram", "Html", "Image", "JoinedTable", "Molecule",
        "Object3D", "Plotly", "Table", "Video", "agent", "alert", "box3d", "controller", "join", "mark_preempting", "plot",
        "plot_table", "restore", "save", "sklearn", "sweep", "unwatch", "watch",
    }
)  # fmt: skip
"""What the module `wandb` has for charts, media, sweeps and a run's own files, and this one has not."""

if TYPE_CHECKING:
    from registrum import apis as apis
    from registrum import errors as errors
    from registrum.errors import CommError as CommError
    from registrum.errors import Error as Error
    from registrum.errors import UsageError as UsageError
    from registrum.sdk.active_runs import Run as Run
    from registrum.sdk.api import Api as Api
    from registrum.sdk.artifact_facts import ArtifactTTL as ArtifactTTL
    from registrum.sdk.artifacts import Artifact as Artifact
    from registrum.sdk.current_run import define_metric as define_metric
    from registrum.sdk.current_run import finish as finish
    from registrum.sdk.current_run import init as init
    from registrum.sdk.current_run import link_artifact as link_artifact
    from registrum.sdk.current_run import link_model as link_model
    from registrum.sdk.current_run import log as log
    from registrum.sdk.current_run import log_artifact as log_artifact
    from registrum.sdk.current_run import log_model as log_model
    from registrum.sdk.current_run import teardown as teardown
    from registrum.sdk.current_run import use_artifact as use_artifact
    from registrum.sdk.current_run import use_model as use_model
    from registrum.sdk.login import login as login
    from registrum.sdk.registries import Registry as Registry
    from registrum.sdk.run_values import Config, Summary
    from registrum.sdk.settings import Settings as Settings
    from registrum.sdk.settings import setup as setup

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "Api",
    "Artifact",
    "ArtifactTTL",
    "CommError",
    "Error",
    "Registry",
    "Run",
    "Settings",
    "UsageError",
    "__version__",
    "apis",
    "config",
    "define_metric",
    "errors",
    "finish",
    "init",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "run",
    "setup",
    "summary",
    "teardown",
    "use_artifact",
    "use_model",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        found = getattr(import_module(_WHERE[name]), name)
        globals()[name] = found
        return found
    if name in _MODULES:
        return import_module(f"registrum.{name}")
    # These change with the current run, and so are looked up each time.
    if name == "run":
        return import_module("registrum.sdk.current_run").current()
    if name in _OF_THE_CURRENT_RUN:
        return getattr(import_module("registrum.sdk.current_run").needed(), name)
    if name in _LEFT_OUT:
        raise AttributeError(
            f"registrum.{name} is not supported: it is no part of a registry. Put files and tables into an artifact."
        )
    raise AttributeError(f"module 'registrum' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
