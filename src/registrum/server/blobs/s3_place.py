"""Where a bucket is and who asks it: `s3://bucket/prefix?endpoint=…&region=…` and the usual variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from obstore.store import S3Store as Bucket

from registrum.core.errors import Invalid
from registrum.server.blobs.sigv4 import Credentials, Presigner

if TYPE_CHECKING:
    from obstore.store import S3Config

_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and a prefix in it, which is empty or ends in a slash."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    credentials: Credentials

    @classmethod
    def of(cls, url: str, environ: Mapping[str, str]) -> Self:
        """Reads a blob URL and the `AWS_…` variables.

        Raises:
            Invalid: no bucket, an unknown parameter, or no credentials.
        """
        parts = urlsplit(url)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = set(given) - {"endpoint", "region"}
        if parts.scheme != "s3" or not parts.netloc or unknown:
            raise Invalid("The blob URL must be like s3://bucket/prefix?endpoint=…&region=….")
        try:
            credentials = Credentials(
                environ["AWS_ACCESS_KEY_ID"],
                environ["AWS_SECRET_ACCESS_KEY"],
                environ.get("AWS_SESSION_TOKEN"),
            )
        except KeyError as missing:
            raise Invalid(f"S3 needs the variable {missing.args[0]}.") from None
        prefix = parts.path.strip("/")
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
        endpoint = given.get("endpoint") or environ.get("AWS_ENDPOINT_URL")
        return cls(
            parts.netloc,
            f"{prefix}/" if prefix else "",
            given.get("region", region),
            endpoint.rstrip("/") if endpoint else None,
            credentials,
        )

    def presigner(self) -> Presigner:
        """Signs addresses: below an own endpoint the bucket is the first part of the path."""
        if self.endpoint:
            return Presigner(self.endpoint, f"/{self.bucket}", self.region, self.credentials)
        host = f"https://{self.bucket}.s3.{self.region}.amazonaws.com"
        return Presigner(host, "", self.region, self.credentials)

    def open(self) -> Bucket:
        """The driver for what the server does itself."""
        config: S3Config = {
            "access_key_id": self.credentials.access_key,
            "secret_access_key": self.credentials.secret_key,
            "region": self.region,
            "virtual_hosted_style_request": self.endpoint is None,
        }
        if self.credentials.session_token:
            config["session_token"] = self.credentials.session_token
        if self.endpoint:
            config["endpoint"] = self.endpoint
        is_plain = self.endpoint is not None and self.endpoint.startswith("http://")
        return Bucket(self.bucket, config=config, client_options={"allow_http": is_plain})
