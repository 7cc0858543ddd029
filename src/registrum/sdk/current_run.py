"""The current run of this process: `init()` begins it, and the functions of the module `registrum` speak to it."""

import atexit
import os
import secrets
import socket
import string
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from registrum.core.errors import Conflict, Invalid, NotFound, NotSupported
from registrum.sdk import credentials
from registrum.sdk.active_runs import Run, say
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from registrum.sdk.operations import active_runs as operations
from registrum.sdk.run_values import config_text, setting, values_of
from registrum.sdk.run_values import settings as as_mapping
from registrum.sdk.settings import Settings, forget

ID_CHARACTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 8
DEFAULT_PROJECT = "uncategorized"

_current: Run | None = None


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | Path | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Any = None,
    anonymous: Any = None,
) -> Run:
    """Begins a run, and makes it the current one.

    Args:
        entity: owner of the project. None: `REGISTRUM_ENTITY`, `WANDB_ENTITY`, else the user's default.
        project: None: `REGISTRUM_PROJECT`, `WANDB_PROJECT`, else `uncategorized`. It is made where missing.
        dir: taken for the sake of scripts; nothing is written on disk.
        id: of the run. None: a new one by chance.
        name: that people read. None: the server chooses one.
        notes: in Markdown.
        tags: of the run.
        config: settings: a mapping, argparse's namespace, or a dataclass's value.
        config_exclude_keys: settings to leave out.
        config_include_keys: the only settings to take.
        allow_val_change: taken for the sake of scripts.
        group: group of runs it belongs to.
        job_type: what kind of job it is.
        mode: "online" or None; runs without a server are not supported.
        force: taken for the sake of scripts; without a key there is no run.
        reinit: "finish_previous" or True ends the current run first, "create_new" leaves it as it is; else the
            current run is what is returned.
        resume: "must": go on with the run of this id; "allow" or True: go on with it if it is there; "never" or None:
            it must not be there.
        resume_from: not supported: the run would lose what it logged after that step.
        fork_from: not supported.
        save_code: taken for the sake of scripts; put code into an artifact.
        tensorboard: not supported; the same goes for `sync_tensorboard`.
        sync_tensorboard: not supported.
        monitor_gym: taken for the sake of scripts.
        settings: `Settings` or a mapping of them: what the arguments above do not say.
        anonymous: taken for the sake of scripts.

    Returns:
        The run.

    Raises:
        Unauthenticated: there is no API key, or the server does not know it.
        NotSupported: `mode` asks for a run without a server, or something else is asked for that is not there.
        NotFound: `resume="must"`, and there is no such run.
        Conflict: there is a run of this id, and `resume` does not say to go on with it.
    """
    global _current  # noqa: PLW0603
    told = Settings.of(settings)
    mode, resume, id = (
        mode or told.get("mode"),
        resume or told.get("resume"),
        id or told.get("run_id"),
    )
    if mode not in {None, "online", "shared"}:
        raise NotSupported(f"mode={mode!r} is not supported: a run is reported while it goes.")
    _refuse_absent(
        resume_from=resume_from,
        fork_from=fork_from,
        tensorboard=tensorboard,
        sync_tensorboard=sync_tensorboard,
    )
    if _current is not None and _current.is_current and reinit != "create_new":
        if reinit not in {True, "finish_previous"}:
            return _current
        _current.finish()
    service = Service(credentials.find(told.get("base_url"), told.get("api_key"), os.environ))
    given = _chosen(config, config_include_keys, config_exclude_keys)
    where = {
        "entityName": entity or told.get("entity"),
        "modelName": project or told.get("project") or DEFAULT_PROJECT,
        "name": id or new_id(),
    }
    before = _earlier(service, where, id, resume)
    if before is not None:
        given = {**values_of(before["config"]), **given}
    asked = {
        **where,
        "displayName": name or told.get("run_name"),
        "notes": notes or told.get("run_notes"),
        "tags": _listed(told.get("run_tags") if tags is None else tags),
        "groupName": group or told.get("run_group"),
        "jobType": job_type or told.get("run_job_type"),
        "config": config_text(given),
        "host": socket.gethostname(),
        "jobProgram": sys.argv[0] or None,
        "state": "running" if before is not None else None,
    }
    found = service.ask(
        operations.UPSERT,
        {"input": {key: value for key, value in asked.items() if value is not None}},
        repeatable=True,
    )["upsertBucket"]["bucket"]
    run = Run(service, found, before)
    _note_exits()
    atexit.register(run.finish_at_exit)
    _current = run
    say(f"run {run.name} goes to {run.url}")
    return run


