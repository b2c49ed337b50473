"""How the ways in and out are doing, for the admins who set them up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone

from helpdesk.models import Channel, Delivery, FolderState, Mailbox, OAuthGrant


@dataclass(frozen=True)
class ChannelLine:
    """A channel in the list. ``folders`` are those that are fetched by IMAP; ``waiting`` counts mails to be sent.

    ``needs_connecting``: it logs in at Google or Microsoft, and a person has to do something about that.
    """

    channel: Channel
    mailbox: Mailbox
    folders: Sequence[FolderState]
    waiting: int
    failed: int
    last_arrival_at: datetime | None
    needs_connecting: bool

    @property
    def fetch_errors(self) -> Sequence[str]:
        """Why folders are not being fetched."""
        return [folder.error for folder in self.folders if folder.error]

    @property
    def is_waiting_for_start(self) -> bool:
        """Nobody has said yet which of its mail is new."""
        return bool(self.mailbox.imap_host) and self.mailbox.imap_started_at is None

    @property
    def is_troubled(self) -> bool:
        """Somebody has to look: sending is paused or fetching fails."""
        return bool(self.channel.paused_reason or self.fetch_errors or self.needs_connecting)


def lines(*, now: datetime | None = None) -> Sequence[ChannelLine]:
    """Every e-mail channel, open ones first, by name."""
    now = now or timezone.now()
    channels = (
        Channel.objects.filter(mailbox__isnull=False)
        .select_related("mailbox__oauth_grant", "team")
        .prefetch_related("mailbox__folder_states")
        .order_by("-is_active", "name")
    )
    deliveries = {
        row["channel"]: row
        for row in Delivery.objects.filter(state__in=(*Delivery.DUE_STATES, Delivery.State.FAILED))
        .order_by()
        .values("channel")
        .annotate(
            waiting=Count("id", filter=Q(state__in=Delivery.DUE_STATES)),
            failed=Count("id", filter=Q(state=Delivery.State.FAILED)),
        )
    }
    return [_line(channel, deliveries.get(channel.pk, {}), now) for channel in channels]


def _line(channel: Channel, counts: Mapping[str, Any], now: datetime) -> ChannelLine:
    mailbox = channel.mailbox
    grant: OAuthGrant | None = getattr(mailbox, "oauth_grant", None)
    return ChannelLine(
        channel=channel,
        mailbox=mailbox,
        folders=list(mailbox.folder_states.all()) if mailbox.imap_host else (),
        waiting=counts.get("waiting", 0),
        failed=counts.get("failed", 0),
        # One row by the end of the unique index of receipts for each channel would do; channels are few.
        last_arrival_at=channel.events.aggregate(last=Max("received_at"))["last"],
        needs_connecting=grant is not None and grant.needs_attention(now=now),
    )


def folders_of(*, channel: Channel) -> Sequence[FolderState]:
    """The folders of a channel that are fetched, by name; empty before the first look."""
    return list(channel.mailbox.folder_states.order_by("folder")) if channel.mailbox.imap_host else []


def channel_by_id(*, channel_id: int) -> Channel:
    """One e-mail channel with its mailbox; raises Channel.DoesNotExist."""
    return Channel.objects.filter(mailbox__isnull=False).select_related("mailbox", "team").get(pk=channel_id)


def any_channel(*, channel_id: int) -> Channel:
    """One channel of whatever kind; raises Channel.DoesNotExist."""
    return Channel.objects.select_related("team").get(pk=channel_id)
