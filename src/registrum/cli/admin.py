"""`registrum db`: upkeep of the database, on the machine that can reach it."""

import os
from contextlib import nullcontext
from pathlib import Path

import click

from registrum.cli.extras import need_server
from registrum.server.config_sources import load


@click.group("db", short_help="Upgrade the server's database.")
def command() -> None:
    """Look after the server's database.

    An embedded (SQLite) server upgrades its own database at start, after a backup. With PostgreSQL,
    run `registrum db upgrade` before the first start and after each update of this package.
    """


@command.command("upgrade")
@click.option("--config", "file", type=click.Path(path_type=Path), help="TOML file with settings.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The embedded server's folder.")
@click.option("--database-url", help="The database; REGISTRUM_DATABASE_URL keeps it out of `ps`.")
def upgrade(file: Path | None, data_dir: Path | None, database_url: str | None) -> None:
    """Create the database's tables, or bring them up to this version.

    Safe to run again and from several places at once.
    """
    need_server()
    flags = {"data_dir": data_dir, "database_url": database_url}
    # The schema needs no secret; refusing to upgrade for want of one would only be in the way.
    environ = {"REGISTRUM_SECRET_KEY": "0" * 32} | dict(os.environ)
    config = load(flags, environ, file)
    from registrum.server import lockfile
    from registrum.server.db.migrations import upgrade as run

    with lockfile.hold(config.data_dir) if config.is_embedded else nullcontext():
        run(config.database)
    click.echo("The database is up to date.")
