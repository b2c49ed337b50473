"""Times as people say them: "tomorrow 9:00", "in 2 hours", "Monday", "maanantaina klo 9", "24.12." Pure.

English and Finnish are read alike, whatever language the reader's screen has. Hours and minutes from now are time that
passes; days, weeks and dates are what a calendar and a clock on the reader's wall show, also across a change of clocks:
a time that the wall skips is as much later, one that it shows twice is the first of the two.
"""

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

#: When a day is named and no time of day.
MORNING = time(9)
LONGEST = timedelta(days=3 * 366)
_DAY = timedelta(days=1)
_EVENING = 18
_LATER = timedelta(hours=3)
_QUARTER = timedelta(minutes=15)


class Trouble(enum.StrEnum):
    """Why a text is no time to come."""

    UNCLEAR = "unclear"
    AMBIGUOUS = "ambiguous"  # 3/4: the third of April or the fourth of March; 10.12: a date or a time
    PASSED = "passed"
    TOO_FAR = "too-far"


class BadTime(ValueError):
    """This is no time in the future; ``trouble`` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class Choice(enum.StrEnum):
    """What is offered before anything is typed."""

    LATER = "later"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    WEEK = "week"
    MONTH = "month"


_UNITS: dict[str, tuple[str, int]] = {
    "min|mins|minute|minutes|m|minuutti|minuuttia|minuutin": ("minutes", 1),
    "h|hr|hrs|hour|hours|t|tunti|tuntia|tunnin": ("minutes", 60),
    "d|day|days|pv|päivä|päivää|päivän": ("days", 1),
    "w|wk|week|weeks|vk|viikko|viikkoa|viikon": ("days", 7),
    "mo|month|months|kk|kuukausi|kuukautta|kuukauden": ("months", 1),
    "y|year|years|v|vuosi|vuotta|vuoden": ("months", 12),
}
_UNIT_OF = {word: meaning for words, meaning in _UNITS.items() for word in words.split("|")}
_WEEKDAYS = (
    "monday|mon|maanantai|maanantaina|ma", "tuesday|tue|tues|tiistai|tiistaina|ti",
    "wednesday|wed|keskiviikko|keskiviikkona|ke", "thursday|thu|thur|thurs|torstai|torstaina|to",
    "friday|fri|perjantai|perjantaina|pe", "saturday|sat|lauantai|lauantaina|la", "sunday|sun|sunnuntai|sunnuntaina|su",
)  # fmt: skip
_WEEKDAY_OF = {word: number for number, words in enumerate(_WEEKDAYS) for word in words.split("|")}
_MONTHS = (
    "january|jan|tammi", "february|feb|helmi", "march|mar|maalis", "april|apr|huhti", "may|touko", "june|jun|kesä",
    "july|jul|heinä", "august|aug|elo", "september|sep|sept|syys", "october|oct|loka", "november|nov|marras",
    "december|dec|joulu",
)  # fmt: skip
_MONTH_OF = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split("|")}
_HOURS_OF = {
    "noon": 12, "midday": 12, "keskipäivällä": 12, "morning": 9, "aamulla": 9, "aamupäivällä": 9, "afternoon": 14,
    "iltapäivällä": 14, "evening": _EVENING, "illalla": _EVENING, "tonight": _EVENING,
}  # fmt: skip
_DAYS_OF = {
    "today": 0, "tänään": 0, "tonight": 0, "tomorrow": 1, "tmrw": 1, "huomenna": 1, "day after tomorrow": 2,
    "ylihuomenna": 2,
}  # fmt: skip


def _words(words: Iterator[str] | dict[str, int] | dict[str, tuple[str, int]]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_AMOUNT = re.compile(
    rf"(?:(\d{{1,6}})\s*|(half an|puolen|puoli|an?|one|yhden|yksi)\s+)?({_words(_UNIT_OF)})(?![^\W\d_])"
)
#: "tunnin päästä": these alone say that it is one.
_ONE = frozenset({"minuutin", "tunnin", "päivän", "viikon", "kuukauden", "vuoden"})
_AROUND = re.compile(r"^(?:in|after)\s+|\s*(?:from now|päästä|kuluttua)$")
_HOUR_TOLD = re.compile(r"\b(?:at|klo|kello|o'clock)\b|@")
_FILLER = re.compile(r"\b(?:at|on|klo|kello|the|this|tänä|and|ja|o'clock)\b|[,@]")


@dataclass(frozen=True, slots=True)
class _Day:
    on: date
    #: Nobody named a year: the next of its kind.
    is_yearly: bool = False


def read(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The moment that ``text`` names, in UTC: the next one that fits. Raises BadTime."""
    now = now.astimezone(UTC)  # so that what is added to it is time that passes
    said = " ".join(text.lower().replace("’", "'").split()).rstrip("!")
    if not said or len(said) > 80:
        raise BadTime(Trouble.UNCLEAR)
    try:
        at = _after(said, now, zone) or _on_a_day(said, now, zone)
    except (OverflowError, ValueError) as error:
        raise error if isinstance(error, BadTime) else BadTime(Trouble.UNCLEAR) from error
    if at <= now:
        raise BadTime(Trouble.PASSED)
    if at - now > LONGEST:
        raise BadTime(Trouble.TOO_FAR)
    return at


