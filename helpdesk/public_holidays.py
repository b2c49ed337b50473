"""Public holidays of a country, and the days of a calendar file. Values in, values out.

The libraries are loaded on first use: 25 MB that a desk at rest does without.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

MAX_FILE_BYTES = 1024 * 1024
MAX_DAYS = 1000
MAX_REPEATED = 200
_FIRST = date(1970, 1, 1)
_DAY = timedelta(days=1)


class BadFile(ValueError):
    """This isn't an iCalendar file (RFC 5545), or one beyond the limits above."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A date and what it is called."""

    date: date
    name: str


@dataclass(frozen=True, slots=True)
class FileDays:
    """The whole days of a calendar file; ``left_out`` counts its events with a time of day, which close no desk."""

    days: tuple[Holiday, ...]
    left_out: int


def countries() -> Mapping[str, Sequence[str]]:
    """ISO 3166 codes of the countries whose holidays are known, each with its subdivisions."""
    found: Mapping[str, Sequence[str]] = import_module("holidays").list_supported_countries(include_aliases=False)
    return found


def country_names(*, language: str) -> list[tuple[str, str]]:
    """(code, name) of every country whose holidays are known, in the order of the names."""
    names = import_module("babel").Locale.parse(language).territories
    return sorted(((code, names.get(code, code)) for code in countries()), key=lambda each: each[1])


def regions(*, country: str) -> list[tuple[str, str]]:
    """(code, name) of the parts of a country whose holidays differ; none for a country that nobody knows."""
    codes = countries().get(country, ())
    if not codes:
        return []
    aliases = import_module("holidays").country_holidays(country).get_subdivision_aliases()
    return [(code, next(iter(aliases.get(code, ())), code)) for code in codes]


def of_country(*, country: str, subdivision: str = "", years: Iterable[int], language: str = "") -> list[Holiday]:
    """The public holidays of these years, named in ``language`` where the library can. Raises KeyError."""
    library = import_module("holidays")
    known = countries()[country]
    if subdivision and subdivision not in known:
        raise KeyError(subdivision)
    named = library.list_localized_countries().get(country, [])
    spoken = next((each for each in named if each.partition("_")[0] == language), None)
    found = library.country_holidays(country, subdiv=subdivision or None, years=years, language=spoken)
    return [Holiday(day, name) for day, name in sorted(found.items())]


def from_file(*, content: bytes, first: date, last: date) -> FileDays:
    """The all-day events of an iCalendar file between two dates, with their repetitions. Raises BadFile."""
    if len(content) > MAX_FILE_BYTES:
        raise BadFile("too large")
    try:
        calendars = import_module("icalendar").Calendar.from_ical(content, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        whole = [event for event in events if _is_whole_day(event) and str(event.get("STATUS", "")) != "CANCELLED"]
        _require_bounded(whole)
        days = sorted({day: each for each in whole for day in _days_of(each, first, last)}.items())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        # What the library raises for rubbish: it isn't in its documentation, and it is many things.
        raise BadFile(str(error)[:200]) from error
    if not calendars or len(days) > MAX_DAYS:
        raise BadFile("no calendar" if not calendars else "too many days")
    left_out = sum(not _is_whole_day(event) for event in events)
    return FileDays(tuple(Holiday(day, str(event.get("SUMMARY", ""))[:120]) for day, event in days), left_out)


def _require_bounded(events: Sequence[Any]) -> None:
    """Repetitions are counted out from the first one on: not too many, and not since Adam."""
    repeated = [event for event in events if "RRULE" in event]
    if len(repeated) > MAX_REPEATED or any(event["DTSTART"].dt < _FIRST for event in repeated):
        raise BadFile("too many repetitions")


def _is_whole_day(event: Any) -> bool:
    start = event.get("DTSTART")
    return start is not None and not isinstance(start.dt, datetime)


def _days_of(event: Any, first: date, last: date) -> Iterator[date]:
    length = _length(event)
    for start in _starts(event, first - length, last):
        for offset in range(min(length.days, MAX_DAYS)):
            if first <= (day := start + offset * _DAY) <= last:
                yield day


def _length(event: Any) -> timedelta:
    """The end of an all-day event isn't in it; one without an end lasts a day (RFC 5545, 3.6.1)."""
    if "DTEND" in event:
        duration: timedelta = event["DTEND"].dt - event["DTSTART"].dt
    else:
        duration = event["DURATION"].dt if "DURATION" in event else _DAY
    return duration if duration > _DAY else _DAY


def _starts(event: Any, first: date, last: date) -> Iterator[date]:
    start: date = event["DTSTART"].dt
    if "RRULE" not in event:
        if first <= start <= last:
            yield start
        return
    rule = event["RRULE"]
    if rule.get("FREQ", [""])[0] not in {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}:
        raise BadFile("it repeats more often than daily")
    until = rule.pop("UNTIL", None)
    ends = min(last, _as_date(until[0])) if until else last
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    text = rule.to_ical().decode()
    dates = import_module("dateutil.rrule").rrulestr(text, dtstart=begin)
    without = {_as_date(each.dt) for each in _excluded(event)}
    for moment in dates:
        if moment.date() > ends:
            return
        if moment.date() >= first and moment.date() not in without:
            yield moment.date()


def _excluded(event: Any) -> Iterator[Any]:
    lists = event.get("EXDATE", [])
    for each in lists if isinstance(lists, list) else [lists]:
        yield from each.dts


def _as_date(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
