"""Names and types that a draft may have, and the folder that a version is downloaded to where none is given."""

import os
import re
import sys

from registrum.core.names import LONGEST
from registrum.errors import BadValue
from registrum.sdk.manifests import logical_path

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_RESERVED_TYPES = "wandb-"
_RESERVED_NAMES = {"job": "", "run_table": "run-", "code": "source-"}
"""Beginnings of names that the clients keep to themselves, by type."""


def checked_name(name: str) -> str:
    """The name of a draft.

    Raises:
        ValueError: it has other characters than letters, digits, `_`, `-` and `.`, or more than 128.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"An artifact name may have only letters A-Z, digits, '_', '-' and '.': {name!r}."
        )
    if len(name) > LONGEST:
        raise ValueError(f"An artifact name may have at most {LONGEST} characters: {name!r}.")
    return name


def checked_type(type: str, name: str) -> str:
    """The type of a draft of that name.

    Raises:
        ValueError: the clients keep it to themselves.
    """
    beginning = _RESERVED_NAMES.get(type)
    if type.startswith(_RESERVED_TYPES) or (beginning is not None and name.startswith(beginning)):
        raise ValueError(f"The artifact type {type!r} is reserved; use another one.")
    return type


def default_root(name: str) -> str:
    """The folder of a version where none is given: `artifacts/<name>`, or below `REGISTRUM_ARTIFACT_DIR`.

    Raises:
        ValueError: the server gave a name that leads somewhere else.
    """
    try:
        logical_path(name.replace(":", "-"))
    except BadValue:
        raise BadValue(f"Invalid artifact name: {name!r}") from None
    base = (
        os.environ.get("REGISTRUM_ARTIFACT_DIR")
        or os.environ.get("WANDB_ARTIFACT_DIR")
        or "artifacts"
    )
    own = name.replace(":", "-") if sys.platform == "win32" else name
    return os.path.join(os.path.abspath(base), own)
