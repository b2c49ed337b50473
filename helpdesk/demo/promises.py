"""What the demo's agents promised, and a ticket that waits: so that these lists aren't empty on a first start."""

from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk.actions import promises, reminders, snoozing
from helpdesk.actions.promises import Terms
from helpdesk.models import PromiseState, State, Ticket

_HOUR = timedelta(hours=1)
#: What was promised, and when it is due from now; one is overdue, one was kept in time.
_PROMISED = (
    ("Call back about the invoice", -3 * _HOUR),
    ("Send the return label", 20 * _HOUR),
    ("Ask the carrier where the parcel is", 48 * _HOUR),
)


def promise(*, now: datetime) -> None:
    """Promises in tickets that somebody has, one ticket snoozed until tomorrow, one reminder."""
    open_ones = Ticket.objects.filter(state__in=[State.OPEN, State.WAITING], owner__isnull=False)
    rows = list(open_ones.select_related("owner", "team").order_by("-last_activity_at")[: len(_PROMISED) + 2])
    made_at = now - 24 * _HOUR
    for (text, ahead), ticket in zip(_PROMISED, rows, strict=False):
        terms = Terms(text=text, due_at=now + ahead, owner=ticket.owner)
        promises.make(terms=terms, by=ticket.owner, at=made_at, ticket=ticket)
    if len(rows) <= len(_PROMISED):
        return
    waiting = rows[len(_PROMISED)]
    kept = promises.make(
        terms=Terms(text="Order the spare part", due_at=now - 2 * _HOUR, owner=waiting.owner),
        by=waiting.owner,
        at=made_at,
        ticket=waiting,
    )
    promises.settle(promise=kept, state=PromiseState.KEPT, by=waiting.owner, at=now - 5 * _HOUR)
    owner = waiting.owner
    if owner is not None:
        snoozing.snooze(ticket=waiting, until=_morning(now), by=owner, at=now)
        reminders.remind(ticket=rows[0], agent=owner, due_at=_morning(now), at=now, text="Has it been paid?")


def _morning(now: datetime) -> datetime:
    """Nine o'clock tomorrow, on the desk's clocks."""
    tomorrow = timezone.localtime(now) + 24 * _HOUR
    return tomorrow.replace(hour=9, minute=0, second=0, microsecond=0)
