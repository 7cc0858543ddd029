"""Binds `schema/runs.graphql`: runs, made, found, changed and deleted."""

import logging
import secrets
import string
from dataclasses import replace
from typing import Any

from registrum.core import ids
from registrum.core.errors import Invalid
from registrum.core.pages import Page, page_ask
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.runs import (
    Run,
    RunName,
    RunState,
    SaveRun,
    json_object,
    own_section,
    state_named,
)
from registrum.server.db import run_search, runs
from registrum.server.db.run_search import RunsAsk
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import Selection, selected
from registrum.server.services import branching
from registrum.server.services import runs as service

DEFAULT_PROJECT = "uncategorized"
_DOCUMENTS = ("config", "wandbConfig", "summaryMetrics", "systemMetrics", "historyKeys")
_ID_LETTERS = string.ascii_lowercase + string.digits

_log = logging.getLogger(__name__)

mutation = Root("Mutation")
project = Type("Project")
run = Type(
    "Run",
    value=Run,
    reads={
        "id": lambda r: ids.encode("Run", r.id),
        "state": lambda r: r.state.value,
        "config": lambda r: r.config or "{}",
        "wandbConfig": lambda r, given: own_section(r.config, _keys(given.get("keys"))),
        "summaryMetrics": lambda r: r.summary or "{}",
        "systemMetrics": lambda r: r.system_metrics or "{}",
        "running": lambda r: r.state is RunState.RUNNING,
        "failed": lambda r: r.state in (RunState.FAILED, RunState.CRASHED),
        "exitcode": "exit_code",
        "stopped": "should_stop",
        "projectId": lambda r: r.project.id,
        "readOnly": "is_read_only",
        "runInfo": lambda r: {
            "program": r.program,
            "git": {"commit": r.commit, "remote": r.repo},
        },
    },
)


def _keys(keys: list[str] | None) -> tuple[str, ...] | None:
    return None if keys is None else tuple(keys)


@project.field("run")
def resolve_run(found: Project, info: Info, name: str, desc: str | None) -> Run:
    """A run by the id that people see."""
    return runs.get_for(info.context.tx, Action.READ, found, name).thing


@project.field("bucket")
def resolve_bucket(
    found: Project, info: Info, name: str, missing_ok: bool | None, desc: str | None
) -> Run:
    """The same under its older name."""
    return runs.get_for(info.context.tx, Action.READ, found, name).thing


@project.field("runs")
def resolve_runs(
    found: Project,
    info: Info,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Run]:
    """A page of a project's runs."""
    wants = selected(info)
    ask = RunsAsk(
        page_ask(first, after, with_total="totalCount" in wants),
        filters,
        order,
        with_documents=_wants_documents(wants),
    )
    return run_search.page_of_runs(info.context.tx, Action.READ, found, ask)


@project.field("buckets")
def resolve_buckets(found: Project, info: Info, after: str | None, first: int | None) -> Page[Run]:
    """A page of a project's runs, newest first."""
    wants = selected(info)
    page = page_ask(first, after, with_total="totalCount" in wants)
    ask = RunsAsk(page, with_documents=_wants_documents(wants))
    return run_search.page_of_runs(info.context.tx, Action.READ, found, ask)


def _wants_documents(wants: Selection) -> bool:
    return any(f"edges.node.{name}" in wants for name in _DOCUMENTS)


@project.field("runCount")
def resolve_run_count(found: Project, info: Info, filters: str | None) -> int:
    """How many runs fit a filter."""
    return run_search.count_of_runs(info.context.tx, Action.READ, found, filters)


@mutation.field("upsertBucket")
def resolve_upsert(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes a run or changes it: by its global id, or by its name in a project."""
    ask = _save_run(input)
    if input.get("id"):
        # Who edits a run gives its id alone; a client that resumes it gives its name as well.
        if input.get("name") and ask.state is None:
            ask = replace(ask, state=RunState.RUNNING)
        number = ids.decode("Run", input["id"])
        saved = info.context.write(lambda tx: service.edit_run(tx, number, ask))
    else:
        name = RunName(
            input.get("entityName"),
            input.get("modelName") or DEFAULT_PROJECT,
            input.get("name") or "".join(secrets.choice(_ID_LETTERS) for _ in range(8)),
        )
        saved = info.context.write(lambda tx: service.save_run(tx, name, ask))
    found = runs.get_for_id(info.context.tx, Action.READ, saved.id).thing
    if input.get("name"):
        # A client numbers its lines from this count on, unless it resumes: then it has asked for the run before.
        # It is the same whether the run is new or this is asked a second time.
        found = replace(found, history_lines=saved.first_line)
    # Older clients read the messages in there when they sync, and stop where there is nothing to read them from.
    return {
        "bucket": found,
        "inserted": saved.is_new,
        "serverSettings": {"serverMessages": []},
    }


def _save_run(input: dict[str, Any]) -> SaveRun:
    config, summary = input.get("config"), input.get("summaryMetrics")
    state, tags = input.get("state"), input.get("tags")
    return SaveRun(
        display_name=input.get("displayName"),
        description=input.get("description"),
        notes=input.get("notes"),
        config=None if config is None else json_object(config, "config"),
        summary=None if summary is None else json_object(summary, "summary"),
        group=input.get("groupName"),
        job_type=input.get("jobType"),
        sweep_name=input.get("sweep"),
        commit=input.get("commit"),
        host=input.get("host"),
        program=input.get("jobProgram"),
        repo=input.get("jobRepo"),
        debug=input.get("debug"),
        state=state_named(state) if state else None,
        tags=None if tags is None else tuple(tags),
    )


@mutation.field("updateRunState")
def resolve_update_state(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Requeues a run, or declares it failed."""
    number = ids.decode("Run", input["id"])
    info.context.write(lambda tx: service.update_run_state(tx, number, input["state"]))
    return {"success": True}


@mutation.field("stopRun")
def resolve_stop(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Asks a run to stop."""
    number = ids.decode("Run", input["id"])
    info.context.write(lambda tx: service.stop_run(tx, number))
    return {"success": True, "clientMutationId": input.get("clientMutationId")}


@mutation.field("deleteRun")
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Puts a run into the trash, its versions too where that is asked for."""
    number = ids.decode("Run", input["id"])
    delete = (
        service.delete_run_with_artifacts if input.get("deleteArtifacts") else service.delete_run
    )
    info.context.write(lambda tx: delete(tx, number))
    return {"success": True, "clientMutationId": input.get("clientMutationId")}


@mutation.field("rewindRun")
def resolve_rewind(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes a run back to an earlier step."""
    if not input.get("projectName"):
        raise Invalid("To rewind a run, name its project.")
    name = _run_name(input)
    metric, value = input["metricName"], input["metricValue"]
    number = info.context.write(lambda tx: branching.rewind_run(tx, name, metric, value))
    return {"rewoundRun": runs.get_for_id(info.context.tx, Action.READ, number).thing}


@mutation.field("notifyScriptableRunAlert")
def resolve_alert(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes an alert and logs it."""
    name = _run_name(input)
    service.check_alert(info.context.tx, name, input["title"])
    severity = input.get("severity") or "INFO"
    _log.info("alert of run %s (%s): %s: %s", name, severity, input["title"], input["text"][:1000])
    return {"success": True}


def _run_name(input: dict[str, Any]) -> RunName:
    return RunName(input.get("entityName"), input["projectName"], input["runName"])


BINDINGS = [mutation, project, run, *connection("Run")]
