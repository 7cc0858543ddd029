"""Runs as others read them, and what of one may be edited afterwards."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from registrum.errors import Missing
from registrum.sdk.attributes import Told
from registrum.sdk.http import Service
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import Node
from registrum.sdk.run_lineage import Lineage
from registrum.sdk.run_reports import Reports
from registrum.sdk.run_summary import Summary
from registrum.sdk.users import User

if TYPE_CHECKING:
    from registrum.sdk.api import Api

INTERNAL_KEYS = frozenset({"_wandb", "wandb_version"})
ENDED = frozenset({"finished", "crashed", "failed"})
LOOK_AGAIN_S = 5.0

_JSON_FIELDS = ("config", "summaryMetrics", "systemMetrics")


class Run(Told, Reports, Lineage):
    """A run that was logged.

    Beside the properties it has `tags`, `notes`, `description`, `group`, `job_type`, `display_name`, `created_at`,
    `heartbeat_at`, `commit`, `read_only` and `user`. Set `name`, `tags`, `notes`, `group`, or entries of `config`, then
    `update()`.

    Args:
        service_api: the server.
        entity: owner of the project.
        project: where it was logged.
        run_id: its id.
        attrs: what the server told; loaded where absent.
        include_sweeps: taken for the sake of scripts; there are no sweeps.
        lazy: whether configuration and summary are asked for when they are looked at.
        api_key: of who asks.

    Raises:
        Missing: there is no such run; a ValueError.
    """

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        run_id: str,
        attrs: Mapping[str, Any] | None = None,
        include_sweeps: bool = False,
        lazy: bool = True,
        api_key: str | None = None,
    ) -> None:
        super().__init__({"name": run_id})
        self._service_api = service_api
        self._entity = entity
        self.project = project
        self._lazy = lazy
        self._api_key = api_key
        self._summary: Summary | None = None
        if attrs:
            self._settle(attrs)
        else:
            self.load(force=True)

    @classmethod
    def create(
        cls,
        api: "Api",
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
        state: Literal["running", "pending"] = "running",
    ) -> "Run":
        """Makes a run that nobody reports; `registrum.init` is for those that somebody does.

        Args:
            api: the server, and who asks.
            run_id: its id; a new one where absent.
            project: where it goes; the default one where absent.
            entity: owner of the project; the default one where absent.
            state: `running` or `pending`.
        """
        given = {"name": run_id, "modelName": project, "entityName": entity, "state": state}
        made = api.service.ask(operations.UPSERT_RUN, {"input": given})["upsertBucket"]["bucket"]
        owner = made["project"]
        whose = (owner["entity"]["name"], owner["name"], made["name"])
        return cls(api.service, *whose, made, lazy=False, api_key=api.api_key)

    @property
    def key(self) -> dict[str, str]:
        """What says on the wire which run it is."""
        return {"entity": self._entity, "project": self.project, "name": self.id}

    def read(self, document: str, **more: Any) -> Node:
        """What the server answers about the run.

        Raises:
            Missing: it is not there any more; a ValueError.
        """
        answer = self._service_api.ask(document, self.key | more)["project"]
        found: Node | None = answer and answer["run"]
        if not found:
            raise Missing(f"There is no run {'/'.join(self.path)}.")
        return found

    def _settle(self, node: Mapping[str, Any]) -> None:
        found = dict(node)
        for name in _JSON_FIELDS:
            if name in found:
                found[name] = _parsed(found[name])
        if "config" in found:
            found["rawconfig"] = {key: _value(one) for key, one in found["config"].items()}
            found["config"] = {
                key: one for key, one in found["rawconfig"].items() if key not in INTERNAL_KEYS
            }
        if found.get("user"):
            self.user = User(self._service_api, found.pop("user"))
        self._attrs = found

    def load(self, force: bool = False) -> dict[str, Any]:
        """What the server tells of the run.

        Args:
            force: ask again.

        Raises:
            Missing: it is not there; a ValueError.
        """
        if force:
            self._settle(self.read(operations.LIGHT_RUN if self._lazy else operations.RUN))
            self._summary = None
        return self._attrs

    def load_full_data(self, force: bool = False) -> dict[str, Any]:
        """Also configuration, summary and the machine's metrics, where they were left out.

        Args:
            force: ask again, even where they are known.
        """
        if force or self._lazy:
            self._settle(self.read(operations.RUN))
            self._lazy = False
        return self._attrs

    def _full(self, name: str) -> dict[str, Any]:
        if name not in self._attrs:
            self.load_full_data(force=True)
        found: dict[str, Any] = self._attrs[name]
        return found

    @property
    def id(self) -> str:
        """Its id within the project; may be set, which means another run from then on."""
        return str(self._attrs["name"])

    @id.setter
    def id(self, new_id: str) -> None:
        self._attrs["name"] = new_id

    @property
    def storage_id(self) -> str:
        """Global id."""
        return str(self._attrs["id"])

    @property
    def project_internal_id(self) -> int | None:
        """Number of the project."""
        found: int | None = self._attrs.get("projectId")
        return found

    @property
    def name(self) -> str | None:
        """Name for people; may be set."""
        found: str | None = self._attrs.get("displayName")
        return found

    @name.setter
    def name(self, new_name: str) -> None:
        self._attrs["displayName"] = new_name

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._entity

    @property
    def username(self) -> str:
        """Deprecated: use `entity`."""
        return self._entity

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, `crashed`, `killed`, `pending`, `preempting` or `preempted`."""
        return str(self._attrs.get("state", "not found"))

    @property
    def path(self) -> list[str]:
        """Owner, project and id, quoted as for a URL."""
        return [quote(part, safe="") for part in (self._entity, self.project, self.id)]

    @property
    def url(self) -> str:
        """Its page for people."""
        entity, project, run_id = self.path
        return f"{self._service_api.url}/{entity}/{project}/runs/{run_id}"

    @property
    def config(self) -> dict[str, Any]:
        """Its settings; change entries, then `update()`."""
        return self._full("config")

    @property
    def rawconfig(self) -> dict[str, Any]:
        """Its settings, with what the client keeps among them."""
        return self._full("rawconfig")

    @property
    def json_config(self) -> str:
        """Its settings as the server keeps them."""
        kept = {key: one for key, one in self.rawconfig.items() if key == "_wandb"} | self.config
        return json.dumps({key: {"value": one, "desc": None} for key, one in kept.items()})

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The last value of each metric, or what was put in its place."""
        return self._full("summaryMetrics")

    @property
    def summary(self) -> Summary:
        """The same, to be edited: `run.summary.update({"best": 3})`."""
        if self._summary is None:
            self._summary = Summary(self.summary_metrics, self._send_summary)
        return self._summary

    def _send_summary(self, values: Mapping[str, Any]) -> None:
        given = {"id": self.storage_id, "summaryMetrics": json.dumps(values)}
        self._service_api.ask(operations.UPSERT_RUN, {"input": given}, repeatable=True)

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last of the machine's metrics."""
        return self._full("systemMetrics")

    @property
    def sweep_name(self) -> str | None:
        """Name of the sweep it belongs to, if a client said so."""
        found: str | None = self._attrs.get("sweepName")
        return found

    @property
    def sweep(self) -> None:
        """None: there are no sweeps."""
        return None

    def update(self) -> None:
        """Sends what was edited.

        Raises:
            Refused: the server refused it.
        """
        given = {
            "id": self.storage_id,
            "tags": self.tags,
            "description": self.description,
            "notes": self.notes,
            "displayName": self.display_name,
            "config": self.json_config,
            "groupName": self.group,
            "jobType": self.job_type,
        }
        self._service_api.ask(operations.UPSERT_RUN, {"input": given}, repeatable=True)
        self.summary.update()

    def save(self) -> None:
        """Sends what was edited; the same as `update`."""
        self.update()

    def delete(self, delete_artifacts: bool = False) -> None:
        """Removes the run.

        Args:
            delete_artifacts: whether the artifacts that it has made go with it.

        Raises:
            Refused: the server refused it.
        """
        given = {"id": self.storage_id, "deleteArtifacts": delete_artifacts}
        self._service_api.ask(operations.DELETE_RUN, {"input": given})

    def stop(self) -> None:
        """Asks the process that reports the run to end; it hears of it with its next report."""
        self._service_api.ask(operations.STOP, {"input": {"id": self.storage_id}}, repeatable=True)

    def update_state(self, state: str) -> bool:
        """Gives the run another state.

        Args:
            state: `pending` or `failed`.

        Returns:
            Whether it was done.

        Raises:
            Refused: the run can't go to that state from its own.
        """
        given = {"id": self.storage_id, "state": state}
        answer = self._service_api.ask(operations.UPDATE_STATE, {"input": given}, repeatable=True)
        if not answer["updateRunState"]["success"]:
            return False
        self._attrs["state"] = state
        return True

    def wait_until_finished(self) -> None:
        """Waits until it has ended, well or not."""
        while (state := self.read(operations.RUN_STATE)["state"]) not in ENDED:
            time.sleep(LOOK_AGAIN_S)
        self._attrs["state"] = state

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"


def _parsed(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text, strict=False) if text else {}
    return found


def _value(entry: Any) -> Any:
    return entry["value"] if isinstance(entry, dict) and "value" in entry else entry
