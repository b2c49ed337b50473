"""Arithmetic of opening hours: when is a desk open, and when will so much open time have passed?

A calendar is open at an instant when a clock on its wall shows an open time. Everything else follows from that, so
nothing is lost or doubled when clocks change: an hour that is shown twice counts twice, one that is left out doesn't
count. All results are in UTC and exact to the microsecond. Pure: no Django, no clock of its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

MINUTES_OF_DAY = 24 * 60
WEEKDAYS = 7
#: Nobody waits longer; a calendar that isn't open for so long counts as never open.
HORIZON = timedelta(days=3660)
_DAY = timedelta(days=1)
_NOTHING = timedelta()
_INSTANT = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_HOURS = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*[-–—]\s*(\d{1,2})(?:[:.](\d{2}))?")


class NeverOpen(ValueError):
    """The calendar has not so much open time within HORIZON."""


class BadHours(ValueError):
    """These opening hours can't be read, end before they begin, or overlap."""


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """One stretch of opening hours, in minutes after local midnight; ``closes`` is at most 1440, the next midnight."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= MINUTES_OF_DAY:
            raise BadHours(str(self))

    def __str__(self) -> str:
        return f"{_clock(self.opens)}–{_clock(self.closes)}"


@dataclass(frozen=True, slots=True)
class Day:
    """A date with hours of its own instead of its weekday's; without any it is a holiday."""

    name: str = ""
    hours: tuple[Hours, ...] = ()


WHOLE_DAY = (Hours(0, MINUTES_OF_DAY),)


@dataclass(frozen=True)
class Calendar:
    """When a desk is open. ``zone`` is an IANA name; ``week`` has seven days from Monday on, each with its hours."""

    zone: str = "UTC"
    week: tuple[tuple[Hours, ...], ...] = (WHOLE_DAY,) * WEEKDAYS
    days: Mapping[date, Day] = field(default_factory=dict)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The hours of one local date."""
        own = self.days.get(day)
        return own.hours if own is not None else self.week[day.weekday()]

    @property
    def is_always_open(self) -> bool:
        """Round the clock, every day."""
        return not self.days and all(hours == WHOLE_DAY for hours in self.week)

    @property
    def is_never_open(self) -> bool:
        """No weekday and no date of its own has hours."""
        return not any(self.week) and not any(day.hours for day in self.days.values())


#: Round the clock: what counts where nobody has chosen a calendar.
ALWAYS = Calendar()


@dataclass(frozen=True, slots=True)
class Span:
    """Open time without a break, in UTC; the end is not in it."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch that is open or closed throughout; ``days`` names the holidays that a closed one goes over."""

    start: datetime
    end: datetime
    is_open: bool
    days: tuple[str, ...] = ()

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether a clock on the calendar's wall shows an open time at ``at``."""
    local = at.astimezone(ZoneInfo(calendar.zone))
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    return any(each.opens * 60 <= seconds < each.closes * 60 for each in calendar.hours_on(local.date()))


def spans_between(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Span]:
    """The open spans from ``start`` to ``end``, cut to them, in order, each with closed time around it."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end or calendar.is_never_open:
        return
    if calendar.is_always_open:
        yield Span(start, end)
        return
    last: Span | None = None
    for span in _pieces_of_spans(calendar, start, end):
        if last is None:
            last = span
        elif span.start == last.end:
            last = Span(last.start, span.end)
        else:
            yield last
            last = span
    if last is not None:
        yield last


def open_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much open time lies between two instants; none when ``end`` isn't after ``start``."""
    return sum((span.length for span in spans_between(calendar, start, end)), _NOTHING)


