"""A visit: one request for a page, with who asks, one read snapshot, and the way to write and to answer.

`Site` lives as long as the server; a `Visit` belongs to one worker thread. Pages are plain functions from a visit to a response; what
may go wrong on the way they raise, and `web/routes.py` turns it into a page.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Invalid
from registrum.core.pages import PageAsk, page_ask
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.blobs.store import BlobKey, BlobStore
from registrum.server.config import Config
from registrum.server.db.database import Database
from registrum.server.db.sessions import Session
from registrum.server.services.credentials import Secrets
from registrum.server.services.edges import OneRequest
from registrum.server.services.sessions import SignIns
from registrum.server.web.addresses import Addresses
from registrum.server.web.rendering import render

ROWS = 50
DOWNLOAD_STARTS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages are made with."""

    config: Config
    database: Database
    store: BlobStore
    secrets: Secrets
    signer: Signer
    sign_ins: SignIns


class Page(Protocol):
    """A page: what it answers to a visit."""

    def __call__(self, visit: "Visit", /) -> Response:
        """Renders the page, or raises a `RegistrumError`."""


class Visit(OneRequest):
    """One request.

    Attributes:
        session: of the browser; None while nobody is signed in.
        form: the fields of a POST.
        to: makes the addresses of pages.
    """

    def __init__(
        self,
        site: Site,
        request: Request,
        session: Session | None,
        form: Mapping[str, str],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(site.database, site.store, loop)
        self.site = site
        self.request = request
        self.session = session
        self.form = form
        self.to = Addresses(request.scope.get("root_path", ""))

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.session.actor if self.session else ANONYMOUS

    def segment(self, name: str) -> str:
        """A part of the path, decoded."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A parameter of the query; "" where it is not given."""
        return self.request.query_params.get(name, "")

    def page_ask(self, name: str = "after") -> PageAsk:
        """Which page of a list is asked for: the cursor in the parameter of that name, and the count of all.

        Raises:
            InvalidFilter: it is no cursor of ours.
        """
        return page_ask(ROWS, self.query(name) or None, with_total=True)

    @property
    def is_secure(self) -> bool:
        """Whether the browser speaks https to us, as far as can be known."""
        base_url = self.site.config.base_url or ""
        return self.request.url.scheme == "https" or base_url.startswith("https:")

    @property
    def base_url(self) -> str:
        """The address that a client is to be given, such as `https://registry.example.org`."""
        host = self.request.headers.get("host", "")
        try:
            return self.site.config.url_for(self.request.url.scheme, host) + self.to.root
        except Invalid:  # A host that nobody vouched for is not repeated to people as an address.
            return "https://<address of this server>"

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The answer that a template and its values make."""
        common = {
            "to": self.to,
            "me": self.session.actor if self.session else None,
            "csrf": self.session.csrf if self.session else "",
            "here": self.here,
            "query": dict(self.request.query_params),
        }
        return HTMLResponse(render(template, {**common, **values}), status)

    @property
    def here(self) -> str:
        """Path and query of this page, below the root."""
        path = self.request.scope["path"].removeprefix(self.to.root)
        query = self.request.url.query
        return self.to.path(path) + (f"?{query}" if query else "")

    def go(self, path: str) -> Response:
        """Sends the browser to another page of this site.

        Args:
            path: begins with the root; see `Addresses`.
        """
        return RedirectResponse(path, 303)

    def fetch(self, blob_id: str, filename: str, size_bytes: int, mimetype: str | None) -> Response:
        """Sends the browser to bytes that it may have; the address works for a few minutes.

        Args:
            blob_id: of what the actor was just allowed to download.
        """
        key = BlobKey(blob_id)
        direct = self.store.signed_get(key, filename, mimetype, DOWNLOAD_STARTS_WITHIN)
        if direct is not None:
            return self.go(direct.url)
        # Relative to this site, so that no host has to be known.
        urls = Urls(self.to.root, self.site.signer)
        lasts_s = int(DOWNLOAD_STARTS_WITHIN.total_seconds())
        return self.go(urls.get_blob(key, filename, size_bytes, lasts_s=lasts_s))
