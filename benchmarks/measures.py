"""What was measured: taken for one operation, and printed as the table of budgets."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.served import Served


@dataclass(frozen=True)
class Budget:
    """What a number may be.

    Attributes:
        limit: at most this, or at least this.
        at_least: whether more is better.
    """

    limit: float
    at_least: bool = False

    def is_met(self, number: float) -> bool:
        """Whether that number keeps it."""
        return number >= self.limit if self.at_least else number <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True)
class Row:
    """One number of one operation.

    Attributes:
        what: the operation and the unit.
        number: measured.
        where: the database and its size, or whatever else stands beside it.
    """

    what: str
    number: float
    where: str
    budget: Budget | None = None


@dataclass
class Report:
    """Rows in the order in which they came."""

    rows: list[Row] = field(default_factory=list)

    def add(self, what: str, number: float, where: str, budget: Budget | None = None) -> None:
        """One more row; also shown at once."""
        self.rows.append(Row(what, number, where, budget))
        print(f"  {what}: {number:.3g} ({where})", flush=True)

    def table(self) -> str:
        """Markdown: an operation a line, a column for the budget and for each place, and whether it is met."""
        places = list(dict.fromkeys(row.where for row in self.rows))
        whats = list(dict.fromkeys(row.what for row in self.rows))
        lines = ["| " + " | ".join(["operation", "budget", *places, ""]) + " |"]
        lines.append("|---|---:|" + "---:|" * len(places) + "---|")
        for what in whats:
            found = {row.where: row for row in self.rows if row.what == what}
            budgets = [row.budget for row in found.values() if row.budget is not None]
            cells = [f"{found[p].number:,.3g}" if p in found else "" for p in places]
            met = ""
            if budgets:
                held = [r.budget.is_met(r.number) for r in found.values() if r.budget is not None]
                met = "met" if all(held) else "missed"
            lines.append(
                f"| {what} | {budgets[0] if budgets else ''} | " + " | ".join(cells) + f" | {met} |"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Taken:
    """Milliseconds an operation: the server's CPU, and what the client waited."""

    cpu_ms: float
    median_ms: float
    p99_ms: float


def measured(served: Served, acts: Sequence[Callable[[], object]], rounds: int = 9) -> Taken:
    """Runs the acts one after the other, in some rounds; the CPU of the median round, the latency of all."""
    share = max(len(acts) // rounds, 1)
    for act in acts[: max(share // 4, 1)]:
        act()
    waited: list[float] = []
    cpu: list[float] = []
    for start in range(0, len(acts) - share + 1, share):
        before = served.cpu_s()
        for act in acts[start : start + share]:
            began = time.perf_counter()
            act()
            waited.append(time.perf_counter() - began)
        cpu.append((served.cpu_s() - before) / share)
    return Taken(
        statistics.median(cpu) * 1000, statistics.median(waited) * 1000, p99(waited) * 1000
    )


def p99(waited: Sequence[float]) -> float:
    """The time within which 99 of 100 were done."""
    return sorted(waited)[min(int(len(waited) * 0.99), len(waited) - 1)]
