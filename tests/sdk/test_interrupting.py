"""A person who interrupts waits for nobody: not for who begins to wait just then, nor for questions that are asked again."""

import threading
from collections.abc import Iterator

import pytest

from registrum.errors import Unreachable
from registrum.sdk import transfers
from registrum.sdk.credentials import Credentials
from registrum.sdk.http import Service
from tests.sdk.weather import weather


def test_who_begins_to_wait_during_an_interruption_is_hung_up_as_well() -> None:
    told, hung_up = threading.Event(), threading.Semaphore(0)

    def work(_: int, stop: transfers.Stop) -> None:
        assert stop.wait(60)
        assert hung_up.acquire(timeout=60)  # The first, which came too early for what follows.
        told.set()
        assert hung_up.acquire(timeout=60)

    def items() -> Iterator[int]:
        yield 0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfers.for_each(work, items(), 2, hang_up=hung_up.release)
    assert told.is_set()


def test_a_question_is_not_asked_again_after_an_interruption(here: Service) -> None:
    with weather(here.url) as storm:
        storm.stall_after = 0
        service = Service(Credentials(storm.url, here.credentials.api_key))
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                service.ask("query { viewer { id } }")
            except Unreachable as error:
                ended.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        assert storm.has_stalled.wait(60)
        service.hang_up()
        asking.join(60)
        assert len(ended) == 1
        storm.stall_after = None
        assert service.ask("query { viewer { id } }")["viewer"]
