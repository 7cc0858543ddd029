"""`/authorize`, the page that `wandb login` opens: the API keys of who is signed in; one can be made and revoked here."""

from starlette.responses import Response

from registrum.core.errors import NotFound
from registrum.server.db import keys
from registrum.server.services.keys import LONGEST_DESCRIPTION, delete_api_key, generate_api_key
from registrum.server.web.visits import Visit


def show_keys(visit: Visit) -> Response:
    """All keys by mask, and the form for a new one."""
    return _page(visit)


def change_keys(visit: Visit) -> Response:
    """Makes a key, and shows its secret this once; or revokes one."""
    if "revoke" in visit.form:
        return _revoke(visit, visit.form["revoke"])
    description = visit.form.get("description", "").strip()[:LONGEST_DESCRIPTION] or None
    key = visit.site.secrets.new_key()
    visit.write(lambda tx: generate_api_key(tx, key, description=description))
    return _page(visit, new_secret=key.secret)


def _revoke(visit: Visit, which: str) -> Response:
    try:
        number = int(which)
    except ValueError:
        raise NotFound("There is no such API key.") from None
    visit.write(lambda tx: delete_api_key(tx, number))
    visit.site.secrets.note_revocation()
    return visit.go(f"{visit.to.root}/authorize?revoked=1")


def _page(visit: Visit, new_secret: str = "") -> Response:
    user_id = visit.actor.user_id or 0
    found = keys.by_user(visit.tx, [user_id]).get(user_id, [])
    return visit.page(
        "authorize.html",
        keys=sorted(found, key=lambda key: key.id, reverse=True),
        new_secret=new_secret,
        base_url=visit.base_url,
        was_revoked=bool(visit.query("revoked")),
        longest=LONGEST_DESCRIPTION,
    )
