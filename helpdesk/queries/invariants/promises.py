"""What is always true of what is due at a time that somebody named."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from helpdesk.models import Reminder, Ticket
from helpdesk.queries.invariants.proof import LATE, Invariant, has_lived, rows

_alarm_clock = Exists(Reminder.objects.filter(ticket=OuterRef("pk"), purpose=Reminder.Purpose.WAKE, outcome=""))


def _misplaced(_now: datetime) -> QuerySet[Ticket]:
    return Ticket.objects.filter(Q(snoozed_until__isnull=False) & ~_alarm_clock | Q(snoozed_until=None) & _alarm_clock)


def _forgotten(now: datetime) -> QuerySet[Reminder]:
    late = Reminder.objects.filter(outcome="", due_at__lt=now - LATE)
    return late if has_lived("timers", now=now) else late.none()


WOKEN = Invariant(
    "I18",
    "Every snoozed ticket has one thing that brings it back, and what is due at a named time happens",
    (
        rows("tickets are snoozed and nothing will wake them, or the other way round", _misplaced),
        rows("reminders were due an hour ago, and timers run", _forgotten),
    ),
)
