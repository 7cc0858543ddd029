"""Registrum: an open, self-hosted registry of model and data artifacts.

The names below are imported when they are first used: importing the package itself costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_WHERE = {
    "Run": "registrum.sdk.active_runs",
    "finish": "registrum.sdk.current_run",
    "init": "registrum.sdk.current_run",
    "link_artifact": "registrum.sdk.current_run",
    "log": "registrum.sdk.current_run",
    "log_artifact": "registrum.sdk.current_run",
    "use_artifact": "registrum.sdk.current_run",
    "login": "registrum.sdk.login",
    "Api": "registrum.sdk.api",
    "Artifact": "registrum.sdk.artifacts",
    "Error": "registrum.errors",
    "Registry": "registrum.sdk.registries",
}
_MODULES = ("apis", "errors")
_OF_THE_CURRENT_RUN = ("config", "summary")

if TYPE_CHECKING:
    from registrum import apis as apis
    from registrum import errors as errors
    from registrum.errors import Error as Error
    from registrum.sdk.active_runs import Run as Run
    from registrum.sdk.api import Api as Api
    from registrum.sdk.artifacts import Artifact as Artifact
    from registrum.sdk.current_run import finish as finish
    from registrum.sdk.current_run import init as init
    from registrum.sdk.current_run import link_artifact as link_artifact
    from registrum.sdk.current_run import log as log
    from registrum.sdk.current_run import log_artifact as log_artifact
    from registrum.sdk.current_run import use_artifact as use_artifact
    from registrum.sdk.login import login as login
    from registrum.sdk.registries import Registry as Registry
    from registrum.sdk.run_values import Config, Summary

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "Api",
    "Artifact",
    "Error",
    "Registry",
    "Run",
    "__version__",
    "apis",
    "config",
    "errors",
    "finish",
    "init",
    "link_artifact",
    "log",
    "log_artifact",
    "login",
    "run",
    "summary",
    "use_artifact",
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
    raise AttributeError(f"module 'registrum' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
