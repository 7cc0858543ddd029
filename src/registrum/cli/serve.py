"""`registrum serve`: settings become a running server."""

import gc
import logging
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registrum import __version__
from registrum.cli import quickstart
from registrum.cli.extras import need_server
from registrum.core.errors import Conflict
from registrum.server.config import Config
from registrum.server.config_sources import kind_of, load, misspelt, variable_of, with_secret_key

if TYPE_CHECKING:
    from registrum.server.app import FirstStart

BACKLOG = 2048
log = logging.getLogger(__name__)


class PortTaken(Conflict):
    """Something else listens on the address and port."""

    code = "port_taken"


def _flags() -> list[click.Parameter]:
    """One option per setting that is no secret, from the settings' own documentation."""
    first = click.Option(
        ["--config", "file"],
        type=click.Path(path_type=Path),
        envvar="REGISTRUM_CONFIG",
        show_envvar=True,
        help="TOML file with settings.",
    )
    flags: list[click.Parameter] = [first]
    for own in fields(Config):
        if not own.metadata["flag"]:
            continue
        kind = kind_of(own.name)
        shown = own.default if own.default not in (None, ()) else None
        flags.append(
            click.Option(
                [f"--{own.name.replace('_', '-')}", own.name],
                metavar={int: "NUMBER", Path: "PATH"}.get(kind, "TEXT"),
                help=own.metadata["doc"].replace("`", "")
                + (f" [default: {shown}]" if shown is not None else "")
                + f" [{variable_of(own.name)}]",
            )
        )
    return flags


def _serve(file: Path | None, **flags: Any) -> None:
    need_server()
    config = load(flags, os.environ, file)
    from registrum.server import lockfile, logs

    logs.configure(config.log_level, config.log_format)
    for name, meant in misspelt(os.environ).items():
        log.warning("the variable %s is no setting; is %s meant?", name, meant)
    config = with_secret_key(config)
    try:
        with lockfile.hold(config.data_dir) if config.is_embedded else nullcontext():
            _run(config)
    except KeyboardInterrupt:
        click.echo("Stopped.")


command = click.Command(
    "serve",
    params=_flags(),
    callback=_serve,
    help="""Run the server until it is told to stop (SIGTERM or Ctrl-C), letting requests finish.

    Without settings: SQLite and a folder for files in ./registrum-data, at http://127.0.0.1:8080.
    The first start makes an administrator and prints the password and API key, once. Each setting
    is a flag, a variable REGISTRUM_…, or a line in a TOML file; the flag wins. Secrets are
    variables or files only: see docs/configuration.md.
    """,
    short_help="Run the server.",
)


def _run(config: Config) -> None:
    gc.disable()  # A fifth of the time to start: nearly all that is made lives as long as the server.
    with _metrics_folder(config), _listen(config) as listener:
        from registrum.server import app, process

        first = app.prepare(config)
        url = config.base_url or _address(config, listener)
        told = threading.Event()

        def announce() -> None:
            gc.freeze()
            gc.enable()
            _announce(config, url, first)
            told.set()

        try:
            process.run(config, listener, announce)
        finally:
            if first is not None and not told.is_set():
                click.echo(_first_steps(config, url, first))  # It will not be made again.


@contextmanager
def _listen(config: Config) -> Iterator[socket.socket]:
    """The bound socket: taken before anything is made, and handed to every worker."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
    except OSError as error:
        # A host without an address has a negative number, and only its own words.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise PortTaken(f"Can't listen on {config.host} port {config.port}: {why}.") from None
    with listener:
        yield listener


@contextmanager
def _metrics_folder(config: Config) -> Iterator[None]:
    """With several workers, a folder where they add up their metrics."""
    if config.workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="registrum-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _announce(config: Config, url: str, first: "FirstStart | None") -> None:
    click.echo(f"Registrum {__version__} is ready at {url}")
    if config.is_embedded:
        click.echo(f"Data in {config.data_dir.absolute()}")
    if first is not None:
        click.echo(_first_steps(config, url, first))
    sys.stdout.flush()


def _address(config: Config, listener: socket.socket) -> str:
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(config.host, config.host)  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return f"{config.scheme}://{host}:{listener.getsockname()[1]}"


def _first_steps(config: Config, url: str, first: "FirstStart") -> str:
    """What a person needs at the first start; secrets that they gave themselves do not go into anybody's log."""
    said, shown, key = first.password, first.api_key, first.api_key
    if config.admin_password:
        said = "(the one that was given as admin_password)"
    if config.admin_api_key:
        shown, key = "(the one that was given as admin_api_key)", "$REGISTRUM_ADMIN_API_KEY"
    lines = [
        "",
        "First start: an administrator was made. Write this down, it is shown only once.",
        "",
        f"    user      {first.username}",
        f"    password  {said}",
        f"    API key   {shown}",
        "",
        f"Organization {first.organization!r} has registries for models and datasets;"
        f" runs go to team {first.team!r} by default.",
        "Log in:",
        "",
        *_indented(quickstart.login(url, key)),
        "",
        "Log a model, link it into the registry, and fetch it back, in Python:",
        "",
        *_indented(quickstart.SCRIPT),
    ]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}" if line else "" for line in text.splitlines()]
