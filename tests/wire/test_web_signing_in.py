"""Signing in and out, one-time links, API keys: what a browser can do, and what it cannot be tricked into."""

import re

import pytest

from registrum.server.auth.requests import Authenticator
from registrum.server.config import Config
from registrum.server.db import open_database
from registrum.server.services.credentials import Secrets
from registrum.server.services.sessions import SESSION_COOKIE
from registrum.server.web.addresses import safe_next
from tests.web_scene import PASSWORD, Scene
from tests.wire.web_browser import Browser, OpenBrowser, words


def whose(config: Config, key: str) -> str | None:
    """Whom the server takes the holder of a key for."""
    database = open_database(config.database)
    try:
        secrets = Secrets([each.encode() for each in config.secret_key])
        scope = {"headers": [(b"authorization", f"Bearer {key}".encode())]}
        return Authenticator(database, secrets)(scope).username
    finally:
        database.close()


def make_key(browser: Browser, description: str = "laptop") -> str:
    answer = browser.send("/authorize", description=description)
    assert answer.status_code == 200
    found = re.search(r'<code id="secret">(\w+)</code>', answer.text)
    assert found
    return found[1]


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_gets(browse: OpenBrowser) -> None:
    answer = browse(None).sign_in("admin")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_on_https_cookies_are_for_https_only(browse: OpenBrowser) -> None:
    browser = browse(None)
    answer = browser.get("https://localhost/login")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("name", ["admin", "ADMIN", "admin@localhost", " admin "])
def test_one_signs_in_by_user_name_or_e_mail_in_any_case(browse: OpenBrowser, name: str) -> None:
    assert browse(None).sign_in(name).status_code == 303


@pytest.mark.parametrize("name", ["admin", "nobody", "newcomer"])
def test_a_refusal_does_not_tell_whether_there_is_such_an_account(
    browse: OpenBrowser, name: str
) -> None:
    browser = browse(None)
    answer = browser.sign_in(name, "not the password")
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert browser.get("/").status_code == 303


def test_after_many_failures_even_the_right_password_has_to_wait(browse: OpenBrowser) -> None:
    browser = browse(None)
    answers = [browser.sign_in("admin", f"guess {n}").status_code for n in range(12)]
    assert answers[-1] == 429
    assert browser.sign_in("admin").status_code == 429


def test_many_failures_from_one_address_stop_it_for_every_name(browse: OpenBrowser) -> None:
    guesser, other = browse(None), browse(None)
    for n in range(12):
        guesser.sign_in(f"name-{n}", "guess")
    assert guesser.sign_in("outsider").status_code == 429
    other.address = "203.0.113.99"
    assert other.sign_in("outsider").status_code == 303


def test_the_form_of_another_site_signs_nobody_in(browse: OpenBrowser) -> None:
    browser = browse(None)
    answer = browser.post("/login", data={"name": "admin", "password": PASSWORD})
    assert answer.status_code == 400
    assert SESSION_COOKIE not in browser.cookies


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "/login",
        "/logout",
        "http:/evil",
        "",
        "/" + "x" * 5000,
    ],
)
def test_one_never_lands_on_another_site(browse: OpenBrowser, wanted: str) -> None:
    assert safe_next(wanted, "") == "/"
    answer = browse(None).sign_in("admin", wanted=wanted)
    assert answer.headers["location"] == "/"


def test_a_path_with_query_is_kept(browse: OpenBrowser) -> None:
    assert safe_next("/orgs/a/registry/b?selectionPath=c%2Fd", "") == (
        "/orgs/a/registry/b?selectionPath=c%2Fd"
    )
    assert safe_next("/prefix/x", "/prefix") == "/prefix/x"
    assert safe_next("/\x00", "") == "/"
    assert safe_next("/prefixed", "/prefix") == "/prefix/"


def test_who_is_signed_in_needs_no_form(browse: OpenBrowser) -> None:
    answer = browse("admin").get("/login?next=/main")
    assert (answer.status_code, answer.headers["location"]) == (303, "/main")


def test_signing_out_ends_the_session_for_good(browse: OpenBrowser) -> None:
    browser = browse("admin")
    kept = dict(browser.cookies)
    assert browser.send("/", action="/logout").headers["location"] == "/login"
    browser.cookies.update(kept)
    assert browser.get("/").status_code == 303


