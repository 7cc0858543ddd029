"""Long work is done once, however many ask for it, and nobody waits for too long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from registrum.core.errors import Unavailable, Unprocessable
from registrum.server.blobs.joining import Joining
from registrum.server.blobs.store import BlobKey, StoredBlob

KEY = BlobKey.new()
STORED = StoredBlob(1, b"md5")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_who_waits_too_long_is_told_and_the_next_one_gets_the_result(pool):
    may_end, times = threading.Event(), []

    def work(key: BlobKey) -> StoredBlob:
        times.append(key)
        may_end.wait()
        return STORED

    joining = Joining(pool, wait_s=0.01)
    for _ in range(3):
        with pytest.raises(Unavailable):
            joining.result(KEY, work)
    may_end.set()
    patient = Joining(pool)
    patient._going = joining._going
    assert patient.result(KEY, work) == STORED
    assert times == [KEY]


def test_a_failure_is_told_and_the_work_may_be_tried_again(pool):
    joining = Joining(pool)
    outcomes = iter([Unprocessable("A part is missing."), STORED])

    def work(key: BlobKey) -> StoredBlob:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(Unprocessable):
        joining.result(KEY, work)
    assert joining.result(KEY, work) == STORED