def choices(*, now: datetime, zone: tzinfo) -> list[tuple[Choice, datetime]]:
    """Times that are offered, soonest first; none twice."""
    local = now.astimezone(zone)
    later = now.astimezone(UTC) + _LATER
    later += -timedelta(minutes=later.minute, seconds=later.second, microseconds=later.microsecond) % _QUARTER
    found = [(Choice.TOMORROW, _local(local.date() + _DAY, MORNING, zone))]
    if later.astimezone(zone).date() == local.date():
        found.insert(0, (Choice.LATER, later.astimezone(UTC)))
    found.append((Choice.MONDAY, _local(_next_weekday(local.date(), 0), MORNING, zone)))
    found.append((Choice.WEEK, _local(local.date() + 7 * _DAY, MORNING, zone)))
    found.append((Choice.MONTH, _local(_months_on(local.date(), 1), MORNING, zone)))
    first = {at: name for name, at in reversed(found)}
    return [(name, at) for name, at in found if first[at] is name]


def _local(on: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(on, clock, tzinfo=zone).astimezone(UTC)


def _after(said: str, now: datetime, zone: tzinfo) -> datetime | None:
    """So long from now, if that is what is said: "2 h 30 min", "in 3 days at 10"."""
    bare = re.sub(r"^(\d{1,3})h(\d{2})$", r"\1 h \2 min", _AROUND.sub("", said).strip())
    amounts, rest = [], bare
    while (found := _AMOUNT.match(rest)) and (found[1] or found[2] or found[3] in _ONE):
        amounts.append((found[1] or found[2] or "1", *_UNIT_OF[found[3]]))
        rest = re.sub(r"^(?:and|ja|\s)+", "", rest[found.end() :])
    if not amounts:
        return None
    rest = re.sub(r"^(?:from now|päästä|kuluttua)\s*", "", rest)
    clock = _clock_of(rest) if rest else None
    if rest and clock is None:
        raise BadTime(Trouble.UNCLEAR)
    by: dict[str, float] = {"minutes": 0, "days": 0, "months": 0}
    for number, unit, factor in amounts:
        by[unit] += _number(number) * factor
    if not by["days"] and not by["months"]:
        if clock is not None:
            raise BadTime(Trouble.UNCLEAR)
        return (now + timedelta(minutes=by["minutes"])).astimezone(UTC)
    day = _months_on(now.astimezone(zone).date(), int(by["months"])) + int(by["days"]) * _DAY
    return _local(day, clock or MORNING, zone) + timedelta(minutes=by["minutes"])


def _number(text: str) -> float:
    if text.isdigit():
        return int(text)
    return 0.5 if text in {"half an", "puolen", "puoli"} else 1


def _months_on(day: date, months: int) -> date:
    """The same day of a later month; its last one where it has no such day."""
    if months > LONGEST.days:
        raise BadTime(Trouble.TOO_FAR)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + (day.day - 1) * _DAY, following - _DAY)


def _on_a_day(said: str, now: datetime, zone: tzinfo) -> datetime:
    """A day, a time of day, or both, in any order."""
    today = now.astimezone(zone).date()
    day, rest = _day_in(said, today)
    if day is None and re.fullmatch(r"(\d{1,2})\.(0[1-9]|1[0-2])", rest) and int(rest.partition(".")[0]) <= 23:
        raise BadTime(Trouble.AMBIGUOUS)
    is_hour_told = day is not None or bool(_HOUR_TOLD.search(rest))
    rest = " ".join(_FILLER.sub(" ", rest).split())
    clock = _clock_of(rest, is_hour_told=is_hour_told) if rest else None
    if (rest and clock is None) or (day is None and clock is None):
        raise BadTime(Trouble.UNCLEAR)
    if day is None:
        at = _local(today, clock or MORNING, zone)
        return at if at > now else _local(today + _DAY, clock or MORNING, zone)
    at = _local(day.on, clock or MORNING, zone)
    return _local(_months_on(day.on, 12), clock or MORNING, zone) if day.is_yearly and at <= now else at


