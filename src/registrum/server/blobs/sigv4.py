"""Addresses signed the way S3 wants them (AWS Signature Version 4 in the query), with headers and parameters of one's own.

obstore signs neither, and uploads need their Content-MD5 signed, downloads the name they are saved
under.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

Verb = Literal["GET", "PUT", "POST", "DELETE"]
_MOST_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks S3; the session token only for temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs addresses of one bucket.

    Attributes:
        origin: scheme and host, such as `https://bucket.s3.eu-central-1.amazonaws.com`.
        root: what stands before a key in the path: empty, or `/bucket` where the host is not the
        bucket's own.
    """

    origin: str
    root: str
    region: str
    credentials: Credentials

    def url(
        self,
        verb: Verb,
        key: str,
        lasts: timedelta,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> str:
        """An address that allows one verb on one key.

        Args:
            verb: what may be done.
            key: of the object.
            lasts: how long it is good for; S3 takes a week at most.
            headers: those that the request must carry unchanged.
            query: parameters of the request.
            now: the moment from which it is good; default: the present one.
        """
        moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": self.origin.partition("://")[2]}
        signed |= {name.lower(): value.strip() for name, value in (headers or {}).items()}
        names = ";".join(sorted(signed))
        seconds = min(int(lasts.total_seconds()), _MOST_S)
        fields = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.credentials.access_key}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": names,
        }
        if self.credentials.session_token:
            fields["X-Amz-Security-Token"] = self.credentials.session_token
        pairs = sorted((_quoted(name), _quoted(value)) for name, value in fields.items())
        parameters = "&".join(f"{name}={value}" for name, value in pairs)
        path = f"{self.root}/{quote(key, safe='/-_.~')}"
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        request = f"{verb}\n{path}\n{parameters}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = hmac.digest(self._key(moment[:8]), text.encode(), "sha256").hex()
        return f"{self.origin}{path}?{parameters}&X-Amz-Signature={signature}"

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.credentials.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
