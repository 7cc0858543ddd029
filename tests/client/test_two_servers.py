"""Two server processes on one PostgreSQL database, of which one dies: the other goes on, with its jobs too."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.client.hand import Hand
from tests.client.live import Server, running
from tests.client.proxy import Proxy
from tests.client.test_kills import Ledger

pytestmark = pytest.mark.slow

LIMIT_S = 120
JOB = "forget-failed-jobs"
TELL = """CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_notify('jobs', NEW.kind || ' ' || NEW.state); RETURN NEW; END $$;
  CREATE TRIGGER tell AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION tell()"""
GIVEN_UP = """INSERT INTO jobs (kind, state, due_at, created_at, finished_at)
  VALUES ('given up long ago', 'failed', 0, 0, 0) RETURNING id"""
WAITS = """SELECT application_name FROM pg_stat_activity
  WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM jobs%%'"""


@pytest.fixture
def prepared_url(postgres_url: str) -> str:
    """The address of a database with every table."""
    command = [sys.executable, "-m", "registrum", "db", "upgrade", "--database-url", postgres_url]
    subprocess.run(command, check=True, timeout=LIMIT_S)
    return postgres_url


@pytest.fixture
def servers(prepared_url: str, tmp_path: Path) -> Iterator[dict[str, Server]]:
    """Two processes on one database and one folder of blobs, each known to the database by its name."""
    environ = {"REGISTRUM_DATABASE_URL": prepared_url, "REGISTRUM_SECRET_KEY": "s" * 40}
    data, home = tmp_path / "data", tmp_path / "home"
    with (
        running(data, home, environ=environ | {"PGAPPNAME": "one"}) as one,
        running(data, home, environ=environ | {"PGAPPNAME": "two"}) as two,
    ):
        yield {"one": one, "two": two}


def wait_for(database: "psycopg.Connection[object]", told: str) -> None:
    """Waits until the database has told that of its jobs."""
    for notice in database.notifies(timeout=LIMIT_S):
        if notice.payload == told:
            return
    raise AssertionError(f"nobody told {told!r}")


def held_by(database: "psycopg.Connection[object]") -> str:
    """The server whose job waits for a lock."""
    while not (found := database.execute(WAITS).fetchall()):
        pass
    return str(found[0][0])  # type: ignore[index]


def test_one_of_two_servers_dies_and_the_other_goes_on(
    servers: dict[str, Server], prepared_url: str
) -> None:
    with (
        closing(Proxy()) as proxy,
        psycopg.connect(prepared_url, autocommit=True) as database,
        psycopg.connect(prepared_url) as blocking,
    ):
        database.execute(TELL)
        database.execute("LISTEN jobs")
        given_up = database.execute(GIVEN_UP).fetchone()
        blocking.execute("SELECT id FROM jobs WHERE state = 'failed' FOR UPDATE")
        database.execute("UPDATE jobs SET due_at = 0 WHERE kind = %s", [JOB])
        wait_for(database, f"{JOB} running")
        dies = held_by(database)
        dead = servers.pop(dies)
        (alive,) = servers.values()

        proxy.lead_to(dead.url)
        outside = Server(proxy.url, dead.process, dead.data_dir, dead.admin)
        before, beside = Ledger("before"), Ledger("beside")
        mine, theirs = Hand(outside, dead.admin, "mine"), Hand(alive, alive.admin, "theirs")
        enough: list[int] = []
        neighbour = threading.Thread(
            target=beside.work,
            args=(theirs, lambda: bool(enough) and len(beside.linked) >= enough[0]),
            daemon=True,
        )
        neighbour.start()
        proxy.act_after(8_000_000, dead.process.kill)
        before.work(mine)
        dead.process.wait(LIMIT_S)
        assert dead.process.returncode == -9

        here = Hand(alive, alive.admin, "mine")
        before.check(here)
        again = before.asked[-1]
        assert here.check_whole(here.log(again)) == again
        before.check(here)
        enough.append(len(beside.linked) + 3)
        neighbour.join(LIMIT_S)
        assert not neighbour.is_alive()
        assert len(beside.linked) >= enough[0]
        beside.check(theirs)

        blocking.rollback()
        state = "SELECT state, attempts FROM jobs WHERE kind = %s"
        assert database.execute(state, [JOB]).fetchone() == ("running", 1)
        database.execute("UPDATE jobs SET locked_until = 0 WHERE kind = %s", [JOB])  # Time passes.
        wait_for(database, f"{JOB} waiting")
        assert database.execute(state, [JOB]).fetchone() == ("waiting", 0)
        left = "SELECT count(*) FROM jobs WHERE id = %s"
        assert database.execute(left, given_up).fetchone() == (0,)
    assert "Traceback" not in "".join(alive.log)
