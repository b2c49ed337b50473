"""What is left of a field when some tests of it hold and others don't: nothing at all, or a value to show. Pure.

`is_contradiction` may say no where it can't see, never yes where a value exists: what is proved with it is true for all
facts. A test that this module doesn't know (a pattern, an operator of tomorrow) contradicts its own negation, nothing
else.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, product
from math import prod

from routing_rules.facts import Reader
from routing_rules.operators import folded, function_of_test
from routing_rules.text_domains import Literal, is_text_contradiction, keys_of, text_examples
from routing_rules.values import ClockSpan, Duration, Moment, Weekdays, zone_of
from routing_rules.vocabulary import FIELDS, NOW, FieldType, Operator

PICKS_MAX = 2_000
"""Ways to fill a set that are tried; a set with more is taken as possible."""

MINUTES_OF_WEEK = 7 * 24 * 60
_DAY = 24 * 60
_EVER = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
_NOTHING = object()
_A_BIT = dt.timedelta(minutes=5)
_CALENDAR_SLACK = 26
"""Hours by which days of a calendar may be longer or shorter than as many times 24 hours."""


@dataclass(frozen=True, slots=True)
class World:
    """What is known of facts beyond their types.

    `closed`: folded values of a choice that has no others and is never missing. `samples`: values that examples take
    when anything goes. `settled`: (field, value) that settles other fields: a channel has one kind.
    """

    closed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settled: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)


def is_contradiction(name: str, literals: Iterable[Literal], world: World) -> bool:
    """Tell whether no value of the field `name` can make these tests come out like this."""
    asked = dict.fromkeys(literals)
    if any((test, not sign) in asked for test, sign in asked):
        return True
    kind = FIELDS[name].type
    if kind is FieldType.TEXT:
        return is_text_contradiction(asked)
    if kind is FieldType.CHOICE:
        return _is_choice_contradiction(asked, world.closed.get(name))
    if kind is FieldType.SET:
        return next(_sets(asked), None) is None
    if kind is FieldType.BOOL:
        return not _bools(asked)
    if kind is FieldType.NUMBER:
        return next(_numbers(asked), _NOTHING) is _NOTHING
    return _is_time_contradiction(asked, is_known=name == NOW)


# Choices ---------------------------------------------------------------------------------------------------------


def _choice_bounds(
    literals: Iterable[Literal], closed: frozenset[str] | None
) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Return the values that are left (None: all) and those that are excluded; a missing choice is ""."""
    allowed, excluded = closed, frozenset[str]()
    for test, sign in literals:
        if test.operator not in (Operator.IS_ANY_OF, Operator.IS_NONE_OF, Operator.IS_EMPTY):
            continue
        keys = frozenset(("",)) if test.operator == Operator.IS_EMPTY else keys_of(test)
        if sign != (test.operator == Operator.IS_NONE_OF):
            allowed = keys if allowed is None else allowed & keys
        else:
            excluded |= keys
    return (None if allowed is None else allowed - excluded), excluded


def _is_choice_contradiction(literals: Iterable[Literal], closed: frozenset[str] | None) -> bool:
    allowed, _excluded = _choice_bounds(literals, closed)
    return allowed is not None and not allowed


def _choice_examples(
    literals: Sequence[Literal], closed: frozenset[str] | None, samples: Sequence[str]
) -> Iterator[str | None]:
    allowed, excluded = _choice_bounds(literals, closed)
    if allowed is not None:
        # As a person wrote it, where a test names it.
        written = {
            next(iter(folded(item))): item
            for test, _sign in literals
            if isinstance(test.value, tuple)
            for item in test.value
        }
        yield from (written.get(key, key) or None for key in sorted(allowed))
        return
    if "" not in excluded:
        yield None
    yield from (value for value in samples if folded(value).isdisjoint(excluded))
    yield next((value for value in (f"other{number or ''}" for number in range(600)) if value not in excluded), None)


# Sets ------------------------------------------------------------------------------------------------------------


