"""The history of runs, under the path by which scripts import it."""

from registrum.sdk.run_history import HistoryScan

__all__ = [
    "HistoryScan",
]
