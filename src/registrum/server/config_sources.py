"""Where settings come from, and the secret key that is kept in the data folder.

A setting is given by a flag of `registrum serve`, else a `REGISTRUM_*` variable, else a TOML file,
else its default. A secret may be read from a file instead, by the same name with `_FILE` behind it;
secrets have no flag, because other users of the machine can see flags. (`--database-url` is the
exception: it holds a password only where the operator puts one into it.)
"""

import difflib
import os
import secrets
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import Any

from registrum.server.config import Config, InvalidSetting

KEY_FILE_NAME = "secret-key"
_SIMILAR = 0.85
# Of the command line and the SDK, where they look like a setting of the server.
_OTHER_VARIABLES = frozenset({"REGISTRUM_API_KEY", "REGISTRUM_ARTIFACT_DIR", "REGISTRUM_CONFIG"})


def load(flags: Mapping[str, Any], environ: Mapping[str, str], file: Path | None = None) -> Config:
    """The configuration from all its sources.

    Args:
        flags: values given on the command line by setting name; None where not given.
        environ: the process's environment.
        file: a TOML file, else the one that `REGISTRUM_CONFIG` names, if any.

    Raises:
        InvalidSetting: one plain sentence about the first setting that is wrong.
    """
    file = file or _path_or_none(environ.get("REGISTRUM_CONFIG"))
    written = _read_toml(file) if file else {}
    values: dict[str, Any] = {}
    for own in fields(Config):
        found = _find(own, flags, environ, written)
        if found is not MISSING:
            values[own.name] = _convert(own, found)
    return Config(**values)


def with_secret_key(config: Config) -> Config:
    """The same configuration with a secret key: kept in the data folder where it is not set.

    Raises:
        InvalidSetting: the data folder can't be made or written, or its key is damaged.
    """
    if config.secret_key:
        return config
    path = config.data_dir / KEY_FILE_NAME
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_new_key(path)
        keys = tuple(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"The secret key {path} can't be read or made: {error}.") from None
    if not keys:
        raise InvalidSetting(f"The secret key {path} is empty; restore it, or delete it.")
    return replace(config, secret_key=keys)


def _write_new_key(path: Path) -> None:
    """Publishes a new key whole, for the owner's eyes only; who comes second keeps the first's."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"REGISTRUM_{name.upper()}"


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that set nothing but look like one that would, with the one that was probably meant."""
    known = {variable_of(own.name) for own in fields(Config)}
    known |= {f"{variable_of(own.name)}_FILE" for own in fields(Config) if own.metadata["secret"]}
    found = {}
    for name in sorted(environ):
        if name.startswith("REGISTRUM_") and name not in known and name not in _OTHER_VARIABLES:
            for meant in difflib.get_close_matches(name, known, 1, _SIMILAR):
                found[name] = meant
    return found


def _find(
    own: "Field[Any]",
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    written: Mapping[str, Any],
) -> Any:
    """The setting's value from the first source that has it, else MISSING."""
    if flags.get(own.name) is not None:
        return flags[own.name]
    variable = variable_of(own.name)
    if environ.get(variable):
        return environ[variable]
    if own.metadata["secret"] and environ.get(f"{variable}_FILE"):
        return _read_secret(f"{variable}_FILE", environ[f"{variable}_FILE"])
    if own.name in written:
        return written[own.name]
    if f"{own.name}_file" in written:
        return _read_secret(f"{own.name}_file", str(written[f"{own.name}_file"]))
    return MISSING


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{name}: {path} can't be read: {error}.") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting(f"The settings file {path} can't be read: {error}.") from None
    known = {own.name for own in fields(Config)}
    known |= {f"{own.name}_file" for own in fields(Config) if own.metadata["secret"]}
    if unknown := sorted(written.keys() - known):
        raise InvalidSetting(f"The settings file {path} has an unknown setting: {unknown[0]}.")
    return written


_KINDS = typing.get_type_hints(Config)


def kind_of(name: str) -> Any:
    """The type of a setting, without the None of an optional one."""
    kind = _KINDS[name]
    if isinstance(kind, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


def _convert(own: "Field[Any]", value: Any) -> Any:
    """A value from a flag, a variable or a file as the setting's type."""
    kind = kind_of(own.name)
    if kind is int:
        return _integer(own.name, value)
    if kind == tuple[str, ...]:
        return _words(own.name, value)
    if not isinstance(value, str | Path):
        raise InvalidSetting(f"{own.name} must be text, not {value!r}.")
    if kind is Path:
        return Path(value)
    choices = typing.get_args(kind)
    if choices and value not in choices:
        raise InvalidSetting(f"{own.name} must be one of {', '.join(choices)}, not {value!r}.")
    return str(value)


def _integer(name: str, value: Any) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise InvalidSetting(f"{name} must be a whole number, not {value!r}.") from None


def _words(name: str, value: Any) -> tuple[str, ...]:
    """A list, or text with commas or white space between its words."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise InvalidSetting(f"{name} must be a list of texts.")
    return tuple(value)


def _path_or_none(text: str | None) -> Path | None:
    return Path(text) if text else None
