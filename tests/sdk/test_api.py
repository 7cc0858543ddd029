"""`Api` itself: where it gets server, key and defaults from, how it says no, and who may share it."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import registrum
from registrum import errors
from registrum.sdk.api import Api
from tests.client.live import Person, Server, client_environment

NO_KEY = ("WANDB_API_KEY", "REGISTRUM_API_KEY", "WANDB_BASE_URL", "REGISTRUM_URL")
VARIABLES = ("ENTITY", "PROJECT", "ORGANIZATION", "HTTP_TIMEOUT")


@pytest.fixture(autouse=True)
def environment(server: Server, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *NO_KEY,
        *(f"{kind}_{own}" for kind in ("WANDB", "REGISTRUM") for own in VARIABLES),
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in client_environment(server, admin).items():
        if name.startswith("WANDB_") or name in ("HOME", "NETRC"):
            monkeypatch.setenv(name, value)


def test_arguments_go_before_our_variables_and_these_before_those_of_wandb(
    server: Server, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_ENTITY", "theirs")
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("REGISTRUM_URL", server.url + "/")
    monkeypatch.setenv("REGISTRUM_API_KEY", admin.api_key)
    monkeypatch.setenv("REGISTRUM_ENTITY", "ours")
    api = registrum.Api()
    assert api.viewer.username == "admin"
    assert (api.settings["base_url"], api.settings["entity"]) == (server.url, "ours")
    assert api.settings["project"] == "theirs"
    given = registrum.Api(
        overrides={"entity": "given", "base_url": server.url}, api_key=admin.api_key
    )
    assert given.settings["entity"] == "given"
    assert given.viewer.user_api is not None
    assert given.viewer.user_api.viewer.username == "admin"


def test_without_a_key_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(errors.NotLoggedIn) as caught:
        Api()
    assert isinstance(caught.value, errors.UsageError)
    assert isinstance(caught.value, errors.AuthenticationError)


def test_a_key_that_is_not_taken_is_told_at_once() -> None:
    with pytest.raises(errors.AuthenticationError):
        Api(api_key="local-" + "x" * 40)


def test_the_key_stands_in_no_text(admin: Person) -> None:
    api = Api()
    texts = [repr(thing) for thing in (api, api.service, api.service.credentials, api.settings)]
    assert not [text for text in texts if admin.api_key in text]


def test_who_does_not_answer_says_nothing_of_what_is_there(server: Server, admin: Person) -> None:
    api = Api()
    api.service.credentials = type(api.service.credentials)("http://127.0.0.1:1", admin.api_key)
    api.service._has_answered = False
    for ask in (
        lambda: api.artifact_exists("registrum-org/wandb-registry-model/x:v0"),
        lambda: api.artifact_collection_exists("main/x/y", "model"),
    ):
        with pytest.raises(errors.Unreachable):
            ask()


def test_a_refusal_has_code_status_and_number() -> None:
    with pytest.raises(errors.RefusedValue) as caught:
        Api().create_registry("bad", "organization", "registrum", artifact_types=["x" * 120 + "\n"])
    error = caught.value
    assert (error.code, error.http_status) == ("invalid_name", 400)
    assert error.request_id
    assert error.request_id in str(error)
    assert isinstance(error.__cause__, errors.Refused)


def test_threads_share_one() -> None:
    api = Api()

    def look(_: int) -> Any:
        return api.organization("registrum").name, [
            r.name for r in api.registries("registrum", order="name")
        ]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, range(40)))
    assert found == [found[0]] * 40
    assert found[0][0] == "registrum"


def _child(api: Api, told: Any) -> None:
    told.put([registry.name for registry in api.registries("registrum", order="name")])


def test_a_forked_child_goes_on_with_connections_of_its_own() -> None:
    api = Api()
    wanted = [registry.name for registry in api.registries("registrum", order="name")]
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    children = [context.Process(target=_child, args=(api, told)) for _ in range(3)]
    for child in children:
        child.start()
    assert [told.get(timeout=60) for _ in children] == [wanted] * 3
    for child in children:
        child.join()
    assert [registry.name for registry in api.registries("registrum", order="name")] == wanted


def test_what_is_deprecated_or_for_scripts_only_works() -> None:
    api = Api(timeout=30)
    assert api.service.timeout_s == 30
    api.flush()
    assert api.user_agent == f"registrum/{registrum.__version__}"
    assert "_viewer" not in api.settings
    api.create_project("plain", "main")
    assert api.project("plain", "main").id == Api().from_path("main/plain").id
    with pytest.warns(UserWarning, match="deprecated"):
        listed = api.artifact_versions("model", "main/plain/nothing")
    with pytest.raises(errors.Missing):
        len(listed)
    with pytest.raises(errors.UnsupportedError):
        api.from_path("main/plain/sweeps/x")
