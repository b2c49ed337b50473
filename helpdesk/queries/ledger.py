"""Does the desk account for everything that ever came in or was to leave (MAIL.md 13)?"""

from collections.abc import Sequence

from django.db.models import Count

from helpdesk.models import Delivery, InboundEvent, Message, Receipt, Ticket
from helpdesk.queries.invariants.arrivals import ARRIVALS, RECONCILED
from helpdesk.queries.invariants.deliveries import DELIVERIES
from helpdesk.queries.invariants.files import files
from helpdesk.queries.invariants.promises import WOKEN
from helpdesk.queries.invariants.proof import Invariant
from helpdesk.queries.invariants.service import KEPT
from helpdesk.queries.invariants.tickets import tickets


def counts() -> dict[str, int]:
    """How many of each fate there are, by a name for people."""
    events = dict(InboundEvent.objects.values_list("state").annotate(Count("pk")).order_by("state"))
    deliveries = dict(Delivery.objects.values_list("state").annotate(Count("pk")).order_by("state"))
    return {
        "arrivals": Receipt.objects.count(),
        **{f"events {state}": count for state, count in events.items()},
        **{f"deliveries {state}": count for state, count in deliveries.items()},
        "messages": Message.objects.count(),
        "tickets": Ticket.objects.count(),
    }


def invariants(*, has_files: bool = False, is_deep: bool = False) -> Sequence[Invariant]:
    """Everything that is always true, by number.

    ``has_files`` also looks for the file of each mail and attachment, which reads one folder entry a row; ``is_deep``
    reads the files themselves.
    """
    with_files = (files(is_deep=is_deep),) if has_files or is_deep else ()
    return (*ARRIVALS, *with_files, *tickets(), *DELIVERIES, RECONCILED, KEPT, WOKEN)
