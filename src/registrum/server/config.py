"""Every setting of the server: what it means, and what is refused. Where they come from is `config_sources.py`."""

import ipaddress
import re
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from registrum.core.errors import Invalid, RegistrumError
from registrum.core.users import check_key

MIB = 1024 * 1024
DAY_S = 24 * 3600
SHORTEST_SECRET = 32
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


class InvalidSetting(RegistrumError):
    """A setting is missing, malformed, or does not go with another one."""

    code = "invalid_setting"


def _setting(
    default: Any,
    doc: str,
    *,
    secret: bool = False,
    flag: bool | None = None,
    least: int | None = None,
    most: int | None = None,
) -> Any:
    """A field of `Config`: its default, what it means, and the least and greatest number it takes."""
    has_flag = not secret if flag is None else flag
    about = {"doc": doc, "secret": secret, "flag": has_flag, "least": least, "most": most}
    return field(default=default, metadata=about, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What one server runs with. Construction checks each setting, and that they go together.

    Raises:
        InvalidSetting: with one plain sentence for the person who set it.
    """

    host: str = _setting("127.0.0.1", "Address to listen on; `0.0.0.0` listens on every one.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.", least=0, most=65535)
    data_dir: Path = _setting(
        Path("registrum-data"),
        "Folder for the SQLite database, the files and the secret key; made if missing.",
    )
    database_url: str | None = _setting(
        None,
        "`postgresql://user:password@host/name`, or `sqlite:///path`. Default: a SQLite file in the"
        " data folder.",
        secret=True,
        flag=True,
    )
    blob_url: str | None = _setting(
        None,
        "Where bytes are kept: `file:///path`, or `s3://bucket/prefix` with optional"
        " `?endpoint=…&region=…`. Default: a folder in the data folder.",
    )
    workers: int = _setting(
        1, "Server processes. More than one needs PostgreSQL: SQLite has one writer.", least=1
    )
    base_url: str | None = _setting(
        None,
        "The address people reach this server at, such as `https://registry.example.org`; it stands"
        " in links and in URLs of uploads and downloads. Default: that of each request.",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "Host names that requests may use where `base_url` is not set, besides `localhost` and the"
        " address in `host`. `.example.org` takes every host under it, `*` any.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        "Addresses or networks of the proxies in front, whose `X-Forwarded-For` and"
        " `X-Forwarded-Proto` are believed.",
    )
    secret_key: tuple[str, ...] = _setting(
        (),
        f"Signs URLs and sessions; at least {SHORTEST_SECRET} characters. A list rotates it: the"
        " first signs, all verify. Default: made in the data folder; required with PostgreSQL.",
        secret=True,
    )
    admin_username: str = _setting("admin", "Name of the administrator made at the first start.")
    admin_email: str = _setting(
        "admin@localhost", "E-mail address of the administrator made at the first start."
    )
    admin_password: str | None = _setting(
        None,
        "Password of the administrator made at the first start. Default: one is made and printed.",
        secret=True,
    )
    admin_api_key: str | None = _setting(
        None,
        "API key of the administrator made at the first start: 40 or more letters,"
        " digits, `-` or `_`. Default: one is made and printed.",
        secret=True,
    )
    organization: str = _setting(
        "registrum", "Name of the organization made at the first start, with its core registries."
    )
    team: str = _setting(
        "main", "Name of the team made at the first start: the administrator's default entity."
    )
    tls_cert: Path | None = _setting(
        None, "Certificate chain (PEM) to serve https with, for those without a proxy in front."
    )
    tls_key: Path | None = _setting(None, "Private key (PEM) of `tls_cert`.")
    log_level: LogLevel = _setting("info", "The least severe messages to log.")
    log_format: LogFormat = _setting("text", "Log lines for people (text) or machines (json).")
    max_body_bytes: int = _setting(
        64 * MIB, "Largest body of a request that is not an upload, in bytes.", least=MIB
    )
    max_upload_bytes: int = _setting(
        5 * 1024 * MIB,
        "Largest body of one upload, in bytes; clients send bigger files in parts.",
        least=MIB,
    )
    upload_url_expiry_s: int = _setting(
        DAY_S,
        "How long a signed upload URL is good for, in seconds; at most a day, as an upload is given"
        " up after two without a word.",
        least=60,
        most=DAY_S,
    )
    download_url_expiry_s: int = _setting(
        3600,
        "How long a signed download URL is good for, in seconds; at most a week, as S3 has it.",
        least=60,
        most=7 * DAY_S,
    )
    shutdown_grace_s: int = _setting(
        30, "How long requests may go on after SIGTERM before they are cut, in seconds.", least=0
    )

    def __post_init__(self) -> None:
        for own in fields(self):
            _check_bounds(own, getattr(self, own.name))
        _check_urls(self)
        _check_secrets(self)
        _check_proxies(self.trusted_proxies)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidSetting("tls_cert and tls_key go together: set both or neither.")
        if self.is_embedded and self.workers > 1:
            raise InvalidSetting(
                f"workers is {self.workers}, but SQLite takes exactly one server process;"
                " set database_url to a PostgreSQL database to run more."
            )

    @property
    def is_embedded(self) -> bool:
        """The database is SQLite: one server process, which migrates it at start."""
        return self.sqlite_path is not None

    @property
    def database(self) -> str:
        """The database's URL, `sqlite:///…` or `postgresql://…`, the default filled in."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir.absolute() / 'registrum.sqlite'}"
        return re.sub(r"^postgres://", "postgresql://", self.database_url)

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file; None with PostgreSQL."""
        if not self.database.startswith("sqlite:"):
            return None
        return Path(self.database.removeprefix("sqlite:///"))

    @property
    def blobs(self) -> str:
        """The URL of the store of bytes, the default filled in."""
        return self.blob_url or f"file://{self.data_dir.absolute() / 'blobs'}"

    @property
    def scheme(self) -> str:
        """What this process itself speaks: http or https."""
        return "https" if self.tls_cert else "http"

    def url_for(self, scheme: str, host: str) -> str:
        """The address, without a slash at its end, that absolute URLs begin with.

        Args:
            scheme: of the request, after what a trusted proxy says.
            host: the request's Host header.

        Raises:
            Invalid: `base_url` is not set, and this host is not one the server answers to.
        """
        if self.base_url is not None:
            return self.base_url
        if not self._answers_to(host):
            raise Invalid(
                f"This server does not answer to the host {host[:200]!r}:"
                " its operator can set base_url or allowed_hosts."
            )
        return f"{scheme}://{host}"

    def _answers_to(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname, parts.port
        except ValueError:
            return False
        if not name or parts.netloc != host or "@" in host:
            return False
        name = f"[{name}]" if ":" in name else name
        return any(
            pattern == "*"
            or name == pattern.lower()
            or (pattern.startswith(".") and name.endswith(pattern.lower()))
            for pattern in (*self.allowed_hosts, *LOOPBACK, self.host)
        )


def _check_bounds(own: "Field[Any]", value: Any) -> None:
    least, most = own.metadata["least"], own.metadata["most"]
    if least is not None and value < least:
        raise InvalidSetting(f"{own.name} must be at least {least}, not {value}.")
    if most is not None and value > most:
        raise InvalidSetting(f"{own.name} must be at most {most}, not {value}.")


def _check_urls(config: Config) -> None:
    # The value of a database's URL may hold a password, so refusals don't repeat it.
    if not config.database.startswith(("sqlite:///", "postgresql://")):
        raise InvalidSetting("database_url must begin with postgresql:// or sqlite:///.")
    if not config.blobs.startswith(("file:///", "s3://")):
        raise InvalidSetting(f"blob_url must begin with file:/// or s3://, not {config.blobs!r}.")
    if config.base_url is None:
        return
    parts = urlsplit(config.base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InvalidSetting(
            f"base_url must be like https://registry.example.org, not {config.base_url!r}."
        )
    object.__setattr__(config, "base_url", config.base_url.rstrip("/"))


def _check_secrets(config: Config) -> None:
    if any(len(key) < SHORTEST_SECRET for key in config.secret_key):
        raise InvalidSetting(f"secret_key must have at least {SHORTEST_SECRET} characters.")
    if not config.secret_key and not config.is_embedded:
        raise InvalidSetting(
            "With PostgreSQL, set REGISTRUM_SECRET_KEY or REGISTRUM_SECRET_KEY_FILE:"
            " every server process needs the same secret key."
        )
    if config.admin_api_key is not None:
        try:
            check_key(config.admin_api_key)
        except Invalid as refusal:
            raise InvalidSetting(f"admin_api_key can't be used: {refusal.message}") from None


def _check_proxies(proxies: tuple[str, ...]) -> None:
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise InvalidSetting(
                f"trusted_proxies takes addresses and networks like 10.0.0.0/8, not {proxy!r}."
            ) from None
