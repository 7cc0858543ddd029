"""Which page stands behind which address, and what happens around each: session, CSRF, errors, headers.

GET only shows; what changes something is a POST whose form carries the session's token.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from registrum.core.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RegistrumError,
    TooLarge,
    Unauthenticated,
)
from registrum.core.users import ONE_TIME_PATH
from registrum.server.services.sessions import SESSION_COOKIE
from registrum.server.web import artifacts, authorize, home, projects, runs, signing_in
from registrum.server.web.visits import Page, Site, Visit

LONGEST_FORM = 64 * 1024
_log = logging.getLogger(__name__)
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_TITLES = {403: "Not allowed", 404: "Nothing here", 413: "Too large", 429: "Too many attempts"}


def routes(site: Site) -> list[BaseRoute]:
    """All pages. The last one answers whatever no page is behind, so these come last in an application."""
    project, run = "/{entity}/{project}", "/{entity}/{project}/runs/{run}"
    collection = "/{entity}/{project}/artifacts/{type}/{collection}"
    registry = "/orgs/{organization}/registry/{registry}"
    return [
        Mount("/static", _Static(directory=Path(__file__).with_name("static"))),
        _open(site, "/login", signing_in.show_sign_in),
        _open(site, "/login", signing_in.sign_in, "POST"),
        _post(site, "/logout", signing_in.sign_out),
        _open(site, ONE_TIME_PATH + "{token}", signing_in.show_set_password),
        _open(site, ONE_TIME_PATH + "{token}", signing_in.set_password, "POST"),
        _get(site, "/authorize", authorize.show_keys),
        _post(site, "/authorize", authorize.change_keys),
        _get(site, "/settings", _to_keys),
        _get(site, "/", home.show_home),
        _get(site, "/home", _to_home),
        _get(site, "/registry", _to_home),
        _get(site, "/orgs/{organization}", home.show_organization),
        _get(site, "/orgs/{organization}/registry", home.show_organization),
        _get(site, registry, projects.show_registry),
        _get(site, registry + "/{section:path}", projects.show_registry),
        _open(site, "/favicon.ico", _missing),
        _get(site, "/{entity}", home.show_entity),
        _get(site, "/{entity}/projects", home.show_entity),
        _get(site, "/{entity}/registry/{registry}", projects.show_model_registry),
        _get(site, run + "/files/{path:path}", runs.fetch_run_file),
        _get(site, run, runs.show_run),
        _get(site, run + "/{section:path}", runs.show_run),
        _get(site, collection + "/{version}/files/{path:path}", artifacts.fetch_file),
        _get(site, collection, artifacts.show_collection),
        _get(site, collection + "/{version}", artifacts.show_version),
        _get(site, collection + "/{version}/{section:path}", artifacts.show_version),
        _get(site, project, projects.show_project),
        _get(site, project + "/{section:path}", _show_section),
        _open(site, "/{rest:path}", _missing),
    ]


_SECTIONS = frozenset(
    {"artifacts", "files", "jobs", "overview", "reports", "runs", "sweeps", "table", "workspace"}
)


def _show_section(visit: Visit) -> Response:
    """A project's tabs all lead to its one page."""
    if visit.segment("section").partition("/")[0] not in _SECTIONS:
        return _missing(visit)
    return projects.show_project(visit)


def _to_keys(visit: Visit) -> Response:
    return visit.go(f"{visit.to.root}/authorize")


def _to_home(visit: Visit) -> Response:
    return visit.go(f"{visit.to.root}/")


def _missing(visit: Visit) -> Response:
    raise NotFound("There is no such page.")


def _get(site: Site, path: str, page: Page) -> Route:
    """A page for those who are signed in; others are asked to sign in first."""
    return Route(path, _endpoint(site, page, is_open=False), methods=["GET"])


def _post(site: Site, path: str, page: Page) -> Route:
    """A form of those who are signed in."""
    return Route(path, _endpoint(site, page, is_open=False), methods=["POST"])


