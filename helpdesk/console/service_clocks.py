"""Service clocks in words and figures: the bar of a list's row, the chips and the timeline of a ticket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.models import ClockCause, ClockState, Priority, State, Ticket
from helpdesk.queries.service import Bar, Stretch, Timeline, timelines_of

_MINUTE = timedelta(minutes=1)
#: Stretches that a ticket shows of one clock, the newest ones.
_SHOWN = 120
#: What was due longer ago is told in days, as the calendar on the wall counts them, open or not.
_IN_DAYS = timedelta(hours=48)


def duration(length: timedelta) -> str:
    """Open time as people say it: "35 min", "2 h 10 min", "26 h"; the seconds don't matter."""
    minutes = int(abs(length) / _MINUTE)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("{n} min").format(n=rest)
    return _("{n} h {m} min").format(n=hours, m=rest) if rest and hours < 24 else _("{n} h").format(n=hours)


def brief(length: timedelta) -> str:
    """The same for a narrow place: from three hours on the minutes are left out."""
    whole = timedelta(hours=int(abs(length) / (60 * _MINUTE)))
    return duration(whole if whole >= 180 * _MINUTE else length)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock for the screen. ``mood``: running, warning, breached, paused or done; ``short`` is its left time."""

    bar: Bar
    label: str
    mood: str
    percent: int
    short: str

    @property
    def due_at(self) -> datetime | None:
        return self.bar.due_at

    @property
    def told(self) -> str:
        """What is used of what."""
        used, target = duration(self.bar.used), duration(self.bar.target)
        return _("{clock}: {used} of {target} used").format(clock=self.label, used=used, target=target)


def clock_of(bar: Bar) -> Clock:
    """How a clock stands, in words."""
    left = brief(bar.left)
    if bar.overdue >= _IN_DAYS:
        left = _("{n} d").format(n=bar.overdue.days)
    if bar.state in {ClockState.DONE, ClockState.DROPPED}:
        short = _over(bar)
    elif bar.is_missed:
        short = _("{time} late").format(time=left)
    elif bar.state == ClockState.PAUSED:
        short = _("paused")
    else:
        short = left
    return Clock(bar, str(bar.kind.label), bar.mood, bar.percent, short)


def _over(bar: Bar) -> str:
    if bar.state == ClockState.DROPPED:
        return _("not needed any more")
    if bar.is_missed:
        return _("{time} late").format(time=duration(bar.left))
    return _("in {time}").format(time=duration(bar.used))


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch as a part of the strip: where it begins and how wide it is, in percent."""

    kind: str
    begins: float
    width: float


@dataclass(frozen=True, slots=True)
class Told:
    """A stretch as a line of the timeline."""

    kind: str
    start: datetime
    end: datetime | None
    length: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Story:
    """A clock with its timeline."""

    clock: Clock
    is_live: bool
    policy: str
    started_at: datetime
    used: str
    target: str
    left: str
    strip: tuple[Piece, ...]
    lines: tuple[Told, ...]
    left_out: int


def service_context(ticket: Ticket, *, now: datetime | None = None) -> dict[str, Any]:
    """For ``console/ticket/clocks.html`` and ``service.html``; nothing is asked where nothing is promised."""
    if ticket.service_policy_id is None:
        return {"stories": ()}
    stories = [_story(each) for each in timelines_of(ticket, now=now or timezone.now())]
    return {"stories": sorted(stories, key=lambda story: not story.is_live)}


def _story(line: Timeline) -> Story:
    bar = line.bar
    before = [None, *line.stretches]
    told = [_told(stretch, former) for stretch, former in zip(line.stretches, before, strict=False)]
    told += [Told(mark.cause.value, mark.at, None, "", str(mark.cause.label).capitalize()) for mark in line.marks]
    if line.end is not None:
        told.append(Told("end", line.end.start, None, "", _cause(line.end)))
    told.sort(key=lambda each: (each.start, each.kind == "end"))
    return Story(
        clock=clock_of(bar),
        is_live=bar.state in {ClockState.RUNNING, ClockState.PAUSED},
        policy=bar.policy_name,
        started_at=line.started_at,
        used=duration(bar.used),
        target=duration(bar.target),
        left=duration(bar.left),
        strip=tuple(_strip(line.stretches)),
        lines=tuple(told[-_SHOWN:]),
        left_out=max(0, len(told) - _SHOWN),
    )


def _strip(stretches: Sequence[Stretch]) -> list[Piece]:
    whole = sum((each.length for each in stretches), timedelta())
    if not whole:
        return []
    begin = stretches[0].start
    return [
        Piece(each.kind, round(100 * ((each.start - begin) / whole), 2), round(100 * (each.length / whole), 2))
        for each in stretches
    ]


def _told(stretch: Stretch, former: Stretch | None) -> Told:
    same_turn = former is not None and (former.cause, former.detail) == (stretch.cause, stretch.detail)
    is_morning = same_turn and former is not None and (former.kind, stretch.kind) == ("outside", "running")
    sentence = _("Running: open again") if is_morning else _sentence(stretch)
    return Told(stretch.kind, stretch.start, stretch.end, duration(stretch.length), sentence)


def _sentence(stretch: Stretch) -> str:
    if stretch.kind == "outside":
        if stretch.days:
            return _("Closed: {days}").format(days=", ".join(stretch.days))
        return _("Outside opening hours: {calendar}").format(calendar=stretch.calendar)
    kinds = {"running": _("Running"), "paused": _("Paused"), "over": _("Over")}
    return _("{what}: {why}").format(what=kinds[stretch.kind], why=_cause(stretch))


def _cause(stretch: Stretch) -> str:
    sentence = _CAUSES.get(stretch.cause)
    return sentence(stretch.who or _("the desk"), stretch.detail) if sentence else str(stretch.cause.label)


def _state(value: str) -> str:
    return str(State(value).label) if value in State.values else value


def _priority(slug: str) -> str:
    return next((str(each.label) for each in Priority if each.slug == slug), slug)


_CAUSES: dict[ClockCause, Callable[[str, str], str]] = {
    ClockCause.REPLIED: lambda who, detail: _("{who} replied").format(who=who),
    ClockCause.REPLY_UNDONE: lambda who, detail: _("{who} took the answer back").format(who=who),
    ClockCause.MOVED: lambda who, detail: _("{who} moved the message").format(who=who),
    ClockCause.STATE: lambda who, detail: _("{who} set the state to {state}").format(who=who, state=_state(detail)),
    ClockCause.PRIORITY: lambda who, detail: _("{who} set the priority to {priority}").format(
        who=who, priority=_priority(detail)
    ),
    ClockCause.POLICY: lambda who, detail: _("{who} chose the policy {policy}").format(who=who, policy=detail),
    ClockCause.POLICY_CHANGED: lambda who, detail: _("{who} changed the policy {policy}").format(
        who=who, policy=detail
    ),
    ClockCause.CALENDAR_CHANGED: lambda who, detail: _("{who} changed the calendar {calendar}").format(
        who=who, calendar=detail
    ),
    ClockCause.MERGED: lambda who, detail: _("joined with {reference}").format(reference=detail),
}
