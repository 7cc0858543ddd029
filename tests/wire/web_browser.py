"""A browser without a screen: it keeps cookies, fills in forms, and asks the pages in this very process."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape

import httpx
from starlette.applications import Starlette

from tests.web_scene import PASSWORD

BASE = "http://localhost:8080"


@dataclass
class Browser:
    """Somebody's browser; redirects are shown, not followed.

    Attributes:
        root: path prefix below which the server stands.
        address: where it asks from.
    """

    app: Starlette
    root: str = ""
    address: str = "203.0.113.5"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        """One request."""

        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(
                self.app, root_path=self.root, client=(self.address, 4000)
            )
            async with httpx.AsyncClient(
                transport=transport, base_url=BASE, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **more)  # type: ignore[arg-type]
                self.cookies = client.cookies
                return answer

        return asyncio.run(asking())

    def get(self, path: str, **more: object) -> httpx.Response:
        """A page."""
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: object) -> httpx.Response:
        """A form, as it is given."""
        return self.ask("POST", path, **more)

    def send(self, page: str, /, action: str = "", **fields: str) -> httpx.Response:
        """Loads a page and sends its form with the hidden fields that it has."""
        text = self.get(page).text
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
        filled = {name: unescape(value) for name, value in hidden} | fields
        return self.post(action or page.partition("?")[0], data=filled)

    def sign_in(
        self, name: str, password: str = PASSWORD, wanted: str | None = None
    ) -> httpx.Response:
        """Fills in the form of /login."""
        page = f"{self.root}/login"
        given = {"name": name, "password": password}
        if wanted is not None:
            given["next"] = wanted
        return self.send(page, **given)

    def text_of(self, path: str) -> str:
        """The words of a page without markup, spaces made single."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)


def words(html: str) -> str:
    """The words of HTML."""
    body = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", "", body)).split())


OpenBrowser = Callable[..., Browser]
"""`browse("admin")`: a browser in which admin is signed in; `browse(None)`: nobody."""
