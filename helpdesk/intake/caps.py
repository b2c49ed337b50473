"""How much automatic mail one person, one ticket, one mailbox and the whole desk may cause (MAIL.md 20). Reads only.

Whoever asks holds the sender's turn (`intake.matching.take_turns`) until the mail is written down or not, so that two
workers can't both pass the last place. Senders are counted by the mailbox that they read (`helpdesk.text.counted_as`):
other capitals or another +detail make nobody a second person.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Max

from helpdesk.models import Channel, Delivery, Ticket
from helpdesk.queries.breakers import DESK, Gauge, gauges_for
from helpdesk.text import counted_as

PER_SENDER_PAUSE = timedelta(minutes=10)
PER_SENDER_DAY = 5
#: To an address that nobody vouches for: whoever reads there may never have written to us.
PER_UNVERIFIED_DAY = 1
PER_TICKET_HOUR = 3


@dataclass(frozen=True, slots=True)
class _Had:
    """How many automatic mails somebody had within a day, and when the newest."""

    count: int = 0
    newest: datetime | None = None


class Cap(StrEnum):
    """What stands against one more automatic mail. All but HELD mean that none is written."""

    SENDER_PAUSE = "sender-pause"
    SENDER_DAY = "sender-day"
    UNVERIFIED_DAY = "unverified-day"
    TICKET_HOUR = "ticket-hour"
    HELD = "held"


class Caps:
    """What some people, their channels and the desk have had as of ``now``; each mail that is written counts on."""

    def __init__(self, *, had: Mapping[str, _Had], gauges: Mapping[int, Gauge], now: datetime) -> None:
        self._had = defaultdict(_Had, had)
        self._gauges = dict(gauges)
        self._now = now

    @classmethod
    def of(cls, *, addresses: Iterable[str], channels: Iterable[Channel], now: datetime) -> "Caps":
        """Four statements for one channel, whatever the number of addresses."""
        rows = (
            Delivery.objects.filter(
                is_automatic=True,
                counted_as__in={counted_as(address) for address in addresses},
                created_at__gt=now - timedelta(days=1),
            )
            .order_by()
            .values_list("counted_as")
            .annotate(count=Count("id"), newest=Max("created_at"))
        )
        had = {name: _Had(count, newest) for name, count, newest in rows}
        return cls(had=had, gauges=gauges_for(channels, now=now), now=now)

    def on(self, *, address: str, is_verified: bool, ticket: Ticket | None, channel: Channel) -> Cap | None:
        """The first cap that one more automatic mail to ``address`` would break, or None.

        ``ticket`` is None for one that was opened just now, which can't have had any.
        """
        return (
            self._of_sender(address, is_verified=is_verified)
            or (self._of_ticket(ticket) if ticket is not None else None)
            or (Cap.HELD if self._gauges[channel.pk].is_full or self._gauges[DESK].is_full else None)
        )

    def count(self, *, address: str, channel: Channel, is_held: bool) -> None:
        """One more is written."""
        had = self._had[counted_as(address)]
        self._had[counted_as(address)] = _Had(had.count + 1, self._now)
        if not is_held:
            for key in (channel.pk, DESK):
                self._gauges[key] = replace(self._gauges[key], sent=self._gauges[key].sent + 1)

    def _of_sender(self, address: str, *, is_verified: bool) -> Cap | None:
        had = self._had[counted_as(address)]
        if had.newest is not None and had.newest > self._now - PER_SENDER_PAUSE:
            return Cap.SENDER_PAUSE
        if had.count >= PER_SENDER_DAY:
            return Cap.SENDER_DAY
        return Cap.UNVERIFIED_DAY if not is_verified and had.count >= PER_UNVERIFIED_DAY else None

    def _of_ticket(self, ticket: Ticket) -> Cap | None:
        an_hour_ago = self._now - timedelta(hours=1)
        had = Delivery.objects.filter(message__ticket=ticket, is_automatic=True, created_at__gt=an_hour_ago)
        return Cap.TICKET_HOUR if had.count() >= PER_TICKET_HOUR else None
