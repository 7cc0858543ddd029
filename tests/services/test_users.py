"""Accounts, keys and sign-in: who may what with them, and that secrets stay secret."""

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import (
    Forbidden,
    InUse,
    Invalid,
    InvalidFilter,
    InvalidName,
    NameTaken,
    NotFound,
    TooManyRequests,
    Unauthenticated,
)
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.server.auth.requests import Authenticator
from registrum.server.blobs import open_store
from registrum.server.db import Database, entities, keys, organizations, projects, users
from registrum.server.db import sessions as session_rows
from registrum.server.db.database import utc_now
from registrum.server.db.tables import password_links, sign_in_failures
from registrum.server.db.tables import sessions as session_table
from registrum.server.db.tx import Tx
from registrum.server.jobs import tidying
from registrum.server.jobs.runner import Desk
from registrum.server.services import keys as key_service
from registrum.server.services import sessions
from registrum.server.services import users as service
from registrum.server.services.credentials import NOBODY, Secrets, hash_password, is_password
from registrum.server.services.sessions import SESSION_COOKIE, TRIES, SignIns
from registrum.server.services.setup import SYSTEM
from registrum.server.services.users import CreateUser, UpdateUser
from tests.rows import put
from tests.services import acme

SECRETS = Secrets([b"k" * 40])
PASSWORD = "a good password"


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    return acme.found(database)


def scope(*headers: tuple[str, str]) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers]}


def bearer(secret: str) -> dict[str, Any]:
    return scope(("authorization", f"Bearer {secret}"))


def new_key(
    database: Database, actor: Actor, secrets: Secrets = SECRETS, **more: Any
) -> tuple[int, str]:
    key = secrets.new_key()
    number = database.write(actor, lambda tx: key_service.generate_api_key(tx, key, **more))
    return number, key.secret


def test_only_instance_administrators_make_users(
    database: Database, people: dict[str, Actor]
) -> None:
    ask = CreateUser("new@example.org")
    with pytest.raises(Forbidden):
        database.write(people["ada"], lambda tx: service.create_user(tx, ask))
    with pytest.raises(Unauthenticated):
        database.write(ANONYMOUS, lambda tx: service.create_user(tx, ask))
    number = database.write(people["root"], lambda tx: service.create_user(tx, ask))
    with database.read(Actor(number, "new")) as tx:
        assert entities.get_for(tx, Action.CREATE_PROJECT, "new").thing.kind == "user"
        assert entities.default_name(tx) == "new"


def test_a_user_name_is_found_where_the_first_is_taken(
    database: Database, people: dict[str, Actor]
) -> None:
    for email, name in (("max@other.org", "max-2"), ("max@third.org", "max-3")):
        ask = CreateUser(email)
        number = database.write(people["root"], lambda tx, a=ask: service.create_user(tx, a))  # type: ignore[misc]
        with database.read(SYSTEM) as tx:
            assert users.by_ids(tx, [number])[number].username == name


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (CreateUser("MAX@example.org"), NameTaken),
        (CreateUser("other@example.org", username="Max"), NameTaken),
        (CreateUser("other@example.org", username=acme.TEAM), NameTaken),
        (CreateUser("nobody"), InvalidName),
        (CreateUser("a@b", username="a b"), InvalidName),
        (CreateUser("a@b", username="graphql"), InvalidName),
    ],
)
def test_names_and_addresses_are_checked(
    database: Database, people: dict[str, Actor], ask: CreateUser, error: type[Exception]
) -> None:
    with pytest.raises(error):
        database.write(people["root"], lambda tx: service.create_user(tx, ask))


def test_people_see_those_of_their_organizations_and_whom_they_name(
    database: Database, people: dict[str, Actor]
) -> None:
    with database.read(people["vic"]) as tx:
        page = users.page_of_known(tx, Action.READ_ORGANIZATION, PageAsk())
        assert [u.username for u in page.nodes] == ["ada", "max", "vic"]
        assert users.get_named(tx, "ADA").email == "ada@example.org"
        assert users.get_named(tx, "sam").email is None
        assert users.get_named(tx, "Sam@Example.org").email == "sam@example.org"
        with pytest.raises(NotFound):
            users.get_named(tx, "sa")
    with database.read(people["sam"]) as tx:
        page = users.page_of_known(tx, Action.READ_ORGANIZATION, PageAsk())
        assert [u.username for u in page.nodes] == ["sam"]


@pytest.mark.parametrize(
    ("part", "found"),
    [("A", ["ada"]), ("x", ["max"]), ("EXAMPLE.org", ["ada", "max", "vic"]), ("sa", []), ("%", [])],
)
def test_people_are_found_by_the_beginning_or_end_of_their_names(
    database: Database, people: dict[str, Actor], part: str, found: list[str]
) -> None:
    with database.read(people["vic"]) as tx:
        page = users.page_of_known(tx, Action.READ_ORGANIZATION, PageAsk(), part)
        assert [u.username for u in page.nodes] == found


