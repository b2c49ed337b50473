"""Service levels that are about to be missed, or are, become events for rules.

Guarantee: each warning and each breach of a clock is announced once, whatever workers see it and wherever they die.
What a rule does about it is in the transaction that writes the announcement down, and a unique key lets only one stand.
"""

from datetime import datetime

from django.db import transaction

from helpdesk import routing
from helpdesk.actions.clocks import announce
from helpdesk.actions.clockwork import lock
from helpdesk.models import LIVE_STATES, ClockCause, ServiceClock
from mail_gateway.crash_points import crash_point
from routing_rules.vocabulary import Event

BATCH = 100
_EVENTS = {ClockCause.WARNING: Event.SERVICE_WARNING, ClockCause.BREACH: Event.SERVICE_BREACH}
_STATES = {ClockCause.WARNING: "warning", ClockCause.BREACH: "breached"}


def announce_due(*, now: datetime) -> int:
    """Announce what is due by ``now``, earliest first; how many announcements were made. One query when nothing is."""
    due = ServiceClock.objects.filter(event_at__lte=now).order_by("event_at", "pk").values_list("pk", flat=True)
    return sum(_announce(number, now) for number in due[:BATCH])


@transaction.atomic
def _announce(number: int, now: datetime) -> bool:
    rows = ServiceClock.objects.filter(pk=number, event_at__lte=now, state__in=LIVE_STATES)
    lock([ticket for (ticket,) in rows.values_list("ticket")])
    clock = rows.select_related("ticket__team", "ticket__channel").first()
    cause = announce(clock=clock, now=now) if clock is not None else None
    if clock is None or cause is None:
        return False
    facts = {
        "service_clock": clock.kind,
        "service_state": _STATES[cause],
        "service_due_at": clock.breached_at or clock.due_at,
    }
    routing.react(ticket=clock.ticket, event=_EVENTS[cause], extra_facts=facts, at=now)
    crash_point("service.announced")
    return True