def add_open_time(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """When ``amount`` of open time after ``start`` will have passed; at once for none. Raises NeverOpen."""
    start = start.astimezone(UTC)
    if amount <= _NOTHING:
        return start
    for span in spans_between(calendar, start, start + HORIZON):
        if span.length >= amount:
            return span.start + amount
        amount -= span.length
    raise NeverOpen("The calendar is not open for so long within ten years.")


def next_opening(calendar: Calendar, at: datetime) -> datetime | None:
    """``at`` itself if it is open then, else when it opens next; None when it never does."""
    return next((span.start for span in spans_between(calendar, at, at + HORIZON)), None)


def segments_between(calendar: Calendar, start: datetime, end: datetime) -> list[Segment]:
    """All the time from ``start`` to ``end``, open and closed in turns, without a gap."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    found: list[Segment] = []
    at = start
    for span in spans_between(calendar, start, end):
        if at < span.start:
            found.append(_closed(calendar, at, span.start))
        found.append(Segment(span.start, span.end, is_open=True))
        at = span.end
    if at < end:
        found.append(_closed(calendar, at, end))
    return found


def _closed(calendar: Calendar, start: datetime, end: datetime) -> Segment:
    zone = ZoneInfo(calendar.zone)
    day, last = start.astimezone(zone).date(), (end - _INSTANT).astimezone(zone).date()
    names: dict[str, None] = {}
    while day <= last:
        own = calendar.days.get(day)
        if own is not None and own.name and not own.hours:
            names[own.name] = None
        day += _DAY
    return Segment(start, end, is_open=False, days=tuple(names))


def _pieces_of_spans(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Span]:
    for begins, ends, offset in _steady(ZoneInfo(calendar.zone), start, end):
        day, last = (begins + offset).date(), (ends - _INSTANT + offset).date()
        while day <= last:
            midnight = datetime.combine(day, time(), tzinfo=UTC) - offset
            for hours in calendar.hours_on(day):
                opens = max(midnight + timedelta(minutes=hours.opens), begins)
                closes = min(midnight + timedelta(minutes=hours.closes), ends)
                if opens < closes:
                    yield Span(opens, closes)
            day += _DAY


def _steady(zone: tzinfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Pieces of at most a day in which the clocks of the zone aren't changed, with their offset from UTC."""
    at = start
    while at < end:
        until, offset = min(at + _DAY, end), _offset(zone, at)
        if _offset(zone, until - _INSTANT) != offset:
            until = _change(zone, at, until, offset)
        yield at, until, offset
        at = until


def _change(zone: tzinfo, start: datetime, end: datetime, offset: timedelta) -> datetime:
    """The instant at which the zone leaves ``offset``; clocks are changed on whole seconds."""
    before, after = (start - _EPOCH) // _SECOND, -((_EPOCH - end) // _SECOND)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, _EPOCH + middle * _SECOND) == offset:
            before = middle
        else:
            after = middle
    return _EPOCH + after * _SECOND


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or _NOTHING


def hours_from_text(text: str) -> tuple[Hours, ...]:
    """Reads "9-12, 13:00–17:30" (empty: closed). Raises BadHours."""
    parts = [part for part in re.split(r"[,;]", text) if part.strip()]
    return in_order(_one_stretch(part.strip()) for part in parts)


def _one_stretch(text: str) -> Hours:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise BadHours(text)
    opens, opens_minute, closes, closes_minute = (int(each or 0) for each in match.groups())
    if opens_minute > 59 or closes_minute > 59:
        raise BadHours(text)
    return Hours(opens * 60 + opens_minute, closes * 60 + closes_minute)


def hours_as_text(hours: Sequence[Hours]) -> str:
    """As `hours_from_text` reads it."""
    return ", ".join(map(str, hours))


def in_order(hours: Iterable[Hours]) -> tuple[Hours, ...]:
    """The hours of a day, earliest first. Raises BadHours when two overlap."""
    ordered = tuple(sorted(hours))
    for one, other in pairwise(ordered):
        if other.opens < one.closes:
            raise BadHours(f"{one}, {other}")
    return ordered


def hours_to_data(hours: Sequence[Hours]) -> list[list[int]]:
    """For JSON: ``[[opens, closes], …]`` in minutes."""
    return [[each.opens, each.closes] for each in hours]


def hours_from_data(data: Iterable[Sequence[int]]) -> tuple[Hours, ...]:
    """The reverse of `hours_to_data`."""
    return tuple(Hours(opens, closes) for opens, closes in data)


def calendar_from_data(
    *, zone: str, week: Sequence[Iterable[Sequence[int]]], days: Iterable[Mapping[str, Any]]
) -> Calendar:
    """A calendar as it is stored: ``days`` are ``{"date": "2026-06-19", "name": …, "hours": [[…]]}``."""
    return Calendar(
        zone=zone,
        week=tuple(map(hours_from_data, week)),
        days={
            date.fromisoformat(each["date"]): Day(name=each["name"], hours=hours_from_data(each["hours"]))
            for each in days
        },
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
