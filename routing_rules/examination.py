"""Why a condition holds, does not hold, or can't be told: the slow and talkative twin of routing_rules.operators.

Three-valued, after Kleene: a test of a broken or unknown fact can't be told; a group can't be told only if its other
parts don't decide it. So the outcome does not depend on the order of the parts. Pure: no Django.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from routing_rules import values
from routing_rules.conditions import All, Condition, NoneOf, Test
from routing_rules.facts import Reading
from routing_rules.operators import function_of_test
from routing_rules.vocabulary import NOW

EXCERPT = 120
"""Characters of a long text that an explanation quotes."""


@dataclass(frozen=True, slots=True)
class FailedTest:
    """The test that kept a rule from matching. `expected` and `actual` are of JSON's types; `actual` None: missing.

    `is_unwanted`: the test did hold, and a group of kind none wanted it not to.
    """

    field: str
    operator: str
    expected: object
    actual: object
    is_unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`holds` is None when it can't be told: `reason` then says why a fact is broken, `unknown` which wasn't recorded.

    `witness` is the first test that decided. A broken fact counts before one that was not recorded.
    """

    holds: bool | None
    witness: Test | None = None
    witness_holds: bool = False
    reason: str = ""
    unknown: str = ""


def examine(*, condition: Condition, reading: Reading) -> Verdict:
    """Return the verdict on `condition` for the facts that were read."""
    if isinstance(condition, Test):
        return _examine_test(condition, reading)
    parts = [examine(condition=part, reading=reading) for part in condition.parts]
    decides = not isinstance(condition, All)  # one part of this value decides the whole group
    decisive = next((part for part in parts if part.holds is decides), None)
    unclear = max((part for part in parts if part.holds is None), key=lambda part: bool(part.reason), default=None)
    verdict = decisive or unclear or (parts[0] if parts else Verdict(holds=True))
    if isinstance(condition, NoneOf) and verdict.holds is not None:
        return Verdict(not verdict.holds, verdict.witness, verdict.witness_holds)
    return verdict


def _examine_test(test: Test, reading: Reading) -> Verdict:
    for name in test.fields:
        if name in reading.broken:
            return Verdict(holds=None, reason=reading.broken[name])
    for name in test.fields:
        if name in reading.unknown:
            return Verdict(holds=None, unknown=name)
    holds = function_of_test(test)(reading.view)
    return Verdict(holds, test, holds)


def failed_test(*, verdict: Verdict, facts: Mapping[str, object], now: dt.datetime) -> FailedTest | None:
    """Return the test that a verdict of "does not hold" rests on."""
    test = verdict.witness
    if verdict.holds is not False or test is None:
        return None
    actual = now if test.field == NOW else facts.get(test.field)
    return FailedTest(
        field=test.field,
        operator=str(test.operator),
        expected=values.to_json(test.value),
        actual=_shown(actual, test),
        is_unwanted=verdict.witness_holds,
    )


def _shown(actual: object, test: Test) -> object:
    if isinstance(actual, str):
        return actual if len(actual) <= EXCERPT else actual[:EXCERPT].rstrip() + "…"
    if isinstance(actual, (set, frozenset, list, tuple)):
        return sorted(str(item) for item in actual)
    if isinstance(actual, dt.datetime):
        value = test.value
        if isinstance(value, (values.ClockSpan, values.Weekdays, values.Moment, values.Duration)) and value.zone:
            actual = actual.astimezone(values.zone_of(value.zone))
        return actual.isoformat(timespec="minutes")
    return actual
