"""Pages as browsers read them: behind every address that the client prints, for each who may or may not see it."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tests.web_scene import EVIL, FILES, Scene, open_pages
from tests.wire.web_browser import Browser, OpenBrowser

LINKED = (
    "/orgs/registrum/registry/model?selectionPath="
    + quote("registrum-org/wandb-registry-model/Ranker", safe="")
    + "&view=membership&version=v0"
)
IN_MODEL_REGISTRY = LINKED.replace(
    "/orgs/registrum/registry/model", "/registrum-org/registry/model"
)
EVERY_ADDRESS = [
    "/",
    "/authorize",
    "/authorize?ref=models",
    "/authorize?signup=true",
    "/admin",
    "/main",
    "/orgs/registrum",
    "/orgs/registrum/registry/model",
    "/main/demo",
    "/main/demo/workspace",
    "/main/demo/workspace?nw=nwuseradmin",
    "/main/demo/table",
    "/main/demo/runs/r1",
    "/main/demo/runs/r1/overview",
    "/main/demo/runs/r1/files",
    "/main/demo/runs/r1?nw=nwuseradmin",
    "/main/demo/sweeps/abc",
    "/main/demo/reports/Title--VmlldzoxMjM",
    "/main/demo/jobs",
    "/main/demo/artifacts",
    "/main/demo/artifacts/model",
    "/main/demo/artifacts/model/ranker",
    "/main/demo/artifacts/model/ranker/v0",
    "/main/demo/artifacts/model/ranker/best",
    "/main/demo/artifacts/model/ranker/v0/files",
    "/registrum-org/wandb-registry-model",
    "/registrum-org/wandb-registry-model/artifacts/model/Ranker/v0",
    LINKED,
    LINKED.replace("&version=v0", ""),
    IN_MODEL_REGISTRY,
]
PRIVATE = [address for address in EVERY_ADDRESS if "demo" in address]


STRANGE_ADDRESSES = [
    "/main%00",
    "/main/%00/x",
    "/main/demo/runs/a%00b",
    "/main/demo/artifacts/model/ran%00ker",
    "/main/demo/artifacts/model/ranker/v0%00",
    "/main/demo/artifacts/model/ranker/v99999999999999999999",
    "/main/demo/artifacts/model/ranker/v0/files/a%00b",
    "/orgs/reg%00istrum",
    "/orgs/registrum/registry/mod%00el",
    "/orgs/registrum/registry/model?selectionPath=registrum-org%2Fwandb-registry-model%2FRan%00ker",
    "/set-password/%00",
    "/%FF%FE",
    "/main/demo?after=WzFd",
    "/main/demo?runs=WyJ4Il0=",
    "/main/demo/artifacts/model/ranker?after=WyJ4Il0=",
    "/main/demo/artifacts/model/ranker/v0?files=WyJ4Il0=",
]


def test_every_address_that_a_client_prints_has_a_page(browse: OpenBrowser) -> None:
    browser = browse("admin")
    for address in EVERY_ADDRESS:
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert "<h1" in answer.text


def test_every_page_is_there_on_postgresql_too(scene_on_postgres: Scene) -> None:
    with open_pages(scene_on_postgres.config) as app:
        browser, guest = Browser(app), Browser(app)
        browser.sign_in("admin")
        guest.sign_in("guest")
        assert {browser.get(address).status_code for address in EVERY_ADDRESS} == {200}
        assert "restricted viewer" in guest.text_of(LINKED)
        assert "Registries shared with you" in guest.text_of("/")
        for address in STRANGE_ADDRESSES:
            assert browser.get(address).status_code in (400, 404), address


@pytest.mark.parametrize("name", ["a\x00b", "x" * 100_000, "' or 1=1 --", "\u202e"])
def test_strange_names_sign_nobody_in_on_postgresql(scene_on_postgres: Scene, name: str) -> None:
    with open_pages(scene_on_postgres.config) as app:
        assert Browser(app).sign_in(name, name).status_code in (400, 401, 413)


def test_who_is_not_signed_in_is_asked_to_and_comes_back(browse: OpenBrowser) -> None:
    browser = browse(None)
    for address in EVERY_ADDRESS[1:]:
        answer = browser.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?next={quote(address, safe='/')}"
    answer = browser.sign_in("admin", wanted=LINKED)
    assert answer.headers["location"] == LINKED


@pytest.mark.parametrize("address", PRIVATE)
def test_a_hidden_page_is_like_a_missing_one(browse: OpenBrowser, address: str) -> None:
    outsider = browse("outsider")
    hidden = outsider.get(address)
    missing = outsider.get(address.replace("demo", "nothing-like-it"))
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text == missing.text


@pytest.mark.parametrize(
    "address",
    [
        "/nobody",
        "/main/demo/runs/none",
        "/main/demo/artifacts/model/ranker/v7",
        "/main/demo/artifacts/model/none/v0",
        "/main/demo/artifacts/model/ranker/v0/files/none",
        "/main/demo/artifacts/model/ranker/v0/files/..%2F..%2Fetc%2Fpasswd",
        "/main/demo/runs/r1/files/none",
        "/orgs/nobody",
        "/orgs/registrum/registry/none",
        "/orgs/registrum/registry/model?selectionPath=nonsense",
        "/orgs/registrum/registry/model?selectionPath=a/b/c&version=v0",
        "/main/demo/nonsense",
        "/main/%00/x",
        "/one/two/three/four/five/six",
    ],
)
def test_what_is_not_there_is_a_friendly_404(browse: OpenBrowser, address: str) -> None:
    answer = browse("admin").get(address)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text


def test_a_version_says_what_it_is_and_how_to_fetch_it(browse: OpenBrowser) -> None:
    page = browse("admin").text_of("/main/demo/artifacts/model/ranker/v0")
    for piece in (
        'wandb.Api().artifact("main/demo/ranker:v0")',
        "best",
        "golden",
        '"accuracy": 0.91',
        "4 files, 10 KB",
        "weights/model.bin",
        "Logged by run amber harbor of main/demo",
        "Used by 1 run",
        "Linked into model / Ranker:v0 latest production",
    ):
        assert piece in page


def test_a_linked_version_says_where_it_comes_from(browse: OpenBrowser) -> None:
    page = browse("admin").text_of(LINKED)
    for piece in (
        'wandb.Api().artifact("registrum-org/wandb-registry-model/Ranker:v0")',
        "production",
        "Its source is main/demo/ranker:v0",
    ):
        assert piece in page


def test_who_may_not_see_the_source_is_not_told_its_name(browse: OpenBrowser) -> None:
    newcomer = browse("newcomer")
    page = newcomer.text_of(LINKED)
    assert "in a project that you cannot see" in page
    assert "main/demo" not in page
    assert "amber harbor" not in page
    assert "weights/model.bin" in page


def test_a_restricted_viewer_sees_the_version_but_no_files(browse: OpenBrowser) -> None:
    guest = browse("guest")
    page = guest.text_of(LINKED)
    assert "Ranker" in page
    assert "weights/model.bin" not in page
    assert "restricted viewer" in page
    file = "/registrum-org/wandb-registry-model/artifacts/model/Ranker/v0/files/weights/model.bin"
    assert (guest.get(file)).status_code == 403
    assert (browse("newcomer").get(file)).status_code == 303


def test_a_guest_finds_what_is_shared_with_him_and_others_do_not(browse: OpenBrowser) -> None:
    assert "Registries shared with you" in browse("guest").text_of("/")
    assert "Registries" not in browse("outsider").text_of("/")
    home = browse("newcomer").text_of("/")
    assert "Registries of registrum" in home
    assert "shared" not in home


def test_a_guest_walks_from_the_registry_to_the_version(browse: OpenBrowser) -> None:
    guest = browse("guest")
    for start in ("/", "/orgs/registrum/registry/model", LINKED.replace("&version=v0", "")):
        page = guest.get(start)
        assert page.status_code == 200
        links = [unescape(link) for link in re.findall(r'href="([^"]*)"', page.text)]
        for link in links:
            if link.startswith("/"):
                assert guest.get(link).status_code == 200, (start, link)


def test_every_file_can_be_downloaded_from_its_link(browse: OpenBrowser) -> None:
    browser = browse("admin")
    page = (browser.get("/main/demo/artifacts/model/ranker/v0")).text
    links = [unescape(link) for link in re.findall(r'href="([^"]+)" download', page)]
    fetched = {}
    for link in links:
        answer = browser.get(link)
        assert answer.status_code == 303
        answer = browser.get(answer.headers["location"])
        assert answer.headers["content-disposition"].startswith("attachment")
        fetched[unescape(link)] = answer.content
    assert sorted(fetched.values()) == sorted(FILES.values())


def test_what_people_wrote_is_never_markup(browse: OpenBrowser) -> None:
    browser = browse("admin")
    for address in EVERY_ADDRESS:
        page = (browser.get(address)).text
        assert "<script" not in page
        assert "<b>" not in page
        assert "<i>" not in page
    assert EVIL in browser.text_of("/main/demo/runs/r1")


def test_every_answer_has_the_headers_of_a_careful_site(browse: OpenBrowser) -> None:
    browser = browse("admin")
    for address in ("/", "/login", "/main/demo", "/nope", "/static/registrum.css"):
        headers = (browser.get(address)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert (browser.get("/main/demo")).headers["cache-control"] == "no-store"


def test_pages_need_no_script_and_no_other_host(browse: OpenBrowser) -> None:
    page = (browse("admin").get(LINKED)).text
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert "style=" not in page


def test_a_cursor_that_is_none_is_said_so(browse: OpenBrowser) -> None:
    answer = browse("admin").get("/main/demo?after=nonsense")
    assert answer.status_code == 400
    assert "cursor" in answer.text


def test_telemetry_is_refused_in_the_way_that_switches_it_off(browse: OpenBrowser) -> None:
    browser = browse(None)
    answer = browser.post("/sdk/otel/v1/metrics")
    assert answer.status_code in (404, 405)


def test_the_server_may_stand_below_a_prefix(browse: OpenBrowser) -> None:
    browser = browse(None, "/registry-of-ours")
    answer = browser.get("/registry-of-ours/main/demo")
    assert answer.headers["location"].startswith("/registry-of-ours/login?next=/registry-of-ours/")
    answer = browser.sign_in("admin", wanted="/registry-of-ours/main/demo")
    assert answer.headers["location"] == "/registry-of-ours/main/demo"
    page = browser.get("/registry-of-ours/main/demo")
    assert page.status_code == 200
    assert all(
        link.startswith(("/registry-of-ours/", "#", "?"))
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    )


def test_the_documented_addresses_are_those_there_are(pages: Starlette) -> None:
    text = Path("docs/pages.md").read_text(encoding="utf-8")
    documented = {path.partition("?")[0] for path in re.findall(r"^\| `([^`]*)`", text, re.M)}
    paths = {route.path for route in pages.routes if isinstance(route, Route)}
    assert documented <= paths
    tabs_and_ways = {path for path in paths if ":path}" in path or path in _WITHOUT_A_PAGE}
    assert paths - documented == tabs_and_ways


_WITHOUT_A_PAGE = {
    "/logout",
    "/favicon.ico",
    "/home",
    "/registry",
    "/settings",
    "/{entity}/projects",
    "/orgs/{organization}/registry",
}
