"""Our signed S3 addresses are those that boto3, an independent client, makes of the same request."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from registrum.server.blobs.sigv4 import Credentials, Presigner

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def boto_url(monkeypatch, call: str, params: dict, token: str | None, endpoint: str | None):
    boto3, auth = pytest.importorskip("boto3"), pytest.importorskip("botocore.auth")
    config = pytest.importorskip("botocore.config").Config
    monkeypatch.setattr(auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    client = boto3.client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        aws_session_token=token,
        config=config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint else "virtual"},
            request_checksum_calculation="when_required",
        ),
    )
    return client.generate_presigned_url(call, {"Bucket": "bucket", "Key": KEY, **params}, 3600)


KEY = "some/prefix/blobs/00ff"


@pytest.mark.parametrize("token", [None, "a+token/with=signs"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:8333"])
@pytest.mark.parametrize(
    ("call", "params", "verb", "headers", "query"),
    [
        ("get_object", {}, "GET", {}, {}),
        (
            "get_object",
            {"ResponseContentDisposition": 'attachment; filename="a b+ü.bin"'},
            "GET",
            {},
            {"response-content-disposition": 'attachment; filename="a b+ü.bin"'},
        ),
        (
            "put_object",
            {"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
            "PUT",
            {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
            {},
        ),
        (
            "upload_part",
            {"UploadId": "up/load+id", "PartNumber": 7, "ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
            "PUT",
            {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
            {"uploadId": "up/load+id", "partNumber": "7"},
        ),
    ],
)
def test_a_signed_address_is_what_boto3_makes(
    monkeypatch, token, endpoint, call, params, verb, headers, query
):
    origin = endpoint or "https://bucket.s3.eu-central-1.amazonaws.com"
    signer = Presigner(
        origin,
        "/bucket" if endpoint else "",
        "eu-central-1",
        Credentials("AKID", "secret", token),
    )
    ours = urlsplit(signer.url(verb, KEY, HOUR, headers=headers, query=query, now=NOW))
    theirs = urlsplit(boto_url(monkeypatch, call, params, token, endpoint))
    assert dict(parse_qsl(ours.query)) == dict(parse_qsl(theirs.query))
    assert (ours.path, ours.scheme) == (theirs.path, theirs.scheme)
    assert ours.netloc == theirs.netloc


def test_secrets_are_not_shown():
    assert "secret" not in repr(Presigner("http://h", "", "r", Credentials("a", "secret", "token")))
