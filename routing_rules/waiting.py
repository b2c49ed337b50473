"""Rules that wait for time to pass: for how long, since when, and which wait it is. Pure: no Django.

Such a rule need not be asked about every ticket again and again. Its outcome changes only when one of its durations
comes to its end, when one of its tests of the clock changes its answer, or when something happens to the ticket.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping

from routing_rules.conditions import All, Condition, Test, tests_of
from routing_rules.facts import Reader
from routing_rules.operators import function_of_test
from routing_rules.vocabulary import DURATIONS, NOW, Event, gettext_noop

MOMENTS = frozenset(("created_at", "state_since", "last_customer_message_at", "last_reply_at", "arrived_at"))
"""Fields that a rule can wait from."""

_NO_DURATION = gettext_noop(
    "A rule that waits for time to pass has to say how long ago the ticket was opened, its state changed, the customer "
    "wrote or we replied."
)


def durations_of(condition: Condition) -> Iterator[Test]:
    """Yield the tests whose outcome changes when a length of time has passed since a moment of the ticket."""
    return (test for test in tests_of(condition) if test.operator in DURATIONS and test.field in MOMENTS)


def problem_of_waiting(events: Collection[str], condition: Condition) -> str:
    """Return why a rule can't wait for time to pass: nothing in it says for how long; empty if it can."""
    is_waiting = any(durations_of(condition))
    return "" if is_waiting or Event.TIME_PASSED not in events else _NO_DURATION


def occasion_of(condition: Condition, facts: Mapping[str, object]) -> str:
    """Return the name of the wait that a rule is at the end of: the moments that it counts from, as these facts say.

    A rule that waits for time to pass fires once for each occasion.
    """
    names = sorted({test.field for test in durations_of(condition)})
    moments = [facts.get(name) for name in names]
    return " ".join(f"{at.timestamp():.6f}" if isinstance(at, dt.datetime) else "-" for at in moments)


def clock_of(condition: Condition, *, now: dt.datetime) -> str:
    """Return how the tests of the clock alone are answered at `now`, a digit each.

    While that stays as it is, and nothing happens to a ticket, only a duration can make the rule fire.
    """
    tests = [test for test in tests_of(condition) if test.field == NOW]
    view = Reader.of(tests).read(facts={}, now=now).view
    return "".join(str(int(function_of_test(test)(view))) for test in tests)


def necessary(condition: Condition) -> Iterator[Test]:
    """Yield tests of which every one must hold for the condition to hold."""
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, All):
        for part in condition.parts:
            yield from necessary(part)
