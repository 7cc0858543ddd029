"""Which address and key the command line uses."""

from pathlib import Path

import pytest

from registrum.core.errors import Invalid, Unauthenticated
from registrum.sdk.credentials import DEFAULT_URL, find

OWN = {"REGISTRUM_URL": "http://own", "REGISTRUM_API_KEY": "own"}
WANDB = {"WANDB_BASE_URL": "http://wandb/", "WANDB_API_KEY": "wandb"}


@pytest.mark.parametrize(
    ("given", "environ", "url", "key"),
    [
        (("http://flag", "flag"), OWN | WANDB, "http://flag", "flag"),
        ((None, None), OWN | WANDB, "http://own", "own"),
        ((None, None), WANDB, "http://wandb", "wandb"),
        ((None, "flag"), {}, DEFAULT_URL, "flag"),
    ],
)
def test_what_is_given_goes_before_the_environment(
    given: tuple[str | None, str | None], environ: dict[str, str], url: str, key: str
) -> None:
    found = find(*given, environ)
    assert (found.url, found.api_key) == (url, key)
    assert key not in repr(found).replace(url, "")


def test_netrc_has_the_key_that_wandb_login_wrote(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine registry.example.org\n  login user\n  password k40\n")
    environ = {"NETRC": str(tmp_path / "netrc")}
    assert find("https://registry.example.org", None, environ).api_key == "k40"
    with pytest.raises(Unauthenticated, match="registrum login --url https://other"):
        find("https://other.example.org", None, environ)


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(Invalid, match="must be like"):
        find("registry.example.org", "k", {})
