"""Tickets for which a rule that waits for time to pass may fire now, found by index and not by asking every ticket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from helpdesk.models import TIMED_STATES, Entry, State, Ticket
from helpdesk.models.conditions import OneOf
from routing_rules.engine import Rule
from routing_rules.folding import fold
from routing_rules.values import Duration
from routing_rules.vocabulary import Operator
from routing_rules.waiting import durations_of, necessary

#: The columns that hold the moments which rules wait from (routing_rules.waiting.MOMENTS).
COLUMNS = {
    "created_at": "created_at",
    "state_since": "state_since",
    "last_customer_message_at": "last_customer_message_at",
    "last_reply_at": "last_reply_at",
    "arrived_at": "last_customer_message_at",
}
#: A day of the calendar is up to so much longer or shorter than 24 hours. Who is found too early is asked, and waits.
SLACK = timedelta(hours=3)
#: Journal ids can be committed out of order, so the last ones are read again.
OVERLAP = 1_000
#: Conditions that one statement takes.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Wait:
    """A rule, and until when it was looked after; ``since`` None: not yet, so it is asked about every ticket."""

    rule: Rule
    since: datetime | None


def newest_entry() -> int:
    """The journal id to go on from next time."""
    return Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def ripe(*, waits: Sequence[Wait], now: datetime, cursor: int) -> list[int]:
    """Ids of the tickets that have to be asked about: all that these rules can fire for now, and some more.

    Those for which a duration ended since a rule was looked after, those to which something has happened since
    ``cursor``, and for a new rule all that meet what can be asked of the database.
    """
    if not waits:
        return []
    windows = [window for wait in waits if wait.since is not None for window in _windows(wait.rule, wait.since, now)]
    bases = [_basis(wait.rule, now) for wait in waits if wait.since is None]
    found: set[int] = set()
    for conditions in (*_in_parts(windows), *_in_parts(bases)):
        found.update(_timed().filter(reduce(or_, conditions)).values_list("pk", flat=True))
    touched = Entry.objects.filter(pk__gt=cursor - OVERLAP).order_by().values("ticket_id")
    for conditions in _in_parts([_basis(wait.rule, now) for wait in waits]):
        found.update(_timed().filter(reduce(or_, conditions), pk__in=touched).values_list("pk", flat=True))
    return sorted(found)


def _timed() -> QuerySet[Ticket]:
    return Ticket.objects.filter(OneOf("state", TIMED_STATES), merged_into=None).order_by()


def _in_parts(conditions: Sequence[Q]) -> Iterator[Sequence[Q]]:
    different = list(dict.fromkeys(conditions))
    for start in range(0, len(different), AT_ONCE):
        yield different[start : start + AT_ONCE]


def _windows(rule: Rule, since: datetime, now: datetime) -> Iterator[Q]:
    """For each duration of the rule the moments from which it ended after ``since`` and by ``now``."""
    for test in durations_of(rule.condition):
        if isinstance(test.value, Duration):
            column, about, slack = COLUMNS[test.field], test.value.about, _slack(test.value)
            yield Q(**{f"{column}__gt": since - about - slack, f"{column}__lte": now - about + slack})


def _slack(duration: Duration) -> timedelta:
    return SLACK if duration.unit == "days" else timedelta()


def _basis(rule: Rule, now: datetime) -> Q:
    """What a ticket must be like for the rule to fire, as far as columns tell."""
    found = Q(pk__gt=0)  # an empty condition would vanish beside others, instead of letting every ticket in
    for test in necessary(rule.condition):
        if test.operator == Operator.AT_LEAST_AGO and test.field in COLUMNS and isinstance(test.value, Duration):
            found &= Q(**{f"{COLUMNS[test.field]}__lte": now - test.value.about + _slack(test.value)})
        elif test.field == "state" and test.operator == Operator.IS_ANY_OF and isinstance(test.value, tuple):
            wanted = {fold(each) for each in test.value}
            found &= Q(state__in=[state for state in State.values if state in wanted])
    return found
