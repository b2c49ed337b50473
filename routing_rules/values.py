"""Values that tests compare with: read from JSON once and checked, so that a value that exists is a good one.

Pure: no Django.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from routing_rules.folding import fold
from routing_rules.vocabulary import WEEKDAYS, Translate, ValueKind, gettext_noop

TEXT_MAX = 500
LINES_MAX = 5_000
PATTERN_MAX = 500
LIST_MAX = 500
PATTERN_MEMORY = 1 << 20
"""Bytes that one pattern may use, compiled and running; a pattern that needs more is refused."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")


class InvalidValue(ValueError):
    """A value that its operator can't use. `template` is a msgid with %(name)s places, `params` fill them."""

    def __init__(self, template: str, **params: object) -> None:
        super().__init__(template % params)
        self.template = template
        self.params = params

    def sentence(self, *, translate: Translate = str) -> str:
        """Return what is wrong, in words a person can act on."""
        return translate(self.template) % self.params


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """Times of day from `start` (included) to `end` (not included), in minutes after midnight on the clock of `zone`.

    A span whose end comes before its start runs over midnight.
    """

    start: int
    end: int
    zone: str

    def holds(self, *, minute: int) -> bool:
        """Tell whether the `minute` of a day (0 to 1439) lies in the span."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week (0 is Monday) on the calendar of `zone`."""

    days: frozenset[int]
    zone: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time on the clock of `zone`; `at` has no zone of its own."""

    at: dt.datetime
    zone: str

    @property
    def instant(self) -> dt.datetime:
        """The moment in UTC. Of a local hour that occurs twice it is the first.

        In UTC, because Python compares two times of one zone by their clocks, as if no hour occurred twice.
        """
        return self.at.replace(tzinfo=zone_of(self.zone)).astimezone(dt.UTC)


UNITS = ("minutes", "hours", "days")
DURATION_MAX = {"minutes": 60 * 24 * 3660, "hours": 24 * 3660, "days": 3660}
NUMBER_MAX = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Duration:
    """How long: so many minutes or hours that pass, or days of the calendar of `zone` (empty for the other two).

    A day goes from a time on the clock to the same time of the next day, be it 23, 24 or 25 hours later.
    """

    amount: int
    unit: str
    zone: str = ""

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Return the moment, in UTC, at which so long has passed since `moment`.

        A time that the clock leaves out on that day is as much later; of one that occurs twice it is the first, unless
        `moment` was the second.
        """
        if self.unit != "days":
            return moment.astimezone(dt.UTC) + dt.timedelta(**{self.unit: self.amount})
        local = moment.astimezone(zone_of(self.zone))
        then = local.replace(tzinfo=None) + dt.timedelta(days=self.amount)
        return then.replace(tzinfo=local.tzinfo, fold=local.fold).astimezone(dt.UTC)

    @property
    def about(self) -> dt.timedelta:
        """How long that is on most days."""
        return dt.timedelta(**{self.unit: self.amount})


Value = str | int | tuple[str, ...] | ClockSpan | Weekdays | Moment | Duration | None


@lru_cache(maxsize=64)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return the named IANA zone; raises InvalidValue for a name that doesn't exist."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(gettext_noop("There is no time zone called “%(zone)s”."), zone=name) from None


