"""Turns at the interpreter: short ones while any long piece of work goes on, the usual ones afterwards."""

import sys

import pytest

from registrum.server.turns import SHORT_S, short_turns


def test_turns_are_short_until_the_last_piece_of_work_ends() -> None:
    usual = sys.getswitchinterval()
    with short_turns():
        with short_turns():
            assert sys.getswitchinterval() == pytest.approx(SHORT_S)
        assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_turns_are_the_usual_ones_after_a_failure() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(RuntimeError), short_turns():
        raise RuntimeError
    assert sys.getswitchinterval() == pytest.approx(usual)