def test_a_cursor_of_another_list_is_refused(database: Database, people: dict[str, Actor]) -> None:
    ask, of_texts = PageAsk(after=("ann",)), PageAsk(after=(1,))
    with database.read(people["max"]) as tx:
        found = organizations.get_for(tx, Action.READ_ORGANIZATION, acme.ORGANIZATION).thing
        for page in (
            lambda: users.page_of_known(tx, Action.READ_ORGANIZATION, ask),
            lambda: organizations.page_of_own(tx, Action.READ_ORGANIZATION, ask),
            lambda: organizations.page_of_members(tx, Action.READ_ORGANIZATION, found, of_texts),
            lambda: organizations.page_of_teams(tx, Action.READ_ORGANIZATION, found, of_texts),
        ):
            with pytest.raises(InvalidFilter, match="another list"):
                page()


def test_one_changes_ones_own_account_only(database: Database, people: dict[str, Actor]) -> None:
    own = UpdateUser(name="Maximilian")
    database.write(people["max"], lambda tx: service.update_user(tx, own))
    with database.read(people["vic"]) as tx:
        assert users.get_named(tx, "max").name == "Maximilian"
    for ask in (UpdateUser("vic", name="V"), UpdateUser(is_admin=True)):
        with pytest.raises(Forbidden):
            database.write(people["max"], lambda tx, a=ask: service.update_user(tx, a))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("entity", "error"), [("sam", NotFound), (acme.OWNER, Invalid), ("vic", Invalid)]
)
def test_the_default_entity_is_ones_own_or_a_team_of_ones_own(
    database: Database, people: dict[str, Actor], entity: str, error: type[Exception]
) -> None:
    database.write(
        people["max"], lambda tx: service.update_user(tx, UpdateUser(default_entity="max"))
    )
    with database.read(people["max"]) as tx:
        assert entities.default_name(tx) == "max"
    with pytest.raises(error):
        database.write(
            people["max"], lambda tx: service.update_user(tx, UpdateUser(default_entity=entity))
        )


def test_the_instance_keeps_an_administrator(database: Database, people: dict[str, Actor]) -> None:
    with pytest.raises(InUse):
        database.write(
            people["root"], lambda tx: service.update_user(tx, UpdateUser(is_admin=False))
        )
    with pytest.raises(InUse):
        database.write(people["root"], lambda tx: service.delete_user(tx, "root", None))


def test_a_deleted_user_is_gone_with_keys_and_his_name_stays_taken(
    database: Database, people: dict[str, Actor]
) -> None:
    _, secret = new_key(database, people["sam"])
    database.write(people["sam"], lambda tx: projects.create_on_demand(tx, "sam", "own"))
    database.write(people["root"], lambda tx: service.delete_user(tx, "sam", None))
    with database.read(SYSTEM) as tx:
        assert keys.holder_of(tx, SECRETS.digests(secret)) is None
        with pytest.raises(NotFound):
            projects.get_for(tx, Action.READ, ProjectName("sam", "own"))
    with pytest.raises(NameTaken):
        database.write(
            people["root"],
            lambda tx: service.create_user(tx, CreateUser("other@example.org", username="sam")),
        )
    database.write(
        people["root"],
        lambda tx: service.create_user(tx, CreateUser("sam@example.org", username="sam-new")),
    )


def test_projects_can_go_to_somebody_else(database: Database, people: dict[str, Actor]) -> None:
    database.write(people["sam"], lambda tx: projects.create_on_demand(tx, "sam", "own"))
    database.write(people["root"], lambda tx: service.delete_user(tx, "sam", "vic"))
    with database.read(people["vic"]) as tx:
        assert projects.get_for(tx, Action.WRITE, ProjectName("vic", "own"))


def test_a_key_stands_for_its_owner_until_it_is_revoked(
    database: Database, people: dict[str, Actor]
) -> None:
    number, secret = new_key(database, people["max"], description="laptop")
    authenticate = Authenticator(database, SECRETS)
    assert authenticate(bearer(secret)) == people["max"]
    with pytest.raises(NotFound):
        database.write(people["vic"], lambda tx: key_service.delete_api_key(tx, number))
    database.write(people["max"], lambda tx: key_service.delete_api_key(tx, number))
    SECRETS.note_revocation()
    with pytest.raises(Unauthenticated):
        authenticate(bearer(secret))


