"""Reads of social channels: accounts, where they are delivered to, what came in, how a conversation stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, F, Q
from django.urls import reverse

from helpdesk.connectors.registry import SOCIAL, social_connector
from helpdesk.connectors.social import Capabilities
from helpdesk.models import (
    Channel,
    Delivery,
    InboundEvent,
    SocialAccount,
    SocialPost,
    SocialTemplate,
    SocialThread,
    Ticket,
)

#: So many of the newest events stand on a channel's page.
NEWEST = 20


def platforms() -> Sequence[Channel.Kind]:
    """The platforms that can be connected, in the order of the page on which an admin chooses one."""
    return [kind for kind, module in SOCIAL.items() if find_spec(module) is not None]


def account_at(key: str) -> SocialAccount | None:
    """The account whose webhook has this address; None for one that nobody has, or of a channel that is closed."""
    rows = SocialAccount.objects.select_related("channel").filter(channel__is_active=True)
    return rows.filter(key=key).first()


def account_of(*, channel_id: int) -> SocialAccount:
    """The account of a social channel. Raises SocialAccount.DoesNotExist."""
    return SocialAccount.objects.select_related("channel__team").get(channel_id=channel_id)


def webhook_address(account: SocialAccount) -> str:
    """Where the platform delivers to, in full."""
    return f"{settings.SITE_URL}{reverse('social-hook', args=[account.key])}"


def is_reachable_from_outside() -> bool:
    """Whether platforms can call the desk at its address: only over https, and not on this very machine."""
    host = urlsplit(settings.SITE_URL).hostname
    return settings.SITE_URL.startswith("https://") and host not in {"localhost", "127.0.0.1", "::1"}


def newest_events(account: SocialAccount) -> Sequence[InboundEvent]:
    """What came in last, newest first, with the messages that it became."""
    rows = InboundEvent.objects.filter(channel=account.channel_id).select_related("message__ticket")
    return list(rows.order_by("-id")[:NEWEST])


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A social channel in the list. ``waiting`` and ``failed`` count messages to be sent."""

    account: SocialAccount
    channel: Channel
    waiting: int
    failed: int
    is_expiring: bool

    @property
    def is_troubled(self) -> bool:
        """Somebody has to look."""
        return bool(self.account.trouble or self.channel.paused_reason or self.is_expiring)


#: So long before its credentials end an account is shown as in trouble.
EXPIRY_NOTICE = timedelta(days=7)


def lines(*, now: datetime) -> Sequence[AccountLine]:
    """Every social channel, open ones first, by name."""
    rows = SocialAccount.objects.select_related("channel__team").order_by("-channel__is_active", "channel__name")
    counts: Mapping[int, Mapping[str, Any]] = {
        row["channel"]: row
        for row in Delivery.objects.filter(
            state__in=(*Delivery.DUE_STATES, Delivery.State.FAILED), channel__kind__in=list(SOCIAL)
        )
        .order_by()
        .values("channel")
        .annotate(
            waiting=Count("id", filter=Q(state__in=Delivery.DUE_STATES)),
            failed=Count("id", filter=Q(state=Delivery.State.FAILED)),
        )
    }
    return [
        AccountLine(
            account=row,
            channel=row.channel,
            waiting=counts.get(row.channel_id, {}).get("waiting", 0),
            failed=counts.get(row.channel_id, {}).get("failed", 0),
            is_expiring=row.expires_at is not None and row.expires_at - now < EXPIRY_NOTICE,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Way:
    """How the customer of a ticket is answered on its platform. ``open_until``: when free words are taken no more."""

    thread: SocialThread
    capabilities: Capabilities
    can_send: bool
    open_until: datetime | None

    @property
    def is_public(self) -> bool:
        """Everybody reads the answer."""
        return self.thread.is_public

    @property
    def has_private_way(self) -> bool:
        """The answer to something public can go to its writer alone."""
        return self.thread.is_public and self.capabilities.private_answers

    def is_open(self, now: datetime) -> bool:
        """Whether free words are taken now."""
        if not self.can_send:
            return False
        return self.capabilities.window is None or (self.open_until is not None and now < self.open_until)


def way_of(ticket: Ticket) -> Way | None:
    """How to answer on the platform of a ticket; None for tickets of other channels."""
    if ticket.channel.kind not in SOCIAL:
        return None
    rows = SocialThread.objects.select_related("account__channel", "identity__contact").filter(ticket=ticket)
    thread = rows.order_by(F("last_customer_at").desc(nulls_last=True), "-id").first()
    if thread is None:
        return None
    connector = social_connector(thread.account.provider)
    capabilities, can_send = connector.capabilities, connector.can_send(thread.account)
    window, last = connector.window_of(thread.account), thread.last_customer_at
    return Way(thread, capabilities, can_send, last + window if window is not None and last is not None else None)


def templates_for(ticket: Ticket) -> Sequence[SocialTemplate]:
    """The texts that the platform has approved for the account of a ticket, those in the ticket's language first."""
    way = way_of(ticket)
    if way is None:
        return ()
    rows = SocialTemplate.objects.filter(account=way.thread.account)
    return sorted(rows, key=lambda row: row.language.partition("_")[0] != ticket.language)


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a message on its platform."""

    url: str
    is_public: bool
    delivered_at: datetime | None
    read_at: datetime | None
    edited_at: datetime | None
    deleted_at: datetime | None


def marks_of(ticket: Ticket) -> Mapping[int, Mark]:
    """The marks of a ticket's messages, by message; empty for tickets of other channels."""
    if ticket.channel.kind not in SOCIAL:
        return {}
    columns = ("url", "is_public", "delivered_at", "read_at", "edited_at", "deleted_at")
    rows = SocialPost.objects.filter(message__ticket=ticket).values_list("message", *columns)
    return {number: Mark(*values) for number, *values in rows if number is not None}