def _day_in(said: str, today: date) -> tuple[_Day | None, str]:
    """The day that is named, and what is said besides."""
    if re.search(r"\b\d{1,2}/\d{1,2}\b", said):
        raise BadTime(Trouble.AMBIGUOUS)
    for pattern, meaning in _DAYS:
        if found := pattern.search(said):
            kept = "tonight" if found[0] == "tonight" else ""
            return meaning(found, today), f"{said[: found.start()]} {kept} {said[found.end() :]}".strip()
    return None, said


def _iso(found: re.Match[str], _today: date) -> _Day:
    return _Day(date(int(found[1]), int(found[2]), int(found[3])))


def _of_year(today: date, month: int, day: int, year: str | None) -> _Day:
    if year:
        return _Day(date(int(year), month, day))
    this_year = date(today.year, month, day) if (month, day) != (2, 29) else _leap_day(today)
    return _Day(this_year, is_yearly=True)


def _leap_day(today: date) -> date:
    year = next(year for year in range(today.year, today.year + 9) if (year % 4 == 0 and year % 100) or year % 400 == 0)
    return date(year, 2, 29)


def _dotted(found: re.Match[str], today: date) -> _Day:
    return _of_year(today, int(found[2]), int(found[1]), found[3])


def _day_month(found: re.Match[str], today: date) -> _Day:
    return _of_year(today, _MONTH_OF[found[2]], int(found[1]), found[3])


def _month_day(found: re.Match[str], today: date) -> _Day:
    return _of_year(today, _MONTH_OF[found[1]], int(found[2]), found[3])


def _near(found: re.Match[str], today: date) -> _Day:
    return _Day(today + _DAYS_OF[found[0]] * _DAY)


def _weekday(found: re.Match[str], today: date) -> _Day:
    number = _WEEKDAY_OF[found[2]]
    if found[1]:  # of the week that begins with the coming Monday
        return _Day(_next_weekday(today, 0) + number * _DAY)
    return _Day(_next_weekday(today, number))


def _next_weekday(today: date, number: int) -> date:
    return today + ((number - today.weekday() - 1) % 7 + 1) * _DAY


def _next_week(_found: re.Match[str], today: date) -> _Day:
    return _Day(_next_weekday(today, 0))


def _next_month(_found: re.Match[str], today: date) -> _Day:
    return _Day(_months_on(today.replace(day=1), 1))


_MONTH_WORD = rf"({_words(_MONTH_OF)})(?:kuuta|kuun|kuu|uary|ruary|il|ust|tember|ober|ember)?\b\.?"
_DAYS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], _Day]], ...] = (
    (re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})(?:\b|(?=t\d))t?"), _iso),
    (re.compile(r"(?<![\d.:])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4})\b)?"), _dotted),
    (re.compile(r"(?<![\d.:])(2[4-9]|3[01])\.(\d{1,2})()(?![\d.])"), _dotted),
    (re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?\s*(?:of\s+)?{_MONTH_WORD}(?:,?\s*(\d{{4}})\b)?"), _day_month),
    (re.compile(rf"\b{_MONTH_WORD}\s*(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)(?:,?\s*(\d{{4}})\b)?"), _month_day),
    (re.compile(rf"\b(?:{_words(_DAYS_OF)})\b"), _near),
    (re.compile(rf"\b(next\s+|ensi\s+)?({_words(_WEEKDAY_OF)})\b\.?"), _weekday),
    (re.compile(r"\b(?:next week|ensi viikolla)\b"), _next_week),
    (re.compile(r"\b(?:next month|ensi kuussa)\b"), _next_month),
)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*(am|pm|a\.m\.|p\.m\.)?")


def _clock_of(rest: str, *, is_hour_told: bool = True) -> time | None:
    """The time of day that ``rest`` is; None when it is something else. A bare number is one beside a day or "at"."""
    words = " ".join(_FILLER.sub(" ", rest).split())
    if words in _HOURS_OF:
        return time(_HOURS_OF[words])
    words = re.sub(r"\s*\btonight\b\s*", "", words) or words
    found = _CLOCK.fullmatch(words)
    if found is None or not (is_hour_told or found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * found[3].startswith("p")
    return time(hour, minute) if hour < 24 and minute < 60 else None