def test_the_use_of_a_key_is_noted_now_and_then(
    database: Database, people: dict[str, Actor]
) -> None:
    _, secret = new_key(database, people["max"])

    def last_used() -> datetime | None:
        for thread in threading.enumerate():
            if thread.name == "note-key-use":
                thread.join()
        # What was handed to the writer before has been written when this is.
        database.write(SYSTEM, lambda tx: None)
        with database.read(people["max"]) as tx:
            (key,) = keys.by_user(tx, [people["max"].user_id or 0])[people["max"].user_id or 0]
        return key.last_used_at

    assert last_used() is None
    Authenticator(database, SECRETS)(bearer(secret))
    first = last_used()
    assert first is not None
    Authenticator(database, SECRETS)(bearer(secret))
    assert last_used() == first


def test_lists_show_masks_to_the_owner_and_administrators(
    database: Database, people: dict[str, Actor]
) -> None:
    _, secret = new_key(database, people["max"], description="laptop")
    number = people["max"].user_id or 0
    for who, count in (("max", 1), ("vic", 0), ("root", 1)):
        with database.read(people[who]) as tx:
            listed = keys.by_user(tx, [number]).get(number, [])
        assert len(listed) == count
        assert all(secret not in key.name and key.description == "laptop" for key in listed)


def test_keys_are_made_for_oneself_or_by_administrators(
    database: Database, people: dict[str, Actor]
) -> None:
    with pytest.raises(Forbidden):
        new_key(database, people["max"], username="vic")
    _, secret = new_key(database, people["root"], username="vic")
    assert Authenticator(database, SECRETS)(bearer(secret)).username == "vic"


def test_keys_expire(database: Database, people: dict[str, Actor]) -> None:
    with pytest.raises(Invalid):
        new_key(database, people["max"], expires_at=utc_now() - timedelta(seconds=1))
    _, secret = new_key(database, people["max"], expires_at=utc_now() + timedelta(days=1))
    with database.read(SYSTEM) as tx:
        tx.now += timedelta(days=2)
        assert keys.holder_of(tx, SECRETS.digests(secret)) is None


def test_the_secret_key_can_be_rotated(database: Database, people: dict[str, Actor]) -> None:
    old, new = b"old" * 20, b"new" * 20
    _, used = new_key(database, people["max"], Secrets([old]))
    _, unused = new_key(database, people["max"], Secrets([old]))
    with pytest.raises(Unauthenticated):
        Authenticator(database, Secrets([new]))(bearer(used))
    for listed in ([old, new], [new, old], [new]):  # in between, the key moves to the new one
        assert Authenticator(database, Secrets(listed))(bearer(used)) == people["max"]
    for refusing, secret in (([old], used), ([new], unused)):
        with pytest.raises(Unauthenticated):
            Authenticator(database, Secrets(refusing))(bearer(secret))


@pytest.mark.parametrize(
    "value", ["Basic nonsense!", "Bearer x", "Digest a", "Basic YXBpOndyb25n", "", "Basic "]
)
def test_wrong_credentials_are_refused_and_none_is_nobody(database: Database, value: str) -> None:
    authenticate = Authenticator(database, SECRETS)
    assert authenticate(scope()) == ANONYMOUS
    with pytest.raises(Unauthenticated):
        authenticate(scope(("authorization", value)))


def test_signing_in_with_name_or_address_begins_a_session(
    database: Database, people: dict[str, Actor]
) -> None:
    hashed = hash_password(PASSWORD)
    ask = UpdateUser("max", password_hash=hashed)
    database.write(people["root"], lambda tx: service.update_user(tx, ask))
    sign_ins, authenticate = SignIns(database, SECRETS), Authenticator(database, SECRETS)
    for name in ("MAX", "max@example.org"):
        signed = sign_ins.sign_in(name, PASSWORD, "1.2.3.4")
        cookie = ("cookie", f"theme=dark; {SESSION_COOKIE}={signed.secret}")
        assert authenticate(scope(cookie)).username == "max"
        foreign = (("origin", "https://evil.example"), ("host", "registry.example"))
        assert authenticate(scope(cookie, *foreign)) == ANONYMOUS
        own = (("origin", "https://registry.example"), ("host", "registry.example"))
        assert authenticate(scope(cookie, *own)).username == "max"
    sign_ins.sign_out(signed.secret)
    assert authenticate(scope(cookie)) == ANONYMOUS


@pytest.mark.usefixtures("quick_passwords")
def test_guessing_is_throttled_by_name_and_by_address(
    database: Database, people: dict[str, Actor]
) -> None:
    sign_ins = SignIns(database, SECRETS)
    for n in range(TRIES):
        with pytest.raises(Unauthenticated):
            sign_ins.sign_in("max", "guess", f"10.0.0.{n}")
    with pytest.raises(TooManyRequests):
        sign_ins.sign_in("MAX", "guess", "10.0.1.1")
    for n in range(TRIES):
        with pytest.raises(Unauthenticated):
            sign_ins.sign_in(f"name{n}", "guess", "10.9.9.9")
    with pytest.raises(TooManyRequests):
        sign_ins.sign_in("vic", "guess", "10.9.9.9")


