"""What a run is told: settings and metrics as plain JSON values, and the two mappings that people write them to."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from decimal import Decimal
from typing import Any

from registrum.sdk.http import USER_AGENT

LONGEST_ARRAY = 10_000
"""Numbers of an array that go into the history as they are; more belongs into an artifact."""

_WHOLE_BELOW = 1e21
_EXACT_BELOW = 2.0**53


def plain(value: Any, where: str, nan: str | None = "NaN") -> Any:
    """A value as JSON knows it.

    Scalars, sequences and mappings of NumPy, PyTorch and their like become plain; NaN and the infinities, which JSON
    has not, become their names, as the wire wants them. A float that is whole is an integer, as W&B's client has it.

    Args:
        value: what was given.
        where: its key, for the error.
        nan: what NaN becomes.

    Raises:
        TypeError: it has no such form.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else _named(value, nan)
    if isinstance(value, Mapping):
        return {str(key): plain(one, f"{where}.{key}", nan) for key, one in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [plain(one, where, nan) for one in value]
    return _plain_array(value, where, nan)


def number(value: float) -> int | float:
    """A finite float, or the integer that it is written like: 2.0 is 2, and 1e21 stays as it is."""
    if not value.is_integer() or abs(value) >= _WHOLE_BELOW:
        return float(value)
    return int(value) if abs(value) < _EXACT_BELOW else int(Decimal(repr(float(value))))


def _named(value: float, nan: str | None) -> str | None:
    if math.isnan(value):
        return nan
    return "Infinity" if value > 0 else "-Infinity"


def _plain_array(value: Any, where: str, nan: str | None) -> Any:
    size = getattr(value, "size", None)
    count = size() if callable(size) else size
    if callable(getattr(value, "numel", None)):
        count = value.numel()
    if isinstance(count, int) and count > LONGEST_ARRAY:
        raise TypeError(
            f"{where!r} is an array of {count:,} numbers; log at most {LONGEST_ARRAY:,}, or put it into an artifact."
        )
    for name in ("tolist", "item"):
        convert: Callable[[], Any] | None = getattr(value, name, None)
        if callable(convert):
            return plain(convert(), where, nan)
    if callable(getattr(value, "isoformat", None)):
        return value.isoformat()
    raise TypeError(
        f"{where!r} is a {type(value).__name__}, which has no JSON form; give numbers, strings, lists or mappings,"
        " and put files into an artifact."
    )


class Values(MutableMapping[str, Any]):
    """A mapping whose keys are attributes, too, and that tells when it is written to."""

    def __init__(self, values: Mapping[str, Any], changed: Callable[[], None]) -> None:
        """Starts with `values`, of which `changed` hears nothing."""
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_changed", changed)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[str(key)] = self._plain(value, str(key))
        self._changed()

    def _plain(self, value: Any, where: str) -> Any:
        return plain(value, where)

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, key: str) -> Any:
        try:
            return self.__dict__["_values"][key]
        except KeyError:
            raise AttributeError(f"There is no {key!r}.") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __repr__(self) -> str:
        return repr(self._values)

    def as_dict(self) -> dict[str, Any]:
        """A copy of all of it."""
        return dict(self._values)


class Config(Values):
    """A run's settings, as `run.config`."""

    def _plain(self, value: Any, where: str) -> Any:
        return setting(value, where)

    def update(self, *given: Any, allow_val_change: bool | None = None, **more: Any) -> None:
        """Sets several at once.

        Args:
            *given: a mapping, or an object such as argparse's, whose attributes are taken.
            allow_val_change: taken for the sake of scripts; a value may always be changed.
            **more: further ones.
        """
        for one in given:
            self._values.update(setting(settings(one)))
        self._values.update(setting(more))
        self._changed()

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Sets those that are not there yet."""
        self.update({key: value for key, value in values.items() if key not in self._values})


class Summary(Values):
    """A run's last or best values, as `run.summary`."""

    def update(self, *given: Any, **more: Any) -> None:
        """Sets several at once, from mappings and keywords."""
        for one in (*given, more):
            self._values.update(plain(dict(one), "summary"))
        self._changed()

    def logged(self, values: Mapping[str, Any]) -> None:
        """Takes plain values of a history line; tells nobody, the line goes the same way."""
        self._values.update(values)


def setting(value: Any, where: str = "config") -> Any:
    """A value as a run's settings have it: as `plain`, and NaN is None.

    Raises:
        TypeError: it has no such form.
    """
    return plain(value, where, nan=None)


def settings(given: Any) -> dict[str, Any]:
    """Settings as a mapping: of a mapping itself, of argparse's namespace or a dataclass the attributes.

    Raises:
        TypeError: it is none of these.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if hasattr(given, "__dict__"):
        return {key: value for key, value in vars(given).items() if not key.startswith("_")}
    raise TypeError(f"config must be a mapping, not a {type(given).__name__}.")


def config_text(values: Mapping[str, Any]) -> str:
    """A run's settings as the wire has them."""
    # The `wandb` client takes a run for one that can be resumed by the key `t` of its own section.
    own = {"cli_version": USER_AGENT, "t": {}}
    return json.dumps(
        {**{key: {"value": v} for key, v in values.items()}, "_wandb": {"value": own}}
    )


def values_of(config: str | None) -> dict[str, Any]:
    """Settings as people gave them, of those that the wire has."""
    told = json.loads(config or "{}")
    return {
        key: entry["value"]
        for key, entry in told.items()
        if key != "_wandb" and isinstance(entry, dict) and "value" in entry
    }