def _sets(literals: Iterable[Literal]) -> Iterator[frozenset[str]]:
    """Yield sets that fit, the smallest choice from each test first; nothing when none exists."""
    some: list[frozenset[str]] = []  # one of them must be in
    lacking: list[frozenset[str]] = []  # one of them must be out
    is_empty = is_filled = False
    for test, sign in literals:
        operator = test.operator
        if operator == Operator.IS_EMPTY:
            is_empty, is_filled = is_empty or sign, is_filled or not sign
        elif operator == Operator.HAS_ALL and sign:
            some += [frozenset((key,)) for key in keys_of(test)]
        elif operator == Operator.HAS_ALL:
            lacking.append(keys_of(test))
        elif operator in (Operator.HAS_ANY, Operator.HAS_NONE):
            if sign == (operator == Operator.HAS_ANY):
                some.append(keys_of(test))
            else:
                lacking += [frozenset((key,)) for key in keys_of(test)]
    out = frozenset(key for each in lacking if len(each) == 1 for key in each)
    if is_empty:
        yield from () if some or is_filled else (frozenset[str](),)
        return
    risky = frozenset(key for each in lacking for key in each)
    options = [_options(each - out, risky) for each in dict.fromkeys(some)]
    if prod(map(len, options)) > PICKS_MAX:
        yield frozenset(each[0] for each in options)
        return
    for picks in product(*options):
        members = frozenset(picks)
        if not any(each <= members for each in lacking):
            yield members or (frozenset((_other(out),)) if is_filled else members)


def _options(keys: frozenset[str], risky: frozenset[str]) -> list[str]:
    """Return what to try for one test; a member that no other test minds makes all others needless."""
    safe = keys - risky
    return [min(safe)] if safe else sorted(keys)


def _other(excluded: frozenset[str]) -> str:
    return next(f"other{number or ''}" for number in range(10**6) if f"other{number or ''}" not in excluded)


# Yes or no, numbers, and times ------------------------------------------------------------------------------------


def _bools(literals: Iterable[Literal]) -> list[bool | None]:
    asked = [(test.operator == Operator.IS_TRUE, sign) for test, sign in literals]
    return [value for value in (None, False, True) if all((value is wanted) == sign for wanted, sign in asked)]


def _numbers(literals: Iterable[Literal]) -> Iterator[float | None]:
    """Yield numbers that fit: of those between two that tests name, one stands for all."""
    asked = [(function_of_test(test), test.field, sign) for test, sign in literals]
    named = sorted({test.value for test, _sign in literals if isinstance(test.value, int)})
    whole = [*named, *(value + 1 for value in named), *(value - 1 for value in named[:1])] or [0]
    gaps = [(left + right) / 2 for left, right in pairwise(named)]
    for value in (None, *whole, *gaps):
        if all(holds({name: value}) is sign for holds, name, sign in asked):
            yield value


@lru_cache(maxsize=2_000)
def _minutes(value: ClockSpan | Weekdays) -> int:
    """Return the minutes of the week on the value's own clock, as bits."""
    if isinstance(value, Weekdays):
        day = (1 << _DAY) - 1
        return sum(day << number * _DAY for number in value.days)
    span = sum(1 << minute for minute in range(_DAY) if value.holds(minute=minute))
    return sum(span << number * _DAY for number in range(7))


def _is_time_contradiction(literals: Iterable[Literal], *, is_known: bool) -> bool:
    asked = tuple(literals)
    if not is_known and _fits_missing(asked):
        return False
    if any(sign for test, sign in asked if test.operator == Operator.IS_EMPTY):
        return True
    old, young = _waits(asked)
    if any(_lasts(longer, shorter) for longer in old for shorter in young):
        return True
    first, last = _EVER
    weeks: dict[str, int] = {}
    for test, sign in asked:
        value = test.value
        if isinstance(value, Moment):
            if sign == (test.operator == Operator.AFTER):
                first = max(first, value.instant)
            else:
                last = min(last, value.instant)
        elif isinstance(value, (ClockSpan, Weekdays)):
            week = weeks.get(value.zone, (1 << MINUTES_OF_WEEK) - 1)
            weeks[value.zone] = week & (_minutes(value) if sign else ~_minutes(value))
    return first >= last or not all(weeks.values())


