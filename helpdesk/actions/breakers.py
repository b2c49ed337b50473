"""Breakers of automatic mail: they trip when too much goes out, and close after an hour or when an admin says so.

The mail itself isn't touched here: what was held while one was open waits for a person (actions.mailroom).
"""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.models import Agent, Breaker, Channel
from helpdesk.queries.breakers import HOUR, gauges_for

log = logging.getLogger(__name__)


@transaction.atomic(savepoint=False)
def trip_full(*, channel: Channel, at: datetime) -> None:
    """Trip what is full of the two breakers that mail of ``channel`` passes; once for all workers that find it so."""
    for gauge in gauges_for([channel], now=at).values():
        if not gauge.is_full or gauge.is_tripped:
            continue
        row, _ = Breaker.objects.get_or_create(channel=gauge.channel)
        rest = Breaker.objects.filter(Q(tripped_at=None) | Q(tripped_at__lte=at - HOUR), pk=row.pk)
        if rest.update(tripped_at=at):
            name = _name(gauge.channel)
            log.error("automatic mail of %s is held: %s went out within an hour", name or "the desk", gauge.sent)
            details = {"sent": gauge.sent, "limit": gauge.limit}
            changes.record(what="breaker", name=name, change="tripped", by=None, at=at, details=details)


@transaction.atomic
def close(*, channel: Channel | None, by: Agent, at: datetime | None = None) -> bool:
    """Let automatic mail of ``channel`` (None: the desk) through again and count from now on. False: it wasn't open."""
    now = at or timezone.now()
    open_now = Breaker.objects.filter(channel=channel, tripped_at__gt=now - HOUR)
    moved = open_now.update(tripped_at=None, counts_from=now)
    if moved:
        changes.record(what="breaker", name=_name(channel), change="closed", by=by, at=now)
    return bool(moved)


def _name(channel: Channel | None) -> str:
    return channel.name if channel else ""
