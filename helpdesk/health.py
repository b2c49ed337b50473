"""Is the desk doing its work? Answers `/health/` from a handful of indexed rows, for whoever asks.

Strangers may ask, so it says how many and how long: no name, no address, no error text, no size, no version.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.models import Channel, Heartbeat
from helpdesk.queries import alarms, troubles
from helpdesk.queries.troubles import LONGEST_WAIT, WORKER_LOOPS, mail_loops


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was looked at. ``details`` are fit for strangers."""

    is_ok: bool
    details: dict[str, Any]


def loops(*, names: Iterable[str], now: datetime) -> Part:
    """Are these loops alive in any process? Seconds since each was seen, None for never."""
    names = tuple(names)
    alive = Heartbeat.objects.filter(loop__in=names, error="").values("loop").annotate(seen_at=Max("beat_at"))
    seen = {row["loop"]: row["seen_at"] for row in alive}
    ages = {name: _seconds(now, seen.get(name)) for name in names}
    is_ok = all(age is not None and age <= troubles.LOST_AFTER.total_seconds() for age in ages.values())
    return Part(is_ok, {"seen_s_ago": ages})


def folders(*, now: datetime) -> Part:
    """Has every folder that is followed been reached lately?"""
    followed = list(troubles.followed_folders())
    lost = sum(troubles.is_out_of_reach(state, now=now) for state in followed)
    return Part(not lost, {"folders": len(followed), "folders_out_of_reach": lost})


def waiting_in(*, now: datetime) -> Part:
    """How long has the oldest event that is due been waiting to become a message?"""
    return _waiting(troubles.due_in(now=now), now)


def waiting_out(*, now: datetime) -> Part:
    """How long has the oldest message that is due been waiting to be sent? Channels that were stopped don't count."""
    part = _waiting(troubles.due_out(now=now), now)
    paused = Channel.objects.exclude(paused_reason="").count()
    return Part(part.is_ok, {**part.details, "paused_channels": paused})


def report(*, now: datetime) -> dict[str, Part]:
    """Everything that was looked at, by name; only the database when that doesn't answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        mail, reached = loops(names=mail_loops(), now=now), folders(now=now)
        return {
            "database": Part(is_ok=True, details={}),
            "disk": Part(not list(troubles.of_the_disk()), {}),
            "worker": loops(names=WORKER_LOOPS, now=now),
            "mail": Part(mail.is_ok and reached.is_ok, mail.details | reached.details),
            "waiting": waiting_in(now=now),
            "outgoing": waiting_out(now=now),
            # Alarms wait for a person, who was told; they are no reason to restart anything.
            "alarms": Part(is_ok=True, details={"raised": alarms.raised().count()}),
        }
    except DatabaseError:
        return {"database": Part(is_ok=False, details={})}


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 when all is well, 503 when something is not."""
    parts = report(now=timezone.now())
    is_ok = all(part.is_ok for part in parts.values())
    body = {name: {"ok": part.is_ok, **asdict(part)["details"]} for name, part in parts.items()}
    return JsonResponse({"ok": is_ok, **body}, status=200 if is_ok else 503)


def _waiting(due: QuerySet[Any], now: datetime) -> Part:
    first = due.aggregate(first=Min("next_attempt_at"))["first"]
    return Part(first is None or now - first <= LONGEST_WAIT, {"oldest_s": _seconds(now, first) or 0.0})


def _seconds(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else round(max(0.0, (now - then).total_seconds()), 1)
