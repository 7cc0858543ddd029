"""The first start makes everything that `wandb.init`, logging and linking need, once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from registrum.core.actors import Actor
from registrum.core.errors import Invalid
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.server.config import Config
from registrum.server.db import Database, artifact_types, entities, organizations, projects
from registrum.server.services import keys
from registrum.server.services.credentials import Secrets
from registrum.server.services.setup import prepare

pytestmark = pytest.mark.usefixtures("quick_passwords")
SETTINGS = Config(secret_key=("s" * 40,))


def signed_in(database: Database, secret: str) -> Actor:
    with database.read(Actor(None)) as tx:
        holder = keys.holder_of(tx, Secrets([b"s" * 40]).digests(secret))
    assert holder is not None
    return holder.actor


def test_the_administrator_can_work_at_once(database: Database) -> None:
    first = prepare(database, SETTINGS)
    assert first is not None
    admin = signed_in(database, first.api_key)
    assert admin.is_admin
    with database.read(admin) as tx:
        assert entities.default_name(tx) == first.team == "main"
        found = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, first.organization).thing
        for short in ("model", "dataset"):
            name = ProjectName(found.entity.name, REGISTRY_PREFIX + short)
            registry = projects.get_for(tx, Action.LINK, name).thing
            assert registry.is_core
            assert artifact_types.accepted_in(tx, registry) == {short}


def test_a_second_start_makes_nothing(database: Database) -> None:
    assert prepare(database, SETTINGS) is not None
    assert prepare(database, SETTINGS) is None


def test_of_several_processes_one_makes_it(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: prepare(database, SETTINGS), range(4)))
    assert sum(first is not None for first in made) == 1


def test_password_and_key_may_be_brought(database: Database) -> None:
    own = Config(
        secret_key=("s" * 40,), admin_api_key="local-" + "a1" * 20, admin_password="p" * 12
    )
    first = prepare(database, own)
    assert first is not None
    assert (first.password, first.api_key) == ("p" * 12, "local-" + "a1" * 20)
    assert signed_in(database, first.api_key).username == "admin"


def test_a_setting_that_cannot_be_used_makes_nothing(database: Database) -> None:
    with pytest.raises(Invalid):
        prepare(database, Config(secret_key=("s" * 40,), team="no/team"))
    assert prepare(database, SETTINGS) is not None
