"""Service levels as they are read: policies in force, the bar of a list's row, the timeline of a ticket's clocks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from helpdesk.business_time import ALWAYS, Calendar, open_between, segments_between
from helpdesk.models import (
    LIVE_STATES,
    CalendarVersion,
    ClockCause,
    ClockChange,
    ClockKind,
    ClockState,
    ServiceClock,
    ServicePolicy,
    Ticket,
)
from helpdesk.models.calendars import hours_of

NOTHING = timedelta()
_MARKS = (ClockCause.WARNING, ClockCause.BREACH)


def policies_in_force() -> dict[str, ServicePolicy]:
    """Every active policy with its calendar, by slug."""
    rows = ServicePolicy.objects.filter(is_active=True).select_related("calendar__current")
    return {policy.slug: policy for policy in rows}


def is_anything_promised() -> bool:
    """Whether the desk has a policy: lists say nothing of service levels where it has none."""
    return ServicePolicy.objects.exists()


@dataclass(frozen=True, slots=True)
class Bar:
    """One clock at one moment, as a bar shows it. ``left`` is negative when the target is missed.

    ``overdue``: how long ago it was due, on the clock on the wall; nothing while there is time, or it is over.
    """

    kind: ClockKind
    state: ClockState
    target: timedelta
    used: timedelta
    due_at: datetime | None
    warn_percent: int
    policy_name: str = ""
    overdue: timedelta = timedelta()

    @property
    def left(self) -> timedelta:
        return self.target - self.used

    @property
    def percent(self) -> int:
        """How full it is, at most 100."""
        return 100 if self.used >= self.target else int(self.used * 100 / self.target)

    @property
    def is_missed(self) -> bool:
        return self.used > self.target

    @property
    def mood(self) -> str:
        """running, warning, breached or paused: what rules know as the service state, and style sheets as a class."""
        if self.is_missed:
            return "breached"
        if self.state != ClockState.RUNNING:
            return "paused" if self.state == ClockState.PAUSED else "done"
        return "warning" if self.warn_percent and self.percent >= self.warn_percent else "running"


def bar_of(clock: ServiceClock, *, now: datetime) -> Bar:
    """How ``clock`` stands; its calendar is loaded."""
    due_at = clock.due_at if clock.state == ClockState.RUNNING else None
    return Bar(
        kind=ClockKind(clock.kind),
        state=ClockState(clock.state),
        target=clock.target,
        used=clock.used_at(now),
        due_at=clock.due_at,
        warn_percent=clock.warn_percent,
        policy_name=clock.policy.name if clock.policy is not None else "",
        overdue=max(now - due_at, timedelta()) if due_at is not None else timedelta(),
    )


def with_versions(clocks: Sequence[ServiceClock]) -> Sequence[ServiceClock]:
    """Load the calendars that clocks run by, each once: they are large, and few."""
    numbers = {clock.calendar_version_id for clock in clocks if clock.calendar_version_id is not None}
    versions = CalendarVersion.objects.in_bulk(numbers) if numbers else {}
    for clock in clocks:
        if clock.calendar_version_id is not None:
            clock.calendar_version = versions[clock.calendar_version_id]
    return clocks


_BAR = (
    "ticket_id", "kind", "state", "target", "used", "counted_at", "due_at", "warn_percent", "calendar_version_id",
)  # fmt: skip


def bars_of(*, tickets: Collection[int], now: datetime) -> Mapping[int, Bar]:
    """For each ticket with a live clock the most pressing one: the first due, else one that is paused. Two queries."""
    if not tickets:
        return {}
    pressing: dict[int, tuple[Any, ...]] = {}
    for row in ServiceClock.objects.filter(ticket__in=tickets, state__in=LIVE_STATES).values_list(*_BAR):
        if row[0] not in pressing or _urgency(row) < _urgency(pressing[row[0]]):
            pressing[row[0]] = row
    hours = _hours({row[-1] for row in pressing.values()})
    return {number: _bar(row, hours[row[-1]], now) for number, row in pressing.items()}


def _urgency(row: tuple[Any, ...]) -> tuple[bool, float]:
    _ticket, _kind, _state, target, used, _counted_at, due_at, _warn, _version = row
    return (due_at is None, due_at.timestamp() if due_at else (target - used).total_seconds())


def _hours(versions: Collection[int | None]) -> dict[int | None, Calendar]:
    found: dict[int | None, Calendar] = {None: ALWAYS}
    wanted = [number for number in versions if number is not None]
    if wanted:
        found |= {row.pk: row.hours for row in CalendarVersion.objects.filter(pk__in=wanted)}
    return found


def _bar(row: tuple[Any, ...], hours: Calendar, now: datetime) -> Bar:
    _ticket, kind, state, target, used, counted_at, due_at, warn_percent, _version = row
    if counted_at is not None:
        used += open_between(hours, counted_at, now)
    return Bar(ClockKind(kind), ClockState(state), target, used, due_at, warn_percent)


def facts_of_service(ticket: Ticket, *, at: datetime) -> dict[str, object]:
    """What rules may know of the service level of ``ticket``; nothing where nothing is promised."""
    bar = bars_of(tickets=[ticket.pk], now=at).get(ticket.pk) if ticket.pk and ticket.service_policy_id else None
    return {
        "service_policy": ticket.service_policy.slug if ticket.service_policy else "",
        "service_state": bar.mood if bar else "",
        "service_clock": bar.kind.value if bar else "",
        "service_due_at": bar.due_at if bar else None,
    }


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time during which a clock ran, stood still, or was outside opening hours, and why it began.

    ``kind`` is running, outside, paused or over (ended, and on later). ``days`` names the holidays that it goes over.
    """

    kind: str
    start: datetime
    end: datetime
    cause: ClockCause
    detail: str
    who: str
    days: tuple[str, ...] = ()
    calendar: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Mark:
    """A warning or a breach that was announced."""

    cause: ClockCause
    at: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that happened to one clock, from its start to its end or to ``now``."""

    bar: Bar
    started_at: datetime
    ended_at: datetime | None
    end: Stretch | None
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]

    @property
    def used(self) -> timedelta:
        """Open time while it ran: what the stretches say, which is what the clock says."""
        return sum((each.length for each in self.stretches if each.kind == "running"), NOTHING)


def timelines_of(ticket: Ticket, *, now: datetime) -> list[Timeline]:
    """The clocks of ``ticket``, newest last, each with its stretches; a fixed number of queries."""
    clocks = with_versions(list(ServiceClock.objects.filter(ticket=ticket).select_related("policy").order_by("pk")))
    if not clocks:
        return []
    rows = ClockChange.objects.filter(clock__ticket=ticket).select_related("agent", "calendar_version__calendar")
    changes: dict[int, list[ClockChange]] = {clock.pk: [] for clock in clocks}
    for change in rows.order_by("pk"):
        changes[change.clock_id].append(change)
    return [_timeline(clock, changes[clock.pk], now) for clock in clocks]


def _timeline(clock: ServiceClock, changes: Sequence[ClockChange], now: datetime) -> Timeline:
    turns = [change for change in changes if change.cause not in _MARKS]
    ends = [*(change.at for change in turns[1:]), clock.ended_at or max(now, turns[-1].at)]
    stretches = [each for turn, end in zip(turns, ends, strict=True) for each in _stretches(turn, end)]
    return Timeline(
        bar=bar_of(clock, now=now),
        started_at=clock.started_at,
        ended_at=clock.ended_at,
        end=_stretch("over", turns[-1], turns[-1].at, turns[-1].at) if clock.ended_at is not None else None,
        stretches=tuple(stretches),
        marks=tuple(Mark(ClockCause(each.cause), each.at) for each in changes if each.cause in _MARKS),
    )


def _stretches(turn: ClockChange, end: datetime) -> Iterable[Stretch]:
    if turn.at >= end:
        return
    if turn.state != ClockState.RUNNING:
        yield _stretch("paused" if turn.state == ClockState.PAUSED else "over", turn, turn.at, end)
        return
    for each in segments_between(hours_of(turn.calendar_version), turn.at, end):
        yield _stretch("running" if each.is_open else "outside", turn, each.start, each.end, each.days)


def _stretch(kind: str, turn: ClockChange, start: datetime, end: datetime, days: tuple[str, ...] = ()) -> Stretch:
    return Stretch(
        kind=kind,
        start=start,
        end=end,
        cause=ClockCause(turn.cause),
        detail=turn.detail,
        who=turn.agent.name if turn.agent else "",
        days=days,
        calendar=str(turn.calendar_version.calendar) if turn.calendar_version else "",
    )
