"""What is always true of service clocks."""

from datetime import datetime

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery

from helpdesk.models import LIVE_STATES, ClockChange, ServiceClock, State, Ticket
from helpdesk.queries.invariants.proof import LATE, Invariant, has_lived, rows

_changes = ClockChange.objects.filter(clock=OuterRef("pk"))


def _misdated(_now: datetime) -> QuerySet[Ticket]:
    due = ServiceClock.objects.filter(ticket=OuterRef("pk"), due_at__isnull=False).values("ticket")
    first = Subquery(due.annotate(first=Min("due_at")).values("first"))
    dated = Ticket.objects.filter(Q(due_at__isnull=False) | Exists(due)).annotate(first_due=first)
    return dated.filter(Q(due_at=None) | Q(first_due=None) | ~Q(due_at=F("first_due")))


def _forgotten(now: datetime) -> QuerySet[ServiceClock]:
    due = ServiceClock.objects.filter(state__in=LIVE_STATES, event_at__lt=now - LATE)
    return due if has_lived("timers", now=now) else due.none()


KEPT = Invariant(
    "I17",
    "A ticket is due when the first of its service clocks is, and every clock's history leads to how it stands",
    (
        rows("tickets are due at another time than their clocks", _misdated),
        rows(
            "service clocks stand otherwise than their last change says",
            lambda _now: ServiceClock.objects.annotate(
                told=Subquery(_changes.exclude(cause__in=["warning", "breach"]).order_by("-pk").values("state")[:1])
            ).exclude(state=F("told")),
        ),
        rows(
            "service clocks run on tickets that nobody works on",
            lambda _now: ServiceClock.objects.filter(
                state__in=LIVE_STATES, ticket__state__in=[State.SOLVED, State.CLOSED, State.SPAM]
            ),
        ),
        rows(
            "warnings or breaches were not announced in time",
            _forgotten,
        ),
    ),
)