def current() -> Run | None:
    """The run of this process that `registrum.log` and its like speak to."""
    return _current if _current is not None and _current.is_current else None


def needed() -> Run:
    """The current run.

    Raises:
        Conflict: there is none.
    """
    run = current()
    if run is None:
        raise Conflict("There is no run: call registrum.init() first.")
    return run


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Adds metrics to the current run; see `Run.log`."""
    needed().log(data, step, commit)


def log_artifact(
    artifact_or_path: Artifact | str | Path,
    name: str | None = None,
    type: str | None = None,
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
) -> Artifact:
    """Uploads a version as the current run's output; see `Run.log_artifact`."""
    return needed().log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: str | Artifact,
    type: str | None = None,
    aliases: list[str] | None = None,
    use_as: str | None = None,
) -> Artifact:
    """Notes a version as the current run's input; see `Run.use_artifact`."""
    return needed().use_artifact(artifact_or_name, type, aliases, use_as)


def link_artifact(
    artifact: Artifact, target_path: str, aliases: list[str] | None = None
) -> Artifact:
    """Links a version into a collection; see `Run.link_artifact`."""
    return needed().link_artifact(artifact, target_path, aliases)


def log_model(path: str | Path, name: str | None = None, aliases: list[str] | None = None) -> None:
    """Uploads a file or folder as a version of type `model`; see `Run.log_model`."""
    needed().log_model(path, name, aliases)


def use_model(name: str) -> str:
    """Notes a model as the current run's input and fetches it; see `Run.use_model`."""
    return needed().use_model(name)


def link_model(
    path: str | Path,
    registered_model_name: str,
    name: str | None = None,
    aliases: list[str] | None = None,
) -> Artifact | None:
    """Uploads a model and links it into the registry `model`; see `Run.link_model`."""
    return needed().link_model(path, registered_model_name, name, aliases)


def define_metric(name: str, *args: Any, **kwargs: Any) -> None:
    """Taken for the sake of scripts: charts here need no definitions."""
    needed().define_metric(name, *args, **kwargs)


def teardown(exit_code: int | None = None) -> None:
    """Ends the current run, if there is one, and forgets what `setup` has kept."""
    finish(exit_code)
    forget()


def finish(exit_code: int | None = None) -> None:
    """Ends the current run, if there is one; see `Run.finish`."""
    run = current()
    if run is not None:
        run.finish(exit_code)


def new_id() -> str:
    """An id for a run, by chance."""
    return "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))


def _earlier(
    service: Service, where: Mapping[str, Any], id: str | None, resume: bool | str | None
) -> dict[str, Any] | None:
    """The run to go on with; None for a new one."""
    known = {None, False, True, "allow", "must", "never", "auto"}
    if resume not in known:
        raise Invalid(f"resume must be 'allow', 'must', 'never' or None, not {resume!r}.")
    if resume == "must" and id is None:
        raise Invalid("resume='must' needs the run's id.")
    if id is None:
        return None
    model = service.ask(
        operations.EARLIER,
        {
            "entity": where["entityName"],
            "project": where["modelName"],
            "name": where["name"],
        },
    )["model"]
    found: dict[str, Any] | None = model and model["bucket"]
    if found is None and resume == "must":
        raise NotFound(f"There is no run {where['name']} in {where['modelName']} to go on with.")
    if found is not None and resume in {None, False, "never"}:
        raise Conflict(
            f"There is a run {where['name']} in {where['modelName']} already: choose another id,"
            " or pass resume='allow' to go on with it."
        )
    return found


def _chosen(config: Any, only: list[str] | None, without: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = setting(as_mapping(config))
    if only is not None:
        found = {key: value for key, value in found.items() if key in only}
    return {key: value for key, value in found.items() if key not in (without or ())}


def _listed(tags: Sequence[str] | None) -> list[str] | None:
    return None if tags is None else list(tags)


def _refuse_absent(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise NotSupported(f"init({name}=…) is not supported by Registrum.")


def _note_exits() -> None:
    """From now on, what `sys.exit` is called with tells whether the run failed: nothing else does when a process ends."""
    leave = sys.exit
    if hasattr(leave, "registrum_code"):
        return

    def leave_noted(code: Any = None, /) -> NoReturn:
        leave_noted.registrum_code = code  # type: ignore[attr-defined]
        leave(code)

    leave_noted.registrum_code = None  # type: ignore[attr-defined]
    sys.exit = leave_noted