def _open(site: Site, path: str, page: Page, method: str = "GET") -> Route:
    """A page for everybody."""
    return Route(path, _endpoint(site, page, is_open=True), methods=[method])


def _endpoint(site: Site, page: Page, *, is_open: bool) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        form: dict[str, str] = {}
        refused: RegistrumError | None = None
        try:
            form = await _form(request) if request.method == "POST" else {}
        except RegistrumError as refusal:
            refused = refusal
        return await run_in_threadpool(_serve, site, page, request, form, loop, is_open, refused)

    return serve


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers send it.

    Raises:
        TooLarge: no form of ours is that long.
        Invalid: it is none.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise TooLarge("The form is too long.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Invalid("The form can't be read.") from None


def _serve(
    site: Site,
    page: Page,
    request: Request,
    form: Mapping[str, str],
    loop: asyncio.AbstractEventLoop,
    is_open: bool,
    refused: RegistrumError | None,
) -> Response:
    """One visit, in a worker thread: the translator of this edge, from errors to pages."""
    visit = Visit(site, request, None, form, loop)
    try:
        if refused is not None:
            raise refused
        _check_text(request, form)
        if secret := request.cookies.get(SESSION_COOKIE):
            visit.session = site.sign_ins.session(secret)
        request.scope.setdefault("state", {})["actor"] = visit.actor
        if not is_open:
            _check_session(visit)
        answer = page(visit)
    except RegistrumError as error:
        answer = _refusal(visit, error)
    except Exception:
        number = request.scope.get("state", {}).get("request_id", "")
        _log.exception("unexpected error on the page %s", request.scope["path"])
        says = f"The server failed unexpectedly. Its log says more under request {number}."
        answer = visit.page("error.html", 500, title="Something went wrong", says=says)
    finally:
        visit.close()
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _check_text(request: Request, form: Mapping[str, str]) -> None:
    """Refuses characters that no name has and no database takes: NUL, and halves of a pair.

    Raises:
        NotFound: they are in the address.
        Invalid: they are in the form.
    """
    if not all(map(_is_text, (request.scope["path"], *request.query_params.values()))):
        raise NotFound("There is no such page.")
    if not all(map(_is_text, form.values())):
        raise Invalid("The form has characters that can't be kept.")


def _is_text(value: str) -> bool:
    try:
        return b"\x00" not in value.encode()
    except UnicodeEncodeError:
        return False


def _check_session(visit: Visit) -> None:
    """Refuses who is not signed in, and a form that is not from one of our pages.

    Raises:
        Unauthenticated: nobody is signed in.
        Forbidden: the form lacks the session's token.
    """
    if visit.session is None:
        raise Unauthenticated("Sign in first.")
    sent = visit.form.get("csrf", "")
    if visit.request.method == "POST" and not hmac.compare_digest(
        sent.encode(), visit.session.csrf.encode()
    ):
        raise Forbidden("This form is from another session: go back, load the page again, retry.")


def _refusal(visit: Visit, error: RegistrumError) -> Response:
    if isinstance(error, Unauthenticated) and visit.session is None:
        is_get = visit.request.method in ("GET", "HEAD")
        wanted = f"?next={quote(visit.here, safe='/')}" if is_get and visit.here != "/" else ""
        return visit.go(f"{visit.to.root}/login{wanted}")
    visit.close()
    says = _HIDDEN if error.status == 404 else error.message
    title = _TITLES.get(error.status, "That did not work")
    return visit.page("error.html", error.status, title=title, says=says)


# The same for what is missing and for what is hidden.
_HIDDEN = (
    "There is nothing at this address, or it is not shared with you."
    " If somebody gave you the link, ask them to add you."
)


class _Static(StaticFiles):
    """Style sheets and pictures, which browsers may keep for an hour."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, with the headers that all answers of this room have."""
        answer = super().file_response(*args, **kwargs)
        for name, value in _HEADERS.items():
            answer.headers[name] = value
        answer.headers["cache-control"] = "public, max-age=3600"
        return answer