def test_signing_out_takes_a_post_from_ones_own_page(browse: OpenBrowser) -> None:
    browser = browse("admin")
    assert browser.get("/logout").status_code in (404, 405)
    assert browser.post("/logout", data={"csrf": "guessed"}).status_code == 403
    assert browser.get("/").status_code == 200


def test_a_link_sets_a_password_once(scene: Scene, browse: OpenBrowser) -> None:
    page = f"/set-password/{scene.link}"
    browser = browse(None)
    assert "Welcome, newcomer" in browser.text_of(page)
    answer = browser.send(page, password="a new one 1", again="a new one 1")
    assert answer.headers["location"] == "/authorize"
    assert browser.get("/authorize").status_code == 200
    again = browse(None)
    assert again.get(page).status_code == 404
    assert again.sign_in("newcomer", "a new one 1").status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [("short", "short", "from 8 to"), ("long enough 1", "long enough 2", "not the same")],
)
def test_a_link_is_not_spent_on_a_bad_password(
    scene: Scene, browse: OpenBrowser, password: str, again: str, says: str
) -> None:
    browser, page = browse(None), f"/set-password/{scene.link}"
    answer = browser.send(page, password=password, again=again)
    assert (answer.status_code, says in answer.text) == (400, True)
    assert browser.get(page).status_code == 200


def test_an_unknown_link_says_so(browse: OpenBrowser) -> None:
    answer = browse(None).get("/set-password/made-up")
    assert answer.status_code == 404
    assert "not valid" in answer.text


def test_a_new_key_is_shown_once_and_works(scene: Scene, browse: OpenBrowser) -> None:
    browser = browse("admin")
    key = make_key(browser, "the lab's <machine>")
    assert whose(scene.config, key) == "admin"
    page = browser.get("/authorize").text
    assert key not in page
    assert f"{key[:4]}…{key[-4:]}" in page
    assert "the lab's <machine>" in words(page)


def test_the_page_gives_the_line_to_sign_in_with(browse: OpenBrowser) -> None:
    answer = browse("admin").send("/authorize")
    assert re.search(r"wandb login --host=http://localhost:8080 \w{40}", words(answer.text))


def test_an_unknown_host_is_not_repeated_as_an_address(browse: OpenBrowser) -> None:
    browser = browse("admin")
    page = browser.get("/authorize", headers={"host": "evil.example"})
    assert "evil.example" not in page.text


def test_a_revoked_key_no_longer_works(scene: Scene, browse: OpenBrowser) -> None:
    browser = browse("admin")
    key = make_key(browser)
    number = re.findall(r'name="revoke" value="(\d+)"', browser.get("/authorize").text)[0]
    answer = browser.send("/authorize", revoke=number)
    assert answer.status_code == 303
    assert "no longer works" in browser.text_of(answer.headers["location"])
    with pytest.raises(Exception, match="revoked"):
        whose(scene.config, key)


def test_nobody_revokes_the_key_of_another(scene: Scene, browse: OpenBrowser) -> None:
    admin, outsider = browse("admin"), browse("outsider")
    key = make_key(admin)
    for number in range(1, 10):
        assert outsider.send("/authorize", revoke=str(number)).status_code == 404
    assert outsider.send("/authorize", revoke="x").status_code == 404
    assert whose(scene.config, key) == "admin"


def test_keys_take_the_token_of_the_session(browse: OpenBrowser) -> None:
    browser = browse("admin")
    before = browser.text_of("/authorize")
    for form in ({}, {"csrf": "guessed"}, {"csrf": "é"}):
        assert browser.post("/authorize", data=form).status_code == 403
    assert browser.text_of("/authorize") == before


def test_a_huge_or_broken_form_is_refused(browse: OpenBrowser) -> None:
    browser = browse("admin")
    assert browser.post("/authorize", content=b"a" * 100_000).status_code == 413
    assert browser.post("/authorize", content=b"\xff\xfe=%zz").status_code == 400
    assert browser.post("/authorize", content=b"&a=1" * 60).status_code == 400
