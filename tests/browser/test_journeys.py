"""What people do in a browser: sign in for `wandb login`, make and revoke a key, follow the addresses that a client prints."""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.client.live import Person, run_script
from tests.web_scene import FILES, PASSWORD

LINKED = (
    "/orgs/registrum/registry/model?selectionPath="
    + quote("registrum-org/wandb-registry-model/Ranker", safe="")
    + "&view=membership&version=v0"
)
VIEWER = "query { viewer { username } }"


def sign_in(page: Page, name: str = "admin", password: str = PASSWORD) -> None:
    page.get_by_label("User name or e-mail").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_from_the_address_of_wandb_login_to_a_key_that_works(page: Page, site: Site) -> None:
    page.goto("/authorize?ref=models")
    sign_in(page, password="mistyped")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    sign_in(page)
    expect(page).to_have_url(f"{site.url}/authorize?ref=models")

    page.get_by_label("What is it for?").fill("test bench")
    page.get_by_role("button", name="Make a key").click()
    secret = page.get_by_label("The key").inner_text().strip()
    line = page.get_by_label("The command to sign in with it").inner_text()
    assert line.strip() == f"wandb login --host={site.url} {secret}"
    holder = Person("admin", secret, Path())
    assert site.server.graphql(holder, VIEWER) == {"viewer": {"username": "admin"}}

    page.goto("/authorize")
    assert secret not in page.content()
    row = page.get_by_role("row").filter(has_text="test bench")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("no longer works")
    assert site.server.ask(holder, VIEWER)[0] == 401

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/authorize")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_invited_person_sets_a_password_and_gets_to_the_keys(page: Page, site: Site) -> None:
    page.goto(f"/set-password/{site.scene.link}")
    page.get_by_label("New password").fill("my own password")
    page.get_by_label("The same again").fill("my own password")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("link", name="model", exact=True)).to_be_visible()


def test_from_a_printed_address_through_lineage_to_a_file(page: Page, site: Site) -> None:
    page.goto(LINKED)
    sign_in(page)
    expect(page).to_have_url(site.url + LINKED)
    expect(page.get_by_role("heading", name="Ranker:v0")).to_be_visible()
    page.get_by_role("link", name="main/demo/ranker:v0").click()
    expect(page).to_have_url(f"{site.url}/main/demo/artifacts/model/ranker/v0")
    with page.expect_download() as started:
        page.get_by_role("link", name="weights/model.bin").click()
    assert started.value.suggested_filename == "model.bin"
    assert Path(started.value.path()).read_bytes() == FILES["weights/model.bin"]
    page.get_by_role("link", name="amber harbor").click()
    expect(page).to_have_url(f"{site.url}/main/demo/runs/r1")
    page.get_by_role("link", name="demo", exact=True).click()
    expect(page).to_have_url(f"{site.url}/main/demo")


def test_every_address_that_the_client_gives_opens_its_page(
    page: Page, site: Site, tmp_path: Path
) -> None:
    admin = Person("admin", site.server.admin.api_key, tmp_path / "admin")
    given = run_script(site.server, admin, _LOG_AND_LINK)
    page.goto("/")
    sign_in(page)
    expect(page.get_by_role("link", name="model", exact=True)).to_be_visible()
    for what, (address, heading) in given.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, (what, address)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    snippets = []
    for what in ("run", "logged", "linked"):
        page.goto(given[what][0])
        snippets.append(page.locator("pre").filter(has_text="import wandb").inner_text())
    fetched = run_script(
        site.server, admin, "\n".join([*snippets, "result = [run.name, artifact.name]"])
    )
    assert fetched == ["first try", "Printed:v0"]


_LOG_AND_LINK = """
import wandb

with wandb.init(project="printed links", name="first try") as run:
    artifact = wandb.Artifact("net", type="model")
    with artifact.new_file("weights.txt") as file:
        file.write("1 2 3")
    logged = run.log_artifact(artifact).wait()
    linked = run.link_artifact(logged, "wandb-registry-model/Printed", aliases=["staging"])
    elsewhere = run.link_artifact(logged, "model-registry/Old style")
    result = {
        "run": (run.url, "first try"),
        "project": (run.project_url, "printed links"),
        "logged": (logged.url, "net:v0"),
        "linked": (linked.url, "Printed:v0"),
        "linked in a project": (elsewhere.url, "Old style:v0"),
    }
api = wandb.Api()
found = api.run(run.path)
result["found run"] = (found.url, "first try")
result["workspace"] = (api.project("printed links", run.entity).url, "printed links")
result["fetched"] = (api.artifact(f"{run.entity}/printed links/net:latest").url, "net:v0")
result["by alias"] = (api.artifact("wandb-registry-model/Printed:staging").url, "Printed:v0")
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows_a_phone_and_text_stands_out(
    page: Page, site: Site, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 740})
    page.goto("/")
    sign_in(page)
    for address in (
        "/",
        "/authorize",
        "/main/demo",
        "/main/demo/runs/r1",
        "/main/demo/artifacts/model/ranker",
        LINKED,
        "/nothing/here",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert page.evaluate(_CONTRAST) >= 4.5, address


# The least contrast between the letters of any text and what is behind them, as WCAG computes it.
_CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  let least = 21;
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
  }
  return least;
}"""


def test_everything_can_be_done_from_the_keyboard(page: Page, site: Site) -> None:
    page.goto("/authorize")
    expect(page.get_by_label("User name or e-mail")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(20):
        shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert shown != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.textContent") == "Make a key":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
