"""`Settings`: what a run is begun with, given by name, for one run or by `setup()` for all of this process."""

import os
from collections.abc import Mapping
from typing import Any

_VARIABLES = {
    "entity": "ENTITY",
    "project": "PROJECT",
    "mode": "MODE",
    "resume": "RESUME",
    "run_id": "RUN_ID",
    "run_name": "NAME",
    "run_notes": "NOTES",
    "run_tags": "TAGS",
    "run_group": "RUN_GROUP",
    "run_job_type": "JOB_TYPE",
}
"""Settings that may come from the environment, by the name of their variable after `REGISTRUM_` or `WANDB_`."""


class Settings:
    """Settings by name.

    Used are `base_url`, `api_key`, `entity`, `project`, `mode`, `resume`, `run_id`, `run_name`, `run_notes`, `run_tags`,
    `run_group` and `run_job_type`; all others are taken for the sake of scripts.

    Args:
        **values: the settings; what is left out or None comes from the environment.
    """

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    @classmethod
    def of(cls, given: "Settings | Mapping[str, Any] | None") -> "Settings":
        """Settings from what somebody gave, above those of `setup()`."""
        own = given if isinstance(given, Mapping) else vars(given) if given is not None else {}
        told = {name: value for name, value in own.items() if value is not None}
        return cls(**{**vars(_of_the_process), **told})

    def get(self, name: str) -> Any:
        """The setting of this name, or what the environment says of it; None where nobody says anything."""
        if self.__dict__.get(name) is not None:
            return self.__dict__[name]
        variable = _VARIABLES.get(name, "")
        told = os.environ.get(f"REGISTRUM_{variable}") or os.environ.get(f"WANDB_{variable}")
        return told.split(",") if told and name == "run_tags" else told or None

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={value!r}" for name, value in vars(self).items() if name != "api_key"
        )
        return f"Settings({shown})"


_of_the_process = Settings()


def setup(settings: Settings | Mapping[str, Any] | None = None) -> Settings:
    """Keeps settings for every run that this process begins from now on; they are what `init` does not say.

    Args:
        settings: which. None: as they are.

    Returns:
        The settings of this process.
    """
    global _of_the_process  # noqa: PLW0603
    _of_the_process = Settings.of(settings)
    return _of_the_process


def forget() -> None:
    """Takes back what `setup` has kept."""
    global _of_the_process  # noqa: PLW0603
    _of_the_process = Settings()