@pytest.mark.usefixtures("quick_passwords")
def test_guessing_is_counted_over_all_processes(
    database: Database, people: dict[str, Actor]
) -> None:
    ask = UpdateUser("max", password_hash=hash_password(PASSWORD))
    database.write(people["root"], lambda tx: service.update_user(tx, ask))
    processes = [SignIns(database, SECRETS), SignIns(database, SECRETS)]
    for n in range(TRIES - 1):
        with pytest.raises(Unauthenticated):
            processes[n % 2].sign_in("max", "guess", f"10.0.0.{n}")
    processes[0].sign_in("max", PASSWORD, "10.1.0.1")  # right: the count begins anew
    for n in range(TRIES):
        with pytest.raises(Unauthenticated):
            processes[n % 2].sign_in("max", "guess", f"10.2.0.{n}")
    for process in processes:
        with pytest.raises(TooManyRequests, match=r"try again in 1[56] minutes"):
            process.sign_in("max", PASSWORD, "10.3.0.1")


@pytest.mark.usefixtures("quick_passwords")
def test_failures_are_forgotten_in_time(database: Database, people: dict[str, Actor]) -> None:
    sign_ins = SignIns(database, SECRETS)
    for n in range(TRIES):
        with pytest.raises(Unauthenticated):
            sign_ins.sign_in("max", "guess", f"10.0.0.{n}")
    old = text("UPDATE sign_in_failures SET at = at - 901000000")
    database.write(people["root"], lambda tx: tx.run(old))
    with pytest.raises(Unauthenticated):
        sign_ins.sign_in("max", "guess", "10.0.1.1")
    with database.read(people["root"]) as tx:
        kept = tx.value(select(func.count()).select_from(sign_in_failures))
    assert kept == 2, "one under the name, one under the address"


def test_expired_sessions_and_links_leave_no_row(
    database: Database, people: dict[str, Actor], tmp_path: Path
) -> None:
    def add(tx: Tx) -> None:
        for digest, lasts in ((b"old", timedelta(seconds=-1)), (b"new", timedelta(hours=1))):
            session_rows.add(tx, people["max"].user_id or 0, digest, "csrf", tx.now + lasts)
            put(tx, password_links, secret_hash=digest, user_id=people["max"].user_id,
                created_at=tx.now, expires_at=tx.now + lasts)  # fmt: skip

    database.write(SYSTEM, add)
    store = open_store(f"file://{tmp_path / 'blobs'}")
    assert tidying.forget_sessions(Desk(database, store), {}) is None
    store.close()
    with database.read(SYSTEM) as tx:
        for table in (session_table, password_links):
            assert [bytes(kept) for kept in tx.column(select(table.c.secret_hash))] == [b"new"]


@pytest.mark.usefixtures("quick_passwords")
def test_a_new_password_ends_all_sessions_and_links(
    database: Database, people: dict[str, Actor]
) -> None:
    link = SECRETS.new_token()
    number = database.write(
        people["root"],
        lambda tx: service.create_user(tx, CreateUser("new@example.org", link=link)),
    )
    sign_ins = SignIns(database, SECRETS)
    assert sign_ins.link_holder(link.secret) == "new"
    signed = sign_ins.sign_in_by_link(link.secret, PASSWORD)
    assert sign_ins.session(signed.secret) is not None
    ask = UpdateUser(password_hash=hash_password("another password"))
    database.write(Actor(number, "new"), lambda tx: service.update_user(tx, ask))
    assert sign_ins.session(signed.secret) is None
    with pytest.raises(NotFound):
        sign_ins.link_holder(link.secret)


@pytest.mark.usefixtures("quick_passwords")
def test_ones_own_password_takes_the_old_one(database: Database, people: dict[str, Actor]) -> None:
    with database.read(people["max"]) as tx:
        sessions.check_own_password(tx, None)
    ask = UpdateUser("max", password_hash=hash_password(PASSWORD))
    database.write(people["root"], lambda tx: service.update_user(tx, ask))
    with database.read(people["max"]) as tx:
        sessions.check_own_password(tx, PASSWORD)
        with pytest.raises(Forbidden):
            sessions.check_own_password(tx, "not it")


def test_service_accounts_and_link_accounts_have_no_password_to_guess(
    database: Database, people: dict[str, Actor]
) -> None:
    with pytest.raises(Unauthenticated):
        SignIns(database, SECRETS).sign_in("max", "", "1.1.1.1")


def test_checking_the_password_of_nobody_takes_as_long_as_of_anybody() -> None:
    parameters = hash_password("of somebody").split("$")[:4]
    assert NOBODY.split("$")[:4] == parameters
    assert not is_password(None, "whatever it is")
