"""Fixtures of the tests of pages."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette

from tests.web_scene import PASSWORD, Scene, make_scene, open_pages
from tests.wire.web_browser import Browser, OpenBrowser


@pytest.fixture(scope="session")
def _one_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene") / "data")


@pytest.fixture
def scene(_one_scene: Scene, tmp_path: Path) -> Scene:
    """The small world, a copy for this test."""
    shutil.copytree(_one_scene.config.data_dir, tmp_path / "data")
    return replace(_one_scene, config=replace(_one_scene.config, data_dir=tmp_path / "data"))


@pytest.fixture
def pages(scene: Scene) -> Iterator[Starlette]:
    """The pages of that world."""
    with open_pages(scene.config) as app:
        yield app


@pytest.fixture
def browse(scene: Scene, pages: Starlette) -> OpenBrowser:
    """Opens browsers in which people are signed in: `browse("admin")`; `browse(None)` for nobody."""

    def make(name: str | None, root: str = "") -> Browser:
        browser = Browser(pages, root)
        if name == "newcomer":
            answer = browser.send(
                f"{root}/set-password/{scene.link}", password=PASSWORD, again=PASSWORD
            )
            assert answer.status_code == 303, answer.text
        elif name is not None:
            assert browser.sign_in(name).status_code == 303
        return browser

    return make
