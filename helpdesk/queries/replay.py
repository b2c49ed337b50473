"""Stored decisions read again, in batches, for rehearsals. Nothing can be written meanwhile: the database refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, Count, F, Max, Min, When
from django.db.models.functions import Left

from helpdesk.models import RoutingDecision
from routing_rules.facts import facts_from_json

#: As Message.text_for_rules has it.
_BODY = Left(Case(When(message__new_text="", then=F("message__text")), default=F("message__new_text")), 64_000)
_COLUMNS = ("pk", "ticket_id", "facts", "facts_version", "spent", "created_at", "message_id")


@dataclass(frozen=True, slots=True)
class Stored:
    """One decision: which facts the rules were told, when, and which rules had had their turn with the ticket."""

    id: int
    ticket_id: int
    facts: dict[str, object]
    at: datetime
    spent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Extent:
    """The decisions of a span of time by their ids, and of how many tickets they are."""

    first: int
    last: int
    decisions: int
    tickets: int


@contextmanager
def reading_only() -> Iterator[None]:
    """While this is open, the database itself refuses every write of this thread (django.db.DatabaseError)."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        # Straight to the driver: after an error Django takes no statement until the transaction is rolled back.
        driver = connection.connection
        driver.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            driver.execute("PRAGMA query_only = OFF")
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield


def extent_of(*, since: datetime, until: datetime) -> Extent:
    """What there is to look at between two moments."""
    rows = RoutingDecision.objects.filter(created_at__gte=since, created_at__lt=until)
    found = rows.aggregate(
        first=Min("pk"), last=Max("pk"), decisions=Count("pk"), tickets=Count("ticket", distinct=True)
    )
    return Extent(found["first"] or 0, found["last"] or 0, found["decisions"], found["tickets"])


def batch_after(
    cursor: int, *, last: int, since: datetime, until: datetime, limit: int, has_body: bool
) -> tuple[list[Stored], int]:
    """The next decisions after id ``cursor``, at most up to ``last``, and the id up to which they were looked for.

    By id and not by time: keyset on the primary key costs the same at each batch. ``has_body`` False leaves out the
    texts, when no rule looks at them.
    """
    rows = RoutingDecision.objects.filter(pk__gt=cursor, pk__lte=last).order_by("pk")
    columns: tuple[Any, ...] = (*_COLUMNS, _BODY) if has_body else _COLUMNS
    found = list(rows.values_list(*columns)[:limit])
    stored = [_stored(row, has_body=has_body) for row in found if since <= row[5] < until]
    return stored, found[-1][0] if len(found) == limit else last


def _stored(row: tuple[Any, ...], *, has_body: bool) -> Stored:
    number, ticket_id, data, version, spent, at, message_id = row[:7]
    facts = facts_from_json(data, version=version)
    if has_body and message_id is not None:
        facts["body"] = row[7]
    return Stored(number, ticket_id, facts, at, frozenset(spent))
