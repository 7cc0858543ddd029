"""The server's secret key is rotated, live: nobody is logged out who came by while both keys were listed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.client.hand import ARTIFACT, Hand, Refused, send
from tests.client.live import ADMIN_PASSWORD, Server, add_person, running

OLD, NEW = "o" * 40, "n" * 40
WHO = "query V { viewer { username } }"
NOT_LISTED = "is not listed any more"


def sign_in(server: Server) -> httpx.Cookies:
    """A session of the administrator."""
    with httpx.Client(base_url=server.url) as browser:
        (token,) = re.findall(r'name="form_token" value="([^"]+)"', browser.get("/login").text)
        form = {"name": "admin", "password": ADMIN_PASSWORD, "form_token": token}
        assert browser.post("/login", data=form).status_code == 303
        return browser.cookies


def has_session(server: Server, session: httpx.Cookies) -> bool:
    answer = httpx.get(f"{server.url}/", cookies={c.name: c.value or "" for c in session.jar})
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def fetched(server: Server, url: str) -> tuple[int, bytes]:
    """What comes from an address that a server gave which listened elsewhere."""
    parts = urlsplit(url)
    answer = send("GET", f"{server.url}{parts.path}?{parts.query}")
    return answer.status, answer.body


def test_a_rotation_in_two_steps_logs_nobody_out_who_comes_by(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    with running(data, home, environ={"REGISTRUM_SECRET_KEY": OLD}) as server:
        hand = Hand(server, server.admin, "rotated")
        idle = add_person(server, "idle", tmp_path / "idle")
        made = hand.log({"a.txt": b"hello"})
        files = hand.data(ARTIFACT, id=made)["artifact"]["files"]["edges"]
        url = files[0]["node"]["directUrl"]
        session = sign_in(server)
        assert has_session(server, session)
        assert fetched(server, url) == (200, b"hello")

    with running(data, home, environ={"REGISTRUM_SECRET_KEY": f"{NEW} {OLD}"}) as server:
        hand = Hand(server, server.admin, "rotated")
        assert hand.data(WHO)["viewer"]["username"] == "admin"
        assert has_session(server, session)
        assert fetched(server, url) == (200, b"hello")
        assert hand.check_whole(made) == {"a.txt": b"hello"}
        newer = hand.data(ARTIFACT, id=made)["artifact"]["files"]["edges"][0]["node"]["directUrl"]
        new_session = sign_in(server)
        assert NOT_LISTED not in "".join(server.log)

    with running(data, home, environ={"REGISTRUM_SECRET_KEY": NEW}) as server:
        hand = Hand(server, server.admin, "rotated")
        assert hand.data(WHO)["viewer"]["username"] == "admin", "it was used meanwhile"
        with pytest.raises(Refused) as refused:
            Hand(server, idle, "x", "idle").data(WHO)
        assert refused.value.status == 401
        assert fetched(server, url)[0] == 403
        assert fetched(server, newer) == (200, b"hello")
        assert not has_session(server, session)
        assert has_session(server, new_session)
        assert NOT_LISTED not in "".join(server.log)


def test_a_key_that_is_replaced_at_once_is_told_of(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    with running(data, home, environ={"REGISTRUM_SECRET_KEY": OLD}) as server:
        assert NOT_LISTED not in "".join(server.log)
    with running(data, home, environ={"REGISTRUM_SECRET_KEY": NEW}) as server:
        assert NOT_LISTED in "".join(server.log)
        with pytest.raises(Refused):
            Hand(server, server.admin, "x").data(WHO)
    with running(data, home, environ={"REGISTRUM_SECRET_KEY": f"{NEW},{OLD}"}) as server:
        assert NOT_LISTED not in "".join(server.log)
        assert Hand(server, server.admin, "x").data(WHO)["viewer"]["username"] == "admin"
