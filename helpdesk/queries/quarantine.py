"""Reads of the quarantine: mail that stopped on its way in, and what became of it.

It belongs to no ticket, so there is no team to ask: it is for leads and admins, whom the routes ask for. Once it is
read, what it says is its ticket's, and whoever may see the ticket sees it there; here only its fate is told.
"""

from collections.abc import Collection
from enum import StrEnum

from django.db.models import Q, QuerySet

from helpdesk.models import InboundEvent
from helpdesk.queries.mailroom import PAGE, Key, Page, page_of

_State = InboundEvent.State
_WAS_STOPPED = Q(quarantined_at__isnull=False)


class Shelf(StrEnum):
    """The filters of the page, by their word in the address."""

    STOPPED = ""
    DISCARDED = "discarded"
    READ = "read"


def stopped() -> QuerySet[InboundEvent]:
    """What is in quarantine now."""
    return InboundEvent.objects.filter(state=_State.QUARANTINED)


def discarded() -> QuerySet[InboundEvent]:
    """What somebody put aside; it stays stored."""
    return InboundEvent.objects.filter(_WAS_STOPPED, state=_State.IGNORED, reason=InboundEvent.Reason.DISCARDED)


def _retried() -> QuerySet[InboundEvent]:
    return InboundEvent.objects.filter(_WAS_STOPPED, state__in=(_State.DONE, _State.WAITING, _State.WORKING))


_SHELVES = {Shelf.STOPPED: stopped, Shelf.DISCARDED: discarded, Shelf.READ: _retried}


def on_shelf(shelf: Shelf, *, key: Key | None = None, size: int = PAGE) -> Page[InboundEvent]:
    """One page of mails, newest first, each with its channel and its ticket if it has one."""
    rows = _SHELVES[shelf]().select_related("channel", "message__ticket__team")
    return page_of(rows, key=key or Key(), size=size)


def counts() -> dict[Shelf, int]:
    """How many mails are on each shelf."""
    return {shelf: rows().count() for shelf, rows in _SHELVES.items()}


def discarded_among(numbers: Collection[int]) -> list[int]:
    """Those of these ids that are discarded now."""
    return list(discarded().filter(pk__in=numbers).order_by("pk").values_list("pk", flat=True))


def event_for(*, event_id: int) -> InboundEvent:
    """One mail that is in quarantine or was. Raises InboundEvent.DoesNotExist for any other: that is not for leads."""
    rows = InboundEvent.objects.filter(_WAS_STOPPED | Q(state=_State.QUARANTINED))
    return rows.select_related("channel", "message__ticket__team").get(pk=event_id)


def is_open(event: InboundEvent) -> bool:
    """Whether what the mail says may be read here: not once intake has it again, or a ticket."""
    return event.state == _State.QUARANTINED or (
        event.state == _State.IGNORED and event.reason == InboundEvent.Reason.DISCARDED
    )
