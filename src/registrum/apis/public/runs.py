"""Runs, under the path by which scripts import it."""

from registrum.sdk.run_lists import Runs
from registrum.sdk.runs import Run

__all__ = ["Run", "Runs"]
