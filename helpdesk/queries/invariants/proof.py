"""How the desk proves that nothing was lost and nothing done twice: invariants, each with the checks that break it.

Every check asks the database one question about all rows at once and gets the rows that should not exist; nothing is
read row by row. The numbers stand in docs/operating.md.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from helpdesk.models import Heartbeat
from helpdesk.queries.troubles import LOST_AFTER

#: So many rows are named; the rest is counted.
SHOWN = 10
#: Work that is due is taken up within a second. So late it is forgotten, not slow.
LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Broken:
    """How many rows break a check, and the first of them by id or by key."""

    count: int
    examples: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One way to break an invariant. ``sentence`` tells it with the number of rows before it."""

    sentence: str
    look: Callable[[datetime], Broken]


@dataclass(frozen=True, slots=True)
class Invariant:
    """What is always true. ``number`` is for people and stays, whatever comes and goes."""

    number: str
    title: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that was broken."""

    sentence: str
    count: int
    examples: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """An invariant that was looked at. It holds if there are no findings."""

    invariant: Invariant
    findings: tuple[Finding, ...]


def prove(invariants: Sequence[Invariant], *, now: datetime) -> Generator[Proof, None, None]:
    """Look at each invariant in turn, without writing. Go through to the end, or close it."""
    with _reading_only():
        for invariant in invariants:
            broken = ((check, check.look(now)) for check in invariant.checks)
            findings = tuple(Finding(check.sentence, it.count, it.examples) for check, it in broken if it.count)
            yield Proof(invariant, findings)


def rows(sentence: str, find: Callable[[datetime], QuerySet[Any]]) -> Check:
    """A check whose breaking rows are those of a query."""

    def look(now: datetime) -> Broken:
        found = find(now)
        count = found.count()
        return Broken(count, tuple(found.order_by("pk").values_list("pk", flat=True)[:SHOWN]) if count else ())

    return Check(sentence, look)


def twins(sentence: str, find: Callable[[datetime], QuerySet[Any, Any]]) -> Check:
    """A check whose breaking rows are groups: a query of ``values(key …)`` with more than one row each."""

    def look(now: datetime) -> Broken:
        found = find(now)
        count = found.count()
        return Broken(count, tuple(" ".join(map(str, key.values())) for key in found[:SHOWN]) if count else ())

    return Check(sentence, look)


def statement(sentence: str, ids: str) -> Check:
    """A check of a table that has no model; ``ids`` is the statement that selects the breaking ids."""

    def look(_now: datetime) -> Broken:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({ids}) AS broken")  # noqa: S608  # a constant of ours
            count = cursor.fetchone()[0]
            if not count:
                return Broken(0, ())
            cursor.execute(f"{ids} LIMIT {SHOWN}")
            return Broken(count, tuple(row[0] for row in cursor.fetchall()))

    return Check(sentence, look)


def has_lived(loop: str, *, now: datetime) -> bool:
    """Whether a loop is alive and has had the time to work on everything that was due an hour ago."""
    alive = Heartbeat.objects.filter(loop=loop, beat_at__gte=now - LOST_AFTER, started_at__lt=now - LATE, error="")
    return alive.exists()


@contextmanager
def _reading_only() -> Iterator[None]:
    """Inside, the database refuses every write, and every question is answered as of one moment.

    On SQLite the moment is a read transaction, which nobody waits for; Django's own would take the lock of writers.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            is_outermost = len(connection.savepoint_ids) == 0
            cursor.execute(f"SET TRANSACTION {'ISOLATION LEVEL REPEATABLE READ, ' if is_outermost else ''}READ ONLY")
            yield
        return
    connection.ensure_connection()
    database = connection.connection  # past Django, which refuses to say anything more after an error
    is_ours = not connection.in_atomic_block
    database.execute("PRAGMA query_only = ON")
    try:
        if is_ours:
            database.execute("BEGIN DEFERRED")
        yield
    finally:
        if is_ours and database.in_transaction:
            database.execute("ROLLBACK")
        database.execute("PRAGMA query_only = OFF")
