"""Signing in with a password, signing out, and setting a password by a one-time link."""

import hmac
import secrets

from starlette.responses import Response

from registrum.core.errors import Invalid, NotFound, TooManyRequests, Unauthenticated
from registrum.server.services.sessions import SESSION_COOKIE, SESSION_LASTS, SignedIn
from registrum.server.web.addresses import safe_next
from registrum.server.web.visits import Visit

FORM_COOKIE = "registrum_form"
"""Of who is not signed in: its value also stands in the form, so that no other site can send it."""


def show_sign_in(visit: Visit) -> Response:
    """The form; who is signed in already goes on to the page wanted."""
    wanted = safe_next(visit.query("next"), visit.to.root)
    if visit.session is not None:
        return visit.go(wanted)
    return _form(visit, "login.html", next=wanted, name="", error="")


def sign_in(visit: Visit) -> Response:
    """Begins a session and goes to the page wanted, or shows the form again."""
    wanted = safe_next(visit.form.get("next", ""), visit.to.root)
    name = visit.form.get("name", "").strip()[:256]
    if not _is_own_form(visit):
        return _form(visit, "login.html", 400, next=wanted, name=name, error=_STALE)
    try:
        begun = visit.site.sign_ins.sign_in(name, visit.form.get("password", ""), _address(visit))
    except (Unauthenticated, TooManyRequests) as refusal:
        said = {"next": wanted, "name": name, "error": refusal.message}
        return _form(visit, "login.html", refusal.status, **said)
    return _welcome(visit, begun, wanted)


def sign_out(visit: Visit) -> Response:
    """Ends the session and goes to the form."""
    visit.site.sign_ins.sign_out(visit.request.cookies.get(SESSION_COOKIE, ""))
    answer = visit.go(f"{visit.to.root}/login")
    answer.delete_cookie(SESSION_COOKIE, _path(visit))
    return answer


def show_set_password(visit: Visit) -> Response:
    """The form behind a one-time link."""
    try:
        username = visit.site.sign_ins.link_holder(visit.segment("token"))
    except NotFound as gone:
        return visit.page("error.html", 404, title="This link is not valid", says=gone.message)
    return _form(visit, "set_password.html", username=username, error="")


def set_password(visit: Visit) -> Response:
    """Sets the password, begins a session and goes to the keys, which a newcomer needs first."""
    link = visit.segment("token")
    password = visit.form.get("password", "")
    try:
        username = visit.site.sign_ins.link_holder(link)
        if not _is_own_form(visit):
            raise Invalid(_STALE)
        if password != visit.form.get("again", ""):
            raise Invalid("The two passwords are not the same.")
        begun = visit.site.sign_ins.sign_in_by_link(link, password)
    except NotFound as gone:
        return visit.page("error.html", 404, title="This link is not valid", says=gone.message)
    except Invalid as refusal:
        return _form(
            visit, "set_password.html", refusal.status, username=username, error=refusal.message
        )
    return _welcome(visit, begun, f"{visit.to.root}/authorize")


_STALE = "The form was open for too long, or cookies are switched off: please send it again."


def _form(visit: Visit, template: str, status: int = 200, **values: str) -> Response:
    token = visit.request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    answer = visit.page(template, status, form_token=token, **values)
    _set_cookie(visit, answer, FORM_COOKIE, token, 3600)
    return answer


def _is_own_form(visit: Visit) -> bool:
    kept = visit.request.cookies.get(FORM_COOKIE, "")
    sent = visit.form.get("form_token", "")
    return bool(kept) and hmac.compare_digest(kept.encode(), sent.encode())


def _welcome(visit: Visit, begun: SignedIn, wanted: str) -> Response:
    answer = visit.go(wanted)
    lasts_s = int(SESSION_LASTS.total_seconds())
    _set_cookie(visit, answer, SESSION_COOKIE, begun.secret, lasts_s)
    answer.delete_cookie(FORM_COOKIE, _path(visit))
    return answer


def _set_cookie(visit: Visit, answer: Response, name: str, value: str, lasts_s: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=lasts_s,
        path=_path(visit),
        secure=visit.is_secure,
        httponly=True,
        samesite="lax",
    )


def _path(visit: Visit) -> str:
    return visit.to.root or "/"


def _address(visit: Visit) -> str:
    return visit.request.client.host if visit.request.client else ""
