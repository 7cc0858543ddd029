"""Fixtures of the browser tests: a live server with a small world in it, and a real Chromium."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.client.live import Server, running
from tests.web_scene import Scene, make_scene

# Without a sandbox, since tests may run as root; and without the calls home that a closed network refuses.
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


LIMIT_MS = 30_000
expect.set_options(timeout=LIMIT_MS)


@dataclass
class Site:
    """A running server and what is in it."""

    server: Server
    scene: Scene

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A live server on the small world of the tests of pages."""
    folder = tmp_path_factory.mktemp("site")
    scene = make_scene(folder / "data")
    with running(folder / "data", folder / "home") as server:
        yield Site(server, scene)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = os.environ.get("REGISTRUM_TEST_CHROMIUM") or shutil.which("chromium")
    if path == "skip":
        pytest.skip("REGISTRUM_TEST_CHROMIUM=skip")
    if path is None:
        pytest.fail("Chromium is missing: install it, or set REGISTRUM_TEST_CHROMIUM=skip")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A tab of a fresh browser at the server; a test fails on whatever its console complains of but refusals."""
    context = chromium.new_context(base_url=site.url)
    context.set_default_timeout(LIMIT_MS)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "console",
        lambda said: (
            None if "Failed to load resource" in said.text else complaints.append(said.text)
        ),
    )
    yield tab
    context.close()
    assert complaints == []
