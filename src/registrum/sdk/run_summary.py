"""The summary of a run that was logged: a dict that can be sent back."""

from collections.abc import Callable, Mapping
from typing import Any


class Summary(dict[str, Any]):
    """A run's summary: a dict whose `update` is sent to the server; its keys are attributes, too."""

    def __init__(
        self, values: Mapping[str, Any], send: Callable[[Mapping[str, Any]], None]
    ) -> None:
        super().__init__(values)
        self.__dict__["_send"] = send

    @property
    def _json_dict(self) -> dict[str, Any]:
        """A plain copy; scripts know it by this name."""
        return dict(self)

    def update(self, key_vals: Mapping[str, Any] | None = None, overwrite: bool = True) -> None:  # type: ignore[override]
        """Sends the summary, with some values set before.

        Args:
            key_vals: to set.
            overwrite: whether also those that are there already.
        """
        for key, value in (key_vals or {}).items():
            if overwrite or key not in self:
                self[key] = value
        self.__dict__["_send"](self)

    def __getattr__(self, name: str) -> Any:
        """The value of that key."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value
