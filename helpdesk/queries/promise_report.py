"""What was promised for a week, and what came of it: kept in time, late, dropped, or still owed; by who keeps it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.models import Agent, PromiseState
from helpdesk.queries.fairness import Week
from helpdesk.queries.promises import promises_of

#: What a promise that was due in the week came to, in the order in which it is shown.
IN_TIME, LATE, DROPPED, OVERDUE, AHEAD = "in-time", "late", "dropped", "overdue", "ahead"
FATES = (IN_TIME, LATE, DROPPED, OVERDUE, AHEAD)


@dataclass(frozen=True, slots=True)
class Kept:
    """Promises of one owner ('' for nobody) by what came of them."""

    owner: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def share(self) -> float | None:
        """Of those that were to be kept by now, how many were kept in time; 0 to 1, None when there are none."""
        due = self.counts[IN_TIME] + self.counts[LATE] + self.counts[OVERDUE]
        return self.counts[IN_TIME] / due if due else None


@dataclass(frozen=True, slots=True)
class PromiseReport:
    """A week of promises. ``overdue_now``: owed now, whatever week they were due in."""

    week: Week
    all: Kept
    owners: Sequence[Kept]
    before: Kept
    overdue_now: int


def report_of(*, agent: Agent, week: Week, now: datetime) -> PromiseReport:
    """Promises that ``agent`` may see and that were due in ``week``, on the desk's clocks."""
    by_owner = _counts(agent, week, now)
    mine = promises_of(agent).filter(state=PromiseState.OPEN, due_at__lte=now)
    return PromiseReport(
        week=week,
        all=_together(by_owner),
        owners=[Kept(name, counts) for name, counts in sorted(by_owner.items())],
        before=_together(_counts(agent, week.before, now)),
        overdue_now=mine.count(),
    )


def _counts(agent: Agent, week: Week, now: datetime) -> dict[str, dict[str, int]]:
    begin, end = week.bounds
    rows = promises_of(agent).filter(due_at__gte=begin, due_at__lt=end)
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FATES, 0))
    for owner, state, due_at, settled_at in rows.values_list("owner__name", "state", "due_at", "settled_at"):
        found[owner or ""][_fate(state, due_at, settled_at, now)] += 1
    return found


def _fate(state: str, due_at: datetime, settled_at: datetime | None, now: datetime) -> str:
    if state == PromiseState.DROPPED:
        return DROPPED
    if settled_at is None:
        return OVERDUE if due_at <= now else AHEAD
    return IN_TIME if settled_at <= due_at else LATE


def _together(by_owner: dict[str, dict[str, int]]) -> Kept:
    return Kept("", {fate: sum(counts[fate] for counts in by_owner.values()) for fate in FATES})
