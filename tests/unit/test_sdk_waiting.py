"""How long the SDK waits before it asks again: as the server says, whatever the clock here says."""

import pytest
from urllib3 import HTTPResponse

from registrum.sdk.http import FIRST_PAUSE_S, LONGEST_PAUSE_S, pauses, retry_after_s

NOON = "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "86400"}, LONGEST_PAUSE_S),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:05 GMT", "Date": NOON}, 5.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT", "Date": NOON}, 0.0),
        ({"Retry-After": "Tue, 24 Nov 2026 12:00:00 GMT", "Date": NOON}, LONGEST_PAUSE_S),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:05 GMT"}, 1.5),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:05 -0000", "Date": NOON}, 1.5),
        ({"Retry-After": "soon", "Date": NOON}, 1.5),
        ({"Retry-After": "-3", "Date": NOON}, 1.5),
        ({}, 1.5),
    ],
)
def test_the_server_says_how_long(headers: dict[str, str], seconds: float) -> None:
    # Dates are compared with the server's own, so that a clock that is wrong by a day does not matter.
    assert retry_after_s(HTTPResponse(status=503, headers=headers), 1.5) == seconds


def test_pauses_become_longer_and_end() -> None:
    found = list(pauses(10))
    assert len(found) == 9
    for number, pause in enumerate(found):
        longest = min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S)
        assert longest / 2 <= pause <= longest
