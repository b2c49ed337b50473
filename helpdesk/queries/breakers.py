"""How close automatic mail is to its limits, for each channel and for the whole desk (MAIL.md 20). Reads only.

Rows are counted, not a counter: two workers never wait for each other here, and may let a few mails more through than
the limit says. What was held is never counted, also if a person releases it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from helpdesk.models import Breaker, Channel, Delivery
from helpdesk.models.transport import DeliveryState

#: What is counted at one time, and how long a tripped breaker holds.
HOUR = timedelta(hours=1)
#: The key of the whole desk's gauge beside those of channels.
DESK = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Where one breaker stands. ``channel`` is None for the whole desk.

    ``sent`` counts the automatic mails that passed within the hour, up to ``limit``; ``held`` those that wait for a
    person, however long already. ``tripped_at`` is None unless mail is being held back now.
    """

    channel: Channel | None
    sent: int
    limit: int
    held: int
    tripped_at: datetime | None

    @property
    def is_tripped(self) -> bool:
        return self.tripped_at is not None

    @property
    def is_full(self) -> bool:
        """Whether the next automatic mail is held."""
        return self.is_tripped or self.sent >= self.limit

    @property
    def closes_at(self) -> datetime | None:
        """When it lets mail through again by itself."""
        return self.tripped_at + HOUR if self.tripped_at is not None else None

    @property
    def percent(self) -> int:
        return min(100, 100 * self.sent // self.limit) if self.limit > 0 else 100


def gauges(*, now: datetime) -> tuple[Gauge, ...]:
    """The desk's gauge and those of all channels by name."""
    channels: list[Channel | None] = [None, *Channel.objects.order_by("name", "pk")]
    rows = {row.channel_id: row for row in Breaker.objects.all()}
    waiting = dict(
        Delivery.objects.filter(state=DeliveryState.HELD)
        .order_by()
        .values_list("channel_id")
        .annotate(number=Count("id"))
    )
    found = []
    for channel in channels:
        key = channel.pk if channel else None
        held = waiting.get(key, 0) if channel else sum(waiting.values())
        found.append(_gauge(channel, rows.get(key), held=held, now=now))
    return tuple(found)


def gauges_for(channels: Iterable[Channel], *, now: datetime) -> dict[int, Gauge]:
    """The breakers that mails of these channels pass, by the channel's id, and the desk's as DESK; ``held`` is 0."""
    wanted = {channel.pk: channel for channel in channels}
    rows = {row.channel_id: row for row in Breaker.objects.filter(Q(channel__in=wanted) | Q(channel=None))}
    found = {pk: _gauge(channel, rows.get(pk), held=0, now=now) for pk, channel in wanted.items()}
    return {**found, DESK: _gauge(None, rows.get(None), held=0, now=now)}


def _gauge(channel: Channel | None, row: Breaker | None, *, held: int, now: datetime) -> Gauge:
    limit = settings.AUTOMATIC_MAIL_PER_HOUR if channel else settings.DESK_AUTOMATIC_MAIL_PER_HOUR
    tripped_at = row.tripped_at if row else None
    is_tripped = tripped_at is not None and now < tripped_at + HOUR
    since = max(now - HOUR, row.counts_from) if row and row.counts_from else now - HOUR
    mails = _automatic(channel).filter(created_at__gt=since)
    return Gauge(
        channel=channel,
        sent=mails[: max(limit, 0)].count(),
        limit=limit,
        held=held,
        tripped_at=tripped_at if is_tripped else None,
    )


def _automatic(channel: Channel | None) -> QuerySet[Delivery]:
    mails = Delivery.objects.filter(is_automatic=True, held_at=None)
    return mails.filter(channel=channel) if channel else mails