def _fits_missing(literals: Iterable[Literal]) -> bool:
    """Tell whether a missing time fits: it is neither inside nor outside anything."""
    return all((test.operator == Operator.IS_EMPTY) is sign for test, sign in literals)


def _waits(literals: Iterable[Literal]) -> tuple[list[Duration], list[Duration]]:
    """Return how long ago the time is at least, and how long ago it is not yet."""
    old: list[Duration] = []
    young: list[Duration] = []
    for test, sign in literals:
        if isinstance(test.value, Duration):
            (old if sign == (test.operator == Operator.AT_LEAST_AGO) else young).append(test.value)
    return old, young


def _lasts(longer: Duration, shorter: Duration) -> bool:
    """Tell whether `longer` is over no earlier than `shorter`, from whatever moment both are counted."""
    if (longer.unit, longer.zone) == (shorter.unit, shorter.zone):
        return longer.amount >= shorter.amount
    slack = sum(_CALENDAR_SLACK for each in (longer, shorter) if each.unit == "days")
    return longer.about - shorter.about >= dt.timedelta(hours=slack)


def _time_examples(literals: Sequence[Literal], near: dt.datetime) -> Iterator[dt.datetime | None]:
    """Yield moments close to `near` at which something changes, for nine days; and around the dates that are named."""
    if _fits_missing(literals):
        yield None
    for wait in (test.value.about for test, _sign in literals if isinstance(test.value, Duration)):
        yield from (near - wait - _A_BIT, near - wait + _A_BIT)
    bounds = [test.value.instant for test, _sign in literals if isinstance(test.value, Moment)]
    zones = {test.value.zone for test, _sign in literals if isinstance(test.value, (ClockSpan, Weekdays))} or {"UTC"}
    clocks = {0, 9 * 60, 12 * 60}
    for test, _sign in literals:
        if isinstance(test.value, ClockSpan):
            clocks |= {test.value.start % _DAY, test.value.end % _DAY}
    for base in (near, *bounds, *(bound - dt.timedelta(days=9) for bound in bounds)):
        yield base
        for zone in sorted(zones):
            midnight = base.astimezone(zone_of(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
            for day in range(9):
                for minute in sorted(clocks):
                    clock = midnight + dt.timedelta(days=day, minutes=minute)
                    yield clock.astimezone(dt.UTC)


# Examples --------------------------------------------------------------------------------------------------------


def examples(name: str, literals: Sequence[Literal], world: World, *, near: dt.datetime) -> Iterator[object]:
    """Yield values of the field that make every test come out like this, as the engine itself sees it."""
    reader = Reader.of(test for test, _sign in literals)
    functions = [(function_of_test(test), sign) for test, sign in literals]
    for value in _candidates(name, literals, world, near):
        reading = reader.read(
            facts={name: value}, now=value if name == NOW and isinstance(value, dt.datetime) else near
        )
        if not reading.broken and all(holds(reading.view) is sign for holds, sign in functions):
            yield value


def _candidates(name: str, literals: Sequence[Literal], world: World, near: dt.datetime) -> Iterator[object]:
    kind, samples = FIELDS[name].type, world.samples.get(name, ())
    if kind is FieldType.TEXT:
        yield from text_examples(literals, samples)
    elif kind is FieldType.CHOICE:
        yield from _choice_examples(literals, world.closed.get(name), samples)
    elif kind is FieldType.SET:
        yield from _sets(dict.fromkeys(literals))
    elif kind is FieldType.BOOL:
        yield from _bools(literals)
    elif kind is FieldType.NUMBER:
        yield from _numbers(literals)
    elif kind is FieldType.TIME:
        yield from _time_examples(literals, near)
