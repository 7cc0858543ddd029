"""Fixtures of the tests of pages."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from registrum.server.db.migrations import upgrade
from tests.passwords import quick_hashes
from tests.postgres import Cluster
from tests.web_scene import PASSWORD, Scene, make_scene, open_pages
from tests.wire.web_browser import Browser, OpenBrowser


@dataclass(frozen=True)
class Original:
    """A world to copy, and the cookies of those who are signed in there."""

    scene: Scene
    cookies: dict[str, httpx.Cookies]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """The small world."""
    cookies = {}
    with quick_hashes():
        scene = make_scene(tmp_path_factory.mktemp("scene") / "data")
    with open_pages(scene.config) as app:
        for name in ("admin", "guest", "outsider"):
            browser = Browser(app)
            assert browser.sign_in(name).status_code == 303
            cookies[name] = browser.cookies
    return Original(scene, cookies)


@pytest.fixture
def scene(original: Original, tmp_path: Path) -> Scene:
    """The small world, a copy for this test."""
    config = original.scene.config
    shutil.copytree(config.data_dir, tmp_path / "data")
    return replace(original.scene, config=replace(config, data_dir=tmp_path / "data"))


@pytest.fixture(scope="session")
def scene_on_postgres(
    postgres: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The small world on PostgreSQL, which tests only read."""
    url = postgres.database_like("migrated", upgrade)
    with quick_hashes():
        scene = make_scene(tmp_path_factory.mktemp("scene") / "data", url)
    yield scene
    postgres.drop(url)


@pytest.fixture
def pages(scene: Scene) -> Iterator[Starlette]:
    """The pages of that world."""
    with open_pages(scene.config) as app:
        yield app


@pytest.fixture
def browse(
    scene: Scene, pages: Starlette, original: Original, quick_passwords: None
) -> OpenBrowser:
    """Opens browsers in which people are signed in: `browse("admin")`; `browse(None)` for nobody."""

    def make(name: str | None, root: str = "") -> Browser:
        browser = Browser(pages, root)
        if name == "newcomer":
            answer = browser.send(
                f"{root}/set-password/{scene.link}", password=PASSWORD, again=PASSWORD
            )
            assert answer.status_code == 303, answer.text
        elif name in original.cookies and not root:
            browser.cookies = httpx.Cookies(original.cookies[name])
        elif name is not None:
            assert browser.sign_in(name).status_code == 303
        return browser

    return make