@lru_cache(maxsize=4096)
def pattern_of(source: str) -> Any:
    """Return the compiled RE2 pattern, case-insensitive, linear in the text; raises InvalidValue with RE2's reason."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.never_capture = True
    options.max_mem = PATTERN_MEMORY
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidValue(gettext_noop("This is not a pattern that can be used: %(reason)s."), reason=reason) from None
    except UnicodeEncodeError:
        raise InvalidValue(gettext_noop("The pattern has characters that no text can have.")) from None


def _nothing(value: object) -> None:
    if value not in (None, ""):
        raise InvalidValue(gettext_noop("This operator takes no value."))


def _text(value: object) -> str:
    if not isinstance(value, str) or not fold(value):
        raise InvalidValue(gettext_noop("Say which text to look for."))
    if len(value) > TEXT_MAX:
        raise InvalidValue(gettext_noop("The text is longer than %(max)d characters."), max=TEXT_MAX)
    return value


def _texts(value: object) -> tuple[str, ...]:
    """Read a list of texts: order kept, blank ones and repetitions (as folded) left out."""
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidValue(gettext_noop("This operator takes a list."))
    items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    if not all(isinstance(item, str) for item in items):
        raise InvalidValue(gettext_noop("Every item of the list must be a text."))
    kept: dict[str, str] = {}
    for item in items:
        if fold(item):
            kept.setdefault(fold(item), item.strip())
    if not kept:
        raise InvalidValue(gettext_noop("Name at least one."))
    if len(kept) > LIST_MAX:
        raise InvalidValue(gettext_noop("The list has more than %(max)d items."), max=LIST_MAX)
    if any(len(item) > TEXT_MAX for item in kept.values()):
        raise InvalidValue(gettext_noop("The text is longer than %(max)d characters."), max=TEXT_MAX)
    return tuple(kept.values())


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(gettext_noop("Say which pattern to look for."))
    if len(value) > PATTERN_MAX:
        raise InvalidValue(gettext_noop("The pattern is longer than %(max)d characters."), max=PATTERN_MAX)
    pattern_of(value)
    return value


def _parts(value: object, *names: str) -> tuple[Any, ...]:
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise InvalidValue(gettext_noop("This value needs exactly: %(names)s."), names=", ".join(names))
    zone = value["zone"]
    zone_of(zone if isinstance(zone, str) else "")
    return tuple(value[name] for name in names)


def _minutes(value: object) -> int:
    clock = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if clock is None:
        raise InvalidValue(gettext_noop("A time of day is written like 09:30."))
    hours, minutes = (part for part in clock.groups() if part is not None)
    return int(hours) * 60 + int(minutes)


def _clock_span(value: object) -> ClockSpan:
    if isinstance(value, ClockSpan):
        return value
    start, end, zone = _parts(value, "from", "to", "zone")
    span = ClockSpan(start=_minutes(start), end=_minutes(end), zone=zone)
    if span.start == span.end or span.start == 24 * 60:
        raise InvalidValue(gettext_noop("The span of time is empty: it begins when it ends."))
    return span


def _weekdays(value: object) -> Weekdays:
    if isinstance(value, Weekdays):
        return value
    days, zone = _parts(value, "days", "zone")
    if not isinstance(days, (list, tuple)) or not days or not all(day in WEEKDAYS for day in days):
        raise InvalidValue(gettext_noop("Name at least one day of the week."))
    return Weekdays(days=frozenset(WEEKDAYS.index(day) for day in days), zone=zone)


def _moment(value: object) -> Moment:
    if isinstance(value, Moment):
        return value
    at, zone = _parts(value, "at", "zone")
    try:
        moment = dt.datetime.fromisoformat(at)
    except (TypeError, ValueError):
        raise InvalidValue(gettext_noop("A date and time is written like 2026-05-31T09:30.")) from None
    if moment.tzinfo is not None:
        raise InvalidValue(gettext_noop("The time zone is named beside the time, not in it."))
    return Moment(at=moment, zone=zone)


def _duration(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    parts = dict(value) if isinstance(value, Mapping) else {}
    unit = parts.get("unit")
    if set(parts) - {"amount", "unit", "zone"} or unit not in UNITS:
        raise InvalidValue(gettext_noop("A length of time has a number and one of: %(units)s."), units=", ".join(UNITS))
    amount = _number(parts.get("amount"))
    if not 1 <= amount <= DURATION_MAX[unit]:
        raise InvalidValue(gettext_noop("A length of time is at least 1 and at most ten years."))
    if unit != "days":
        return Duration(amount, unit)
    zone = parts.get("zone")
    zone_of(zone if isinstance(zone, str) else "")
    return Duration(amount, unit, str(zone))


def _number(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > NUMBER_MAX:
        raise InvalidValue(gettext_noop("Give a whole number."))
    return value


_READERS: Mapping[ValueKind, Callable[[object], Value]] = {
    ValueKind.NOTHING: _nothing,
    ValueKind.TEXT: _text,
    ValueKind.WORDS: _texts,
    ValueKind.PATTERN: _pattern,
    ValueKind.CHOICES: _texts,
    ValueKind.CLOCK_SPAN: _clock_span,
    ValueKind.WEEKDAYS: _weekdays,
    ValueKind.MOMENT: _moment,
    ValueKind.DURATION: _duration,
    ValueKind.NUMBER: _number,
}


def read(*, kind: ValueKind, value: object) -> Value:
    """Return the checked value of `kind` from JSON (or from a value read before); raises InvalidValue."""
    return _READERS[kind](value)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def to_json(value: object) -> object:
    """Return what `read` takes, made of JSON's types only."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, ClockSpan):
        return {"from": _clock(value.start), "to": _clock(value.end), "zone": value.zone}
    if isinstance(value, Weekdays):
        return {"days": [WEEKDAYS[day] for day in sorted(value.days)], "zone": value.zone}
    if isinstance(value, Moment):
        return {"at": value.at.isoformat(timespec="minutes"), "zone": value.zone}
    if isinstance(value, Duration):
        return {"amount": value.amount, "unit": value.unit, **({"zone": value.zone} if value.zone else {})}
    return value
