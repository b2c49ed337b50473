"""How evenly a team's tickets were shared out in a week, and how soon whoever got them reacted."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from helpdesk.models import Assignment, Entry, Team
from helpdesk.queries.reactions import REACTIONS

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday on the desk's clocks."""

    monday: date

    @classmethod
    def of(cls, text: str) -> "Week":
        """``2026-W47``; the present week for anything else."""
        year, _w, number = text.partition("-W")
        try:
            return cls(date.fromisocalendar(int(year), int(number), 1))
        except ValueError:
            today = timezone.localdate()
            return cls(today - timedelta(days=today.weekday()))

    @property
    def name(self) -> str:
        """``2026-W47``"""
        year, number, _day = self.monday.isocalendar()
        return f"{year}-W{number:02d}"

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def sunday(self) -> date:
        return self.monday + WEEK - timedelta(days=1)

    @property
    def before(self) -> "Week":
        return Week(self.monday - WEEK)

    @property
    def after(self) -> "Week":
        return Week(self.monday + WEEK)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """From midnight to midnight: a week with a change of clocks is an hour shorter or longer."""
        begin, end = datetime.combine(self.monday, time()), datetime.combine(self.monday + WEEK, time())
        return timezone.make_aware(begin), timezone.make_aware(end)


@dataclass(frozen=True, slots=True)
class Share:
    """What one agent got. ``share`` is of 1; ``median_s`` seconds to the first reaction, None when there was none."""

    agent: str
    given: int
    taken: int
    share: float
    units: int
    gave_back: int
    reassigned: int
    reacted: int
    median_s: float | None

    @property
    def assigned(self) -> int:
        """By the desk or by hand, and taken."""
        return self.given + self.taken


@dataclass(frozen=True, slots=True)
class Fairness:
    """A team's week. ``total_before`` is the week before, for comparison."""

    team: Team
    week: Week
    shares: Sequence[Share]
    total: int
    total_before: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class _Row:
    agent: str
    cause: str
    units: int
    outcome: str
    seconds: float | None


def fairness_of(*, team: Team, week: Week) -> Fairness:
    """Who of ``team`` got how much in ``week``; members who got nothing stand in it too."""
    rows = list(_rows(team, week))
    names = sorted({*(row.agent for row in rows), *team.agents.filter(is_active=True).values_list("name", flat=True)})
    begin, end = week.before.bounds
    return Fairness(
        team=team,
        week=week,
        shares=[_share(name, [row for row in rows if row.agent == name], len(rows)) for name in names],
        total=len(rows),
        total_before=Assignment.objects.filter(team=team, at__gte=begin, at__lt=end).count(),
        median_s=_median(rows),
    )


def _rows(team: Team, week: Week) -> Iterator[_Row]:
    begin, end = week.bounds
    reactions = Entry.objects.filter(
        ticket=OuterRef("ticket"), agent=OuterRef("agent"), kind__in=REACTIONS, created_at__gte=OuterRef("at")
    )
    found = Assignment.objects.filter(team=team, at__gte=begin, at__lt=end).annotate(
        reacted_at=Subquery(reactions.order_by("id").values("created_at")[:1])
    )
    for agent, cause, units, outcome, at, ended_at, reacted_at in found.values_list(
        "agent__name", "cause", "units", "outcome", "at", "ended_at", "reacted_at"
    ):
        is_theirs = reacted_at is not None and (ended_at is None or reacted_at <= ended_at)
        yield _Row(agent, cause, units, outcome, (reacted_at - at).total_seconds() if is_theirs else None)


def _share(agent: str, rows: Sequence[_Row], total: int) -> Share:
    taken = sum(1 for row in rows if row.cause == Assignment.Cause.TAKEN)
    return Share(
        agent=agent,
        given=len(rows) - taken,
        taken=taken,
        share=len(rows) / total if total else 0.0,
        units=sum(row.units for row in rows),
        gave_back=sum(1 for row in rows if row.outcome == Assignment.Outcome.GAVE_BACK),
        reassigned=sum(1 for row in rows if row.outcome in {Assignment.Outcome.REASSIGNED, Assignment.Outcome.AWAY}),
        reacted=sum(1 for row in rows if row.seconds is not None),
        median_s=_median(rows),
    )


def _median(rows: Sequence[_Row]) -> float | None:
    seconds = [row.seconds for row in rows if row.seconds is not None]
    return statistics.median(seconds) if seconds else None
