"""The alarms of the desk, and the ways in which its admins can be told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from helpdesk.models import Alarm, Mailbox, Watch
from helpdesk.queries.troubles import Trouble

#: Nobody has looked for so long: the timers don't run, and no alarm would come.
BLIND_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Alarms:
    """What admins see above every page. ``is_blind``: nobody looks, so silence means nothing."""

    open: Sequence[Alarm]
    is_blind: bool

    def __bool__(self) -> bool:
        return bool(self.open) or self.is_blind


def raised() -> QuerySet[Alarm]:
    """Alarms that stand, the oldest first."""
    return Alarm.objects.filter(cleared_at=None, raised_at__isnull=False).order_by("raised_at", "id")


def alarms(*, now: datetime) -> Alarms:
    """What is raised now."""
    looked_at = Watch.objects.filter(name="alarms").values_list("looked_at", flat=True).first()
    is_blind = looked_at is not None and now - looked_at > BLIND_AFTER
    return Alarms(list(raised().select_related("mailed_by")), is_blind)


def past(*, limit: int = 10) -> Sequence[Alarm]:
    """Alarms that are over, newest first."""
    return list(Alarm.objects.exclude(cleared_at=None).select_related("mailed_by").order_by("-cleared_at")[:limit])


def since(*, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """Since when troubles that don't know it themselves have been seen, by their key."""
    rows = Alarm.objects.filter(cleared_at=None)
    return {alarm.key: alarm.since for alarm in rows if alarm.key in keys}


def ways_out(*, troubles: Sequence[Trouble]) -> Sequence[Mailbox]:
    """Mailboxes that a notice can leave by, the best first: none whose own sending is in trouble.

    One that has no trouble at all comes before one whose mail isn't being fetched, since both often are one server; one
    that only writes into a folder comes last.
    """
    stopped = {trouble.stops for trouble in troubles}
    concerned = {trouble.concerns for trouble in troubles}
    open_ones = Mailbox.objects.filter(channel__is_active=True, channel__paused_reason="").select_related("channel")
    usable = [mailbox for mailbox in open_ones.order_by("channel__name", "pk") if mailbox.channel_id not in stopped]
    return sorted(usable, key=lambda mailbox: (not mailbox.smtp_host, mailbox.channel_id in concerned))


def has_second_way() -> bool:
    """Whether an alarm about one mailbox can be told through another."""
    return Mailbox.objects.filter(channel__is_active=True).exclude(smtp_host="").count() > 1
