"""Counts what rules have fired, behind the decisions: nothing of it is in the way of a mail."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from helpdesk.models import FiringCursor, RoutingDecision, RuleDay

#: On PostgreSQL a lower number can be committed after a higher one, but not so much later.
SETTLED = timedelta(minutes=1)
CHUNK = 2_000
#: One call counts at most so many; the next one goes on.
CHUNKS = 20


def count(*, now: datetime) -> None:
    """Take the decisions that have settled into the counts, each once, however many processes call this."""
    for _chunk in range(CHUNKS):
        if not _count_chunk(now):
            return


@transaction.atomic
def _count_chunk(now: datetime) -> bool:
    """Count one chunk; tell whether there may be more."""
    FiringCursor.objects.get_or_create(pk=1, defaults={"seen_at": now, "seen": _newest()})
    cursor = FiringCursor.objects.select_for_update().get(pk=1)
    if now - cursor.seen_at < SETTLED:
        return False
    rows = list(
        RoutingDecision.objects.filter(pk__gt=cursor.counted, pk__lte=cursor.seen)
        .order_by("pk")
        .values_list("pk", "fired", "created_at")[:CHUNK]
    )
    _add((step["rule_id"], at) for _pk, fired, at in rows for step in fired)
    is_full = len(rows) == CHUNK
    if is_full:
        cursor.counted = rows[-1][0]
    else:
        cursor.counted, cursor.seen, cursor.seen_at = cursor.seen, _newest(), now
    cursor.save()
    return is_full


def _newest() -> int:
    return RoutingDecision.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _add(firings: Iterable[tuple[int, datetime]]) -> None:
    by_day: dict[tuple[int, date], list[datetime]] = defaultdict(list)
    for number, at in firings:
        by_day[number, at.astimezone(UTC).date()].append(at)
    wanted: dict[str, Any] = {
        "rule_number__in": {number for number, _on in by_day},
        "on__in": {on for _number, on in by_day},
    }
    present = {(row.rule_number, row.on): row for row in RuleDay.objects.filter(**wanted)} if by_day else {}
    for key, moments in by_day.items():
        row = present.get(key)
        if row is not None:
            row.times, row.last_at = row.times + len(moments), max(row.last_at, *moments)
    RuleDay.objects.bulk_update([present[key] for key in by_day if key in present], ["times", "last_at"])
    RuleDay.objects.bulk_create(
        RuleDay(rule_number=key[0], on=key[1], times=len(moments), last_at=max(moments))
        for key, moments in by_day.items()
        if key not in present
    )
