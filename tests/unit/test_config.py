"""Settings: precedence, secrets from files, and refusals in one sentence."""

import stat
from pathlib import Path

import pytest

from registrum.core.errors import Invalid
from registrum.server.config import Config, InvalidSetting
from registrum.server.config_sources import load, misspelt, with_secret_key

POSTGRES = {
    "REGISTRUM_DATABASE_URL": "postgresql://ann:hunter2@db/registrum",
    "REGISTRUM_SECRET_KEY": "k" * 32,
}


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "registrum.toml"
    file.write_text('host = "file"\nport = 1\nlog_level = "debug"\nallowed_hosts = ["a", "b"]\n')
    environ = {"REGISTRUM_HOST": "variable", "REGISTRUM_PORT": "2"}
    config = load({"host": "flag", "port": None}, environ, file)
    assert (config.host, config.port, config.log_level) == ("flag", 2, "debug")
    assert config.allowed_hosts == ("a", "b")


def test_the_variable_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "registrum.toml"
    file.write_text("port = 9")
    assert load({}, {"REGISTRUM_CONFIG": str(file)}).port == 9


def test_a_secret_is_read_from_the_file_that_its_variable_names(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret with spaces \n")
    config = load({}, {"REGISTRUM_ADMIN_PASSWORD_FILE": str(tmp_path / "password")})
    assert config.admin_password == "s3cret with spaces"


def test_several_secret_keys_are_separated_by_commas_or_lines() -> None:
    old, new = "o" * 32, "n" * 32
    assert load({}, {"REGISTRUM_SECRET_KEY": f"{new}, {old}"}).secret_key == (new, old)
    assert load({}, {"REGISTRUM_SECRET_KEY": f"{new}\n{old}\n"}).secret_key == (new, old)


def test_secrets_stay_out_of_the_repr() -> None:
    shown = repr(load({}, {**POSTGRES, "REGISTRUM_ADMIN_PASSWORD": "sesame"}))
    assert "sesame" not in shown
    assert "hunter2" not in shown
    assert "kkk" not in shown


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"REGISTRUM_PORT": "http"}, "port must be a whole number, not 'http'."),
        ({"REGISTRUM_PORT": "70000"}, "port must be at most 65535"),
        ({"REGISTRUM_PORT": "-1"}, "port must be at least 0"),
        ({"REGISTRUM_UPLOAD_URL_EXPIRY_S": "86401"}, "upload_url_expiry_s must be at most 86400"),
        ({"REGISTRUM_DOWNLOAD_URL_EXPIRY_S": "59"}, "download_url_expiry_s must be at least 60"),
        ({"REGISTRUM_LOG_LEVEL": "loud"}, "log_level must be one of debug, info, warning, error"),
        ({"REGISTRUM_WORKERS": "2"}, "PostgreSQL"),
        ({"REGISTRUM_DATABASE_URL": "mysql://x"}, "database_url must begin with"),
        ({"REGISTRUM_BLOB_URL": "gs://x"}, "blob_url must begin with"),
        ({"REGISTRUM_BASE_URL": "registry.example.org"}, "base_url must be like"),
        ({"REGISTRUM_TLS_CERT": "cert.pem"}, "tls_cert and tls_key go together"),
        ({"REGISTRUM_SECRET_KEY": "short"}, "secret_key must have at least 32"),
        ({"REGISTRUM_ADMIN_API_KEY": "short"}, "admin_api_key can't be used: An API key"),
        ({"REGISTRUM_ADMIN_API_KEY": "local-" + "k" * 39}, "before its first '-'"),
        ({"REGISTRUM_ADMIN_API_KEY": "k" * 39 + "/" * 9}, "from 40 to 256 letters, digits"),
        ({"REGISTRUM_ADMIN_API_KEY": "k" * 257}, "from 40 to 256 letters, digits"),
        ({"REGISTRUM_TRUSTED_PROXIES": "proxy"}, "trusted_proxies takes addresses"),
        ({"REGISTRUM_ADMIN_PASSWORD_FILE": "/no/such"}, "REGISTRUM_ADMIN_PASSWORD_FILE: /no/such"),
        ({"REGISTRUM_DATABASE_URL": "postgresql://db/x"}, "REGISTRUM_SECRET_KEY"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({}, environ)
    assert sentence in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("key", ["k" * 40, "local-" + "k" * 40, "a_b-" + "k-_0" * 10])
def test_an_api_key_that_the_client_takes_is_taken(key: str) -> None:
    assert Config(admin_api_key=key).admin_api_key == key


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registrum.toml").write_text("prot = 1")
    with pytest.raises(InvalidSetting, match="unknown setting: prot"):
        load({}, {}, tmp_path / "registrum.toml")


def test_the_password_in_a_database_url_is_not_repeated() -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({}, {"REGISTRUM_DATABASE_URL": "mysql://ann:hunter2@db/x"})
    assert "hunter2" not in refused.value.message


def test_everything_lies_in_the_data_folder_by_default(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    assert config.is_embedded
    assert config.sqlite_path == tmp_path / "registrum.sqlite"
    assert config.blobs == f"file://{tmp_path / 'blobs'}"


def test_postgresql_is_not_embedded_and_may_have_workers() -> None:
    config = load({"workers": 4}, POSTGRES)
    assert not config.is_embedded
    assert config.sqlite_path is None


def test_the_secret_key_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path / "made" / "here")
    first = with_secret_key(config).secret_key
    assert with_secret_key(config).secret_key == first
    assert len(first[0]) >= 32
    key = config.data_dir / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in config.data_dir.iterdir()] == ["secret-key"]


def test_a_given_secret_key_leaves_the_folder_alone(tmp_path: Path) -> None:
    config = with_secret_key(Config(data_dir=tmp_path, secret_key=("k" * 32,)))
    assert config.secret_key == ("k" * 32,)
    assert not list(tmp_path.iterdir())


def test_a_base_url_stands_for_every_host() -> None:
    config = Config(base_url="https://registry.example.org/")
    assert config.url_for("http", "evil.example") == "https://registry.example.org"


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1", "[::1]:80", "ten.internal", "a.b.example.org"]
)
def test_an_allowed_host_stands_in_urls_as_it_was_asked(host: str) -> None:
    config = Config(host="ten.internal", allowed_hosts=(".example.org",))
    assert config.url_for("https", host) == f"https://{host}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.org",
        "",
        "localhost@evil.org",
        "localhost/x",
        "example.org.evil",
        "localhost:x",
        "[::1",
    ],
)
def test_another_host_is_refused(host: str) -> None:
    with pytest.raises(Invalid, match="base_url or allowed_hosts"):
        Config(allowed_hosts=(".example.org",)).url_for("http", host)


def test_a_misspelt_variable_is_noticed_and_those_of_clients_are_not() -> None:
    clients = "API_KEY ARTIFACT_DIR BLOB_BATCHES CACHE_DIR CACHE_LIMIT CONFIG ENTITY PROJECT SILENT TEST_CHROMIUM URL"
    environ = {f"REGISTRUM_{name}": "x" for name in clients.split()}
    environ |= {"REGISTRUM_PORT": "1", "REGISTRUM_ADMIN_PASSWORD_FILE": "x", "PATH": "x"}
    assert misspelt(environ) == {}
    wrong = {"REGISTRUM_PROT": "REGISTRUM_PORT", "REGISTRUM_DATABSE_URL": "REGISTRUM_DATABASE_URL"}
    assert misspelt(environ | wrong) == wrong
