"""How the desk as a whole is doing: its loops, its queues, what has waited longest, and the machine under it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min

from helpdesk.models import Channel, Delivery, Heartbeat, InboundEvent, Membership
from helpdesk.models.transport import DeliveryState, EventState
from helpdesk.queries import troubles
from helpdesk.queries.troubles import LOST_AFTER, Disk


@dataclass(frozen=True)
class Beat:
    """One loop of one process. ``is_lost``: it should have been heard of since."""

    loop: str
    process: str
    started_at: datetime
    beat_at: datetime
    is_lost: bool
    restarts: int
    error: str


@dataclass(frozen=True)
class Queue:
    """What waits for its turn. ``oldest_at`` is when the first of it arrived or was written, None when it is empty.

    ``next_at`` is when the first of what was tried in vain is tried again.
    """

    waiting: int
    oldest_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True)
class Machine:
    """What the desk stands on. ``database_bytes`` and ``disk`` are None where nobody can say."""

    engine: str
    database_bytes: int | None
    disk: Disk | None
    skew: timedelta
    version: str


@dataclass(frozen=True)
class Condition:
    """Everything that the health page tells besides what is wrong."""

    beats: Sequence[Beat]
    incoming: Queue
    outgoing: Queue
    held: int
    failed: int
    quarantined: int
    machine: Machine


def condition(*, now: datetime) -> Condition:
    """Look at everything once."""
    of_state = dict(
        Delivery.objects.filter(state=DeliveryState.HELD).order_by().values_list("state").annotate(n=Count("pk"))
    )
    return Condition(
        beats=beats(now=now),
        incoming=_incoming(),
        outgoing=_outgoing(),
        held=of_state.get(DeliveryState.HELD, 0),
        failed=Delivery.objects.filter(state=DeliveryState.FAILED, created_at__gt=now - timedelta(days=1)).count(),
        quarantined=InboundEvent.objects.filter(state=EventState.QUARANTINED).count(),
        machine=machine(now=now),
    )


def beats(*, now: datetime) -> Sequence[Beat]:
    """Every loop that was heard of within the hour, by process."""
    return [
        Beat(
            loop=row.loop,
            process=row.process,
            started_at=row.started_at,
            beat_at=row.beat_at,
            is_lost=now - row.beat_at > LOST_AFTER,
            restarts=row.restarts,
            error=row.error,
        )
        for row in Heartbeat.objects.order_by("process", "loop")
    ]


def _incoming() -> Queue:
    rows = InboundEvent.objects.filter(troubles.EVENT_WAITS)
    found = rows.aggregate(waiting=Count("pk"), oldest=Min("received_at"))
    again = rows.filter(state=EventState.WAITING, attempts__gt=0).aggregate(at=Min("next_attempt_at"))["at"]
    return Queue(found["waiting"], found["oldest"], again)


def _outgoing() -> Queue:
    rows = Delivery.objects.filter(troubles.DELIVERY_WAITS)
    found = rows.aggregate(waiting=Count("pk"), oldest=Min("created_at"))
    again = rows.filter(state=DeliveryState.RETRY).aggregate(at=Min("next_attempt_at"))["at"]
    return Queue(found["waiting"], found["oldest"], again)


def machine(*, now: datetime) -> Machine:
    """Database, disk, clocks and version."""
    try:
        disk = troubles.disk()
    except OSError:
        disk = None
    return Machine(
        engine={"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor),
        database_bytes=_database_bytes(),
        disk=disk,
        skew=troubles.skew(now=now),
        version=settings.VERSION,
    )


def _database_bytes() -> int | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = Path(str(connection.settings_dict["NAME"]))
    parts = [file, file.with_name(f"{file.name}-wal")]
    return sum(part.stat().st_size for part in parts if part.is_file()) or None


def first_step() -> Literal["channel", "people", ""]:
    """What a new desk still lacks before a ticket can arrive and reach somebody, the first thing first; "": nothing."""
    if not Channel.objects.filter(is_active=True).exists():
        return "channel"
    if not Membership.objects.filter(agent__is_active=True, team__is_active=True).exists():
        return "people"
    return ""
